"""Running an aiohttp application, mostly over TLS: in a program, or in a test's thread."""

import asyncio
from collections.abc import Awaitable, Callable
import socket
import ssl
import threading
import time
from typing import Any, Self, override

from aiohttp import web

# Test tools swap socket.socket for one that refuses to be made; what was imported
# before they did is the real one.
_Socket = socket.socket

_SHUTDOWN_SECONDS = 0.5


class _Listener(_Socket):
    """A listening socket whose connections are real sockets, whatever was patched."""

    @override
    def accept(self) -> tuple[socket.socket, Any]:
        descriptor, address = self._accept()  # type: ignore[attr-defined]
        return _Socket(self.family, self.type, self.proto, fileno=descriptor), address


def bind(host: str, port: int) -> socket.socket:
    """Return a socket bound to a host (name or address) and port; raises OSError."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[
        0
    ]
    listener = _Listener(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


class Serving:
    """One application that is being served in the running loop."""

    def __init__(self, runner: web.AppRunner, server: asyncio.Server) -> None:
        """Keep what is needed to end it."""
        self._runner = runner
        self._server = server

    @classmethod
    async def begin(
        cls,
        application: web.Application,
        listener: socket.socket,
        tls: ssl.SSLContext | None,
    ) -> Self:
        """Serve an application on a bound socket; it accepts from now on."""
        loop = asyncio.get_running_loop()
        runner = web.AppRunner(
            application,
            handle_signals=False,
            access_log=None,
            shutdown_timeout=_SHUTDOWN_SECONDS,
        )
        await runner.setup()
        assert runner.server is not None
        # Not aiohttp's own SockSite: that waits 30 s for the other side's goodbye.
        server = await loop.create_server(
            runner.server,
            sock=listener,
            ssl=tls,
            ssl_handshake_timeout=None if tls is None else 10,
            ssl_shutdown_timeout=None if tls is None else _SHUTDOWN_SECONDS,
        )
        return cls(runner, server)

    def drop_connections(self) -> None:
        """Close all connections, as a server does with those that idle too long."""
        self._server.close_clients()

    async def end(self) -> None:
        """Accept nothing more, close all connections."""
        self._server.close()
        await self._runner.cleanup()
        self._server.close_clients()
        await asyncio.sleep(0)
        self._server.abort_clients()
        await self._server.wait_closed()


class ServerThread:
    """A thread with an event loop of its own that serves one application.

    The loop reads a clock that test tools do not patch, and starts no helper
    threads, so that a test's own checks never see it.
    """

    def __init__(self, name: str) -> None:
        """Prepare; nothing runs yet."""
        self._name = name
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._serving: Serving | None = None

    def start(
        self,
        application: Callable[[], Awaitable[web.Application]],
        listener: socket.socket,
        tls: ssl.SSLContext | None,
    ) -> None:
        """Start the thread; returns once the server accepts connections."""
        loop = asyncio.new_event_loop()
        loop.time = lambda: time.clock_gettime(  # type: ignore[method-assign]
            time.CLOCK_MONOTONIC
        )
        thread = threading.Thread(target=self._run, args=(loop,), name=self._name)
        # A test run that dies must not hang on it.
        thread.daemon = True
        thread.start()
        self._loop, self._thread = loop, thread

        async def begin() -> Serving:
            return await Serving.begin(await application(), listener, tls)

        try:
            self._serving = self._wait_for(begin)
        except BaseException:
            self.stop()
            listener.close()
            raise

    @staticmethod
    def _run(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
        finally:
            for task in asyncio.all_tasks(loop):
                task.cancel()
                loop.run_until_complete(asyncio.wait([task]))
            loop.close()

    def call[**P, T](
        self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call a function in the server's loop, and return what it returns."""

        async def in_loop() -> T:
            return function(*args, **kwargs)

        return self._wait_for(in_loop)

    def drop_connections(self) -> None:
        """Close all connections; new ones are accepted."""
        if self._serving is not None:
            self.call(self._serving.drop_connections)

    def _wait_for[T](self, function: Callable[[], Awaitable[T]]) -> T:
        if self._loop is None or threading.current_thread() is self._thread:
            raise RuntimeError(f"{self._name} is not running, or calls itself")

        async def run() -> T:
            return await function()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(timeout=30)

    def stop(self) -> None:
        """End the server and its thread; does nothing when it does not run."""
        if self._loop is None or self._thread is None:
            return
        if self._serving is not None:
            self._wait_for(self._serving.end)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop = self._thread = self._serving = None
