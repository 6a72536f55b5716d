"""A real export can be read by a mapping alone. It is not part of the repository: LIFECYCLE_DATA says where it lies."""

import csv
import json
import os
from collections import Counter
from pathlib import Path

import pytest

from lifecycle.adapters import csv_feed, feed_file
from lifecycle.adapters.mapping import parse
from lifecycle.core.events import Status

MAPPING = """\
source: /hr/hris
key: empnum
timeZone: Europe/Berlin
columns:
  employeeType: emptype
  jobCode: {column: job, before: "#"}
  jobTitle: {column: job, after: "#"}
  status: {column: status, values: {Active: active, "Former employee": left, "Long-term leave": leave}}
  location: locality
  country: {column: country, after: ":", casefold: true}
"""


@pytest.fixture
def content():
    beside = Path(__file__).parents[4] / "shared" / "data"
    path = Path(os.environ.get("LIFECYCLE_DATA", beside)) / "hris_initial_data.csv"
    if not path.exists():
        pytest.skip(f"{path.name} is not here: set LIFECYCLE_DATA to the folder that holds it")
    return path.read_bytes()


def test_the_export_is_read_whole_and_names_are_not(content):
    """Every row becomes a worker, each column as the file has it, and no name gets past the mapping."""
    rows = list(csv.DictReader(content.decode().splitlines()))
    snapshot = csv_feed.read(content, parse(MAPPING, where="mapping"))
    by_id = {entry.worker.id: entry.worker for entry in snapshot.entries}
    assert len(rows) == len(by_id) > 0
    words = {"Active": Status.ACTIVE, "Former employee": Status.LEFT, "Long-term leave": Status.LEAVE}
    assert Counter(worker.status for worker in by_id.values()) == Counter(words[row["status"]] for row in rows)
    for row in rows:
        worker = by_id[row["empnum"]]
        assert f"{worker.job_code}#{worker.job_title}" == row["job"]
        assert (worker.employee_type, worker.location) == (row["emptype"], row["locality"])
        assert worker.country == row["country"].partition(":")[2].casefold()
    values = {str(value) for worker in by_id.values() for value in (worker.job_title, worker.location, worker.country)}
    assert values.isdisjoint({row["surname"] for row in rows})


def test_the_export_as_a_report_says_the_same(content):
    """The same rows as Workday would send them, through the same mapping: the format makes no difference."""
    report = json.dumps({"Report_Entry": list(csv.DictReader(content.decode().splitlines()))}).encode()
    as_json = feed_file.read(report, parse(f"format: workday\n{MAPPING}", where="mapping"))
    assert as_json == csv_feed.read(content, parse(MAPPING, where="mapping"))
