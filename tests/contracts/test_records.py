"""What every store of records promises: the stand-in, SQLite, Azure Table Storage, and whichever comes next.

A store joins by one entry in `STORES`: a function that takes a scratch folder and pytest's request, for a server that
the session shares, and returns an empty store.
"""

import asyncio
import contextlib
import inspect
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifecycle.adapters.sqlite import SqliteRecords
from lifecycle.adapters.tables.records import TableRecords
from lifecycle.errors import Lost, Permanent
from lifecycle.ports import Delete, Insert, Put, Replace
from tests.azurite import new_table
from tests.fakes.records import MemoryRecords

STORES = {
    "memory": lambda _folder, _request: MemoryRecords(),
    "sqlite": lambda folder, _request: SqliteRecords(folder / "records.db"),
    "tables": lambda _folder, request: TableRecords(new_table(request.getfixturevalue("azurite"))),
}


@contextlib.asynccontextmanager
async def opened(name, folder, request):
    """An empty store, closed in the end where it can be."""
    store = STORES[name](folder, request)
    try:
        yield store
    finally:
        closing = getattr(store, "close", lambda: None)()
        if inspect.isawaitable(closing):
            await closing


@pytest.fixture(params=STORES)
async def records(request, tmp_path):
    async with opened(request.param, tmp_path, request) as store:
        yield store


async def test_an_absent_row_is_none_and_an_empty_partition_has_no_rows(records):
    """Nothing written reads as nothing."""
    assert await records.read("p", "k") is None
    assert await records.rows("p") == []


async def test_an_inserted_row_reads_back(records):
    """What was written is what is read, with the etag that the write returned, in its own partition only."""
    etags = await records.write("p", [Insert("k", b"\x00\xffv")])
    row = await records.read("p", "k")
    assert (row.key, row.value, row.etag) == ("k", b"\x00\xffv", etags["k"])
    assert await records.rows("p") == [row]
    assert await records.read("q", "k") is None


async def test_an_insert_never_overwrites(records):
    """An Insert that finds a row is Lost, and the row stays."""
    await records.write("p", [Insert("k", b"first")])
    with pytest.raises(Lost):
        await records.write("p", [Insert("k", b"second")])
    assert (await records.read("p", "k")).value == b"first"


async def test_every_write_changes_the_etag(records):
    """Put and Replace give a new etag, even for the same value, and so does a row that is deleted and made anew."""
    seen = [(await records.write("p", [Insert("k", b"v")]))["k"]]
    seen.append((await records.write("p", [Put("k", b"v")]))["k"])
    seen.append((await records.write("p", [Replace("k", b"v", seen[-1])]))["k"])
    await records.write("p", [Delete("k")])
    seen.append((await records.write("p", [Insert("k", b"v")]))["k"])
    assert len(set(seen)) == 4
    assert (await records.read("p", "k")).etag == seen[-1]


async def test_a_replace_needs_the_current_etag(records):
    """A Replace with an older etag, another row's etag or no row at all is Lost."""
    old = (await records.write("p", [Insert("k", b"1")]))["k"]
    new = (await records.write("p", [Replace("k", b"2", old)]))["k"]
    for change in (Replace("k", b"3", old), Replace("k", b"3", ""), Replace("absent", b"3", new)):
        with pytest.raises(Lost):
            await records.write("p", [change])
    assert (await records.read("p", "k")).value == b"2"
    assert await records.read("p", "absent") is None


async def test_a_delete_with_an_etag_is_conditional(records):
    """A Delete with an etag takes that version only; an absent row is then Lost."""
    old = (await records.write("p", [Put("k", b"1")]))["k"]
    new = (await records.write("p", [Put("k", b"2")]))["k"]
    with pytest.raises(Lost):
        await records.write("p", [Delete("k", old)])
    assert await records.write("p", [Delete("k", new)]) == {}
    assert await records.read("p", "k") is None
    with pytest.raises(Lost):
        await records.write("p", [Delete("k", new)])


async def test_a_delete_without_an_etag_is_content_with_nothing(records):
    """A Delete without an etag takes whatever is there, and nothing is fine."""
    await records.write("p", [Put("k", b"1")])
    await records.write("p", [Delete("k")])
    await records.write("p", [Delete("k")])
    assert await records.rows("p") == []


@pytest.mark.parametrize("losing", [Insert("there", b""), Replace("there", b"", "stale"), Delete("there", "stale")])
@pytest.mark.parametrize("place", [0, 1, 2])
async def test_a_write_is_made_whole_or_not_at_all(records, losing, place):
    """One condition that fails undoes the changes before and after it."""
    await records.write("p", [Insert("there", b"v"), Insert("doomed", b"v")])
    before = await records.rows("p")
    changes = [Put("new", b"v"), Delete("doomed")]
    changes.insert(place, losing)
    with pytest.raises(Lost):
        await records.write("p", changes)
    assert await records.rows("p") == before
    await records.write("p", [Put("after", b"")])


async def test_all_kinds_of_change_go_together(records):
    """One write may insert, replace, put and delete, and returns an etag for each row that is left."""
    old = await records.write("p", [Put("replaced", b"1"), Put("put", b"1"), Put("deleted", b"1")])
    new = await records.write(
        "p", [Insert("a", b"2"), Replace("replaced", b"2", old["replaced"]), Put("put", b"2"), Delete("deleted")]
    )
    assert {row.key: row.etag for row in await records.rows("p")} == new
    assert set(new) == {"a", "replaced", "put"}


async def test_an_empty_write_does_nothing(records):
    """No changes, no etags."""
    assert await records.write("p", []) == {}


async def test_rows_come_in_code_point_order(records):
    """Capitals before small letters, ASCII before the rest, and characters beyond U+FFFF last; no locale, no case."""
    keys = ["Z", "a", "B", "10", "9", "é", "z", "￮", "𐐀", "a b", "a-b", "ab", "A"]
    await records.write("p", [Put(key, b"") for key in keys])
    assert [row.key for row in await records.rows("p")] == sorted(keys)


async def test_bounds_are_from_inclusive_to_exclusive(records):
    """`after` belongs to the rows, `before` does not; either may be open, may be no key, and may be beyond all."""
    await records.write("p", [Put(key, b"") for key in ("a", "b", "b1", "c")])

    async def keys(**bounds):
        return [row.key for row in await records.rows("p", **bounds)]

    assert await keys(after="b") == ["b", "b1", "c"]
    assert await keys(before="b1") == ["a", "b"]
    assert await keys(after="b", before="c") == ["b", "b1"]
    assert await keys(after="b", before="b\U0010ffff") == ["b", "b1"]
    assert await keys(after="b\x00", before="b?") == ["b1"]
    assert await keys(after="c", before="b") == []
    assert await keys(after="d") == []


async def test_a_limit_takes_the_first_rows(records):
    """A limit counts from the start of the range; one that is larger than the range is no limit."""
    await records.write("p", [Put(key, b"") for key in "cab"])
    assert [row.key for row in await records.rows("p", limit=2)] == ["a", "b"]
    assert [row.key for row in await records.rows("p", after="b", limit=1)] == ["b"]
    assert len(await records.rows("p", limit=9)) == 3


async def test_a_long_partition_is_listed_whole(records):
    """A listing has no page size that a caller would notice."""
    for start in range(0, 1200, 100):
        await records.write("p", [Put(f"{number:06}", b"x") for number in range(start, start + 100)])
    assert [row.key for row in await records.rows("p")] == [f"{number:06}" for number in range(1200)]


async def test_a_value_may_have_60_kib_and_no_more(records):
    """60 KiB are kept; one byte more is refused, and says so, before anything of that write is made."""
    await records.write("p", [Put("k", b"x" * 61_440)])
    assert len((await records.read("p", "k")).value) == 61_440
    with pytest.raises(Permanent, match="61441 bytes"):
        await records.write("p", [Put("other", b""), Put("k", b"x" * 61_441)])
    assert await records.read("p", "other") is None


async def test_a_write_has_at_most_100_changes(records):
    """100 go together; 101 are the caller's mistake."""
    assert len(await records.write("p", [Put(str(number), b"") for number in range(100)])) == 100
    with pytest.raises(ValueError, match="101 changes"):
        await records.write("p", [Put(str(number), b"") for number in range(101)])


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # of azure-core and aiohttp, 3 MiB at most
async def test_a_write_has_at_most_two_mebibytes(records):
    """What a table service's batch could not carry is refused by every store."""
    value = b"x" * 61_440
    await records.write("p", [Put(str(number), value) for number in range(34)])
    with pytest.raises(Permanent, match="in parts"):
        await records.write("p", [Put(str(number), value) for number in range(35)])


async def test_a_write_makes_one_change_a_key(records):
    """Two changes of one key in one write are the caller's mistake."""
    with pytest.raises(ValueError, match="one key"):
        await records.write("p", [Put("k", b"1"), Delete("k")])


BAD_NAMES = [
    *("", "a/b", "a\\b", "a#b", "a?b", "a\x00b", "a\nb", "a\x7fb", "a\u200bb", "\ud800"),
    *("k" * 501, "𐐀" * 251, "￮" * 251),
]


@pytest.mark.parametrize("name", BAD_NAMES, ids=ascii)
async def test_a_bad_name_is_refused_everywhere(records, name):
    """No store sees a key or a partition that some store could not keep, and the error does not repeat it."""
    for call in (
        lambda: records.read("p", name),
        lambda: records.read(name, "k"),
        lambda: records.rows(name),
        lambda: records.write(name, [Put("k", b"")]),
        lambda: records.write("p", [Put(name, b"")]),
        lambda: records.write("p", [Delete(name)]),
    ):
        with pytest.raises(Permanent) as caught:
            await call()
        assert not name or name not in str(caught.value)
    assert await records.rows("p") == []


async def test_a_bound_that_no_store_can_compare_is_refused(records):
    """A lone surrogate in a bound is refused, not passed on."""
    with pytest.raises(Permanent):
        await records.rows("p", after="\ud800")
    with pytest.raises(Permanent):
        await records.rows("p", before="a\udfff")


@pytest.mark.parametrize(
    "name", ["Zoë Ångström", "李雷", "👩🏽", "a'b\"c;--", "%41%00", "x" * 500, "𐐀" * 250, "￮" * 250], ids=ascii
)
async def test_any_printable_name_is_kept_as_it_is(records, name):
    """Letters of every script, quotes and percent signs come back as they went in, unnormalised."""
    await records.write(name, [Put(name, name.encode())])
    assert [(row.key, row.value) for row in await records.rows(name)] == [(name, name.encode())]
    assert (await records.read(name, name)).value == name.encode()
    assert await records.read(name, "e\u0301") is None


@pytest.mark.parametrize(
    "changes_of",
    [
        lambda _etag, writer: [Insert("new", writer)],
        lambda etag, writer: [Replace("k", writer, etag)],
        lambda etag, _writer: [Delete("k", etag)],
        lambda etag, writer: [Put("other", writer), Replace("k", writer, etag)],
    ],
)
async def test_of_many_writers_exactly_one_wins(records, changes_of):
    """Writers that race under one condition: one makes its write, the others are Lost and leave nothing."""
    etag = (await records.write("p", [Put("k", b"")]))["k"]
    names = [f"writer-{number}".encode() for number in range(8)]
    results = await asyncio.gather(
        *(records.write("p", changes_of(etag, name)) for name in names), return_exceptions=True
    )
    assert [type(result) for result in results if not isinstance(result, dict)] == [Lost] * 7
    winner = names[next(place for place, result in enumerate(results) if isinstance(result, dict))]
    assert {row.value for row in await records.rows("p")} <= {winner, b""}


async def test_a_value_is_kept_apart_from_the_callers_buffer(records):
    """Changing the buffer that was written does not change the row."""
    buffer = bytearray(b"v")
    await records.write("p", [Put("k", buffer)])
    buffer[:] = b"w"
    row = await records.read("p", "k")
    assert (row.value, type(row.value)) == (b"v", bytes)


# --- any history ---

KEYS = st.sampled_from(["a", "b", "B", "é", "𐐀"])
VALUES = st.binary(max_size=8)
KINDS = st.sampled_from(["insert", "replace", "stale", "put", "delete", "delete-if", "delete-stale"])
CHANGE = st.tuples(KINDS, KEYS, VALUES)
WRITE = st.tuples(st.sampled_from("pq"), st.lists(CHANGE, max_size=4, unique_by=lambda change: change[1]))


def as_change(kind, key, value, etag):
    """The change that was drawn, with the etag that the row has now."""
    return {
        "insert": Insert(key, value),
        "replace": Replace(key, value, etag or "none"),
        "stale": Replace(key, value, "stale"),
        "put": Put(key, value),
        "delete": Delete(key),
        "delete-if": Delete(key, etag or "none"),
        "delete-stale": Delete(key, "stale"),
    }[kind]


def is_lost(kind, there):
    """Whether the port says that this change loses: a row in the way of an insert, no row for a condition, stale."""
    needs = {"insert": not there, "replace": there, "delete-if": there, "stale": False, "delete-stale": False}
    return not needs.get(kind, True)


@pytest.mark.parametrize("name", STORES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(WRITE, max_size=12))
async def test_any_history_leaves_what_a_dictionary_would_hold(name, tmp_path_factory, request, history):
    """After any sequence of writes the store holds, and refuses, what the simplest model does."""
    folder: Path = tmp_path_factory.mktemp("history")
    model = {"p": {}, "q": {}}
    async with opened(name, folder, request) as store:
        for partition, drawn in history:
            held = model[partition]
            changes = [as_change(kind, key, value, held.get(key, (b"", ""))[1]) for kind, key, value in drawn]
            if any(is_lost(kind, key in held) for kind, key, _ in drawn):
                with pytest.raises(Lost):
                    await store.write(partition, changes)
            else:
                etags = await store.write(partition, changes)
                for change in changes:
                    held.pop(change.key, None)
                    if not isinstance(change, Delete):
                        held[change.key] = (change.value, etags[change.key])
            for each, rows in model.items():
                expected = [(key, *rows[key]) for key in sorted(rows)]
                assert [(row.key, row.value, row.etag) for row in await store.rows(each)] == expected
