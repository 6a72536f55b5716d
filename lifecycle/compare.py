"""Compares a package's assignments in the directory with those that the index of holders expects.

Reads page by page and keeps eight bytes a row, so that its memory does not follow the size of the tenant. Finds rows
that differ; what they mean is found out by looking at the people concerned.
"""

from array import array
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lifecycle.core.fingerprints import Fingerprints, fingerprints
from lifecycle.core.waiting import DAYS
from lifecycle.errors import StaleLink
from lifecycle.ports import Ports, Records, Row, Sighting
from lifecycle.records import claims, holders
from lifecycle.records.checkpoints import Checkpoint, Stray
from lifecycle.records.holders import Holder, Mark
from lifecycle.records.reports import LISTED, Report

SLICE = timedelta(minutes=8)
"""How long one slice reads before the next message goes on: functions end after half an hour."""

_BLOCK = 25
_DAY = 86_400
_AS_IT_SHOULD_BE = Mark.JUSTIFIED.encode()


@dataclass(slots=True)
class Found:
    """What a comparison found: whom to look at, and what to report by kind (the first rows, and how many there are).

    `blocks` are the index's keys at every `_BLOCK`-th expected row: where to find a row again by its place.
    """

    people: dict[str, None] = field(default_factory=dict)
    rows: dict[str, list[str]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    expected: int = 0
    blocks: list[str] = field(default_factory=list)
    ending: list[int] = field(default_factory=lambda: [0] * DAYS)

    def note(self, kind: str, what: str) -> None:
        """Report one row."""
        self.counts[kind] += 1
        listed = self.rows.setdefault(kind, [])
        if len(listed) < LISTED:
            listed.append(what)

    def report(self, package: str, run: str, at: Checkpoint, ports: Ports) -> Report:
        """Return it as a report."""
        return Report(
            package=package,
            run=run,
            at=ports.clock.now(),
            rows=at.rows,
            pages=at.pages,
            expected=self.expected,
            checked=len(self.people),
            counts=dict(sorted(self.counts.items())),
            unexplained=tuple(self.rows.get("unexplained", ())),
            strangers=tuple(self.rows.get("strangers", ())),
            outlived=tuple(self.rows.get("outlived", ())),
            missing=tuple(self.rows.get("missing", ())),
            ending=tuple(self.ending),
        )


async def compare(package: str, at: Checkpoint, ports: Ports, *, keep: bool) -> Found | None:
    """Read the package's assignments on from the checkpoint; None when the slice's time was up before the last page.

    With `keep` the pages are kept in the checkpoint. A list that the directory no longer knows is read anew from its
    beginning. Raises as `Entitlements.assignments_in` does.
    """
    found = Found()
    expected = await _expected(package, ports.records, found, ports.clock.now())
    expected.see_all(at.seen)
    auto = await ports.entitlements.auto_policies()
    started = ports.clock.now()
    while not at.whole:
        try:
            page = await ports.entitlements.assignments_in(ports.model.packages[package].access_package, link=at.link)
        except StaleLink:
            if not at.link:
                raise
            await at.drop()
            return await compare(package, at, ports, keep=keep)
        seen, strangers = _met(page.rows, expected)
        strays = [await _stray(row, auto, ports.records) for row in strangers]
        if keep:
            await at.keep(page.link, seen, strays, len(page.rows), ports.clock.now())
        else:
            at.strays += strays
            at.seen.extend(seen)
            at.link, at.pages, at.rows = page.link, at.pages + 1, at.rows + len(page.rows)
        if page.link and ports.clock.now() - started > SLICE:
            if keep:
                await at.save()
            return None
    await _unseen(package, expected, at, found, ports.records)
    return found


async def _expected(package: str, records: Records, found: Found, now: datetime) -> Fingerprints:
    expected = Fingerprints()
    since = holders.seconds(now)
    async for chunk in holders.raw(records, package):
        rows = [row for row in chunk if row.value.startswith(_AS_IT_SHOULD_BE) or _note(found, holders.parse(row))]
        found.blocks += [row.key for row in rows[-found.expected % _BLOCK :: _BLOCK]]
        ends = _ends(rows)
        expected.add_all(_texts(rows, ends))
        _count_ends(ends, since, found.ending)
        found.expected += len(rows)
    expected.close()
    return expected


def _count_ends(ends: list[bytes], since: int, ending: list[int]) -> None:
    """Count the rows that end within so many days of `since`, by day."""
    until = since + len(ending) * _DAY
    for end in map(int, ends):
        if since <= end < until:
            ending[(end - since) // _DAY] += 1


def _note(found: Found, holder: Holder) -> bool:
    """Report a row of the index that is not as it should be; return whether the directory is expected to have it."""
    match holder.mark:
        case Mark.MISSING:
            found.note("missing", holder.person)
            found.people[holder.person] = None
            return False
        case Mark.AUTOMATIC:
            found.note("outlived", holder.assignment)
        case _:
            found.note("unexplained", holder.assignment)
    return True


def _ends(rows: list[Row]) -> list[bytes]:
    """Return the ends of rows of the index, in its words."""
    return [value[1 : value.index(b"|")] for _, value, _ in rows]


def _texts(rows: list[Row], ends: list[bytes]) -> list[bytes]:
    """Return what is compared, in the index's words: user, assignment and end."""
    return [key.encode() + end for (key, _, _), end in zip(rows, ends, strict=True)]


def _met(rows: list[Sighting], expected: Fingerprints) -> tuple[array[int], list[Sighting]]:
    """Tick off the rows of a page that are as expected; return their fingerprints, and the other rows."""
    marks = fingerprints(holders.texts_of(rows))
    unknown = expected.see_each(marks)
    strays = [rows[number] for number in unknown]
    for number in reversed(unknown):
        del marks[number]
    return marks, strays


async def _stray(row: Sighting, auto: frozenset[str], records: Records) -> Stray:
    known = await claims.claimants(records, row.user) if row.user else frozenset()
    person = next(iter(known)) if len(known) == 1 else ""
    return Stray(row.assignment, row.user, person, row.auto or row.policy in auto)


async def _unseen(package: str, expected: Fingerprints, at: Checkpoint, found: Found, records: Records) -> None:
    """Find out whose rows were not met, and add the strays: rows that are new, or have another end."""
    left = expected.unseen()
    moved = {stray.assignment for stray in at.strays if stray.person}
    for block in dict.fromkeys(place // _BLOCK for place in expected.places(left)):
        after, *behind = found.blocks[block : block + 2]
        async for chunk in holders.raw(records, package, after=after, before=behind[0] if behind else ""):
            marks = fingerprints(_texts(chunk, _ends(chunk)))
            for row, mark in zip(chunk, marks, strict=True):
                if mark in left and (holder := holders.parse(row)).mark is not Mark.MISSING:
                    found.people[holder.person] = None
                    if holder.mark is Mark.JUSTIFIED and holder.assignment not in moved:
                        found.note("differing", holder.assignment)
    for stray in at.strays:
        if stray.person:
            found.people[stray.person] = None
            found.note("differing", stray.assignment)
        else:
            found.note("strangers", stray.assignment)
