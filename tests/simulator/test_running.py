"""Serving an application in a thread of its own."""

import asyncio
from collections.abc import Iterator
import logging
import socket
import ssl
import threading
import time

import aiohttp
from aiohttp import web
from freezegun.api import FrozenDateTimeFactory
import pytest
import pytest_socket

from simulator.running import ServerThread, bind
from simulator.tls import TlsFolder

from .northbound import client_context


async def echo(request: web.Request) -> web.Response:
    """Answer with the path."""
    return web.Response(text=request.path)


async def application() -> web.Application:
    """Return a small application."""
    app = web.Application()
    app.router.add_get("/{path:.*}", echo)
    return app


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> TlsFolder:
    """Certificates."""
    return TlsFolder(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def thread(socket_enabled: None) -> Iterator[ServerThread]:
    """A thread that is stopped after the test."""
    thread = ServerThread("test-server")
    yield thread
    thread.stop()


def start(thread: ServerThread, tls: TlsFolder) -> str:
    """Start the server and return its address."""
    listener = bind("127.0.0.1", 0)
    thread.start(application, listener, tls.server_context())
    return f"https://127.0.0.1:{listener.getsockname()[1]}"


async def get(url: str, tls: TlsFolder) -> str:
    """Ask the server for something."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{url}/there", ssl=client_context(tls)) as response,
    ):
        return await response.text()


async def test_it_serves_until_it_is_stopped(
    thread: ServerThread, tls: TlsFolder
) -> None:
    """And can be started again on another port."""
    for _ in range(2):
        url = start(thread, tls)
        assert await get(url, tls) == "/there"
        thread.stop()
        with pytest.raises(aiohttp.ClientConnectorError):
            await get(url, tls)


async def test_idle_connections_do_not_hold_it_up(
    thread: ServerThread, tls: TlsFolder
) -> None:
    """A client that keeps its connection open is just left."""
    url = start(thread, tls)
    async with aiohttp.ClientSession() as session:
        for _ in range(3):
            async with session.get(url, ssl=client_context(tls)) as response:
                await response.read()
        begun = time.perf_counter()
        thread.stop()
        assert time.perf_counter() - begun < 2


async def test_it_serves_while_other_sockets_are_forbidden(
    thread: ServerThread, tls: TlsFolder
) -> None:
    """A test tool that forbids them must not hit the server's own."""
    port = int(start(thread, tls).rpartition(":")[2])
    client = socket.socket()
    client.setblocking(False)
    pytest_socket.disable_socket(allow_unix_socket=True)
    try:
        await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", port))
        reader, writer = await asyncio.open_connection(
            sock=client, ssl=client_context(tls), server_hostname="localhost"
        )
        writer.write(b"GET /there HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.transport.abort()
    finally:
        pytest_socket.enable_socket()
    assert answer.endswith(b"/there")


async def test_it_serves_while_time_is_frozen(
    thread: ServerThread, tls: TlsFolder, freezer: FrozenDateTimeFactory
) -> None:
    """Its loop's clock is one that test tools leave alone."""
    url = start(thread, tls)
    loop_time = thread.call(lambda: asyncio.get_running_loop().time())
    while thread.call(lambda: asyncio.get_running_loop().time()) == loop_time:
        pass
    assert await get(url, tls) == "/there"


async def test_functions_run_in_its_loop(thread: ServerThread, tls: TlsFolder) -> None:
    """What they return or raise comes back."""
    start(thread, tls)
    assert thread.call(threading.current_thread).name == "test-server"
    with pytest.raises(ZeroDivisionError):
        thread.call(lambda: 1 // 0)


async def test_an_application_that_cannot_be_made_leaves_no_thread(
    thread: ServerThread, tls: TlsFolder
) -> None:
    """The error comes back to the one who started it."""

    async def broken() -> web.Application:
        raise ValueError("no application")

    before = threading.enumerate()
    listener = bind("127.0.0.1", 0)
    with pytest.raises(ValueError, match="no application"):
        thread.start(broken, listener, tls.server_context())
    assert threading.enumerate() == before
    assert listener.fileno() == -1
    thread.drop_connections()  # of which there are none


async def test_refused_handshakes_are_not_worth_a_word(
    thread: ServerThread, tls: TlsFolder, caplog: pytest.LogCaptureFixture
) -> None:
    """They are what tests want; other errors are told."""
    url = start(thread, tls)
    caplog.set_level(logging.INFO, "asyncio")
    caplog.clear()
    stranger = ssl.create_default_context()
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await session.get(url, ssl=stranger)
    assert await get(url, tls) == "/there"
    # Of a busy machine, asyncio's debugging tells that a step took long.
    assert not [each for each in caplog.messages if not each.startswith("Executing")]
    done = threading.Event()

    def fail() -> None:
        done.set()
        raise ValueError("a mistake of the simulator")

    thread.call(lambda: asyncio.get_running_loop().call_soon(fail))
    assert done.wait(5)
    thread.call(lambda: None)
    assert "a mistake of the simulator" in caplog.text


async def test_what_is_still_going_on_ends_with_it(
    thread: ServerThread, tls: TlsFolder
) -> None:
    """Nothing is left pending in a loop that is closed."""
    start(thread, tls)
    task = thread.call(lambda: asyncio.create_task(asyncio.sleep(60)))
    thread.stop()
    assert task.cancelled()


def test_a_port_in_use_is_an_error(socket_enabled: None) -> None:
    """And the socket is closed."""
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        pytest.raises(OSError, match="in use"),
    ):
        bind("127.0.0.1", other.getsockname()[1])
