"""How the story looks on the screen: chapters, and in each who did what. Ids only, never names."""

from collections.abc import Iterable
from datetime import datetime

from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from lifecycle.core.evidence import Detail, Record, Tag
from lifecycle.look import Look
from sandbox.demo.company import ZONE

_COLOURS = {"sent": "cyan", "Lifecycle": "green", "Graph": "magenta", "meanwhile": "yellow"}


class Teller:
    """Prints chapters to a console; `wrong` gathers what was not as the story says, a sentence each."""

    def __init__(self, console: Console) -> None:
        self.wrong: list[str] = []
        self._console = console
        self._chapters = 0
        self._before = ""

    def chapter(self, at: datetime, title: str) -> None:
        """Begin a chapter."""
        self._chapters, self._before = self._chapters + 1, ""
        self._console.print(Rule(Text(f"{self._chapters}. {title}  ({at:%a %H:%M})", "bold"), align="left"))

    def tell(self, who: str, line: str) -> None:
        """Say what somebody did or says; `who` is sent, Lifecycle, Graph or meanwhile."""
        grid = Table.grid(padding=(0, 1))
        grid.add_column(width=9)
        grid.add_column()
        grid.add_row(Text("" if who == self._before else who, _COLOURS[who]), Text(line))
        self._console.print(grid)
        self._before = who

    def check(self, what: str, found: object, wanted: object) -> None:
        """Note it when something is not as the story says."""
        if found != wanted:
            self.wrong.append(f"chapter {self._chapters}, {what}: {found}, not {wanted}")


def moment(at: datetime) -> str:
    """Return an instant in the company's zone."""
    return f"{at.astimezone(ZONE):%a %d %b %H:%M}"


def why(seen: Look) -> str:
    """Return what somebody is entitled to now and the first reason of each, as `lifecycle explain` gives them."""
    said = []
    for package, entitlement in seen.desired.entitlements.items():
        reason = entitlement.reasons[0]
        until = "" if entitlement.end is None else f" until {moment(entitlement.end)}"
        said.append(f"{package} ({reason.kind} {reason.name}{until})")
    return ", ".join(said) or "nothing"


def done(records: Iterable[Record]) -> str:
    """Return the requests that a stretch of evidence says were made, each with its reason."""
    made = [_request(record.detail) for record in records if record.tag is Tag.INTENDED]
    return "; ".join(made) or "nothing to do"


def _request(detail: Detail) -> str:
    reasons = detail["why"]
    reason = str(reasons[0]).split(" since")[0] if isinstance(reasons, list) and reasons else ""
    match detail["kind"]:
        case "adminAdd":
            return f"give {detail['package']} [{reason}]"
        case "adminUpdate":
            return f"let {detail['package']} end on {moment(datetime.fromisoformat(str(detail['ends'])))} [{reason}]"
        case _:
            return f"take {detail['package']} [{reason}]"
