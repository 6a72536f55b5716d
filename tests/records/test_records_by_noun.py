"""What each owner of a partition promises, on the stand-in for the store."""

import asyncio
from datetime import timedelta
from itertools import product
from types import coroutine

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.core.evidence import Tag, first_break
from lifecycle.core.guard import Claim
from lifecycle.errors import Lost, Permanent
from lifecycle.records import adoption, claims, facts, holds, identities, people, reservations, wakeups
from lifecycle.records.dossier import Withheld, open_dossier, put_withheld
from lifecycle.records.keys import at_instant, instant, safe
from tests.builders import CARE, EVERYONE, START, a_model, joined, staffed, utc
from tests.fakes.faults import no_pause
from tests.fakes.records import MemoryRecords

DAY = timedelta(days=1)


@given(st.text(min_size=1), st.text(min_size=1))
def test_two_ids_never_share_a_key(one, other):
    """Ids may hold anything; their keys are equal only when they are, and hold nothing that a store forbids."""
    assert (safe(one) == safe(other)) == (one == other)
    assert not set(safe(one)) & set("/\\#?")
    assert len(safe(one)) <= 300


def test_instants_sort_as_text():
    """A key made of an instant sorts as the instants do and can be read back."""
    early, late = utc(2026, 1, 5), utc(2026, 1, 5) + timedelta(microseconds=1)
    assert instant(early) < instant(late)
    assert at_instant(instant(late)) == late


async def test_a_fact_is_stored_once():
    """The same fact again is known already; another one of the same worker is new."""
    records = MemoryRecords()
    assert await facts.keep(records, joined("a", START, START.date()))
    assert not await facts.keep(records, joined("a", START, START.date()))
    assert await facts.keep(records, joined("b", START, START.date()))
    assert [fact.recorded.id for fact in await facts.of_worker(records, "e1")] == ["a", "b"]


async def test_members_are_listed_in_slices():
    """A project's people come in key order, each once, from the one behind on."""
    records = MemoryRecords()
    for number, name in enumerate(["e3", "e1", "e2", "e1"]):
        await facts.keep(records, staffed(f"s{number}", START, person=name))
    assert await facts.members_of(records, "p1", limit=2) == ["e1", "e2"]
    assert await facts.members_of(records, "p1", after="e2", limit=2) == ["e3"]


async def test_an_intent_is_lost_when_the_head_moved():
    """Of two dossiers opened at one head, the second to append learns that somebody else was there."""
    records = MemoryRecords()
    first, second = await open_dossier(records, "e1"), await open_dossier(records, "e1")
    await first.append(START, Tag.INTENDED, "test", {})
    with pytest.raises(Lost):
        await second.append(START, Tag.INTENDED, "test", {})
    assert not await second.append_anyway(START, Tag.SUBMITTED, "test", {})
    chain = await second.chain()
    assert [record.tag for record in chain] == [Tag.INTENDED, Tag.SUBMITTED]
    assert first_break(chain) is None


@given(st.permutations([("w1", "p9"), ("w2", "p9"), ("w3", "p1"), ("w2", "p1")]))
def test_who_is_one_person_does_not_depend_on_order(pairs):
    """However the joins arrive, the same ids are one person under the same key."""

    async def run():
        records = MemoryRecords()
        for worker, person in pairs:
            await identities.join(records, START, "test", workers={worker}, people={person})
        found = {(await identities.identity_of(records, name)).person for name in ("w1", "w2", "w3", "p1", "p9")}
        whole = await identities.identity_of(records, "w1")
        return found, whole

    found, whole = asyncio.run(run())
    assert found == {"p1"}
    assert whole.workers == ("w1", "w2", "w3")


async def test_a_join_closes_the_former_chain():
    """Whoever still works under the former key loses the next intent."""
    records = MemoryRecords()
    await identities.join(records, START, "test", workers={"w1"}, people=set())
    working = await open_dossier(records, "w1")
    await working.append(START, Tag.CORRELATED, "test", {})
    await identities.join(records, START, "test", workers={"w1"}, people={"a"})
    with pytest.raises(Lost):
        await working.append(START, Tag.INTENDED, "test", {})


async def test_the_wake_up_index_follows_the_dossier():
    """A person is due once, at the moment last set, and no longer when there is none."""
    records = MemoryRecords()
    dossier = await open_dossier(records, "e1")
    await wakeups.set_wake(dossier, START + DAY)
    await wakeups.set_wake(dossier, START)
    assert [(wake.person, wake.at) for wake in await wakeups.due(records, START)] == [("e1", START)]
    assert len(await wakeups.due(records, START + 2 * DAY)) == 1
    await wakeups.set_wake(await open_dossier(records, "e1"), None)
    assert await wakeups.due(records, START + 2 * DAY) == []


async def test_people_are_counted_once():
    """Noting a person again, or differently, keeps the sums right; walking over everybody meets each once."""
    records = MemoryRecords()
    for number in range(40):
        await people.note(records, people.Known(f"e{number}", employed=True, assignments=2))
    await people.note(records, people.Known("e1", employed=True, assignments=2))
    await people.note(records, people.Known("e2", employed=False, assignments=0))
    assert (await people.population(records)).people == 39
    assert (await people.population(records)).assignments == 78
    met, after = [], ""
    while names := await people.everybody(records, after=after, limit=7):
        met, after = met + names, names[-1]
    assert sorted(met) == sorted(f"e{number}" for number in range(40))


async def test_reservations_stop_at_the_limit_and_free_up_with_the_window():
    """Three of three fit, the fourth does not, the same key again is free, and a day later there is room."""
    records, window = MemoryRecords(), DAY

    async def ask(key, at=START):
        return (await reservations.reserve(records, [Claim("removals", (key,), 3)], window, at))[0].fits

    assert [await ask(key) for key in "abc"] == [True, True, True]
    assert not await ask("d")
    assert await ask("a")
    assert not await ask("d", START + DAY - timedelta(minutes=10))
    assert await ask("d", START + DAY + timedelta(minutes=10))


async def test_claims_are_reserved_together_or_not_at_all():
    """When the second claim does not fit, the first takes no room."""
    records = MemoryRecords()
    both = [Claim("leavers", ("x",), 1), Claim("removals", ("a", "b"), 1)]
    assert not all(verdict.fits for verdict in await reservations.reserve(records, both, DAY, START))
    alone = await reservations.reserve(records, [Claim("leavers", ("y",), 1)], DAY, START)
    assert alone[0].fits


async def test_reservations_of_many_at_once_never_overshoot():
    """However many ask at the same time, no more than the limit get room."""
    records = MemoryRecords(pause=lambda: asyncio.sleep(0))
    asked = [reservations.reserve(records, [Claim("removals", (f"k{n}",), 5)], DAY, START) for n in range(20)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    fitting = [answer for answer in answers if isinstance(answer, list) and answer[0].fits]
    assert len(fitting) == 5


async def test_a_release_names_the_set_as_it_is():
    """An approval is refused when nothing is held, and when the set has changed since it was shown."""
    records = MemoryRecords()
    with pytest.raises(Permanent, match="nothing is held"):
        holds.check_release(await holds.held_set(records, "r"), "x", "me")
    await holds.hold(records, holds.Held("r", "e1", "h1", ("remove a",), "c", "t", START))
    shown = (await holds.held_set(records, "r")).hash
    await holds.hold(records, holds.Held("r", "e2", "h2", ("remove b",), "c", "t", START))
    with pytest.raises(Permanent, match="the held set is now"):
        holds.check_release(await holds.held_set(records, "r"), shown, "me")
    found = await holds.held_set(records, "r")
    holds.check_release(found, found.hash, "me")
    approval = await holds.approve(records, found, "me", "it is so", START)
    assert approval.hashes == ("h1", "h2")
    assert (await holds.approval_of(records, "r")) == approval


async def test_a_run_of_which_nothing_is_held_any_more_is_forgotten():
    """Who is shown what waits reads the runs that wait, not all that ever did."""
    records = MemoryRecords()
    for person in ("e1", "e2"):
        await holds.hold(records, holds.Held("r", person, "h", ("remove a",), "c", "t", START))
    await holds.let_go(records, "r", "e1")
    assert [found.run for found in await holds.runs(records)] == ["r"]
    await holds.let_go(records, "r", "e2")
    assert records.keys("held") == []


@coroutine
def turn():
    """Let another one go on at the store."""
    yield


def test_what_is_held_while_the_last_one_is_let_go_is_shown():
    """In whatever order the two take their turns at the store."""
    for order in product("ab", repeat=8):
        records = MemoryRecords()
        asyncio.run(holds.hold(records, holds.Held("r", "e1", "h", ("remove a",), "c", "t", START)))
        records.pause = turn
        going = {
            "a": holds.let_go(records, "r", "e1"),
            "b": holds.hold(records, holds.Held("r", "e2", "h", ("remove b",), "c", "t", START)),
        }
        for who in (*order, *"a" * 8, *"b" * 8):
            if who in going:
                try:
                    going[who].send(None)
                except StopIteration:
                    del going[who]
        records.pause = no_pause
        found = asyncio.run(holds.runs(records))
        assert [plan.person for one in found for plan in one.plans] == ["e2"], order


async def test_a_model_counts_from_its_first_look():
    """The same model keeps its instant, another one starts anew, and a preview writes nothing."""
    records = MemoryRecords()
    one, two = a_model(EVERYONE, hash="m1"), a_model(CARE, hash="m2")
    assert (await adoption.adopt(records, one, START, keep=False)).since == START
    assert records.writes == 0
    assert (await adoption.adopt(records, one, START, keep=True)).since == START
    assert (await adoption.adopt(records, one, START + DAY, keep=True)).since == START
    assert (await adoption.adopt(records, two, START + DAY, keep=True)).since == START + DAY


async def test_a_rule_is_gone_from_when_it_left_the_model_whatever_came_after():
    """Its instant stays through later models, and is forgotten when the rule is back."""
    records = MemoryRecords()
    models = [a_model(*rules, hash=f"m{n}") for n, rules in enumerate([(EVERYONE, CARE), (EVERYONE,), (), (CARE,)])]
    found = [await adoption.adopt(records, one, START + n * DAY, keep=True) for n, one in enumerate(models)]
    assert found[1].dropped_at("care") == found[2].dropped_at("care") == START + DAY
    assert found[2].dropped_at("everyone") == START + 2 * DAY
    assert found[3].gone == {"everyone": START + 2 * DAY}


async def test_two_people_on_one_user_is_seen_until_they_are_joined():
    """Everybody who claims a user is returned; once joined they count as one."""
    records = MemoryRecords()
    assert await claims.claim(records, "u", "w1") == {"w1"}
    assert await claims.claim(records, "u", "w2") == {"w1", "w2"}
    await identities.join(records, START, "test", workers={"w1", "w2"}, people=set())
    assert await claims.claim(records, "u", "w1") == {"w1"}


async def test_a_dossier_is_read_back_as_it_was_written():
    """What one run remembers, the next finds."""
    records = MemoryRecords()
    dossier = await open_dossier(records, "e1")
    held = Withheld("run", "hash", START, "why", ("remove a",))
    await dossier.append(START, Tag.HELD, "test", {"a": 1}, put_withheld(dossier, held))
    assert (await open_dossier(records, "e1")).withheld == held
