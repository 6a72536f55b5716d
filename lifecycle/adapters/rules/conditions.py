"""The conditions of the rules: CEL, compiled once, asked of one worker at a time.

A rule sees `worker` alone: HR's snapshot in HR's words (`worker.jobCode`), dates as ISO text, what HR leaves empty as
`null`. Of `worker.attributes` only what HR filled is there, so `has(worker.attributes.x)` is the one guard they need.
A rule answers true or false; anything else, an attribute that is absent included, is an error and never a silent no.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from lifecycle.adapters.rules.reads import Reads, reads_of, reads_of_all
from lifecycle.core.events import Status, Worker
from lifecycle.core.model import Matches
from lifecycle.errors import Permanent

if TYPE_CHECKING:
    from cel import Program

FIELDS = (
    "id",
    "personId",
    "userPrincipalName",
    "employeeType",
    "status",
    "department",
    "costCenter",
    "jobCode",
    "jobTitle",
    "location",
    "country",
    "timeZone",
    "manager",
    "company",
    "contractEnd",
    "attributes",
)
"""What a rule can say after `worker.`"""

_OWN = {field: re.sub("([A-Z])", lambda found: f"_{found[1].lower()}", field) for field in FIELDS}
"""Where a worker has what rules call by HR's word."""

ALWAYS = frozenset({"id", "status", "attributes"})
"""The fields that are never null."""

REMEMBERED = 65_536
"""How many answers one model keeps at most, over all sets of rules that read the same: some 30 MB."""

type Named = tuple[str, "Program"]
type Variables = dict[str, Any]
type Asked = Callable[[Variables], tuple[bool, ...]]


class Unparsed(ValueError):
    """A condition that is no CEL; `into` is how many characters into it the fault lies, when it has one line."""

    def __init__(self, reason: str, into: int | None = None) -> None:
        super().__init__(reason)
        self.into = into


def compiled(expression: str) -> "Program":
    """Compile one condition. Raises `Unparsed` with the column and what was expected there."""
    # Imported late: the package brings a command line with it, and loading that takes longer than everything else here.
    import cel  # noqa: PLC0415

    try:
        return cel.compile(expression)
    except ValueError as error:
        where = re.search(r"<input>:(\d+):(\d+): ([^\n]{1,160})", str(error))
        if where is None:
            raise Unparsed("cannot be parsed") from None
        hint = "; CEL compares with `==`" if re.search(r"(?<![=!<>])=(?!=)", expression) else ""
        into = None if "\n" in expression else int(where[2]) - 1
        raise Unparsed(f"line {where[1]} column {where[2]}: {where[3]}{hint}", into) from None


def variables(worker: Worker) -> Variables:
    """Return the worker as rules see it."""
    return {
        "id": worker.id,
        "personId": worker.person_id,
        "userPrincipalName": worker.user_principal_name,
        "employeeType": worker.employee_type,
        "status": worker.status.value,
        "department": worker.department,
        "costCenter": worker.cost_center,
        "jobCode": worker.job_code,
        "jobTitle": worker.job_title,
        "location": worker.location,
        "country": worker.country,
        "timeZone": worker.time_zone,
        "manager": worker.manager,
        "company": worker.company,
        "contractEnd": worker.contract_end.isoformat() if worker.contract_end else None,
        "attributes": {name: value for name, value in worker.attributes.items() if value is not None},
    }


def matcher(rules: Sequence[Named]) -> Matches:
    """Return the function that says of each rule, in this order, whether it holds.

    It raises `Permanent`, naming the first rule that cannot answer for a worker. What rules answered is remembered for
    workers who are alike in all that those rules read; that they could not answer never is.
    """
    alike: dict[Reads | None, list[int]] = defaultdict(list)
    for index, (_, program) in enumerate(rules):
        alike[reads_of(program.source, FIELDS)].append(index)
    ask_in_order = _asker(rules)
    many = REMEMBERED // (len(alike) + 1)
    groups = [_rememberer(_asker([rules[index] for index in indices]), reads, many) for reads, indices in alike.items()]
    grouped = [index for indices in alike.values() for index in indices]
    places = [grouped.index(index) for index in range(len(rules))]

    def ask_groups(worker: Variables) -> tuple[bool, ...]:
        try:
            answers = list(chain.from_iterable([ask(worker) for ask in groups]))
        except Permanent:
            return ask_in_order(worker)  # which rule is named must not depend on the groups
        return tuple(map(answers.__getitem__, places))

    return _of_workers(ask_groups, reads_of_all(alike), many)


def _of_workers(ask: Asked, reads: Reads | None, many: int) -> Matches:
    """Return the function that asks of a worker, and remembers as `_rememberer` does, by the worker's own fields.

    Nearly every call ends here: nothing is put into words for an answer that is known.
    """
    if reads is None:
        return lambda worker: ask(variables(worker))
    fields, names = sorted(reads.fields - {"attributes"}), sorted(reads.attributes)
    own = [_OWN[field] for field in fields]

    @lru_cache(many, typed=True)  # typed, as below
    def remembered(*values: Any) -> tuple[bool, ...]:
        shown = {field: _shown(value) for field, value in zip(fields, values, strict=False)}
        filled = {name: value for name, value in zip(names, values[len(fields) :], strict=True) if value is not None}
        return ask({**shown, "attributes": filled})

    def matches(worker: Worker) -> tuple[bool, ...]:
        attributes = worker.attributes
        return remembered(*[getattr(worker, name) for name in own], *[attributes.get(name) for name in names])

    if names or len(own) <= 1:  # of one field, a getter would not return a tuple
        return matches
    get = attrgetter(*own)
    return lambda worker: remembered(*get(worker))


def _shown(value: object) -> object:
    """Return a field as rules see it, as in `variables`."""
    if isinstance(value, Status):
        return value.value
    return value.isoformat() if isinstance(value, date) else value


def _asker(rules: Sequence[Named]) -> Asked:
    """Return the function that asks these rules anew."""
    from cel import Context  # noqa: PLC0415 - as above

    def ask(worker: Variables) -> tuple[bool, ...]:
        context = Context({"worker": worker})  # one for all rules: making it costs more than asking it
        return tuple([_answer(name, program, context) for name, program in rules])

    return ask


def _rememberer(ask: Asked, reads: Reads | None, many: int) -> Asked:
    """Return a function that remembers the last `many` answers, unless it cannot be told what they depend on.

    The rules are shown nothing but what their answers are kept by, so that one cannot depend on anything else.
    """
    if reads is None:
        return ask
    fields, names = sorted(reads.fields), sorted(reads.attributes)

    @lru_cache(many, typed=True)  # typed: an attribute that is 1 is neither true nor 1.0
    def remembered(*values: Any) -> tuple[bool, ...]:
        filled = {name: value for name, value in zip(names, values[len(fields) :], strict=True) if value is not None}
        return ask({**dict(zip(fields, values, strict=False)), "attributes": filled})

    def asked(worker: Variables) -> tuple[bool, ...]:
        attributes = worker["attributes"]
        return remembered(*[worker[name] for name in fields], *[attributes.get(name) for name in names])

    return asked


def _answer(name: str, program: "Program", context: Any) -> bool:
    try:
        answer = program.execute(context)
    except Exception as error:  # noqa: BLE001 - the library raises nearly anything; each means no answer
        raise Permanent(f"rule {name}: {why(error, program.source)}") from None
    if answer is True or answer is False:
        return bool(answer)
    raise Permanent(f"rule {name}: {returned(answer)}")


def returned(answer: object) -> str:
    """Say what a rule returned, by type: a value may be somebody's data."""
    words: Mapping[type, str] = {str: "text", int: "a number", float: "a number", list: "a list", dict: "a map"}
    what = "null" if answer is None else words.get(type(answer), "something else")
    return f"returned {what}, must return true or false"


def why(error: Exception, source: str) -> str:
    """Say why a rule could not answer, naming attributes only where the rule's own text names them."""
    if isinstance(error, KeyError):
        name = str(error.args[0]).strip("'\"") if error.args else ""
        if re.search(rf"\b{re.escape(name)}\b", source):
            return f"worker.attributes.{name} is absent: write `has(worker.attributes.{name}) && …`"
        return "an attribute is absent: write `has(worker.attributes.…) && …`"
    if isinstance(error, TypeError):
        return "compares or combines kinds that do not fit; null is one: write `worker.… != null && …`"
    if isinstance(error, RuntimeError):
        return "calls a function that there is not, or not for null: write `worker.… != null && …`"
    return f"failed ({type(error).__name__})"
