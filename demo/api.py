"""Home Assistant's own API, as the frontend in a browser uses it."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from .errors import DemoError

USER = "demo"
PASSWORD = "fleet-upgrade"

type Json = dict[str, Any]


class Api:
    """A signed-in user with an open websocket connection."""

    def __init__(
        self, http: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse
    ) -> None:
        """Use a session that carries the user's token; see `connect`."""
        self._http = http
        self._socket = socket
        self._last_id = 0

    async def call(self, command: str, **message: Any) -> Any:
        """Send a websocket command and return its result."""
        self._last_id += 1
        await self._socket.send_json({"id": self._last_id, "type": command, **message})
        answer = await self._receive()
        if not answer["success"]:
            raise DemoError(f"Home Assistant: {command}: {answer['error']['message']}")
        return answer["result"]

    async def fill_in(
        self, values: Mapping[str, Any], files: Mapping[str, Path], **start: str
    ) -> Json:
        """Walk through the form of an account as a person does; return its result.

        Each step gets the values that it asks for and a fresh upload of its files.
        """
        return await self._walk(
            "/api/config/config_entries/flow",
            {"handler": "fleet_upgrade", **start},
            values,
            files,
        )

    async def add_plan(self, account: str, values: Mapping[str, Any]) -> Json:
        """Walk through the form of a new upgrade plan; return its result."""
        return await self._walk(
            "/api/config/config_entries/subentries/flow",
            {"handler": [account, "plan"]},
            values,
            {},
        )

    async def _walk(
        self,
        path: str,
        start: Json,
        values: Mapping[str, Any],
        files: Mapping[str, Path],
    ) -> Json:
        step = await self._post(path, json=start)
        while step["type"] == "form":
            if step["errors"]:
                raise DemoError(f"the form says {step['errors']}")
            answer: Json = {}
            for name in (field["name"] for field in step["data_schema"]):
                if name in files:
                    answer[name] = await self._upload(files[name])
                elif name in values:
                    answer[name] = values[name]
            step = await self._post(f"{path}/{step['flow_id']}", json=answer)
        return step

    async def choose(self, account: str, options: Mapping[str, str | int]) -> None:
        """Change some options of an account, as a person does."""
        path = "/api/config/config_entries/options/flow"
        step = await self._post(path, json={"handler": account})
        answer: Json = {}
        for field in step["data_schema"]:
            shown = (field.get("description") or {}).get("suggested_value")
            value = options.get(field["name"], shown)
            if value is not None:
                answer[field["name"]] = value
        step = await self._post(f"{path}/{step['flow_id']}", json=answer)
        if step["type"] != "create_entry":
            raise DemoError(f"the options say {step['errors']}")

    async def _receive(self) -> Json:
        message = await self._socket.receive()
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise DemoError("Home Assistant hung up")
        answer: Json = message.json()
        return answer

    async def _upload(self, file: Path) -> str:
        form = aiohttp.FormData()
        form.add_field("file", file.read_bytes(), filename=file.name)
        answer = await self._post("/api/file_upload", data=form)
        return str(answer["file_id"])

    async def _post(self, path: str, **body: Any) -> Json:
        return await _post(self._http, path, **body)


@asynccontextmanager
async def connect(url: str) -> AsyncGenerator[Api]:
    """Sign in, creating the user in a new Home Assistant.

    Raises `DemoError` when Home Assistant refuses or the connection is lost.
    """
    try:
        async with aiohttp.ClientSession(url) as http:
            token = await _token(http, f"{url}/")
            http.headers["Authorization"] = f"Bearer {token}"
            async with http.ws_connect("/api/websocket") as socket:
                await socket.receive_json()
                await socket.send_json({"type": "auth", "access_token": token})
                await socket.receive_json()
                yield Api(http, socket)
    except aiohttp.ClientError as err:
        raise DemoError(f"Home Assistant does not answer: {err}") from err


async def _token(http: aiohttp.ClientSession, client: str) -> str:
    token = await _post(
        http,
        "/auth/token",
        data={
            "grant_type": "authorization_code",
            "client_id": client,
            "code": await _authorization_code(http, client),
        },
    )
    return str(token["access_token"])


async def _authorization_code(http: aiohttp.ClientSession, client: str) -> str:
    """Return what the token is given for: of the new user or of the one that is."""
    async with http.get("/api/onboarding") as response:
        # After a start with every step done, onboarding is not there at all.
        steps = await response.json() if response.ok else []
    if not all(step["done"] for step in steps):
        user = await _post(
            http,
            "/api/onboarding/users",
            json={
                "client_id": client,
                "name": "Fleet operator",
                "username": USER,
                "password": PASSWORD,
                "language": "en",
            },
        )
        return str(user["auth_code"])
    step = await _post(
        http,
        "/auth/login_flow",
        json={
            "client_id": client,
            "handler": ["homeassistant", None],
            "redirect_uri": client,
        },
    )
    step = await _post(
        http,
        f"/auth/login_flow/{step['flow_id']}",
        json={"client_id": client, "username": USER, "password": PASSWORD},
    )
    if step["type"] != "create_entry":
        raise DemoError(
            f"user {USER} with password {PASSWORD} is gone; start over with --fresh"
        )
    return str(step["result"])


async def _post(http: aiohttp.ClientSession, path: str, **body: Any) -> Json:
    async with http.post(path, **body) as response:
        if not response.ok:
            raise DemoError(
                f"Home Assistant: {path}: {response.status} {await response.text()}"
            )
        answer: Json = await response.json()
        return answer
