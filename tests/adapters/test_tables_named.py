"""Which tables may be named, what keys look like in them, and what the settings say of the wrong ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.adapters import limits
from lifecycle.adapters.tables.address import TableAddress, table_address
from lifecycle.adapters.tables.names import read_back, stored, stored_bound
from lifecycle.errors import Misconfigured, Permanent
from lifecycle.settings import from_environment

TABLE = "https://contoso.table.core.windows.net/records"
EMULATED = "http://127.0.0.1:10002/devstoreaccount1/records"
REST = {
    "ServiceBus__fullyQualifiedNamespace": "n",
    "LIFECYCLE_MODEL": "m",
    "LIFECYCLE_BODIES": "https://contoso.blob.core.windows.net/bodies",
    "LIFECYCLE_SEALS": "https://contoso.blob.core.windows.net/seals",
}

EDGES = st.sampled_from([chr(code) for code in (0xD7A3, 0xF900, 0xFFEE, 0xFFFD, 0x10000, 0x1D7FF, 0xE01EF)])
CHARACTERS = EDGES | st.sampled_from("aZ09~- ") | st.characters(exclude_categories=["Cs"])
TEXT = st.text(CHARACTERS, max_size=6)


def is_name(text):
    try:
        limits.check_name(text)
    except Permanent:
        return False
    return True


NAMES = TEXT.filter(is_name)


def units(text):
    """The text as the table compares it."""
    return [int.from_bytes(pair) for pair in zip(*[iter(text.encode("utf-16-be"))] * 2, strict=True)]


@given(NAMES, NAMES)
def test_the_tables_order_is_by_code_point(one, other):
    """Two keys compare in UTF-16 units, as stored, as they do by code point."""
    assert (units(stored(one)) < units(stored(other))) == (one < other)


@given(NAMES)
def test_a_key_reads_back(name):
    """No two keys share a stored form, and it is Unicode that any client may send."""
    assert read_back(stored(name)) == name
    assert stored(name).encode("utf-8").decode("utf-8") == stored(name)


@given(st.text(CHARACTERS, max_size=500).filter(is_name) | st.just("￮" * 250) | st.just("𐐀" * 250))
def test_a_key_that_is_allowed_fits(name):
    """What the limits let pass takes at most the table's 1 KiB."""
    assert len(units(stored(name))) <= 512


@given(NAMES, TEXT, st.data())
def test_a_bound_divides_the_keys_as_it_would_by_code_point(key, rest, data):
    """Whatever a bound holds, the same keys lie before it; and it holds nothing that the table would refuse."""
    bound = data.draw(st.sampled_from([key[:place] for place in range(len(key) + 1)])) + rest
    assert (units(stored(key)) >= units(stored_bound(bound))) == (key >= bound)
    assert not any(
        character in "/\\#?" or ord(character) < 32 or 127 <= ord(character) < 160 for character in stored_bound(bound)
    )


def test_ascii_stays_readable():
    """The keys that this project writes look in the table as they do in the code."""
    assert stored("c-0000000001") == "c-0000000001"
    assert stored_bound("c-") == "c-"


def test_a_table_in_azure_and_an_emulators():
    """An account's table, or one on this machine under the account that every emulator has."""
    assert table_address(TABLE) == TableAddress("https://contoso.table.core.windows.net", "records")
    for host in ("127.0.0.1", "localhost", "[::1]"):
        address = table_address(f"http://{host}:10002/devstoreaccount1/records")
        assert address == TableAddress(f"http://{host}:10002/devstoreaccount1", "records", emulated=True)


WRONG = [
    "",
    "records",
    "http://contoso.table.core.windows.net/records",
    "https://contoso.table.core.windows.net",
    "https://contoso.table.core.windows.net/",
    "https://contoso.table.core.windows.net/tables",
    "https://contoso.table.core.windows.net/no-hyphens",
    "https://contoso.table.core.windows.net/1records",
    "https://contoso.table.core.windows.net/records/",
    "https://contoso.table.core.windows.net/records?sig=c2VjcmV0",
    "https://contoso.table.core.windows.net/records\n",
    "https://contoso.table.core.windows.net.example.org/records",
    "https://contoso.table.cosmos.azure.com/records",
    "https://user@contoso.table.core.windows.net/records",
    "http://example.org:10002/devstoreaccount1/records",
    "http://127.0.0.1.example.org:10002/devstoreaccount1/records",
    "http://127.0.0.1:10002/contoso/records",
    "AccountName=contoso;AccountKey=c2VjcmV0",
    "sqlite://relative.db",
]


@pytest.mark.parametrize("text", WRONG, ids=ascii)
def test_anything_else_is_refused_and_not_repeated(text):
    """No other host gets a token, plain http and keys are refused, and a secret in the text stays out of the error."""
    with pytest.raises(Misconfigured, match="of the form") as caught:
        table_address(text)
    assert "c2VjcmV0" not in str(caught.value)
    if text:
        with pytest.raises(Misconfigured, match="LIFECYCLE_RECORDS is neither sqlite:///") as caught:
            from_environment(REST | {"LIFECYCLE_RECORDS": text})
        assert "c2VjcmV0" not in str(caught.value)


def test_a_table_is_allowed_in_azure():
    """In Azure records are in a table; on a machine they may be in a file or an emulator too."""
    in_azure = REST | {"WEBSITE_INSTANCE_ID": "0"}
    assert from_environment(in_azure | {"LIFECYCLE_RECORDS": TABLE}).records_at == table_address(TABLE)
    for elsewhere in ("sqlite:///records.db", EMULATED):
        assert from_environment(REST | {"LIFECYCLE_RECORDS": elsewhere}).records_at
        with pytest.raises(Misconfigured, match="LIFECYCLE_RECORDS is on one instance alone"):
            from_environment(in_azure | {"LIFECYCLE_RECORDS": elsewhere})
