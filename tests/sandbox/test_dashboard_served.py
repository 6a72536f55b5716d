"""The dashboard of the real app in the whole sandbox: asked over HTTP, through the worker library."""

from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import pytest

from sandbox.sandbox import Sandbox, SandboxOptions
from tests.sandbox.test_whole_app import joined, send

pytestmark = pytest.mark.slow


async def test_the_dashboard_shows_what_the_app_did():
    """A joiner is given access; after the next tick the overview counts it and the person's page tells how."""
    async with Sandbox(SandboxOptions()) as sandbox, httpx.AsyncClient(base_url=sandbox.ready.functions) as browser:
        before = await browser.get("/dashboard")
        assert (before.status_code, "Nothing is known yet" in before.text) == (200, True)
        assert before.headers["content-security-policy"].startswith("default-src 'none'")

        await send(sandbox, "hr", joined("joined-1", "E1001", department="Care", jobCode="N1"))
        await sandbox.idle(timedelta(seconds=60))
        await sandbox.advance(timedelta(minutes=11))

        after = await browser.get("/dashboard")
        assert "Nothing is known yet" not in after.text
        assert "delivered: half within" in after.text
        person = await browser.get("/dashboard/person/E1001")
        assert (person.status_code, "follow:request:ended" in person.text) == (200, True)
        asked = await browser.get("/dashboard/person", params={"id": "E1001"})
        assert "follow:request:ended" in asked.text

        port = urlsplit(sandbox.ready.functions).port
        rebound = await browser.get("/dashboard", headers={"Host": f"evil.example:{port}"})
        assert rebound.status_code == 403
        assert (await browser.post("/dashboard")).status_code == 405
        for link in {part.split('"')[0] for part in after.text.split('src="')[1:]}:
            assert (await browser.get(link)).headers["cache-control"].endswith("immutable")
