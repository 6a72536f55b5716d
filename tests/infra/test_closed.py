"""What has to be shut is shut, and no secret is anywhere."""

import itertools
import re

import pytest

from tests.infra.templates import INFRA, ROOT, TEMPLATES, parsed, resource, variable

SECRET = re.compile(
    r"\blist(Keys|AccountSas|ServiceSas|Secrets|HostKeys|ConnectionStrings)\s*\(|AccountKey\s*=|SharedAccessKey(Name)?\s*="
    r"|SharedAccessSignature|[?&]sig=|InstrumentationKey\s*=|-----BEGIN|\bclient_?secret\b\s*[:=]|\bpassword\s*[:=]",
    re.IGNORECASE,
)
SCANNED = [
    *sorted(path for path in INFRA.rglob("*") if path.is_file()),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted(path for path in (ROOT / "examples").rglob("*") if path.is_file()),
    *(ROOT / name for name in ("azure.yaml", "host.json", "local.settings.sample.json", "README.md")),
]


@pytest.mark.parametrize("path", SCANNED, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_secret_stands_in_a_file(path):
    """No key, connection string or signature, and no function that would fetch one."""
    assert SECRET.search(path.read_text(encoding="utf-8")) is None


@pytest.mark.parametrize(
    "text",
    [
        "value: state.listKeys().keys[0].value",
        "value: listKeys(state.id, '2023-05-01').keys[0].value",
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=abc",
        "Endpoint=sb://a/;SharedAccessKeyName=Root;SharedAccessKey=abc",
        "https://a.blob.core.windows.net/c?sv=2023&sig=abc",
        "InstrumentationKey=0000",
        "clientSecret: 'abc'",
        "-----BEGIN PRIVATE KEY-----",
    ],
)
def test_a_secret_would_be_seen(text):
    """Each kind, once."""
    assert SECRET.search(text)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(INFRA)))
def test_no_output_and_no_parameter_is_a_secret(path):
    """Outputs stay in the deployment's history for everybody who reads it."""
    tree = parsed(str(path.relative_to(INFRA)))
    told = str(tree.get("outputs", {})).casefold()
    assert [word for word in ("connectionstring", "key", "secret", "password", "sas") if word in told] == []
    assert [name for name, one in tree.get("parameters", {}).items() if "secure" in str(one["decorators"])] == []


def test_storage_has_no_keys_and_nothing_public():
    """Both accounts have the same properties; no container may be read by strangers."""
    shared = variable("storage.bicep", "properties")
    assert (shared["allowSharedKeyAccess"], shared["allowBlobPublicAccess"]) == (False, False)
    assert shared["minimumTlsVersion"] == "TLS1_2"
    resources = parsed("storage.bicep")["resources"]
    kinds = {name: one["type"].split("/")[-1] for name, one in resources.items()}
    accounts = [name for name, kind in kinds.items() if kind == "storageAccounts"]
    assert [resources[name]["config"]["properties"] for name in accounts] == ["properties", "properties"]
    containers = [name for name, kind in kinds.items() if kind == "containers"]
    assert {resources[name]["config"]["properties"]["publicAccess"] for name in containers} == {"None"}
    assert set(containers) == {"packages", "seals", "bodies"}


def test_seals_cannot_be_changed_for_as_long_as_records_are_kept():
    """The policy lies on the container of the seals, and on no other."""
    policy = resource("storage.bicep", "immutable")
    assert policy["parent"] == "seals"
    assert policy["properties"] == {
        "immutabilityPeriodSinceCreationInDays": "retentionDays",
        "allowProtectedAppendWrites": False,
    }
    assert "prefixMatch: ['bodies/']" in (INFRA / "storage.bicep").read_text(encoding="utf-8")


def test_nobody_comes_in_by_key_or_password():
    """Local authentication is off on queues and telemetry, publishing passwords on the app."""
    assert resource("queues.bicep", "bus")["properties"]["disableLocalAuth"] is True
    assert resource("telemetry.bicep", "insights")["properties"]["DisableLocalAuth"] is True
    for name, way in (("noPasswordForFtp", "ftp"), ("noPasswordForScm", "scm")):
        policy = resource("app.bicep", name)
        assert (policy["name"], policy["properties"]) == (way, {"allow": False})
    assert resource("telemetry.bicep", "workspace")["properties"]["features"] == {"disableLocalAuth": True}
    assert resource("app.bicep", "app")["properties"]["httpsOnly"] is True


def test_the_site_is_changed_by_one_resource_at_a_time():
    """App Service may refuse a change while another is under way, so each waits for the one before it."""
    order = ["appSettings", "noPasswordForFtp", "noPasswordForScm", "door"]
    made = parsed("app.bicep")["resources"]
    assert {name for name, one in made.items() if one["type"].startswith("Microsoft.Web/sites/")} == set(order)
    for before, after in itertools.pairwise(order):
        assert resource("app.bicep", after)["dependsOn"] == [before]


def test_the_app_answers_nobody_without_sign_in():
    """Without the dashboard its address is shut; with it Easy Auth stands before every path."""
    site = resource("app.bicep", "app")["properties"]["siteConfig"]
    choice = site["ipSecurityRestrictionsDefaultAction"]["operator"]["operands"]
    assert choice == {"condition": "hasDashboard", "true_value": "Allow", "false_value": "Deny"}
    assert parsed("app.bicep")["resources"]["door"]["config"]["condition"] == "hasDashboard"
    door = resource("app.bicep", "door")["properties"]
    assert door["platform"] == {"enabled": True}
    assert door["globalValidation"]["requireAuthentication"] is True
    assert "excludedPaths" not in door["globalValidation"]
    directory = door["identityProviders"]["azureActiveDirectory"]
    assert directory["registration"]["clientSecretSettingName"] in variable("app.bicep", "signIn")


def test_private_is_private_altogether():
    """Every store has its endpoint, and its public address is shut at the same time."""
    ends = {(one["to"], one["group"]) for one in variable("network.bicep", "endpoints")}
    assert ends == {("hostId", "blob"), ("stateId", "blob"), ("stateId", "table"), ("namespaceId", "namespace")}
    for where in (variable("storage.bicep", "properties"), resource("queues.bicep", "bus")["properties"]):
        choice = where["publicNetworkAccess"]["operator"]["operands"]
        assert choice == {"condition": "isPrivate", "true_value": "Disabled", "false_value": "Enabled"}
