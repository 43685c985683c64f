"""Sends notifications to their addresses, again and again if need be.

Documented: an answer other than 200, or none within 15 seconds, is a failure; a
message is kept for ten minutes and sent again meanwhile; after ten failures in a row
the address is invalid, and probed. Chosen: an address gets its messages one after
the other, a failed one again after 30 seconds, one that is invalid every 3 minutes
(the pause of the older documents), and its oldest message is the probe.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
import ssl

import aiohttp

from ..clock import Clock

ANSWER_WITHIN = 15.0  # seconds of real time
RETRY_PACE = 30.0  # seconds of the clock, as all the others
PROBE_PACE = 180.0
KEPT_FOR = 600.0
FAILURES = 10
_LONGEST_QUEUE = 1000
_LONGEST_LOG = 10_000


@dataclass(frozen=True, slots=True)
class Push:
    """One attempt to deliver a notification."""

    url: str
    notify_type: str
    body: bytes
    at: float
    """When, in POSIX seconds of the simulator's clock."""
    status: int | None
    """What was answered; None: nothing, or not in time."""

    @property
    def delivered(self) -> bool:
        """Tell whether the platform takes it for delivered."""
        return self.status == 200


@dataclass(frozen=True, slots=True)
class _Message:
    notify_type: str
    body: bytes
    at: float


@dataclass(slots=True)
class _Address:
    url: str
    queue: deque[_Message] = field(default_factory=lambda: deque(maxlen=_LONGEST_QUEUE))
    """When it is full, the oldest message gives way."""
    failures: int = 0
    due: float = 0.0
    sending: asyncio.Task[None] | None = None


class Delivery:
    """The addresses, and what still has to be sent to them.

    Nothing is sent before `send_due`; it begins with all that is due by the clock.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        ca: Path | None = None,
        retry_pace: float = RETRY_PACE,
        answer_within: float = ANSWER_WITHIN,
    ) -> None:
        """Start with nothing to send; `ca` verifies the servers of https addresses.

        Raises OSError for a CA that cannot be read.
        """
        self._clock = clock
        self._context = None if ca is None else _context(ca)
        self._retry_pace = retry_pace
        self._answer_within = answer_within
        self._addresses: dict[str, _Address] = {}
        self.log: deque[Push] = deque(maxlen=_LONGEST_LOG)

    def post(self, url: str, notify_type: str, body: bytes) -> None:
        """Take a notification for an address; one too many lets go of the oldest."""
        address = self._addresses.setdefault(url, _Address(url))
        address.queue.append(_Message(notify_type, body, self._clock.now()))

    def is_invalid(self, url: str) -> bool:
        """Tell whether an address has failed so often that it is only probed."""
        address = self._addresses.get(url)
        return address is not None and address.failures >= FAILURES

    def send_due(self) -> None:
        """Begin with what is due; must be called in the server's loop."""
        now = self._clock.now()
        for url, address in list(self._addresses.items()):
            if address.sending is not None:
                continue
            while address.queue and now - address.queue[0].at > KEPT_FOR:
                address.queue.popleft()
            if not address.queue and not address.failures:
                del self._addresses[url]
            elif address.queue and now >= address.due:
                address.sending = asyncio.create_task(self._send(address))

    async def settled(self) -> None:
        """Wait until nothing is on its way; what failed may still be planned."""
        while sending := [
            one.sending for one in self._addresses.values() if one.sending
        ]:
            await asyncio.wait(sending)

    def abandon(self) -> None:
        """Stop sending, and forget everything that was to be sent."""
        for address in self._addresses.values():
            if address.sending is not None:
                address.sending.cancel()
        self._addresses.clear()

    async def _send(self, address: _Address) -> None:
        if self._context is None:
            self._context = _context(None)
        try:
            async with aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._context),
                cookie_jar=aiohttp.DummyCookieJar(),
            ) as session:
                while address.queue and await self._attempt(session, address):
                    pass
        finally:
            address.sending = None

    async def _attempt(self, session: aiohttp.ClientSession, address: _Address) -> bool:
        """Send the oldest message; return whether it has arrived."""
        message = address.queue[0]
        status = await self._post(session, address.url, message.body)
        now = self._clock.now()
        push = Push(address.url, message.notify_type, message.body, now, status)
        self.log.append(push)
        if not push.delivered:
            address.failures += 1
            invalid = address.failures >= FAILURES
            address.due = now + (PROBE_PACE if invalid else self._retry_pace)
            return False
        address.failures = 0
        # A full queue may have let go of it meanwhile.
        if address.queue and address.queue[0] is message:
            address.queue.popleft()
        return True

    async def _post(
        self, session: aiohttp.ClientSession, url: str, body: bytes
    ) -> int | None:
        """Return the status of the answer, if there is one in time."""
        try:
            async with (
                asyncio.timeout(self._answer_within),
                session.post(
                    url,
                    data=body,
                    headers={"Content-Type": "application/json"},
                    allow_redirects=False,
                ) as response,
            ):
                await response.read()
                return response.status
        except aiohttp.ClientError, OSError, ValueError:
            return None


def _context(ca: Path | None) -> ssl.SSLContext:
    """Return what verifies a server: with this CA alone, or those of the system.

    As in the portal, where a CA is uploaded and the name need not fit: most addresses
    are bare IP addresses, and most CAs somebody's own.
    """
    context = ssl.create_default_context(cafile=ca)
    context.check_hostname = False
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
