"""Until when a reason that ends is extended, from when that is asked for, and who may approve it.

Pure. An approval counts by the clock of whoever recorded it, never by its arrival: one recorded while the window was
open extends once, however often and however late it is heard of.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from lifecycle.core.model import AccessModel, Package, RenewalMode
from lifecycle.core.person import Extension, Person
from lifecycle.core.project import Membership, Project, overlap


def lapse_of(
    begun: datetime, lapse: datetime, package: Package, extensions: Iterable[Extension], now: datetime
) -> tuple[datetime, datetime | None]:
    """Return when a reason lapses that would do so at `lapse`, and when its renewal window opens (None: never).

    `auto` moves on by itself each time its window opens. An approval without an end extends what is about to lapse, so
    a second one in the same window, or one before the window, moves nothing; one with an end counts at any time.
    """
    renewal = package.renewal
    match renewal.mode:
        case RenewalMode.NEVER:
            return lapse, None
        case RenewalMode.AUTO:
            opens = lapse - renewal.window
            if now >= opens:
                lapse += ((now - opens) // renewal.extend + 1) * renewal.extend
        case RenewalMode.APPROVAL:
            lapse = _approved(begun, lapse, package, extensions)
    return lapse, lapse - renewal.window


def _approved(begun: datetime, lapse: datetime, package: Package, extensions: Iterable[Extension]) -> datetime:
    for extension in extensions:
        if extension.package != package.name or not begun <= extension.at < lapse:
            continue
        if extension.until is not None:
            lapse = max(lapse, extension.until)
        elif extension.at >= lapse - package.renewal.window:
            lapse += max(package.renewal.extend, timedelta())
    return lapse


def approvers(  # noqa: PLR0917 all that bears on it
    person: Person,
    memberships: Iterable[Membership],
    projects: Mapping[str, Project],
    model: AccessModel,
    package: str,
    now: datetime,
) -> frozenset[str]:
    """Return the ids of who may approve: the managers of running employments, owners and sponsors of its projects."""
    found = {
        worker.manager
        for job in person.employments
        if any(span.holds(now) for span in job.spans) and (worker := job.as_of(now)) is not None
    }
    for membership in memberships:
        project = projects.get(membership.project)
        gives = package in model.projects.packages_of(membership.project, membership.role)
        if project is not None and gives and _works(membership, project, now):
            found |= {project.owner, project.sponsor}
    return frozenset(name for name in found if name)


def _works(membership: Membership, project: Project, now: datetime) -> bool:
    times = [overlap(opened, stretch) for opened in project.bounded() for stretch in membership.stretches]
    return any(time is not None and time.holds(now) for time in times)
