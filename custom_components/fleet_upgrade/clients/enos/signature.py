"""How EnOS's gateway knows who calls: SHA-256 over the call and a secret.

Source: "Invoking API with access token" in the EnOS API documentation.
"""

from collections.abc import Mapping
from hashlib import sha256


def token_proof(access_key: str, timestamp: int, secret_key: str) -> str:
    """Return what proves to the token service that we know the secret key.

    ``timestamp`` is in milliseconds since 1970.
    """
    return _hexdigest(f"{access_key}{timestamp}{secret_key}")


def signature(
    token: str,
    query: Mapping[str, str],
    timestamp: int,
    secret_key: str,
    body: bytes = b"",
) -> str:
    """Return the signature of a call.

    ``query`` holds the parameters as they are before they are percent-encoded,
    ``body`` the exact bytes that are sent, ``timestamp`` milliseconds since 1970.
    """
    parameters = "".join(f"{key}{query[key]}" for key in sorted(query))
    return _hexdigest(f"{token}{parameters}{body.decode()}{timestamp}{secret_key}")


def _hexdigest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
