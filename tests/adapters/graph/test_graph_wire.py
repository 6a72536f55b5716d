from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.adapters.graph import wire
from lifecycle.ports import Request, RequestState
from tests.adapters.graph.script import PACKAGE, POLICY, USER

TOKENS = st.from_regex(r"[A-Za-z0-9._:-]{1,100}", fullmatch=True)
START = datetime(2026, 1, 2, 1, tzinfo=timezone(timedelta(hours=1)))
END = datetime(2026, 6, 30, 22, tzinfo=UTC)


def request(kind: str, **changes: object) -> Request:
    fields = {"package": PACKAGE, "token": "op-1", "justification": "joined", **changes}
    return Request(kind=kind, **fields)


def test_the_bytes_of_an_add():
    """An add names user, policy and package, and carries its schedule in UTC and its token."""
    add = request("adminAdd", user=USER, policy=POLICY, starts=START, ends=END)
    assert wire.body_of(add).decode() == (
        '{"requestType":"adminAdd",'
        f'"assignment":{{"targetId":"{USER}","assignmentPolicyId":"{POLICY}","accessPackageId":"{PACKAGE}"}},'
        '"justification":"joined [op-1]",'
        '"schedule":{"startDateTime":"2026-01-02T00:00:00Z",'
        '"expiration":{"type":"afterDateTime","endDateTime":"2026-06-30T22:00:00Z"}}}'
    )


def test_the_bytes_of_an_update():
    """An update names the assignment alone; its schedule stands at the request."""
    update = request("adminUpdate", assignment="as-1", starts=START)
    assert wire.body_of(update).decode() == (
        '{"requestType":"adminUpdate","assignment":{"id":"as-1"},"justification":"joined [op-1]",'
        '"schedule":{"startDateTime":"2026-01-02T00:00:00Z","expiration":{"type":"noExpiration"}}}'
    )


def test_the_bytes_of_a_removal():
    """A removal names the assignment and has no schedule."""
    remove = request("adminRemove", assignment="as-1", ends=END)
    assert wire.body_of(remove).decode() == (
        '{"requestType":"adminRemove","assignment":{"id":"as-1"},"justification":"joined [op-1]"}'
    )


@pytest.mark.parametrize(
    "wrong",
    [
        request("adminAdd", user=USER),
        request("adminAdd", policy=POLICY),
        request("adminRemove"),
        request("userAdd", user=USER, policy=POLICY),
        request("adminRemove", assignment="as-1", token="no [brackets]"),
        request("adminRemove", assignment="as-1", token=""),
        request("adminUpdate", assignment="as-1", ends=datetime(2026, 1, 1)),  # noqa: DTZ001 - naive on purpose
    ],
)
def test_a_request_that_lacks_something_is_not_written(wrong):
    """A missing id, another kind, a token that cannot be read back and a naive time make no body."""
    with pytest.raises(ValueError, match=r"needs|not a request|token|time zone"):
        wire.body_of(wrong)


@given(st.text())
def test_a_quoted_string_reads_back_as_itself(text):
    """However many quotes a value has, the literal ends where it should."""
    literal = wire.quoted(text)
    assert (literal[0], literal[-1]) == ("'", "'")
    assert "'" not in literal[1:-1].replace("''", "")
    assert literal[1:-1].replace("''", "'") == text


@given(st.text(max_size=1500), TOKENS)
def test_a_token_reads_back_from_any_justification(text, token):
    """Whatever stands before it, brackets included, the token at the end is ours."""
    assert wire.token_in(wire.justification_of(text, token)) == token


def test_a_long_justification_is_cut_before_its_token():
    """However much somebody writes, the token stays whole at the end."""
    assert wire.justification_of("x" * 5000, "op-1") == "x" * wire.LONGEST_JUSTIFICATION + " [op-1]"


@pytest.mark.parametrize("foreign", [None, "", "please", "[op-1] please", "[op 1]", "[]", "op-1]"])
def test_a_justification_of_somebody_else_has_no_token(foreign):
    """What people write in My Access is no token."""
    assert wire.token_in(foreign) == ""


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.timezones()))  # noqa: DTZ001
def test_an_instant_reads_back_as_itself(when):
    """An instant goes out in UTC with a Z and comes back the same."""
    text = wire.instant(when)
    assert text.endswith("Z")
    assert wire.at(text) == when.astimezone(UTC)


def test_the_last_instant_there_is_can_be_read():
    """Seven decimals at the end of the year 9999, which rounding would carry beyond it, are cut."""
    assert wire.at("9999-12-31T23:59:59.9999999Z") == datetime(9999, 12, 31, 23, 59, 59, 999999, UTC)
    with pytest.raises(ValueError, match="offset"):
        wire.at("2026-01-01T00:00:00")


def test_a_state_that_nobody_knows_is_unknown():
    """An unheard-of or absent state is `unknown`, and the case of a known one does not matter."""
    states = ["pendingApproval", "PendingApproval", "PENDINGAPPROVAL", "awaitingStars", None, ""]
    found = [wire.state_of(wire.AssignmentRequest("rq-1", state=state)) for state in states]
    assert found == [RequestState.PENDING_APPROVAL] * 3 + [RequestState.UNKNOWN] * 3
