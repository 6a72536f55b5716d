"""`renew`: whose access ends unless somebody approves, and the approval (or denial) in the name of who is signed in."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import typer

from lifecycle.cli.saying import check_source, moment, recorded, say, sound
from lifecycle.cli.screen import Bar, counted, emit, instant, line, note, progress
from lifecycle.cli.world import AsJson, ReadyFile, World, inside
from lifecycle.core.events import Effective, RenewalApproved, RenewalDenied
from lifecycle.core.evidence import Tag
from lifecycle.core.model import RenewalMode
from lifecycle.core.renewal import approvers
from lifecycle.errors import Permanent
from lifecycle.explain import known
from lifecycle.gather import Known, gather
from lifecycle.judge import judge
from lifecycle.ports import Ports
from lifecycle.records import adoption, facts
from lifecycle.records.dossier import Dossier, open_dossier
from lifecycle.records.identities import identity_of
from lifecycle.records.people import everybody

type Renewal = RenewalApproved | RenewalDenied


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Example: lifecycle renew --list\n\n"
        "Example: lifecycle renew E1001 case-management --justification 'stays on the ward'"
    )(renew)


@dataclass(frozen=True, slots=True)
class Open:
    """A renewal whose window is open: whose, of what, when it ends; `asked` is when its approvers were told.

    `denied_by` is who said no; without it nobody has answered.
    """

    person: str
    package: str
    ends: datetime
    opens: datetime
    asked: datetime | None
    approvers: tuple[str, ...]
    denied_by: str = ""


def renew(
    context: typer.Context,
    person: Annotated[str | None, typer.Argument(metavar="PERSON", help="A worker or person id.")] = None,
    package: Annotated[str | None, typer.Argument(metavar="PACKAGE", help="As the access model names it.")] = None,
    *,
    until: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="The new last day, or an instant. Default: what the model extends it by."),
    ] = None,
    justification: Annotated[str, typer.Option(metavar="TEXT", help="Why; goes into the evidence.")] = "",
    deny: Annotated[bool, typer.Option("--deny", help="Let it end.")] = False,
    show: Annotated[bool, typer.Option("--list", help="Show the renewals that are open.")] = False,
    as_json: AsJson = False,
    ready: ReadyFile = None,
) -> None:
    """Approve that a person keeps a package beyond its end, or deny it. Without arguments: what waits for an answer.

    The manager and the project's owner and sponsor may approve. Who approves comes from the token that you are signed
    in with. The access model must list the source /lifecycle/cli under sources.decision. A renewal that could not count
    is refused here, with the reason.
    """
    if show or person is None:
        if person is not None or until or justification or deny:
            raise typer.BadParameter("--list takes nothing else; to renew, name a person and a package")
        _list(context, ready, as_json=as_json)
        return
    if package is None:
        raise typer.BadParameter("is missing: which package of the person?", param_hint="PACKAGE")
    if not justification.strip():
        raise typer.BadParameter(
            "is missing: the evidence says why access goes on or ends", param_hint="--justification"
        )
    if deny and until:
        raise typer.BadParameter("is for an approval; a denial lets it end when it would", param_hint="--until")
    end = None if until is None else moment(until, "--until")
    who, what = person, package

    async def work(world: World) -> Renewal:
        fact = await _fact(world, who, what, justification, end, deny=deny)
        await judge(fact, world.ports)
        await say(fact, world)
        return fact

    fact = inside(context, ready, work)
    word = "denied" if deny else "approved"
    if as_json:
        emit({"event": fact.recorded.id, "person": fact.recorded.subject, "package": fact.package, "renewal": word})
        return
    line(f"{word}: {fact.package} of {fact.recorded.subject}, by {fact.approver}")
    note(f"next: lifecycle explain {fact.recorded.subject}")


async def _fact(
    world: World, person: str, package: str, justification: str, until: Effective | None, *, deny: bool
) -> Renewal:
    """Return what is said, checked against the model. Raises `Permanent` or `Misconfigured`."""
    model = world.ports.model
    check_source(model.sources.decision, "decision")
    await known(person, world.ports.records)
    if package not in model.packages:
        raise Permanent(
            f"package {package}: the access model has none of this name; it has {', '.join(sorted(model.packages))}"
        )
    who = await world.who()
    about = recorded(person, who, world.ports.clock.now())
    said: Renewal = (
        RenewalDenied(about, package, who, justification)
        if deny
        else RenewalApproved(about, package, who, justification, until)
    )
    sound(said)
    return said


# --- what is open ----------------------------------------------------------------------------------------------------


def _list(context: typer.Context, ready: ReadyFile, *, as_json: bool) -> None:
    async def work(world: World) -> list[Open]:
        names = await everybody(world.ports.records)
        with progress("reading everybody's facts", len(names)) as bar:
            return [one async for one in _open(names, world.ports, bar)]

    found = sorted(inside(context, ready, work), key=lambda one: (one.ends, one.person))
    if as_json:
        emit(found)
        return
    for one in found:
        line(_line(one))
    unanswered = sum(not one.denied_by for one in found)
    note(f"{counted(len(found), 'renewal', 'renewals')} open, {unanswered} without an answer")


def _line(one: Open) -> str:
    asked = "not asked for yet" if one.asked is None else f"asked {instant(one.asked)}"
    who = ", ".join(one.approvers) or "nobody: HR names no manager"
    answer = f"denied by {one.denied_by}" if one.denied_by else f"may approve: {who}"
    return f"{one.person}  {one.package}  ends {instant(one.ends)}  {asked}  {answer}"


async def _open(names: list[str], ports: Ports, bar: Bar) -> AsyncIterator[Open]:
    """Yield what is open, by reading everybody whole: no index knows it."""
    now = ports.clock.now()
    present = await adoption.adopt(ports.records, ports.model, now, keep=False)
    for name in names:
        whole = await gather(await identity_of(ports.records, name), ports)
        dossier = await open_dossier(ports.records, whole.identity.person)
        for package, wanted in whole.entitled(dossier, now, present=present).entitlements.items():
            mode = ports.model.packages[package].renewal.mode
            if wanted.end is None or wanted.opens is None or now < wanted.opens or mode is not RenewalMode.APPROVAL:
                continue
            may = approvers(whole.person, whole.memberships, whole.projects, ports.model, package, now)
            yield Open(
                whole.identity.person,
                package,
                wanted.end,
                wanted.opens,
                await _asked(dossier, package, wanted.end),
                tuple(sorted(may)),
                await _denied(whole, package, wanted.opens, ports),
            )
        bar.step()


async def _asked(dossier: Dossier, package: str, end: datetime) -> datetime | None:
    """Return when its approvers were told of this end."""
    asked = dossier.renewals.get(package)
    if asked is None or asked.ends != end:
        return None
    records = [one for one in await dossier.chain() if one.tag is Tag.RENEWAL_DUE and one.detail["package"] == package]
    return records[-1].at if records else None


async def _denied(whole: Known, package: str, opens: datetime, ports: Ports) -> str:
    """Return who denied it since its window opened."""
    said = [fact for name in whole.identity.ids for fact in await facts.of_worker(ports.records, name)]
    denials = [
        fact
        for fact in said
        if isinstance(fact, RenewalDenied) and fact.package == package and fact.recorded.time >= opens
    ]
    return max(denials, key=lambda fact: fact.recorded.order).approver if denials else ""
