"""What is so, beside what the app believes: from the stored facts and the directory itself, never from looks."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lifecycle.core.desired import Desired, entitled
from lifecycle.core.events import key
from lifecycle.core.model import AccessModel
from lifecycle.core.person import Person, person
from lifecycle.core.project import memberships, project
from lifecycle.records import facts
from lifecycle.records.identities import identity_of
from tests.builders import Company
from tests.laws.driving import HOUR, run

IDS = {"E1": ("e1", "e2", "p-7"), "E3": ("e3",)}
"""The ids in `histories` by which a user's person may be known."""


def known(company: Company, user: str) -> list[tuple[Person, Desired]]:
    """Return who is that user as far as is known, and what the facts stored so far entitle them to now."""
    found = {}
    for name in IDS[user]:
        someone, desired = run(_known(company, name, company.model, company.clock.now()))
        found[someone.key] = (someone, desired)
    return list(found.values())


def contested(company: Company, user: str) -> bool:
    """Whether two people may be this user as far as is known: nothing is taken away then until they are linked."""
    return sum(bool(someone.employments) for someone, _ in known(company, user)) > 1


def justified(company: Company, user: str) -> set[str]:
    """Return the packages that some fact justifies now."""
    return {name for _, desired in known(company, user) for name in desired.entitlements}


async def _known(company: Company, worker: str, model: AccessModel, now: datetime) -> tuple[Person, Desired]:
    records = company.records
    identity = await identity_of(records, worker)
    said = [fact for name in identity.ids for fact in await facts.of_worker(records, name)]
    staffed = [fact for name in identity.ids for fact in await facts.of_member(records, name)]
    working = memberships(staffed, model)
    projects = {
        one.project: project(one.project, await facts.of_project(records, one.project), model) for one in working
    }
    whole = person(identity.person, said, model)
    return whole, entitled(whole, working, projects, model, now)


@dataclass(slots=True)
class NothingOutlives:
    """Watches that no access stays longer than `deadline` after its last reason was gone, as far as is known."""

    users: tuple[str, ...]
    deadline: timedelta = HOUR
    since: dict[tuple[str, str], datetime] = field(default_factory=dict)

    def __call__(self, company: Company) -> None:
        now = company.clock.now()
        for user in self.users:
            unclear = contested(company, user)
            surplus = {(user, package) for package in company.has(user) - justified(company, user) if not unclear}
            self.since = {one: at for one, at in self.since.items() if one[0] != user or one in surplus}
            for one in surplus:
                since = self.since.setdefault(one, now)
                assert now - since <= self.deadline, f"{one} outlived its reason, gone since {since}"


@dataclass(slots=True)
class NothingUnasked:
    """Watches that nothing is given that no fact justifies at that instant, or to somebody who is not employed then."""

    users: tuple[str, ...]
    seen: int = 0

    def __call__(self, company: Company) -> None:
        posted = company.directory.posted[self.seen :]
        self.seen += len(posted)
        for request in (one for one in posted if one.kind == "adminAdd"):
            (worker,) = [name for name in self.users if request.user == f"user-{key(name)}"]
            names = {company.model.packages[name].access_package for name in justified(company, worker)}
            assert request.package in names, f"{request.package} is given to {worker} for no reason"
            employed = any(someone.employed(company.clock.now()) for someone, _ in known(company, worker))
            assert employed, f"{worker} is given {request.package} while not employed"


def wasted(company: Company, faults: int = 0) -> int:
    """Return how many posts the directory did not take, beyond those that a fault befell."""
    return len(company.directory.posted) - len(company.directory.taken) - faults
