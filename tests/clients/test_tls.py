"""Certificates and keys that a user gives: what is refused, and what a context does."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
import ssl
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID
import pytest

from custom_components.fleet_upgrade.clients.errors import InvalidFieldError
from custom_components.fleet_upgrade.clients.tls import (
    ServerCheck,
    client_context,
    expiry,
)

DAY = timedelta(days=1)
KEY = generate_private_key(SECP256R1())
OTHER_KEY = generate_private_key(SECP256R1())


def certificate(begin: timedelta = -DAY, end: timedelta = DAY) -> str:
    """Return a self-signed certificate that is valid from now + begin to now + end."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "operator")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(KEY.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begin)
        .not_valid_after(now + end)
        .sign(KEY, hashes.SHA256())
    )
    return made.public_bytes(Encoding.PEM).decode()


def key_text(key: EllipticCurvePrivateKey = KEY, password: str | None = None) -> str:
    """Return a key, encrypted if there is a password."""
    encryption: KeySerializationEncryption = NoEncryption()
    if password is not None:
        encryption = BestAvailableEncryption(password.encode())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()


def context(**changes: Any) -> ssl.SSLContext:
    """Build a context from a good certificate and key, with changes."""
    values: dict[str, Any] = {
        "check": ServerCheck.FULL,
        "ca": certificate(),
        "certificate": certificate(),
        "key": key_text(),
        "password": None,
    }
    return client_context(**(values | changes))


@pytest.mark.parametrize(
    ("check", "verify_mode", "check_hostname"),
    [
        (ServerCheck.FULL, ssl.CERT_REQUIRED, True),
        (ServerCheck.CERTIFICATE, ssl.CERT_REQUIRED, False),
        (ServerCheck.NONE, ssl.CERT_NONE, False),
    ],
)
def test_the_server_is_checked_as_chosen(
    check: ServerCheck, verify_mode: ssl.VerifyMode, check_hostname: bool
) -> None:
    """Three choices, no more."""
    made = context(check=check)
    assert made.verify_mode == verify_mode
    assert made.check_hostname is check_hostname
    assert made.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_a_ca_of_the_user_replaces_the_public_ones() -> None:
    """Nobody else can vouch for the platform then; old CAs are not refused."""
    made = context()
    assert made.cert_store_stats()["x509"] == 1
    assert not made.verify_flags & ssl.VERIFY_X509_STRICT


def test_without_a_ca_the_public_ones_count() -> None:
    """A platform with a public certificate needs no file."""
    made = context(ca=None)
    assert made.verify_mode == ssl.CERT_REQUIRED


def test_a_client_certificate_is_optional() -> None:
    """Some gateways do without."""
    assert context(certificate=None, key=None).verify_mode == ssl.CERT_REQUIRED


def test_an_encrypted_key_is_opened_with_its_password() -> None:
    """The key stays encrypted in the user's file."""
    context(key=key_text(password="correct horse"), password="correct horse")


def test_a_password_that_is_not_needed_does_no_harm() -> None:
    """Browsers like to fill in passwords."""
    context(password="unneeded")


def test_no_key_is_ever_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only files bring a key into a context; its file is in memory, and then gone."""
    seen = []
    load = ssl.SSLContext.load_cert_chain

    def look(self: ssl.SSLContext, path: str, **kwargs: Any) -> None:
        seen.append(Path(path).readlink())
        assert b"PRIVATE KEY" in Path(path).read_bytes()
        load(self, path, **kwargs)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", look)
    before = len(list(Path("/proc/self/fd").iterdir()))
    context()
    assert [path.name for path in seen] == ["memfd:client.pem (deleted)"]
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"ca": "no certificate"}, "ca", "not_pem"),
        ({"ca": certificate(-2 * DAY, -DAY)}, "ca", "ca_expired"),
        ({"certificate": "no certificate"}, "client_certificate", "not_pem"),
        (
            {"certificate": certificate(-2 * DAY, -DAY)},
            "client_certificate",
            "certificate_expired",
        ),
        (
            {"certificate": certificate(DAY, 2 * DAY)},
            "client_certificate",
            "certificate_not_yet_valid",
        ),
        ({"certificate": None}, "client_certificate", "certificate_missing"),
        ({"key": None}, "client_key", "key_missing"),
        ({"key": "no key"}, "client_key", "not_pem"),
        ({"key": key_text(OTHER_KEY)}, "client_key", "key_mismatch"),
        (
            {"key": key_text(password="right")},
            "client_key_password",
            "key_password_missing",
        ),
        (
            {"key": key_text(password="right"), "password": "wrong"},
            "client_key_password",
            "key_password_wrong",
        ),
    ],
)
def test_what_cannot_work_is_refused_before_connecting(
    changes: dict[str, Any], field: str, rule: str
) -> None:
    """The message names the field and what is wrong with it."""
    with pytest.raises(InvalidFieldError) as err:
        context(**changes)
    assert err.value.field == field
    assert err.value.key == rule


def test_how_long_a_certificate_is_good_is_known() -> None:
    """What comes after it in the file issued it, and lives longer."""
    pem = certificate(end=3 * DAY) + certificate(end=2 * DAY)
    assert abs(expiry(pem) - datetime.now(UTC) - 3 * DAY) < timedelta(minutes=1)
