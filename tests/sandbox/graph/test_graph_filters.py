"""`$filter`, `$select` and `$expand` are read exactly as far as Graph documents them."""

import pytest

from sandbox.graph import filters, shape
from sandbox.graph.model import GraphError


def test_property_names_are_read_without_regard_to_case():
    """`target/objectid`, as Microsoft's own example writes it, is `target/objectId`."""
    (clause,) = filters.parse("Target/ObjectId eq 'ABC'", filters.ASSIGNMENTS)
    assert (clause.name, clause.value) == ("target/objectid", "abc")


def test_a_conjunction_keeps_every_clause():
    """The documented combination of three comparisons is understood."""
    text = "accessPackage/id eq 'p' and state eq 'Delivered' and target/objectId eq 'u'"
    assert [c.value for c in filters.parse(text, filters.ASSIGNMENTS)] == ["p", "delivered", "u"]


def test_two_quotes_inside_a_string_are_one():
    """An employee id with a quote can be asked for."""
    (clause,) = filters.parse("employeeId eq 'o''neil'", filters.USERS)
    assert clause.value == "o'neil"


def test_an_in_list_has_all_its_terms():
    """`in` takes several employee ids, commas inside strings included."""
    (clause,) = filters.parse("employeeId in ('A', 'b,c','d')", filters.USERS)
    assert clause.values == ("a", "b,c", "d")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "state",
        "state eq",
        "state eq Delivered",
        "state eq 'Delivered' and",
        "state eq 'Delivered' or state eq 'Expired'",
        "not state eq 'Delivered'",
        "(state eq 'Delivered')",
        "state ne 'Delivered'",
        "state eq 'Nonsense'",
        "state eq 'Delivered",
        "state eq 'Delivered' 'Delivered'",
        "catalogId eq 'c'",
        "accessPackage/displayName eq 'x'",
        "accessPackage/id in ('a','b')",
        "schedule/expiration/endDateTime lt 2026-01-01T00:00:00Z",
        "target/objectId eq null",
    ],
)
def test_what_is_not_documented_for_assignments_is_an_invalid_filter(text):
    """Anything beyond `eq` on the four documented properties, joined by `and`, is 400 InvalidFilter."""
    with pytest.raises(GraphError) as caught:
        filters.parse(text, filters.ASSIGNMENTS)
    assert (caught.value.status, caught.value.code) == (400, "InvalidFilter")


@pytest.mark.parametrize(
    "text",
    ["createdDateTime gt '2026-01-01T00:00:00Z'", "createdDateTime gt 2026-01-01T00:00:00", "createdDateTime lt 2026"],
)
def test_an_instant_is_bare_and_has_an_offset(text):
    """A quoted or zoneless instant is refused, as OData does."""
    with pytest.raises(GraphError):
        filters.parse(text, filters.REQUESTS)


@pytest.mark.parametrize("text", ["employeeId in ()", "employeeId in ('a'", "employeeId in ('a' 'b')"])
def test_a_broken_in_list_is_refused(text):
    """A list that does not close, or misses a comma, is an invalid filter."""
    with pytest.raises(GraphError):
        filters.parse(text, filters.USERS)


def test_more_than_fifteen_terms_are_refused():
    """Directory lists refuse long `in` lists; who needs more asks twice."""
    terms = ",".join(f"'{n}'" for n in range(16))
    with pytest.raises(GraphError):
        filters.parse(f"employeeId in ({terms})", filters.USERS)


def test_expansions_may_be_nested_and_selected():
    """`assignment($expand=target;$select=id)` shows the id and the target of the assignment."""
    asked = shape.parse("assignmentRequest", "id,STATE", "requestor, assignment($select=id;$expand=target($select=id))")
    assert asked.select == {"id", "state"}
    assert asked.expand["assignment"].select == {"id"}
    assert asked.expand["assignment"].expand["target"].select == {"id"}


@pytest.mark.parametrize("expand", ["nothing", "target(", "target($filter=id eq '1')", "target($select)"])
def test_an_expansion_that_does_not_exist_is_refused(expand):
    """A wrong $expand is an error, never an answer without the property."""
    with pytest.raises(GraphError):
        shape.parse("assignment", None, expand)


def test_a_property_that_does_not_exist_cannot_be_selected():
    """`targetId` is no property of an assignment in v1.0."""
    with pytest.raises(GraphError):
        shape.parse("assignment", "id,targetId", None)
