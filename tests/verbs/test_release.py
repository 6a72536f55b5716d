"""Releasing a held set: by another than its causer, with a reason, recorded before it counts."""

from datetime import date, timedelta

import pytest

from lifecycle.attribute import Causes, causes_of
from lifecycle.contract.cloudevents import decode, encode_fact, fact_of
from lifecycle.core.events import Closed, Origin
from lifecycle.core.evidence import Tag, first_break
from lifecycle.core.model import GuardLimits, Limit, ProjectRules
from lifecycle.core.work import Check, Release, ReleaseRefused, Sweep, SweepSlice
from lifecycle.gather import gather
from lifecycle.messages import ask
from lifecycle.ports import Queue
from lifecycle.records import holds, ledger
from lifecycle.records.identities import identity_of
from tests.builders import (
    CARE,
    EVERYONE,
    HR,
    PMO,
    SALES,
    START,
    Company,
    a_model,
    a_worker,
    joined,
    left,
    moved,
    opened,
    recorded,
    staffed,
)
from tests.fakes.faults import Crash
from tests.verbs.test_dispose import Fuse

CAUSER, OTHER = "entra:causer", "entra:other"
GUARD = GuardLimits(removals=Limit(0))
ROLES = ProjectRules(roles={"engineer": ("site",)})


def by(fact, who):
    """The fact as who is at the command line sends it."""
    said = fact.recorded
    about = type(said)(said.id, said.source, said.subject, said.time, said.sequence, said.origin, who)
    return type(fact)(about, *(getattr(fact, name) for name in type(fact).__slots__ if name != "recorded"))


async def held(who="", pause=None):
    """E1 moves, as somebody says, and the guard does not believe that care goes."""
    options = {} if pause is None else {"pause": pause}
    company = Company(a_model(EVERYONE, CARE, SALES, guard=GUARD), **options)
    await company.say(joined("j", START, START.date(), a_worker(department="Care")))
    await company.time(timedelta(minutes=5))
    now = company.clock.now()
    await company.say(by(moved("m", now, now, a_worker(department="Sales")), who))
    (one,) = await holds.runs(company.records)
    return company, one


async def want(company, one, who, kind=Release, because="the ward says so"):
    await ask(company.bus, kind(one.run, one.hash, who, because), now=company.clock.now())


async def chain(company, run):
    found = await ledger.chain_in(company.records, ledger.partition_of(f"run:{run}"))
    assert first_break(found) is None
    return [record for record in found if record.tag is not Tag.RUN_FINISHED]


def test_who_sent_an_event_travels_with_it():
    """Through bytes and back; what is no identity of ours is nobody's."""
    fact = by(joined("j", START, START.date()), CAUSER)
    assert fact_of(decode(encode_fact(fact))) == fact
    for word in ("Ada Lovelace", "ada@example.org", "entra:", "entra:" + "x" * 65, "entra:a b"):
        body = encode_fact(by(joined("j", START, START.date()), word))
        assert fact_of(decode(body)).recorded.actor == ""


async def test_a_release_is_recorded_with_who_and_why():
    """On the run's chain, before anything is done; then the people are looked at."""
    company, one = await held(CAUSER)
    await want(company, one, OTHER)
    await company.time(timedelta(minutes=1))
    (entry,) = await chain(company, one.run)
    assert (entry.tag, entry.cause) == (Tag.RUN_RELEASED, f"operator:{OTHER}")
    assert (entry.detail["because"], entry.detail["set"]) == ("the ward says so", one.hash)
    assert entry.detail["causers"] == [CAUSER]
    assert await holds.runs(company.records) == []
    assert (await holds.approval_of(company.records, one.run)).because == "the ward says so"


@pytest.mark.parametrize("who", [CAUSER, CAUSER.upper()])
async def test_whoever_caused_a_hold_cannot_release_it(who):
    """Asked of the app itself, past the command line: refused, recorded, set aside, and the set stays held."""
    company, one = await held(CAUSER)
    assert one.causers == [CAUSER]
    await want(company, one, who)
    await company.settle()
    assert (await holds.held_set(company.records, one.run)).hash == one.hash
    assert [entry.tag for entry in await chain(company, one.run)] == [Tag.RELEASE_REFUSED]
    assert "cannot release it" in company.bus.waiting(Queue.QUARANTINE)[0].properties["reason"]
    assert await holds.approval_of(company.records, one.run) is None


async def test_a_refusal_at_the_command_line_is_written_down():
    """It is only a note: nothing is released by it, whoever is named."""
    company, one = await held(CAUSER)
    await want(company, one, CAUSER, ReleaseRefused)
    await company.settle()
    assert [entry.tag for entry in await chain(company, one.run)] == [Tag.RELEASE_REFUSED]
    assert await holds.approval_of(company.records, one.run) is None


async def test_the_source_causes_what_no_person_sent():
    """An HR system's own event has no person behind it that is known here, and that is said."""
    _, one = await held()
    assert (one.causers, one.sources) == ([], [HR])


async def dated_ahead():
    """E1 works on a project, which somebody closes for the day after tomorrow."""
    company = Company(a_model(EVERYONE, projects=ROLES))
    await company.say(joined("j", START, START.date()), opened("o", START), staffed("s", START))
    await company.time(timedelta(minutes=10))
    now = company.clock.now()
    await company.say(by(Closed(recorded("c", "p1", now, source=PMO), date(2026, 1, 7)), CAUSER))
    return company


async def causes(company, check):
    known = await gather(await identity_of(company.records, "e1"), company.ports)
    return await causes_of(known, check, company.ports)


async def test_what_is_dated_ahead_has_its_author_when_a_timer_finds_it():
    """Nobody gets round the rule by dating a close a little ahead; after a month it is not held against them."""
    company = await dated_ahead()
    assert await causes(company, Check("e1", "wake")) == Causes((CAUSER,), "its time came")
    company.clock.move(timedelta(days=31))
    assert (await causes(company, Check("e1", "wake"))).people == (CAUSER,)
    company.clock.move(timedelta(days=3))
    assert (await causes(company, Check("e1", "wake"))).people == ()


async def test_an_old_event_that_led_to_the_look_counts_whatever_its_age():
    """Somebody who sends what was recorded a year ago caused what comes of it now."""
    company = await dated_ahead()
    company.clock.move(timedelta(days=300))
    assert (await causes(company, Check("e1", "event:c"))).people == (CAUSER,)


@pytest.mark.parametrize("who", [CAUSER, ""])
async def test_whoever_began_a_sweep_caused_what_it_finds(who):
    """A sweep that a person asked for carries who, in the message and in its run; one of the timer's nobody."""
    company, _ = await held()
    asked = SweepSlice("drift:x", Sweep.DRIFT, by=who)
    await ask(company.bus, asked, now=company.clock.now())
    await company.settle()
    found = await causes(company, Check("e1", "sweep:drift:x", run="drift:x"))
    assert (found.people, found.source) == ((who,) if who else (), "a sweep")


async def test_the_author_of_a_model_is_not_known_here():
    """That is said, so that whoever changed it does not release what it holds."""
    company, _ = await held()
    found = await causes(company, Check("e1", "model:abc", run="model:abc"))
    assert found == Causes((), "a new access model, whose author is not known here")


async def test_a_list_is_caused_by_whoever_took_it():
    """Its events come as one run, whose sets hold all of their authors."""
    company = Company(a_model(EVERYONE, CARE, guard=GUARD), users=("E1", "E2"))
    bulk = Origin("bulk", "feed-1")
    await company.say(*(joined(f"j{n}", START, START.date(), a_worker(f"E{n}", department="Care")) for n in (1, 2)))
    await company.time(timedelta(minutes=5))
    now = company.clock.now()
    gone = [left(f"l{n}", now, date(2026, 1, 4), f"E{n}", origin=bulk) for n in (1, 2)]
    await company.say(*(by(fact, CAUSER) for fact in gone))
    await company.time(timedelta(minutes=1))
    (one,) = await holds.runs(company.records)
    assert (one.run, len(one.plans), one.causers, one.sources) == ("feed-1", 2, [CAUSER], [])


async def test_who_caused_it_before_stays_a_causer_when_it_changes():
    """Another's event makes the held plan another one; the set stays, and neither of the two can release it."""
    company, one = await held(CAUSER)
    company.clock.move(timedelta(days=40))
    now = company.clock.now()
    await company.say(by(moved("m2", now, now, a_worker(department="None")), OTHER))
    await company.time(timedelta(minutes=1))
    found = await holds.held_set(company.records, one.run)
    assert found.hash != one.hash
    assert found.causers == [CAUSER, OTHER]


async def test_a_release_may_die_anywhere_and_is_recorded_once():
    """Killed at every step: never approved without a record, never recorded twice, released in the end."""
    deaths = 0
    while True:
        fuse = Fuse()
        company, one = await held(CAUSER, pause=fuse)
        await want(company, one, OTHER)
        fuse.left = deaths + 1
        try:
            await company.step()
        except Crash:
            pass
        else:
            break
        deaths += 1
        recorded_so_far = len(await chain(company, one.run))
        if await holds.approval_of(company.records, one.run) is not None:
            assert recorded_so_far == 1, f"step {deaths}"
        await company.settle()
        await company.time(timedelta(minutes=1))
        assert [entry.tag for entry in await chain(company, one.run)] == [Tag.RUN_RELEASED], f"step {deaths}"
        assert await holds.runs(company.records) == [], f"step {deaths}"
        assert company.bus.waiting(Queue.QUARANTINE) == [], f"step {deaths}"
    assert deaths > 8


async def test_a_release_that_comes_again_after_its_end_does_nothing():
    """No complaint that nothing is held any more, and no second record."""
    company, one = await held(CAUSER)
    for _ in range(2):
        await want(company, one, OTHER)
        company.clock.move(timedelta(minutes=11))
        await company.settle()
    assert company.bus.waiting(Queue.QUARANTINE) == []
    assert len(await chain(company, one.run)) == 1


@pytest.mark.parametrize("because", ["", "a\tb", "x" * 501])
async def test_a_release_without_a_reason_is_set_aside(because):
    """The app asks for it too."""
    company, one = await held(CAUSER)
    await want(company, one, OTHER, because=because)
    await company.settle()
    assert len(await holds.runs(company.records)) == 1
    assert "$.data.because" in company.bus.waiting(Queue.QUARANTINE)[0].properties["reason"]
