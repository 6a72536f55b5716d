"""YAML as a tree with the place of each part, read more strictly than YAML is.

What YAML would do silently and nobody would mean is an error here: a key written twice (the last would win), an alias
(the reader of one rule would have to look elsewhere), `NO` or `10115` as something other than the text it is. Keys are
always text; of bare values only `true`, `false`, `null` and plain numbers are more than text.
"""

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

SIZE_LIMIT = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a document: where (from 1; 0 is the document as a whole), at which path, and why."""

    where: str
    line: int
    column: int
    path: str
    reason: str
    rule: str = ""

    def __str__(self) -> str:
        place = f"{self.where}:{self.line}:{self.column}" if self.line else self.where
        about = f" (rule {self.rule})" if self.rule else ""
        return f"{place}: {self.path}{about}: {self.reason}" if self.path else f"{place}: {self.reason}"


@dataclass(slots=True)
class Problems:
    """Everything that is wrong with a document, each with where; collected, so that one look mends all.

    `marks` are the line and column of every path, `texts` those of values that stand on one line as they are; `doubts`
    what may be meant and probably is not.
    """

    where: str
    marks: dict[str, tuple[int, int]] = field(default_factory=dict)
    texts: dict[str, tuple[int, int]] = field(default_factory=dict)
    found: list[Problem] = field(default_factory=list)
    doubts: list[Problem] = field(default_factory=list)

    def add(self, path: str, reason: str, *, rule: str = "", into: int | None = None) -> None:
        """Note a problem at a path such as `rules[2].grant[0]`; `rule` is the rule's name.

        `into` is how many characters into the value it lies, which shows where the value's own place is known.
        """
        line, column = self._place(path)
        if into is not None and path in self.texts:
            line, column = self.texts[path][0], self.texts[path][1] + into
        self.found.append(Problem(self.where, line, column, path, reason, rule))

    def doubt(self, path: str, reason: str) -> None:
        """Note what does not stop the document from being used, and will surprise whoever wrote it."""
        self.doubts.append(Problem(self.where, *self._place(path), path, reason))

    def __str__(self) -> str:
        return "\n".join(map(str, self.found))

    def _place(self, path: str) -> tuple[int, int]:
        while path and path not in self.marks:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.marks.get(path, (0, 0))


class _Loader(yaml.SafeLoader):
    """The safe loader without aliases and without YAML 1.1's surprises (`yes`, `on`, `12:30`, dates)."""

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # untyped in its stubs
            raise yaml.MarkedYAMLError(problem="aliases are not read: write the value out", problem_mark=mark)
        return super().compose_node(parent, index)


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|false", "tf"),
    ("null", r"null|~", "n~"),
    ("int", r"[-+]?(0|[1-9][0-9]{0,17})", "-+0123456789"),
    ("float", r"[-+]?[0-9]+\.[0-9]+", "-+0123456789"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})$"), list(_first))
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"$"), [""])

_PLAIN = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")


def read(text: str, problems: Problems) -> Any:
    """Return the document as dicts, lists and scalars; `problems` learns the places, and what is wrong."""
    if len(text) > SIZE_LIMIT:
        problems.add("", f"is larger than {SIZE_LIMIT // 1024} KiB")
        return None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        return None if node is None else _value(loader, node, "", problems)
    except yaml.MarkedYAMLError as error:
        if error.problem_mark:
            problems.marks[""] = _place(error.problem_mark)
        said = error.problem or error.context or ""
        tab = ": indent with spaces" if r"'\t'" in said else ""
        problems.add("", f"is no YAML that is read here: {said}{tab}")
    except (yaml.YAMLError, ValueError) as error:
        before = text[: getattr(error, "position", 0)]
        problems.marks[""] = before.count("\n") + 1, len(before) - before.rfind("\n")
        problems.add("", "is no YAML: there is a character here that YAML does not allow")
    except RecursionError:
        problems.marks[""] = 1, 1
        problems.add("", "is nested too deeply")
    return None


def _value(loader: _Loader, node: Node, path: str, problems: Problems) -> Any:
    problems.marks.setdefault(path, _place(node.start_mark))
    if isinstance(node, MappingNode | SequenceNode) and node.tag not in _PLAIN:
        raise yaml.MarkedYAMLError(problem="tags are not read", problem_mark=node.start_mark)
    match node:
        case MappingNode():
            return dict(_items(loader, node, path, problems))
        case SequenceNode():
            return [_value(loader, each, f"{path}[{i}]", problems) for i, each in enumerate(node.value)]
        case _:
            if isinstance(node, ScalarNode) and not node.style and node.start_mark.line == node.end_mark.line:
                problems.texts[path] = _place(node.start_mark)
            return loader.construct_object(node)


def _items(loader: _Loader, node: MappingNode, path: str, problems: Problems) -> Iterator[tuple[Hashable, Any]]:
    seen: set[str] = set()
    for name, value in node.value:
        if not isinstance(name, ScalarNode):
            problems.add(path, "has a key that is no text")
            continue
        at = f"{path}.{name.value}" if path else name.value
        problems.marks[at] = _place(name.start_mark)
        if name.value in seen:
            problems.add(at, "is written twice")
        seen.add(name.value)
        yield name.value, _value(loader, value, at, problems)


def _place(mark: yaml.Mark) -> tuple[int, int]:
    return mark.line + 1, mark.column + 1
