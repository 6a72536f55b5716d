"""The webhook's function and its settings: off unless all are set, a key and a signature both, secrets by reference."""

from http import HTTPStatus

import azure.functions as func
import pytest

import function_app
from lifecycle.adapters.bamboohr import BambooHR
from lifecycle.errors import Misconfigured
from lifecycle.settings import from_environment
from lifecycle.wiring import Wiring
from tests.builders import EVERYONE, Company, a_model
from tests.fakes.bamboohr import webhook
from tests.triggers.test_settings import ENOUGH

WHOLE = {
    "BAMBOOHR_URL": "https://contoso.bamboohr.com/api/v1",
    "BAMBOOHR_KEY": "k",
    "BAMBOOHR_WEBHOOK_KEY": "w",
    "BAMBOOHR_MAPPING": "examples/mappings/bamboohr.yaml",
}
AZURE = {
    "WEBSITE_INSTANCE_ID": "i",
    "LIFECYCLE_RECORDS": "https://contoso.table.core.windows.net/lifecycle",
    "LIFECYCLE_SEALS": "https://contoso.blob.core.windows.net/seals",
    "LIFECYCLE_BODIES": "https://contoso.blob.core.windows.net/bodies",
}


def settings(**changes):
    return from_environment({**ENOUGH, **WHOLE, **changes})


class _Wired:
    """A process's adapters: a company on the fakes."""

    def __init__(self, company):
        self._company = company

    async def ports(self):
        return self._company.ports


async def test_the_function_asks_for_a_key_and_answers_with_what_came_of_it(monkeypatch):
    """POST alone, level FUNCTION; 404 while nothing is set up."""
    function = function_app.bamboohr.build()
    trigger = function.get_trigger().get_dict_repr()
    assert (trigger["route"], [str(one) for one in trigger["methods"]]) == ("notices/bamboohr", ["POST"])
    assert trigger["authLevel"] == func.AuthLevel.FUNCTION
    company = Company(a_model(EVERYONE))
    monkeypatch.setattr(function_app, "wiring", lambda: _Wired(company))
    headers, body = webhook("101")
    request = func.HttpRequest("POST", "http://localhost/notices/bamboohr", headers=headers, body=body)
    assert (await function.get_user_function()(request)).status_code == HTTPStatus.NOT_FOUND
    assert company.bus.sent == []


async def test_the_settings_make_the_adapter():
    """With none of them there is none; with all of them its mapping is read."""
    assert await Wiring(from_environment(ENOUGH)).fetch() is None
    wired = await Wiring(settings()).fetch()
    assert isinstance(wired, BambooHR)
    assert wired.terms.source == "/hr/bamboohr"


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_half_of_the_settings_is_refused(name):
    """Whichever is absent is named: a webhook without its key would be believed by nobody, or by everybody."""
    with pytest.raises(Misconfigured, match=f"{name} is not set, but others of BambooHR are"):
        settings(**{name: ""})


@pytest.mark.parametrize("name", ["BAMBOOHR_KEY", "BAMBOOHR_WEBHOOK_KEY"])
def test_a_reference_that_was_not_resolved_is_no_secret(name):
    """The platform leaves the reference as it is when it may not read the vault."""
    with pytest.raises(Misconfigured, match=f"{name} is a Key Vault reference that the platform could not resolve"):
        settings(**{name: "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/k)"})


@pytest.mark.parametrize(
    "url",
    ["http://contoso.bamboohr.com/api/v1", "https://", "ftp://x", "https://x/?a=b", "https://x/#a", "http://localhost.evil/",
     "http://127.0.0.1.evil/", "https://key:x@contoso.bamboohr.com/api/v1", "http://localhost@evil/"],
)  # fmt: skip
def test_where_the_key_may_go(url):
    """Over TLS, to a plain URL."""
    with pytest.raises(Misconfigured, match="BAMBOOHR_URL"):
        settings(BAMBOOHR_URL=url)


@pytest.mark.parametrize("url", ["http://localhost:8080/api/v1", "http://127.0.0.1", "http://[::1]:1/api"])
def test_this_machine_may_do_without_tls_but_not_in_azure(url):
    """For tests; deployed, a loopback address is nobody's HR system."""
    assert settings(BAMBOOHR_URL=url).bamboohr == url
    with pytest.raises(Misconfigured, match="BAMBOOHR_URL"):
        settings(BAMBOOHR_URL=url, **AZURE)
    assert settings(**AZURE).bamboohr == WHOLE["BAMBOOHR_URL"]
