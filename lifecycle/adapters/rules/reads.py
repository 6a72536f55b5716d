"""What a rule reads of a worker, told from its text, so that one answer can serve all workers who are alike in it.

The library names a rule's variables but not the fields it takes from them. This errs to one side only: whatever is not
plainly `worker.name`, `worker.attributes.name` or `worker.attributes["name"]` counts as not to be told.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
      //[^\n]*                                                              # a comment
    | "[^"\n]*" | '[^'\n]*'                                                 # a text
    | \bworker \s*\.\s* attributes \s*\.\s* (?P<named>\w+) \b (?!\s*\()     # `(`: a function of all attributes
    | \bworker \s*\.\s* attributes \s*\[\s* (?:"(?P<double>[^"\\\n]*)" | '(?P<single>[^'\\\n]*)') \s*\]
    | \bworker \s*\.\s* (?P<field>\w+)
    | \b(?P<bare>worker)\b
    """,
    re.VERBOSE,
)
_ODD_QUOTES = re.compile(r"""\\["']|\"{3}|'{3}""")
"""What could end a text elsewhere than at its next quote."""


@dataclass(frozen=True, slots=True)
class Reads:
    """The fields and the attributes that decide a rule's answer."""

    fields: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()


def reads_of(source: str, known: Collection[str]) -> Reads | None:
    """Return what a rule reads at most, None when its text does not tell; `known` are the names of the fields."""
    if _ODD_QUOTES.search(source):
        return None
    fields: set[str] = set()
    attributes: set[str] = set()
    for token in _TOKEN.finditer(source):
        match token.lastgroup:
            case None:
                continue
            case "field" if token["field"] in known and token["field"] != "attributes":
                fields.add(token["field"])
            case "named" | "double" | "single" as quoted:
                attributes.add(token[quoted])
            case _:
                return None
    return Reads(frozenset(fields), frozenset(attributes))


def reads_of_all(several: Collection[Reads | None]) -> Reads | None:
    """Return what rules read between them, None when it cannot be told of one of them."""
    told = [reads for reads in several if reads is not None]
    if len(told) < len(several):
        return None
    fields = frozenset(name for reads in told for name in reads.fields)
    return Reads(fields, frozenset(name for reads in told for name in reads.attributes))
