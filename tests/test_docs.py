"""Docs cannot rot silently: every setting, error, tag, word and link is checked against the code."""

import inspect
import json
import re
from dataclasses import fields
from pathlib import Path

import pytest
import typer

from lifecycle import errors
from lifecycle.cli.program import app
from lifecycle.core.evidence import Tag
from lifecycle.core.health import Name, Problem
from lifecycle.core.packet import OfAssignment, OfPerson
from lifecycle.settings import Settings

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
LINKED = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]


def text_of(name):
    return (DOCS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("one", fields(Settings), ids=lambda one: one.name)
def test_every_setting_is_documented_and_in_the_sample(one):
    """Its name stands in docs/settings.md with its meaning, and in local.settings.sample.json."""
    assert f"| `{one.metadata['name']}` |" in text_of("settings.md")
    assert one.metadata["says"] in text_of("settings.md")
    sample = json.loads((ROOT / "local.settings.sample.json").read_text(encoding="utf-8"))
    assert one.metadata["name"] in sample["Values"]


def test_every_error_is_documented():
    """Each class of lifecycle/errors.py has its row."""
    names = [name for name, one in vars(errors).items() if inspect.isclass(one) and issubclass(one, Exception)]
    assert [name for name in names if f"| `{name}` |" not in text_of("errors.md")] == []


def test_every_kind_of_record_is_documented():
    """Each tag of the evidence has its row, and no row names a tag that is gone."""
    documented = set(re.findall(r"^\| `(\w+:\w+:\w+)` \|", text_of("evidence.md"), re.MULTILINE))
    assert documented == {str(tag) for tag in Tag}


@pytest.mark.parametrize(
    "word",
    [
        "joiner", "mover", "leaver", "person", "user", "catalog", "access package", "assignment policy", "assignment",
        "assignment request", "desired", "actual", "plan", "step", "reconcile", "sweep", "drift", "guard", "hold",
        "evidence", "ledger", "cause",
    ],
)  # fmt: skip
def test_every_word_of_the_field_is_defined(word):
    """The glossary defines it in bold."""
    assert any(word in term for term in re.findall(r"\*\*([^*]+)\*\*", text_of("glossary.md")))


def anchors(page):
    """What a link into a page may name after its #, made of the headings as the usual renderers make it."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_a_heading_is_named_by_its_words():
    """Small letters, hyphens for spaces, no other signs."""
    assert {"a-bad-run-to-undo", "region-lost"} <= anchors(DOCS / "runbooks.md")
    assert "what-lifecycle-check-looks-at" in anchors(DOCS / "check.md")


@pytest.mark.parametrize("page", LINKED, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    """Every relative link names a file that is there, and a heading of it where it names one."""
    links = re.findall(r"\]\((?!https?:|mailto:)([^)#]*)#?([^)]*)\)", page.read_text(encoding="utf-8"))
    assert [link for link, _ in links if not (page.parent / link).exists()] == []
    aimed = [((page.parent / link) if link else page, heading) for link, heading in links if heading]
    assert [heading for aim, heading in aimed if heading not in anchors(aim)] == []


@pytest.mark.parametrize("page", LINKED, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_is_linked_and_not_only_named(page):
    """A reader follows a link; a name in code type leads nowhere."""
    assert re.findall(r"`docs/[\w/.-]+\.md`", page.read_text(encoding="utf-8")) == []


def test_pages_that_the_code_names_are_there():
    """Docstrings and comments, templates and scripts send their readers to pages that exist."""
    sources = [path for part in ("lifecycle", "infra", "scripts", "sandbox") for path in (ROOT / part).rglob("*")]
    sources = [path for path in sources if path.suffix in {".py", ".bicep", ".sh"} and "node_modules" not in path.parts]
    texts = [path.read_text(encoding="utf-8") for path in [*sources, ROOT / "azure.yaml", ROOT / "function_app.py"]]
    named = {name for text in texts for name in re.findall(r"\bdocs/[\w/.-]+\.md\b", text)}
    assert len(named) > 5
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


def test_the_modules_that_one_run_names_exist():
    """`lifecycle.x.y` in the walk-through is a module or a package."""
    named = set(re.findall(r"`(lifecycle(?:\.\w+)+)`", text_of("one-run.md"))) - {"lifecycle.worker.joined"}
    named -= {"lifecycle.person.check"}
    missing = [name for name in named if not list(ROOT.glob(name.replace(".", "/") + "*"))]
    assert missing == []


def test_every_field_of_a_packet_is_documented():
    """Each has its row with what it answers, in the packet's own order, and no row names a field that is gone."""
    page = text_of("evidence.md")
    assignment, person = page.split("| Field of an assignment |")[1].split("| Field of a person |")
    assert re.findall(r"^\| `([a-zA-Z ]+)` \|", assignment, re.MULTILINE) == [str(name) for name in OfAssignment]
    assert re.findall(r"^\| `([a-zA-Z ]+)` \|", person, re.MULTILINE) == [str(name) for name in OfPerson]


def test_the_targets_that_the_readme_names_exist():
    """`make demo` and `make test` are what the README promises, and every other target it names is there too."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"\bmake (\w+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert {"demo", "test"} <= targets
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_that_a_page_names_exist(page):
    """`lifecycle x y` on any page is a command of the command line, and the examples it is given are there."""
    program = typer.main.get_command(app)
    text = page.read_text(encoding="utf-8")
    for first, second in re.findall(r"(?:`|bin/|^)lifecycle ([a-z]+)(?: ([a-z]+)\b)?", text, re.MULTILINE):
        command = program.commands.get(first)
        assert command is not None, f"lifecycle {first}"
        assert second in {"", *getattr(command, "commands", {second})}, f"lifecycle {first} {second}"
    assert [name for name in re.findall(r"examples/[\w./-]*\w", text) if not (ROOT / name).exists()] == []


def test_every_notice_is_documented():
    """Each type that is sent on `notices` has its place in docs/notices.md."""
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "lifecycle").glob("*.py"))
    groups = "access|leaver|renewal|plan|person|event|drift|budget"
    sent = set(re.findall(rf'"((?:{groups})\.[a-z]+)"', code))
    assert {"access.late", "renewal.due", "event.setaside"} <= sent
    assert [name for name in sorted(sent) if f"`{name}`" not in text_of("notices.md")] == []


def test_every_check_and_every_problem_is_documented():
    """`docs/check.md` has a row for each, in the code's order, and none for one that is gone."""
    checks, problems = re.split(r"^## Problems$", text_of("check.md"), flags=re.MULTILINE)
    assert re.findall(r"^\| `([\w-]+)` \|", checks, re.MULTILINE) == [str(name) for name in Name]
    rows = re.findall(r"^\| `([\w-]+)` \| ([\w, -]+) \|", problems, re.MULTILINE)
    assert [problem for problem, _ in rows] == [str(problem) for problem in Problem]
    assert {by for _, said in rows for by in said.split(", ")} <= {"any", *Name}


def test_every_problem_of_the_check_is_broken_once():
    """Each thing that `lifecycle check` claims to find stands in an expectation of its tests."""
    tests = [*(ROOT / "tests" / "core").glob("test_*.py"), ROOT / "tests" / "verbs" / "test_check.py"]
    named = set(re.findall(r"Problem\.([A-Z_]+)", "".join(path.read_text(encoding="utf-8") for path in tests)))
    assert {problem.name for problem in Problem} - named == set()
