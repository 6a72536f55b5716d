"""Which containers may be named, and what the settings say of the wrong ones."""

import pytest

from lifecycle.adapters.blobs.address import ContainerAddress, container_address
from lifecycle.adapters.blobs.bodies import BlobBodies
from lifecycle.adapters.blobs.connection import Connection
from lifecycle.adapters.blobs.seals import BlobSeals
from lifecycle.adapters.folder import FolderBodies
from lifecycle.adapters.folder_seals import FolderSeals
from lifecycle.errors import Misconfigured, Permanent, Throttled, Transient
from lifecycle.settings import from_environment
from lifecycle.wiring import Wiring

CONTAINER = "https://contoso.blob.core.windows.net/seals"
EMULATED = "http://127.0.0.1:10000/devstoreaccount1/seals"
REST = {
    "ServiceBus__fullyQualifiedNamespace": "n",
    "LIFECYCLE_MODEL": "m",
    "LIFECYCLE_BODIES": "https://contoso.blob.core.windows.net/bodies",
    "LIFECYCLE_RECORDS": "https://contoso.table.core.windows.net/records",
}
AZURE = {"WEBSITE_INSTANCE_ID": "i"}


@pytest.mark.parametrize("text", [CONTAINER, EMULATED, "http://[::1]:1/devstoreaccount1/a-b-c"])
def test_a_container_is_named_by_its_endpoint_and_its_name(text):
    """In Azure, or of an emulator on this machine."""
    found = container_address(text)
    assert str(found) == text
    assert found.emulated == text.startswith("http:")


@pytest.mark.parametrize(
    "text",
    [
        "http://contoso.blob.core.windows.net/seals",
        "https://contoso.blob.core.windows.net/",
        "https://contoso.blob.core.windows.net/seals?sig=secret",
        "https://contoso.blob.core.windows.net/seals/below",
        "https://contoso.blob.core.windows.net/ab",
        "https://contoso.blob.core.windows.net/" + "a" * 64,
        "https://contoso.blob.core.windows.net/a--b",
        "https://contoso.blob.core.windows.net/-ab",
        "https://contoso.blob.core.windows.net/Seals",
        "https://contoso.table.core.windows.net/seals",
        "https://evil.example/seals",
        "https://contoso.blob.core.windows.net.evil.example/seals",
        "http://10.0.0.1:10000/devstoreaccount1/seals",
        "ftp://seals",
    ],
)
def test_anything_else_is_refused_without_being_repeated(text):
    """It may hold a signature."""
    with pytest.raises(Misconfigured) as raised:
        container_address(text)
    assert "secret" not in str(raised.value)
    with pytest.raises(Misconfigured, match="LIFECYCLE_SEALS"):
        from_environment({**REST, "LIFECYCLE_SEALS": text})


@pytest.mark.parametrize("text", ["seals", "/var/lib/lifecycle/seals", EMULATED])
def test_what_one_instance_could_rewrite_is_refused_in_azure(text):
    """On a machine it will do."""
    from_environment({**REST, "LIFECYCLE_SEALS": text})
    with pytest.raises(Misconfigured, match="LIFECYCLE_SEALS is where one instance alone could rewrite it"):
        from_environment({**REST, **AZURE, "LIFECYCLE_SEALS": text})


def test_the_settings_say_where_seals_are():
    """A container in Azure, a folder elsewhere; without either the app does not start."""
    assert from_environment({**REST, **AZURE, "LIFECYCLE_SEALS": CONTAINER}).seals_at == container_address(CONTAINER)
    with pytest.raises(Misconfigured, match="LIFECYCLE_SEALS is not set"):
        from_environment(REST)


async def test_the_wiring_keeps_seals_where_the_settings_say(tmp_path):
    """A folder or an emulator's container; in Azure with the app's identity."""
    folder = Wiring(from_environment({**REST, "LIFECYCLE_SEALS": str(tmp_path / "seals")}))
    assert isinstance(folder.seals, FolderSeals)
    assert folder.seals is folder.seals
    blobs = Wiring(from_environment({**REST, "LIFECYCLE_SEALS": EMULATED}))
    assert isinstance(blobs.seals, BlobSeals)
    await blobs.close()
    with pytest.raises(Misconfigured, match="needs an identity"):
        BlobSeals(container_address(CONTAINER))


async def test_a_container_that_is_not_there_is_not_made(azurite_blobs):
    """One that the app made would have no policy of immutability: nothing reads as empty, nothing is written."""
    seals = BlobSeals(container_address(f"{azurite_blobs}/nowhere"))
    for call in (seals.get("seal-1"), seals.names(), seals.put("seal-1", b"")):
        with pytest.raises(Misconfigured, match="make the container"):
            await call
    await seals.close()


async def test_nobody_there_is_no_absence():
    """Without an answer nothing is said, and it is tried again."""
    seals = BlobSeals(ContainerAddress("http://127.0.0.1:1/devstoreaccount1", "seals", emulated=True), attempts=1)
    with pytest.raises(Transient):
        await seals.names()
    await seals.close()


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "AuthorizationPermissionMismatch", Misconfigured),
        (401, "", Misconfigured),
        (503, "ServerBusy", Throttled),
        (500, "InternalError", Transient),
        (404, "", Transient),
        (409, "BlobBeingRehydrated", Transient),
        (400, "InvalidHeaderValue", Permanent),
        (404, "ContainerNotFound", Misconfigured),
    ],
)
def test_what_an_error_of_the_service_means(status, code, kind):
    """By its code, then by its status; a gateway's 404 is no answer about a blob."""
    from azure.core.exceptions import HttpResponseError  # noqa: PLC0415 - stands for the service alone

    connection = Connection(container_address(EMULATED), None, make="make it", attempts=1)
    error = HttpResponseError("secret")
    error.status_code, error.error_code = status, code
    said = connection.translated(error, "read")
    assert type(said) is kind
    assert "secret" not in str(said)


WITH_SEALS = {**REST, "LIFECYCLE_SEALS": CONTAINER}


@pytest.mark.parametrize("text", ["bodies", "/var/lib/lifecycle/bodies", EMULATED])
def test_bodies_that_no_other_instance_could_read_are_refused_in_azure(text):
    """Whoever replays a message is on another instance than whoever set it aside; on a machine a folder will do."""
    from_environment({**WITH_SEALS, "LIFECYCLE_BODIES": text})
    with pytest.raises(Misconfigured, match="LIFECYCLE_BODIES is where no other instance could read it"):
        from_environment({**WITH_SEALS, **AZURE, "LIFECYCLE_BODIES": text})


def test_a_wrong_address_of_bodies_is_refused_without_being_repeated():
    """It may hold a signature; a container's own address is taken."""
    with pytest.raises(Misconfigured, match="LIFECYCLE_BODIES") as raised:
        from_environment({**WITH_SEALS, "LIFECYCLE_BODIES": "https://contoso.blob.core.windows.net/bodies?sig=secret"})
    assert "secret" not in str(raised.value)
    bodies = from_environment({**WITH_SEALS, **AZURE}).bodies_at
    assert bodies == container_address(REST["LIFECYCLE_BODIES"])


async def test_the_wiring_keeps_bodies_where_the_settings_say(tmp_path):
    """A folder or a container; in Azure with the app's identity, and closed in the end."""
    folder = Wiring(from_environment({**WITH_SEALS, "LIFECYCLE_BODIES": str(tmp_path / "bodies")}))
    assert isinstance(folder.bodies, FolderBodies)
    assert (folder.premises().seals, folder.premises().bodies) == (folder.seals.names, folder.bodies.touch)
    blobs = Wiring(from_environment({**WITH_SEALS, "LIFECYCLE_BODIES": EMULATED}))
    assert isinstance(blobs.bodies, BlobBodies)
    assert blobs.bodies is blobs.bodies
    await blobs.close()
    with pytest.raises(Misconfigured, match="needs an identity"):
        BlobBodies(container_address(CONTAINER))
