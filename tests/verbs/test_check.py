"""`check`: everything is looked at, each wrong thing is named with its next step, and none stops the others."""

import asyncio
from datetime import timedelta

import pytest

from lifecycle.check import Premises, check, wrong_settings
from lifecycle.core.configured import QueueSeen
from lifecycle.core.health import Name, Problem, State
from lifecycle.core.model import Budget
from lifecycle.errors import Misconfigured, Permanent, Throttled, Transient
from lifecycle.ports import Queue, User
from lifecycle.ports.inspection import Bearer, Grant
from lifecycle.records import claims, heartbeats, holds
from lifecycle.records.heartbeats import Beat
from lifecycle.records.holds import Held
from tests.builders import CARE, EVERYONE, START, Company, a_model, a_user
from tests.fakes.tenancy import APP, MANAGER, MemoryNamespace, MemoryTenancy, refused

OK, UNKNOWN, WARNING, FINDING = State


class Site:
    """A sound installation, on which a test breaks one thing."""

    def __init__(self):
        self.company = Company(a_model(EVERYONE, CARE))
        self.tenancy = MemoryTenancy(self.company.clock, users=(a_user(),))
        self.tenancy.fill(self.company.model)
        self.namespace = MemoryNamespace()
        self.model_error = None
        self.schedules = {"wake": "0 */5 * * * *", "drift": "0 0 2 * * *"}
        self.seals = None
        self.bodies = None

    async def model(self):
        if self.model_error is not None:
            raise self.model_error
        return self.company.model

    @property
    def premises(self):
        ports = self.company.ports
        return Premises(
            clock=ports.clock,
            records=ports.records,
            meter=ports.meter,
            tenancy=self.tenancy,
            namespace=self.namespace,
            model=self.model,
            schedules=self.schedules,
            seals=self.seals,
            bodies=self.bodies,
        )

    async def beats(self):
        for timer in self.schedules:
            await heartbeats.beat(self.company.records, Beat(timer, START - timedelta(minutes=1)))

    async def report(self, **options):
        return await check(self.premises, **options)

    async def findings(self, **options):
        report = await self.report(**options)
        return {
            (one.name, one.about, note.problem) for one in report.checks for note in one.notes if note.state is FINDING
        }


@pytest.fixture
async def site():
    site = Site()
    await site.beats()
    return site


def problems(report, name, about=None):
    checks = [one for one in report.checks if one.name is name and about in {None, one.about}]
    assert checks, name
    return [(note.problem, note.state) for one in checks for note in one.notes]


async def test_a_sound_installation(site):
    """Nothing is found, every check has its place, and what could not be asked is told with a way to ask it."""
    site.seals = site.bodies = site.model
    report = await site.report(user="user-e1")
    assert report.sound
    assert {one.name for one in report.checks} == set(Name)
    assert [one.name for one in report.checks] == sorted((one.name for one in report.checks), key=list(Name).index)
    assert problems(report, Name.SEALS) == problems(report, Name.BODIES) == []
    assert {note.problem for one in report.checks for note in one.notes if note.state is UNKNOWN} == {Problem.NOT_RUN}
    assert all(note.next for one in report.checks for note in one.notes)


async def test_everything_the_model_names_is_looked_at_with_its_address(site):
    """Catalogs once, packages and policies each, lists and probes; every read can be repeated by hand."""
    report = await site.report()
    count = {name: sum(one.name is name for one in report.checks) for name in Name}
    assert (count[Name.CATALOG], count[Name.PACKAGE], count[Name.POLICY], count[Name.CATALOG_ROLE]) == (1, 2, 2, 1)
    assert count[Name.READ] == len(site.tenancy.endpoints)
    assert count[Name.QUEUE] == len(Queue)
    read = {Name.CATALOG, Name.PACKAGE, Name.POLICY, Name.CATALOG_ROLE, Name.READ}
    assert all(one.url in site.tenancy.asked for one in report.checks if one.name in read)


@pytest.mark.parametrize(
    "place",
    [
        ("catalogs/catalog", Name.CATALOG, "catalog"),
        ("accessPackages/package-care", Name.PACKAGE, "package-care"),
        ("assignmentPolicies/policy-care", Name.POLICY, "policy-care"),
        ("assignmentRequests", Name.READ, "/assignmentRequests"),
        ("definitions", Name.READ, "/definitions"),
    ],
)
@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (refused(403), Problem.DENIED),
        (refused(401), Problem.DENIED),
        (refused(404), Problem.ABSENT),
        (refused(400, "BadRequest"), Problem.REFUSED),
        (Transient("no connection"), Problem.UNANSWERED),
        (Misconfigured("not in the table"), Problem.MISCONFIGURED),
    ],
)
async def test_one_read_that_fails_is_one_finding(site, place, error, problem):
    """Denied, absent, refused, unanswered: each is named where it is, and everything else stays sound."""
    part, name, about = place
    site.tenancy.failing[part] = error
    assert await site.findings() == {(name, about, problem)}


async def test_a_read_that_is_throttled_is_not_known(site):
    """Graph being busy is no finding of ours."""
    site.tenancy.failing["definitions"] = Throttled("429")
    report = await site.report()
    assert report.sound
    assert problems(report, Name.READ, "/definitions") == [(Problem.THROTTLED, UNKNOWN)]


async def test_a_package_that_is_gone(site):
    """It is named, with what to correct in the model."""
    del site.tenancy.packages["package-care"]
    report = await site.report()
    (one,) = [one for one in report.checks if one.about == "package-care"]
    assert (one.state, one.label, one.notes[0].problem) == (FINDING, "care", Problem.ABSENT)
    assert "accessPackage" in one.notes[0].next
    assert one.url.endswith("accessPackages/package-care")


async def test_no_token_at_all(site):
    """Named; nobody can say whose roles to look for, and the other reads are still asked."""
    site.tenancy.who = Transient("no token for Graph (CredentialUnavailableError)")
    report = await site.report()
    assert problems(report, Name.IDENTITY) == [(Problem.UNANSWERED, FINDING)]
    assert problems(report, Name.APP_ROLES) == [(Problem.NOT_THE_APP, UNKNOWN)]
    assert problems(report, Name.CATALOG_ROLE) == [(Problem.SKIPPED, UNKNOWN)]
    assert problems(report, Name.PACKAGE) == []


async def test_a_token_that_says_nothing(site):
    """Is told as that."""
    site.tenancy.who = Bearer(opaque=True)
    assert problems(await site.report(), Name.IDENTITY) == [(Problem.OPAQUE_TOKEN, UNKNOWN)]


async def test_a_persons_token_is_not_the_apps(site):
    """What a person may says nothing of what the app may, so its permissions are not known."""
    site.tenancy.who = Bearer("tenant", "cli", "principal", delegated=True)
    report = await site.report()
    assert problems(report, Name.IDENTITY) == problems(report, Name.APP_ROLES) == [(Problem.NOT_THE_APP, UNKNOWN)]


async def test_application_permissions_that_are_missing_or_too_many(site):
    """A missing one is a finding that names it and its principal; one too many is told."""
    site.tenancy.who = Bearer("tenant", "app", "principal", APP.roles - {"User.Read.All"} | {"Mail.Read"})
    (one,) = [one for one in (await site.report()).checks if one.name is Name.APP_ROLES]
    assert [(note.problem, note.state) for note in one.notes] == [
        (Problem.ROLE_MISSING, FINDING),
        (Problem.ROLE_TOO_MUCH, WARNING),
    ]
    assert "User.Read.All" in one.notes[0].seen
    assert "Mail.Read" in one.notes[1].seen


@pytest.mark.parametrize(
    ("grants", "expected"),
    [
        ((Grant(MANAGER, "CATALOG"),), []),
        ((Grant(MANAGER),), []),
        ((), [(Problem.ROLE_MISSING, FINDING)]),
        ((Grant(MANAGER, "elsewhere"),), [(Problem.ROLE_MISSING, FINDING)]),
        ((Grant("owner", "catalog"),), [(Problem.ROLE_TOO_MUCH, WARNING)]),
        ((Grant(MANAGER, "catalog"), Grant("owner")), [(Problem.ROLE_TOO_MUCH, WARNING)]),
    ],
)
async def test_the_role_in_each_catalog(site, grants, expected):
    """Assignment manager, there or everywhere, and nothing else."""
    site.tenancy.roles_of["principal"] = grants
    assert problems(await site.report(), Name.CATALOG_ROLE) == expected


async def test_who_may_not_see_roles_does_not_know(site):
    """With catalog roles alone Graph refuses that list, as it should."""
    site.tenancy.failing["roleAssignments"] = refused(403)
    report = await site.report()
    assert problems(report, Name.CATALOG_ROLE) == [(Problem.DENIED, UNKNOWN)]
    assert report.sound


async def test_a_model_that_does_not_load(site):
    """Is found; what it names cannot be looked at, everything else is."""
    site.model_error = Misconfigured("model.yaml: rules[0].when: no CEL")
    report = await site.report()
    assert problems(report, Name.MODEL) == [(Problem.MISCONFIGURED, FINDING)]
    for name in (Name.CATALOG, Name.PACKAGE, Name.POLICY, Name.CATALOG_ROLE):
        assert problems(report, name) == [(Problem.SKIPPED, UNKNOWN)]
    assert problems(report, Name.QUEUE) == problems(report, Name.READ) == problems(report, Name.BUDGET) == []


def test_settings_that_are_wrong():
    """Then there is nothing to look at, and that is a finding too."""
    report = wrong_settings(Misconfigured("settings: LIFECYCLE_MODEL is not set"))
    assert problems(report, Name.SETTINGS) == [(Problem.MISCONFIGURED, FINDING)]


@pytest.mark.parametrize(
    ("seen", "problem"),
    [
        (refused(404), Problem.ABSENT),
        (refused(403), Problem.DENIED),
        (Permanent("no"), Problem.REFUSED),
        (Transient("Service Bus did not serve work"), Problem.UNANSWERED),
        (QueueSeen(sessions=False, duplicates=True), Problem.SESSIONS_WRONG),
        (QueueSeen(sessions=True, duplicates=False), Problem.NO_DUPLICATE_DETECTION),
    ],
)
async def test_a_queue_that_is_absent_unreachable_or_wrong(site, seen, problem):
    """Named by its role; the other queues are still looked at."""
    site.namespace.queues[Queue.WORK] = seen
    assert await site.findings() == {(Name.QUEUE, "work", problem)}


async def test_a_queue_that_the_app_only_sends_to_need_not_be_read(site):
    """With the right to send alone nobody can look into `notices`: not known, and no finding."""
    site.namespace.queues[Queue.NOTICES] = refused(403)
    report = await site.report()
    assert problems(report, Name.QUEUE, "notices") == [(Problem.DENIED, UNKNOWN)]
    assert report.sound
    site.namespace.queues[Queue.NOTICES] = refused(404)
    assert await site.findings() == {(Name.QUEUE, "notices", Problem.ABSENT)}


async def test_notices_may_come_twice_but_work_may_not(site):
    """Which queues are consumed, and which hold what was set aside, is known here."""
    for queue in (Queue.NOTICES, Queue.QUARANTINE):
        site.namespace.queues[queue] = QueueSeen(sessions=False, duplicates=False, waiting=2, dead=0)
    report = await site.report()
    doubled = (Problem.NO_DUPLICATE_DETECTION, WARNING)
    assert problems(report, Name.QUEUE, "notices") == [doubled]
    assert problems(report, Name.QUEUE, "quarantine") == [doubled, (Problem.SET_ASIDE, WARNING)]


async def test_records_seals_and_bodies_that_cannot_be_reached(site, monkeypatch):
    """Every look at the records says so, seals and bodies by themselves, and Graph is still looked at."""

    async def gone(*_args, **_options):
        raise Transient("the table does not answer")

    monkeypatch.setattr(site.company.records, "rows", gone)
    monkeypatch.setattr(site.company.records, "read", gone)
    site.seals = site.bodies = gone
    report = await site.report()
    for name in (Name.RECORDS, Name.SEALS, Name.BODIES, Name.HELD, Name.TIMER, Name.BUDGET):
        assert {problem for problem, _ in problems(report, name)} == {Problem.UNANSWERED}
    assert problems(report, Name.PACKAGE) == []


@pytest.mark.parametrize("name", [Name.SEALS, Name.BODIES])
async def test_without_a_store_of_seals_or_of_bodies(site, name):
    """That is told, and is no finding."""
    assert problems(await site.report(), name) == [(Problem.SKIPPED, UNKNOWN)]


async def test_bodies_that_may_not_be_read_are_a_finding(site):
    """The role is missing, or the container: whatever is set aside and is large could not be kept or replayed."""

    async def refused_there():
        raise Misconfigured("https://contoso.blob.core.windows.net/bodies, list: 403; give the app's identity the role")

    site.bodies = refused_there
    assert await site.findings() == {(Name.BODIES, "", Problem.MISCONFIGURED)}


async def test_a_clock_that_is_wrong(site):
    """By the time that Graph's answers tell, from the first list that answers."""
    site.tenancy.date = START + timedelta(minutes=6)
    site.tenancy.failing["users"] = refused(403)
    assert (Name.CLOCK, "", Problem.CLOCK_WRONG) in await site.findings()


async def test_timers_held_sets_and_the_budget(site):
    """What the records say is judged: a fault, a standstill, a hold, an empty budget."""
    records = site.company.records
    await heartbeats.beat(records, Beat("wake", START - timedelta(minutes=1), 1.0, "Transient"))
    await heartbeats.beat(records, Beat("drift", START - timedelta(days=4)))
    await holds.hold(records, Held("run", "e1", "hash", ("remove",), "cause", "too many", START))
    site.company.model = a_model(EVERYONE, CARE, budget=Budget(0))
    report = await site.report()
    assert problems(report, Name.TIMER, "wake") == [(Problem.LAST_RUN_FAILED, FINDING)]
    assert problems(report, Name.TIMER, "drift") == [(Problem.STANDS_STILL, FINDING)]
    assert problems(report, Name.HELD) == [(Problem.HELD, WARNING)]
    assert problems(report, Name.BUDGET) == [(Problem.BUDGET_RESERVED, FINDING)]


async def test_a_look_that_hangs_is_given_up(site, monkeypatch):
    """Within its time, and the others are done meanwhile."""
    monkeypatch.setattr(site.namespace, "look", lambda _: asyncio.Event().wait())
    async with asyncio.timeout(2):
        report = await site.report(patience=timedelta(milliseconds=20))
    assert problems(report, Name.QUEUE) == [(Problem.TOO_SLOW, FINDING)] * len(Queue)
    assert problems(report, Name.PACKAGE) == []


async def test_a_defect_of_a_look_is_told_without_its_text(site):
    """It is not known then how things are; the error's text may hold anything and stays here."""
    site.tenancy.failing["accessPackages/package-care"] = ValueError("ada@example.org")
    report = await site.report()
    (one,) = [one for one in report.checks if one.about == "package-care"]
    assert [(note.problem, note.state) for note in one.notes] == [(Problem.DEFECT, UNKNOWN)]
    assert "ada" not in repr(one)


async def test_few_looks_run_at_once(site, monkeypatch):
    """Side by side, four at most."""
    running, most = 0, 0

    async def look(_):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return QueueSeen()

    monkeypatch.setattr(site.namespace, "look", look)
    await site.report()
    assert 2 <= most <= 4


# --- a user ----------------------------------------------------------------------------------------------------------


async def of_user(site, name="user-e1"):
    report = await site.report(user=name)
    return sorted(problems(report, Name.USER))


async def test_a_user_whom_somebody_is_taken_for(site):
    """Found by id and by name, and nothing is wrong."""
    await claims.claim(site.company.records, "user-e1", "e1")
    assert await of_user(site) == await of_user(site, "e1@EXAMPLE.org") == []


async def test_a_user_who_is_not_there(site):
    """A finding, whatever was asked for."""
    assert await of_user(site, "nobody@example.org") == [(Problem.ABSENT, FINDING)]
    site.tenancy.failing["users"] = refused(403)
    assert await of_user(site) == [(Problem.DENIED, FINDING)]


async def test_a_user_whom_nobody_is_taken_for(site):
    """Told; it may be a robot's, or somebody whom HR has not told of."""
    assert await of_user(site) == [(Problem.UNCORRELATED, WARNING)]


@pytest.mark.parametrize(
    ("users", "claimants", "expected"),
    [
        ([User("user-e1", "E1", "x", enabled=False)], ["e1"], [(Problem.DISABLED, WARNING)]),
        ([User("user-e1", None, "x", enabled=True)], ["e1"], [(Problem.NO_EMPLOYEE_ID, WARNING)]),
        ([a_user(), User("user-2", "E1", "y", enabled=True)], ["e1"], [(Problem.EMPLOYEE_ID_TWICE, FINDING)]),
        ([a_user()], ["e1", "e2"], [(Problem.CLAIMED_TWICE, FINDING)]),
        ([a_user()], ["e2"], [(Problem.CLAIMED_BY_ANOTHER, FINDING)]),
    ],
)
async def test_a_user_with_whom_something_is_wrong(site, users, claimants, expected):
    """Disabled, without employeeId, one of several with it, taken for two people or for another."""
    site.tenancy.users = users
    for person in claimants:
        await claims.claim(site.company.records, "user-e1", person)
    assert await of_user(site) == expected


async def test_the_others_of_an_employee_id_that_cannot_be_read(site):
    """Then nobody knows whether it is unique."""
    await claims.claim(site.company.records, "user-e1", "e1")
    site.tenancy.failing["employeeId"] = refused(403)
    assert await of_user(site) == [(Problem.DENIED, FINDING)]


async def test_probes_tell_what_graph_says(site):
    """Yes or no are both answers; only no answer is not known, and a probe is never a finding."""
    site.tenancy.failing["probe/3-top"] = refused(400, "BadRequest")
    site.tenancy.failing["probe/6"] = Transient("no connection")
    report = await site.report()
    (no,) = [one for one in report.checks if one.about == "3-top"]
    assert (no.state, "400 BadRequest" in no.seen) == (OK, True)
    assert problems(report, Name.PROBE, "6") == [(Problem.UNANSWERED, UNKNOWN)]
    assert {one.about for one in report.checks if one.name is Name.PROBE} >= {"1", "2", "5", "7", "8", "10"}
