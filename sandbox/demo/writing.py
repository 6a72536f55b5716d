"""What outsiders write: HR's and the project office's events, as plain data, without any part of Lifecycle."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from sandbox.demo.company import PROJECT_OFFICE, SOURCE
from sandbox.demo.stage import Event, Stage

_NOW = timedelta()


def hr(stage: Stage, kind: str, number: str, data: Mapping[str, Any], *, ahead: timedelta = _NOW) -> Event:
    """Return an event about a worker; `ahead` is how wrong HR's clock is."""
    return stage.event(f"worker.{kind}", number, data, source=SOURCE, ahead=ahead)


def pmo(stage: Stage, kind: str, project: str, data: Mapping[str, Any]) -> Event:
    """Return an event about a project."""
    return stage.event(f"project.{kind}", project, data, source=PROJECT_OFFICE, ahead=_NOW)


def moved(stage: Stage, number: str, effective: date, *, ahead: timedelta = _NOW, **fields: str) -> Event:
    """Return a move: the worker as HR's file has them, but for some fields."""
    return hr(
        stage, "moved", number, {"effective": f"{effective}", "worker": worker(stage, number, **fields)}, ahead=ahead
    )


def worker(stage: Stage, number: str, *, like: str = "", **fields: str) -> dict[str, Any]:
    """Return the whole snapshot of somebody at work; what is not in HR's file (of `like`, if given) is made up."""
    row = stage.company.people.get(like or number)
    return {
        "id": number,
        "personId": number,
        "employeeType": "contractor" if row is not None and row.contract == "CONTRACTOR" else "employee",
        "status": "active",
        "department": "General" if row is None else row.department,
        "costCenter": None,
        "jobCode": "300" if row is None else row.code,
        "jobTitle": None,
        "location": None if row is None else row.locality,
        "country": None,
        "timeZone": None,
        "manager": None,
        "company": None,
        "contractEnd": None,
        "attributes": {},
        **fields,
    }
