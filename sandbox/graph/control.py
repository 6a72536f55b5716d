"""The switches of the simulator, for tests and people: the log, the faults, what others do to the tenant."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

import msgspec
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from sandbox.graph import tenantfile
from sandbox.graph.faults import KINDS, Fault
from sandbox.graph.tenant import Tenant
from sandbox.graph.tenantfile import TenantChange, TenantFileError

type Endpoint = Callable[[HttpRequest], Awaitable[Response]]
type Positive = Annotated[int, msgspec.Meta(ge=1)]
type NotNegative = Annotated[float, msgspec.Meta(ge=0)]


class NewSettings(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Settings to change; ranges are [least, most] in virtual seconds, `writes_per_second` null is no limit."""

    latency: tuple[NotNegative, NotNegative] | msgspec.UnsetType = msgspec.UNSET
    lag: tuple[NotNegative, NotNegative] | msgspec.UnsetType = msgspec.UNSET
    seed: int | msgspec.UnsetType = msgspec.UNSET
    page_size: Positive | msgspec.UnsetType = msgspec.UNSET
    permissions: Literal["full", "catalog"] | msgspec.UnsetType = msgspec.UNSET
    writes_per_second: Positive | msgspec.UnsetType | None = msgspec.UNSET


class FaultsBody(msgspec.Struct, forbid_unknown_fields=True):
    """What `POST /faults` takes: first cleared, then set, then added."""

    clear: bool = False
    set: NewSettings | None = None
    add: list[Fault] = []


def control_routes(tenant: Tenant) -> list[Route]:
    """Return the control routes of a tenant.

    `GET /graph/log?since=N`, `GET /faults`, `POST /faults`, `POST /graph/tenant` (see `tenantfile`).
    """
    control = _Control(tenant)
    return [
        Route("/graph/log", control.log, methods=["GET"]),
        Route("/graph/tenant", control.change, methods=["POST"]),
        Route("/faults", control.report, methods=["GET"]),
        Route("/faults", control.set, methods=["POST"]),
    ]


class _Control:
    """One method per route."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    async def log(self, http: HttpRequest) -> Response:
        since = http.query_params.get("since", "0")
        if not since.isdecimal():
            return _refuse("since: must be the index of an entry")
        return _json(self._tenant.log.since(int(since)))

    async def report(self, _: HttpRequest) -> Response:
        settings = self._tenant.settings
        shown = {
            "latency": settings.pace.latency,
            "lag": settings.pace.lag,
            "page_size": settings.page_size,
            "permissions": settings.permissions,
            "writes_per_second": settings.writes_per_second,
        }
        return _json({"faults": self._tenant.faults.report(), "settings": shown})

    async def set(self, http: HttpRequest) -> Response:
        try:
            body = msgspec.json.decode(await http.body(), type=FaultsBody)
            _check_ranges(body.set)
            self._tenant.faults.add(body.add, clear=body.clear)
        except (msgspec.DecodeError, ValueError) as error:
            return _refuse(f"{error}. {_known()}")
        if body.set is not None:
            self._apply(body.set)
        return await self.report(http)

    async def change(self, http: HttpRequest) -> Response:
        try:
            content = msgspec.json.decode(await http.body())
            return _json(self._tenant.change(tenantfile.decode(content, TenantChange)))
        except (msgspec.DecodeError, TenantFileError) as error:
            return _refuse(str(error))

    def _apply(self, new: NewSettings) -> None:
        settings = self._tenant.settings
        if new.latency is not msgspec.UNSET:
            settings.pace.latency = new.latency
        if new.lag is not msgspec.UNSET:
            settings.pace.lag = new.lag
        if new.page_size is not msgspec.UNSET:
            settings.page_size = new.page_size
        if new.permissions is not msgspec.UNSET:
            settings.permissions = new.permissions
        if new.writes_per_second is not msgspec.UNSET:
            settings.writes_per_second = new.writes_per_second
        if new.seed is not msgspec.UNSET:
            self._tenant.reseed(new.seed)


def _check_ranges(new: NewSettings | None) -> None:
    for name in ("latency", "lag"):
        bounds = getattr(new, name, msgspec.UNSET)
        if bounds is not msgspec.UNSET and bounds[0] > bounds[1]:
            raise ValueError(f"set.{name}: the first bound is above the second")


def _known() -> str:
    def names(kind: type[msgspec.Struct]) -> str:
        return ", ".join(kind.__struct_fields__)

    return (
        f"Known keys: {names(FaultsBody)}; of a fault: {names(Fault)}; of set: {names(NewSettings)}. "
        f"Kinds of fault: {', '.join(KINDS)}."
    )


def _json(answer: Any, *, status: int = 200) -> Response:
    return Response(msgspec.json.encode(answer), status_code=status, media_type="application/json")


def _refuse(message: str) -> Response:
    return _json({"error": message}, status=400)
