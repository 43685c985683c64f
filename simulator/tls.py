"""Certificates of a private CA, made once and kept in a folder.

A platform's CA of 2016 writes no key identifiers into its certificates, so that
clients with strict X.509 checks refuse them. That is the kind made here unless
asked otherwise.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
import functools
import ipaddress
import os
from pathlib import Path
import ssl
import time
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
KEY_PASSWORD = "open sesame"

type ServerCertificate = Literal["good", "expired", "wrong_name"]

_LIFE = timedelta(days=3650)
# Clients whose clock is a little slow accept a certificate made just now.
_CLOCK_SLACK = timedelta(hours=1)


class TlsError(Exception):
    """A folder of certificates that cannot be used; its text is one clear line."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    @property
    def certificate_pem(self) -> bytes:
        """Return the certificate in PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """Return the private key in PEM (PKCS#8), without a password."""
        return _key_pem(self.key, NoEncryption())


def _now() -> datetime:
    """Return the time as TLS libraries see it, whatever test tools make of it."""
    return datetime.fromtimestamp(time.clock_gettime(time.CLOCK_REALTIME), UTC)


def _key_pem(key: rsa.RSAPrivateKey, encryption: KeySerializationEncryption) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Fleet Upgrade simulator"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


class Authority:
    """A certificate authority that signs for a server and its clients."""

    def __init__(self, pair: Pair) -> None:
        """Sign with this pair from now on."""
        self.pair = pair

    @classmethod
    def create(cls, name: str, *, key_identifiers: bool = False) -> Authority:
        """Make a new authority; with key identifiers strict clients accept it too."""
        key = _new_key()
        now = _now()
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(_name(name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _CLOCK_SLACK)
            .not_valid_after(now + _LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        )
        if key_identifiers:
            builder = builder.add_extension(
                x509.KeyUsage(
                    digital_signature=False,
                    content_commitment=False,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    key_cert_sign=True,
                    crl_sign=True,
                    encipher_only=False,
                    decipher_only=False,
                ),
                True,
            ).add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False
            )
        return cls(Pair(builder.sign(key, hashes.SHA256()), key))

    def sign(
        self,
        common_name: str,
        *,
        names: tuple[str, ...] = (),
        key: rsa.RSAPrivateKey | None = None,
        expired: bool = False,
    ) -> Pair:
        """Make a certificate: a server's if it has host names, else a client's."""
        key = key or _new_key()
        end = _now() + (-_CLOCK_SLACK if expired else _LIFE)
        start = end - _LIFE - 2 * _CLOCK_SLACK
        usage = (
            ExtendedKeyUsageOID.SERVER_AUTH
            if names
            else ExtendedKeyUsageOID.CLIENT_AUTH
        )
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(common_name))
            .issuer_name(self.pair.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
            .add_extension(x509.ExtendedKeyUsage([usage]), False)
        )
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_general_name(name) for name in names]),
                False,
            )
        if self._has_key_identifiers:
            builder = builder.add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(
                    self.pair.key.public_key()
                ),
                False,
            ).add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False
            )
        return Pair(builder.sign(self.pair.key, hashes.SHA256()), key)

    @property
    def _has_key_identifiers(self) -> bool:
        try:
            self.pair.certificate.extensions.get_extension_for_class(
                x509.SubjectKeyIdentifier
            )
        except x509.ExtensionNotFound:
            return False
        return True


@dataclass(frozen=True, slots=True)
class ForeignTls:
    """Certificates of another CA; the client's key is the same as the good one's."""

    ca_pem: bytes
    client_pem: bytes


class TlsFolder:
    """The certificates of one simulator: `ca.pem`, `server.pem`, `client.pem` and keys.

    What is in the folder is kept, whatever it is; only what is absent is made.
    `server.pem` holds the server's key too; `ca.key` is there so that the CA can sign
    again in a later run.
    """

    def __init__(
        self,
        folder: Path,
        *,
        names: tuple[str, ...] = LOOPBACK_NAMES,
        key_identifiers: bool = False,
    ) -> None:
        """Read the folder and make what is absent; raises TlsError."""
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._fill(names, key_identifiers)
            self.ca_pem = (folder / "ca.pem").read_bytes()
            self.client_pem = (folder / "client.pem").read_bytes()
            self.client_key = (folder / "client.key").read_bytes()
            self.server_context()
        except ssl.SSLError as err:
            raise TlsError(f"a certificate in {folder} is not valid: {err}") from err
        except (OSError, ValueError) as err:
            raise TlsError(f"cannot use the certificates in {folder}: {err}") from err

    def _fill(self, names: tuple[str, ...], key_identifiers: bool) -> None:
        absent = {
            name
            for name in ("ca.pem", "ca.key", "server.pem", "client.pem", "client.key")
            if not (self.folder / name).exists()
        }
        for one, other in (("client.pem", "client.key"), ("client.key", "client.pem")):
            if one in absent and other not in absent:
                raise TlsError(f"{other} is in {self.folder}, but {one} is not")
        if "ca.pem" in absent:
            # Certificates of another CA could never be verified with the new one.
            if kept := {"ca.key", "server.pem", "client.pem"} - absent:
                raise TlsError(
                    f"{', '.join(sorted(kept))} in {self.folder}, but ca.pem is not"
                )
            authority = Authority.create(
                "Simulated platform CA", key_identifiers=key_identifiers
            )
            self._write("ca.key", authority.pair.key_pem, secret=True)
            self._write("ca.pem", authority.pair.certificate_pem)
        elif absent & {"server.pem", "client.pem"}:
            if "ca.key" in absent:
                raise TlsError(
                    f"ca.pem is in {self.folder}, but ca.key to sign with is not"
                )
            authority = self.authority
        if "server.pem" in absent:
            pair = authority.sign("Simulated platform", names=names)
            self._write("server.pem", pair.certificate_pem + pair.key_pem, secret=True)
        if "client.pem" in absent:
            pair = authority.sign("Simulated application")
            self._write("client.key", pair.key_pem, secret=True)
            self._write("client.pem", pair.certificate_pem)

    def _write(self, name: str, content: bytes, *, secret: bool = False) -> None:
        descriptor = os.open(
            self.folder / name,
            os.O_WRONLY | os.O_CREAT | os.O_EXCL,
            0o600 if secret else 0o644,
        )
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)

    @functools.cached_property
    def authority(self) -> Authority:
        """Return the folder's CA, able to sign more certificates."""
        key = load_pem_private_key((self.folder / "ca.key").read_bytes(), None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TlsError(f"ca.key in {self.folder} is not an RSA key")
        certificate = x509.load_pem_x509_certificate(
            (self.folder / "ca.pem").read_bytes()
        )
        return Authority(Pair(certificate, key))

    def server_context(self, *, client_certificates: bool = True) -> ssl.SSLContext:
        """Return what the server needs (and to demand a certificate of this CA)."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_mode = ssl.CERT_REQUIRED
        # The CA may be one without key identifiers, whatever Python's default.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.load_verify_locations(self.folder / "ca.pem")
        context.load_cert_chain(self.folder / "server.pem")
        if not client_certificates:
            context.verify_mode = ssl.CERT_NONE
        return context

    @functools.cached_property
    def encrypted_client_key(self) -> bytes:
        """Return the client's key in PEM, with KEY_PASSWORD as its password."""
        return _key_pem(
            self._client_private_key, BestAvailableEncryption(KEY_PASSWORD.encode())
        )

    @functools.cached_property
    def expired_client_pem(self) -> bytes:
        """Return a client certificate that has expired; its key is `client_key`."""
        return self.authority.sign(
            "Simulated application", key=self._client_private_key, expired=True
        ).certificate_pem

    @functools.cached_property
    def foreign(self) -> ForeignTls:
        """Return certificates of a CA that the server does not know."""
        authority = Authority.create("Foreign CA")
        client = authority.sign("Foreign application", key=self._client_private_key)
        return ForeignTls(authority.pair.certificate_pem, client.certificate_pem)

    @functools.cached_property
    def _client_private_key(self) -> rsa.RSAPrivateKey:
        key = load_pem_private_key(self.client_key, None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TlsError(f"client.key in {self.folder} is not an RSA key")
        return key

    def present(self, context: ssl.SSLContext, server: ServerCertificate) -> None:
        """Let a running server show this certificate from its next handshake on."""
        if server == "good":
            context.load_cert_chain(self.folder / "server.pem")
            return
        path = self.folder / f"server-{server}.pem"
        if not path.exists():
            names = ("platform.invalid",) if server == "wrong_name" else LOOPBACK_NAMES
            pair = self.authority.sign(
                "Simulated platform", names=names, expired=server == "expired"
            )
            self._write(path.name, pair.certificate_pem + pair.key_pem, secret=True)
        context.load_cert_chain(path)
