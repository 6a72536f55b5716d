"""The company of the demo: its people as HR's file has them, who plays which part, its tenant, its access model.

The people come from a CSV that is not part of this project, or are invented in the same shape. Names in that file are
carried along in the file alone: nothing here looks at them, the tenant knows numbers only.
"""

import csv
import io
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.errors import SandboxError

COLUMNS = ("empnum", "firstname", "surname", "emptype", "job", "status", "locality", "country")
FILE = "hris_initial_data.csv"

ZONE = ZoneInfo("Europe/Berlin")

_BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data"

DEPARTMENTS = {"1": "Business", "2": "Advisory", "8": "Facilities"}
"""Departments by the first digit of the job code; all others are General."""

PACKAGES = (
    "workplace",
    "employee-apps",
    "contractor-portal",
    "client-data",
    "case-files",
    "building-keys",
    "project-site",
    "project-docs",
)
MY_ACCESS = "case-files"
"""The package that people may request for themselves, by a policy of its own."""

_CATALOG = "c0000000-0000-0000-0000-000000000001"
_MY_ACCESS_POLICY = "b0000000-0000-0000-0000-000000000099"
_WAVE = 8


@dataclass(frozen=True, slots=True)
class Employee:
    """One row of HR's file, without the names."""

    number: str
    contract: str
    job: str
    status: str
    locality: str
    country: str

    @property
    def code(self) -> str:
        """The job code, in front of the title."""
        return self.job.partition("#")[0]

    @property
    def department(self) -> str:
        """The department, by the job code."""
        return DEPARTMENTS.get(self.code[:1], "General")

    @property
    def active(self) -> bool:
        """Whether HR says that they are at work."""
        return self.status == "Active"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Who plays which part, by number. `newcomer` and `renumbered` are numbers that HR's file does not have yet."""

    newcomer: str
    mover: str
    dated: str
    leaver: str
    contractor: str
    renumbered: str
    returning: tuple[str, str]
    engineer: str
    editor: str
    asker: str
    leftover: str
    wave: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Company:
    """The people in the order of HR's file, its header and rows as they are, and the cast."""

    origin: str
    people: Mapping[str, Employee]
    cast: Cast
    _header: tuple[str, ...]
    _rows: tuple[tuple[str, ...], ...]

    def export(self, *, only: int | None = None, without: Iterable[str] = ()) -> bytes:
        """Return HR's file: whole, its first rows alone, or without some people."""
        missing, text = set(without), io.StringIO()
        write = csv.writer(text, quoting=csv.QUOTE_ALL)
        write.writerow(self._header)
        at = self._header.index("empnum")
        write.writerows(row for row in self._rows[:only] if row[at] not in missing)
        return text.getvalue().encode()


def find(data: Path | None) -> Company:
    """Return the company of the file `data` (or in that folder), else of LIFECYCLE_DATA's, else invented.

    Raises `SandboxError` when `data` is not there, or when a file lacks a column, or people for a part of the story.
    """
    folder = data or Path(os.environ.get("LIFECYCLE_DATA") or _BESIDE)
    path = folder / FILE if folder.is_dir() else folder
    if path.is_file():
        return read(path.read_text(encoding="utf-8-sig"), path.name)
    if data is not None:
        raise SandboxError(f"{path} is not there; without --data the demo invents its people.")
    return read(invented(), "invented")


def read(text: str, origin: str) -> Company:
    """Return the company that a file describes. Raises as `find` does."""
    header, *rows = (tuple(row) for row in csv.reader(io.StringIO(text)) if row)
    if absent := set(COLUMNS) - set(header):
        raise SandboxError(f"{origin}: the columns {', '.join(sorted(absent))} are not there.")
    dicts = [dict(zip(header, row, strict=True)) for row in rows]
    people = {
        row["empnum"]: Employee(
            row["empnum"], row["emptype"], row["job"], row["status"], row["locality"], row["country"]
        )
        for row in dicts
    }
    return Company(origin, people, _cast(list(people.values()), origin), header, tuple(rows))


def invented() -> str:
    """Return a file of fifty people who do not exist, in the shape of the real one; always the same."""
    jobs = ("110#Adviser", "120#Planner", "310#Negotiator", "130#Buyer", "210#Counsellor", "610#Coordinator")
    rows: list[tuple[str, ...]] = []
    for n in range(40):
        status = "Former employee" if n in {7, 19} else "Long-term leave" if n in {4, 12, 22, 28, 34} else "Active"
        rows.append(_invented_row(2001 + n, "FTE", jobs[n % len(jobs)], status, "_loc:North State"))
    for n in range(10):
        job = "810#Cleaner" if n % 2 else "820#Caretaker"
        rows.append(_invented_row(7001 + n, "CONTRACTOR", job, "Active", "_loc:north state"))
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([COLUMNS, *rows])
    return text.getvalue()


def _invented_row(number: int, contract: str, job: str, status: str, country: str) -> tuple[str, ...]:
    return (f"{number}", f"Given{number}", f"Family{number}", contract, job, status, "Harbour City", country)


def _cast(people: list[Employee], origin: str) -> Cast:
    """Give out the parts, in the order of the file; whoever has none goes through the days as most people do."""
    business = [one.number for one in people if one.active and one.contract == "FTE" and one.department == "Business"]
    contractors = [one.number for one in people if one.active and one.contract == "CONTRACTOR"]
    on_leave = [one.number for one in people if one.status == "Long-term leave"]
    former = [one.number for one in people if one.status == "Former employee"]
    free = (f"{number}" for number in range(9001, 9999) if f"{number}" not in {one.number for one in people})
    try:
        mover, dated, leaver, engineer, editor, asker = business[-6:]
        contractor, *agency = contractors
        return Cast(
            newcomer=next(free),
            mover=mover,
            dated=dated,
            leaver=leaver,
            contractor=contractor,
            renumbered=next(free),
            returning=(on_leave[0], on_leave[1]),
            engineer=engineer,
            editor=editor,
            asker=asker,
            leftover=former[0],
            wave=tuple(agency[-_WAVE:]),
        )
    except (ValueError, IndexError):
        raise SandboxError(f"{origin}: it has too few people for the story; every part needs one.") from None


# --- the tenant ----------------------------------------------------------------------------------------------------


def user_id(company: Company, number: str) -> str:
    """Return the object id of somebody's account."""
    place = [*company.people, company.cast.newcomer].index(number) + 1
    return f"d0000000-0000-0000-0000-{place:012d}"


def package_id(package: str) -> str:
    """Return Graph's id of a package."""
    return f"a0000000-0000-0000-0000-{PACKAGES.index(package) + 1:012d}"


def account(company: Company, number: str) -> dict[str, Any]:
    """Return somebody's account, in the form of a tenant file."""
    return {
        "id": user_id(company, number),
        "userPrincipalName": f"u{number}@company.example",
        "employeeId": number,
        "displayName": f"Person {number}",
    }


def tenant(company: Company) -> dict[str, Any]:
    """Return the directory before Lifecycle comes: an account for everybody, and access that three people have."""
    cast = company.cast
    packages = [
        {
            "id": package_id(name),
            "displayName": name,
            "catalog": _CATALOG,
            "assignmentPolicies": [{"id": _policy_id(name)}, *_requestable(name)],
        }
        for name in PACKAGES
    ]
    asked = [{"user": user_id(company, number), "policy": _MY_ACCESS_POLICY} for number in (cast.asker, cast.leaver)]
    left_over = {"user": user_id(company, cast.leftover), "policy": _policy_id("client-data")}
    return {
        "catalogs": [{"id": _CATALOG, "displayName": "Company"}],
        "accessPackages": packages,
        "users": [account(company, number) for number in company.people],
        "assignments": [*({**row, "requestType": "userAdd"} for row in asked), left_over],
    }


def _policy_id(package: str) -> str:
    return f"b0000000-0000-0000-0000-{PACKAGES.index(package) + 1:012d}"


def _requestable(package: str) -> list[dict[str, Any]]:
    if package != MY_ACCESS:
        return []
    return [{"id": _MY_ACCESS_POLICY, "displayName": "My Access", "allowedTargetScope": "allMemberUsers"}]


# --- what the identity engineer wrote ------------------------------------------------------------------------------

SOURCE, PROJECT_OFFICE = "/hr/hris", "/pmo"


def model() -> dict[str, Any]:
    """Return the access model. Its guard fits a company of fifty: three removals a day, named leavers apart."""
    packages = {
        name: {"accessPackage": package_id(name), "policy": _policy_id(name), "catalog": _CATALOG} for name in PACKAGES
    }
    return {
        "timeZone": ZONE.key,
        "sources": {"worker": [SOURCE], "project": [PROJECT_OFFICE]},
        "packages": packages,
        "rules": [
            _rule("everyone", 'worker.status in ["preboarding", "active", "leave"]', "workplace") | {"lead": "P2D"},
            _rule("employees", 'worker.employeeType == "employee"', "employee-apps"),
            _rule("contractors", 'worker.employeeType == "contractor"', "contractor-portal"),
            _rule("business", 'worker.department == "Business"', "client-data"),
            _rule("advisory", 'worker.department == "Advisory"', "case-files"),
            _rule("keys", 'worker.jobCode != null && worker.jobCode.startsWith("8")', "building-keys"),
        ],
        "projects": {"roles": {"engineer": ["project-site"], "editor": ["project-docs"]}},
        "leave": {"keep": ["workplace"]},
        "mover": {"grace": "P7D"},
        "leaver": {"remove": "all"},
        "drift": "report",
        "guard": {
            "window": "PT24H",
            "removals": {"count": 3},
            "additions": {"count": 500, "floor": 60},
            "leavers": {"count": 10},
        },
    }


def _rule(name: str, when: str, package: str) -> dict[str, Any]:
    return {"name": name, "when": when, "grant": [package]}


def mapping(company: Company) -> dict[str, Any]:
    """Return how HR's file is read; its words on the right are the file's own, and no name is among the columns."""
    codes = {one.code: one.department for one in company.people.values()}
    return {
        "source": SOURCE,
        "key": "empnum",
        "timeZone": ZONE.key,
        "columns": {
            "personId": "empnum",
            "employeeType": {"column": "emptype", "values": {"FTE": "employee", "CONTRACTOR": "contractor"}},
            "status": {
                "column": "status",
                "values": {"Active": "active", "Former employee": "left", "Long-term leave": "leave"},
            },
            "department": {"column": "job", "before": "#", "values": codes},
            "jobCode": {"column": "job", "before": "#"},
            "jobTitle": {"column": "job", "after": "#"},
            "location": "locality",
            "country": {"column": "country", "after": ":", "casefold": True},
        },
        "absent": {"leftAfter": 1},
        "shrink": {"count": 10, "share": 0.2},
    }
