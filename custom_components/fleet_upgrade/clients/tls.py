"""Certificates and keys as a user gives them: checked, then made a TLS context.

Everything here blocks (files, cryptography) and belongs in an executor.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
import os
import ssl

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import (
    PrivateKeyTypes,
    PublicKeyTypes,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from .errors import InvalidFieldError


class ServerCheck(StrEnum):
    """How much of the server's identity is checked."""

    FULL = "full"
    """Certificate and host name."""
    CERTIFICATE = "certificate"
    """Certificate only: for platforms reached by an address it does not name."""
    NONE = "none"
    """Nothing: whoever answers gets the credentials."""


def client_context(
    *,
    check: ServerCheck,
    ca: str | None,
    certificate: str | None = None,
    key: str | None = None,
    password: str | None = None,
) -> ssl.SSLContext:
    """Build a TLS context from PEM texts.

    Raises `InvalidFieldError` for the fields ``ca``, ``client_certificate``,
    ``client_key`` and ``client_key_password``.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if check is not ServerCheck.FULL:
        context.check_hostname = False
    if check is ServerCheck.NONE:
        context.verify_mode = ssl.CERT_NONE
    elif ca is not None:
        _check_dates("ca", _certificates("ca", ca), expired="ca_expired")
        context.load_verify_locations(cadata=ca)
        # Platform CAs of 2016 lack an authority key identifier, which strict
        # checking demands.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    else:
        context.load_default_certs()
    if certificate is None and key is not None:
        raise InvalidFieldError("client_certificate", "certificate_missing")
    if certificate is not None:
        if key is None:
            raise InvalidFieldError("client_key", "key_missing")
        _check_pair(certificate, key, password)
        _load_pair(context, certificate, key, password)
    return context


def expiry(certificate: str) -> datetime:
    """Return until when a certificate that was checked is valid (UTC)."""
    leaf = _certificates("client_certificate", certificate)[0]
    return leaf.not_valid_after_utc


def _certificates(field: str, pem: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except ValueError as err:
        raise InvalidFieldError(field, "not_pem") from err


def _check_dates(
    field: str,
    certificates: Sequence[x509.Certificate],
    *,
    expired: str = "certificate_expired",
) -> None:
    now = datetime.now(UTC)
    for certificate in certificates:
        if certificate.not_valid_after_utc < now:
            raise InvalidFieldError(
                field, expired, date=f"{certificate.not_valid_after_utc:%Y-%m-%d}"
            )
        if certificate.not_valid_before_utc > now:
            raise InvalidFieldError(
                field,
                "certificate_not_yet_valid",
                date=f"{certificate.not_valid_before_utc:%Y-%m-%d}",
            )


def _check_pair(certificate: str, key: str, password: str | None) -> None:
    leaf = _certificates("client_certificate", certificate)[0]
    _check_dates("client_certificate", [leaf])
    private_key = _private_key(key, password)
    if _public_bytes(leaf.public_key()) != _public_bytes(private_key.public_key()):
        raise InvalidFieldError("client_key", "key_mismatch")


def _public_bytes(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _private_key(key: str, password: str | None) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(key.encode(), None)
    except TypeError:
        pass  # it is encrypted
    except ValueError as err:
        raise InvalidFieldError("client_key", "not_pem") from err
    if password is None:
        raise InvalidFieldError("client_key_password", "key_password_missing")
    try:
        return load_pem_private_key(key.encode(), password.encode())
    except ValueError as err:
        raise InvalidFieldError("client_key_password", "key_password_wrong") from err


def _load_pair(
    context: ssl.SSLContext, certificate: str, key: str, password: str | None
) -> None:
    """Load a pair that only files can bring into a context.

    The file is in memory alone, so that no key is left on a disk, however this ends.
    """
    descriptor = os.memfd_create("client.pem")
    try:
        with open(descriptor, "w", encoding="ascii", closefd=False) as file:
            file.write(f"{certificate}\n{key}\n")
        path = f"/proc/self/fd/{descriptor}"
        context.load_cert_chain(path, password=password or "")
    finally:
        os.close(descriptor)
