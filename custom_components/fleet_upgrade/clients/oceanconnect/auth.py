"""The one living token of an application.

Only the token issued last is valid, whoever asked for it, so there is one holder
per client and one request for a token at a time.

Source: "Secure Application Access" in the Northbound API Reference.
"""

import asyncio
from collections.abc import Mapping
import time
from urllib.parse import urlencode

from ..budget import Priority
from ..errors import AuthenticationError, MalformedError, RejectedError
from ..transport import Transport
from .exchange import JSON, TokenRefusedError, checked, send, to_json
from .wire import TokenReply, decode

LOGIN = "/iocm/app/sec/v1.1.0/login"
REFRESH = "/iocm/app/sec/v1.1.0/refreshToken"

MARGIN = 60.0
"""Seconds before its end at which a token is not used any more."""

DEFAULT_LIFE = 3600
"""Seconds that a token lives where the platform does not say."""


class Session:
    """Signs in, and keeps the token for the calls that follow."""

    def __init__(self, transport: Transport, app_id: str, secret: str) -> None:
        """Hold the credentials; signs in only when a token is asked for."""
        self._transport = transport
        self._app_id = app_id
        self._secret = secret
        self._lock = asyncio.Lock()
        self._access = ""
        self._refresh = ""
        self._usable_until = 0.0

    async def headers(self, priority: Priority) -> Mapping[str, str]:
        """Return the headers of an authenticated call, signing in if need be."""
        async with self._lock:
            if not self._access or time.monotonic() >= self._usable_until:
                await self._renew(priority)
            return {
                "app_key": self._app_id,
                "Authorization": f"Bearer {self._access}",
            }

    def refused(self, headers: Mapping[str, str]) -> None:
        """Forget the token that a call carried in vain, unless it is replaced."""
        if headers["Authorization"] == f"Bearer {self._access}":
            self._access = ""

    async def _renew(self, priority: Priority) -> None:
        if self._refresh:
            refresh, self._refresh = self._refresh, ""
            try:
                await self._fetch(
                    REFRESH,
                    priority,
                    JSON,
                    to_json(
                        {
                            "appId": self._app_id,
                            "secret": self._secret,
                            "refreshToken": refresh,
                        }
                    ),
                )
            except (
                AuthenticationError,
                RejectedError,
                TokenRefusedError,
                MalformedError,
            ):
                pass  # how long a refresh token lives is not certain: sign in
            else:
                return
        await self._fetch(
            LOGIN,
            priority,
            {"Content-Type": "application/x-www-form-urlencoded"},
            urlencode({"appId": self._app_id, "secret": self._secret}).encode(),
        )

    async def _fetch(
        self, path: str, priority: Priority, headers: Mapping[str, str], body: bytes
    ) -> None:
        started = time.monotonic()
        answer = await send(
            self._transport,
            "POST",
            path,
            priority=priority,
            headers=headers,
            body=body,
        )
        reply = checked(self._transport, decode(answer.body, TokenReply), answer.status)
        if not reply.access_token:
            raise MalformedError("no accessToken", status=answer.status)
        self._access = reply.access_token
        self._refresh = reply.refresh_token or ""
        life = reply.expires_in if reply.expires_in is not None else DEFAULT_LIFE
        self._usable_until = started + max(life - MARGIN, life / 2)
