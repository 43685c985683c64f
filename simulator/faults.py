"""Switchable faults: what goes wrong between a client and a platform."""

import asyncio
from collections.abc import Awaitable, Callable
import contextlib
from dataclasses import dataclass
from enum import StrEnum
import gzip
import socket
import struct

from aiohttp import web

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# What a load balancer in front of a platform answers in place of the platform.
FORBIDDEN_HTML = (
    b"<html><body><h1>403 Forbidden</h1>\n"
    b"Request forbidden by administrative rules.\n</body></html>\n"
)

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class FaultKind(StrEnum):
    """What goes wrong."""

    DELAY = "delay"
    """The work is done at once, the answer comes `delay` seconds later."""
    RESET_BEFORE = "reset_before"
    """The connection is reset and nothing was done."""
    RESET_AFTER = "reset_after"
    """The work is done, then the connection is reset without an answer."""
    CUT = "cut"
    """The work is done, the answer breaks off in the middle of its body."""
    FLOOD = "flood"
    """The work is done; the answer is `body` again and again, without an end."""
    BOMB = "bomb"
    """The work is done; the answer unpacks to `size` bytes, a thousand times its own."""
    DRIP = "drip"
    """The work is done, the answer comes byte by byte, `delay` seconds apart."""
    STATUS = "status"
    """Nothing is done; `status`, `content_type` and `body` are the answer."""
    MALFORMED = "malformed"
    """The work is done; `body` or `rewrite` replaces the answer's body."""
    THROTTLE = "throttle"
    """Nothing is done; the platform's own throttle answer is given."""
    DROP_TOKEN = "drop_token"
    """The living token dies first, as if another program had signed in."""


@dataclass(slots=True, kw_only=True)
class Fault:
    """One fault, for the next `count` calls that match."""

    kind: FaultKind
    path: str | None = None
    """Text that the call's path and query must contain."""
    method: str | None = None
    after: int = 0
    """How many matching calls go well first."""
    count: int | None = 1
    """How many matching calls it befalls; None: all until it is cleared."""
    delay: float = 0.0
    """Seconds of real time to wait before the fault (DELAY: before the answer; DRIP:
    before each of its bytes)."""
    status: int = 500
    content_type: str = "application/json; charset=UTF-8"
    body: bytes = b""
    size: int = 1024**3
    rewrite: Callable[[bytes], bytes] | None = None

    def matches(self, request: web.Request) -> bool:
        """Tell whether this call is one that the fault is about."""
        return (self.path is None or self.path in request.path_qs) and (
            self.method in (None, request.method)
        )


@dataclass(frozen=True, slots=True)
class Reactions:
    """What only the platform itself knows how to do."""

    throttled: Callable[[], web.StreamResponse]
    drop_token: Callable[[], None]


class Faults:
    """The faults that are switched on."""

    def __init__(self) -> None:
        """Start without any."""
        self._faults: list[Fault] = []
        self._cleared = asyncio.Event()

    def add(self, fault: Fault) -> None:
        """Switch a fault on; the one added first goes first."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Switch all off; calls that wait in one are cut off."""
        self._faults.clear()
        self._cleared.set()
        self._cleared = asyncio.Event()

    def __len__(self) -> int:
        """Return how many are switched on."""
        return len(self._faults)

    def take(self, request: web.Request) -> Fault | None:
        """Return the fault that befalls this call, and count it down."""
        for fault in self._faults:
            if not fault.matches(request):
                continue
            if fault.after:
                fault.after -= 1
                continue
            if fault.count is not None:
                fault.count -= 1
                if fault.count == 0:
                    self._faults.remove(fault)
            return fault
        return None

    async def apply(
        self, request: web.Request, handler: Handler, reactions: Reactions
    ) -> web.StreamResponse:
        """Answer a call, with the fault that befalls it if there is one."""
        fault = self.take(request)
        if fault is None:
            return await handler(request)
        # What a slow call still has to do must not happen to a platform that was
        # reset meanwhile, so a wait that is cleared away ends the connection.
        waits_later = fault.kind in (FaultKind.DELAY, FaultKind.DRIP)
        if not waits_later and not await self._wait(fault.delay):
            return _reset(request)
        match fault.kind:
            case FaultKind.RESET_BEFORE:
                return _reset(request)
            case FaultKind.RESET_AFTER:
                await handler(request)
                return _reset(request)
            case FaultKind.STATUS:
                return web.Response(
                    status=fault.status,
                    body=fault.body,
                    headers={"Content-Type": fault.content_type},
                )
            case FaultKind.THROTTLE:
                return reactions.throttled()
            case FaultKind.DROP_TOKEN:
                reactions.drop_token()
                return await handler(request)
            case FaultKind.DELAY:
                response = await handler(request)
                if not await self._wait(fault.delay):
                    return _reset(request)
                return response
            case FaultKind.CUT:
                return await _cut(request, await handler(request))
            case FaultKind.FLOOD:
                return await self._flood(request, await handler(request), fault.body)
            case FaultKind.DRIP:
                return await self._drip(request, await handler(request), fault.delay)
            case FaultKind.BOMB:
                return _packed(await handler(request), fault.size)
            case FaultKind.MALFORMED:
                return _rewritten(await handler(request), fault)

    async def _flood(
        self, request: web.Request, response: web.StreamResponse, body: bytes
    ) -> web.StreamResponse:
        """Send until the caller hangs up, or the faults are cleared."""
        cleared = self._cleared
        flood = web.StreamResponse(
            headers={"Content-Type": response.headers["Content-Type"]}
        )
        await flood.prepare(request)
        with contextlib.suppress(ConnectionError):
            while not cleared.is_set():
                await flood.write(body)
        return _reset(request)

    async def _drip(
        self, request: web.Request, response: web.StreamResponse, delay: float
    ) -> web.StreamResponse:
        body = _body(response)
        drip = web.StreamResponse(status=response.status, headers=response.headers)
        drip.content_length = len(body)
        await drip.prepare(request)
        with contextlib.suppress(ConnectionError):
            for byte in body:
                if not await self._wait(delay):
                    return _reset(request)
                await drip.write(bytes([byte]))
        return drip

    async def _wait(self, seconds: float) -> bool:
        """Wait; return False when the faults were cleared before the time was up."""
        if seconds <= 0:
            return True
        try:
            async with asyncio.timeout(seconds):
                await self._cleared.wait()
        except TimeoutError:
            return True
        return False


class FaultControl:
    """A running simulator's faults, to be used from another thread."""

    def __init__(
        self,
        call: Callable[[Callable[[], None]], None],
        faults: Callable[[], Faults],
    ) -> None:
        """Know how to run a function in the simulator's thread."""
        self._call = call
        self._faults = faults

    def add(self, fault: Fault) -> None:
        """Switch a fault on; the one added first goes first."""
        self._call(lambda: self._faults().add(fault))

    def clear(self) -> None:
        """Switch all off; calls that wait in one are cut off."""
        self._call(lambda: self._faults().clear())

    def __len__(self) -> int:
        """Return how many are switched on."""
        return len(self._faults())


def _reset(request: web.Request) -> web.StreamResponse:
    """Reset the connection: the client gets no answer and no orderly end."""
    transport = request.transport
    if transport is not None:
        with contextlib.suppress(OSError):
            transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE
            )
        transport.abort()
    # Never reaches anyone: the connection is gone.
    return web.Response(status=500)


def _body(response: web.StreamResponse) -> bytes:
    body = response.body if isinstance(response, web.Response) else None
    return body if isinstance(body, bytes) else b""


async def _cut(
    request: web.Request, response: web.StreamResponse
) -> web.StreamResponse:
    """Send the head of an answer and half of its body, then reset."""
    body = _body(response)
    cut = web.StreamResponse(status=response.status, headers=response.headers)
    cut.content_length = len(body)
    await cut.prepare(request)
    await cut.write(body[: len(body) // 2])
    return _reset(request)


def _packed(response: web.StreamResponse, size: int) -> web.StreamResponse:
    """Return blanks, which JSON may begin with, compressed in many equal parts."""
    part = 1024**2
    return web.Response(
        body=gzip.compress(b" " * part) * (size // part),
        headers={
            "Content-Type": response.headers["Content-Type"],
            "Content-Encoding": "gzip",
        },
    )


def _rewritten(response: web.StreamResponse, fault: Fault) -> web.StreamResponse:
    body = fault.rewrite(_body(response)) if fault.rewrite else fault.body
    return web.Response(
        status=response.status,
        body=body,
        headers={"Content-Type": response.headers.get("Content-Type", "text/plain")},
    )
