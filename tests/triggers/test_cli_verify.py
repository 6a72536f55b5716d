"""`verify`: what is proved, what is not as it was written, and the exit code that says so."""

import asyncio
from datetime import timedelta

import pytest

from lifecycle.core.seal import name_of
from lifecycle.ports import Row
from lifecycle.records.ledger import key_of
from lifecycle.seal import seal
from tests.triggers.cli_shell import employed

DAY = timedelta(days=1)


@pytest.fixture
def shell():
    """E1 has what the rules give, and the ledger is sealed."""
    made = employed()
    asyncio.run(seal(made.company.ports))
    return made


def altered(shell, number):
    rows = shell.company.records._partitions["person-e1"]
    row = rows[key_of(number)]
    rows[row.key] = Row(row.key, row.value.replace(b'"cause":"', b'"cause":"x'), row.etag)


def test_a_whole_ledger_is_proved_and_how_far(shell):
    """Up to which seal, and how many records came after it."""
    rows = shell.company.records.writes
    said = shell("verify").stdout
    assert said == (
        "up to seal 1 of 2026-01-05T09:05:00Z everything is proved: 2 chains, 6 records\n"
        "after it 1 record, consistency only\n"
    )
    assert shell.company.records.writes == rows


def test_without_a_seal_nothing_is_proved():
    """Consistency only, and a hint."""
    result = employed()("verify")
    assert result.stdout == "no seal yet: 2 chains, 6 records, consistency only\n"
    assert "SEAL_SCHEDULE" in result.stderr


def test_an_altered_record_is_named_and_the_exit_code_says_so(shell):
    """Chain, record, instant, what was done, and what tells."""
    altered(shell, 2)
    said = shell("verify", code=1).stdout
    assert said.splitlines()[0].startswith(
        "! person-e1: record 2, of 2026-01-05T09:00:00+00:00, altered: record 3 holds"
    )
    assert "everything else is proved: 1 chain" in said
    assert "; 1 thing is broken" in said


def test_one_person_alone(shell):
    """By any of their ids; somebody unknown is an error, not a whole chain."""
    assert shell.json("verify", "--person", " e1 ")["proved"]["chains"] == 1
    altered(shell, 2)
    assert shell.json("verify", "--person", "E1", code=1)["findings"][0]["chain"] == "person-e1"
    assert "nobody is known" in " ".join(shell("verify", "--person", "E9", code=1).stderr.split())


def test_a_program_reads_the_same(shell):
    """All of it, with the seals' breaks among the findings."""
    assert shell.json("verify") == {
        "whole": True,
        "seal": 1,
        "sealed_at": "2026-01-05T09:05:00Z",
        "seals": 1,
        "proved": {"chains": 2, "records": 6},
        "consistent": {"chains": 1, "records": 1},
        "erased": 0,
        "findings": [],
    }
    del shell.company.seals.kept[name_of(1)]
    found = shell.json("verify", code=1)
    assert found["findings"] == [
        {
            "chain": "seals",
            "kind": "removed",
            "number": 1,
            "since": 1,
            "at": "",
            "text": "it is not there, and the chain `seals` names it",
        }
    ]
