"""Gathers evidence packets: whom a question is about, and everything there is to say of them. Changes nothing.

A packet is a stream, one person after the other in the order of the records, so that a packet over everybody is never
held whole. Every question about many people reads every chain: there is no index of what ended long ago.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from heapq import merge

from lifecycle.case import Background, source_of
from lifecycle.contract.cloudevents import type_of
from lifecycle.core.events import (
    Closed,
    DecisionFact,
    Effective,
    Joined,
    Left,
    MembershipFact,
    Moved,
    Opened,
    ProjectFact,
    Released,
    Rescheduled,
    Rescinded,
    Staffed,
    WorkerFact,
    key,
)
from lifecycle.core.evidence import Record, Tag
from lifecycle.core.packet import NONE, Entry, Field, OfPerson, Part, Told, Unavailable, Value, part
from lifecycle.core.story import Story, ending, reasons_name, stories
from lifecycle.errors import Permanent
from lifecycle.explain import known
from lifecycle.gather import gather
from lifecycle.ports import Ports
from lifecycle.ports.witness import Witness
from lifecycle.records import claims, facts, people
from lifecycle.records.dossier import open_dossier
from lifecycle.records.identities import Identity, identity_of
from lifecycle.records.ledger import Head
from lifecycle.tell import recorded, tell
from lifecycle.testimony import Heard, Testimony

_MANY = 500

type Wanted = Callable[[Story], bool]
type Parts = AsyncIterator[Part]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question led to: its subject as it is called, facts about the subject, and the people, one by one."""

    subject: str
    entries: tuple[tuple[str, Field], ...]
    parts: Parts


@dataclass(frozen=True, slots=True)
class _Chains:
    """One person's chains, of all their former keys too, and the stories in them."""

    identity: Identity
    heads: dict[str, Head]
    stories: list[Story]
    others: list[Record]


class Prover:
    """Answers one auditor's question; `looked` is told of each person that was looked at, wanted or not."""

    def __init__(self, ports: Ports, witness: Witness, *, looked: Callable[[], None] = lambda: None) -> None:
        self._ports, self._looked = ports, looked
        self._testimony = Testimony(ports, witness)
        self._now = ports.clock.now()

    async def person(self, identifier: str) -> Answer:
        """Everything of one person. Raises `Permanent` when nobody is known by the id."""
        identity = await known(identifier, self._ports.records)
        return Answer(identity.person, (), self._of([identity], lambda _: True))

    async def package(self, name: str) -> Answer:
        """Everybody who ever had a package, by the model's name or Graph's id. Raises `Permanent` for an unknown one.

        A package that the model dropped is known as long as a chain names it.
        """
        packages = self._ports.model.packages.values()
        found = next((one for one in packages if name in {one.name, one.access_package}), None)
        wanted = name if found is None else found.name
        entries: list[tuple[str, Field]] = []
        if found is not None:
            source = f"access model {self._ports.model.hash}"
            entries.append(("access package", Told(found.access_package, source, self._now)))
            entries.append(("assignment policy", Told(found.policy, source, self._now)))
        elif not await self._is_named(name):
            raise Permanent(
                f"package {name}: the access model has no package of this name or id, and no chain names it; "
                f"it has {', '.join(sorted(one.name for one in packages)) or 'none'}"
            )
        return Answer(wanted, tuple(entries), self._everybody(lambda story: story.package == wanted))

    async def project(self, identifier: str) -> Answer:
        """Everybody who was ever on a project, and what they had by it. Raises `Permanent` for an unknown one."""
        project, records = key(identifier), self._ports.records
        said = await facts.of_project(records, project)
        members = await facts.members_of(records, project)
        if not said and not members:
            raise Permanent(f"project {identifier}: no event named it; ids are those of the project office")
        entries = tuple(("project fact", _told(fact, self._now)) for fact in said)
        return Answer(project, entries, self._members(project, members))

    async def assignment(self, identifier: str) -> Answer:
        """One assignment: Graph says whose, else every chain is searched. Raises `Permanent` for an unknown one."""
        heard = await self._testimony.row(identifier)
        row = heard.value if isinstance(heard, Heard) else None
        owners = [] if row is None else sorted(await claims.claimants(self._ports.records, row.user))
        for owner in owners:
            identity = await identity_of(self._ports.records, owner)
            if any(_is(story, identifier) for story in (await self._chains(identity)).stories):
                return Answer(identifier, (), self._of([identity], lambda story: _is(story, identifier)))
        async for identity, chains in self._walk():
            if any(_is(story, identifier) for story in chains.stories):
                return Answer(identifier, (), self._of([identity], lambda story: _is(story, identifier)))
        graph = "" if isinstance(heard, Heard) else f", and Graph could not be asked ({heard.reason})"
        if row is not None:
            graph = f"; Graph has it, but it was never ours (user {row.user}, access package {row.package})"
        raise Permanent(f"assignment {identifier}: no chain of evidence names it{graph}")

    async def period(self, since: datetime, until: datetime) -> Answer:
        """Everybody of whom something was recorded in `[since, until)`, with the assignments that it was about."""
        return Answer("", (), self._everybody(lambda story: story.during(since, until), within=(since, until)))

    # --- people -----------------------------------------------------------------------------------------------------

    async def _of(self, identities: Sequence[Identity], wanted: Wanted) -> Parts:
        for identity in identities:
            yield await self._part(await self._chains(identity), wanted)
            self._looked()

    async def _members(self, project: str, members: Sequence[str]) -> Parts:
        done: set[str] = set()
        for member in members:
            identity = await identity_of(self._ports.records, member)
            self._looked()
            if identity.person in done:
                continue
            done.add(identity.person)
            said = [one for name in identity.ids for one in await facts.of_member(self._ports.records, name)]
            roles = {one.role for one in said if one.recorded.subject == project}
            rules = self._ports.model.projects
            given = {package for role in roles for package in rules.packages_of(project, role)}
            chains = await self._chains(identity)
            yield await self._part(chains, partial(_by_project, project=project, given=given))

    async def _everybody(self, wanted: Wanted, *, within: tuple[datetime, datetime] | None = None) -> Parts:
        async for _, chains in self._walk():
            touched = within is not None and any(within[0] <= record.at < within[1] for record in chains.others)
            if touched or any(wanted(story) for story in chains.stories):
                yield await self._part(chains, wanted)

    async def _is_named(self, package: str) -> bool:
        async for _, chains in self._walk():
            if any(story.package == package for story in chains.stories):
                return True
        return False

    async def _walk(self) -> AsyncIterator[tuple[Identity, _Chains]]:
        """Yield everybody who has a chain, each once, joined people under the first of their keys that has one."""
        last = ""
        while batch := await people.everybody(self._ports.records, after=last, limit=_MANY):
            for name in batch:
                self._looked()
                identity = await identity_of(self._ports.records, name)
                chains = await self._chains(identity)
                if name == next(iter(chains.heads), ""):
                    yield identity, chains
            last = batch[-1]

    async def _chains(self, identity: Identity) -> _Chains:
        heads: dict[str, Head] = {}
        chains: list[list[Record]] = []
        for name in identity.ids:
            dossier = await open_dossier(self._ports.records, name)
            if dossier.head.length:
                heads[name] = dossier.head
                chains.append(await dossier.chain())
        told, others = stories(list(merge(*chains, key=lambda record: record.at)))
        return _Chains(identity, heads, told, others)

    # --- one person -------------------------------------------------------------------------------------------------

    async def _part(self, chains: _Chains, wanted: Wanted) -> Part:
        records, identity = self._ports.records, chains.identity
        said = [fact for name in identity.ids for fact in await facts.of_worker(records, name)]
        staffed = [fact for name in identity.ids for fact in await facts.of_member(records, name)]
        found = [one for one in chains.others if one.tag is Tag.CORRELATED]
        users = [(str(record.detail.get("user", "")), record) for record in found]
        decisions = [fact for fact in said if not isinstance(fact, Joined | Moved | Left | Rescinded)]
        ground = Background(self._ports, self._testimony, decisions, users, self._now)
        sheets = [await tell(story, ground) for story in chains.stories if wanted(story)]
        entries = [
            Entry(OfPerson.IDS, self._told(_ids(identity), "records of identities")),
            *(Entry(OfPerson.USER, self._told(user, source_of(record))) for user, record in users),
            *(Entry(OfPerson.FACTS, _told(fact, self._now)) for fact in said),
            *(Entry(OfPerson.PROJECTS, _told(fact, self._now)) for fact in staffed),
            Entry(OfPerson.LEAVING, await self._leaving(chains)),
            *(Entry(OfPerson.RECORD, recorded(one, self._now, whole=True)) for one in chains.others),
            *(
                Entry(OfPerson.CHAIN, self._told(_head(head), f"ledger person {name}"))
                for name, head in chains.heads.items()
            ),
        ]
        return part(identity.person, [*entries, *self._nothing(entries)], sheets)

    def _nothing(self, entries: Sequence[Entry]) -> Iterator[Entry]:
        """Yield what is to be said where there is nothing."""
        absent: dict[OfPerson, Field] = {
            OfPerson.USER: Unavailable("no Entra user was found yet", "ledger", self._now),
            OfPerson.FACTS: Told(NONE, "facts about worker records", self._now),
            OfPerson.PROJECTS: Told(NONE, "facts about project members", self._now),
            OfPerson.RECORD: Told(NONE, "ledger", self._now),
            OfPerson.CHAIN: Unavailable("nothing was recorded of this person yet", "ledger", self._now),
        }
        names = {entry.name for entry in entries}
        return (Entry(name, field) for name, field in absent.items() if name not in names)

    async def _leaving(self, chains: _Chains) -> Field:
        """Return when the last employment ended and when the last access did, for whoever left."""
        person = (await gather(chains.identity, self._ports)).person
        span = person.leaving(self._now)
        if span is None or span.end is None:
            return self._told("no end of employment is known", "facts about worker records")
        event = "" if span.left is None else span.left.recorded.id
        said: dict[str, Value] = {"employment ends": span.end, "fact": event or "the contract's end"}
        if span.end <= self._now:
            ends = [ending(story) for story in chains.stories if story.assignment]
            lasts = [end[0] for end in ends if end is not None]
            said["access ended"] = max(lasts) if lasts and len(lasts) == len(ends) else NONE if ends else "had none"
            if lasts and len(lasts) == len(ends):
                said["after"] = f"{max(0, round((max(lasts) - span.end).total_seconds()))} seconds"
        return self._told(said, f"facts about worker records and ledger person {', '.join(chains.heads)}")

    def _told(self, value: Value, source: str) -> Field:
        return Told(value, source, self._now)


def _is(story: Story, assignment: str) -> bool:
    return story.assignment.casefold() == assignment.casefold()


def _by_project(story: Story, *, project: str, given: set[str]) -> bool:
    return story.package in given or reasons_name(story, project)


def _ids(identity: Identity) -> Value:
    return {"key": identity.person, "workers": list(identity.workers), "people": list(identity.people)}


def _head(head: Head) -> Value:
    return {"length": head.length, "head": head.hash}


def _told(fact: WorkerFact | DecisionFact | MembershipFact | ProjectFact, read_at: datetime) -> Field:
    """Return a fact as a field: what it says happened and since when; nothing of HR's snapshot."""
    said: dict[str, Value] = {"fact": type_of(fact).removeprefix("lifecycle."), "recorded": fact.recorded.time}
    match fact:
        case Joined(_, effective) | Moved(_, effective) | Left(_, effective) | Closed(_, effective):
            said["effective"] = _effective(effective)
        case Opened() | Rescheduled():
            said["planned close"] = _effective(fact.planned_close)
        case Rescinded(_, rescinds):
            said["rescinds"] = rescinds
        case Staffed():
            said |= {"project": fact.recorded.subject, "role": fact.role}
            said |= {"from": _effective(fact.starts), "until": _effective(fact.until)}
        case _:
            said |= {
                name: str(value)
                for name in ("package", "role", "approver", "user")
                if (value := getattr(fact, name, ""))
            }
    said["origin"] = str(fact.recorded.origin)
    return Told(said, f"{_kind(fact)} {fact.recorded.id} of {fact.recorded.source}", read_at)


def _kind(fact: WorkerFact | DecisionFact | MembershipFact | ProjectFact) -> str:
    match fact:
        case Joined() | Moved() | Left() | Rescinded():
            return "hr fact"
        case Opened() | Rescheduled() | Closed() | Staffed() | Released():
            return "project fact"
        case _:
            return "decision fact"


def _effective(value: Effective | None) -> Value:
    return value if isinstance(value, datetime) or value is None else value.isoformat()
