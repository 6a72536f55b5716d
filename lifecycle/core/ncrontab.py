"""When a timer is due: NCRONTAB, the six-field dialect of cron that Azure Functions uses, in UTC.

It differs from Unix cron in two ways that change results: a field for seconds comes first, and a day must match
both the day of the month and the day of the week (Unix cron takes either). Sources: "NCRONTAB expressions" in the
timer trigger's reference, and the NCrontab library that the host uses.
"""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

# Not from `calendar`, whose names follow the machine's locale.
# fmt: off
_MONTHS = ("january", "february", "march", "april", "may", "june",
           "july", "august", "september", "october", "november", "december")
_WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
# fmt: on

_HORIZON = timedelta(days=366 * 40)
"""How far to look: 29 February on a given weekday comes round within 40 years, even across 2100."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    """Names for the numbers from `low` on; their first three letters do as well."""

    def number(self, text: str) -> int | None:
        """Return what `text` stands for in this field, or None."""
        if text.isascii() and text.isdigit():
            return int(text) if self.low <= int(text) <= self.high else None
        word = text.lower()
        return next((n for n, name in enumerate(self.names, self.low) if word in {name, name[:3]}), None)


_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 6, _WEEKDAYS),
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """The instants at which a timer is due: one sorted tuple of allowed numbers for each field."""

    expression: str
    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]

    def next_after(self, instant: datetime) -> datetime:
        """Return the first due instant after `instant` (aware, any zone), in UTC."""
        start = instant.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
        found = self._from(start)
        if found is None:
            raise ValueError(f"NCRONTAB expression {self.expression!r} has no date after {instant:%Y-%m-%d}")
        return found

    def _from(self, start: datetime) -> datetime | None:
        day = start.date()
        at = self._time_from(start.time()) if self._on(day) else None
        while at is None:
            day += timedelta(days=1)
            if day - start.date() > _HORIZON:
                return None
            at = self._time_from(time()) if self._on(day) else None
        return datetime.combine(day, at, UTC)

    def _on(self, day: date) -> bool:
        return day.month in self.months and day.day in self.days and day.isoweekday() % 7 in self.weekdays

    def _time_from(self, earliest: time) -> time | None:
        """Return the first allowed time of day that is not before `earliest`."""
        for hour in self.hours[bisect_left(self.hours, earliest.hour) :]:
            same_hour = hour == earliest.hour
            for minute in self.minutes[bisect_left(self.minutes, earliest.minute) if same_hour else 0 :]:
                same_minute = same_hour and minute == earliest.minute
                rest = self.seconds[bisect_left(self.seconds, earliest.second) if same_minute else 0 :]
                if rest:
                    return time(hour, minute, rest[0])
        return None


def parse(expression: str) -> Schedule:
    """Read an expression such as `0 */5 * * * *`; raise `ValueError` with the field at fault when it is not one."""
    texts = expression.split()
    if len(texts) != len(_FIELDS):
        raise ValueError(
            f"NCRONTAB expression {expression!r} has {len(texts)} fields and needs six: "
            "second minute hour day month day-of-week"
        )
    try:
        schedule = Schedule(expression, *(_numbers(text, field) for text, field in zip(texts, _FIELDS, strict=True)))
    except ValueError as error:
        raise ValueError(f"NCRONTAB expression {expression!r}: {error}") from None
    schedule.next_after(datetime(2024, 1, 1, tzinfo=UTC))  # 30 February reads well and never comes
    return schedule


def _numbers(text: str, field: _Field) -> tuple[int, ...]:
    return tuple(sorted({number for item in text.split(",") for number in _item(item, field)}))


def _item(item: str, field: _Field) -> range:
    """Read `*`, `5`, `1-5`, each with an optional `/step`; a lone number with a step runs to the field's end."""
    span, slash, step_text = item.partition("/")
    step = _step(step_text, item, field) if slash else 1
    first_text, dash, last_text = span.partition("-")
    if span == "*":
        first, last = field.low, field.high
    else:
        first = _number(first_text, item, field)
        last = _number(last_text, item, field) if dash else field.high if slash else first
    if first > last:
        raise ValueError(f"{item!r} in the field {field.name} runs backwards; write two ranges")
    return range(first, last + 1, step)


def _step(text: str, item: str, field: _Field) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) == 0:
        raise ValueError(f"{item!r} in the field {field.name} needs a step of 1 or more after the slash")
    return int(text)


def _number(text: str, item: str, field: _Field) -> int:
    number = field.number(text)
    if number is None:
        raise ValueError(f"{item!r} in the field {field.name} is not between {field.low} and {field.high}")
    return number
