"""A plain caller of the northbound API, written without a look at any client."""

from dataclasses import dataclass
import json
import ssl
from typing import Any, Self

import aiohttp

from simulator.oceanconnect import OceanConnectSimulator
from simulator.tls import TlsFolder

SECURITY = "/iocm/app/sec/v1.1.0"
CATEGORY = "/iodm/northbound/v1.5.0/category"
OPERATIONS = "/iodm/northbound/v1.5.0/operations"
GROUPS = "/iocm/app/devgroup/v1.3.0/devGroups"
MEMBERS = "/iocm/app/dm/v1.2.0/devices/ids"
DEVICES = "/iocm/app/dm/v1.4.0/devices"
ADD_MEMBERS = "/iocm/app/dm/v1.1.0/devices/addDevGroupTagToDevices"
REMOVE_MEMBERS = "/iocm/app/dm/v1.1.0/devices/deleteDevGroupTagFromDevices"
SUBSCRIPTIONS = "/iocm/app/sub/v1.2.0/subscriptions"
MANAGEMENT = "/iodm/app/sub/v1.1.0/subscribe"

JSON_TYPE = "application/json; charset=UTF-8"


@dataclass(frozen=True)
class Answer:
    """An answer as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """What the body says."""
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str]:
        """Status and code of a refusal."""
        return self.status, self.json["error_code"]


def client_context(tls: TlsFolder) -> ssl.SSLContext:
    """What a client needs that trusts the simulator's CA of 2016's kind."""
    context = ssl.create_default_context(cadata=tls.ca_pem.decode())
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.load_cert_chain(tls.folder / "client.pem", tls.folder / "client.key")
    return context


class Northbound:
    """Calls the API as an application does that has signed in."""

    def __init__(self, session: aiohttp.ClientSession, sim: OceanConnectSimulator):
        """Call through a session with the simulator's address as its base."""
        self._session = session
        self.sim = sim
        self.app_key = sim.app_id
        self.authorization = ""
        self.refresh_token = ""

    async def call(
        self, method: str, path: str, *, headers: bool = True, **options: Any
    ) -> Answer:
        """Make one call."""
        named = {"app_key": self.app_key, "Authorization": self.authorization}
        response = await self._session.request(
            method,
            path,
            headers=(named if headers else {}) | options.pop("more_headers", {}),
            **options,
        )
        async with response:
            return Answer(
                response.status, dict(response.headers), await response.read()
            )

    async def get(self, path: str, **query: str | int) -> Answer:
        """GET something."""
        return await self.call("GET", path, params=query)

    async def post(self, path: str, body: Any) -> Answer:
        """POST JSON."""
        return await self.call("POST", path, json=body)

    async def put(self, path: str, body: Any) -> Answer:
        """PUT JSON."""
        return await self.call("PUT", path, json=body)

    async def delete(self, path: str, **query: str) -> Answer:
        """DELETE something."""
        return await self.call("DELETE", path, params=query)

    async def login(self, **form: str) -> Answer:
        """Sign in with a form, by default the right one, and keep the token."""
        answer = await self.call(
            "POST",
            f"{SECURITY}/login",
            headers=False,
            data=form or {"appId": self.sim.app_id, "secret": self.sim.secret},
        )
        return self._keep(answer)

    async def refresh(self, **body: Any) -> Answer:
        """Refresh the token."""
        good = {
            "appId": self.sim.app_id,
            "secret": self.sim.secret,
            "refreshToken": self.refresh_token,
        }
        answer = await self.call(
            "POST", f"{SECURITY}/refreshToken", headers=False, json=good | body
        )
        return self._keep(answer)

    def _keep(self, answer: Answer) -> Answer:
        if answer.status == 200 and "accessToken" in answer.json:
            self.authorization = f"Bearer {answer.json['accessToken']}"
            self.refresh_token = answer.json["refreshToken"]
        return answer

    async def signed_in(self) -> Self:
        """Sign in."""
        assert (await self.login()).status == 200
        return self

    async def create(self, kind: str = "firmware", **body: Any) -> Answer:
        """Create a task: the newest package for all of its devices in a group."""
        return await self.post(f"{OPERATIONS}/{kind}Upgrade", self.order(kind) | body)

    def order(self, kind: str = "firmware") -> dict[str, Any]:
        """Return the body of a good create call."""
        package = self.sim.packages(kind)[0]
        group = next(
            group
            for group in self.sim.groups()
            if self.sim.platform.expand([group], package)
        )
        return {
            "fileId": package.file_id,
            "targets": {
                "deviceGroups": [group.name],
                "deviceType": package.model.device_type,
                "model": package.model.model,
                "manufacturerName": package.model.manufacturer,
            },
            "policy": {"executeType": "now", "retryType": False},
        }

    async def task(self, task_id: str) -> Any:
        """Return a task as the platform tells it."""
        return (await self.get(f"{OPERATIONS}/{task_id}")).json

    async def subtasks(self, task_id: str, **query: str | int) -> list[Any]:
        """Return the subtasks of a task (the first hundred)."""
        path = f"{OPERATIONS}/{task_id}/subOperations"
        rows = (await self.get(path, pageNo=0, pageSize=100, **query)).json["data"]
        assert isinstance(rows, list)
        return rows
