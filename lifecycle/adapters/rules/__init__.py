"""The access model as an engineer writes it: YAML in git, checked whole, its rules compiled.

In the order in which a model is read: `document` (YAML, strictly), `shape` (what each part may hold), `checks` (what
must be true between the parts), `conditions` and `probes` (the rules' CEL). A model with one problem is no model: all
problems are reported at once, and nothing is used.
"""

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path

import msgspec

from lifecycle.adapters.rules import checks, conditions, document, shape
from lifecycle.adapters.rules.document import Problems
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

__all__ = ["load", "parse"]


def load(path: Path) -> AccessModel:
    """Read the model from a file. Raises `Misconfigured` with everything that is wrong, a line each."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Misconfigured(f"{path}: the access model cannot be read: {why}") from error
    return parse(text, where=path.name)


def parse(text: str, *, where: str) -> AccessModel:
    """Read the model; `where` names it in errors. Raises `Misconfigured` with everything that is wrong, a line each."""
    problems = Problems(where)
    tree = document.read(text, problems)
    if not problems.found and not isinstance(tree, dict):
        problems.add("", "is no access model: the document must be a mapping with `timeZone`, `packages`, …")
    part = shape.WRONG
    if isinstance(tree, dict):
        part = shape.read(shape.ModelPart, tree, "", problems)
        checks.check(tree, problems)
    if problems.found or not isinstance(part, shape.ModelPart):
        raise Misconfigured("\n".join(problems.found))
    return _assembled(part)


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
