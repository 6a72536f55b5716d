"""The access model as it is written: what each part may hold, and the reader that finds everything wrong with it.

msgspec decodes one error at a time; an engineer wants them all. So `read` walks the structs itself and lets msgspec
judge one field at a time.
"""

import difflib
import re
from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Self, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from lifecycle.adapters.rules.document import Problems
from lifecycle.contract import fields
from lifecycle.contract.fields import Zone
from lifecycle.core.events import Effective, Status
from lifecycle.core.model import Drift, RenewalMode

_DURATION = re.compile(
    r"P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?",
    re.ASCII,
)
_NO_FIXED_LENGTH = re.compile(r"P(?:\d+Y(?:\d+M)?|\d+M)(?:\d+D)?(?:T.*)?", re.ASCII)
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
LONGEST = timedelta(days=36525)


class Guid(str):
    """An id of Graph's, in lower case."""

    __slots__ = ()

    @classmethod
    def read(cls, value: str) -> Self:
        """Check the form. Raises `ValueError`."""
        if not _GUID.fullmatch(value.lower()):
            raise ValueError("is no GUID (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx)")
        return cls(value.lower())


class Name(str):
    """A name of our own, for packages and rules: it appears in records, plans and on the command line."""

    __slots__ = ()

    @classmethod
    def read(cls, value: str) -> Self:
        """Check the form. Raises `ValueError`."""
        if not _NAME.fullmatch(value):
            raise ValueError("is no name: letters, digits, `.`, `_`, `-`, at most 64, beginning with a letter or digit")
        return cls(value)


class Duration:
    """An ISO 8601 duration of fixed length."""

    __slots__ = ("value",)

    def __init__(self, value: timedelta) -> None:
        self.value = value

    @classmethod
    def read(cls, text: str) -> Self:
        """Parse. Raises `ValueError`, for years and months with the reason."""
        match = _DURATION.fullmatch(text)
        if not match or text == "P":
            if _NO_FIXED_LENGTH.fullmatch(text):
                raise ValueError("uses months or years, which have no fixed length: write days, as in P30D or P365D")
            raise ValueError("is no ISO 8601 duration (P2D, P2W, PT1H, P1DT12H)")
        parts = {unit: int(count[:12]) for unit, count in match.groupdict(default="0").items()}
        try:
            value = timedelta(**parts)
        except OverflowError:
            value = timedelta.max
        if value > LONGEST:
            raise ValueError("is longer than a hundred years")
        return cls(value)


class Positive(Duration):
    """A duration longer than nothing."""

    __slots__ = ()

    @classmethod
    def read(cls, text: str) -> Self:
        """Parse. Raises `ValueError`."""
        duration = cls(Duration.read(text).value)
        if not duration.value:
            raise ValueError("must be longer than nothing")
        return duration


class Until:
    """Until when an example has a package: the last day, an instant, or `never` (None)."""

    __slots__ = ("value",)

    def __init__(self, value: Effective | None) -> None:
        self.value = value

    @classmethod
    def read(cls, text: str) -> Self:
        """Parse. Raises `ValueError`."""
        return cls(None if text == "never" else fields.Moment.read(text).value)


Share = Annotated[float, Meta(ge=0, le=1)]


class Part(Struct, frozen=True, kw_only=True, rename="camel"):
    """A part of the document: fields without a default must be written."""


class RenewalPart(Part, frozen=True, kw_only=True):
    """`renewal` of a package."""

    mode: RenewalMode
    window: Positive = Positive(timedelta(days=14))
    extend: Positive = Positive(timedelta(days=90))


class PackagePart(Part, frozen=True, kw_only=True):
    """One of `packages`."""

    access_package: Guid
    policy: Guid
    catalog: Guid
    renewal: RenewalPart | None = None


class RulePart(Part, frozen=True, kw_only=True, rename={"lasts": "for"}):
    """One of `rules`."""

    name: Name
    when: str
    grant: list[str]
    lead: Duration = Duration(timedelta())
    lasts: Positive | None = None


class SourcesPart(Part, frozen=True, kw_only=True):
    """`sources`."""

    worker: list[fields.Id] = []
    project: list[fields.Id] = []
    decision: list[fields.Id] = []


class ProjectsPart(Part, frozen=True, kw_only=True):
    """`projects`."""

    roles: dict[str, list[str]] = {}
    own: dict[fields.Reference, dict[str, list[str]]] = {}


class LeavePart(Part, frozen=True, kw_only=True):
    """`leave`."""

    keep: list[str]


class MoverPart(Part, frozen=True, kw_only=True):
    """`mover`."""

    grace: Duration


class LeaverPart(Part, frozen=True, kw_only=True):
    """`leaver`: taking less than everything is not offered."""

    remove: Literal["all"]


class LimitPart(Part, frozen=True, kw_only=True):
    """One limit of `guard`."""

    count: int
    share: float = 1.0


class GuardLimitPart(LimitPart, frozen=True, kw_only=True):
    """One limit of `guard`; `floor` is up to where the share does not bind, by default what `core.model` says."""

    floor: int | None = None


class GuardPart(Part, frozen=True, kw_only=True):
    """`guard`."""

    window: Positive = Positive(timedelta(hours=24))
    removals: GuardLimitPart = GuardLimitPart(count=50, share=0.1)
    additions: GuardLimitPart = GuardLimitPart(count=500, share=0.2)
    leavers: GuardLimitPart = GuardLimitPart(count=100, share=0.05)


class DeadlinesPart(Part, frozen=True, kw_only=True):
    """`deadlines`."""

    leaver: Positive = Positive(timedelta(hours=1))
    mover: Positive = Positive(timedelta(hours=24))


class BudgetPart(Part, frozen=True, kw_only=True):
    """`budget`."""

    requests: Annotated[int, Meta(ge=0)] = 200_000
    warn: Share = 0.8
    reserve: Share = 0.05


class WorkerPart(Part, frozen=True, kw_only=True):
    """`worker` of an example, in HR's words; what is left out is empty."""

    id: fields.Id = fields.Id("example")
    person_id: fields.Reference | None = None
    user_principal_name: fields.Id | None = None
    employee_type: str | None = None
    status: Status = Status.ACTIVE
    department: str | None = None
    cost_center: str | None = None
    job_code: str | None = None
    job_title: str | None = None
    location: str | None = None
    country: str | None = None
    time_zone: Zone | None = None
    manager: fields.Id | None = None
    company: str | None = None
    contract_end: fields.Day | None = None
    attributes: dict[str, str | int | float | bool | None] = {}


class ExamplePart(Part, frozen=True, kw_only=True):
    """One of `examples`: somebody at an instant, and exactly what they get."""

    name: str
    at: fields.Moment
    worker: WorkerPart
    joined: fields.Moment | None = None
    left: fields.Moment | None = None
    projects: dict[fields.Reference, str] = {}
    gets: list[str]
    until: dict[str, Until] = {}


class ModelPart(Part, frozen=True, kw_only=True):
    """The whole document."""

    time_zone: Zone
    sources: SourcesPart
    packages: dict[Name, PackagePart]
    rules: list[RulePart] = []
    locations: dict[str, Zone] = {}
    projects: ProjectsPart = ProjectsPart()
    leave: LeavePart | None = None
    mover: MoverPart | None = None
    leaver: LeaverPart | None = None
    drift: Drift = Drift.REPORT
    guard: GuardPart = GuardPart()
    protected: list[Guid] = []
    deadlines: DeadlinesPart = DeadlinesPart()
    budget: BudgetPart = BudgetPart()
    examples: list[ExamplePart] = []


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the end of an error message: what was probably meant, or what there is."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"the nearest is `{close[0]}`"
    return f"there are {', '.join(f'`{each}`' for each in names)}" if names else "there are none"


class _Wrong:
    """What `read` returns in place of a value that it noted a problem about."""


WRONG = _Wrong()


def read(kind: Any, value: Any, path: str, problems: Problems) -> Any:
    """Decode `value` as `kind`, noting every problem below `path`; `WRONG` stands for what could not be decoded."""
    origin, arguments = get_origin(kind), get_args(kind)
    inner = [each for each in arguments if each is not NoneType] if origin is UnionType else []
    if len(inner) == 1:
        return None if value is None else read(inner[0], value, path, problems)
    if origin is dict and isinstance(value, dict):
        return _mapping(arguments[0], arguments[1], value, path, problems)
    if origin is list and isinstance(value, list):
        return [read(arguments[0], each, f"{path}[{i}]", problems) for i, each in enumerate(value)]
    if isinstance(kind, type) and issubclass(kind, Part) and isinstance(value, dict):
        return _part(kind, value, path, problems)
    try:
        return msgspec.convert(value, kind, dec_hook=_hook)
    except msgspec.ValidationError as error:
        problems.add(path, _reason(str(error), kind, value))
        return WRONG


def _part(kind: type[Part], value: dict[str, Any], path: str, problems: Problems) -> Any:
    known = {each.encode_name: each for each in msgspec.structs.fields(kind)}
    for name in value.keys() - known.keys():
        problems.add(_join(path, name), f"is no key here; {nearest(name, known)}")
    for name, each in known.items():
        if each.required and name not in value:
            problems.add(_join(path, name), "is missing")
    found = {
        known[name].name: read(known[name].type, each, _join(path, name), problems)
        for name, each in value.items()
        if name in known
    }
    incomplete = any(each.required and each.name not in found for each in known.values())
    return WRONG if incomplete or WRONG in found.values() else kind(**found)


def _mapping(key_kind: Any, value_kind: Any, value: dict[str, Any], path: str, problems: Problems) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for name, each in value.items():
        key = read(key_kind, name, _join(path, name), problems)
        if key is not WRONG and key in found:
            problems.add(_join(path, name), "is written twice: ids are compared without case")
        found[key] = read(value_kind, each, _join(path, name), problems)
    return found


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _hook(kind: type, value: Any) -> Any:
    if issubclass(kind, Guid | Name | Duration | Until):
        if not isinstance(value, str):
            raise ValueError("Expected `str`")  # noqa: TRY004 - msgspec turns ValueErrors alone into its own
        return kind.read(value)
    return fields.read(kind, value)


def _reason(text: str, kind: Any, value: Any) -> str:
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return f"is none of {', '.join(kind)}"
    if value is None:
        return "is empty"
    if "`str`" in text and isinstance(value, bool | int | float):
        return "is a number or a truth value: put it in quotes to make it text"
    reason = text.partition(" - at `")[0]
    if not reason.startswith("Expected "):
        return reason
    expected, got, found = re.sub("`([^`]+)`", _in_words, reason).removeprefix("Expected ").partition(", got ")
    with_point = " with a point" if got and "`float`" in reason.partition(", got ")[2] else ""
    return f"must be {expected}" + (f", and is {found}{with_point}" if got else "")


_WORDS = {
    "array": "a list, as in [one, two]",
    "object": "a mapping, as in {key: value}",
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "empty",
}


def _in_words(found: re.Match[str]) -> str:
    """Return what msgspec calls a kind in the words of whoever writes the file."""
    return " or ".join(_WORDS.get(each, each) for each in found[1].split(" | "))
