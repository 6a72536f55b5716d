"""Gathers what was said of a person, from every record joined to them, and folds it. Reads records alone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from lifecycle.core.desired import Denial, Desired, entitled
from lifecycle.core.model import AccessModel
from lifecycle.core.person import Person, person
from lifecycle.core.project import Membership, Project, memberships, project
from lifecycle.core.reasons import Dropped
from lifecycle.ports import Ports
from lifecycle.records import facts
from lifecycle.records.adoption import Adoption
from lifecycle.records.dossier import Dossier, Holding
from lifecycle.records.identities import Identity


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a person from facts alone: who they are, where they work, the projects they are on."""

    identity: Identity
    person: Person
    memberships: tuple[Membership, ...]
    projects: Mapping[str, Project]
    model: AccessModel

    def entitled(self, dossier: Dossier, now: datetime, *, present: Adoption) -> Desired:
        """Return what they are entitled to at `now`, under the model in force, minus what was denied."""
        dropped = _dropped(dossier, self.model, present)
        denials = _denials(dossier, self.model)
        return entitled(self.person, self.memberships, self.projects, self.model, now, denials=denials, dropped=dropped)


async def gather(identity: Identity, ports: Ports) -> Known:
    """Read and fold everything that was said of a person."""
    model, records = ports.model, ports.records
    said = [fact for name in identity.ids for fact in await facts.of_worker(records, name)]
    staffed = [fact for name in identity.ids for fact in await facts.of_member(records, name)]
    working = memberships(staffed, model)
    projects = {
        name: project(name, await facts.of_project(records, name), model)
        for name in sorted({membership.project for membership in working})
    }
    return Known(identity, person(identity.person, said, model), working, projects, model)


async def with_owners(known: Known, packages: Iterable[str], ports: Ports) -> Known:
    """Return it with the projects that own one of these packages, of which the person holds a row and is not on them.

    Who requested a project's own package in My Access holds it by the project's life, whoever staffed it.
    """
    held = frozenset(packages)
    owners = [name for name in ports.model.projects.own if held & ports.model.projects.own_packages(name)]
    more = {
        name: project(name, await facts.of_project(ports.records, name), ports.model)
        for name in owners
        if name not in known.projects
    }
    return replace(known, projects={**known.projects, **more}) if more else known


def _denials(dossier: Dossier, model: AccessModel) -> list[Denial]:
    """Return what was denied and stands, by the name that the model gives the package now."""
    standing = [one for one in dossier.refusals.values() if one.stands]
    if not standing:
        return []
    names = {package.access_package.casefold(): package.name for package in model.packages.values()}
    named = [(names.get(one.access_package.casefold()) if one.access_package else one.package, one) for one in standing]
    return [Denial(name, one.at, one.by) for name, one in named if name is not None]


def _dropped(dossier: Dossier, model: AccessModel, present: Adoption) -> Dropped:
    """Return the packages that a rule gave which the model in force no longer has, and since when it is gone."""
    rules = {rule.name for rule in model.rules}
    found = {}
    for holding in dossier.holdings.values():
        gone = [(present.dropped_at(rule), rule) for rule in holding.rules if rule not in rules]
        if gone and not holding.taken and holding.package in model.packages and not _denied(holding, dossier):
            at, rule = max(gone)
            found[holding.package] = (rule, at)
    return found


def _denied(holding: Holding, dossier: Dossier) -> bool:
    """Whether the row was denied since we know it, so that what gave it counts no more, and no grace follows it."""
    refusal = dossier.refusals.get(holding.package)
    return refusal is not None and refusal.stands and refusal.at >= holding.at
