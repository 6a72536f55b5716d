"""Generated histories: what HR and the project office may say of three workers, in any order of recording.

E1 and E2 are two employments of one person with one account; E3 is somebody else. (Two accounts for one person, or two
people on one account, wait for somebody to decide, and what was done before that depends on when it was found out.)
"""

from datetime import timedelta

from hypothesis import strategies as st

from lifecycle.core.events import Linked, Status
from lifecycle.core.model import ProjectRules
from tests.builders import (
    CARE,
    EVERYONE,
    ITSM,
    SALES,
    START,
    a_model,
    a_worker,
    closed,
    joined,
    left,
    moved,
    opened,
    recorded,
    released,
    rescinded,
    staffed,
)

WORKERS = ("E1", "E2", "E3")
USERS = ("E1", "E3")
PROJECTS = ProjectRules(roles={"engineer": ("site",)}, own={"p1": {"engineer": ("apollo",)}})


def model(**changes):
    """The model that laws run under unless they say otherwise."""
    defaults = {"projects": PROJECTS, "grace": timedelta(days=2), "leave_keep": frozenset({"base"})}
    return a_model(EVERYONE, CARE, SALES, **{**defaults, **changes})


days = st.integers(-20, 12).map(lambda days: (START + timedelta(days=days)).date())
times = st.integers(1, 40 * 24).map(lambda hours: START - timedelta(hours=hours))
workers = st.sampled_from(WORKERS)


def a_snapshot(worker, **attributes):
    """A snapshot that says whose it is."""
    if worker == "E3":
        return a_worker(worker, **attributes)
    return a_worker(worker, person_id="P-7", user_principal_name="E1@example.org", **attributes)


snapshots = st.builds(
    a_snapshot,
    workers,
    department=st.sampled_from(["Care", "Sales", None]),
    status=st.sampled_from([Status.ACTIVE, Status.LEAVE]),
)


def _fact(draw, kind, name):  # noqa: PLR0911  one arm a kind
    time = draw(times)
    match kind:
        case "joined":
            return joined(name, time, draw(days), draw(snapshots))
        case "moved":
            return moved(name, time, draw(days), draw(snapshots))
        case "left":
            return left(name, time, draw(days), draw(workers))
        case "immediate":
            return left(name, time, draw(days), draw(workers), immediate=True)
        case "rescinded":
            return rescinded(name, time, f"f{draw(st.integers(0, 8))}", draw(workers))
        case "opened":
            return opened(name, time, planned=max(draw(days), (time + timedelta(days=1)).date()))
        case "closed":
            return closed(name, time, draw(days))
        case "staffed":
            return staffed(name, time, draw(workers))
        case "released":
            return released(name, time, draw(workers))
        case _:
            return Linked(recorded(name, "E1", time, source=ITSM), "e2")


@st.composite
def histories(draw, *, projects=True, links=True):
    """Draw up to nine facts with distinct ids; a rescission names one of the others."""
    kinds = ["joined", "joined", "moved", "left", "immediate", "rescinded"]
    kinds += ["opened", "closed", "staffed", "released"] if projects else []
    kinds += ["linked"] if links else []
    return [_fact(draw, draw(st.sampled_from(kinds)), f"f{number}") for number in range(draw(st.integers(1, 9)))]
