"""Faults between a client and a platform, on a server that knows nothing else."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
import time

import aiohttp
from aiohttp import web
import pytest

from simulator.faults import (
    FORBIDDEN_HTML,
    Fault,
    FaultControl,
    FaultKind,
    Faults,
    Handler,
    Reactions,
)
from simulator.running import ServerThread, bind
from simulator.tls import TlsFolder

from .northbound import client_context

ANSWER = b'{"work": "is done"}'


class Server:
    """A server that counts what it has done."""

    def __init__(self, folder: Path) -> None:
        """Start it."""
        self.done: list[str] = []
        self.token = True
        self._thread = ServerThread("faulty")
        self.tls = TlsFolder(folder)
        listener = bind("127.0.0.1", 0)
        self.url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        self._all: Faults
        self.faults = FaultControl(self._thread.call, lambda: self._all)
        self._thread.start(self._application, listener, self.tls.server_context())

    async def _application(self) -> web.Application:
        self._all = Faults()
        application = web.Application(middlewares=[self._middleware])
        application.router.add_route("*", "/{path:.*}", self._work)
        return application

    @web.middleware
    async def _middleware(
        self, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        reactions = Reactions(lambda: web.Response(status=429), self._drop_token)
        return await self._all.apply(request, handler, reactions)

    async def _work(self, request: web.Request) -> web.StreamResponse:
        self.done.append(request.path)
        return web.Response(
            status=200 if self.token else 401,
            body=ANSWER,
            headers={"Content-Type": "application/json"},
        )

    def _drop_token(self) -> None:
        self.token = False

    def stop(self) -> None:
        """Stop it."""
        self._thread.stop()


@pytest.fixture
def server(tmp_path: Path, socket_enabled: None) -> Iterator[Server]:
    """A server for one test."""
    server = Server(tmp_path)
    yield server
    server.stop()


@pytest.fixture
async def session(server: Server) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of the server."""
    connector = aiohttp.TCPConnector(ssl=client_context(server.tls))
    async with aiohttp.ClientSession(server.url, connector=connector) as session:
        yield session


async def test_without_faults_the_work_is_done(
    server: Server, session: aiohttp.ClientSession
) -> None:
    """And answered."""
    async with session.get("/a") as response:
        assert await response.read() == ANSWER
    assert server.done == ["/a"]


async def test_a_delayed_answer_comes_after_the_work(
    server: Server, session: aiohttp.ClientSession
) -> None:
    """The work itself is done at once."""
    server.faults.add(Fault(kind=FaultKind.DELAY, delay=0.2))
    begun = time.perf_counter()
    call = asyncio.create_task(session.get("/a"))
    while not server.done:
        await asyncio.sleep(0.005)
    assert time.perf_counter() - begun < 0.15
    async with await call as response:
        assert await response.read() == ANSWER
    assert time.perf_counter() - begun >= 0.2


async def test_a_delay_of_nothing_is_none(
    server: Server, session: aiohttp.ClientSession
) -> None:
    """Nothing goes wrong by it."""
    server.faults.add(Fault(kind=FaultKind.DELAY))
    async with session.get("/a") as response:
        assert response.status == 200


@pytest.mark.parametrize(
    ("kind", "done"),
    [
        (FaultKind.RESET_BEFORE, []),
        (FaultKind.RESET_AFTER, ["/a"]),
        (FaultKind.CUT, ["/a"]),
    ],
)
async def test_connections_break_before_or_after_the_work(
    server: Server, session: aiohttp.ClientSession, kind: FaultKind, done: list[str]
) -> None:
    """The caller cannot tell which."""
    server.faults.add(Fault(kind=kind))
    with pytest.raises((aiohttp.ClientError, ConnectionError)):
        async with session.post("/a") as response:
            await response.read()
    assert server.done == done
    async with session.post("/b") as response:
        assert response.status == 200


async def test_an_answer_may_have_no_end(
    server: Server, session: aiohttp.ClientSession
) -> None:
    """Until who asked hangs up, or the fault is cleared."""
    server.faults.add(Fault(kind=FaultKind.FLOOD, body=b"more ", count=2))
    async with session.get("/a") as response:
        assert await response.content.readexactly(100_000) == 20_000 * b"more "
    async with session.get("/b") as response:
        await response.content.readexactly(5)
        server.faults.clear()
        with pytest.raises(aiohttp.ClientError):
            await response.read()
    assert server.done == ["/a", "/b"]


async def test_an_answer_may_unpack_to_a_thousand_times_its_size(
    server: Server, session: aiohttp.ClientSession
) -> None:
    """A megabyte of blanks is a kilobyte."""
    server.faults.add(Fault(kind=FaultKind.BOMB, size=3 * 1024**2))
    async with session.get("/a") as response:
        assert int(response.headers["Content-Length"]) < 5000
        assert await response.read() == b" " * 3 * 1024**2


async def test_an_answer_may_come_byte_by_byte(
    server: Server, session: aiohttp.ClientSession
) -> None:
    """Until it is whole, or the fault is cleared."""
    server.faults.add(Fault(kind=FaultKind.DRIP, delay=0.01))
    begun = time.perf_counter()
    async with session.get("/a") as response:
        assert await response.read() == ANSWER
    assert time.perf_counter() - begun >= 0.01 * len(ANSWER)
    server.faults.add(Fault(kind=FaultKind.DRIP, delay=0.01))
    async with session.get("/b") as response:
        await response.content.readexactly(1)
        server.faults.clear()
        with pytest.raises(aiohttp.ClientError):
            await response.read()


async def test_an_answer_may_be_any_status_and_body(
    server: Server, session: aiohttp.ClientSession
) -> None:
    """In place of the work."""
    server.faults.add(
        Fault(
            kind=FaultKind.STATUS,
            status=403,
            content_type="text/html",
            body=FORBIDDEN_HTML,
        )
    )
    async with session.get("/a") as response:
        assert response.status == 403
        assert response.content_type == "text/html"
        assert await response.read() == FORBIDDEN_HTML
    assert server.done == []


async def test_a_body_may_be_replaced_or_rewritten(
    server: Server, session: aiohttp.ClientSession
) -> None:
    """After the work; status and type stay."""
    server.faults.add(Fault(kind=FaultKind.MALFORMED, body=b"{"))
    server.faults.add(Fault(kind=FaultKind.MALFORMED, rewrite=bytes.upper))
    for expected in (b"{", ANSWER.upper()):
        async with session.get("/a") as response:
            assert (response.status, response.content_type) == (200, "application/json")
            assert await response.read() == expected
    assert len(server.done) == 2


async def test_the_platform_has_its_own_throttle_and_token(
    server: Server, session: aiohttp.ClientSession
) -> None:
    """Faults only pull the lever."""
    server.faults.add(Fault(kind=FaultKind.THROTTLE))
    server.faults.add(Fault(kind=FaultKind.DROP_TOKEN))
    async with session.get("/a") as response:
        assert response.status == 429
    assert server.done == []
    async with session.get("/a") as response:
        assert response.status == 401


async def test_a_fault_waits_for_its_calls_and_counts_them(
    server: Server, session: aiohttp.ClientSession
) -> None:
    """By path and method, after some that go well, for as many as it says."""
    server.faults.add(
        Fault(kind=FaultKind.STATUS, path="/tasks", method="POST", after=1, count=2)
    )

    async def status(method: str, path: str) -> int:
        async with session.request(method, path) as response:
            return response.status

    assert await status("GET", "/tasks") == 200
    assert await status("POST", "/groups") == 200
    assert [await status("POST", "/tasks/1") for _ in range(4)] == [200, 500, 500, 200]
    assert len(server.faults) == 0


async def test_a_fault_may_stay_until_it_is_cleared(
    server: Server, session: aiohttp.ClientSession
) -> None:
    """However many calls there are."""
    server.faults.add(Fault(kind=FaultKind.STATUS, count=None))
    for _ in range(3):
        async with session.get("/a") as response:
            assert response.status == 500
    server.faults.clear()
    async with session.get("/a") as response:
        assert response.status == 200


@pytest.mark.parametrize(
    ("kind", "done"), [(FaultKind.DELAY, 1), (FaultKind.STATUS, 0)]
)
async def test_clearing_cuts_off_the_calls_that_wait(
    server: Server, session: aiohttp.ClientSession, kind: FaultKind, done: int
) -> None:
    """So that what they were to do does not happen in the next test."""
    server.faults.add(Fault(kind=kind, delay=60))
    # Not a GET, which the client would repeat by itself.
    call = asyncio.create_task(session.post("/a"))
    while len(server.faults):
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.05)
    server.faults.clear()
    with pytest.raises((aiohttp.ClientError, ConnectionError)):
        await call
    assert len(server.done) == done


async def test_a_fault_may_come_late(
    server: Server, session: aiohttp.ClientSession
) -> None:
    """The delay goes before any other fault."""
    server.faults.add(Fault(kind=FaultKind.STATUS, delay=0.1))
    begun = time.perf_counter()
    async with session.get("/a") as response:
        assert response.status == 500
    assert time.perf_counter() - begun >= 0.1
