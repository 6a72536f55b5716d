"""A request that failed rests before it is tried again; what takes access away never rests with it."""

from datetime import date, timedelta

from lifecycle.core.model import Deadlines
from lifecycle.core.work import Check
from lifecycle.ports import Queue, RequestState
from lifecycle.reconcile import reconcile
from lifecycle.records.dossier import open_dossier
from tests.builders import CARE, EVERYONE, START, Company, a_model, a_user, a_worker, granted, joined, left, moved, utc
from tests.fakes.directory import MemoryDirectory, ends_as, lost_after, lost_before, refused, transient, unmoved

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
FIRST = date(2026, 1, 5)


async def at_work(*rules, **changes):
    company = Company(a_model(*(rules or (EVERYONE,)), **changes))
    await company.say(joined("j", START, FIRST, a_worker(department="Care")))
    await company.time(10 * MINUTE)
    return company


async def leaves_at_once(company):
    now = company.clock.now()
    await company.say(left("l", now, now.date(), immediate=True))


def late(company):
    sent = [message.body for queue, message, _ in company.bus.sent if queue is Queue.NOTICES]
    return [body for body in sent if b"leaver.late" in body]


def delivered(company):
    return [row for row in company.directory.rows() if row.state == "delivered"]


async def test_a_leaver_does_not_wait_for_an_extension_that_graph_refuses():
    """Refused four times, it is tried again in half a day; the person whose access goes today loses it today."""
    company = await at_work(packages=("tools",))
    await company.say(granted("x", company.clock.now(), "tools", date(2026, 3, 31)))
    await company.time(10 * MINUTE)
    company.directory.faults.extend(refused() for _ in range(4))
    await company.say(granted("longer", company.clock.now(), "tools", date(2026, 5, 31)))
    await company.time(8 * HOUR)
    assert not company.directory.faults
    await leaves_at_once(company)
    await company.time(5 * MINUTE)
    assert company.has() == set()


async def test_a_last_day_ends_the_access_although_its_end_never_moved():
    """Graph said delivered, again and again, and the row kept its end: at the last day's end it is removed."""
    company = await at_work()
    company.directory.faults.extend(unmoved() for _ in range(20))
    await company.say(left("l", company.clock.now(), date(2026, 1, 9)))
    await company.time(utc(2026, 1, 9, 23) - company.clock.now() - MINUTE)
    company.directory.faults.clear()
    assert company.has() == {"base"}
    await company.time(5 * MINUTE)
    assert company.has() == set()


async def test_an_end_that_had_come_when_graph_heard_of_it():
    """Said half a minute before midnight and refused as past: it is removed at midnight, not an hour later."""
    company = await at_work()
    company.clock.set(utc(2026, 1, 9, 22, 59) + timedelta(seconds=30))
    company.directory.faults.append(refused("InvalidSchedule"))
    await company.say(left("l", company.clock.now(), date(2026, 1, 9)))
    await company.time(5 * MINUTE)
    assert company.has() == set()


async def test_one_row_that_cannot_be_removed_keeps_no_other():
    """Of two rows in one package Graph refuses to take the first: the second goes in the same look."""
    company = await at_work()
    company.directory.give("user-e1", "package-base", "policy-of-others")
    company.directory.faults.append(refused("Forbidden", 403))
    await leaves_at_once(company)
    assert [request.kind for request in company.directory.posted] == ["adminAdd", "adminRemove", "adminRemove"]
    await company.time(5 * MINUTE)
    assert len(delivered(company)) <= 1
    await company.time(HOUR)
    assert delivered(company) == []


async def test_who_never_got_anything_is_no_late_leaver():
    """An addition failed, then the person left: nothing remains, nobody is alarmed, and the failure is forgotten."""
    company = Company(a_model(EVERYONE))
    company.directory.faults.append(ends_as(RequestState.DELIVERY_FAILED))
    await company.say(joined("j", START, FIRST))
    await company.time(10 * MINUTE)
    await leaves_at_once(company)
    await company.time(3 * HOUR)
    assert late(company) == []
    assert (await open_dossier(company.records, "e1")).flights == {}


async def test_a_removal_that_fails_is_not_tried_at_every_look():
    """It rests like everything else that failed, and the leaver is late meanwhile."""
    company = await at_work()
    company.directory.faults.append(refused("Forbidden", 403))
    await leaves_at_once(company)
    for _ in range(5):
        await reconcile(Check("e1", "look"), company.ports)
    assert [request.kind for request in company.directory.posted] == ["adminAdd", "adminRemove"]
    company.directory.faults.append(refused("Forbidden", 403))
    await company.time(90 * MINUTE)
    assert len(late(company)) == 1


async def test_a_package_that_left_the_model_is_not_looked_for():
    """No answer came to its request, then the model dropped it: the person's other access goes on."""
    for lost in (lost_before, lost_after):
        company = Company(a_model(EVERYONE, CARE))
        company.directory.faults.extend([lost(), lost()])
        await company.say(joined("j", START, FIRST, a_worker(department="Care")))
        company.model = a_model(EVERYONE, hash="model-2")
        await company.time(HOUR)
        assert "base" in company.has()
        assert (await open_dossier(company.records, "e1")).flights == {}


class _Stuck(MemoryDirectory):
    """A directory that answers 503 to whatever is asked of these packages."""

    stuck: frozenset[str] = frozenset()

    async def submit(self, request):
        if request.package in self.stuck:
            self.faults.appendleft(transient())
        return await super().submit(request)


async def leaver_of(packages, stuck):
    company = Company(a_model(EVERYONE, packages=packages))
    company.directory = _Stuck(company.clock, users=[a_user()])
    now = company.clock.now()
    await company.say(joined("j", START, FIRST))
    await company.say(*[granted(f"x{name}", now, name, date(2026, 3, 31)) for name in packages])
    await company.time(10 * MINUTE)
    company.directory.stuck = frozenset(f"package-{name}" for name in stuck)
    return company


async def test_one_package_that_graph_cannot_do_keeps_no_other():
    """Whatever is asked of base is answered with 503 for hours: the leaver's other access goes at once."""
    company = await leaver_of(("tools", "vpn"), {"base"})
    await leaves_at_once(company)
    await company.time(5 * MINUTE)
    assert company.has() == {"base"}
    company.directory.stuck = frozenset()
    await company.time(HOUR)
    assert company.has() == set()


async def test_a_graph_that_can_do_nothing_is_not_asked_for_everything():
    """Two packages that fail are a Graph that is down: the look ends there, and is tried again later."""
    company = await leaver_of(("tools", "vpn"), {"base", "tools", "vpn"})
    asked = len(company.directory.posted)
    await leaves_at_once(company)
    assert len(company.directory.posted) - asked == 2


async def test_an_end_is_shortened_while_a_longer_one_rests():
    """Graph refused the longer contract; the last day that is announced meanwhile is on the row at once."""
    company = Company(a_model(EVERYONE))
    await company.say(joined("j", START, FIRST, a_worker(contract_end=date(2026, 1, 31))))
    await company.time(10 * MINUTE)
    company.directory.faults.append(refused())
    now = company.clock.now()
    await company.say(moved("m", now, now, a_worker(contract_end=date(2026, 3, 31))))
    await company.say(left("l", now, date(2026, 1, 20)))
    await company.time(2 * MINUTE)
    assert [row.ends for row in delivered(company)] == [utc(2026, 1, 20, 23)]


async def test_a_removal_is_not_put_off_for_what_failed_before_it():
    """Four extensions were refused; the first removal that fails is tried again within the hour, not in half a day."""
    company = await at_work(packages=("tools",))
    await company.say(granted("x", company.clock.now(), "tools", date(2026, 3, 31)))
    await company.time(10 * MINUTE)
    company.directory.faults.extend(refused() for _ in range(4))
    await company.say(granted("longer", company.clock.now(), "tools", date(2026, 5, 31)))
    await company.time(8 * HOUR)
    company.directory.faults.extend(refused() for _ in range(2))
    await leaves_at_once(company)
    assert company.has() == {"base", "tools"}
    await company.time(HOUR + 5 * MINUTE)
    assert company.has() == set()


async def test_an_end_that_cannot_be_shortened_is_not_tried_at_every_look():
    """Until the last day comes it rests like any other request."""
    company = await at_work()
    company.directory.faults.append(refused())
    await company.say(left("l", company.clock.now(), date(2026, 1, 20)))
    for _ in range(5):
        await reconcile(Check("e1", "look"), company.ports)
    assert [request.kind for request in company.directory.posted] == ["adminAdd", "adminUpdate"]


async def test_a_leaver_whose_removal_rests_is_late_all_the_same():
    """The deadline comes while nothing is asked for: it is said then, not when the removal is tried again."""
    company = await at_work(deadlines=Deadlines(leaver=90 * MINUTE))
    company.directory.faults.extend(refused("Forbidden", 403) for _ in range(2))
    await leaves_at_once(company)
    await company.time(89 * MINUTE)
    assert late(company) == []
    await company.time(2 * MINUTE)
    assert len(late(company)) == 1
