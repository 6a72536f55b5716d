"""Where adapters meet ports, and nowhere else. One set of clients a process and event loop, made at the first use.

Async clients belong to the loop that first used them, so nothing is made at import and nothing is closed between two
invocations.
"""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from lifecycle.adapters.blobs.address import ContainerAddress
from lifecycle.adapters.clock import OffsetClock, SystemClock
from lifecycle.adapters.folder import FolderBodies
from lifecycle.adapters.folder_seals import FolderSeals
from lifecycle.adapters.graph import GraphClient, GraphEntitlements, GraphReviews, GraphUsers, StaticToken
from lifecycle.adapters.sqlite import SqliteRecords
from lifecycle.adapters.tables.address import TableAddress
from lifecycle.pace import SharedPace
from lifecycle.ports import Clock, Ports
from lifecycle.records.budget import Meter
from lifecycle.settings import Settings

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

    from lifecycle.adapters.bamboohr import BambooHR
    from lifecycle.adapters.blobs.bodies import BlobBodies
    from lifecycle.adapters.blobs.seals import BlobSeals
    from lifecycle.adapters.graph.witness import GraphWitness
    from lifecycle.adapters.servicebus import ServiceBus
    from lifecycle.adapters.tables.records import TableRecords
    from lifecycle.adapters.telemetry import Telemetry
    from lifecycle.check import Premises
    from lifecycle.core.model import AccessModel


class Wiring:
    """The adapters for one process. `ports()` gives what the verbs need; `close()` ends it all."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._ports: Ports | None = None
        self._bus: ServiceBus | None = None
        self._graph: GraphClient | None = None
        self._records: SqliteRecords | TableRecords | None = None
        self._seals: FolderSeals | BlobSeals | None = None
        self._bodies: FolderBodies | BlobBodies | None = None
        self._credential: AsyncTokenCredential | None = None
        self._telemetry: Telemetry | None = None
        self._bamboohr: BambooHR | None = None
        self._once = asyncio.Lock()

    async def ports(self) -> Ports:
        """Return the ports, made at the first call. Raises `Misconfigured` for a wrong access model or setting."""
        async with self._once:
            if self._ports is None:
                self._observe()
                self._ports = await self._make()
            return self._ports

    @property
    def clock(self) -> Clock:
        """Return the system's clock, or the sandbox's."""
        return OffsetClock(Path(self.settings.clock_file)) if self.settings.clock_file else SystemClock()

    @property
    def bus(self) -> "ServiceBus":
        """Return the queues; nothing is connected before the first use."""
        if self._bus is None:
            from lifecycle.adapters.servicebus import ServiceBus  # noqa: PLC0415 - half a second that not every command needs

            settings = self.settings
            self._bus = (
                ServiceBus.by_connection_string(settings.service_bus, settings.queues)
                if settings.service_bus
                else ServiceBus.by_identity(settings.namespace, self.credential, settings.queues)
            )
        return self._bus

    @property
    def records(self) -> "SqliteRecords | TableRecords":
        """Return the records; the file is opened, or the table asked for, at the first use."""
        if self._records is None:
            at = self.settings.records_at
            self._records = SqliteRecords(at) if isinstance(at, Path) else self._table(at)
        return self._records

    @property
    def seals(self) -> "FolderSeals | BlobSeals":
        """Return the seals; nothing is connected before the first use."""
        if self._seals is None:
            at = self.settings.seals_at
            self._seals = FolderSeals(at) if isinstance(at, Path) else self._container(at)
        return self._seals

    @property
    def bodies(self) -> "FolderBodies | BlobBodies":
        """Return the set-aside bodies; nothing is connected before the first use."""
        if self._bodies is None:
            at = self.settings.bodies_at
            self._bodies = FolderBodies(at) if isinstance(at, Path) else self._large(at)
        return self._bodies

    @property
    def graph(self) -> GraphClient:
        """Return the Graph client; the SDK is loaded at the first call."""
        if self._graph is None:
            settings = self.settings
            credential = StaticToken(settings.graph_token) if settings.graph_token else self.credential
            self._graph = GraphClient(credential, mode=settings.listing, base_url=settings.graph)
        return self._graph

    @property
    def witness(self) -> "GraphWitness":
        """Return what Graph can testify for evidence packets."""
        from lifecycle.adapters.graph.witness import GraphWitness  # noqa: PLC0415 - for evidence packets alone

        return GraphWitness(self.graph)

    @property
    def credential(self) -> "AsyncTokenCredential":
        """Return the managed identity in Azure, the signed-in engineer elsewhere."""
        if self._credential is None:
            from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415 - as above

            self._credential = DefaultAzureCredential(managed_identity_client_id=self.settings.client_id or None)
        return self._credential

    def _table(self, at: TableAddress) -> "TableRecords":
        from lifecycle.adapters.tables.records import TableRecords  # noqa: PLC0415 - a quarter of a second, as above

        return TableRecords(at, None if at.emulated else self.credential)

    def _container(self, at: ContainerAddress) -> "BlobSeals":
        from lifecycle.adapters.blobs.seals import BlobSeals  # noqa: PLC0415 - as above

        return BlobSeals(at, None if at.emulated else self.credential)

    def _large(self, at: ContainerAddress) -> "BlobBodies":
        from lifecycle.adapters.blobs.bodies import BlobBodies  # noqa: PLC0415 - as above

        return BlobBodies(at, None if at.emulated else self.credential)

    async def fetch(self) -> "BambooHR | None":
        """Return HR's system that gives notices, if one is set up. Raises `Misconfigured` for a wrong mapping."""
        settings = self.settings
        if self._bamboohr is None and settings.bamboohr:
            from lifecycle.adapters.bamboohr import BambooHR  # noqa: PLC0415 - only where it is set up
            from lifecycle.adapters.mapping import load  # noqa: PLC0415 - likewise

            self._bamboohr = BambooHR(
                settings.bamboohr,
                await asyncio.to_thread(load, Path(settings.bamboohr_mapping)),
                key=settings.bamboohr_key,
                webhook_key=settings.bamboohr_webhook_key,
            )
        return self._bamboohr

    async def model(self) -> "AccessModel":
        """Read and compile the access model."""
        from lifecycle.adapters.rules import load  # noqa: PLC0415 - compiling rules loads the CEL library

        return await asyncio.to_thread(load, Path(self.settings.model))

    def premises(self) -> "Premises":
        """Return what `lifecycle check` looks at; nothing is read or connected yet, so that each look fails alone."""
        from lifecycle.adapters.graph.tenancy import GraphTenancy  # noqa: PLC0415 - for that one command alone
        from lifecycle.adapters.servicebus.properties import ServiceBusNamespace  # noqa: PLC0415 - likewise
        from lifecycle.check import Premises  # noqa: PLC0415 - likewise

        settings = self.settings
        return Premises(
            clock=self.clock,
            records=self.records,
            meter=Meter(self.records),
            tenancy=GraphTenancy(self.graph),
            namespace=ServiceBusNamespace.by_connection_string(settings.service_bus, settings.queues)
            if settings.service_bus
            else ServiceBusNamespace.by_identity(settings.namespace, self.credential, settings.queues),
            model=self.model,
            schedules=settings.schedules,
            seals=self.seals.names,
            bodies=self.bodies.touch,
        )

    def _observe(self) -> None:
        """Begin to record, when there is somewhere to send to."""
        if self._telemetry is None and self.settings.telemetry_to:
            from lifecycle.adapters.telemetry import To, telemetry  # noqa: PLC0415 - only where it is asked for

            settings = self.settings
            self._telemetry = telemetry(
                To(settings.telemetry_to),
                connection=settings.insights,
                endpoint=settings.collector,
                share=settings.traced_share,
            )
            self._telemetry.start()

    async def _make(self) -> Ports:
        return Ports(
            clock=self.clock,
            records=self.records,
            bus=self.bus,
            bodies=self.bodies,
            users=GraphUsers(self.graph),
            entitlements=GraphEntitlements(self.graph, now=self.clock.now),
            reviews=GraphReviews(self.graph),
            pace=SharedPace(self.records, self.clock, writes_per_second=self.settings.writes_per_second),
            meter=Meter(self.records),
            seals=self.seals,
            model=await self.model(),
            lectern=self.bus,
            retention=self.settings.retained,
            fetch=await self.fetch(),
        )

    async def close(self) -> None:
        """Close whatever was opened."""
        seals = None if isinstance(self._seals, FolderSeals) else self._seals
        bodies = None if isinstance(self._bodies, FolderBodies) else self._bodies
        for client in (self._bus, self._graph, self._records, seals, bodies, self._bamboohr, self._credential):
            if client is not None:
                await client.close()
        if self._telemetry is not None:
            await asyncio.to_thread(self._telemetry.close)
            self._telemetry = None
