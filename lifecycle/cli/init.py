"""`init`: the first files of an installation: a model and its schema, a feed's mapping, settings of this machine.

It asks for what only the engineer knows and writes nothing secret. What is there is left alone, unless it is told
otherwise. When there is something to reach, it ends with `lifecycle check` on what it wrote.
"""

import json
import os
import re
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated

import typer

from lifecycle.cli.check import Open, Site, checked, show, site_of
from lifecycle.cli.exits import Code
from lifecycle.cli.outset import model_text
from lifecycle.cli.outset_feed import Kind, beginning, source_of
from lifecycle.cli.screen import line, note
from lifecycle.cli.world import ReadyFile, environment_of, ready_file
from lifecycle.contract.fields import Id, Zone
from lifecycle.errors import Misconfigured
from lifecycle.settings import SQLITE, Settings

MODEL, SCHEMA, SETTINGS, STATE = "model.yaml", "access-model.json", "local.settings.json", ".lifecycle"
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_DOMAIN = re.compile(r"[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){1,4}", re.IGNORECASE)
_NAMESPACE = re.compile(r"[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){2,5}", re.IGNORECASE)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Example: lifecycle init\n\nExample: lifecycle init access --tenant contoso.example "
        "--catalog c0000000-0000-0000-0000-000000000001 --feed workday --time-zone Europe/Berlin"
    )(init)


def _tenant(text: str) -> str:
    if not (_GUID.fullmatch(text) or _DOMAIN.fullmatch(text)):
        raise typer.BadParameter("is neither a tenant id (a GUID) nor a domain, as in contoso.example")
    return text.lower()


def _catalog(text: str) -> str:
    if not _GUID.fullmatch(text):
        raise typer.BadParameter("is no GUID: Entra shows it as the catalog's object id")
    return text.lower()


def _feed(text: str) -> str:
    kind = text.strip().casefold()
    if kind not in set(Kind):
        raise typer.BadParameter(
            f"is none of {', '.join(Kind)}: what HR has to give; what its events are called goes into --source"
        )
    return kind


def _source(text: str) -> str:
    if not text:
        return ""
    try:
        return str(Id.read(text))
    except ValueError as error:
        raise typer.BadParameter(f"{error}; it is the `source` of HR's events, as in /hr/workday") from None


def _zone(text: str) -> str:
    try:
        return str(Zone.read(text))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _namespace(text: str) -> str:
    if text and not _NAMESPACE.fullmatch(text):
        raise typer.BadParameter("is no namespace, as in contoso.servicebus.windows.net")
    return text


@dataclass(frozen=True, slots=True)
class _Question:
    """What only the engineer knows: asked for when its option is not given."""

    option: str
    words: str
    read: Callable[[str], str]

    def given(self, text: str | None) -> str | None:
        """Return what an option's text says; None when it was not given."""
        return None if text is None else self.read(text)


_TENANT = _Question("--tenant", "Entra tenant (id or domain)", _tenant)
_CATALOG = _Question("--catalog", "Catalog of the access packages (object id)", _catalog)
_FEED = _Question("--feed", f"HR's feed ({', '.join(Kind)})", _feed)


def init(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where to write; made when it is not there.")
    ] = Path(),
    *,
    tenant: Annotated[
        str | None, typer.Option(callback=_TENANT.given, help="The Entra tenant's id or domain.", metavar="ID|DOMAIN")
    ] = None,
    catalog: Annotated[
        str | None, typer.Option(callback=_CATALOG.given, help="The catalog's object id.", metavar="ID")
    ] = None,
    feed: Annotated[
        str | None,
        typer.Option(
            callback=_FEED.given,
            metavar="KIND",
            help=f"What HR has to give: {', '.join(Kind)} (which you send yourself).",
        ),
    ] = None,
    source: Annotated[
        str,
        typer.Option(
            callback=_source, help="The `source` of HR's events, as in /hr/workday; default /hr/ and the feed's kind."
        ),
    ] = "",
    time_zone: Annotated[
        str, typer.Option(callback=_zone, metavar="ZONE", help="When a day ends, where HR does not say.")
    ] = "UTC",
    namespace: Annotated[
        str, typer.Option(callback=_namespace, metavar="HOST", help="The Service Bus namespace, when there is one.")
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Overwrite the files that are there.")] = False,
    ready: ReadyFile = None,
) -> None:
    """Write an access model to begin with, a feed's mapping, and settings for this machine; then check.

    Asks for what is not given. The files hold no secret; the JSON Schema of the model is for an editor, the list of
    people for trying the mapping. Exit code 1 when a file is there already, or the check finds something.
    """
    from lifecycle.adapters.rules import schema  # noqa: PLC0415 - loads the reader of models, for this command alone

    if not force:
        _refuse(folder, [MODEL, SCHEMA, SETTINGS])  # before anything is asked
    tenant, catalog, kind = _answers((_TENANT, tenant), (_CATALOG, catalog), (_FEED, feed))
    source = source or source_of(Kind(kind))
    home = folder.resolve()
    values = settings_of(home, tenant=tenant, namespace=namespace)
    begun = beginning(Kind(kind), source=source, zone=time_zone, folder=folder, model=MODEL)
    texts = {
        MODEL: model_text(tenant=tenant, catalog=catalog, feed=source, zone=time_zone, schema=SCHEMA),
        SCHEMA: schema.text(),
        SETTINGS: json.dumps({"IsEncrypted": False, "Values": values}, indent=2) + "\n",
        **begun.texts,
    }
    _write(folder, texts, force=force)
    note(f"next: name your packages and rules in {folder / MODEL}, then `lifecycle model validate {folder / MODEL}`")
    note(f"next: {begun.next}")
    opener = context.obj or _opener(ready, values)
    if opener is None:
        note("nothing to check yet: no namespace was given, and no sandbox runs here; later, `lifecycle check`")
        return
    report, _ = checked(opener, ready)
    show(report)
    if not report.sound:
        raise typer.Exit(Code.FAILED)


def _answers(*asked: tuple[_Question, str | None]) -> list[str]:
    """Ask for what was not given. Wrong usage, with all that is missing, when nobody is there to answer."""
    try:
        return [
            typer.prompt(question.words, value_proc=question.read) if given is None else given
            for question, given in asked
        ]
    except typer.Abort:
        if sys.stdin.isatty():
            raise
    missing = ", ".join(question.option for question, given in asked if given is None)
    raise typer.BadParameter(f"not given, and nobody is here to be asked: {missing}", param_hint=missing) from None


def settings_of(home: Path, *, tenant: str, namespace: str) -> dict[str, str]:
    """Return the settings of a machine, in the order in which the app declares them; what they name lies in `home`."""
    state = home / STATE
    own = {
        "ServiceBus__fullyQualifiedNamespace": namespace,
        "LIFECYCLE_RECORDS": f"{SQLITE}{state / 'records.db'}",
        "LIFECYCLE_MODEL": str(home / MODEL),
        "LIFECYCLE_BODIES": str(state / "bodies"),
        "LIFECYCLE_SEALS": str(state / "seals"),
    }
    declared = {one.metadata["name"]: one.metadata["default"] or "" for one in fields(Settings)}
    # The last is the Azure SDK's own: in whose tenant to sign in.
    return {"FUNCTIONS_WORKER_RUNTIME": "python", **declared, **own, "AZURE_TENANT_ID": tenant}


def _refuse(folder: Path, names: Iterable[str]) -> None:
    there = [str(folder / name) for name in names if os.path.lexists(folder / name)]
    if there:
        raise Misconfigured(
            f"{', '.join(there)}: there already, so nothing was written; "
            "name another folder, or give --force to overwrite"
        )


def _write(folder: Path, texts: dict[str, str], *, force: bool) -> None:
    if not force:
        _refuse(folder, texts)
    path = folder
    try:
        (folder / STATE).mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, text in texts.items():
            path = folder / name
            path.write_text(text, encoding="utf-8")
            line(f"+ {path}")
    except OSError as error:
        raise Misconfigured(
            f"{path} cannot be written: {error.strerror or type(error).__name__}; "
            "mend that, or name a folder in which you may write"
        ) from error


def _opener(ready: Path | None, values: dict[str, str]) -> Open | None:
    """Return what opens a sandbox or the environment's namespace with the new model, or the new settings' namespace."""
    try:
        ready_file(ready, os.environ)
    except Misconfigured:
        if not values["ServiceBus__fullyQualifiedNamespace"]:
            return None
        return lambda _: site_of(values)

    @asynccontextmanager
    async def opened(given: Path | None) -> AsyncIterator[Site]:
        environment = await environment_of(given, os.environ)
        async with site_of({**environment, "LIFECYCLE_MODEL": values["LIFECYCLE_MODEL"]}) as site:
            yield site

    return opened
