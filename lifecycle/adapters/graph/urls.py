"""The address of a read: base, path and query options, each value quoted. No I/O, and nothing of the SDK."""

from collections.abc import Mapping
from urllib.parse import quote


def url_of(base: str, path: str, ids: Mapping[str, str], query: Mapping[str, str]) -> str:
    """Return the whole URL; `path` is a template that `ids` fills, `query` has its names without dollar signs."""
    whole = base + path.format_map({name: quote(value, safe="") for name, value in ids.items()})
    options = "&".join(f"${name}={quote(value, safe='')}" for name, value in query.items())
    return f"{whole}?{options}" if options else whole
