"""The port `Records` on Azure Table Storage: PartitionKey and RowKey are the port's, one binary property is the value.

A write is one transaction. A connection that breaks while it is under way leaves a write that may have been made, and
repeating an insert that was made would read as `Lost`; so that is left to the caller, who looks before it acts.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, assert_never

from azure.core import MatchConditions
from azure.data.tables import TableEntity, UpdateMode
from azure.data.tables.aio import TableClient

from lifecycle.adapters import limits
from lifecycle.adapters.tables.address import TableAddress
from lifecycle.adapters.tables.answers import RowAbsent
from lifecycle.adapters.tables.connection import Connection
from lifecycle.adapters.tables.names import read_back, stored, stored_bound
from lifecycle.errors import Lost, Misconfigured
from lifecycle.ports import Change, Delete, Insert, Put, Replace, Row

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.core.pipeline.transport import AsyncHttpTransport

VALUE = "value"
PAGE = 1000  # https://learn.microsoft.com/rest/api/storageservices/query-timeout-and-pagination

type Operation = tuple[str, dict[str, Any], dict[str, Any]]


class TableRecords:
    """Implements `Records` in one table, which is made at the first use; later its absence is an error.

    Beyond what the port says, every method raises `Transient` and `Throttled`, and `Misconfigured` (no access, the
    table vanished, it holds something else). A connection pool per event loop, made at the first call and kept until
    `close`. The credential is the caller's to close; an emulator needs none.
    """

    def __init__(
        self,
        address: TableAddress,
        credential: "AsyncTokenCredential | None" = None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        transport: "AsyncHttpTransport[Any, Any] | None" = None,
    ) -> None:
        self._table = Connection(address, credential, sleep=sleep, transport=transport)

    async def read(self, partition: str, key: str) -> Row | None:
        """Return the row, or None where there is none."""
        limits.check_name(partition, what="partition")
        limits.check_name(key)

        # A query, not the call for one entity: its path would hold the key, and Azure decodes a path twice, so that a
        # key with a percent sign would read as absent.
        names = {"partition": stored(partition), "key": stored(key)}
        found = await self._list(_Query("PartitionKey eq @partition and RowKey eq @key", names), limit=1)
        return found[0] if found else None

    async def rows(self, partition: str, *, after: str = "", before: str = "", limit: int = 0) -> list[Row]:
        """Return the rows with `after <= key < before` in key order; empty bounds are open, limit 0 is no limit.

        They are read in pages of at most 1000, each at its own moment.
        """
        limits.check_name(partition, what="partition")
        limits.check_bound(after)
        limits.check_bound(before)
        if before and after >= before:
            return []
        wanted = "PartitionKey eq @partition"
        wanted += " and RowKey ge @after" if after else ""
        wanted += " and RowKey lt @before" if before else ""
        names = {"partition": stored(partition), "after": stored_bound(after), "before": stored_bound(before)}
        return await self._list(_Query(wanted, names), limit)

    async def write(self, partition: str, changes: Sequence[Change]) -> dict[str, str]:
        """Make all changes or none; return the new etags by key. Raises `Lost` when a condition does not hold.

        `Transient` leaves open whether they were made. An unconditional `Delete` of a row that is not there is left
        out of the transaction (the table knows no such delete): it counts as made just before the others.
        """
        limits.check_name(partition, what="partition")
        limits.check_changes(changes)
        left = list(changes)
        while left:
            try:
                return await self._submit(partition, left)
            except RowAbsent as error:
                there = [await self._has_what_it_needs(partition, change) for change in left]
                if all(there):
                    raise Lost(str(error)) from error
                left = [change for change, is_there in zip(left, there, strict=True) if is_there]
        return {}

    async def close(self) -> None:
        """Close this event loop's connections; the next call opens new ones."""
        await self._table.close()

    async def _list(self, query: "_Query", limit: int) -> list[Row]:
        found: list[Row] = []
        token: object = None
        while True:
            page = await self._table.read("read rows", partial(query.page, token=token, size=min(limit or PAGE, PAGE)))
            found += [self._row(entity) for entity in page.entities]
            if limit and len(found) >= limit:
                return found[:limit]
            if not page.token:  # an empty page is no end
                return found
            token = page.token

    async def _submit(self, partition: str, changes: Sequence[Change]) -> dict[str, str]:
        operations = [self._operation(partition, change) for change in changes]
        answers = await self._table.write("write", lambda client: client.submit_transaction(operations))
        written = zip(changes, answers, strict=True)
        return {change.key: answer["etag"] for change, answer in written if not isinstance(change, Delete)}

    async def _has_what_it_needs(self, partition: str, change: Change) -> bool:
        """Tell whether the table takes the change: all but an unconditional delete of a row that is not there."""
        return change != Delete(change.key) or await self.read(partition, change.key) is not None

    def _operation(self, partition: str, change: Change) -> Operation:
        entity: dict[str, Any] = {"PartitionKey": stored(partition), "RowKey": stored(change.key)}
        if isinstance(change, Delete):
            return "delete", entity, {} if change.etag is None else self._still(change.etag)
        entity[VALUE] = bytes(change.value)
        match change:
            case Insert():
                return "create", entity, {}
            case Replace(etag=etag):
                return "update", entity, {"mode": UpdateMode.REPLACE, **self._still(etag)}
            case Put():
                return "upsert", entity, {"mode": UpdateMode.REPLACE}
            case _:
                assert_never(change)

    def _still(self, etag: str) -> dict[str, Any]:
        if not etag.startswith('W/"'):  # the table would call the request malformed, which sets a fact aside
            raise Lost(f"{self._table.address}: that etag is none of this table's; nothing was written")
        return {"etag": etag, "match_condition": MatchConditions.IfNotModified}

    def _row(self, entity: TableEntity) -> Row:
        value = entity.get(VALUE)
        if not isinstance(value, bytes):
            where = self._table.address
            raise Misconfigured(f"{where} holds rows of something else; name a table of Lifecycle's own.")
        return Row(read_back(entity["RowKey"]), value, entity.metadata["etag"] or "")


@dataclass(frozen=True, slots=True)
class _Page:
    entities: list[TableEntity]
    token: object = None


@dataclass(frozen=True, slots=True)
class _Query:
    """A listing: the filter, and what its names stand for."""

    wanted: str
    names: dict[str, str]

    async def page(self, client: TableClient, *, token: object, size: int) -> _Page:
        """Return the page that begins at the token (None: the first)."""
        listing = client.query_entities(self.wanted, parameters=self.names, results_per_page=size)
        pages: Any = listing.by_page(token)  # type: ignore[arg-type]  # this SDK's token is a mapping, not text
        async for page in pages:
            return _Page([entity async for entity in page], pages.continuation_token)
        return _Page([])
