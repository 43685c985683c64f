"""A program that is told of upgrades: where the platform's pushes arrive."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
import json
import ssl
from typing import Any

from aiohttp import web

PATH = "/v1.0.0/messageReceiver"


@dataclass
class Receiver:
    """Keeps what it receives, and answers 200 unless told otherwise."""

    url: str = ""
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    """Method, path, headers and body of each."""
    answers: deque[int | None] = field(default_factory=deque)
    """The next answers; None: never answer."""
    always: int = 200
    over: asyncio.Event = field(default_factory=asyncio.Event)
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def messages(self) -> list[Any]:
        """What the bodies say."""
        return [json.loads(body) for *_, body in self.requests]

    async def wait_for(self, count: int) -> list[Any]:
        """Wait until so many messages have come, and return them."""
        async with asyncio.timeout(5):
            while len(self.requests) < count:
                self._came.clear()
                await self._came.wait()
        return self.messages

    async def handle(self, request: web.Request) -> web.Response:
        """Take a message."""
        body = await request.read()
        self.requests.append(
            (request.method, request.path, dict(request.headers), body)
        )
        self._came.set()
        answer = self.answers.popleft() if self.answers else self.always
        if answer is None:
            await self.over.wait()
            answer = 200
        headers = {"Location": self.url} if answer == 302 else {}
        return web.Response(status=answer, text="ok", headers=headers)


@asynccontextmanager
async def receiving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """Receive on a free port of the loopback interface."""
    receiver = Receiver()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", receiver.handle)
    runner = web.AppRunner(application, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    port = runner.addresses[0][1]
    receiver.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}{PATH}"
    try:
        yield receiver
    finally:
        receiver.over.set()
        await runner.cleanup()
