"""When two keys turn out to be one person, what the former was denied and had under way is the person's."""

from dataclasses import replace
from datetime import timedelta

import pytest

from lifecycle.records import identities
from lifecycle.records.dossier import Flight, Refusal, Stage, open_dossier, put_flight, put_refusal
from tests.builders import START
from tests.fakes.records import MemoryRecords

HOUR = timedelta(hours=1)
EARLY = Refusal("care", START, "by hand", stands=True)
LATE = replace(EARLY, at=START + HOUR, by="review r1")
PUT_BACK = replace(LATE, at=START + 2 * HOUR, stands=False)
OPEN = Flight(
    package="care", kind="adminAdd", token="t", stage=Stage.SUBMITTED, at=START, look_at=START, cause="c", request="r"
)


async def joined(former, person):
    """Two keys, each with what was written of it, become one person; return that person's dossier."""
    records = MemoryRecords()
    for name, change, value in (("e2", *former), ("e1", *person)):
        dossier = await open_dossier(records, name)
        await dossier.remember(change(dossier, value))
    await identities.join(records, START, "test", workers={"e1"}, people=set())
    identity = await identities.join(records, START, "test", workers={"e1", "e2"}, people=set())
    identity = await identities.identity_of(records, "e2")
    await identities.complete(records, identity, START, "test")
    assert identity.person == "e1"
    return await open_dossier(records, "e1")


@pytest.mark.parametrize(
    ("former", "person", "counts"),
    [(LATE, EARLY, LATE), (EARLY, LATE, LATE), (EARLY, PUT_BACK, EARLY), (PUT_BACK, EARLY, EARLY)],
)
async def test_the_denial_that_reaches_farther_counts(former, person, counts):
    """The later one of two that stand, and one that stands before one that was put back."""
    dossier = await joined((put_refusal, former), (put_refusal, person))
    assert dossier.refusals == {"care": counts}


async def test_an_open_request_is_followed_where_the_persons_own_had_failed():
    """A failed request has nothing to be followed; the one under way is not forgotten for it."""
    failed = replace(OPEN, token="f", stage=Stage.FAILED)
    dossier = await joined((put_flight, OPEN), (put_flight, failed))
    assert dossier.flights == {"care": OPEN}


async def test_the_persons_own_request_goes_on():
    """One package has one request that is followed: the person's own."""
    dossier = await joined((put_flight, OPEN), (put_flight, replace(OPEN, token="own")))
    assert dossier.flights["care"].token == "own"
