"""What kept access from going at once, read from a person's chain of evidence. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from lifecycle.core.delays import Delay, Hindrance, Snag
from lifecycle.core.evidence import Record, Tag

PROMPT = timedelta(minutes=10)
"""How long after it is due a first look is no news: two ticks of the wake timer."""

_UNSENT = frozenset({Tag.NOT_SENT, Tag.UNKNOWN, Tag.NEVER_ARRIVED, Tag.NOT_MOVED})
_WELL = frozenset({"delivered", "gone", "ended, not ours"})
_MOST = 20


def expired(delay: Delay, chain: Iterable[Record]) -> datetime | None:
    """Return when the last of the rows ended that Entra ended by itself, as the rows say."""
    ends = [
        datetime.fromisoformat(str(one.detail["ended"]))
        for one in chain
        if one.tag is Tag.EXPIRED and one.detail["assignment"] in delay.assignments
    ]
    return max(ends, default=None)


def hindrances(delay: Delay, chain: Sequence[Record], standing: Iterable[Hindrance] = ()) -> tuple[Hindrance, ...]:
    """Return what kept the access, in order of time; `standing` is what no record says, as it was seen."""
    until = delay.confirmed
    since = [one for one in chain if one.at >= delay.due and (until is None or one.at <= until)]
    found = [*_lateness(delay), *_held(since, until), *_refused(since, delay), *_graph(since, delay), *standing]
    if not found and not delay.in_time:
        found = _slow(since, until)
    return tuple(sorted(found, key=lambda one: (one.since, one.snag, one.detail))[:_MOST])


def _lateness(delay: Delay) -> list[Hindrance]:
    found = []
    if delay.told > delay.ended:
        found.append(Hindrance(Snag.TOLD_LATE, delay.ended, delay.told, "by the source; the clock starts when told"))
    if delay.packages and delay.seen - delay.due > PROMPT:
        found.append(Hindrance(Snag.WOKEN_LATE, delay.due, delay.seen, "the worker was down, or the message late"))
    return found


def _held(chain: Sequence[Record], until: datetime | None) -> list[Hindrance]:
    """Return the holds, each until its release; what was held anew in the same run is one hold."""
    begun: dict[str, datetime] = {}
    found = []
    for one in chain:
        run = str(one.detail.get("run", ""))
        if one.tag is Tag.HELD and any(not str(step).startswith("assign ") for step in _steps(one)):
            begun.setdefault(run, one.at)
        elif one.tag is Tag.RELEASED and run in begun:
            found.append(Hindrance(Snag.HELD, begun.pop(run), one.at, f"run {run}"))
    return [*found, *(Hindrance(Snag.HELD, at, until, f"run {run}") for run, at in begun.items())]


def _steps(one: Record) -> list[object]:
    steps = one.detail.get("steps")
    return steps if isinstance(steps, list) else []


def _refused(chain: Sequence[Record], delay: Delay) -> list[Hindrance]:
    by_code: dict[str, list[datetime]] = {}
    for one in chain:
        if one.tag is Tag.REFUSED and one.detail["package"] in delay.packages:
            by_code.setdefault(f"{one.detail['status']} {one.detail['code']}", []).append(one.at)
    return [Hindrance(Snag.REFUSED, min(at), max(at), f"{code}, {len(at)} x") for code, at in by_code.items()]


def _graph(chain: Sequence[Record], delay: Delay) -> list[Hindrance]:
    """Return how long Graph did not take a request or did not answer, and what it took and did not deliver."""
    about = [one for one in chain if one.detail.get("package") in delay.packages]
    waits = [one.at for one in about if one.tag in _UNSENT]
    failed = [one for one in about if one.tag is Tag.ENDED and one.detail["state"] not in _WELL]
    found = [Hindrance(Snag.GRAPH, min(waits), max(waits), f"no answer or no room, {len(waits)} x")] if waits else []
    states = ", ".join(sorted({str(one.detail["state"]) for one in failed}))
    return found + ([Hindrance(Snag.FAILED, failed[0].at, failed[-1].at, states)] if failed else [])


def _slow(chain: Sequence[Record], until: datetime | None) -> list[Hindrance]:
    """Return that nothing went wrong and Graph took its time: from the first request on, or with the row's end."""
    asked = [one.at for one in chain if one.tag is Tag.SUBMITTED]
    return [Hindrance(Snag.GRAPH, min(asked), until, "a request under way")] if asked else []
