"""What is wrong with a rule, found at load: its names are looked up, and it is tried on made-up workers.

CEL has no types here and `&&` hides errors behind a false left side, so the made-up workers take the very texts that
the rule compares with, and leave one field after the other empty.
"""

import itertools
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lifecycle.adapters.rules import conditions
from lifecycle.adapters.rules.shape import nearest
from lifecycle.core.events import Status

if TYPE_CHECKING:
    from cel import Program

FUNCTIONS = frozenset(
    (
        *("bool", "bytes", "double", "duration", "dyn", "int", "string", "timestamp", "type", "uint"),
        *("contains", "endsWith", "has", "matches", "size", "startsWith"),
        *("getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear", "getMonth"),
        *("getHours", "getMilliseconds", "getMinutes", "getSeconds"),
    )
)
"""CEL's own functions; the library would complain about another only when a rule gets as far as calling it."""

_TEXT = re.compile(r"""[rR]?(?:"(?P<double>(?:\\.|[^"\\\n])*)"|'(?P<single>(?:\\.|[^'\\\n])*)')""")
_COMMENT = re.compile(r"//[^\n]*")
_FIELD = re.compile(r"\bworker\s*\.\s*(\w+)(?:\s*\.\s*(\w+))?")
_INDEXED = re.compile(r"\bworker\s*\.\s*attributes\s*\[\s*[\"']([^\"']+)[\"']\s*\]")
_BOUND = re.compile(r"\.\s*(?:all|exists|exists_one|map|filter)\s*\(\s*(\w+)\s*,")
_DATE = "2026-12-31"
_PROBES, _COMBINATIONS = 400, 256  # bounds on what one odd rule may cost at load


def faults(program: "Program") -> Iterator[str]:
    """Yield what is wrong with the rule: names first, and only when they are right what it does."""
    texts = [match["double"] or match["single"] or "" for match in _TEXT.finditer(program.source)]
    bare = _COMMENT.sub("", _TEXT.sub('""', program.source))
    found = list(_names(program, bare))
    yield from found
    if not found:
        yield from itertools.islice(_behaviour(program, bare, texts), 1)


def _names(program: "Program", bare: str) -> Iterator[str]:
    for name in sorted(set(program.variables()) - {"worker", *_BOUND.findall(bare)}):
        yield f"`{name}` is unknown: a rule sees `worker` alone"
    for name in sorted({match[1] for match in _FIELD.finditer(bare)} - set(conditions.FIELDS)):
        # `worker.attributes.x.size()` and the like name functions; those are looked at below.
        yield f"`worker.{name}` is unknown; {nearest(name, conditions.FIELDS)}, the rest is in `worker.attributes`"
    if re.search(r"\bworker\s*\[", bare):
        yield "`worker[…]` hides what the rule reads: write `worker.name`"
    for name in sorted(set(program.functions()) - FUNCTIONS):
        if name[:1].isalpha():
            yield f"`{name}(…)` is no function; {nearest(name, FUNCTIONS)}"


def _behaviour(program: "Program", bare: str, texts: list[str]) -> Iterator[str]:
    from cel import Context  # noqa: PLC0415 - slow to import, see `conditions.compiled`

    used = {match[1] for match in _FIELD.finditer(bare)}
    named = {match[2] for match in _FIELD.finditer(bare) if match[1] == "attributes" and match[2]} - FUNCTIONS
    extra = sorted(named | set(_INDEXED.findall(program.source)))
    statuses = [status.value for status in Status] if "status" in used else [Status.ACTIVE.value]
    for text, status, empty in itertools.islice(_workers(texts, statuses, used), _PROBES):
        worker = _worker(text, status, empty)
        if fault := _fault(program, Context({"worker": worker | {"attributes": {}}})):
            yield _explained(fault, empty)
        if extra and (
            fault := _unanswerable(program, worker, extra, [text, _DATE, f"{_DATE}T00:00:00Z", 1, True, 1.5])
        ):
            yield _explained(fault, empty)


def _unanswerable(program: "Program", worker: dict[str, Any], extra: list[str], kinds: list[Any]) -> str:
    """Return why the rule has no answer, whatever kinds of value its attributes have, or nothing."""
    from cel import Context  # noqa: PLC0415 - slow to import, see `conditions.compiled`

    fault = ""
    for values in itertools.islice(itertools.product(kinds, repeat=len(extra)), _COMBINATIONS):
        attributes = dict(zip(extra, values, strict=True))
        fault = _fault(program, Context({"worker": worker | {"attributes": attributes}}))
        if not fault:
            break
    return fault


def _workers(texts: list[str], statuses: list[str], used: set[str]) -> Iterator[tuple[str, str, str]]:
    """Yield (the text in every field, the status, the field that is null): everything filled first, then gaps."""
    values = list(dict.fromkeys(["", "sample", *texts]))
    nullable = sorted(used - conditions.ALWAYS)
    yield from itertools.product(values, statuses, [""])
    yield from itertools.product(values, statuses, nullable)
    yield from itertools.product([""], statuses, ["*"])


def _worker(text: str, status: str, empty: str) -> dict[str, Any]:
    nothing = {name: None for name in conditions.FIELDS if empty in (name, "*") and name not in conditions.ALWAYS}
    return dict.fromkeys(conditions.FIELDS, text) | {"contractEnd": _DATE, "status": status} | nothing


def _fault(program: "Program", context: Any) -> str:
    try:
        answer = program.execute(context)
    except Exception as error:  # noqa: BLE001 - the library raises nearly anything; each is a fault of the rule
        return conditions.why(error, program.source)
    return "" if answer is True or answer is False else conditions.returned(answer)


def _explained(fault: str, empty: str) -> str:
    if empty in ("", "*"):
        return fault
    return f"cannot answer when worker.{empty} is null, which HR may send: write `worker.{empty} != null && …`"
