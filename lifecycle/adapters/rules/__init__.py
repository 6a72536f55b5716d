"""The access model as an engineer writes it: YAML in git, checked whole, its rules compiled.

In the order in which a model is read: `document` (YAML, strictly), `shape` (what each part may hold), `checks` (what
must be true between the parts), `conditions` and `probes` (the rules' CEL). A model with one problem is no model: all
problems are reported at once, and nothing is used. `schema` describes the same shape for an editor.
"""

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from lifecycle.adapters.rules import checks, conditions, document, shape
from lifecycle.adapters.rules.document import Problem, Problems
from lifecycle.contract import fields
from lifecycle.core.events import Worker
from lifecycle.core.example import Example
from lifecycle.core.model import (
    AccessModel,
    Budget,
    Deadlines,
    GuardLimits,
    Limit,
    Package,
    ProjectRules,
    Renewal,
    Rule,
    Sources,
)
from lifecycle.errors import Misconfigured

__all__ = ["Examined", "Problem", "examine", "load", "parse", "text_of"]


@dataclass(frozen=True, slots=True)
class Examined:
    """What a document is: a model with its examples, or none and why; `doubts` do not keep it from being one."""

    model: AccessModel | None
    examples: tuple[Example, ...] = ()
    problems: tuple[Problem, ...] = ()
    doubts: tuple[Problem, ...] = ()

    def require(self) -> AccessModel:
        """Return the model. Raises `Misconfigured` with everything that is wrong, a line each."""
        if self.model is None:
            raise Misconfigured("\n".join(map(str, self.problems)))
        return self.model


def load(path: Path) -> AccessModel:
    """Read the model from a file. Raises `Misconfigured` with everything that is wrong, a line each."""
    return parse(text_of(path), where=path.name)


def text_of(path: Path) -> str:
    """Return what a file says. Raises `Misconfigured` when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path}: the access model cannot be read: {_unread(error)}") from error


def _unread(error: OSError | UnicodeDecodeError) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    line = error.object[: error.start].count(b"\n") + 1
    return f"it is not UTF-8, from byte {error.start + 1}, line {line}, on; save it as UTF-8"


def parse(text: str, *, where: str) -> AccessModel:
    """Read the model; `where` names it in errors. Raises `Misconfigured` with everything that is wrong, a line each."""
    return examine(text, where=where).require()


def examine(text: str, *, where: str) -> Examined:
    """Read the model with its examples, and say everything that is wrong or doubtful; `where` names it there."""
    problems = Problems(where)
    tree = document.read(text, problems)
    if not problems.found and not isinstance(tree, dict):
        problems.marks.setdefault("", (1, 1))  # an empty document has no node
        problems.add("", "is no access model: the document must be a mapping with `timeZone`, `packages`, …")
    part = shape.WRONG
    if isinstance(tree, dict):
        part = shape.read(shape.ModelPart, tree, "", problems)
        checks.check(tree, problems)
    if problems.found or not isinstance(part, shape.ModelPart):
        return Examined(None, problems=_in_order(problems.found))  # a doubt may be a problem's shadow
    examples = tuple(map(_example, part.examples))
    return Examined(_assembled(part), examples, doubts=_in_order(problems.doubts))


def _in_order(found: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the problems as somebody meets them who reads from the top."""
    return tuple(sorted(found, key=lambda one: (one.line, one.column)))


def _assembled(part: shape.ModelPart) -> AccessModel:
    rules = tuple(_rule(each) for each in part.rules)
    model = AccessModel(
        hash="",
        time_zone=str(part.time_zone),
        packages={str(name): _package(str(name), each) for name, each in part.packages.items()},
        rules=rules,
        locations={name: str(zone) for name, zone in part.locations.items()},
        sources=Sources(*map(_texts, (part.sources.worker, part.sources.project, part.sources.decision))),
        projects=ProjectRules(
            _grants(part.projects.roles),
            {str(project): _grants(roles) for project, roles in part.projects.own.items()},
        ),
        leave_keep=None if part.leave is None else _texts(part.leave.keep),
        grace=part.mover.grace.value if part.mover else timedelta(),
        drift=part.drift,
        guard=_guard(part.guard),
        protected=_texts(part.protected),
        deadlines=Deadlines(part.deadlines.leaver.value, part.deadlines.mover.value),
        budget=Budget(part.budget.requests, part.budget.warn, part.budget.reserve),
    )
    matches = conditions.matcher([(rule.name, conditions.compiled(rule.when)) for rule in rules])
    return dataclasses.replace(model, hash=_hash(model), matches=matches)


def _hash(model: AccessModel) -> str:
    """Return SHA-256 over what the model says; comments, layout and defaults written out make no difference."""
    content = {
        each.name: getattr(model, each.name)
        for each in dataclasses.fields(model)
        if each.name not in {"hash", "matches"}
    }
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()


def _rule(part: shape.RulePart) -> Rule:
    lasts = part.lasts.value if part.lasts else None
    return Rule(str(part.name), part.when.strip(), tuple(part.grant), part.lead.value, lasts)


def _example(part: shape.ExamplePart) -> Example:
    return Example(
        name=part.name,
        at=part.at.value,
        worker=_worker(part.worker),
        gets=frozenset(part.gets),
        until={name: each.value for name, each in part.until.items()},
        joined=None if part.joined is None else part.joined.value,
        left=None if part.left is None else part.left.value,
        projects={str(project): role for project, role in part.projects.items()},
    )


def _worker(part: shape.WorkerPart) -> Worker:
    """Return the worker as a message with the same words would have told of them."""
    said: dict[str, Any] = {each.name: getattr(part, each.name) for each in msgspec.structs.fields(part)}
    for name, value in said.items():
        if isinstance(value, fields.Id | fields.Zone):
            said[name] = str(value)
        elif isinstance(value, fields.Day):
            said[name] = value.value
    return Worker(**said)


def _package(name: str, part: shape.PackagePart) -> Package:
    renewal = Renewal()
    if part.renewal:
        renewal = Renewal(part.renewal.mode, part.renewal.window.value, part.renewal.extend.value)
    return Package(name, str(part.access_package), str(part.policy), str(part.catalog), renewal)


def _guard(part: shape.GuardPart) -> GuardLimits:
    usual = GuardLimits()
    return GuardLimits(
        part.window.value,
        _limit(part.removals, usual.removals),
        _limit(part.additions, usual.additions),
        _limit(part.leavers, usual.leavers),
    )


def _limit(part: shape.GuardLimitPart, usual: Limit) -> Limit:
    return Limit(part.count, part.share, usual.floor if part.floor is None else part.floor)


def _grants(roles: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {role: tuple(grant) for role, grant in roles.items()}


def _texts(values: Iterable[str]) -> frozenset[str]:
    return frozenset(map(str, values))
