"""Who may call: the one application, with a token and signatures, or as an SDK does.

Mode A, which the documents describe: a token for two hours, and a signature over
each call. Mode B, which the vendor's SDKs use: one encrypted header.
"""

import base64
import binascii
from collections.abc import Iterable
import hashlib
import random
import re

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from ..clock import Clock
from . import codes
from .codes import GatewayRefusal, Refusal
from .quirks import Quirks

# An RSA-2048 ciphertext, which is how the SDKs' only header is told from a token.
_SDK_HEADER = 256
_SDK_FIELDS = 5
_SDK_HMAC = re.compile(r"[0-9a-f]{64}")


def signature(
    token: str, query: Iterable[tuple[str, str]], body: str, timestamp: str, secret: str
) -> str:
    """Return the signature of a call; of a repeated parameter the first counts."""
    first: dict[str, str] = {}
    for key, value in query:
        first.setdefault(key, value)
    parameters = "".join(key + first[key] for key in sorted(first))
    text = f"{token}{parameters}{body}{timestamp}{secret}"
    return hashlib.sha256(text.encode()).hexdigest()


def encryption(access_key: str, timestamp: str, secret: str) -> str:
    """Return what a token call proves the secret with."""
    return hashlib.sha256(f"{access_key}{timestamp}{secret}".encode()).hexdigest()


class StaleSdkToken(Exception):
    """A call in the way of the SDKs has to be sent again with other tokens."""

    def __init__(self, refresh_token: str | None) -> None:
        """Give the refresh token to use; None: both tokens have to be made anew."""
        super().__init__("stale")
        self.refresh_token = refresh_token


class Sessions:
    """The application and its one living token."""

    def __init__(
        self,
        access_key: str,
        secret_key: str,
        *,
        clock: Clock,
        token_life: float,
        rng: random.Random,
        sdk_key: RSAPrivateKey | None = None,
    ) -> None:
        """Know an application that has no token yet."""
        self.access_key = access_key
        self.secret_key = secret_key
        self.issued = 0
        """How many tokens were made, by get or refresh."""
        self._clock = clock
        self._token_life = token_life
        self._rng = rng
        self._sdk_key = sdk_key
        self._token = ""
        self._until: dict[str, float] = {}
        """Until when the living token, and those before it, may be used."""
        self._known: set[str] = set()
        self._used: dict[str, set[str]] = {"get": set(), "refresh": set()}
        self._stale: str | None = None
        self._expected_refresh: str | None = None

    # Tokens

    def get(self, content: dict[str, object] | None, quirks: Quirks) -> tuple[str, int]:
        """Return a token, the same while it lives, and its remaining seconds."""
        self._check(content, "get", quirks)
        if not self._alive(self._token):
            self._issue()
        return self._answer()

    def refresh(
        self, content: dict[str, object] | None, quirks: Quirks
    ) -> tuple[str, int]:
        """Return a new token in exchange for the one before."""
        old = (content or {}).get("accessToken")
        if old is None or old == "":
            raise Refusal(
                codes.TOKEN_INVALID_PARAMETER if content is None else codes.TOKEN_EMPTY
            )
        self._check(content, "refresh", quirks)
        if old not in self._known:
            raise Refusal(codes.TOKEN_REFRESH_FAILED)
        if not self._alive(str(old)):
            raise Refusal(codes.TOKEN_EXPIRED)
        if quirks.old_token == "dies":
            self._until.clear()
        self._issue()
        return self._answer()

    def _answer(self) -> tuple[str, int]:
        return self._token, int(self._until[self._token] - self._clock.now())

    def _issue(self) -> None:
        self._token = f"APP_PORTAL_S_{self._rng.getrandbits(128):032x}"
        self._known.add(self._token)
        self._until[self._token] = self._clock.now() + self._token_life
        self.issued += 1

    def _alive(self, token: str) -> bool:
        return self._clock.now() < self._until.get(token, 0)

    def _check(
        self, content: dict[str, object] | None, operation: str, quirks: Quirks
    ) -> None:
        if content is None:
            raise Refusal(codes.TOKEN_INVALID_PARAMETER)
        values = [content.get(key) for key in ("appKey", "encryption", "timestamp")]
        if any(value is None or value == "" for value in values):
            raise Refusal(codes.TOKEN_EMPTY)
        app_key, proof, timestamp = values
        # The documents say that the timestamp is a number; callers also send text.
        if not (
            isinstance(app_key, str)
            and isinstance(proof, str)
            and isinstance(timestamp, int | str)
            and re.fullmatch(r"\d{1,18}", str(timestamp), re.ASCII)
        ):
            raise Refusal(codes.TOKEN_INVALID_PARAMETER)
        if app_key != self.access_key:
            raise Refusal(codes.TOKEN_UNKNOWN_KEY)
        if proof != encryption(app_key, str(timestamp), self.secret_key):
            raise Refusal(codes.TOKEN_BAD_ENCRYPTION)
        if not self._in_time(int(timestamp), quirks):
            if quirks.wrong_clock_code == codes.TOKEN_BAD_ENCRYPTION.code:
                raise Refusal(codes.TOKEN_BAD_ENCRYPTION)
            raise Refusal(codes.TOKEN_INVALID_PARAMETER)
        # A refresh may follow a get within the same millisecond.
        if proof in self._used[operation]:
            raise Refusal(codes.TOKEN_REPEATED)
        self._used[operation].add(proof)

    def _in_time(self, timestamp: int, quirks: Quirks) -> bool:
        return abs(timestamp / 1000 - self._clock.now()) <= quirks.clock_tolerance

    # Calls

    def admit(
        self,
        *,
        token: str,
        timestamp: str,
        signed: str,
        query: Iterable[tuple[str, str]],
        body: str,
        quirks: Quirks,
    ) -> None:
        """Let a call pass with its three headers, or raise GatewayRefusal.

        `body` is what is signed of it. Raises StaleSdkToken for a call in the way of
        the SDKs that has to be sent again.
        """
        if not timestamp and not signed and (sealed := _sealed(token)) is not None:
            self._admit_sdk(sealed)
            return
        if not (
            token
            and self._alive(token)
            and re.fullmatch(r"\d{1,18}", timestamp, re.ASCII)
            and self._in_time(int(timestamp), quirks)
            and signed == signature(token, query, body, timestamp, self.secret_key)
        ):
            raise GatewayRefusal(401)

    def admit_token(self, token: str) -> None:
        """Let a call pass that needs a token and no signature."""
        if _sealed(token) is None and not self._alive(token):
            raise GatewayRefusal(401)

    def _admit_sdk(self, sealed: bytes) -> None:
        """Check the header of an SDK: what is in it, if the private key is known."""
        refresh_token = None
        if self._sdk_key is not None:
            refresh_token = self._unsealed(self._sdk_key, sealed)
        stale, self._stale = self._stale, None
        if stale == "short":
            self._expected_refresh = f"{self._rng.getrandbits(256):064x}"
            raise StaleSdkToken(self._expected_refresh)
        if stale == "both":
            raise StaleSdkToken(None)
        expected, self._expected_refresh = self._expected_refresh, None
        if expected and refresh_token not in (None, expected):
            raise GatewayRefusal(401)

    def _unsealed(self, key: RSAPrivateKey, sealed: bytes) -> str:
        """Return the refresh token in an SDK's header; raises GatewayRefusal."""
        oaep = padding.OAEP(
            # What the SDKs use.
            mgf=padding.MGF1(hashes.SHA1()),
            algorithm=hashes.SHA1(),
            label=None,
        )
        try:
            parts = key.decrypt(sealed, oaep).decode().split("$")
            # No SDK can call with keys that do not look like UUIDs.
            pin = self.sdk_pin
        except IndexError, ValueError:
            raise GatewayRefusal(401) from None
        if (
            len(parts) != _SDK_FIELDS
            or parts[:3] != [pin, self.access_key, self.secret_key]
            or not all(_SDK_HMAC.fullmatch(part) for part in parts[3:])
        ):
            raise GatewayRefusal(401)
        return parts[4]

    @property
    def sdk_pin(self) -> str:
        """Return the six digits that an SDK makes of the two keys."""
        keys = (self.access_key, self.secret_key)
        return str(int("".join(key.split("-")[1] for key in keys), 16)).zfill(9)[:6]

    # What happens to it

    def drop(self) -> None:
        """Let the living tokens die, as if they had never been given out."""
        self._until.clear()
        self._known.clear()
        self._token = ""

    def expire(self) -> None:
        """Let the living tokens run out before their time."""
        self._until.clear()

    def make_sdk_stale(self, which: str) -> None:
        """Let the next call of an SDK have stale tokens: the `short` one, or `both`."""
        self._stale = which


def _sealed(header: str) -> bytes | None:
    """Return the ciphertext that an SDK's header is, if it is one."""
    try:
        sealed = base64.b64decode(header, validate=True)
    except binascii.Error, ValueError:
        return None
    return sealed if len(sealed) == _SDK_HEADER else None
