"""The templates fit together, as far as is told without the Bicep compiler: each is parsed, each call is matched."""

import json
import re

import pytest

from tests.infra.templates import INFRA, TEMPLATES, parameters, parsed

MODULES = sorted(parsed("main.bicep")["modules"])


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(INFRA)))
def test_a_template_parses(path):
    """The parser takes it whole, and it says at its head why it is there."""
    assert parsed(str(path.relative_to(INFRA)))["globals"]
    assert path.read_text(encoding="utf-8").startswith("// ")


@pytest.mark.parametrize("which", MODULES)
def test_a_module_is_given_what_it_asks_for(which):
    """Every parameter without a default, and none that it does not have."""
    module = parsed("main.bicep")["modules"][which]
    config = module["config"].get("config", module["config"])
    asked = parameters(module["detail"]["path"])
    given = set(config["params"])
    assert {name for name, needed in asked.items() if needed} <= given <= set(asked)


def test_what_is_taken_from_a_module_is_there():
    """Every `module.outputs.name` of main is an output of that module."""
    modules = parsed("main.bicep")["modules"]
    text = (INFRA / "main.bicep").read_text(encoding="utf-8")
    taken = re.findall(r"\b(\w+)!?\.outputs\.(\w+)", text)
    assert len(taken) > 15
    for module, output in taken:
        assert output in parsed(modules[module]["detail"]["path"])["outputs"], f"{module}.outputs.{output}"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(INFRA)))
def test_every_parameter_and_variable_is_used(path):
    """What nobody uses is a promise that nobody keeps."""
    text = path.read_text(encoding="utf-8")
    tree = parsed(str(path.relative_to(INFRA)))
    names = [*tree.get("parameters", {}), *tree.get("variables", {})]
    assert [name for name in names if len(re.findall(rf"\b{name}\b", text)) < 2] == []


def test_azd_gives_every_parameter_that_has_no_default():
    """infra/main.parameters.json names parameters that exist, and all that must be given."""
    given = json.loads((INFRA / "main.parameters.json").read_text(encoding="utf-8"))["parameters"]
    asked = parameters("main.bicep")
    assert {name for name, needed in asked.items() if needed} <= set(given) <= set(asked)
    for name, one in given.items():
        optional = re.fullmatch(r"\$\{\w+=(.*)\}", one["value"])
        assert bool(optional) != asked[name], name
        if optional:
            assert optional[1] == parsed("main.bicep")["parameters"][name]["default"], name
