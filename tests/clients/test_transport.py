"""What one exchange never does, whatever the server says."""

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
import pytest
from yarl import URL

from custom_components.fleet_upgrade.clients.budget import CallBudget, Priority
from custom_components.fleet_upgrade.clients.transport import Transport


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(
    socket_enabled: None, method: str, status: int
) -> None:
    """Whoever redirects a call would get the token, and might make two calls of one."""
    asked: list[str] = []

    async def redirect(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", redirect)
    async with TestServer(app) as server, ClientSession() as session:
        transport = Transport(
            session, URL(str(server.make_url("/"))), context=None, budget=CallBudget()
        )
        answer = await transport.exchange(
            method,
            "/here",
            priority=Priority.ACTION,
            headers={"Authorization": "Bearer secret"},
            body=b"{}" if method in {"POST", "PUT"} else None,
        )
    assert answer.status == status
    assert asked == ["/here"]
