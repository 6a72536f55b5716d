"""One person's portrait for the dashboard: bounded, newest first, ids alone unless the viewer may see names."""

from datetime import date, timedelta

import pytest

from lifecycle.core.events import Joined
from lifecycle.core.evidence import Tag
from lifecycle.portray import PAGE, SAID, portray
from lifecycle.records.dossier import open_dossier
from lifecycle.records.facts import keep
from tests.builders import EVERYONE, START, Company, a_model, a_worker, joined, recorded

MINUTE = timedelta(minutes=1)
ADA = {"displayName": "Ada Lovelace", "shoe": "38"}


@pytest.fixture
async def here():
    company = Company(a_model(EVERYONE))
    worker = a_worker("E1", person_id="P9", job_title="Analyst", attributes=ADA)
    await company.say(joined("joined-1", START, date(2026, 1, 5), worker))
    await company.time(10 * MINUTE)
    return company


async def test_a_person_is_shown_by_any_of_their_ids(here):
    """Worker id or person id, in any case: one person, what they hold, why, and what was said."""
    for name in ("E1", "e1", " P9 "):
        found = await portray(name, here.records, here.clock)
        assert found is not None
        assert (found.person, found.workers, found.user) == ("p9", ("e1",), "user-e1")
        assert [(row.package, row.taken) for row in found.held] == [("base", False)]
        assert [one.kind for one in found.said] == ["lifecycle.worker.joined"]
        assert [one.number for one in found.records] == list(range(found.length, 0, -1))


async def test_names_are_told_to_whoever_may_see_them(here):
    """Without the role nothing of HR's snapshot comes; with it, what it calls the person, and no other attribute."""
    plain = await portray("E1", here.records, here.clock)
    named = await portray("E1", here.records, here.clock, names=True)
    assert plain is not None
    assert named is not None
    assert plain.called == {}
    assert "Ada" not in repr(plain)
    assert "Analyst" not in repr(plain)
    assert named.called == {"displayName": "Ada Lovelace", "job title": "Analyst"}


async def test_nobody_is_nobody(here):
    """An id that nothing names has no portrait, and none is begun."""
    before = here.records.writes
    assert await portray("E404", here.records, here.clock) is None
    assert here.records.writes == before


async def test_a_long_chain_is_read_page_by_page(here):
    """The newest first; each record on one page, none twice; a page behind the last is the last."""
    dossier = await open_dossier(here.records, "p9")
    for number in range(2 * PAGE):
        await dossier.append(START, Tag.PLANNED, f"event:{number}", {})
    length = dossier.head.length
    numbers = []
    for page in (1, 2, 3):
        found = await portray("E1", here.records, here.clock, page=page)
        assert found is not None
        assert (found.page, found.pages, len(found.records) <= PAGE) == (page, 3, True)
        numbers += [one.number for one in found.records]
    assert numbers == list(range(length, 0, -1))
    last = await portray("E1", here.records, here.clock, page=99)
    assert last is not None
    assert last.page == 3


async def test_the_newest_facts_are_shown(here):
    """Bounded, whatever was said over the years, the newest first."""
    for number in range(SAID + 5):
        at = START + number * MINUTE
        fact = Joined(recorded(f"again-{number}", "E1", at), date(2026, 1, 5), a_worker())
        await keep(here.records, fact)
    found = await portray("E1", here.records, here.clock)
    assert found is not None
    assert (len(found.said), found.said[0].id) == (SAID, f"again-{SAID + 4}")


async def test_what_the_person_waits_for_is_said(here):
    """Somebody without a user waits for one."""
    await here.say(joined("joined-2", START, date(2026, 1, 5), a_worker("E2")))
    found = await portray("E2", here.records, here.clock)
    assert found is not None
    assert found.user == ""
    assert found.waits == ("no Entra user with this employeeId or UPN yet, looked for 1 times",)
