"""`evidence`: packets for auditors about a person, a package, a project, an assignment or a period. Changes nothing."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from lifecycle.cli.packets import Outputs, writing
from lifecycle.cli.saying import moment
from lifecycle.cli.screen import counted, note, progress
from lifecycle.cli.world import ReadyFile, World, inside
from lifecycle.core.packet import Closing, Cover, Field, Tally, Told, Unavailable, written
from lifecycle.errors import LifecycleError
from lifecycle.prove import Answer, Prover

AsJson = Annotated[bool, typer.Option("--json", help="Print the packet as JSON.")]
AsCsv = Annotated[
    Path | None, typer.Option("--csv", metavar="FILE", help="Write a table, one row a field; - is standard output.")
]
AsHtml = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Write one page that prints; - is standard output.")
]

type Question = Callable[[Prover, datetime], Awaitable[tuple[str, Answer]]]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True)
    group.command(
        epilog="Example: lifecycle evidence person E1001\n\nExample: lifecycle evidence person E1001 --html e1001.html"
    )(person)
    group.command(
        epilog="Example: lifecycle evidence package care-records --csv care.csv\n\n"
        "Example: lifecycle evidence package care-records --json"
    )(package)
    group.command(epilog="Example: lifecycle evidence project P-100 --html p-100.html --csv p-100.csv")(project)
    group.command(epilog="Example: lifecycle evidence assignment 0b617f3a-0000-4000-8000-000000000001")(assignment)
    group.command(
        epilog="Example: lifecycle evidence period 2026-01-01 2026-03-31 --csv quarter.csv\n\n"
        "Example: lifecycle evidence period 2026-03-01T08:00:00Z 2026-03-01T12:00:00Z --json"
    )(period)
    app.add_typer(
        group,
        name="evidence",
        help="Make evidence packets for auditors: who had what, why, who approved it, when it ended, how it is known.",
        epilog="Example: lifecycle evidence person E1001 --html e1001.html",
    )


def person(
    context: typer.Context,
    identifier: Annotated[str, typer.Argument(metavar="ID", help="A worker or person id.")],
    *,
    as_json: AsJson = False,
    csv: AsCsv = None,
    html: AsHtml = None,
    ready: ReadyFile = None,
) -> None:
    """Prove what one person had and has: every assignment that the ledger tells of, and their leaving."""

    async def question(prover: Prover, _: datetime) -> tuple[str, Answer]:
        return "person", await prover.person(identifier)

    _make(context, ready, Outputs(as_json=as_json, csv=csv, html=html), question)


def package(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The model's name of a package, or Graph's id.")],
    *,
    as_json: AsJson = False,
    csv: AsCsv = None,
    html: AsHtml = None,
    ready: ReadyFile = None,
) -> None:
    """Prove who ever had a package. It reads everybody's chain, and asks Graph once for each person who had it."""

    async def question(prover: Prover, _: datetime) -> tuple[str, Answer]:
        return "package", await prover.package(name)

    _make(context, ready, Outputs(as_json=as_json, csv=csv, html=html), question)


def project(
    context: typer.Context,
    identifier: Annotated[str, typer.Argument(metavar="ID", help="The project office's id of a project.")],
    *,
    as_json: AsJson = False,
    csv: AsCsv = None,
    html: AsHtml = None,
    ready: ReadyFile = None,
) -> None:
    """Prove what a project gave: everybody who was ever on it, and the assignments that they had by it."""

    async def question(prover: Prover, _: datetime) -> tuple[str, Answer]:
        return "project", await prover.project(identifier)

    _make(context, ready, Outputs(as_json=as_json, csv=csv, html=html), question)


def assignment(
    context: typer.Context,
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Graph's id of an assignment.")],
    *,
    as_json: AsJson = False,
    csv: AsCsv = None,
    html: AsHtml = None,
    ready: ReadyFile = None,
) -> None:
    """Prove one assignment. When Graph cannot say whose it is, everybody's chain is searched, which takes a while."""

    async def question(prover: Prover, _: datetime) -> tuple[str, Answer]:
        return "assignment", await prover.assignment(identifier)

    _make(context, ready, Outputs(as_json=as_json, csv=csv, html=html), question)


def period(
    context: typer.Context,
    since: Annotated[str, typer.Argument(metavar="FROM", help="A date (from its beginning in UTC) or an instant.")],
    until: Annotated[str, typer.Argument(metavar="TO", help="A date (that day included) or an instant.")],
    *,
    as_json: AsJson = False,
    csv: AsCsv = None,
    html: AsHtml = None,
    ready: ReadyFile = None,
) -> None:
    """Prove what changed in a period: everybody of whom something was recorded in it, and those assignments whole."""
    begin, end = _bound(since, "FROM", days=0), _bound(until, "TO", days=1)
    if end <= begin:
        raise typer.BadParameter(f"ends before it begins, or at once: {since} to {until}", param_hint="FROM TO")

    async def question(prover: Prover, now: datetime) -> tuple[str, Answer]:
        if begin > now:
            raise typer.BadParameter(f"lies in the future: it is {written(now)} now", param_hint="FROM")
        last = min(end, now + timedelta.resolution)
        found = await prover.period(begin, last)
        return "period", Answer(f"{written(begin)} to {written(min(end, now))}", found.entries, found.parts)

    _make(context, ready, Outputs(as_json=as_json, csv=csv, html=html), question)


def _bound(text: str, name: str, *, days: int) -> datetime:
    """Return the instant that a date or instant means; `days` are added to a date."""
    found = moment(text, name)
    if isinstance(found, datetime):
        return found
    return datetime.combine(found, time(), UTC) + timedelta(days=days)


def _make(context: typer.Context, ready: Path | None, outputs: Outputs, question: Question) -> None:
    outputs.check()

    async def work(world: World) -> Closing:
        now = world.ports.clock.now()
        with _looking(outputs) as looked:
            prover = Prover(world.ports, world.witness, looked=looked)
            kind, answer = await question(prover, now)
            cover = Cover(
                kind=kind,
                subject=answer.subject,
                asked_by=await _who(world, now),
                asked_at=now,
                model=world.ports.model.hash,
                tool=_tool(),
                entries=answer.entries,
            )
            return await _write(cover, answer, outputs)

    closing = inside(context, ready, work)
    for path in outputs.files:
        note(f"written: {path}")
    if closing.unavailable:
        note(f"{counted(closing.unavailable, 'field is', 'fields are')} unavailable; each says why")


@contextmanager
def _looking(outputs: Outputs) -> Iterator[Callable[[], None]]:
    """Show how many people were looked at, where nothing else is shown meanwhile."""
    if outputs.on_screen:
        yield lambda: None
        return
    with progress("people looked at") as bar:
        yield bar.step


async def _write(cover: Cover, answer: Answer, outputs: Outputs) -> Closing:
    """Write the packet to all outputs as it is gathered; files take their names when they are whole."""
    tally = Tally()
    with writing(outputs) as writers:
        for writer in writers:
            writer.begin(cover)
        async for part in answer.parts:
            tally.add(part)
            for writer in writers:
                writer.add(part)
        for writer in writers:
            writer.end(tally.closing)
    return tally.closing


async def _who(world: World, now: datetime) -> Field:
    """Return who asks, by the token that they are signed in with; a packet needs nobody to be signed in."""
    try:
        return Told(await world.who(), "the token that is signed in with", now)
    except LifecycleError as error:
        return Unavailable(str(error), "the token that is signed in with", now)


def _tool() -> str:
    try:
        return f"lifecycle {metadata.version('lifecycle')}"
    except metadata.PackageNotFoundError:
        return "lifecycle, run from its sources"
