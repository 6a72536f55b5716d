"""Gathers what was said of a person, from every record joined to them, and folds it. Reads records alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from lifecycle.core.desired import Denial, Desired, entitled
from lifecycle.core.model import AccessModel
from lifecycle.core.person import Person, person
from lifecycle.core.project import Membership, Project, memberships, project
from lifecycle.core.reasons import Dropped
from lifecycle.ports import Ports
from lifecycle.records import facts
from lifecycle.records.adoption import Adoption
from lifecycle.records.dossier import Dossier
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
        denials = [Denial(one.package, one.at, one.by) for one in dossier.refusals.values() if one.stands]
        dropped = _dropped(dossier, self.model, present)
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


def _dropped(dossier: Dossier, model: AccessModel, present: Adoption) -> Dropped:
    """Return the packages that a rule gave which the model in force no longer has, and since when it is gone."""
    rules = {rule.name for rule in model.rules}
    found = {}
    for holding in dossier.holdings.values():
        gone = [(present.dropped_at(rule), rule) for rule in holding.rules if rule not in rules]
        refused = dossier.refusals.get(holding.package)
        if refused is not None and refused.stands and refused.at >= holding.at:
            continue  # what was denied is denied its grace too
        if gone and not holding.taken and holding.package in model.packages:
            at, rule = max(gone)
            found[holding.package] = (rule, at)
    return found
