"""An oracle for employment, attributes and the end of days: slow, plain, and written from the rules alone.

It walks hours, and seconds where hours are too coarse, and shares nothing with the code that it judges except the
shapes of the facts. A book of chapters is kept as an HR clerk would: one chapter a stretch of employment.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from lifecycle.core.events import Joined, Left, Moved, Rescinded, Worker, WorkerFact

_DAY, _HOUR, _MINUTE, _SECOND = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)


@cache
def when_over(day: date, zone: str) -> datetime:
    """Step back from where it is certainly later until the local date is no later: by quarters, minutes, seconds."""
    clock = ZoneInfo(zone)
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) + 4 * _DAY
    for step in (15 * _MINUTE, _MINUTE, _SECOND):
        while (at - step).astimezone(clock).date() > day:
            at -= step
    return at


def when_begun(day: date, zone: str) -> datetime:
    """A day begins when the one before is over."""
    return when_over(day - _DAY, zone)


@dataclass
class Chapter:
    """One stretch of employment: the first instant, if anybody said, and the one at which it is over."""

    start: datetime | None = None
    over: datetime | None = None
    at_once: bool = False

    def holds(self, at: datetime) -> bool:
        """Say whether this instant lies in it."""
        return self.start is not None and self.start <= at and (self.over is None or self.over > at)


@dataclass
class Book:
    """What HR said of one worker, everybody in one time zone."""

    facts: tuple[WorkerFact, ...]
    zone: str

    def employed(self, at: datetime) -> bool:
        """Say whether there is a chapter with this instant in it."""
        return any(chapter.holds(at) for chapter in self.chapters())

    def chapters(self) -> list[Chapter]:
        """Write the book anew, in the order in which things were recorded."""
        book: list[Chapter] = []
        for fact in sorted(self._standing(), key=_recording):
            if isinstance(fact, Joined):
                start = self._begins(fact.effective)
                unfinished = [chapter for chapter in book if chapter.over is None or chapter.over > start]
                if not unfinished:
                    book.append(Chapter())
                (unfinished or book[-1:])[0].start = start
            elif isinstance(fact, Left):
                over = self._over(fact)
                if not book:
                    book.append(Chapter())
                begun = [place for place, one in enumerate(book) if one.start is None or one.start < over]
                chapter = book[begun[-1] if begun else 0]
                following = book[begun[-1] + 1 :] if begun else []
                if following and self._calls_off(following[0], chapter, over, fact):
                    chapter = following[0]  # who was to come back does not
                    begun = []
                stands = chapter.at_once and chapter.over is not None and chapter.over <= over
                if not (begun and stands):  # who left at once is not brought back by a later last day
                    chapter.over, chapter.at_once = over, fact.immediate
        return book

    def _calls_off(self, coming: Chapter, before: Chapter, over: datetime, fact: Left) -> bool:
        """Say whether somebody who was gone already is not to come back: said in advance, or ending on the eve."""
        gone = before.over is not None and before.over <= fact.recorded.time and before.over < over
        eve = coming.start is not None and over <= coming.start < over + _DAY
        ahead = coming.start is not None and fact.recorded.time <= over <= coming.start
        return gone and (eve or ahead)

    def worker(self, at: datetime) -> Worker | None:
        """Return the greatest effective that has come, and of equal ones the last that was recorded.

        A day has come in the worker's own zone; days are compared as days, in one zone, whatever zones they hold in.
        """
        come = [
            (self._begins(fact.effective), _recording(fact), fact.worker)
            for fact in self._standing()
            if isinstance(fact, Joined | Moved) and self._come(fact) <= at
        ]
        return max(come, key=lambda item: item[:2])[2] if come else None

    def _come(self, fact: Joined | Moved) -> datetime:
        own = Book((), fact.worker.time_zone or self.zone)
        return own._begins(fact.effective)

    def _standing(self) -> list[WorkerFact]:
        """Whatever no standing rescission names; asked again for each, however often they rescind one another."""
        return [fact for fact in _once(self.facts) if not isinstance(fact, Rescinded) and self._happened(fact)]

    def _happened(self, fact: WorkerFact) -> bool:
        return not any(
            isinstance(other, Rescinded) and other.rescinds == fact.recorded.id and self._happened(other)
            for other in _once(self.facts)
        )

    def _begins(self, effective: date | datetime) -> datetime:
        return effective if isinstance(effective, datetime) else when_begun(effective, self.zone)

    def _over(self, left: Left) -> datetime:
        over = left.effective if isinstance(left.effective, datetime) else when_over(left.effective, self.zone)
        return min(over, left.recorded.time) if left.immediate else over


def _recording(fact: WorkerFact) -> tuple[datetime, int, str]:
    return (fact.recorded.time, int(fact.recorded.sequence or 0), fact.recorded.id)


def _once(facts: Iterable[WorkerFact]) -> list[WorkerFact]:
    return list({fact.recorded.id: fact for fact in facts}.values())


def hours(first: datetime, last: datetime) -> list[datetime]:
    """Every hour, and the second before it."""
    count = (last - first) // _HOUR
    return [first + number * _HOUR - early for number in range(count) for early in (_SECOND, timedelta())]
