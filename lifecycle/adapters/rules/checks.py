"""What must be true between the parts of the access model: names that meet, ids that are one thing's alone.

These look at the document as written, not at what could be decoded of it, so that one wrong part hides no other.
"""

from collections.abc import Iterator
from typing import Any

from lifecycle.adapters.rules import conditions, probes
from lifecycle.adapters.rules.document import Problems
from lifecycle.adapters.rules.shape import Duration, RenewalPart, nearest
from lifecycle.core.model import RenewalMode

_USUAL = RenewalPart(mode=RenewalMode.NEVER)


def check(tree: dict[str, Any], problems: Problems) -> None:
    """Note everything that does not fit together."""
    _check_packages(tree, problems)
    _check_ids(tree, problems)
    _check_renewals(tree, problems)
    _check_rules(tree, problems)
    _check_roles(tree, problems)
    _check_own(tree, problems)
    _check_limits(tree, problems)
    _check_examples(tree, problems)
    _doubt(tree, problems)


def _check_packages(tree: dict[str, Any], problems: Problems) -> None:
    known = [str(name) for name in _map(tree, "packages")]
    for path, name, rule in (*_granted(tree), *_kept(tree)):
        if name not in known:
            problems.add(path, f"there is no package `{name}`; {nearest(name, known)}", rule=rule)


def _check_renewals(tree: dict[str, Any], problems: Problems) -> None:
    """Refuse an `extend` that ends inside its window: one window's approvals would then extend again and again."""
    for name, package in _map(tree, "packages").items():
        renewal = package.get("renewal") if isinstance(package, dict) else None
        if not isinstance(renewal, dict):
            continue
        try:
            window, extend = (
                Duration.read(str(renewal[key])) if key in renewal else usual
                for key, usual in (("window", _USUAL.window), ("extend", _USUAL.extend))
            )
        except ValueError:
            continue  # noted where it is read
        if extend.value < window.value:
            problems.add(f"packages.{name}.renewal.extend", "is shorter than the window in which it is asked for")


def _check_ids(tree: dict[str, Any], problems: Problems) -> None:
    owner: dict[str, str] = {}
    for name, package in _map(tree, "packages").items():
        for key in ("accessPackage", "policy"):
            guid = package.get(key) if isinstance(package, dict) else None
            path = f"packages.{name}.{key}"
            if isinstance(guid, str) and owner.setdefault(guid.lower(), path) != path:
                problems.add(path, f"is the same id as {owner[guid.lower()]}: each package and each policy has its own")


def _check_rules(tree: dict[str, Any], problems: Problems) -> None:
    seen: dict[str, str] = {}
    for i, rule in enumerate(_list(tree.get("rules"))):
        if not isinstance(rule, dict):
            continue
        name, when = rule.get("name"), rule.get("when")
        label = name if isinstance(name, str) else ""
        if label and seen.setdefault(label, f"rules[{i}]") != f"rules[{i}]":
            problems.add(f"rules[{i}].name", f"is the name of {seen[label]} too", rule=label)
        if rule.get("grant") == []:
            problems.add(f"rules[{i}].grant", "grants nothing", rule=label)
        if isinstance(when, str):
            for reason, into in _condition(when):
                problems.add(f"rules[{i}].when", reason, rule=label, into=into)


def _check_roles(tree: dict[str, Any], problems: Problems) -> None:
    for path, grant in _roles(tree):
        if grant == []:
            problems.add(path, "grants nothing: name its packages, or leave the role out")


def _check_examples(tree: dict[str, Any], problems: Problems) -> None:
    known = [str(name) for name in _map(tree, "packages")]
    seen: dict[str, str] = {}
    for i, example in enumerate(_list(tree.get("examples"))):
        if not isinstance(example, dict):
            continue
        path, label = f"examples[{i}]", example.get("name")
        if isinstance(label, str) and seen.setdefault(label, path) != path:
            problems.add(f"{path}.name", f"is the name of {seen[label]} too")
        gets = [name for _, name in _texts(example.get("gets"))]
        for j, name in _texts(example.get("gets")):
            if name not in known:
                problems.add(f"{path}.gets[{j}]", f"there is no package `{name}`; {nearest(name, known)}")
        for name in _map(example, "until"):
            if name not in gets:
                problems.add(f"{path}.until.{name}", f"is not among what it `gets`; {nearest(name, gets)}")


def _doubt(tree: dict[str, Any], problems: Problems) -> None:
    """Note what can be used and was probably not meant."""
    granted = {name for _, name, _ in _granted(tree)}
    for name in _map(tree, "packages"):
        if name not in granted:
            problems.doubt(f"packages.{name}", "is granted by no rule and no role: only an exception can give it")
    if "sources" in tree and not _map(tree, "sources").get("worker"):
        problems.doubt("sources.worker", "lists nobody: every message about a worker would be set aside")


def _condition(when: str) -> Iterator[tuple[str, int | None]]:
    """Yield what is wrong with a condition, and how many characters into it, when that is known."""
    try:
        program = conditions.compiled(when)
    except conditions.Unparsed as error:
        yield str(error), error.into
    else:
        yield from ((fault, None) for fault in probes.faults(program))


def _check_own(tree: dict[str, Any], problems: Problems) -> None:
    """A package of one project goes from everybody when that project closes, so nothing else may grant it."""
    projects = _map(tree, "projects")
    own: dict[str, str] = {}
    for project, roles in _map(projects, "own").items():
        for name in _names(roles):
            if own.setdefault(name, project) != project:
                problems.add(f"projects.own.{project}", f"`{name}` belongs to the project `{own[name]}` alone")
    for path, name, rule in (*_granted(tree), *_kept(tree)):
        if name in own and not path.startswith("projects.own."):
            problems.add(path, f"`{name}` belongs to the project `{own[name]}` alone and goes with it", rule=rule)


def _check_limits(tree: dict[str, Any], problems: Problems) -> None:
    for name, limit in _map(tree, "guard").items():
        if not isinstance(limit, dict):
            continue
        share = limit.get("share")
        for bound in ("count", "floor"):
            if isinstance(limit.get(bound), int) and limit[bound] < 0:
                problems.add(f"guard.{name}.{bound}", "is below 0")
        if isinstance(share, int | float) and not 0 <= share <= 1:
            problems.add(f"guard.{name}.share", "is a share, from 0 to 1")


def _granted(tree: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield (path, package, rule) wherever something gives a package."""
    for i, rule in enumerate(_list(tree.get("rules"))):
        if isinstance(rule, dict):
            for j, name in _texts(rule.get("grant")):
                yield f"rules[{i}].grant[{j}]", name, str(rule.get("name", ""))
    for path, grant in _roles(tree):
        for j, name in _texts(grant):
            yield f"{path}[{j}]", name, ""


def _kept(tree: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield, as `_granted` does, what stays while somebody is on leave: it is kept by that and given by nothing."""
    for j, name in _texts(_map(tree, "leave").get("keep")):
        yield f"leave.keep[{j}]", name, ""


def _roles(tree: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield (path, what is granted) for every role."""
    projects = _map(tree, "projects")
    for role, grant in _map(projects, "roles").items():
        yield f"projects.roles.{role}", grant
    for project, roles in _map(projects, "own").items():
        for role, grant in roles.items() if isinstance(roles, dict) else ():
            yield f"projects.own.{project}.{role}", grant


def _names(roles: Any) -> set[str]:
    return {name for grant in (roles.values() if isinstance(roles, dict) else ()) for _, name in _texts(grant)}


def _map(tree: dict[str, Any], name: str) -> dict[str, Any]:
    value = tree.get(name)
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _texts(value: Any) -> Iterator[tuple[int, str]]:
    return ((i, each) for i, each in enumerate(_list(value)) if isinstance(each, str))
