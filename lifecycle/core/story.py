"""What a person's chain tells of each assignment: its records, drawn together from the request to the end.

A record names what it knew when it was written: an intent has our token and no assignment, an outcome Graph's request,
an end the assignment. Here they are joined. Every record of a chain is in exactly one story or in none, and nothing is
guessed: a request that never became an assignment is a story without one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from lifecycle.core.evidence import Record, Tag


@dataclass(frozen=True, slots=True)
class Story:
    """The records of one assignment in their order; `assignment` is empty while no record says which one it became."""

    package: str
    assignment: str
    records: tuple[Record, ...]

    @property
    def began(self) -> datetime:
        """Return when the first record was written."""
        return self.records[0].at

    def during(self, since: datetime, until: datetime) -> bool:
        """Whether one of its records was written in `[since, until)`."""
        return any(since <= record.at < until for record in self.records)


@dataclass(slots=True)
class _Thread:
    package: str
    assignment: str = ""
    records: list[Record] = field(default_factory=list)
    found: bool = False


def stories(records: Sequence[Record]) -> tuple[list[Story], list[Record]]:
    """Return the stories in the order in which they began, and the records that are of no assignment."""
    threads: list[_Thread] = []
    others: list[Record] = []
    tokens = _tokens(records)
    for record in records:
        package = _text(record, "package")
        if not package:
            others.append(record)
            continue
        thread = _thread_of(record, threads, tokens)
        if thread is None:
            threads.append(thread := _Thread(package))
        thread.assignment = thread.assignment or _text(record, "assignment")
        thread.found = thread.found or _is_found_in_rows(record)
        thread.records.append(record)
    return [Story(one.package, one.assignment, tuple(one.records)) for one in threads], others


def _tokens(records: Iterable[Record]) -> dict[str, str]:
    """Return our token by Graph's request, as the records that name both say."""
    pairs = ((_text(record, "request"), _text(record, "token")) for record in records)
    return {request: token for request, token in pairs if request and token}


def _thread_of(record: Record, threads: Sequence[_Thread], tokens: dict[str, str]) -> _Thread | None:
    """Return the thread that a record belongs to, None when it begins one."""
    same = [thread for thread in reversed(threads) if thread.package == _text(record, "package")]
    token = _text(record, "token") or tokens.get(_text(record, "request"), "")
    assignment = _text(record, "assignment")
    if token:
        for thread in same:
            if any(_text(one, "token") == token for one in thread.records):
                return thread
    if assignment:
        known = next((thread for thread in same if thread.assignment == assignment), None)
        # Rows may prove that a request without an answer was done, and the record of that names no assignment.
        return known or next((thread for thread in same if thread.found and not thread.assignment), None)
    if record.tag is Tag.INTENDED:
        return None
    return same[0] if same else None


def _is_found_in_rows(record: Record) -> bool:
    return record.tag is Tag.FOUND and not _text(record, "request") and not _text(record, "already")


def _text(record: Record, name: str) -> str:
    value = record.detail.get(name)
    return value if isinstance(value, str) else ""


def users_of(story: Story) -> list[tuple[str, Record]]:
    """Return the Entra users that the story's intents name, each with the record that does."""
    return [(user, record) for record in story.records if (user := _text(record, "user"))]


def ending(story: Story) -> tuple[datetime, Record] | None:
    """Return when the access ended and which record says so: a removal that was delivered, or a row that expired."""
    removals = {
        _text(record, "token")
        for record in story.records
        if record.tag is Tag.INTENDED and record.detail.get("kind") == "adminRemove"
    }
    found: tuple[datetime, Record] | None = None
    for record in story.records:
        match record.tag:
            case Tag.EXPIRED | Tag.DENIED if when := _text(record, "ended"):
                found = datetime.fromisoformat(when), record
            case Tag.ENDED if _text(record, "token") in removals and _text(record, "state") == "delivered":
                found = record.at, record
            case Tag.ADOPTED:
                found = None
            case _:
                pass
    return found


def reasons_name(story: Story, project: str) -> bool:
    """Whether an intent of the story states work on that project as a reason."""
    whys = [why for record in story.records if isinstance(why := record.detail.get("why"), list)]
    return any(str(one).startswith("project ") and f" ({project}) since " in str(one) for why in whys for one in why)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request of ours: its intent, and the records of what came of it."""

    token: str
    records: tuple[Record, ...]

    def said(self, name: str) -> str:
        """Return what the newest record that says so says under that name, empty when none does."""
        return next((text for record in reversed(self.records) if (text := _said(record, name))), "")

    def of(self, tag: Tag) -> Record | None:
        """Return the newest record with that tag."""
        return next((record for record in reversed(self.records) if record.tag is tag), None)


def attempts(story: Story) -> list[Attempt]:
    """Return the requests of ours in a story, in the order of their intents."""
    tokens = _tokens(story.records)
    found: dict[str, list[Record]] = {}
    for record in story.records:
        token = _text(record, "token") or tokens.get(_text(record, "request"), "")
        if token:
            found.setdefault(token, []).append(record)
    return [Attempt(token, tuple(records)) for token, records in found.items()]


def _said(record: Record, name: str) -> str:
    value = record.detail.get(name)
    return "" if value is None or isinstance(value, list | dict) else str(value)
