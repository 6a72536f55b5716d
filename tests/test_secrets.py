"""No secret is in the repository: every tracked file is searched for what keys, tokens and signatures look like.

Known are the forms of what this project could come near: Azure, Entra, GitHub, registries, clouds, private keys.
What is allowed is listed by its value, so that a second key beside it is found.
"""

import base64
import re
import secrets
import string
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EMULATOR = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The one key of every Azure Storage emulator, published by Microsoft; it opens nothing but an emulator."""
ALLOWED = {EMULATOR}

FORMS = {
    "private key": r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\\[rn]|\s)*[A-Za-z0-9+/]{20}",
    "storage or account key": r"(?<![A-Za-z0-9+/-])[A-Za-z0-9+/]{86}==",
    "key of 32 bytes": r"(?i:key|secret|password|token)['\"]?\s*[=:]\s*['\"]?[A-Za-z0-9+/]{43}=",
    "marked Azure key": r"[A-Za-z0-9+/]{20,}(?:AzFu|APIM|AzSe|\+ASt|\+ASb|\+AEh|\+ARm|ACDb)[A-Za-z0-9+/]{5,}={1,2}",
    "shared access signature": r"\bsig=[A-Za-z0-9%+/]{40,}",
    "Entra client secret": r"(?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}(?![A-Za-z0-9_~.-])",
    "signed token": r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{20,}",
    "GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})",
    "registry token": r"\b(?:npm_[A-Za-z0-9]{36}|pypi-AgE[A-Za-z0-9_-]{40,})",
    "other cloud's key": r"\b(?:(?:AKIA|ASIA)[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{35}|xox[abprs]-[A-Za-z0-9-]{20,})\b",
    "password in an address": r"\b[a-z][a-z0-9+.-]*://[^\s/:@'\"{}<>]+:[^\s/:@'\"{}<>]{6,}@[a-z0-9]",
    "bearer token": r"(?i:bearer) [A-Za-z0-9_~+/.-]{40,}",
    "ingestion key": r"InstrumentationKey=(?!0{8}-)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}",
}
SEARCHED = {name: re.compile(form) for name, form in FORMS.items()}


def found(text):
    """What in a text looks like a secret: which form, and where; never the secret itself."""
    return [
        f"{name} in line {text.count('\n', 0, match.start()) + 1}"
        for name, form in SEARCHED.items()
        for match in form.finditer(text)
        if not any(allowed in match[0] for allowed in ALLOWED)
    ]


def tracked():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout.decode()
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_no_tracked_file_holds_a_secret():
    """Every file that git tracks, whatever its kind, has nothing that looks like one."""
    files = tracked()
    assert ROOT / "function_app.py" in files
    hits = {path.relative_to(ROOT).as_posix(): found(path.read_bytes().decode("latin-1")) for path in files}
    assert {name: what for name, what in hits.items() if what} == {}


def random_text(length, alphabet=string.ascii_letters + string.digits):
    return "".join(secrets.choice(alphabet) for _ in range(length))


def of_bytes(length):
    return base64.b64encode(secrets.token_bytes(length)).decode()


# Made anew in each run and put together here, so that this file holds none.
SAMPLES = {
    "private key": lambda: "-----BEGIN RSA " + "PRIVATE KEY-----\\n" + of_bytes(48),
    "storage or account key": lambda: "DefaultEndpointsProtocol=https;AccountKey" + "=" + of_bytes(64),
    "key of 32 bytes": lambda: "SharedAccessKeyName=app;SharedAccessKey" + "=" + of_bytes(32),
    "marked Azure key": lambda: random_text(33) + "+AS" + "b" + random_text(6) + "=",
    "shared access signature": lambda: "?sv=2024-11-04&se=2027-01-01&" + "sig" + "=" + random_text(43) + "%3D",
    "Entra client secret": lambda: f"{random_text(3)}8Q" + "~" + random_text(34),
    "signed token": lambda: f"ey{'J'}{random_text(20)}.ey{'J'}{random_text(40)}.{random_text(43)}",
    "GitHub token": lambda: "gh" + "p_" + random_text(36),
    "registry token": lambda: "npm" + "_" + random_text(36),
    "other cloud's key": lambda: "AK" + "IA" + random_text(16, string.ascii_uppercase),
    "password in an address": lambda: "https" + "://somebody:" + random_text(12) + "@registry.example/simple",
    "bearer token": lambda: "Authorization: Bea" + "rer " + random_text(64),
    "ingestion key": lambda: "Instrumentation" + "Key=1b2c3d4e-0000-4000-8000-" + "0123456789ab",
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_a_secret_is_found(form):
    """A new one of its kind, in the middle of a file, is told by its form and line."""
    text = f"first\nvalue: {SAMPLES[form]()}\nlast\n"
    assert f"{form} in line 2" in found(text)


def test_what_is_told_never_repeats_the_secret():
    """The test's own output is read by many."""
    key = of_bytes(64)
    assert key not in "".join(found(f"AccountKey={key}"))


def test_the_emulators_key_is_allowed_and_another_beside_it_is_not():
    """What is allowed is one value, not a place."""
    assert found(f"AccountKey={EMULATOR}") == []
    assert found(f"AccountKey={EMULATOR};\nAccountKey={of_bytes(64)}") != []


def test_digests_are_no_secrets():
    """Hashes of packages and bundles, which lock files are full of, are left alone."""
    digest = of_bytes(64)
    assert found(f'"integrity": "sha512-{digest}"\n--hash=sha256:{secrets.token_hex(32)}') == []
