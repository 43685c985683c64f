"""The simulated platform as a web application: the gateway, and what is behind it."""

from email.utils import formatdate
from math import ceil

from aiohttp import web
import orjson

from ..calls import Call, CallLog
from ..clock import Clock
from ..faults import Faults, Handler as Next, Reactions
from .asked import Asked, Handler, Reply, check_organisation, without_nulls
from .codes import GatewayRefusal, Refusal, invalid
from .platform import Platform, Settings
from .seed import populate
from .services import ACTIONS, FILES, GROUPS
from .sessions import StaleSdkToken
from .wire import Wire, encode

JSON_TYPE = "application/json;charset=UTF-8"
TOKENS = "/apim-token-service/v2.0/token"

_BODY = web.RequestKey("body", bytes)
_CONCURRENT = web.RequestKey("concurrent", bool)


class Simulation:
    """A platform with all that stands around it; must be made in a running loop."""

    def __init__(self, settings: Settings) -> None:
        """Make a platform and fill it."""
        self.calls = CallLog()
        self.faults = Faults()
        self._uploads = 0
        self.clock: Clock
        self.platform: Platform
        self._make(settings)

    def _make(self, settings: Settings) -> None:
        self.clock = Clock(settings.speed)
        self.platform = Platform(settings, self.clock)
        populate(self.platform)

    def reset(self, settings: Settings) -> None:
        """Start over: fresh state, no faults, no calls, the wall clock's time."""
        self.faults.clear()
        self.calls.clear()
        self._make(settings)

    def settle(self) -> None:
        """Do all that has fallen due."""
        self.platform.engine.run()

    def application(self) -> web.Application:
        """Return the web application."""
        application = web.Application(
            middlewares=[self._record, self._fault],
            # The gateway has a limit of its own, and words for it.
            client_max_size=2**31,
        )
        application.on_response_prepare.append(self._stamp)
        application.router.add_route("*", "/{path:.*}", self._gate)
        return application

    async def _stamp(self, _request: web.Request, response: web.StreamResponse) -> None:
        """Give every answer the platform's time."""
        response.headers["Date"] = formatdate(self.clock.now(), usegmt=True)
        response.headers.pop("Server", None)

    @web.middleware
    async def _record(self, request: web.Request, handler: Next) -> web.StreamResponse:
        """Note the call as it comes in; how many firmware files are on their way."""
        uploads = request.content_type == "multipart/form-data"
        request[_CONCURRENT] = self._uploads > 0
        self._uploads += uploads
        try:
            return await self._take(request, handler)
        finally:
            self._uploads -= uploads

    async def _take(self, request: web.Request, handler: Next) -> web.StreamResponse:
        largest = self.platform.quirks.largest_body
        if (request.content_length or 0) > largest:
            return _refused(GatewayRefusal(413))
        body = request[_BODY] = await request.read()
        secret = request.path.startswith(TOKENS)
        self.calls.add(
            Call(
                method=request.method,
                # Nearly everything is on a few paths: the action is what was called.
                path=_called(request),
                query=dict(request.query),
                body=b"" if secret else body,
                at=self.clock.now(),
                application=_application(request, body, self.platform),
            )
        )
        return await handler(request)

    @web.middleware
    async def _fault(self, request: web.Request, handler: Next) -> web.StreamResponse:
        reactions = Reactions(
            throttled=self._throttled, drop_token=self.platform.sessions.drop
        )
        return await self.faults.apply(request, handler, reactions)

    async def _gate(self, request: web.Request) -> web.StreamResponse:
        """Find who answers a call; the gateway refuses what nobody does."""
        self.settle()
        if request.method in ("GET", "POST"):
            if request.path in (f"{TOKENS}/get", f"{TOKENS}/refresh"):
                return self._answer_token(request)
            if request.path != GROUPS or self.platform.quirks.device_groups:
                if (actions := ACTIONS.get(request.path)) is not None:
                    return self._serve(request, actions)
        return _refused(GatewayRefusal(404))

    def _serve(self, request: web.Request, actions: dict[str, Handler]) -> web.Response:
        """Let a call through to its service, if caller and throttle allow it."""
        try:
            self._check_caller(request)
            if self._crowded():
                return self._throttled()
            return self._answer(request, actions)
        except GatewayRefusal as refusal:
            return _refused(refusal)
        except StaleSdkToken as stale:
            return _json(
                {"apim_status": 4012}
                if stale.refresh_token is None
                else {"apim_status": 4011, "apim_refreshtoken": stale.refresh_token}
            )

    def _check_caller(self, request: web.Request) -> None:
        """Check token and signature; raises GatewayRefusal."""
        sessions = self.platform.sessions
        header = request.headers.get
        if request.path == FILES:
            sessions.admit_token(header("apim-accesstoken", ""))
            return
        multipart = request.content_type == "multipart/form-data"
        try:
            body = "" if multipart else request[_BODY].decode()
        except UnicodeDecodeError:
            raise GatewayRefusal(400) from None
        sessions.admit(
            token=header("apim-accesstoken", ""),
            timestamp=header("apim-timestamp", ""),
            signed=header("apim-signature", ""),
            query=request.query.items(),
            body=body,
            quirks=self.platform.quirks,
        )

    # The throttle

    def _crowded(self) -> bool:
        """Count a call, unless there were too many within the last minute."""
        limit = self.platform.settings.rate_limit
        if limit is None:
            return False
        now = self.clock.now()
        if self.platform.window.count(now) >= limit:
            self.calls.throttled += 1
            return True
        self.platform.window.add(now)
        return False

    def _throttled(self) -> web.Response:
        response = _refused(GatewayRefusal(429))
        if self.platform.quirks.retry_after:
            wait = self.platform.window.wait(self.clock.now())
            response.headers["Retry-After"] = str(max(1, ceil(wait)))
        return response

    # Tokens

    def _answer_token(self, request: web.Request) -> web.Response:
        platform = self.platform
        operation = request.path.rpartition("/")[2]
        ask = getattr(platform.sessions, operation)
        data = None
        try:
            token, expire = ask(_object(request[_BODY]), platform.quirks)
            status, message = 0, "SUCCESS"
            data = {"accessToken": token, "expire": expire}
        except Refusal as refusal:
            status, message = refusal.code.code, refusal.text
        return _json(
            {
                "status": status,
                "msg": message,
                "business": platform.quirks.token_business,
                "data": self._wire.data(data),
            }
        )

    # Actions

    @property
    def _wire(self) -> Wire:
        return Wire(self.platform.quirks, self.platform.org_id)

    def _answer(
        self, request: web.Request, actions: dict[str, Handler]
    ) -> web.Response:
        multipart = request.content_type == "multipart/form-data"
        content = {} if multipart else _object(request[_BODY])
        if content is None:
            raise GatewayRefusal(400)
        asked = Asked(
            self.platform,
            # Of a repeated parameter the first counts, as in the signature.
            dict(reversed(list(request.query.items()))),
            content,
            request[_BODY],
            request.headers.get("Content-Type", ""),
            request[_CONCURRENT],
        )
        request_id = self.platform.request_id()
        try:
            action = asked.parameter("action")
            if action not in actions:
                raise invalid("action", "is not supported")
            check_organisation(asked)
            reply = actions[action](asked)
        except Refusal as refusal:
            return _json(
                {
                    "code": refusal.code.code,
                    "msg": refusal.text,
                    "requestId": request_id,
                    "data": None,
                },
                self.platform.quirks.error_status,
            )
        return self._reply(reply, request_id)

    def _reply(self, reply: Reply, request_id: str) -> web.Response:
        if reply.raw is not None:
            return web.Response(body=reply.raw, content_type="application/octet-stream")
        content: dict[str, object] = {
            "code": 0,
            "msg": "OK",
            "requestId": request_id,
            "data": self._wire.data(reply.data),
        }
        if reply.pagination is not None:
            content["pagination"] = self._wire.data(reply.pagination)
        return _json(content)


def _object(body: bytes) -> dict[str, object] | None:
    """Return the JSON object in a body, without its nulls; none is an empty one."""
    if not body.strip():
        return {}
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return without_nulls(content) if isinstance(content, dict) else None


def _json(content: object, status: int = 200) -> web.Response:
    return web.Response(
        status=status, body=encode(content), headers={"Content-Type": JSON_TYPE}
    )


def _refused(refusal: GatewayRefusal) -> web.Response:
    """Return an answer of the gateway itself."""
    return _json({"message": refusal.text}, refusal.status)


def _called(request: web.Request) -> str:
    """Return the path of a call, with its action."""
    action = request.query.get("action")
    return request.path if action is None else f"{request.path}?action={action}"


def _application(request: web.Request, body: bytes, platform: Platform) -> str:
    """Return the application that a call is counted for."""
    if not request.path.startswith(TOKENS):
        return platform.sessions.access_key
    content = _object(body) or {}
    app_key = content.get("appKey")
    return app_key if isinstance(app_key, str) else ""
