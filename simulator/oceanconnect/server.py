"""The simulated platform as a web application."""

import asyncio
from collections.abc import AsyncIterator
import contextlib
from email.utils import formatdate
from functools import partial
from urllib.parse import parse_qsl

from aiohttp import web
import orjson

from ..calls import Call, CallLog
from ..clock import Clock
from ..faults import FORBIDDEN_HTML, Faults, Handler as Next, Reactions
from . import codes
from .asked import Query
from .codes import GATEWAY_CODES, Code, Refusal
from .delivery import Delivery
from .northbound import ROUTES
from .northbound.access import SECURITY
from .northbound.base import Asked, Handler
from .notifications import Notifier
from .platform import Platform, Settings
from .seed import populate
from .wire import Json, encode

JSON_TYPE = "application/json; charset=UTF-8"

_BODY = web.RequestKey("body", bytes)
_MAX_BODY = 4 * 1024 * 1024
# How often it is looked for notifications to send, in seconds of real time.
_TICK = 0.2


class Simulation:
    """A platform with all that stands around it; must be made in a running loop."""

    def __init__(self, settings: Settings) -> None:
        """Make a platform and fill it."""
        self.calls = CallLog()
        self.faults = Faults()
        self.clock: Clock
        self.platform: Platform
        self.delivery: Delivery
        self._make(settings)

    def _make(self, settings: Settings) -> None:
        self.clock = Clock(settings.speed)
        self.platform = Platform(settings, self.clock)
        populate(self.platform)
        self.delivery = Delivery(
            self.clock,
            ca=settings.push_ca,
            retry_pace=settings.push_retry,
            answer_within=settings.push_answer,
        )
        self.platform.engine.watchers.append(
            Notifier(self.platform, self.delivery.post)
        )

    def reset(self, settings: Settings) -> None:
        """Start over: fresh state, no faults, no calls, the wall clock's time."""
        self.faults.clear()
        self.delivery.abandon()
        self.calls.clear()
        self._make(settings)

    def settle(self) -> None:
        """Do all that has fallen due, and begin to tell of it."""
        self.platform.engine.run()
        self.delivery.send_due()

    async def _keep_settling(
        self, _application: web.Application
    ) -> AsyncIterator[None]:
        """Move the devices also while nobody calls, if somebody wants to be told."""

        async def tick() -> None:
            while True:
                await asyncio.sleep(_TICK)
                if self.platform.subscriptions:
                    self.settle()

        ticking = asyncio.create_task(tick())
        yield
        ticking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ticking
        self.delivery.abandon()

    def application(self) -> web.Application:
        """Return the web application."""
        application = web.Application(
            middlewares=[self._record, self._fault, self._guard],
            client_max_size=_MAX_BODY,
        )
        application.on_response_prepare.append(self._stamp)
        application.cleanup_ctx.append(self._keep_settling)
        for method, path, handler in ROUTES:
            # aiohttp's own pattern leaves out braces, which the platform knows nothing of.
            path = path.replace("}", ":[^/]+}")
            application.router.add_route(method, path, partial(self._answer, handler))
        return application

    async def _stamp(self, _request: web.Request, response: web.StreamResponse) -> None:
        """Give every answer the platform's time."""
        response.headers["Date"] = formatdate(self.clock.now(), usegmt=True)
        response.headers.pop("Server", None)

    @web.middleware
    async def _record(self, request: web.Request, handler: Next) -> web.StreamResponse:
        """Note the call as it comes in."""
        try:
            body = request[_BODY] = await request.read()
        except web.HTTPRequestEntityTooLarge as err:
            return _web_page(err)
        self.calls.add(
            Call(
                method=request.method,
                path=request.path,
                query=dict(request.query),
                body=b"" if request.path.startswith(SECURITY) else body,
                at=self.clock.now(),
                application=_application(request, body),
            )
        )
        return await handler(request)

    @web.middleware
    async def _fault(self, request: web.Request, handler: Next) -> web.StreamResponse:
        reactions = Reactions(
            throttled=lambda: self._refuse(codes.THROTTLED),
            drop_token=self.platform.sessions.drop,
        )
        return await self.faults.apply(request, handler, reactions)

    @web.middleware
    async def _guard(self, request: web.Request, handler: Next) -> web.StreamResponse:
        """Check token and throttle, in this order.

        Chosen: every call that names the application counts, also a login, which is
        never throttled itself, but a throttled call does not, or a client that
        knocks too often would never be let in again.
        """
        if request.match_info.http_exception is not None:
            return _web_page(request.match_info.http_exception)
        platform = self.platform
        now = self.clock.now()
        application = _application(request, request[_BODY])
        crowded = platform.window.count(now) >= platform.settings.rate_limit
        if application == platform.sessions.app_id and not crowded:
            platform.window.add(now)
        if not request.path.startswith(SECURITY):
            if not platform.sessions.admits(
                application, request.headers.get("Authorization", "")
            ):
                return self._refuse(codes.TOKEN_INVALID)
            if crowded:
                self.calls.throttled += 1
                return self._refuse(codes.THROTTLED)
        return await handler(request)

    async def _answer(
        self, handler: Handler, request: web.Request
    ) -> web.StreamResponse:
        platform = self.platform
        platform.engine.run()
        asked = Asked(
            platform, Query(request.query), request[_BODY], request.match_info
        )
        try:
            reply = handler(asked)
        except Refusal as refusal:
            return self._refuse(refusal.code, refusal.status)
        return _json(reply.content, reply.status)

    def _refuse(self, code: Code, status: int | None = None) -> web.Response:
        quirks = self.platform.quirks
        gateway = code in GATEWAY_CODES
        if gateway and quirks.html_refusals:
            return web.Response(
                status=403, body=FORBIDDEN_HTML, content_type="text/html"
            )
        keys = "error_code", "error_desc"
        if quirks.error_keys == "resultcode" or (
            gateway and quirks.error_keys == "gateway"
        ):
            keys = "resultcode", "resultmsg"
        return _json(
            dict(zip(keys, (code.code, code.text), strict=True)), status or code.status
        )


def _web_page(err: web.HTTPException) -> web.Response:
    """Return what answers an unknown path: a web server, not the platform."""
    return web.Response(
        status=err.status,
        text=f"<html><body><h1>{err.status} {err.reason}</h1></body></html>\n",
        content_type="text/html",
    )


def _json(content: Json | None, status: int) -> web.Response:
    """Return an answer; its type is JSON even where it is empty, or the SDKs break."""
    return web.Response(
        status=status,
        body=b"" if content is None else encode(content),
        headers={"Content-Type": JSON_TYPE},
    )


def _application(request: web.Request, body: bytes) -> str:
    """Return the application that a call names: in a header, or when it signs in."""
    if not request.path.startswith(SECURITY):
        return request.headers.get("app_key", "")
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        content = dict(parse_qsl(body.decode("utf-8", "replace")))
    app_id = content.get("appId") if isinstance(content, dict) else None
    return app_id if isinstance(app_id, str) else ""
