"""The pages in a real browser: nothing outside is asked, charts are drawn, all of it goes by keyboard, in any width."""

from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.async_api import async_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lifecycle.core.evidence import Tag
from lifecycle.dashboard import Asked, answer
from lifecycle.ports import Put
from lifecycle.records import heartbeats
from lifecycle.records import overview as rows
from lifecycle.records.dossier import open_dossier
from lifecycle.records.heartbeats import Beat
from lifecycle.records.identities import join
from lifecycle.records.keys import pack
from sandbox.serving import listen, serving, url
from tests.dashboard.pages import NOW, OPEN, TIMERS, overview, settings
from tests.fakes.clock import MovableClock
from tests.fakes.records import MemoryRecords

CHROMIUM = Path("/usr/bin/chromium")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PERSON = 'e1<i>"&?/'

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not there: no browser to look with"),
]


async def filled():
    """Records with an overview of everything, and a person with three pages of evidence under a hostile id."""
    records = MemoryRecords()
    await rows.keep(records, overview())
    await records.write("overview", [Put("days", pack(overview().days))])
    for one in TIMERS:
        await heartbeats.beat(records, Beat(one.timer, one.at or NOW, one.took))
    await join(records, NOW, "seed", workers={PERSON}, people=set())
    dossier = await open_dossier(records, PERSON)
    for number in range(120):
        await dossier.append(NOW, Tag.PLANNED, f"event:{number}", {"why": '<img src="x" onerror="alert(1)">'})
    return records


def app(records):
    """The pages behind the same answers as the functions give."""

    def serves(what):
        async def serve(request: Request) -> Response:
            asked = Asked(str(request.url), dict(request.headers), {**request.query_params, **request.path_params})
            told = await answer(what, asked, settings(OPEN), records, MovableClock(NOW))
            return Response(told.body, status_code=told.status, headers=dict(told.headers))

        return serve

    paths = {"/dashboard": "overview", "/dashboard/person": "person", "/dashboard/static/{name}": "static"}
    return Starlette(routes=[Route(path, serves(what)) for path, what in paths.items()])


class Window:
    """A browser's page that notes what it was told and what it asked for."""

    def __init__(self, page, address):
        self.page, self.address = page, address
        self.said, self.asked = [], []
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))

    async def open(self, path):
        await self.page.goto(f"{self.address}{path}", wait_until="load")

    def clean(self):
        """Assert that nothing was wrong and nothing outside was asked."""
        assert self.said == []
        assert [one for one in self.asked if not one.startswith(self.address)] == []


@pytest.fixture
async def window(request):
    changes = getattr(request, "param", {})
    listener = listen()
    async with serving(app(await filled()), listener), async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        context = await browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **changes})
        yield Window(await context.new_page(), url(listener))
        await context.close()
        await browser.close()


DRAWN = """() => [...document.querySelectorAll("figure[data-chart]")].map((figure) => {
  const canvas = figure.querySelector("canvas");
  if (!canvas) return 0;
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const seen = new Set();
  for (let at = 0; at < pixels.length; at += 4) seen.add(pixels.slice(at, at + 4).join());
  return seen.size;
})"""

STOP = """() => {
  const one = document.activeElement;
  const name = one.getAttribute("aria-labelledby") || one.textContent.trim();
  return [one.tagName, name, getComputedStyle(one).outlineStyle];
}"""

WIDTHS = "() => [document.documentElement.scrollWidth, innerWidth]"

PALE = """() => {
  const canvas = document.createElement("canvas").getContext("2d");
  const rgba = (colour) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => [r, g, b].map((part) => part / 255)
    .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (one) => { for (; one; one = one.parentElement) {
    const found = rgba(getComputedStyle(one).backgroundColor); if (found[3] === 255) return found; }
    return [255, 255, 255, 255]; };
  const pale = [];
  for (const one of document.querySelectorAll("body *")) {
    const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !one.checkVisibility()) continue;
    const [a, b] = [light(rgba(getComputedStyle(one).color)), light(ground(one))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) pale.push(one.tagName + " " + one.textContent.trim().slice(0, 40));
  }
  return pale;
}"""


async def test_the_overview_is_drawn_and_asks_nobody_else(window):
    """No error, no request to another host, no cookie, every chart with something on it."""
    await window.open("/dashboard")
    drawn = await window.page.evaluate(DRAWN)
    assert len(drawn) == 5
    assert min(drawn) > 2
    assert await window.page.context.cookies() == []
    window.clean()


async def test_every_chart_has_a_name_and_its_table_opens_by_keyboard(window):
    """A picture says what it is; Enter on what stands beneath shows its numbers."""
    await window.open("/dashboard")
    pictures = await window.page.get_by_role("img", name="Chart:").all()
    assert len(pictures) == 5
    await window.page.locator("summary").first.focus()
    await window.page.keyboard.press("Enter")
    assert await window.page.locator("figure table").first.is_visible()
    assert await window.page.locator("figure table").nth(1).is_visible() is False


async def test_the_page_goes_by_keyboard(window):
    """The first stop leads past the header; every stop can be seen; a person is asked for without a mouse."""
    await window.open("/dashboard")
    press = window.page.keyboard.press
    await press("Tab")
    assert await window.page.evaluate("document.activeElement.textContent") == "Skip to the content"
    await press("Enter")
    assert await window.page.evaluate("document.activeElement.id") == "main"

    await window.open("/dashboard")
    stops = []
    for _ in range(40):
        await press("Tab")
        stop = await window.page.evaluate(STOP)
        if stop[0] == "BODY":
            break
        stops.append(stop)
    assert {"A", "INPUT", "BUTTON", "SUMMARY", "DIV"} <= {tag for tag, _, _ in stops}
    assert [stop for stop in stops if stop[2] == "none"] == []

    await window.page.get_by_label("Person").focus()
    await window.page.keyboard.type("E404")
    await press("Enter")
    await window.page.wait_for_url("**/dashboard/person?id=*")
    assert await window.page.get_by_role("heading", level=1).text_content() == "Nobody by this id"


async def test_a_person_with_a_hostile_id_is_text(window):
    """Three pages of evidence to be gone through; what was sent as HTML is read as text and runs nowhere."""
    await window.open(f"/dashboard/person?id={quote(PERSON)}")
    assert await window.page.get_by_role("heading", level=1).text_content() == f"Person {PERSON}"
    assert await window.page.locator(".timeline li").count() == 50
    for _ in range(2):
        await window.page.get_by_role("link", name="Older").click()
    assert await window.page.locator(".timeline li").count() == 20
    assert await window.page.get_by_text('<img src="x" onerror="alert(1)">').count() == 20
    assert await window.page.locator("main img").count() == 0
    window.clean()


@pytest.mark.parametrize("window", [{"color_scheme": "dark"}, {"color_scheme": "light"}], indirect=True)
async def test_every_text_stands_out(window):
    """4.5 to 1 at least between each text and its ground (WCAG 1.4.3), in both schemes."""
    await window.open("/dashboard")
    await window.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert await window.page.evaluate(PALE) == []


@pytest.mark.parametrize("window", [{"viewport": {"width": 320, "height": 700}}], indirect=True)
async def test_a_narrow_screen_needs_no_scrolling_to_the_side(window):
    """At 320 pixels (WCAG 1.4.10) the page is as wide as the screen; wide tables scroll by themselves."""
    await window.open("/dashboard")
    wide, screen = await window.page.evaluate(WIDTHS)
    assert wide <= screen
    assert min(await window.page.evaluate(DRAWN)) > 2
    window.clean()


@pytest.mark.parametrize("window", [{"java_script_enabled": False}], indirect=True)
async def test_without_scripts_the_tables_are_there(window):
    """Everything is readable: the charts' numbers are in their tables."""
    await window.open("/dashboard")
    await window.page.locator("summary").first.click()
    assert await window.page.locator("figure table").first.is_visible()
