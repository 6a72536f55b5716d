"""One assignment's story in its background: whose access it is, which package and policy, and Graph's row of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lifecycle.core.events import DecisionFact
from lifecycle.core.evidence import Record
from lifecycle.core.packet import Unavailable, Value
from lifecycle.core.story import Story, users_of
from lifecycle.ports import Listed, Ports
from lifecycle.testimony import Heard, Testimony


@dataclass(frozen=True, slots=True)
class Background:
    """What one person's sheets share: whose they are, the decisions about them, Graph, and when the records were read.

    `users` are the Entra users that the chain found, each with the record that says so.
    """

    ports: Ports
    testimony: Testimony
    decisions: Sequence[DecisionFact]
    users: Sequence[tuple[str, Record]]
    read_at: datetime


@dataclass(frozen=True, slots=True)
class Case:
    """A story in its background: whose access, which package and row."""

    story: Story
    ground: Background
    user: str
    package: str
    policy: str
    row: Listed | None
    rows: Heard[Listed | None] | Unavailable


async def case_of(story: Story, ground: Background) -> Case:
    """Find out whose it is, and ask Graph for the row."""
    users = users_of(story) or [pair for pair in ground.users if pair[1].at <= story.records[-1].at]
    user = users[-1][0] if users else ""
    rows = await ground.testimony.rows(user) if user else no_user(ground)
    row = rows.value.get(story.assignment) if isinstance(rows, Heard) else None
    known = ground.ports.model.packages.get(story.package)
    package = known.access_package if known is not None else "" if row is None else row.package
    policy = row.policy if row is not None and row.policy else "" if known is None else known.policy
    heard = Heard(row, rows.source, rows.read_at) if isinstance(rows, Heard) else rows
    return Case(story, ground, user, package, policy, row, heard)


def no_user(ground: Background) -> Unavailable:
    """Say that nobody knows whose it is."""
    return Unavailable("no Entra user of this person is known", "ledger", ground.read_at)


def source_of(*records: Record) -> str:
    """Return where records are found: the chain and their numbers."""
    chains: dict[str, list[str]] = {}
    for record in records:
        chains.setdefault(record.chain, []).append(str(record.number))
    named = (f"person {chain} record{'s' * (len(of) > 1)} {', '.join(of)}" for chain, of in chains.items())
    return f"ledger {' and '.join(named)}"


def instant(text: object) -> Value:
    """Read an instant of a record's detail; None for what is none."""
    return datetime.fromisoformat(text) if isinstance(text, str) and text else None
