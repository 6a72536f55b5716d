"""`model validate` and `model test`: whether a file is an access model, and gives people what its examples say.

Nothing is connected to: both work on a laptop and in a pipeline. `model impact` is in a module of its own.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lifecycle.cli.exits import Code
from lifecycle.cli.impact import impact
from lifecycle.cli.screen import counted, emit, instant, line, note
from lifecycle.cli.world import AsJson
from lifecycle.core.example import Example, Trial, tried
from lifecycle.core.model import AccessModel
from lifecycle.errors import LifecycleError

if TYPE_CHECKING:
    from lifecycle.adapters.rules import Examined, Problem

ModelFile = Annotated[Path, typer.Argument(metavar="FILE", help="The access model (YAML).")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True)
    group.command(
        epilog="Example: lifecycle model validate examples/model.yaml\n\n"
        "Example: lifecycle model validate model.yaml --json | jq '.problems[].reason'"
    )(validate)
    group.command("test", epilog="Example: lifecycle model test examples/model.yaml")(try_examples)
    group.command(
        epilog="Example: lifecycle model impact model.yaml\n\n"
        "Example: lifecycle model impact model.yaml --first 5 --json; exit code 2 says that somebody's access changes"
    )(impact)
    app.add_typer(
        group,
        name="model",
        help="Check an access model, try its own examples, see what it would change for whom.",
        epilog="Example: lifecycle model validate examples/model.yaml",
    )


def validate(file: ModelFile, *, as_json: AsJson = False) -> None:
    """Say everything that is wrong with an access model: line and column, where, why, what to do.

    A warning is about what can be used and was probably not meant; it does not fail.
    """
    found = examined(file)
    if as_json:
        emit(_plain(found, file))
    else:
        _show(found, file)
    if found.model is None:
        raise typer.Exit(Code.FAILED)


def try_examples(file: ModelFile, *, as_json: AsJson = False) -> None:
    """Try the examples that stand in the model: somebody at an instant gets exactly these packages.

    They run through the code that decides in production. What came out otherwise is said with its reasons.

    Exit code 1 when an example does not hold.
    """
    found = examined(file)
    model = found.require()
    trials = [_tried(example, model) for example in found.examples]
    if as_json:
        emit({"model": model.hash, "examples": [_plain_trial(one) for one in trials]})
    else:
        for one in trials:
            _show_trial(one)
        failing = sum(not _holds(one) for one in trials)
        note(
            f"{counted(len(trials), 'example', 'examples')}, {failing} that {'does' if failing == 1 else 'do'} not hold"
        )
        if not trials:
            note("the model has none: write some under `examples:` (docs/model.md)")
    if not all(map(_holds, trials)):
        raise typer.Exit(Code.FAILED)


def examined(file: Path) -> "Examined":
    """Read a file. Raises `Misconfigured` when that cannot be."""
    from lifecycle.adapters.rules import examine, text_of  # noqa: PLC0415 - compiling rules loads the CEL library

    return examine(text_of(file), where=str(file))


# --- validate --------------------------------------------------------------------------------------------------------


def _show(found: "Examined", file: Path) -> None:
    for each in found.problems:
        line(f"- {each}")
    for each in found.doubts:
        line(f"~ {each}")
    if found.model is None:
        note(
            f"{file}: {counted(len(found.problems), 'problem', 'problems')}: no part of it is used until all are mended"
        )
        return
    parts = (
        counted(len(found.model.packages), "package", "packages"),
        counted(len(found.model.rules), "rule", "rules"),
        counted(len(found.examples), "example", "examples"),
        counted(len(found.doubts), "warning", "warnings"),
    )
    line(f"{file}: an access model, version {found.model.hash[:12]}: {', '.join(parts)}")


def _plain(found: "Examined", file: Path) -> dict[str, Any]:
    return {
        "file": str(file),
        "model": "" if found.model is None else found.model.hash,
        "problems": _places(found.problems),
        "warnings": _places(found.doubts),
    }


def _places(found: Iterable["Problem"]) -> list[dict[str, Any]]:
    return [
        {"line": one.line, "column": one.column, "path": one.path, "rule": one.rule, "reason": one.reason}
        for one in found
    ]


# --- test ------------------------------------------------------------------------------------------------------------

type _Tried = Trial | tuple[Example, LifecycleError]


def _tried(example: Example, model: AccessModel) -> _Tried:
    try:
        return tried(example, model)
    except LifecycleError as error:  # a rule that has no answer for this worker
        return example, error


def _holds(one: _Tried) -> bool:
    return isinstance(one, Trial) and one.holds


def _show_trial(one: _Tried) -> None:
    if not isinstance(one, Trial):
        line(f"- {one[0].name}: {one[1]}")
        return
    if one.holds:
        line(f"= {one.example.name}")
        return
    line(f"- {one.example.name}, at {instant(one.at)}")
    for each in one.differences:
        line(f"    {each.what}: {each.package}", style="")
        for text in each.why:
            line(f"      {text}", style="")


def _plain_trial(one: _Tried) -> dict[str, Any]:
    if not isinstance(one, Trial):
        return {"name": one[0].name, "holds": False, "error": str(one[1]), "differences": []}
    return {
        "name": one.example.name,
        "holds": one.holds,
        "at": one.at,
        "error": "",
        "differences": [
            {"package": each.package, "what": each.what, "why": list(each.why)} for each in one.differences
        ],
    }
