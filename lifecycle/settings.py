"""The app's settings: the one place that reads the environment. Each is documented here and in `docs/settings.md`.

Names are those of the app settings in Azure; `ServiceBus` is the connection that the triggers name too.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path

from lifecycle.adapters.blobs.address import FORM as CONTAINER
from lifecycle.adapters.blobs.address import ContainerAddress, container_address
from lifecycle.adapters.graph.permissions import ListingMode
from lifecycle.adapters.tables.address import FORM, TableAddress, table_address
from lifecycle.errors import Misconfigured
from lifecycle.ports import Queue

_RATE = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3})?")
_DAYS = re.compile(r"[0-9]{1,5}")
_WATCHED = 90  # whoever has left is looked at for thirty days, and auditors ask later than that
_SHARE = re.compile(r"0(\.[0-9]{1,6})?|1(\.0{1,6})?")
_URL = re.compile(r"https?://[^\s/?#]+(/[^\s?#]*)?")
_LOOPBACK = re.compile(r"http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?(/[^\s?#]*)?")
_TELEMETRY = ("auto", "azure", "otlp", "console", "off")
GRAPH = "https://graph.microsoft.com/v1.0"
SQLITE = "sqlite:///"
LOOPBACK = "loopback"


def setting(name: str, says: str, default: str | None = None) -> str:
    """Declare a setting: its name in the environment, what it means, its default (None: it must be there)."""
    metadata = {"name": name, "says": says, "default": default}
    return field(metadata=metadata)  # type: ignore[no-any-return]  # dataclasses.field is typed as what it declares


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the environment says, checked. Build it with `from_environment`."""

    service_bus: str = setting(
        "ServiceBus", "Connection string of a local broker (sandbox); in Azure use the namespace and an identity", ""
    )
    namespace: str = setting(
        "ServiceBus__fullyQualifiedNamespace", "The namespace, as in contoso.servicebus.windows.net", ""
    )
    client_id: str = setting("AZURE_CLIENT_ID", "Client id of the user-assigned managed identity", "")
    hr_queue: str = setting("HR_QUEUE", "Name of the queue for lifecycle.worker.* events", "hr")
    projects_queue: str = setting("PROJECTS_QUEUE", "Name of the queue for lifecycle.project.* events", "projects")
    decisions_queue: str = setting(
        "DECISIONS_QUEUE", "Name of the queue for renewals, exceptions, freezes", "decisions"
    )
    work_queue: str = setting("WORK_QUEUE", "Name of the session queue for checks of one person", "work")
    sweeps_queue: str = setting("SWEEPS_QUEUE", "Name of the queue for slices of bulk work", "sweeps")
    notices_queue: str = setting("NOTICES_QUEUE", "Name of the queue for what others may listen to", "notices")
    quarantine_queue: str = setting("QUARANTINE_QUEUE", "Name of the queue for what was set aside", "quarantine")
    wake_schedule: str = setting("WAKE_SCHEDULE", "NCRONTAB (UTC) of the timer for whoever is due", "0 */5 * * * *")
    drift_schedule: str = setting(
        "DRIFT_SCHEDULE", "NCRONTAB (UTC) of the timer that looks at everybody", "0 0 2 * * *"
    )
    seal_schedule: str = setting("SEAL_SCHEDULE", "NCRONTAB (UTC) of the timer that seals the ledger", "0 30 3 * * *")
    records: str = setting(
        "LIFECYCLE_RECORDS",
        "Where records are kept: https://<account>.table.core.windows.net/<table>, or sqlite:///absolute/path.db",
    )
    model: str = setting("LIFECYCLE_MODEL", "Path of the access model (YAML)")
    bodies: str = setting(
        "LIFECYCLE_BODIES",
        "Where set-aside bodies over 200 KB are kept: https://<account>.blob.core.windows.net/<container>, or a folder "
        "on a machine",
    )
    seals: str = setting(
        "LIFECYCLE_SEALS",
        "Where seals are kept: https://<account>.blob.core.windows.net/<container>, or a folder on a machine",
    )
    retention: str = setting(
        "LIFECYCLE_RETENTION",
        "Days for which facts, state and evidence of a person are kept after they left; then they are erased",
        "2190",
    )
    permission: str = setting(
        "LIFECYCLE_PERMISSION",
        "directory: one list a person; catalog: catalog roles only, one list a package",
        "directory",
    )
    writes: str = setting(
        "LIFECYCLE_WRITES_PER_SECOND", "Requests to Graph that all instances together send in a second at most", "20"
    )
    telemetry: str = setting(
        "LIFECYCLE_TELEMETRY",
        "Where traces, measures and the log go: auto (azure or otlp when one of the next two is set, else off), "
        "azure, otlp, console, off",
        "auto",
    )
    insights: str = setting("APPLICATIONINSIGHTS_CONNECTION_STRING", "Connection string of Application Insights", "")
    collector: str = setting(
        "OTEL_EXPORTER_OTLP_ENDPOINT", "Base URL of an OpenTelemetry collector (OTLP over HTTP)", ""
    )
    traced: str = setting("LIFECYCLE_TRACED_SHARE", "Part of the traces that is kept, from 0 to 1", "1")
    graph: str = setting("GRAPH_URL", "Base URL of Microsoft Graph", GRAPH)
    graph_token: str = setting("GRAPH_TOKEN", "Bearer token of the Graph simulator; refused for any other host", "")
    dashboard_role: str = setting("LIFECYCLE_DASHBOARD_ROLE", "App role that may see the dashboard", "Lifecycle.Reader")
    names_role: str = setting(
        "LIFECYCLE_NAMES_ROLE", "App role that may see on it what HR calls a person", "Lifecycle.Names"
    )
    easy_auth: str = setting(
        "WEBSITE_AUTH_ENABLED", "Set by Azure while App Service authentication stands before the app", ""
    )
    dashboard_open: str = setting(
        "LIFECYCLE_DASHBOARD_OPEN", "loopback: the sandbox's dashboard asks nobody who they are; refused in Azure", ""
    )
    bamboohr: str = setting(
        "BAMBOOHR_URL", "Base URL of BambooHR's API, as in https://contoso.bamboohr.com/api/v1; empty: no notices", ""
    )
    bamboohr_key: str = setting("BAMBOOHR_KEY", "API key that reads employees: a Key Vault reference", "")
    bamboohr_webhook_key: str = setting(
        "BAMBOOHR_WEBHOOK_KEY", "Private key that signs BambooHR's webhook: a Key Vault reference", ""
    )
    bamboohr_mapping: str = setting("BAMBOOHR_MAPPING", "Path of the mapping (YAML) of BambooHR's employees", "")
    clock_file: str = setting("LIFECYCLE_CLOCK_FILE", "File with the sandbox clock's offset; refused in Azure", "")

    @property
    def queues(self) -> dict[Queue, str]:
        """Return the queues' names by role."""
        return {queue: getattr(self, f"{queue}_queue") for queue in Queue}

    @property
    def schedules(self) -> dict[str, str]:
        """Return each timer's NCRONTAB by the timer's name."""
        end = "_schedule"
        return {one.name.removesuffix(end): getattr(self, one.name) for one in fields(self) if one.name.endswith(end)}

    @property
    def listing(self) -> ListingMode:
        """Return how assignments are listed, which the granted permissions decide."""
        return ListingMode(self.permission)

    @property
    def signed_in(self) -> bool:
        """Return whether the platform says truly who asks: only then is a request's principal header believed."""
        return self.easy_auth.strip().casefold() == "true"

    @property
    def writes_per_second(self) -> float:
        """Return the shared rate of writes."""
        return float(self.writes)

    @property
    def retained(self) -> timedelta:
        """Return how long what is known of somebody who left is kept."""
        return timedelta(days=int(self.retention))

    @property
    def telemetry_to(self) -> str:
        """Return where telemetry goes: azure, otlp or console; empty for nowhere."""
        if self.telemetry == "auto":
            return "azure" if self.insights else "otlp" if self.collector else ""
        return "" if self.telemetry == "off" else self.telemetry

    @property
    def traced_share(self) -> float:
        """Return the part of the traces that is kept."""
        return float(self.traced)

    @property
    def records_at(self) -> Path | TableAddress:
        """Return the file or the table of the records. Raises `Misconfigured` when it names neither."""
        if self.records.startswith(SQLITE):
            return Path(self.records.removeprefix("sqlite://"))
        return table_address(self.records)

    @property
    def bodies_at(self) -> Path | ContainerAddress:
        """Return the folder or the container of set-aside bodies. Raises `Misconfigured` when it names neither."""
        return _folder_or_container(self.bodies)

    @property
    def seals_at(self) -> Path | ContainerAddress:
        """Return the folder or the container of the seals. Raises `Misconfigured` when it names neither."""
        return _folder_or_container(self.seals)


def _folder_or_container(text: str) -> Path | ContainerAddress:
    return container_address(text) if "://" in text else Path(text)


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings. Raises `Misconfigured` that names every setting that is absent or wrong."""
    values: dict[str, str] = {}
    problems: list[str] = []
    for one in fields(Settings):
        name, default = one.metadata["name"], one.metadata["default"]
        value = environment.get(name) or default
        if value is None:
            problems.append(f"{name} is not set: {one.metadata['says']}")
        values[one.name] = value or ""
    settings = Settings(**values)
    problems += _wrong(settings, environment)
    if problems:
        raise Misconfigured("settings: " + "; ".join(problems))
    return settings


def _wrong(settings: Settings, environment: Mapping[str, str]) -> list[str]:
    problems = []
    in_azure = "WEBSITE_INSTANCE_ID" in environment
    if not (settings.service_bus or settings.namespace):
        problems.append("ServiceBus__fullyQualifiedNamespace is not set: the namespace of the queues")
    if settings.permission not in set(ListingMode):
        problems.append(f"LIFECYCLE_PERMISSION is one of {', '.join(ListingMode)}")
    if not _RATE.fullmatch(settings.writes) or not settings.writes_per_second:
        problems.append("LIFECYCLE_WRITES_PER_SECOND is a number above 0 and below 1000, as in 20 or 2.5")
    if not _DAYS.fullmatch(settings.retention) or int(settings.retention) < _WATCHED:
        problems.append(f"LIFECYCLE_RETENTION is a number of days, from {_WATCHED} to 99999, as in 2190")
    problems += _wrong_telemetry(settings)
    problems += _wrong_bamboohr(settings, in_azure=in_azure)
    if settings.dashboard_open not in {"", LOOPBACK}:
        problems.append(f"LIFECYCLE_DASHBOARD_OPEN is {LOOPBACK} or nothing")
    if settings.signed_in and not in_azure:
        problems.append("WEBSITE_AUTH_ENABLED is set by Azure alone; anywhere else anybody could say who they are")
    problems += _wrong_places(settings, in_azure=in_azure)
    if in_azure:
        problems += [
            f"{name} is for the sandbox and is refused in Azure"
            for name, value in (
                ("LIFECYCLE_CLOCK_FILE", settings.clock_file),
                ("GRAPH_TOKEN", settings.graph_token),
                ("LIFECYCLE_DASHBOARD_OPEN", settings.dashboard_open),
            )
            if value
        ]
    return problems


def _wrong_telemetry(settings: Settings) -> list[str]:
    problems = []
    if settings.telemetry not in _TELEMETRY:
        problems.append(f"LIFECYCLE_TELEMETRY is one of {', '.join(_TELEMETRY)}")
    if settings.telemetry == "azure" and not settings.insights:
        problems.append("LIFECYCLE_TELEMETRY is azure, but APPLICATIONINSIGHTS_CONNECTION_STRING is not set")
    if settings.telemetry == "otlp" and not settings.collector:
        problems.append("LIFECYCLE_TELEMETRY is otlp, but OTEL_EXPORTER_OTLP_ENDPOINT is not set")
    if settings.collector and not _URL.fullmatch(settings.collector):
        problems.append("OTEL_EXPORTER_OTLP_ENDPOINT is a URL, as in http://localhost:4318")
    if not _SHARE.fullmatch(settings.traced):
        problems.append("LIFECYCLE_TRACED_SHARE is a number from 0 to 1, as in 0.1")
    return problems


def _wrong_bamboohr(settings: Settings, *, in_azure: bool) -> list[str]:
    given = {
        "BAMBOOHR_URL": settings.bamboohr,
        "BAMBOOHR_KEY": settings.bamboohr_key,
        "BAMBOOHR_WEBHOOK_KEY": settings.bamboohr_webhook_key,
        "BAMBOOHR_MAPPING": settings.bamboohr_mapping,
    }
    if not any(given.values()):
        return []
    problems = [f"{name} is not set, but others of BambooHR are" for name, value in given.items() if not value]
    problems += [
        f"{name} is a Key Vault reference that the platform could not resolve: may the app's identity read that secret?"
        for name, value in given.items()
        if value.startswith("@Microsoft.KeyVault(")
    ]
    local = _LOOPBACK.fullmatch(settings.bamboohr) is not None and not in_azure
    if settings.bamboohr and not (
        local or (settings.bamboohr.startswith("https:") and _URL.fullmatch(settings.bamboohr))
    ):
        problems.append(
            "BAMBOOHR_URL is no https:// URL without a query (plain http: on this machine alone, not in Azure)"
        )
    if "@" in settings.bamboohr:
        problems.append("BAMBOOHR_URL names a user; the key belongs in BAMBOOHR_KEY")
    return problems


_PLACES = (
    (
        "LIFECYCLE_RECORDS",
        "records",
        f"neither {SQLITE}absolute/path.db nor a table",
        f"on one instance alone, which is refused in Azure: name a table, {FORM}",
    ),
    (
        "LIFECYCLE_SEALS",
        "seals",
        "neither a folder nor a container",
        f"where one instance alone could rewrite it, refused in Azure: use {CONTAINER}",
    ),
    (
        "LIFECYCLE_BODIES",
        "bodies",
        "neither a folder nor a container",
        f"where no other instance could read it, refused in Azure: use {CONTAINER}",
    ),
)
"""Where something is kept: the setting, its field, what it is when it is no place, what a place of one instance is."""


def _wrong_places(settings: Settings, *, in_azure: bool) -> list[str]:
    problems = []
    for name, kept, nowhere, alone in _PLACES:
        if not getattr(settings, kept):
            continue
        try:
            at: Path | TableAddress | ContainerAddress = getattr(settings, f"{kept}_at")
        except Misconfigured as error:
            problems.append(f"{name} is {nowhere}: {error}")
            continue
        if in_azure and (isinstance(at, Path) or at.emulated):
            problems.append(f"{name} is {alone}")
    return problems
