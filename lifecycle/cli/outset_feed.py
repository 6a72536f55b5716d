"""The mapping that `init` writes for a kind of feed, with a small list to try it on, and the words that try it.

Both are the examples of the documentation, which the package carries in `samples`; a test compares them. The head of
the mapping, its source and its time zone become those of the installation.
"""

import json
import re
import shlex
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from pathlib import Path

MAPPING = "mapping.yaml"
_AS_OF = "2026-03-02"  # of which day the samples are


class Kind(StrEnum):
    """How HR tells: a list in one of the formats, or events that a system of one's own sends."""

    CSV = "csv"
    SCIM = "scim"
    WORKDAY = "workday"
    BAMBOOHR = "bamboohr"
    EVENTS = "events"


_WHAT = {
    Kind.CSV: "HR's nightly CSV of all workers is read",
    Kind.SCIM: "SCIM 2.0 users (RFC 7643, a list response with everybody in it) are read",
    Kind.WORKDAY: "a Workday report is read, asked for as a service with format=json: one Report_Entry a worker",
    Kind.BAMBOOHR: "BambooHR's employees are read: a report of all of them, one of them, and whoever a webhook names",
}


@dataclass(frozen=True, slots=True)
class Beginning:
    """What there is to write for a feed, by file name, and what to do next with it."""

    texts: dict[str, str]
    next: str


def beginning(kind: Kind, *, source: str, zone: str, folder: Path, model: str) -> Beginning:
    """Return the files for a feed of a kind; `folder` is where they will lie, `model` the access model's file there."""
    if kind is Kind.EVENTS:
        return Beginning(
            {},
            f"let your system send lifecycle.worker.* events with the source {source} to the queue hr; their JSON "
            "Schemas are in lifecycle/schemas, and `lifecycle send FILE` checks and sends one",
        )
    sample = f"people.{'csv' if kind is Kind.CSV else 'json'}"
    as_of = [] if kind is Kind.WORKDAY else ["--as-of", _AS_OF]  # a Workday report says it itself

    def tries(where: Path) -> str:
        words = ["lifecycle", "feed", where / sample, "--mapping", where / MAPPING, "--model", where / model]
        return shlex.join([*map(str, words), *as_of, "--dry-run"])

    texts = {
        MAPPING: _mapping(kind, source, zone, tries(Path())),
        sample: _sample(f"{kind}.{sample.partition('.')[2]}"),
    }
    return Beginning(texts, f"try the feed, then put a file of your own in the sample's place: {tries(folder)}")


def source_of(kind: Kind) -> str:
    """Return what a source of a kind is called when nobody says otherwise."""
    return f"/hr/{kind}"


def _mapping(kind: Kind, source: str, zone: str, tries: str) -> str:
    head = (
        f"# How {_WHAT[kind]}.\n"
        "# The columns are those of the sample beside it: put your own in their place. What is not named is never\n"
        f"# read. To try it here, which sends nothing:\n#   {tries}\n"
    )
    body = re.sub(r"\A(#[^\n]*\n)+", "", _sample(f"{kind}.yaml"))
    said = {
        "source": json.dumps(source, ensure_ascii=False)
        + "  # listed under `sources: {worker: …}` in the access model",
        "timeZone": f"{zone}  # which day it is where the file says nothing nearer",
    }
    for key, text in said.items():
        line = f"{key}: {text}".replace("\\", r"\\")  # what a template of `re` takes as it is
        body = re.sub(rf"^{key}: .*$", line, body, count=1, flags=re.MULTILINE)
    return head + body


def _sample(name: str) -> str:
    return (files("lifecycle.cli") / "samples" / name).read_text(encoding="utf-8")
