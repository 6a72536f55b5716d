"""What the tenancy promises: the stand-in, and Graph through the simulator."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from lifecycle.adapters.graph import GraphClient, StaticToken
from lifecycle.adapters.graph.tenancy import GraphTenancy
from lifecycle.core.configured import CatalogSeen, PackageSeen, PolicySeen
from lifecycle.errors import Refused, Transient
from lifecycle.ports import User
from lifecycle.ports.inspection import Bearer, Grant
from sandbox.graph import Tenant, app_token, graph_app, tenantfile
from sandbox.graph.faults import Fault
from sandbox.graph.token import APP, PRINCIPAL, ROLES, TENANT
from tests.fakes.clock import MovableClock
from tests.fakes.tenancy import MANAGER, MemoryTenancy, refused

START = datetime(2026, 1, 1, tzinfo=UTC)
HOSTILE = ["o'neil@example.org", "' or 1 eq 1", "../../me", "me", "", "ada@example.org?$select=id", "\x00"]


def guid(kind, number):
    return f"{kind}0000000-0000-0000-0000-{number:012d}"


CATALOG, PACKAGE, POLICY, ADA, BOB = guid("c", 1), guid("a", 1), guid("b", 1), guid("d", 1), guid("d", 2)
USERS = (User(ADA, "E1", "ada@example.org", enabled=True), User(BOB, "E1", "o'neil@example.org", enabled=False))


class InMemory:
    def __init__(self):
        self.clock = MovableClock(START)
        self.tenancy = MemoryTenancy(self.clock, users=USERS)
        self.tenancy.who = Bearer(TENANT, APP, PRINCIPAL, frozenset(ROLES))
        self.tenancy.roles_of = {PRINCIPAL: (Grant(MANAGER),)}
        self.tenancy.catalogs = {CATALOG: CatalogSeen(CATALOG, "published")}
        self.tenancy.packages = {PACKAGE: PackageSeen(PACKAGE, CATALOG)}
        self.tenancy.policies = {POLICY: PolicySeen(id=POLICY, package=PACKAGE, scope="notSpecified")}

    def deny(self, path):
        self.tenancy.failing[path] = refused(403)

    def break_policy(self):
        self.tenancy.policies[POLICY] = PolicySeen(
            id=POLICY,
            package=PACKAGE,
            approval_to_add=True,
            approval_to_update=True,
            custom_schedule=False,
            automatic=True,
            scope="allMemberUsers",
            longest=timedelta(days=30),
        )

    def unpublish(self):
        self.tenancy.catalogs[CATALOG] = CatalogSeen(CATALOG, "unpublished")

    def grant(self, *roles):
        self.tenancy.roles_of = {PRINCIPAL: tuple(Grant(role, catalog) for role, catalog in roles)}

    def skew(self, by):
        self.tenancy.date = START + by

    async def close(self):
        pass


class Simulated:
    def __init__(self):
        token = app_token()
        self.tenant = Tenant.from_yaml(self.file(), now=lambda: START, token=token)
        transport = httpx.ASGITransport(graph_app(self.tenant))
        self.client = GraphClient(StaticToken(token), base_url="http://127.0.0.1/v1.0", attempts=1, transport=transport)
        self.tenancy = GraphTenancy(self.client)

    def file(self, state="published", **policy):
        package = {"id": PACKAGE, "displayName": "P", "catalog": CATALOG, "assignmentPolicies": [{"id": POLICY}]}
        package["assignmentPolicies"][0] |= policy
        users = [
            {"id": one.id, "userPrincipalName": one.user_principal_name, "employeeId": one.employee_id} for one in USERS
        ]
        users[1]["accountEnabled"] = False
        catalogs = [{"id": CATALOG, "displayName": "C", "state": state}]
        return {"catalogs": catalogs, "accessPackages": [package], "users": users}

    def change(self, **content):
        self.tenant.change(tenantfile.decode(content, tenantfile.TenantChange))

    def deny(self, path):
        self.tenant.faults.add([Fault(kind="403", path=path)])

    def break_policy(self):
        broken = {"approvalForAdd": True, "approvalForUpdate": True, "customSchedule": False, "automatic": True}
        packages = self.file(**broken, allowedTargetScope="allMemberUsers", expiration="P30D")["accessPackages"]
        self.change(accessPackages=packages)

    def unpublish(self):
        self.change(catalogs=self.file("unpublished")["catalogs"])

    def grant(self, *roles):
        self.change(
            catalogRoles=[
                {"principal": PRINCIPAL, "role": role} | ({"catalog": catalog} if catalog else {})
                for role, catalog in roles
            ]
        )

    def skew(self, by):
        self.tenant.faults.add([Fault(kind="clockSkew", skew=by.total_seconds())])

    async def close(self):
        await self.client.close()


@pytest.fixture(params=[InMemory, Simulated])
async def world(request):
    world = request.param()
    yield world
    await world.close()


async def test_what_is_there_is_told(world):
    """Catalog, package with its catalog, policy with its package and all that would break us."""
    tenancy = world.tenancy
    assert (await tenancy.catalog(CATALOG)).found == CatalogSeen(CATALOG, "published")
    assert (await tenancy.package(PACKAGE)).found == PackageSeen(PACKAGE, CATALOG)
    sound = PolicySeen(id=POLICY, package=PACKAGE, scope="notSpecified")
    assert (await tenancy.policy(POLICY)).found == sound


async def test_what_is_wrong_is_told(world):
    """Each property of a policy, and a catalog that is not published."""
    world.break_policy()
    world.unpublish()
    assert (await world.tenancy.catalog(CATALOG)).found == CatalogSeen(CATALOG, "unpublished")
    assert (await world.tenancy.policy(POLICY)).found == PolicySeen(
        id=POLICY,
        package=PACKAGE,
        approval_to_add=True,
        approval_to_update=True,
        custom_schedule=False,
        automatic=True,
        scope="allMemberUsers",
        longest=timedelta(days=30),
    )


@pytest.mark.parametrize("what", ["catalog", "package", "policy"])
async def test_what_is_absent_or_denied_is_a_value(world, what):
    """Nothing raises; which of the two it was can be told, and the address is there in any case."""
    look = getattr(world.tenancy, what)
    absent = await look(guid("f", 9))
    assert (absent.found, absent.failed.status) == (None, 404)
    assert guid("f", 9) in absent.url
    world.deny(guid("f", 9))
    denied = await look(guid("f", 9))
    assert isinstance(denied.failed, Refused)
    assert (denied.found, denied.failed.status, denied.url) == (None, 403, absent.url)


async def test_a_user_by_id_and_by_name(world):
    """Without regard to case; a disabled one is told as such; an employeeId may be several users'."""
    tenancy = world.tenancy
    assert (await tenancy.user(ADA)).found == USERS[0]
    assert (await tenancy.user("ADA@example.org")).found == USERS[0]
    assert (await tenancy.user("o'neil@example.org")).found == USERS[1]
    assert (await tenancy.users_with("E1")).found == USERS
    assert (await tenancy.users_with("E'9")).found == ()


@pytest.mark.parametrize("name", [*HOSTILE[1:], guid("d", 9)])
async def test_nobody_is_found_by_a_name_that_is_none(world, name):
    """A name is never a path nor a part of a filter: nobody is found, and nothing fails."""
    read = await world.tenancy.user(name)
    assert (read.found, read.failed) == (None, None)


async def test_who_the_token_is_of(world):
    """Tenant, application, principal, application permissions."""
    assert await world.tenancy.bearer() == Bearer(TENANT, APP, PRINCIPAL, frozenset(ROLES))


async def test_roles_in_catalogs(world):
    """Everywhere until somebody says otherwise; then those that were given, in their catalogs; nobody else's."""
    tenancy = world.tenancy
    assert tenancy.assignment_manager == MANAGER
    assert (await tenancy.grants(PRINCIPAL)).found == (Grant(MANAGER),)
    world.grant((MANAGER, CATALOG), (guid("e", 1), ""))
    assert (await tenancy.grants(PRINCIPAL)).found == (Grant(MANAGER, CATALOG), Grant(guid("e", 1)))
    assert (await tenancy.grants(guid("5", 9))).found == ()


async def test_every_list_answers_and_tells_nobody(world):
    """The lists that the app reads, asked for nothing; a denied one says so, with Graph's time where it answered."""
    tenancy = world.tenancy
    for endpoint in tenancy.endpoints:
        read = await tenancy.touch(endpoint, PACKAGE, START)
        assert (read.failed, read.date) == (None, START), endpoint
        assert read.found.count <= 1
        world.deny(f"{endpoint}$")
        world.deny(endpoint.removeprefix("/"))
        assert (await tenancy.touch(endpoint, PACKAGE, START)).failed.status == 403


async def test_the_clock_of_graph_is_told(world):
    """As its answer says, ahead or behind."""
    world.skew(timedelta(minutes=-10))
    read = await world.tenancy.touch(world.tenancy.endpoints[0], PACKAGE, START)
    assert read.date == START - timedelta(minutes=10)


async def test_every_probe_is_answered(world):
    """By rows or by a refusal, each at an address of its own."""
    reads = [await world.tenancy.probe(number, PACKAGE, START) for number in world.tenancy.probes]
    assert all(isinstance(read.failed, Refused) or read.found is not None for read in reads)
    assert len({read.url for read in reads}) == len(reads)


async def test_graph_is_only_read():
    """Nothing but GET was sent, whatever was looked at."""
    world = Simulated()
    for name in (*HOSTILE, ADA):
        await world.tenancy.user(name)
    for endpoint in world.tenancy.endpoints:
        await world.tenancy.touch(endpoint, PACKAGE, START)
    for number in world.tenancy.probes:
        await world.tenancy.probe(number, PACKAGE, START)
    await world.close()
    assert {call.method for call in world.tenant.log.since(0)} == {"GET"}


async def test_a_gateways_page_is_no_answer():
    """What cannot be read is told as such, not as an absent thing."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text="<html>"))
    client = GraphClient(StaticToken("t"), base_url="http://127.0.0.1/v1.0", transport=transport)
    read = await GraphTenancy(client).package(PACKAGE)
    await client.close()
    assert isinstance(read.failed, Transient)
    assert read.found is None
