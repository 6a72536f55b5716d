"""OData `$filter`, exactly as far as Graph documents it for these lists; anything else is refused.

A filter is a conjunction: `property eq 'value' and …`. Property names are read without regard to case, `''` inside a
string is one quote. Entitlement management answers what it does not support with 400 `InvalidFilter`
(microsoft-graph-docs issue 8922); so does this module, for a typing error as well.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Never, get_args

from sandbox.graph.model import AssignmentState, GraphError, RequestState

type Operator = Literal["eq", "in", "gt", "ge", "le"]
type Supported = Mapping[str, frozenset[Operator]]

_EQ: frozenset[Operator] = frozenset({"eq"})

ASSIGNMENTS: Supported = {
    "state": _EQ,
    "accesspackage/id": _EQ,
    "assignmentpolicy/id": _EQ,
    "target/objectid": _EQ,
}
REQUESTS: Supported = {"state": _EQ, "accesspackage/id": _EQ, "createddatetime": frozenset({"gt", "ge"})}
USERS: Supported = {"employeeid": frozenset({"eq", "in"}), "userprincipalname": _EQ}
PACKAGES: Supported = {"displayname": _EQ}
DECISIONS: Supported = {"decision": _EQ, "applyresult": _EQ}
ROLES: Supported = {"principalid": _EQ}
AUDITS: Supported = {"loggedbyservice": _EQ, "activitydatetime": frozenset({"ge", "le"})}
NONE: Supported = {}

MAX_IN_TERMS = 15
"""Terms in one `in (…)`; directory lists refuse more."""

_STATES = {s.casefold() for alias in (AssignmentState, RequestState) for s in get_args(alias.__value__)}
_TOKEN = re.compile(r"\s*(?:'((?:[^']|'')*)'|([(),])|([^\s'(),]+))")


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison. `name` is lower case; `values` has one entry but for `in`, case folded but for instants."""

    name: str
    operator: Operator
    values: tuple[str, ...]

    @property
    def value(self) -> str:
        """The single value of a comparison that is not `in`."""
        return self.values[0]

    @property
    def instant(self) -> datetime:
        """The value as an instant; `parse` made sure that it is one."""
        return datetime.fromisoformat(self.value)


type Filter = tuple[Clause, ...]


def parse(text: str | None, supported: Supported) -> Filter:
    """Return the clauses of a filter, none for an absent one.

    Raises:
        GraphError: 400 `InvalidFilter`, for a filter that is malformed or not in `supported`.

    """
    if text is None:
        return ()
    tokens = _Tokens(text)
    clauses = [_clause(tokens, supported)]
    while not tokens.done:
        if tokens.word() != "and":
            tokens.refuse()
        clauses.append(_clause(tokens, supported))
    return tuple(clauses)


def find(filter_: Filter, name: str) -> str | None:
    """Return the value that a filter demands of a property by `eq`, None when it does not mention it."""
    return next((c.value for c in filter_ if c.name == name and c.operator == "eq"), None)


class _Tokens:
    """The tokens of a filter, read from left to right; a string is (True, text), anything else (False, text)."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[bool, str]] = []
        at, end = 0, len(text.rstrip())
        while at < end:
            match = _TOKEN.match(text, at)
            if match is None:
                self.refuse()
            quoted, mark, word = match.groups()
            self._tokens.append((True, quoted.replace("''", "'")) if quoted is not None else (False, mark or word))
            at = match.end()
        self._tokens.reverse()

    @property
    def done(self) -> bool:
        return not self._tokens

    def word(self) -> str:
        quoted, text = self._next()
        return self.refuse() if quoted else text

    def string(self) -> str:
        quoted, text = self._next()
        return text if quoted else self.refuse()

    def _next(self) -> tuple[bool, str]:
        return self._tokens.pop() if self._tokens else self.refuse()

    def refuse(self) -> Never:
        raise GraphError(400, "InvalidFilter", f"The OData query is invalid: Filter '{self._text}' is not supported.")


def _clause(tokens: _Tokens, supported: Supported) -> Clause:
    name, word = tokens.word().casefold(), tokens.word()
    for operator in supported.get(name, ()):
        if operator == word:
            return Clause(name, operator, _values(tokens, name, operator))
    return tokens.refuse()


def _values(tokens: _Tokens, name: str, operator: Operator) -> tuple[str, ...]:
    if operator == "in":
        return _terms(tokens)
    if name.endswith("datetime"):
        return (_instant(tokens),)
    value = tokens.string().casefold()
    if name == "state" and value not in _STATES:
        tokens.refuse()
    return (value,)


def _terms(tokens: _Tokens) -> tuple[str, ...]:
    if tokens.word() != "(":
        tokens.refuse()
    terms = [tokens.string().casefold()]
    while (mark := tokens.word()) == ",":
        terms.append(tokens.string().casefold())
    if mark != ")" or len(terms) > MAX_IN_TERMS:
        tokens.refuse()
    return tuple(terms)


def _instant(tokens: _Tokens) -> str:
    word = tokens.word()
    try:
        at = datetime.fromisoformat(word)
    except ValueError:
        return tokens.refuse()
    return word if at.tzinfo is not None else tokens.refuse()
