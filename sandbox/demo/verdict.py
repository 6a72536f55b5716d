"""Whether Graph's state is what the story requires, by expectations that owe nothing to Lifecycle.

What everybody must hold is derived here from HR's rows and from what happened, in plain conditions: no access model, no
rule, no record of ours is read. What they do hold is what Graph itself says.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sandbox.demo.company import PACKAGES, Company, Employee


@dataclass(frozen=True, slots=True, order=True)
class Held:
    """One package in one person's hands; `number` is the account's employeeId."""

    number: str
    package: str


@dataclass(frozen=True, slots=True)
class State:
    """What Graph says: its accounts, the live assignments, every request ever made (type, for whom), and its calls."""

    accounts: tuple[str, ...]
    live: tuple[Held, ...]
    requests: tuple[tuple[str, Held], ...]
    reads: int
    writes: int

    def packages(self, number: str) -> frozenset[str]:
        """Return what an account holds."""
        return frozenset(row.package for row in self.live if row.number == number)

    @property
    def doubled(self) -> list[Held]:
        """Who holds a package twice, or was given it twice although in this story nobody gets one back."""
        given = Counter(held for kind, held in self.requests if kind == "adminAdd")
        return sorted({held for count in (Counter(self.live), given) for held, many in count.items() if many > 1})


def expected(company: Company) -> dict[str, frozenset[str]]:
    """Return, by account, the packages that everybody must hold when the story has been told."""
    cast = company.cast
    must = {number: at_first(one) for number, one in company.people.items()}
    must[cast.newcomer] = {"workplace", "employee-apps"}
    must[cast.mover] = {"workplace", "employee-apps", "case-files"}
    must[cast.dated] = {"workplace", "employee-apps", "building-keys"}
    must[cast.contractor] -= {"contractor-portal"}
    must[cast.contractor] |= {"employee-apps"}
    for number in cast.returning:
        must[number] |= by_work(company.people[number])
    must[cast.editor] |= {"project-docs"}
    must[cast.asker] |= {"case-files"}
    for number in (cast.leaver, *cast.wave):
        must[number] = set()
    return {number: frozenset(packages) for number, packages in must.items()}


def at_first(one: Employee) -> set[str]:
    """Return what somebody holds once the company has joined."""
    if one.status == "Former employee":
        return set()
    return {"workplace"} | (by_work(one) if one.active else set())


def by_work(one: Employee) -> set[str]:
    """Return what somebody at work holds: by contract, by the first digit of the job code."""
    by_contract = {"FTE": "employee-apps", "CONTRACTOR": "contractor-portal"}
    by_job = {"1": "client-data", "2": "case-files", "8": "building-keys"}
    return {by_contract[one.contract], *([by_job[one.code[0]]] if one.code[0] in by_job else [])}


def differences(must: Mapping[str, frozenset[str]], state: State) -> list[str]:
    """Return each way in which Graph is not what it must be, a sentence each."""
    said = [f"{number}: the account is not there" for number in sorted(must.keys() - set(state.accounts))]
    for number in sorted(must.keys() | {row.number for row in state.live}):
        wanted, has = must.get(number, frozenset()), state.packages(number)
        said += [f"{number}: does not hold {name}" for name in sorted(wanted - has)]
        said += [f"{number}: still holds {name}" for name in sorted(has - wanted)]
    return said + [f"{row.number}: got {row.package} twice" for row in state.doubled]


def show(must: Mapping[str, frozenset[str]], state: State, console: Console) -> None:
    """Print who holds what, people with the same packages together, and the totals."""
    table = Table("people", "must hold", "in Graph", box=SIMPLE_HEAD, pad_edge=False)
    for packages, numbers in _together(must):
        right = sum(state.packages(number) == packages for number in numbers)
        mark = Text(f"{right} of {len(numbers)}", "green" if right == len(numbers) else "bold red")
        table.add_row(_ranges(numbers), ", ".join(sorted(packages, key=PACKAGES.index)) or "nothing", mark)
    console.print(table)
    holders = Counter(row.package for row in state.live)
    kinds = Counter(kind for kind, _ in state.requests)
    totals = Table.grid(padding=(0, 1))
    totals.add_row("assignments", ", ".join(f"{name} {holders[name]}" for name in PACKAGES))
    totals.add_row(
        "requests",
        f"{kinds['adminAdd']} to give, {kinds['adminUpdate']} to change an end, {kinds['adminRemove']} to take away; "
        f"{len(state.doubled)} duplicates; {kinds['systemRemove']} rows were ended by Entra itself",
    )
    totals.add_row("calls", f"{state.reads} reads, {state.writes} writes")
    console.print(totals)


def _together(must: Mapping[str, frozenset[str]]) -> Iterable[tuple[frozenset[str], list[str]]]:
    groups: dict[frozenset[str], list[str]] = defaultdict(list)
    for number, packages in sorted(must.items()):
        groups[packages].append(number)
    return sorted(groups.items(), key=lambda group: (-len(group[1]), sorted(group[0])))


def _ranges(numbers: list[str]) -> str:
    """Return numbers in short: `1007–1009 1012`."""
    runs: list[list[str]] = []
    for number in numbers:
        if runs and number.isdigit() and runs[-1][-1].isdigit() and int(number) == int(runs[-1][-1]) + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return " ".join(run[0] if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)
