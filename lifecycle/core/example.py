"""Examples that an access model gives of itself: somebody at an instant, and exactly what they get then.

They are tried on the functions that production runs (`person`, `entitled`), and on nothing else, so an example that
holds here holds there. An example is no part of the model: it gives nobody anything, and no hash covers it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from lifecycle.core.calendar import begins, ends
from lifecycle.core.desired import Desired, Entitlement, Standing, entitled
from lifecycle.core.events import Effective, Joined, Left, Opened, Recorded, Staffed, Worker, WorkerFact, key
from lifecycle.core.model import AccessModel
from lifecycle.core.person import Person, person, zone_of
from lifecycle.core.plan import TOLERANCE
from lifecycle.core.project import Membership, Project, memberships, project
from lifecycle.core.reasons import Stand, Why, stands

_SOURCE = "/example"
_DAY = timedelta(days=1)
_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """Somebody described as HR would, and what they get `at` an instant; a date is its beginning, in their zone.

    `joined` is the first day (None: the day of `at`), `left` the last one, `projects` the role in each project.
    `until` says of some of `gets` until when, as the last day or as an instant; None is without end.
    """

    name: str
    at: Effective
    worker: Worker
    gets: frozenset[str]
    until: Mapping[str, Effective | None] = field(default_factory=dict)
    joined: Effective | None = None
    left: Effective | None = None
    projects: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """What came out otherwise for one package: `what` in one word, and why, a line each."""

    package: str
    what: str
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """An example as tried at the instant `at`; it holds when nothing came out otherwise."""

    example: Example
    at: datetime
    differences: tuple[Difference, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether exactly what the example says came out."""
        return not self.differences


MISSING, SURPLUS, END = "missing", "surplus", "end"


def tried(example: Example, model: AccessModel) -> Trial:
    """Try an example on a model. Raises what the model's rules raise when one has no answer for the worker."""
    at = begins(example.at, zone_of(example.worker, model))
    story = _story(example, at, model)
    desired = entitled(story.person, story.memberships, story.projects, model, at)
    return Trial(example, at, tuple(_differences(example, desired, story, model, at)))


# --- the facts that an example stands for ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Story:
    person: Person
    memberships: tuple[Membership, ...]
    projects: Mapping[str, Project]


def _story(example: Example, at: datetime, model: AccessModel) -> _Story:
    first = example.at if example.joined is None else example.joined
    begun = begins(first, zone_of(example.worker, model))
    said = min(begun, at) - _DAY  # everything was known the day before, in this order
    who = key(example.worker.id)
    facts: list[WorkerFact] = [Joined(Recorded("1", _SOURCE, who, said), first, example.worker)]
    if example.left is not None:
        facts.append(Left(Recorded("2", _SOURCE, who, said), example.left, immediate=False))
    opened = {name: Opened(Recorded("3", _SOURCE, name, said), who) for name in example.projects}
    staffed = [
        Staffed(Recorded(f"4 {name}", _SOURCE, name, said), who, role, begun)
        for name, role in sorted(example.projects.items())
    ]
    return _Story(
        person(who, facts, model),
        memberships(staffed, model),
        {name: project(name, [fact], model) for name, fact in opened.items()},
    )


# --- what came out otherwise, and why --------------------------------------------------------------------------------


def _differences(
    example: Example, desired: Desired, story: _Story, model: AccessModel, at: datetime
) -> Iterator[Difference]:
    found = desired.entitlements
    known = stands(story.person, story.memberships, story.projects, model, {}, at)
    for package in sorted(example.gets - found.keys()):
        yield Difference(package, MISSING, tuple(_why_not(package, example, desired, known, model)))
    for package in sorted(found.keys() - example.gets):
        yield Difference(package, SURPLUS, tuple(map(str, found[package].reasons)))
    zone = zone_of(example.worker, model)
    for package in sorted(example.until.keys() & found.keys() & example.gets):
        if not _ends_so(found[package], example.until[package], zone):
            reasons = map(str, found[package].reasons)
            yield Difference(package, END, (_ends(found[package].end, example.until[package], zone), *reasons))


def _ends_so(found: Entitlement, wanted: Effective | None, zone: str) -> bool:
    """Whether it ends as said; a date is the last one on which somebody there still has it."""
    if found.end is None or wanted is None:
        return found.end is wanted
    if isinstance(wanted, datetime):
        return abs(found.end - ends(wanted, zone)) < TOLERANCE
    return (found.end - _MOMENT).astimezone(ZoneInfo(zone)).date() == wanted


def _ends(end: datetime | None, wanted: Effective | None, zone: str) -> str:
    said = "without end" if wanted is None else f"until {wanted.isoformat()}"
    if end is None:
        return f"{said} was said; it is without end"
    last = (end - _MOMENT).astimezone(ZoneInfo(zone)).date()
    return f"{said} was said; it ends at {end:%Y-%m-%dT%H:%M:%SZ}, last day {last.isoformat()} in {zone}"


def _why_not(package: str, example: Example, desired: Desired, known: list[Stand], model: AccessModel) -> Iterator[str]:
    """Say of everything that could give a package why it does not."""
    if desired.standing is not Standing.EMPLOYED:
        yield f"the person is not employed then ({desired.standing})"
    reasons = [stand.reason for stand in known if stand.package == package]
    for reason in reasons:
        yield f"not at that instant: {reason}"
    named = {reason.name for reason in reasons}
    granting = False
    for rule, holds in zip(model.rules, model.matches(example.worker), strict=True):
        if package not in rule.grant:
            continue
        granting = True
        if not holds:
            yield f"rule {rule.name} does not hold: {' '.join(rule.when.split())}"
        elif rule.name not in named:
            yield f"rule {rule.name} holds, but leave or the contract's end bounds it"
    roles = sorted({role for role, names in model.projects.roles.items() if package in names})
    roles += [f"{role} on {of}" for of, own in model.projects.own.items() for role in own if package in own[role]]
    if roles and not any(reason.kind is Why.PROJECT for reason in reasons):
        yield f"as {' or '.join(roles)} they would have it, and `projects` says nothing of the kind"
    if not (roles or granting):
        yield "no rule and no role grants it"
