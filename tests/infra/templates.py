"""The Bicep of this project, parsed. A name and a text look alike once parsed, so what is expected is literal."""

import functools
from pathlib import Path

from pycep import BicepParser

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
TEMPLATES = sorted(INFRA.rglob("*.bicep"))


@functools.cache
def _parser():
    return BicepParser()


@functools.cache
def parsed(name):
    """One file as a dictionary. Raises what the parser says of a fault, with its line."""
    return _parser().parse(text=(INFRA / name).read_text(encoding="utf-8"))


def variable(name, which):
    return parsed(name)["variables"][which]["value"]


def resource(name, which):
    """The body of a resource, whether it is one, conditional, or many by a loop."""
    config = parsed(name)["resources"][which]["config"]
    return config.get("config", config)


def parameters(name):
    """Each parameter, and whether it has to be given."""
    return {which: one["default"] is None for which, one in parsed(name).get("parameters", {}).items()}


def default(name, which):
    return parsed(name)["parameters"][which]["default"]
