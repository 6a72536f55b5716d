"""The story: what happens to the company in two weeks, chapter by chapter.

Every chapter does something from outside, lets Lifecycle work, and tells what it did and why, and what Graph says now.
What Graph says on the way is compared with what the story says; the end is `verdict`'s business.
"""

import json
from collections.abc import Iterable
from datetime import timedelta
from http import HTTPStatus

from lifecycle.core.evidence import Tag
from lifecycle.core.work import Disposal
from lifecycle.errors import UnsafePlan
from sandbox.demo.company import account, user_id
from sandbox.demo.stage import Stage
from sandbox.demo.telling import Teller, done, moment, why
from sandbox.demo.verdict import at_first, by_work
from sandbox.demo.writing import hr, moved, pmo, worker

_REQUESTS = "/assignmentRequests$"


async def tell(stage: Stage, teller: Teller) -> None:
    """Tell all of it, from a Monday morning to the Friday of the next week."""
    await stage.sleep_until(8, days=7 - stage.now.weekday())
    for chapter in (
        _the_company_joins,
        _an_account_appears,
        _people_move,
        _people_leave,
        _events_are_broken,
        _projects_open,
        _a_file_is_cut_off,
        _a_wave_is_held,
        _dates_come,
        _a_project_closes,
        _an_outage_ends,
    ):
        await chapter(stage, teller)


async def _the_company_joins(stage: Stage, teller: Teller) -> None:
    cast, number = stage.company.cast, stage.company.cast.newcomer
    teller.chapter(stage.now, "The company joins")
    await stage.misbehave(
        {"kind": "429", "method": "POST", "path": _REQUESTS, "skip": 20, "count": 6, "retry_after": 1}
    )
    report = await stage.feed(stage.company.export())
    day = (stage.now + timedelta(days=2)).date()
    await stage.send(
        hr(stage, "joined", number, {"effective": f"{day}", "worker": worker(stage, number, status="preboarding")})
    )
    await stage.settle()
    counts = ", ".join(f"{count} {kind}" for kind, count in report.counts.items())
    teller.tell("sent", f"HR's file ({stage.company.origin}, {report.rows} rows) through the feed: {counts}")
    teller.tell("sent", f"an event beside it: {number} joins on {day:%A}")
    waits = (await stage.look(number)).dossier.patience
    teller.tell("Lifecycle", f"{cast.editor}, for one, is entitled to {why(await stage.look(cast.editor))}")
    teller.tell("Lifecycle", f"{number} waits: {waits.what if waits else 'for nothing'}")
    throttled = sum(call["status"] == HTTPStatus.TOO_MANY_REQUESTS for call in await stage.writes())
    teller.tell("Graph", f"answered 429 to {throttled} requests, and got each again after the second it had asked for")
    await _must_hold(stage, teller, cast.editor, at_first(stage.company.people[cast.editor]))


async def _an_account_appears(stage: Stage, teller: Teller) -> None:
    cast, number = stage.company.cast, stage.company.cast.newcomer
    await stage.until(12)
    teller.chapter(stage.now, "An account appears, and an answer is lost")
    before = len(await stage.writes())
    await stage.misbehave({"kind": "504", "method": "POST", "path": _REQUESTS, "count": 1, "committed": True})
    await stage.change_tenant({"users": [account(stage.company, number)]})
    await stage.until(8, days=1)  # looks at who has no account come at growing intervals, of hours by now
    user = user_id(stage.company, number)
    posts = [post for post in (await stage.writes())[before:] if post["body"]["assignment"].get("targetId") == user]
    chain = await stage.evidence(number)
    tags = [str(record.tag).rpartition(":")[2] for record in chain if record.tag in {Tag.UNKNOWN, Tag.FOUND}]
    teller.tell("meanwhile", f"the account of {number} was made, well before the first day")
    teller.tell("Lifecycle", f"found it by employeeId; {done(chain)}")
    teller.tell("Graph", f"did it and answered {', '.join(str(post['status']) for post in posts)}")
    teller.tell("Lifecycle", f"took the outcome for {' → '.join(tags)} by its token among Graph's requests")
    await _must_hold(stage, teller, number, {"workplace"})
    teller.check("evidence of the 504", tags, ["unknown", "found"])
    teller.check("requests after the 504", [post["status"] for post in posts], [HTTPStatus.GATEWAY_TIMEOUT])
    teller.tell("meanwhile", f"the last day of {cast.leftover}, whom HR's file calls a former employee, was over")
    teller.tell("Lifecycle", done(await stage.evidence(cast.leftover)))


async def _people_move(stage: Stage, teller: Teller) -> None:
    cast, today = stage.company.cast, stage.now.date()
    teller.chapter(stage.now, "People move")
    move = moved(stage, cast.mover, today, department="Advisory", jobCode="200")
    await stage.send(move, move)
    await stage.send(move, copy="-again")
    thursday, wednesday = today + timedelta(days=2), today + timedelta(days=1)
    await stage.send(moved(stage, cast.dated, thursday, department="Facilities", jobCode="800"))
    await stage.send(moved(stage, cast.dated, wednesday, department="Advisory", jobCode="200"))
    fields = {"employeeType": "employee", "personId": cast.contractor}
    again = worker(stage, cast.renumbered, like=cast.contractor, **fields)
    await stage.send(hr(stage, "joined", cast.renumbered, {"effective": f"{today}", "worker": again}))
    await stage.settle()  # the other way round she would rightly have nothing for a moment, and be given all anew
    await stage.send(hr(stage, "left", cast.contractor, {"effective": f"{today}", "immediate": True}))
    did = await _did(stage, cast.mover, cast.dated, cast.contractor)
    teller.tell("sent", f"{cast.mover} moves to Advisory today; the same event three times")
    teller.tell("Lifecycle", did[cast.mover])
    await _must_hold(stage, teller, cast.mover, {"workplace", "employee-apps", "client-data", "case-files"})
    teller.tell("sent", f"{cast.dated} moves to Facilities on Thursday; after that: to Advisory on Wednesday")
    teller.tell("Lifecycle", did[cast.dated])
    teller.tell("sent", f"{cast.contractor}, a contractor, is employee {cast.renumbered} now, and the contract ends")
    teller.tell("Lifecycle", f"one person, one account: {did[cast.contractor]}")
    row = stage.company.people[cast.contractor]
    await _must_hold(stage, teller, row.number, at_first(row) - {"contractor-portal"} | {"employee-apps"})


async def _people_leave(stage: Stage, teller: Teller) -> None:
    number, today = stage.company.cast.leaver, stage.now.date()
    teller.chapter(stage.now, "Somebody leaves at once")
    await stage.send(hr(stage, "left", number, {"effective": f"{today}", "immediate": True}))
    did = await _did(stage, number)
    teller.tell("sent", f"{number} leaves, immediately")
    teller.tell("Lifecycle", did[number])
    before = len(await stage.writes())
    await stage.send(moved(stage, number, today - timedelta(days=1), jobTitle="Something else"))
    await stage.settle()
    writes = len(await stage.writes()) - before
    teller.tell("sent", f"a title change of {number}, recorded after that, effective yesterday")
    teller.tell("Lifecycle", f"{writes} requests: a move never brings anybody back")
    await _must_hold(stage, teller, number, set())


async def _events_are_broken(stage: Stage, teller: Teller) -> None:
    one, other = stage.company.cast.returning
    today = stage.now.date()
    teller.chapter(stage.now, "Two events are broken")
    partial = {name: value for name, value in worker(stage, one).items() if name != "department"}
    await stage.send(hr(stage, "moved", one, {"effective": f"{today}", "worker": partial}))
    await stage.send(moved(stage, other, today, ahead=timedelta(minutes=10)))
    await stage.settle()
    found = await stage.quarantine()
    teller.tell(
        "sent", f"{one} and {other} are back from leave; one event lacks a field, HR's clock is wrong in the other"
    )
    for message in found:
        teller.tell("Lifecycle", f"{_subject(message.body)}: set aside: {message.reason}")
    teller.check("set aside", sorted(_subject(message.body) for message in found), sorted((one, other)))
    await stage.send(moved(stage, one, today))
    await stage.settle(timedelta(minutes=11))
    for message in found:
        if _subject(message.body) == other:
            await stage.dispose(Disposal.REPLAY, message, "its time has come")
        else:
            await stage.dispose(Disposal.DISCARD, message, "HR sent it anew, whole")
    await stage.settle()
    teller.tell("sent", f"{one}'s event anew, whole; {other}'s is replayed as it is, now that its time has come")
    for number in (one, other):
        await _must_hold(stage, teller, number, {"workplace"} | by_work(stage.company.people[number]))


async def _projects_open(stage: Stage, teller: Teller) -> None:
    cast = stage.company.cast
    teller.chapter(stage.now, "Two projects open")
    for name, days in (("atlas", 30), ("borealis", 60)):
        close = (stage.now + timedelta(days=days)).date()
        await stage.send(pmo(stage, "opened", name, {"owner": cast.mover, "plannedClose": f"{close}"}))
    for name, number, role in (
        ("atlas", cast.engineer, "engineer"),
        ("atlas", cast.editor, "editor"),
        ("borealis", cast.editor, "editor"),
    ):
        await stage.send(pmo(stage, "staffed", name, {"person": number, "role": role}))
    await stage.settle()
    teller.tell("sent", f"atlas opens with {cast.engineer} and {cast.editor}, borealis with {cast.editor}")
    for number in (cast.engineer, cast.editor):
        packages = (await stage.look(number)).desired.entitlements
        ends = [f"{name} until {moment(e.end)}" for name, e in packages.items() if e.end is not None]
        teller.tell("Lifecycle", f"{number}: {', '.join(ends)}, and Entra knows that end")


async def _a_file_is_cut_off(stage: Stage, teller: Teller) -> None:
    teller.chapter(stage.now, "A file is cut off")
    half = len(stage.company.people) // 2
    teller.tell("sent", f"HR's file, cut off after {half} rows")
    try:
        await stage.feed(stage.company.export(only=half))
    except UnsafePlan as refusal:
        teller.tell("Lifecycle", f"refused whole: {str(refusal).partition('Missing:')[0].partition(': ')[2].strip()}")
    else:
        teller.check("a file cut off", "taken", "refused")


async def _a_wave_is_held(stage: Stage, teller: Teller) -> None:
    wave = stage.company.cast.wave
    teller.chapter(stage.now, "A wave is held")
    report = await stage.feed(stage.company.export(without=wave))
    await stage.settle()
    held = await stage.held()
    teller.tell("sent", f"HR's file without {len(wave)} contractors: {len(report.said)} left, derived from absence")
    for each in held:
        teller.tell("Lifecycle", f"held: {len(each.plans)} plans as set {each.hash[:12]} ({each.plans[0].text})")
    await _must_hold(stage, teller, wave[0], at_first(stage.company.people[wave[0]]))
    before = len(await stage.evidence(wave[0]))
    teller.check("held", sorted(plan.person for each in held for plan in each.plans), sorted(wave))
    for each in held:
        await stage.release(each)
    await stage.settle()
    teller.tell("sent", "a release of that set by its hash: the agency's contract has indeed ended")
    teller.tell("Lifecycle", f"{wave[0]}: {done((await stage.evidence(wave[0]))[before:])}")


async def _dates_come(stage: Stage, teller: Teller) -> None:
    cast = stage.company.cast
    before = len(await stage.evidence(cast.dated))
    await stage.until(8, days=2)
    teller.chapter(stage.now, "The dates come")
    teller.tell("meanwhile", "nothing was sent; it is Thursday")
    teller.tell("Lifecycle", f"{cast.dated}: {done((await stage.evidence(cast.dated))[before:])}")
    await _must_hold(
        stage, teller, cast.dated, {"workplace", "employee-apps", "client-data", "case-files", "building-keys"}
    )
    await _must_hold(stage, teller, cast.newcomer, {"workplace", "employee-apps"})
    await _must_hold(stage, teller, cast.wave[0], set())


async def _a_project_closes(stage: Stage, teller: Teller) -> None:
    cast, people = stage.company.cast, stage.company.people
    teller.chapter(stage.now, "A project closes")
    await stage.send(pmo(stage, "closed", "atlas", {"effective": stage.now.isoformat(timespec="seconds")}))
    did = await _did(stage, cast.engineer, cast.editor)
    teller.tell("sent", "atlas closes")
    teller.tell("Lifecycle", f"{cast.engineer}: {did[cast.engineer]}")
    reasons = (await stage.look(cast.editor)).desired.entitlements["project-docs"].reasons
    teller.tell("Lifecycle", f"{cast.editor}: {did[cast.editor]}: project-docs has {', '.join(r.of for r in reasons)}")
    await _must_hold(stage, teller, cast.engineer, at_first(people[cast.engineer]))
    await _must_hold(stage, teller, cast.editor, at_first(people[cast.editor]) | {"project-docs"})


async def _an_outage_ends(stage: Stage, teller: Teller) -> None:
    mover = stage.company.cast.mover
    before = len(await stage.writes())
    await stage.sleep_until(8, days=8)
    await stage.settle()
    teller.chapter(stage.now, "An outage of eight days ends")
    writes = len(await stage.writes()) - before
    teller.tell("meanwhile", "Lifecycle did not run; the movers' grace ended, and Entra ended the access by itself")
    await _must_hold(stage, teller, mover, {"workplace", "employee-apps", "case-files"})
    teller.tell("Lifecycle", f"looked at everybody, and had {writes} requests to make")
    teller.check("requests after the outage", writes, 0)


async def _did(stage: Stage, *numbers: str) -> dict[str, str]:
    """Let what was sent be worked on, and return what was done about these people since."""
    before = {number: len(await stage.evidence(number)) for number in numbers}
    await stage.settle()
    return {number: done((await stage.evidence(number))[length:]) for number, length in before.items()}


async def _must_hold(stage: Stage, teller: Teller, number: str, packages: Iterable[str]) -> None:
    """Say what Graph says that somebody holds, and note it when the story says otherwise."""
    found = (await stage.state()).packages(number)
    teller.tell("Graph", f"{number} holds {', '.join(sorted(found)) or 'nothing'}")
    teller.check(f"{number} holds", sorted(found), sorted(packages))


def _subject(body: bytes) -> str:
    return str(json.loads(body)["subject"])
