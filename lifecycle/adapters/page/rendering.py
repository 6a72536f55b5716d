"""Fills the templates. They are compiled once a process, at the first page."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lifecycle.adapters.page import static, writing
from lifecycle.core.overview import STUCK, Need, Overview, TimerRun
from lifecycle.core.portrait import Portrait
from lifecycle.core.waiting import WITHIN

_FOLDER = Path(__file__).parent / "templates"
_OLD = 1200  # seconds after which an overview is called old: three ticks of the wake timer, and some


def overview(found: Overview | None, timers: Sequence[TimerRun], needs: Sequence[Need], now: datetime) -> str:
    """Return the page of the whole tenant."""
    old = found is not None and (now - found.at).total_seconds() > _OLD
    return _page("overview.html", o=found, timers=timers, needs=needs, now=now, old=old, within=WITHIN, stuck=STUCK)


def person(found: Portrait) -> str:
    """Return the page of one person."""
    return _page("person.html", s=found, now=found.at)


def note(title: str, says: str, todo: str) -> str:
    """Return a plain page that says one thing and what to do about it."""
    return _page("note.html", title=title, says=says, todo=todo)


def _page(template: str, **values: object) -> str:
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {
        "written": writing.written,
        "visible": writing.visible,
        "instant": writing.instant,
        "span": writing.span,
        "minutes": writing.minutes,
        "number": writing.number,
    }
    made.globals |= {
        "ago": writing.ago,
        "ahead": writing.ahead,
        "address": static.address,
        "person_address": writing.person_address,
        "share": writing.share,
        "shown": _shown,
    }
    return made


def _shown(detail: Mapping[str, object]) -> list[tuple[str, str]]:
    """Return a record's detail as pairs of texts, without what is empty."""
    pairs = []
    for name, value in detail.items():
        text = "; ".join(str(part) for part in value) if isinstance(value, list) else str(value)
        if text:
            pairs.append((name, text))
    return pairs
