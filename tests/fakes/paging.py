"""Long lists in pages, as Graph gives them: a link names what is behind it, and a page may be empty without an end."""

from collections.abc import Mapping

from lifecycle.ports import Page


def page_of[T](name: str, rows: Mapping[str, T], link: str, *, size: int, gaps: bool) -> Page[T]:
    """Return the first `size` rows, or those behind the link; with `gaps` an empty page comes after each full one.

    `rows` are by id and may have changed since the link was given: it names the id that was read last.
    """
    given, kind, mark = link.split("|") if link else (name, "rows", "")
    if given != name:
        raise ValueError(f"The link is one of another list: {link}")
    if kind == "gap":
        return Page([], f"{name}|rows|{mark}")
    behind = sorted((id_ for id_ in rows if _place(id_) > _place(mark)), key=_place)
    taken = behind[:size]
    following = f"{name}|{'gap' if gaps else 'rows'}|{taken[-1]}" if len(behind) > size else ""
    return Page([rows[id_] for id_ in taken], following)


def _place(id_: str) -> tuple[int, str]:
    return len(id_), id_
