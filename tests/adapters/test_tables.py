"""What records in Azure Tables do beyond the port: broken connections, absent rows, refusals, a table that vanishes.

The faults happen between the real SDK and Azurite; answers that Azurite never gives come from a canned server.
"""

import asyncio
import contextlib
import json
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError, ServiceResponseTimeoutError
from azure.core.pipeline.transport import AioHttpTransport
from azure.data.tables.aio import TableClient

from lifecycle.adapters.tables.address import table_address
from lifecycle.adapters.tables.connection import ATTEMPTS, EMULATOR
from lifecycle.adapters.tables.records import TableRecords
from lifecycle.errors import Lost, Misconfigured, Permanent, Throttled, Transient
from lifecycle.ports import Delete, Insert, Put, Replace
from lifecycle.settings import from_environment
from lifecycle.wiring import Wiring


class Faulty(AioHttpTransport):
    """The SDK's transport, with a fault for each of the next calls, and a log of what was sent.

    `before` breaks the connection before anything is sent, `after` when the answer should come; a coroutine function
    is run before the call.
    """

    def __init__(self):
        super().__init__(use_env_settings=False)
        self.faults = []
        self.sent = []

    async def send(self, request, **options):
        self.sent.append(request)
        fault = self.faults.pop(0) if self.faults else None
        if fault == "before":
            raise ServiceRequestError("no connection")
        if callable(fault):
            await fault()
        response = await super().send(request, **options)
        if fault == "after":
            await response.read()
            raise ServiceResponseTimeoutError("no answer")
        return response


@pytest.fixture
def transport():
    return Faulty()


@pytest.fixture
def waits():
    return []


@pytest.fixture
async def records(table, transport, waits):
    store = TableRecords(table, transport=transport, sleep=noting(waits))
    assert await store.rows("p") == []
    transport.sent.clear()
    yield store
    await store.close()


@pytest.fixture
async def other(table):
    """Another instance of the app on the same table."""
    store = TableRecords(table)
    yield store
    await store.close()


def noting(waits):
    async def sleep(seconds):
        waits.append(seconds)

    return sleep


# --- an outcome that nobody knows ---


@pytest.mark.parametrize("change", [Insert("k", b"new"), Put("k", b"new")])
async def test_a_write_that_was_made_and_not_answered_is_transient(records, transport, other, change):
    """It is sent once, nobody is told that it was made or lost, and who looks finds it."""
    transport.faults = ["after"]
    with pytest.raises(Transient) as caught:
        await records.write("p", [change, Insert("other", b"")])
    assert not isinstance(caught.value, Lost)
    assert len(transport.sent) == 1
    assert [row.key for row in await other.rows("p")] == ["k", "other"]
    with pytest.raises(Lost):
        await records.write("p", [Insert("k", b"again")])


async def test_a_write_that_was_never_sent_is_transient_and_may_be_made_again(records, transport, other):
    """Nothing of it is there, and the caller's next try is an ordinary write."""
    transport.faults = ["before"]
    with pytest.raises(Transient):
        await records.write("p", [Insert("k", b"v")])
    assert len(transport.sent) == 1
    assert await other.rows("p") == []
    assert set(await records.write("p", [Insert("k", b"v")])) == {"k"}


@pytest.mark.parametrize("fault", ["before", "after"])
async def test_a_read_is_repeated(records, transport, other, waits, fault):
    """Reading twice harms nothing, so a broken connection is not seen; and one that stays broken is no empty answer."""
    await other.write("p", [Put("k", b"v")])
    transport.faults = [fault] * 2
    assert (await records.read("p", "k")).value == b"v"
    transport.faults = [fault] * 2
    assert [row.key for row in await records.rows("p")] == ["k"]
    assert len(transport.sent) == 6
    assert len(waits) == 4
    for read in (records.read("p", "absent"), records.rows("empty")):
        transport.faults = [fault] * ATTEMPTS
        with pytest.raises(Transient):
            await read


async def test_the_table_is_asked_for_no_more_than_is_wanted(records, transport, table):
    """Limit and bounds are the table's to apply, it is asked with what it can hold, and no key is in a path."""

    def asked():
        parts = urlsplit(transport.sent[-1].url)
        query = parse_qs(parts.query)
        return parts.path.endswith(f"/{table.table}()"), query["$filter"], query["$top"]

    await records.rows("p", after="b\x00", before="￮'", limit=2)
    assert asked() == (True, ["PartitionKey eq 'p' and RowKey ge 'b ' and RowKey lt '\U00011fee'''"], ["2"])
    await records.read("p", "%41")
    assert asked() == (True, ["PartitionKey eq 'p' and RowKey eq '%41'"], ["1"])
    transport.sent.clear()
    assert await records.rows("p", after="b", before="a") == []
    assert transport.sent == []


# --- deletes of rows that are not there ---


async def test_a_delete_of_no_row_leaves_the_others_atomic(records, transport):
    """What is not there is left out, the rest is one transaction, and conditions hold as ever."""
    await records.write("p", [Put("there", b"1"), Put("fixed", b"1")])
    transport.sent.clear()
    absent = [Delete("absent-1"), Delete("absent-2")]
    assert set(await records.write("p", [*absent, Insert("new", b""), Delete("there")])) == {"new"}
    assert [request.method for request in transport.sent].count("POST") == 2
    assert [row.key for row in await records.rows("p")] == ["fixed", "new"]
    with pytest.raises(Lost):
        await records.write("p", [Delete("absent"), Put("more", b""), Insert("fixed", b"")])
    with pytest.raises(Lost):
        await records.write("p", [Delete("absent"), Put("more", b""), Replace("gone", b"", 'W/"old"')])
    assert [row.key for row in await records.rows("p")] == ["fixed", "new"]


async def test_deletes_of_no_rows_alone_are_fine(records):
    """A write that has nothing left to do has done it."""
    assert await records.write("p", [Delete(f"absent-{number}") for number in range(3)]) == {}


async def test_a_row_that_goes_while_we_look_is_left_out_too(records, transport, other):
    """Another writer that deletes the same rows in between does not make the write fail."""
    await other.write("p", [Put("going", b""), Put("k", b"")])

    async def nothing():
        pass

    async def take_it():
        await other.write("p", [Delete("going")])

    transport.faults = [nothing, nothing, nothing, take_it]  # the write, a look at each delete, the write
    changes = [Delete("absent"), Delete("going"), Put("k", b"2")]
    assert set(await records.write("p", changes)) == {"k"}
    assert [(row.key, row.value) for row in await records.rows("p")] == [("k", b"2")]


# --- the table ---


async def test_instances_that_start_together_share_one_table(table):
    """Whoever makes it, the others use it."""
    stores = [TableRecords(table) for _ in range(4)]
    await asyncio.gather(*(store.write("p", [Put(str(number), b"")]) for number, store in enumerate(stores)))
    assert [row.key for row in await stores[0].rows("p")] == ["0", "1", "2", "3"]
    await asyncio.gather(*(store.close() for store in stores))


async def test_a_table_that_vanishes_is_an_error_and_not_an_empty_one(records, table):
    """Made at the first use alone: when somebody deletes it, nothing reads as absent and nothing is written."""
    await records.write("p", [Put("k", b"v")])
    async with TableClient(table.endpoint, table.table, credential=EMULATOR) as client:
        await client.delete_table()
    for call in (
        records.read("p", "k"),
        records.rows("p"),
        records.write("p", [Put("k", b"")]),
        records.write("p", [Delete("k")]),
    ):
        with pytest.raises(Misconfigured, match=f"{table.table}.*the table was deleted"):
            await call


async def test_rows_of_something_else_are_refused(records, table):
    """An entity without our property is nobody's empty row."""
    async with TableClient(table.endpoint, table.table, credential=EMULATOR) as client:
        await client.create_entity({"PartitionKey": "p", "RowKey": "k", "theirs": 1})
    for call in (records.read("p", "k"), records.rows("p")):
        with pytest.raises(Misconfigured, match="something else"):
            await call


def test_one_adapter_serves_event_loops_one_after_the_other(table):
    """Each loop has connections of its own, which its `close` closes."""
    records = TableRecords(table)

    async def in_a_loop(work):
        try:
            return await work
        finally:
            await records.close()

    asyncio.run(in_a_loop(records.write("p", [Put("k", b"1")])))
    assert asyncio.run(in_a_loop(records.read("p", "k"))).value == b"1"


async def test_no_proxy_stands_between_this_machine_and_itself(table, monkeypatch):
    """The environment's proxy is for Azure, not for the emulator."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    store = TableRecords(table, sleep=noting([]))
    assert await store.rows("p") == []
    await store.close()


async def test_the_settings_lead_to_the_table(table):
    """LIFECYCLE_RECORDS alone decides where records are kept; what is opened is closed with the rest."""
    settings = {
        "LIFECYCLE_RECORDS": str(table),
        "LIFECYCLE_MODEL": "m",
        "LIFECYCLE_BODIES": "b",
        "LIFECYCLE_SEALS": "s",
        "ServiceBus": "s",
    }
    wiring = Wiring(from_environment(settings))
    await wiring.records.write("p", [Put("k", b"v")])
    await wiring.close()
    again = TableRecords(table)
    assert (await again.read("p", "k")).value == b"v"
    await again.close()


# --- identity ---


class Signed:
    """A credential that says for what it was asked."""

    def __init__(self):
        self.scopes = []

    async def get_token(self, *scopes, **_options):
        self.scopes.extend(scopes)
        return AccessToken("token", 2**31 - 1)

    async def close(self):
        pass


async def test_in_azure_the_apps_identity_is_used(transport):
    """A bearer token for Storage goes to the account, and no shared key does."""
    credential = Signed()
    address = table_address("https://contoso.table.core.windows.net/records")
    store = TableRecords(address, credential, transport=transport, sleep=noting([]))
    transport.faults = ["before"] * ATTEMPTS
    with pytest.raises(Transient):
        await store.read("p", "k")
    assert credential.scopes[0] == "https://storage.azure.com/.default"
    assert {request.headers["Authorization"] for request in transport.sent} == {"Bearer token"}
    assert {request.url for request in transport.sent} == {"https://contoso.table.core.windows.net/Tables"}
    await store.close()


async def test_without_a_token_the_identity_is_named(transport):
    """An identity that gets no token now may get one later; nothing was sent, and no role is blamed."""

    class Unsigned(Signed):
        async def get_token(self, *scopes, **options):
            raise ClientAuthenticationError("secret")

    address = table_address("https://contoso.table.core.windows.net/records")
    store = TableRecords(address, Unsigned(), transport=transport, sleep=noting([]))
    with pytest.raises(Transient, match="check the app's identity"):
        await store.read("p", "k")
    assert transport.sent == []
    await store.close()


def test_azure_needs_an_identity():
    """Without one nothing is made that would try."""
    with pytest.raises(Misconfigured, match="identity"):
        TableRecords(table_address("https://contoso.table.core.windows.net/records"))


# --- answers that Azurite never gives ---


@contextlib.asynccontextmanager
async def answering(*answers, made=(409, "TableAlreadyExists", {})):
    """A server that gives one answer after the other, the last one for ever; `made` is the one to making the table.

    An answer is a status, a code of the service (none: a page of something in between) and headers. Yields the store,
    its waits and the methods that were asked.
    """
    left = [made, *answers]
    asked, waits = [], []

    async def serve(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next((line.split(":")[1] for line in head.splitlines() if line.lower().startswith("content-len")), 0)
        await reader.readexactly(int(length))
        asked.append(head.split(" ")[0])
        status, code, headers = left.pop(0) if len(left) > 1 else left[0]
        found = {"odata.error": {"code": code, "message": {"lang": "en-US", "value": "secret-key"}}}
        body = (code if isinstance(code, bytes) else json.dumps(found).encode()) if code else b"<html>secret-key</html>"
        kind = "application/json" if code else "text/html"
        lines = {"Content-Type": kind, "Content-Length": len(body), "Connection": "close"} | headers
        text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        writer.write(f"HTTP/1.1 {status} Said\r\n{text}\r\n".encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    store = TableRecords(table_address(f"http://127.0.0.1:{port}/devstoreaccount1/records"), sleep=noting(waits))
    try:
        yield store, waits, asked
    finally:
        await store.close()
        server.close()
        await server.wait_closed()


def calls(store):
    return [
        store.read("person-1", "k-secret"),
        store.rows("person-1", after="k-secret"),
        store.write("person-1", [Put("k-secret", b"")]),
        store.write("person-1", [Delete("k-secret")]),
    ]


@pytest.mark.parametrize(
    ("status", "code", "kind", "says"),
    [
        (401, "InvalidAuthenticationInfo", Misconfigured, "Storage Table Data Contributor"),
        (403, "AuthorizationPermissionMismatch", Misconfigured, "Storage Table Data Contributor"),
        (403, None, Misconfigured, "firewall"),
        (400, "InvalidInput", Permanent, "400 InvalidInput"),
        (404, None, Transient, "404"),
        (400, None, Transient, "400"),
        (400, "secret <code>", Transient, "400"),
        (409, "TableBeingDeleted", Transient, "TableBeingDeleted"),
        (429, "TooManyRequests", Throttled, "busy"),
        (500, "OperationTimedOut", Transient, "OperationTimedOut"),
        (503, "ServerBusy", Throttled, "busy"),
        (504, None, Transient, "504"),
        (200, b"{", Transient, "200"),
    ],
)
async def test_every_refusal_says_what_to_do(status, code, kind, says):
    """Each status has its error, for each operation; none reads as an absent row, and none tells keys or bodies."""
    async with answering((status, code, {})) as (store, _, _):
        for call in calls(store):
            with pytest.raises(kind, match=says) as caught:
                await call
            assert not isinstance(caught.value, Lost)
            assert "secret" not in str(caught.value)


async def test_who_may_only_read_reads():
    """Making the table is refused to a reader, and not held against them; what they may not read says so itself."""
    refused = (403, "AuthorizationPermissionMismatch", {})
    async with answering((200, b'{"value": []}', {}), made=refused) as (store, _, asked):
        assert await store.rows("p") == []
        assert asked == ["POST", "GET"]
    for answer, says in ((refused, "Storage Table Data"), ((404, "TableNotFound", {}), "the table was deleted")):
        async with answering(answer, made=refused) as (store, _, _):
            with pytest.raises(Misconfigured, match=says):
                await store.rows("p")


async def test_a_write_is_repeated_only_while_the_table_is_too_busy():
    """As long as it asks, with the waits that it asks for; after that the caller hears how long to stay away."""
    busy = (503, "ServerBusy", {"Retry-After": "7"})
    async with answering(busy, busy, (409, "EntityAlreadyExists", {})) as (store, waits, _):
        with pytest.raises(Lost):
            await store.write("p", [Insert("k", b"")])
        assert waits == [7, 7]
    async with answering((429, "TooManyRequests", {"Retry-After": "600"})) as (store, waits, asked):
        with pytest.raises(Throttled) as caught:
            await store.write("p", [Insert("k", b"")])
        assert (caught.value.retry_after.total_seconds(), waits, asked) == (600, [], ["POST", "POST"])
    async with answering((500, "InternalError", {})) as (store, waits, asked):
        with pytest.raises(Transient):
            await store.write("p", [Insert("k", b"")])
        assert (waits, asked) == ([], ["POST", "POST"])  # the table, the write


async def test_an_empty_page_is_no_end():
    """A page may hold nothing and still name the next one; the list goes on there."""
    row = {"odata.etag": 'W/"1"', "PartitionKey": "p", "RowKey": "k", "value@odata.type": "Edm.Binary", "value": "dg=="}
    following = {"x-ms-continuation-NextPartitionKey": "p", "x-ms-continuation-NextRowKey": "k"}
    pages = [(200, b'{"value": []}', following), (200, json.dumps({"value": [row]}).encode(), {})]
    async with answering(*pages) as (store, _, asked):
        assert [(row.key, row.value) for row in await store.rows("p")] == [("k", b"v")]
        assert asked == ["POST", "GET", "GET"]


async def test_a_page_that_is_too_long_is_cut():
    """Whatever a page holds, a limit is the limit, and no further page is asked for."""
    row = {"odata.etag": 'W/"1"', "PartitionKey": "p", "RowKey": "k", "value@odata.type": "Edm.Binary", "value": "dg=="}
    rows = {"value": [row | {"RowKey": key} for key in "abc"]}
    following = {"x-ms-continuation-NextPartitionKey": "p", "x-ms-continuation-NextRowKey": "d"}
    async with answering((200, json.dumps(rows).encode(), following)) as (store, _, asked):
        assert [row.key for row in await store.rows("p", limit=2)] == ["a", "b"]
        assert asked == ["POST", "GET"]


async def test_a_list_that_breaks_in_its_middle_is_no_short_list():
    """When the second page does not come, there is no list at all."""
    following = {"x-ms-continuation-NextPartitionKey": "p", "x-ms-continuation-NextRowKey": "k"}
    async with answering((200, b'{"value": []}', following), (500, "InternalError", {})) as (store, _, asked):
        with pytest.raises(Transient):
            await store.rows("p")
        assert len(asked) == 2 + ATTEMPTS
