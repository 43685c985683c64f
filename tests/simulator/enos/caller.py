"""A plain caller of the EnOS APIs, written without a look at any client."""

from collections.abc import Mapping
from dataclasses import dataclass
import hashlib
import json
from typing import Any, Self
from urllib.parse import quote

import aiohttp

from simulator.enos import EnosSimulator

TOKEN = "/apim-token-service/v2.0/token"
JOBS = "/connect-service/v2.1/ota-jobs"
FIRMWARE = "/connect-service/v2.1/ota-firmwares"
PRODUCTS = "/connect-service/v2.1/products"
DEVICES = "/connect-service/v2.1/devices"
REPORT = "/connect-service/v2.5/devices"
GROUPS = "/connect-service/v2.5/deviceGroups"
FILES = "/connect-service/v2.1/files"
TREES = "/asset-tree-service/v2.1/asset-trees"
NODES = "/asset-tree-service/v2.1/asset-nodes"


def sha256(text: str) -> str:
    """Return the hexadecimal digest of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Answer:
    """An answer as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """What the body says."""
        return json.loads(self.body)

    @property
    def code(self) -> int:
        """The code, which comes with HTTP 200."""
        assert self.status == 200
        return int(self.json["code"])

    @property
    def data(self) -> Any:
        """What a call that went well returned."""
        assert self.code == 0, self.body
        return self.json["data"]

    @property
    def total(self) -> int:
        """How many rows there are on all pages."""
        return int(self.json["pagination"]["totalSize"])

    @property
    def refused(self) -> tuple[int, str]:
        """Status and text of the gateway's refusal."""
        return self.status, self.json["message"]


class Caller:
    """Calls as an application does that has a token, by the simulator's clock."""

    def __init__(self, session: aiohttp.ClientSession, sim: EnosSimulator) -> None:
        """Call through a session with the simulator's address as its base."""
        self._session = session
        self.sim = sim
        self.token = ""
        self.late = 0.0
        """Seconds by which this caller's clock is slow."""
        self._used: set[int] = set()

    def timestamp(self) -> int:
        """Return milliseconds, never the same ones twice."""
        now = int((self.sim.clock.now() - self.late) * 1000)
        while now in self._used:
            now += 1
        self._used.add(now)
        return now

    async def raw(self, method: str, url: str, **options: Any) -> Answer:
        """Make one call as it is given."""
        async with self._session.request(method, url, **options) as response:
            return Answer(response.status, response.headers, await response.read())

    async def token_call(self, operation: str, **fields: Any) -> Any:
        """Ask for a token, with some fields in place of the right ones."""
        timestamp = fields.get("timestamp", self.timestamp())
        key, secret = self.sim.access_key, self.sim.secret_key
        body = {
            "appKey": key,
            "encryption": sha256(f"{key}{timestamp}{secret}"),
            "timestamp": timestamp,
        } | fields
        answer = await self.raw("POST", f"{TOKEN}/{operation}", json=body)
        assert answer.status == 200
        if answer.json["status"] == 0:
            self.token = answer.json["data"]["accessToken"]
        return answer.json

    async def signed_in(self) -> Self:
        """Get a token."""
        assert (await self.token_call("get"))["status"] == 0
        return self

    def headers(
        self, query: Mapping[str, str], body: str, timestamp: int | None = None
    ) -> dict[str, str]:
        """Return the three headers of a call."""
        at = self.timestamp() if timestamp is None else timestamp
        parameters = "".join(key + query[key] for key in sorted(query))
        signed = f"{self.token}{parameters}{body}{at}{self.sim.secret_key}"
        return {
            "apim-accesstoken": self.token,
            "apim-timestamp": str(at),
            "apim-signature": sha256(signed),
        }

    async def call(
        self,
        path: str,
        action: str,
        body: Any = None,
        *,
        method: str = "POST",
        more_headers: Mapping[str, str] | None = None,
        **query: str,
    ) -> Answer:
        """Make one call with its signature."""
        parameters = {"action": action, "orgId": self.sim.org_id} | query
        text = "" if body is None else json.dumps(body)
        headers = self.headers(parameters, text)
        if text:
            headers["Content-Type"] = "application/json;charset=UTF-8"
        return await self.raw(
            method,
            address(path, parameters),
            data=text or None,
            headers=headers | dict(more_headers or {}),
        )

    # Shortcuts

    async def create(self, **body: Any) -> Answer:
        """Create a job: by default the newest verified firmware for a group."""
        firmware = self.sim.firmware(verified=True)[0]
        order = self.order() | body
        firmware_id = order.pop("firmware_id", firmware.firmware_id)
        return await self.call(JOBS, "create", order, firmwareId=firmware_id)

    def order(self) -> dict[str, Any]:
        """Return the body of a good create call."""
        firmware = self.sim.firmware(verified=True)[0]
        group = self.sim.groups(firmware)[0]
        return {
            "type": "upgrade",
            "upgradePolicy": "snapshot",
            "enableUpgradeRequest": False,
            "upgradeScope": {"type": "partial", "deviceGroupIds": [group.group_id]},
        }

    async def job(self, job_id: str) -> Any:
        """Return a JobInfo."""
        return (await self.call(JOBS, "get", method="GET", jobId=job_id)).data

    async def tasks(self, expression: str = "", **pagination: Any) -> Answer:
        """Search OTA tasks."""
        return await self.call(
            JOBS, "searchTask", {"expression": expression, "pagination": pagination}
        )


def address(path: str, query: Mapping[str, str]) -> str:
    """Return path and query with everything quoted that can be."""
    pairs = "&".join(f"{key}={quote(value, safe='')}" for key, value in query.items())
    return f"{path}?{pairs}"
