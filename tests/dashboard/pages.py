"""What the dashboard's tests share: an overview with everything in it, settings, and requests."""

import base64
import json
from datetime import date, datetime, timedelta

from lifecycle.core.overview import (
    Aside,
    Day,
    HeldRun,
    Overview,
    PackageCount,
    Quarter,
    Renewals,
    Speed,
    TimerRun,
    UnderWay,
)
from lifecycle.core.waiting import Delivered, OpenRequest, RenewalDue
from lifecycle.dashboard import Asked
from lifecycle.settings import from_environment
from tests.builders import utc

NOW = utc(2026, 11, 24, 9, 4)
AGO = NOW - timedelta(minutes=3)

GROUND = {
    "ServiceBus__fullyQualifiedNamespace": "contoso.servicebus.windows.net",
    "LIFECYCLE_RECORDS": "https://contoso.table.core.windows.net/records",
    "LIFECYCLE_MODEL": "model.yaml",
    "LIFECYCLE_BODIES": "https://contoso.blob.core.windows.net/bodies",
    "LIFECYCLE_SEALS": "https://example.blob.core.windows.net/seals",
}
AZURE = {**GROUND, "WEBSITE_INSTANCE_ID": "1", "WEBSITE_AUTH_ENABLED": "True"}
OPEN = {**GROUND, "LIFECYCLE_DASHBOARD_OPEN": "loopback"}

TIMERS = (
    TimerRun("wake", AGO, 1.7),
    TimerRun("overview", AGO, 0.4),
    TimerRun("drift", utc(2026, 11, 24, 2), 3.1),
)


def settings(environment=AZURE, **changes):
    return from_environment({**environment, **changes})


def principal(*roles, kind="roles", provider="aad"):
    """The header as App Service authentication writes it."""
    claims = [{"typ": "name", "val": "Somebody"}, *({"typ": kind, "val": role} for role in roles)]
    content = {"auth_typ": provider, "claims": claims, "name_typ": "name", "role_typ": "roles"}
    return base64.b64encode(json.dumps(content).encode()).decode()


def asked(header=None, url="https://contoso.azurewebsites.net/dashboard", **named):
    return Asked(url, {} if header is None else {"x-ms-client-principal": header}, named)


def overview(text: str = "", at: datetime = AGO) -> Overview:
    """Everything there can be; `text` is in every place that comes from outside."""
    ids = text or "E1001"
    days = [date(2026, 8, 27) + timedelta(days=number) for number in range(90)]
    return Overview(
        at=at,
        people=18_204,
        assignments=1_002_345,
        packages=tuple(
            PackageCount(f"{name}{text}", rows, rows // 140, rows // 30, rows // 90_000, utc(2026, 11, 24, 2, 14))
            for name, rows in [
                ("case-management", 18_410), ("clinical-apps", 212_600), ("finance-erp", 9_204),
                ("project-docs", 88_120), ("project-site", 121_007), ("staff-baseline", 553_004),
            ]
        ),
        ending=tuple((number * 7919) % 2100 + (1800 if number % 7 == 6 else 150) for number in range(30)),
        under_way=UnderWay(
            count=214,
            stuck=2,
            failing=1,
            oldest=(
                OpenRequest(ids, f"clinical-apps{text}", "adminAdd", NOW - timedelta(hours=5)),
                OpenRequest(ids, f"finance-erp{text}", "adminRemove", NOW - timedelta(hours=2)),
                OpenRequest(ids, f"project-site{text}", "adminAdd", NOW - timedelta(days=1), failing=True),
            ),
        ),
        renewals=Renewals(
            148,
            nearest=tuple(RenewalDue(ids, f"case-management{text}", NOW + timedelta(days=day)) for day in (1, 2, 9)),
        ),
        held=(HeldRun(f"drift:2026-11-24T02:00:00Z{text}", 61, 88, NOW - timedelta(hours=7), "3f2a9c1d" * 8),),
        held_runs=1,
        held_people=61,
        delivered=(
            Delivered("2026-10", (800, 2100, 640, 210, 40, 12, 3, 2, 0, 0)),
            Delivered("2026-11", (1320, 4200, 910, 260, 71, 20, 4, 2, 1, 0)),
        ),
        speeds=tuple(
            Speed(month, f"leaver{text}", 120, 0, 119, timedelta(minutes=half), None, timedelta(minutes=most), None)
            for month, half, most in [("2026-09", 3, 21), ("2026-10", 4, 18), ("2026-11", 3, 12)]
        ),
        deadline=timedelta(hours=1),
        quarter=Quarter(
            200_000, 0.8, 0.05, 81_240, 55_120,
            tuple((day, 600 + (day.day * 37) % 700, 380 + (day.day * 29) % 420) for day in days),
        ),
        aside=Aside(3, NOW - timedelta(minutes=40), NOW - timedelta(days=2)),
        days=tuple(Day(day, 940_000 + 690 * at + (day.day * 131) % 900, 18_000) for at, day in enumerate(days)),
    )  # fmt: skip
