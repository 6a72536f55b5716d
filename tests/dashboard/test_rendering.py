"""The pages: whatever an id holds is text on them, and nothing else; every number says when it was taken."""

import re
import unicodedata
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.adapters import page
from lifecycle.adapters.page.writing import ago, span, visible, written
from lifecycle.core.overview import Overview, TimerRun, needs
from tests.dashboard.pages import AGO, NOW, TIMERS, overview
from tests.dashboard.portraits import portrait

HOSTILE = [
    '"><script>alert(1)</script>',
    "' onmouseover='alert(1)",
    "</table><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }}{% for x in y %}",
    "\u202egnp.exe\u2066",
    "\x00\x1b[31m\r\nSet-Cookie: a=b",
    "javascript:alert(1)",
    "</style><!--",
    "&lt;b&gt;",
    "\ud800",
]
ANYTHING = st.sampled_from(HOSTILE) | st.text(min_size=1, max_size=60)


class Shape(HTMLParser):
    """A page's elements with their attributes, its text, and whatever is no element."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.strange: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        links = tuple((name, "person" if "/person?id=" in (value or "") else value) for name, value in attrs)
        self.elements.append((tag, links))

    def handle_data(self, data):
        self.text += data

    def handle_comment(self, data):
        self.strange.append(data)

    def handle_pi(self, data):
        self.strange.append(data)


def the_overview(text=""):
    found = overview(text)
    timers = (*TIMERS, TimerRun(f"other{text}", AGO, 1.0, f"Fault{text}"))
    return page.overview(found, timers, needs(found, timers, NOW), NOW)


def the_person(text=""):
    return page.person(portrait(text, called={"displayName": f"Ada{text}"}))


@given(ANYTHING)
def test_no_element_or_attribute_of_the_overview_comes_from_data(text):
    """With anything in every id the page has the same elements and attributes as with plain ones."""
    assert Shape(the_overview(text)).elements == Shape(the_overview("x")).elements
    assert Shape(the_overview(text)).strange == []


@given(ANYTHING)
def test_no_element_or_attribute_of_a_persons_page_comes_from_data(text):
    """The same of a person's page, names included."""
    assert Shape(the_person(text)).elements[1:] == Shape(the_person("x")).elements[1:]


@given(ANYTHING)
def test_nothing_invisible_reaches_a_page(text):
    """Controls, direction marks and lone halves appear as their code; the page can always be encoded."""
    for made in (the_overview(text), the_person(text)):
        made.encode()
        hidden = {char for char in made if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co"}}
        assert hidden <= {"\n"}


def test_what_is_hostile_is_still_to_be_read():
    """The text itself is on the page, to be found by whoever looks for it."""
    assert "<script>alert(1)</script>" in Shape(the_overview(HOSTILE[0])).text
    assert "⟨202E⟩gnp.exe⟨2066⟩" in Shape(the_overview(HOSTILE[4])).text


def test_the_direction_of_an_id_stays_with_it():
    """Right-to-left letters are shown, isolated from what stands beside them."""
    assert written("עובד 7") == "<bdi>עובד 7</bdi>"


def test_a_person_is_linked_to_by_an_encoded_id():
    """Whatever the id, the link leads to the person's page, with the id as one field of its query."""
    links = re.findall(r'href="(/dashboard/person[^"]*)"', the_overview("/../?a=b&c#d"))
    assert set(links) == {"/dashboard/person?id=%2F..%2F%3Fa%3Db%26c%23d"}


def test_a_long_id_is_cut():
    """A page is not as wide as what somebody sent."""
    assert len(visible("x" * 5000)) == 201


@pytest.mark.parametrize("made", [the_overview(), the_person(), page.note("A", "B", "C")])
def test_no_page_asks_another_host(made):
    """No address on a page leads elsewhere, no script or style stands in it."""
    shape = Shape(made)
    addresses = [value for _, attrs in shape.elements for name, value in attrs if name in {"src", "href", "action"}]
    assert [one for one in addresses if not (one == "person" or one.startswith(("/dashboard", "#")))] == []
    inline = [attrs for tag, attrs in shape.elements if tag == "script" and "src" not in dict(attrs)]
    assert inline == []
    names = {name for _, attrs in shape.elements for name, _ in attrs}
    assert [name for name in names if name == "style" or name.startswith("on")] == []
    assert "style" not in {tag for tag, _ in shape.elements}


def test_every_figure_says_when_it_was_taken():
    """Each of the eight figures has its time; so does each chart."""
    made = the_overview()
    figures = re.findall(r'<div class="figure.*?</div>', made, re.DOTALL)
    assert len(figures) == 8
    assert [one for one in figures if "as of <time" not in one] == []
    assert made.count('<p class="at">as of') == made.count("<figure")


def test_every_chart_has_its_table():
    """A picture without a table beside it would be closed to whoever cannot see it."""
    made = the_overview()
    charts = re.findall(r"<figure.*?</figure>", made, re.DOTALL)
    assert len(charts) == 5
    assert [one for one in charts if '<th scope="col">' not in one or '<th scope="row">' not in one] == []


def test_status_comes_first():
    """What needs somebody stands before figures and trends."""
    text = Shape(the_overview()).text
    assert text.index("What needs you") < text.index("2 requests under way") < text.index("Active assignments")


def test_a_quiet_tenant_is_told_so():
    """With nothing to do the page says so, and what was never counted is not shown as nought."""
    quiet = Overview(at=AGO, people=3, assignments=5)
    text = Shape(page.overview(quiet, TIMERS, (), NOW)).text
    assert "Nothing needs you now." in text
    assert "no sweep has run yet" in text
    assert "Nobody's access had to end yet." in text
    assert "the queues were not looked into yet" in text


def test_before_the_first_run_the_page_says_what_it_waits_for():
    """Without an overview there is no number at all, and no error."""
    timers = (TimerRun("wake", None),)
    text = Shape(page.overview(None, timers, needs(None, timers, NOW), NOW)).text
    assert "Nothing is known yet" in text
    assert "has not run yet" in text


def test_old_figures_are_called_old():
    """An overview that nobody gathered for long says so beside its time."""
    old = Overview(at=NOW.replace(hour=8))
    assert "These figures are old" in Shape(page.overview(old, TIMERS, (), NOW)).text
    assert "These figures are old" not in Shape(the_overview()).text


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 seconds"), (60, "1 minute"), (90, "90 seconds"), (7200, "2 hours"), (172_800, "2 days"), (None, "–")],
)
def test_spans_are_said_in_one_unit(seconds, said):
    """A span is one number and its unit."""
    assert span(seconds) == said


def test_what_was_just_now_is_not_counted():
    """Less than a minute is just now."""
    assert ago(NOW, NOW) == "just now"
