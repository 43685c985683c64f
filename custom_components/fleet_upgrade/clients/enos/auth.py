"""The token of an application: fetched once, refreshed before it ends.

All that use an application in this process share one holder, which asks for one token
at a time. Asking again before the end returns the same token, so other programs that
use the application do no harm.

Source: "Access token" in the EnOS API documentation.
"""

import asyncio
from collections.abc import Callable
from hashlib import sha256
import time

import msgspec

from ..budget import Priority
from ..errors import MalformedError, PlatformError, ThrottledError, UnreachableError
from ..transport import Transport
from .exchange import (
    JSON,
    RepeatedError,
    TokenRefusedError,
    credentials_refused,
    send,
    to_json,
)
from .signature import signature, token_proof
from .wire import Wire

GET = "/apim-token-service/v2.0/token/get"
REFRESH = "/apim-token-service/v2.0/token/refresh"

MARGIN = 300.0
"""Seconds before its end at which a token is refreshed; longer than a call waits."""

DEFAULT_LIFE = 7200
"""Seconds that a token lives where the platform does not say."""


class TokenData(Wire):
    """What the token service gives; ``expire`` in seconds from now."""

    access_token: str | None = None
    expire: int | None = None


class Token(msgspec.Struct, frozen=True):
    """A token as it is kept across restarts; times in POSIX seconds.

    ``holder`` stands for address, access key and secret key: no token is ever shown
    to another platform than the one that issued it.
    """

    access: str = ""
    refresh_at: float = 0.0
    usable_until: float = 0.0
    holder: str = ""


class Session:
    """Keeps the token of an application, and signs its calls."""

    def __init__(self, address: str, access_key: str, secret_key: str) -> None:
        """Hold the credentials; asks for a token only when one is needed."""
        self.on_change: Callable[[], None] | None = None
        """Called after each change of the token."""
        self._access_key = access_key
        self._secret_key = secret_key
        self._holder = sha256(
            msgspec.json.encode((address, access_key, secret_key))
        ).hexdigest()
        self._lock = asyncio.Lock()
        self._token = Token()
        self._last_stamp = 0

    @property
    def token(self) -> Token:
        """The present token, for keeping."""
        return self._token

    def secrets(self) -> tuple[str, ...]:
        """Return what may never be shown."""
        return (self._secret_key, self._token.access)

    def restore(self, token: Token) -> None:
        """Take a token that was kept for this session, unless there is one already."""
        if token.access and token.holder == self._holder and not self._token.access:
            self._token = token

    async def access(self, transport: Transport) -> str:
        """Return a token that is good for a while, fetching it if need be."""
        async with self._lock:
            if time.time() >= self._token.refresh_at:
                await self._renew(transport)
            return self._token.access

    def refused(self, access: str) -> None:
        """Forget a token that was shown in vain, unless it is replaced already."""
        if access == self._token.access:
            self._keep(Token())

    def headers(
        self, access: str, query: dict[str, str], body: bytes | None
    ) -> dict[str, str]:
        """Return the headers of a call that is signed now."""
        stamp = int(time.time() * 1000)
        headers = {
            "apim-accesstoken": access,
            "apim-timestamp": str(stamp),
            "apim-signature": signature(
                access, query, stamp, self._secret_key, body or b""
            ),
        }
        return headers if body is None else headers | JSON

    async def _renew(self, transport: Transport) -> None:
        if self._token.access and time.time() < self._token.usable_until:
            try:
                await self._fetch(transport, REFRESH)
            except ThrottledError, UnreachableError:
                return  # what there is is still good
            except PlatformError:
                self._keep(Token())  # refused: ask for it anew
            else:
                return
        await self._fetch(transport, GET)
        if self._token.usable_until - time.time() <= MARGIN:
            # Somebody else's token that is about to end.
            try:
                await self._fetch(transport, REFRESH)
            except PlatformError:
                return

    async def _fetch(self, transport: Transport, path: str) -> None:
        try:
            data, asked_at = await self._ask(transport, path)
        except RepeatedError:
            # Another program asked within the same millisecond.
            data, asked_at = await self._ask(transport, path)
        if not data.access_token:
            raise MalformedError("no accessToken")
        life = data.expire if data.expire is not None else DEFAULT_LIFE
        self._keep(
            Token(
                access=data.access_token,
                refresh_at=asked_at + life - min(MARGIN, life / 2),
                usable_until=asked_at + life,
                holder=self._holder,
            )
        )

    async def _ask(self, transport: Transport, path: str) -> tuple[TokenData, float]:
        """Ask the token service; return what it gives, and when it was asked."""
        asked_at = 0.0

        def body() -> bytes:
            nonlocal asked_at
            asked_at = time.time()
            return self._token_request(asked_at, refresh=path == REFRESH)

        try:
            reply = await send(
                transport,
                "POST",
                path,
                priority=Priority.SIGN_IN,
                headers=JSON,
                body=body,
            )
        except TokenRefusedError as err:
            raise credentials_refused(transport) from err
        return reply.read(TokenData), asked_at

    def _token_request(self, now: float, *, refresh: bool) -> bytes:
        """Return what asks for a token, proved with a time (POSIX seconds)."""
        # The same time twice would be taken for a replay.
        stamp = self._last_stamp = max(int(now * 1000), self._last_stamp + 1)
        request: dict[str, object] = {
            "appKey": self._access_key,
            "encryption": token_proof(self._access_key, stamp, self._secret_key),
            "timestamp": stamp,
        }
        if refresh:
            request["accessToken"] = self._token.access
        return to_json(request)

    def _keep(self, token: Token) -> None:
        self._token = token
        if self.on_change is not None:
            self.on_change()


_sessions: dict[tuple[str, ...], Session] = {}


def shared_session(address: str, access_key: str, secret_key: str) -> Session:
    """Return the session that all users of an application share in this process."""
    key = (address, access_key, secret_key)
    session = _sessions.get(key)
    if session is None:
        session = _sessions[key] = Session(address, access_key, secret_key)
    return session
