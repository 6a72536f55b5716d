"""How values are written on a page: ids that may hold anything, instants, spans, numbers. Deterministic; no locale."""

import unicodedata
from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote

from markupsafe import Markup, escape

_LONGEST = 200
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_STEPS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def visible(value: object) -> str:
    """Return the text with every character that has no picture (controls, direction marks, lone halves) as its code."""
    text = str(value)
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}…"
    if text.isascii() and text.isprintable():
        return text
    return "".join(f"⟨{ord(char):04X}⟩" if unicodedata.category(char) in _UNSEEN else char for char in text)


def written(value: object) -> Markup:
    """Return an outside value as text that stays what it is: escaped, its direction kept to itself."""
    return Markup("<bdi>{}</bdi>").format(visible(value))


def person_address(person: str, page: int = 1) -> str:
    """Return where a person's page is."""
    more = f"&page={page}" if page > 1 else ""
    return f"/dashboard/person?id={quote(person, safe='', errors='replace')}{more}"


def instant(at: datetime | None) -> Markup:
    """Return an instant in UTC, to the minute, with its exact value for programs."""
    if at is None:
        return escape("–")
    at = at.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(f"{at:%Y-%m-%dT%H:%M:%SZ}", f"{at:%Y-%m-%d %H:%M} UTC")


def ago(at: datetime, now: datetime) -> str:
    """Return how long ago something was, in one unit."""
    return "just now" if now - at < timedelta(minutes=1) else f"{span(now - at)} ago"


def span(length: timedelta | float | None) -> str:
    """Return a span in one unit, rounded down: `90 seconds`, `3 hours`, `12 days`."""
    if length is None:
        return "–"
    seconds = length.total_seconds() if isinstance(length, timedelta) else length
    for size, name in _STEPS:
        if seconds >= 2 * size or size in {seconds, 1}:
            count = int(seconds // size)
            return f"{count:,} {name}{'' if count == 1 else 's'}"
    return ""


def minutes(length: timedelta | float | None) -> str:
    """Return a span in minutes, for a chart; empty when there is none."""
    if length is None:
        return ""
    seconds = length.total_seconds() if isinstance(length, timedelta) else length
    return f"{seconds / 60:g}"


def number(value: float) -> str:
    """Return a whole number with its thousands set apart."""
    return f"{value:,}"


def share(part: float, whole: float) -> str:
    """Return a part of a whole in percent."""
    return f"{part / whole:.0%}" if whole else "–"


def ahead(days: int, now: datetime) -> date:
    """Return the day so many days from now."""
    return (now + timedelta(days=days)).date()
