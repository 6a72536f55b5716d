"""A CSV file of all workers is cut into rows, each with the line it begins on.

What a row says is `lifecycle.adapters.feed_rows`'s business. Columns that the mapping does not name are not read.
"""

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lifecycle.adapters.feed_rows import Faults, snapshot
from lifecycle.adapters.mapping import FeedMapping, missing_columns
from lifecycle.core.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class _Line:
    """A row of cells by their column; `optional` changes nothing, since every row has every column."""

    number: int
    cells: Mapping[str, str] = field(repr=False)

    def cell(self, column: str, *, optional: bool) -> str:  # noqa: ARG002 - the protocol's
        return self.cells[column]


def read(content: bytes, mapping: FeedMapping) -> Snapshot:
    """Read the file. Raises `Misconfigured` with everything that is wrong with it, by line (the header is line 1)."""
    faults = Faults(mapping.terms.source, "line")
    return snapshot(_rows(_text(content, mapping, faults), mapping, faults), mapping, faults)


def _text(content: bytes, mapping: FeedMapping, faults: Faults) -> str:
    """Decode, with or without the mark that some programs put before UTF-8."""
    name = codecs.lookup(mapping.encoding).name
    try:
        return content.decode("utf-8-sig" if name == "utf-8" else name)
    except UnicodeError as error:
        place = f"byte {error.start}" if isinstance(error, UnicodeDecodeError) else "its beginning"
        faults.add(f"it is not {mapping.encoding} at {place}; say which `encoding` it has in the mapping")
        raise faults.refuse() from None


def _rows(text: str, mapping: FeedMapping, faults: Faults) -> Iterator[_Line]:
    """Yield each row with the line it begins on; empty lines are none."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mapping.delimiter, strict=True)
    header: list[str] = []
    line = 1
    try:
        for cells in reader:
            begin, line = line, reader.line_num + 1
            if not cells:
                continue
            if not header:
                header = _header(cells, mapping, faults)
            elif len(cells) != len(header):
                faults.add("more or fewer cells than the header has: is the file cut off?", begin)
            else:
                yield _Line(begin, dict(zip(header, cells, strict=True)))
    except csv.Error:
        faults.add("it is no CSV from here on: a quote that does not close, or text behind one", line)


def _header(cells: list[str], mapping: FeedMapping, faults: Faults) -> list[str]:
    header = [cell.strip() for cell in cells]
    for reason in missing_columns(mapping, header):
        faults.add(reason)
    for name, count in Counter(header).items():
        if count > 1 and name in mapping.wanted:
            faults.add(f"there are {count} columns `{name}`, and nobody can say which is meant")
    if faults.found:
        raise faults.refuse()
    return header
