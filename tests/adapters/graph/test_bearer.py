"""Whom a token is of: what can be read of one, and nothing of one that says nothing."""

import base64

import pytest
from azure.core.exceptions import ClientAuthenticationError

from lifecycle.adapters.graph.bearer import bearer_of
from lifecycle.errors import Transient
from lifecycle.ports.inspection import Bearer
from tests.adapters.graph.script import Credential, Script


def a_token(claims):
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b"{}", claims, b"signature"))


def test_the_apps_token():
    """Versions 1 and 2 name the application by different claims."""
    expected = Bearer("t", "a", "o", frozenset({"User.Read.All"}))
    assert bearer_of(a_token(b'{"tid":"t","appid":"a","oid":"o","roles":["User.Read.All"]}')) == expected
    assert bearer_of(a_token(b'{"tid":"t","azp":"a","oid":"o","roles":["User.Read.All"]}')) == expected


def test_a_persons_token():
    """Has scopes; its application is the one that they signed in with."""
    found = bearer_of(a_token(b'{"tid":"t","appid":"cli","oid":"o","scp":"User.Read","name":"Ada","upn":"ada@x"}'))
    assert found == Bearer("t", "cli", "o", delegated=True)


@pytest.mark.parametrize(
    "token",
    ["", "x", "a.b.c", "a.!.c", a_token(b"{}"), a_token(b"[]"), a_token(b'{"oid":1}'), a_token(b'{"oid":"a b"}'),
     a_token(b"\xff"), a_token(b'{"oid":"o","roles":"x"}'), "é.é.é"],
)  # fmt: skip
def test_a_token_that_says_nothing(token):
    """Opaque, and no error."""
    assert bearer_of(token) == Bearer(opaque=True)


def test_claims_that_are_no_ids_are_dropped():
    """A claim holds what its issuer wrote; only ids and names of permissions are taken over."""
    hostile = b'{"tid":"\\u001b[2J","appid":"ada@x.example","oid":"o","roles":["a b","User.Read.All","\\n"]}'
    assert bearer_of(a_token(hostile)) == Bearer("", "", "o", frozenset({"User.Read.All"}))


async def test_the_token_is_asked_for_graph_and_its_absence_is_transient():
    """By the scope of the Graph that is spoken to; the credential's own text stays out of the message."""
    credential = Credential()
    assert await Script().client(credential=credential).token() == "secret"
    assert credential.scopes == ["https://graph.microsoft.com/.default"]
    with pytest.raises(Transient, match="ClientAuthenticationError") as error:
        await Script().client(credential=Credential(ClientAuthenticationError("tenant Contoso"))).token()
    assert "Contoso" not in str(error.value)
