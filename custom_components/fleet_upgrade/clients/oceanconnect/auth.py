"""The one living token of an application.

Only the token issued last is valid, whoever asked for it, so all that use an
application in this process share one holder, which asks for one token at a time. A
token refused before its time means that another program signed in. When that goes
on, polling gives way: it signs in once an hour at most.

Source: "Secure Application Access" in the Northbound API Reference.
"""

import asyncio
from collections.abc import Callable, Mapping
from hashlib import sha256
import time
from urllib.parse import urlencode

import msgspec

from ..budget import Priority
from ..errors import (
    MalformedError,
    PlatformError,
    SessionTakenError,
    ThrottledError,
    UnreachableError,
)
from ..transport import Transport
from .exchange import JSON, checked, send, to_json
from .wire import TokenReply, decode

LOGIN = "/iocm/app/sec/v1.1.0/login"
REFRESH = "/iocm/app/sec/v1.1.0/refreshToken"

MARGIN = 60.0
"""Seconds before its end at which a token is not used any more."""

DEFAULT_LIFE = 3600
"""Seconds that a token lives where the platform does not say."""

HOUR = 3600.0
"""Seconds within which a second loss means contention, and between two sign-ins."""


class Token(msgspec.Struct, frozen=True):
    """A token as it is kept across restarts; ``usable_until`` in POSIX seconds.

    ``holder`` stands for address, application and secret: no token is ever shown to
    another platform than the one that issued it.
    """

    access: str = ""
    refresh: str = ""
    usable_until: float = 0.0
    holder: str = ""


class Session:
    """Signs in, and keeps the token for the calls that follow."""

    def __init__(self, address: str, app_id: str, secret: str) -> None:
        """Hold the credentials; signs in only when a token is asked for."""
        self.on_change: Callable[[], None] | None = None
        """Called after each change of the token."""
        self.is_contended = False
        """Whether another program keeps signing in with the same application."""
        self.app_id = app_id
        self._secret = secret
        self._holder = sha256(
            msgspec.json.encode((address, app_id, secret))
        ).hexdigest()
        self._lock = asyncio.Lock()
        self._token = Token()
        self._signed_in_at: float | None = None
        self._taken_at: float | None = None

    @property
    def token(self) -> Token:
        """The present token, for keeping."""
        return self._token

    def secrets(self) -> tuple[str, ...]:
        """Return what may never be shown."""
        return (self._secret, self._token.access, self._token.refresh)

    def restore(self, token: Token) -> None:
        """Take a token that was kept for this session, unless there is one already."""
        if token.access and token.holder == self._holder and not self._token.access:
            self._token = token

    async def headers(
        self, transport: Transport, priority: Priority
    ) -> Mapping[str, str]:
        """Return the headers of an authenticated call, signing in if need be.

        Raises `SessionTakenError` when polling has to give way.
        """
        async with self._lock:
            if not self._token.access or time.time() >= self._token.usable_until:
                await self._renew(transport, priority)
            return {
                "app_key": self.app_id,
                "Authorization": f"Bearer {self._token.access}",
            }

    def refused(self, headers: Mapping[str, str]) -> None:
        """Forget the token that a call carried in vain, unless it is replaced."""
        if headers["Authorization"] != f"Bearer {self._token.access}":
            return
        if time.time() < self._token.usable_until:
            now = time.monotonic()
            if self._taken_at is not None and now - self._taken_at < HOUR:
                self.is_contended = True
            self._taken_at = now
        self._keep(Token(refresh=self._token.refresh))

    async def _renew(self, transport: Transport, priority: Priority) -> None:
        if self._token.access:
            self.is_contended = False  # it lived its life undisturbed
        elif (
            self.is_contended
            and priority is Priority.POLL
            and self._signed_in_at is not None
            and time.monotonic() - self._signed_in_at < HOUR
        ):
            raise SessionTakenError
        if self._token.refresh:
            body = {
                "appId": self.app_id,
                "secret": self._secret,
                "refreshToken": self._token.refresh,
            }
            try:
                await self._fetch(transport, REFRESH, JSON, to_json(body))
            except ThrottledError:
                raise  # nothing was done, so it is still good
            except PlatformError as err:
                # How long a refresh token lives is not certain, so sign in instead;
                # with the next call, if the platform is out of reach.
                self._keep(Token())
                if isinstance(err, UnreachableError):
                    raise
            else:
                return
        await self._fetch(
            transport,
            LOGIN,
            {"Content-Type": "application/x-www-form-urlencoded"},
            urlencode({"appId": self.app_id, "secret": self._secret}).encode(),
        )

    async def _fetch(
        self,
        transport: Transport,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> None:
        started = time.time()
        answer = await send(
            transport,
            "POST",
            path,
            priority=Priority.SIGN_IN,
            headers=headers,
            body=body,
        )
        reply = checked(transport, decode(answer.body, TokenReply), answer.status)
        if not reply.access_token:
            raise MalformedError("no accessToken", status=answer.status)
        life = reply.expires_in if reply.expires_in is not None else DEFAULT_LIFE
        self._signed_in_at = time.monotonic()
        self._keep(
            Token(
                access=reply.access_token,
                refresh=reply.refresh_token or "",
                usable_until=started + max(life - MARGIN, life / 2),
                holder=self._holder,
            )
        )

    def _keep(self, token: Token) -> None:
        self._token = token
        if self.on_change is not None:
            self.on_change()


_sessions: dict[tuple[str, ...], Session] = {}


def shared_session(address: str, app_id: str, secret: str) -> Session:
    """Return the session that all users of an application share in this process."""
    key = (address, app_id, secret)
    session = _sessions.get(key)
    if session is None:
        session = _sessions[key] = Session(address, app_id, secret)
    return session
