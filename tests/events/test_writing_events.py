"""Facts and work survive the way out and back, in one form; hostile bytes raise one error."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.contract import cloudevents as ce
from lifecycle.core import events as ev
from lifecycle.core.work import Check, Erase, FanOut, Release, Sweep, SweepSlice, Undo
from lifecycle.errors import MalformedEvent

EXAMPLES = [path.read_bytes() for path in sorted((Path(__file__).parents[2] / "examples" / "events").glob("*.json"))]

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ids = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cf", "Co", "Cn", "Zs", "Zl", "Zp"]), min_size=1, max_size=30
) | st.sampled_from(["E 1", "İ", "ß" * 40, "０1"])
keys = ids.map(ev.key)
maybe = st.none() | texts
zones = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
instants = st.datetimes(datetime(1901, 1, 1), datetime(2199, 1, 1), timezones=zones)  # noqa: DTZ001 - hypothesis asks for naive bounds
days = st.dates(date(1900, 1, 1), date(2200, 12, 31))
moments = days | instants
origins = st.just(ev.Origin()) | st.just(ev.Origin("derived-from-absence")) | st.builds(ev.Origin, st.just("bulk"), ids)
recorded = st.builds(ev.Recorded, ids, ids, keys, instants, st.just("") | ids, origins)
scalars = texts | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()


@st.composite
def snapshots(draw, kind):
    said = draw(recorded)
    worker = draw(
        st.builds(
            ev.Worker,
            id=st.sampled_from([said.subject, said.subject.upper()]).filter(lambda x: ev.key(x) == said.subject),
            person_id=st.none() | keys,
            user_principal_name=st.none() | ids,
            employee_type=maybe,
            status=st.sampled_from(ev.Status),
            department=maybe,
            cost_center=maybe,
            job_code=maybe,
            job_title=maybe,
            location=maybe,
            country=maybe,
            time_zone=st.none() | st.sampled_from(["Europe/Berlin", "US/Pacific", "UTC"]),
            manager=st.none() | ids,
            company=maybe,
            contract_end=st.none() | days,
            attributes=st.dictionaries(ids, st.none() | scalars, max_size=4),
        )
    )
    return kind(said, draw(moments), worker)


facts = st.one_of(
    snapshots(ev.Joined),
    snapshots(ev.Moved),
    st.builds(ev.Left, recorded, moments, st.booleans(), maybe),
    st.builds(ev.Rescinded, recorded, ids),
    st.builds(ev.Opened, recorded, ids, st.none() | moments, maybe, st.none() | ids),
    st.builds(ev.Rescheduled, recorded, st.none() | moments),
    st.builds(ev.Closed, recorded, moments),
    st.builds(ev.Staffed, recorded, keys, ids, st.none() | moments, st.none() | moments),
    st.builds(ev.Released, recorded, keys, ids),
    st.builds(ev.RenewalApproved, recorded, ids, ids, texts, st.none() | moments),
    st.builds(ev.RenewalDenied, recorded, ids, ids, texts),
    st.builds(ev.ExceptionGranted, recorded, ids, moments, ids, ids, texts),
    st.builds(ev.ExceptionRevoked, recorded, ids, ids, texts),
    st.builds(ev.Frozen, recorded, maybe),
    st.builds(ev.Thawed, recorded, maybe),
    st.builds(ev.Recognised, recorded, ids.map(ev.key), ids, texts),
    st.builds(ev.Linked, recorded, keys),
)
works = st.one_of(
    st.builds(Check, ids, texts, texts, st.integers(0, 50), texts, undoes=texts),
    st.builds(Release, ids, texts, texts),
    st.builds(FanOut, ids, texts, texts, texts),
    st.builds(Erase, ids, texts, texts, st.none() | st.datetimes(timezones=st.just(UTC))),
    st.builds(SweepSlice, ids, st.sampled_from(Sweep), texts, texts),
    st.builds(Undo, ids, texts, texts, instants),
)


@given(facts)
def test_a_fact_survives_the_way_out_and_back(fact):
    """What is stored of a fact is the fact, and writing it again gives the same bytes."""
    body = ce.encode_fact(fact)
    back = ce.fact_of(ce.decode(body))
    assert back == fact
    assert type(back) is type(fact)
    assert ce.encode_fact(back) == body


@given(works)
def test_work_survives_the_way_out_and_back(work):
    """What the app asks of itself arrives as it was asked, on the queue its type names."""
    body = ce.encode_work(work, id="1", source="/lifecycle", time=datetime(2026, 4, 1, tzinfo=UTC))
    assert ce.work_of(ce.decode(body)) == work
    assert ce.decode(body).type == ce.type_of(work)
    assert ce.TYPES[ce.type_of(work)].group is ce.Group.INTERNAL


def test_a_fact_has_one_form():
    """Facts are stored and hashed as bytes, so keys are sorted, white space is none and times are UTC."""
    said = ev.Recorded("1", "/hr", "e1", datetime(2026, 4, 1, 9, tzinfo=timezone(timedelta(hours=2))), "7")
    assert ce.encode_fact(ev.Left(said, date(2026, 4, 30))) == (
        b'{"data":{"effective":"2026-04-30","immediate":false},"datacontenttype":"application/json","id":"1",'
        b'"sequence":"7","source":"/hr","specversion":"1.0","subject":"e1","time":"2026-04-01T07:00:00Z",'
        b'"type":"lifecycle.worker.left"}'
    )


def test_message_ids_tell_apart_what_concatenation_would_not():
    """The broker's id depends on source, id and attempt, each for itself, and fits the broker's 128 characters."""
    ids_ = [
        ce.message_id("a", "b1", 2),
        ce.message_id("a", "b", 12),
        ce.message_id("ab", "1", 2),
        ce.message_id("a", "b1", 3),
    ]
    assert len({*ids_}) == 4
    assert ce.message_id("a", "b1", 2) == ids_[0]
    assert all(len(each) <= 128 for each in ids_)


def test_a_message_of_our_own_must_be_a_cloudevent():
    """A mistake in what we send is found where it is made."""
    with pytest.raises(ValueError, match="subject"):
        ce.message_of("lifecycle.access.assigned", "", {}, id="1", source="/l", time=datetime(2026, 4, 1, tzinfo=UTC))
    with pytest.raises(TypeError):
        ce.message_of("lifecycle.x", "1", {"at": object()}, id="1", source="/l", time=datetime(2026, 4, 1, tzinfo=UTC))


def only_malformed(body):
    try:
        envelope = ce.decode(body)
    except MalformedEvent:
        return
    for read in (ce.fact_of, ce.work_of):
        try:
            read(envelope)
        except MalformedEvent:
            continue


@given(st.binary(max_size=200))
def test_arbitrary_bytes_raise_one_error(body):
    """Bytes from anywhere are read or malformed, nothing else."""
    only_malformed(body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
envelopes = st.fixed_dictionaries(
    {"specversion": st.just("1.0") | json_values},
    optional={
        name: json_values | st.sampled_from([*ce.TYPES, "1", "2026-04-01T00:00:00Z"])
        for name in ("id", "source", "type", "subject", "time", "data", "data_base64", "sequence", "origin")
    },
)


@given(json_values | envelopes)
def test_arbitrary_json_raises_one_error(value):
    """JSON of any shape is read or malformed, nothing else."""
    only_malformed(json.dumps(value).encode())


@given(st.sampled_from(EXAMPLES), st.data())
def test_a_changed_event_raises_one_error(body, data):
    """A valid event with any one value replaced or removed is read or malformed, nothing else."""
    event = json.loads(body)
    place = event
    while True:
        name = data.draw(st.sampled_from(sorted(place)))
        if isinstance(place[name], dict) and place[name] and data.draw(st.booleans()):
            place = place[name]
            continue
        break
    if data.draw(st.booleans()):
        place[name] = data.draw(json_values)
    else:
        del place[name]
    only_malformed(json.dumps(event).encode())


@given(st.sampled_from(EXAMPLES), st.integers(0, 400), st.binary(max_size=3))
def test_a_broken_event_raises_one_error(body, at, junk):
    """A valid event with bytes overwritten is read or malformed, nothing else."""
    only_malformed(body[:at] + junk + body[at + len(junk) :])
