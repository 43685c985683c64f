"""What Huawei's own SDKs send, byte for byte, and what they need in the answers.

The Python SDK begins a query with `&`, writes a Content-Type on every call, and null
for what is not set. The Java SDK adds a charset to the type, drops what is not set,
and cannot read an answer without a type, unless its status is 204.
"""

import asyncio
from collections.abc import Callable
import json
from typing import Any, NamedTuple
from urllib.parse import quote_plus

import pytest

from simulator.oceanconnect import OceanConnectSimulator, Quirks

from ..northbound import (
    ADD_MEMBERS,
    CATEGORY,
    DEVICES,
    GROUPS,
    JSON_TYPE,
    MANAGEMENT,
    MEMBERS,
    OPERATIONS,
    REMOVE_MEMBERS,
    SECURITY,
    SUBSCRIPTIONS,
    client_context,
)

URL = "https://203.0.113.9:8099/v1.0.0/messageReceiver"
FORM = "application/x-www-form-urlencoded"
PYTHON = (
    "User-Agent: python-requests/2.22.0",
    "Accept-Encoding: gzip, deflate",
    "Accept: */*",
    "Connection: keep-alive",
)
JAVA = (
    "Connection: Keep-Alive",
    "User-Agent: Apache-HttpClient/4.5.5 (Java/1.8.0_211)",
    "Accept-Encoding: gzip,deflate",
)


class Sdk(NamedTuple):
    """How an SDK writes a call."""

    headers: tuple[str, ...]
    json_type: str
    write: Callable[[Any], str]
    typed_without_body: bool


def without_nulls(body: Any) -> Any:
    """Leave out what is not set, as the Java SDK does."""
    if not isinstance(body, dict):
        return body
    return {key: without_nulls(one) for key, one in body.items() if one is not None}


SDKS = {
    "python": Sdk(PYTHON, "application/json", json.dumps, True),
    "java": Sdk(
        JAVA,
        "application/json; charset=UTF-8",
        lambda body: json.dumps(without_nulls(body), separators=(",", ":")),
        False,
    ),
}


class Raw:
    """An SDK's connection to the platform."""

    def __init__(self, sim: OceanConnectSimulator, sdk: Sdk) -> None:
        """Speak as this SDK does."""
        self._sim = sim
        self._sdk = sdk
        self._token = ""

    async def call(
        self, method: str, target: str, body: Any = None, *, kind: str | None = None
    ) -> tuple[int, Any]:
        """Make one call; return status and content of the answer."""
        sdk, sim = self._sdk, self._sim
        content = "" if body is None else body if kind else sdk.write(body)
        lines = [f"{method} {target} HTTP/1.1", f"Host: 127.0.0.1:{sim.port}"]
        lines += sdk.headers
        if not target.startswith(SECURITY):
            lines.append(f"app_key: {sim.app_id}")
            lines.append(f"Authorization: Bearer {self._token}")
        if body is not None or sdk.typed_without_body:
            lines.append(f"Content-Type: {kind or sdk.json_type}")
        if body is not None or method == "DELETE":
            lines.append(f"Content-Length: {len(content)}")
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", sim.port, ssl=client_context(sim.tls)
        )
        try:
            writer.write("\r\n".join([*lines, "", content]).encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.split(": ", 1) for line in head[1:] if line)
            status = int(head[0].split()[1])
            answer = await reader.readexactly(int(headers.get("Content-Length", 0)))
        finally:
            writer.close()
        if status != 204:
            assert headers["Content-Type"] == JSON_TYPE
        return status, json.loads(answer) if answer else None

    async def login(self) -> Any:
        """Sign in with a form."""
        sim = self._sim
        form = f"appId={quote_plus(sim.app_id)}&secret={quote_plus(sim.secret)}"
        status, token = await self.call("POST", f"{SECURITY}/login", form, kind=FORM)
        assert status == 200
        self._token = token["accessToken"]
        return token


@pytest.fixture(params=SDKS)
async def sdk(
    oceanconnect: OceanConnectSimulator, request: pytest.FixtureRequest
) -> Raw:
    """An SDK that has signed in."""
    raw = Raw(oceanconnect, SDKS[request.param])
    await raw.login()
    return raw


async def test_it_signs_in_refreshes_and_signs_out(
    sdk: Raw, oceanconnect: OceanConnectSimulator
) -> None:
    """By form and by JSON, and without the headers that carry a token."""
    token = await sdk.login()
    body = {
        "appId": oceanconnect.app_id,
        "secret": oceanconnect.secret,
        "refreshToken": token["refreshToken"],
    }
    status, token = await sdk.call("POST", f"{SECURITY}/refreshToken", body)
    assert status == 200
    body = {"accessToken": token["accessToken"]}
    status, _ = await sdk.call("POST", f"{SECURITY}/logout", body)
    assert status == 204


@pytest.mark.parametrize("kind", ["firmware", "software"])
async def test_it_upgrades(
    sdk: Raw, oceanconnect: OceanConnectSimulator, kind: str
) -> None:
    """All eight calls of the family."""
    status, page = await sdk.call("GET", f"{CATEGORY}?&fileType={kind}Package")
    assert (status, page["pageSize"]) == (200, 10)
    package = oceanconnect.packages(kind)[0]
    status, one = await sdk.call("GET", f"{CATEGORY}/{package.file_id}")
    assert (status, one) == (200, page["data"][0])
    devices = [one.device_id for one in oceanconnect.devices(package)[:2]]
    unset = ("deviceGroups", "deviceType", "model", "manufacturerName")
    targets: dict[str, Any] = {"devices": devices} | dict.fromkeys(unset)
    order = {"fileId": package.file_id, "policy": None, "targets": targets}
    status, task = await sdk.call("POST", f"{OPERATIONS}/{kind}Upgrade", order)
    assert status == 200
    task_id = task["operationId"]
    policy = {"executeType": "now", "retryType": False, "retryTimes": 0}
    order["policy"] = policy | dict.fromkeys(("startTime", "endTime"))
    status, _ = await sdk.call("POST", f"{OPERATIONS}/{kind}Upgrade", order)
    assert status == 200
    status, task = await sdk.call("GET", f"{OPERATIONS}/{task_id}")
    assert (status, task["operateType"]) == (200, f"{kind}_upgrade")
    assert isinstance(task["extendPara"], dict)
    assert isinstance(task["policy"]["retryType"], bool)
    path = f"{OPERATIONS}/{task_id}/subOperations"
    status, page = await sdk.call("GET", f"{path}?&pageSize=1")
    assert (status, page["totalCount"], len(page["data"])) == (200, 2, 1)
    assert isinstance(page["data"][0]["extendInfo"], dict)
    status, page = await sdk.call("GET", f"{OPERATIONS}?&deviceId={devices[0]}")
    assert (status, page["data"][1]["operationId"]) == (200, task_id)
    assert (await sdk.call("DELETE", f"{CATEGORY}/{package.file_id}"))[0] == 200
    assert (await sdk.call("GET", f"{OPERATIONS}?"))[0] == 200


@pytest.mark.parametrize("void", [200, 204])
async def test_it_groups_devices(
    sdk: Raw, oceanconnect: OceanConnectSimulator, void: Any
) -> None:
    """All eight calls of the family; the Java SDK writes a limit of 0 unasked."""
    oceanconnect.quirks = Quirks(group_void_status=void)
    devices = [device.device_id for device in oceanconnect.devices()[:3]]
    body: dict[str, Any] = {
        "name": "dcvwe",
        "description": "x",
        "deviceIds": devices[:2],
        "id": "test01d2",
        "appId": None,
        "maxDevNum": None,
    }
    status, group = await sdk.call("POST", GROUPS, body)
    assert (status, group["id"]) == (200, "test01d2")
    path = f"{GROUPS}/test01d2"
    body = {"name": "zxccvasasd", "description": None, "maxDevNum": 0}
    assert (await sdk.call("PUT", path, body))[0] == 200
    status, group = await sdk.call("GET", f"{path}?accessAppId={oceanconnect.app_id}")
    assert (group["name"], group["curDevNum"]) == ("zxccvasasd", 2)
    members = {"accessAppId": None, "devGroupId": "test01d2", "deviceIds": devices}
    assert (await sdk.call("POST", ADD_MEMBERS, members))[0] == 200
    status, page = await sdk.call("GET", f"{MEMBERS}?devGroupId=test01d2&pageSize=9")
    assert (status, page["deviceIds"]) == (200, devices)
    assert await sdk.call("POST", REMOVE_MEMBERS, members) == (void, None)
    status, page = await sdk.call("GET", f"{GROUPS}?")
    assert (status, len(page["list"])) == (200, 1)
    assert await sdk.call("DELETE", path) == (void, None)


async def test_it_subscribes(sdk: Raw, oceanconnect: OceanConnectSimulator) -> None:
    """To both kinds, lists them and deletes them."""
    body = {"notifyType": "bindDevice", "callbackUrl": URL} | dict.fromkeys(
        ("appId", "ownerFlag")
    )
    status, subscription = await sdk.call("POST", SUBSCRIPTIONS, body)
    assert status == 201
    body = {"callbackurl": URL, "notifyType": "swUpgradeStateChangeNotify"}
    assert await sdk.call("POST", MANAGEMENT, body) == (200, None)
    path = f"{SUBSCRIPTIONS}/{subscription['subscriptionId']}"
    assert (await sdk.call("GET", path)) == (200, subscription)
    query = f"?&appId={oceanconnect.app_id}&pageNo=0&pageSize=10"
    status, page = await sdk.call("GET", f"{SUBSCRIPTIONS}{query}")
    assert (status, page["totalCount"]) == (200, 2)
    assert await sdk.call("DELETE", path) == (204, None)
    assert await sdk.call("DELETE", f"{SUBSCRIPTIONS}?&callbackUrl={URL}") == (
        204,
        None,
    )


async def test_it_reads_devices(sdk: Raw, oceanconnect: OceanConnectSimulator) -> None:
    """A list, and one whose query is empty or begins with `&`."""
    status, page = await sdk.call("GET", f"{DEVICES}?&pageNo=0&pageSize=2&sort=ASC")
    assert (status, len(page["devices"])) == (200, 2)
    device_id = page["devices"][0]["deviceId"]
    for query in ("?", "?&select=imsi", f"?appId={oceanconnect.app_id}&select=imsi"):
        status, device = await sdk.call("GET", f"{DEVICES}/{device_id}{query}")
        assert (status, device) == (200, page["devices"][0])


async def test_it_is_told_what_is_wrong(
    sdk: Raw, oceanconnect: OceanConnectSimulator
) -> None:
    """As JSON with an error_code, also of a dead token."""
    status, error = await sdk.call("GET", f"{OPERATIONS}/aaa")
    assert (status, error["error_code"]) == (404, "123009")
    oceanconnect.drop_token()
    status, error = await sdk.call("GET", f"{OPERATIONS}/aaa")
    assert (status, error["error_code"]) == (403, "1010005")
