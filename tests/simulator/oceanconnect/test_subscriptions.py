"""Subscriptions on the wire: both kinds, listed and deleted by the same calls."""

from typing import Any

import pytest

from simulator.oceanconnect import Quirks, codes, refusal
from simulator.oceanconnect.northbound.base import OTHER_APPLICATION
from simulator.oceanconnect.subscriptions import BUSINESS_TYPES, MANAGEMENT_TYPES

from ..northbound import JSON_TYPE, MANAGEMENT, SUBSCRIPTIONS, Northbound

URL = "https://203.0.113.9:8099/v1.0.0/messageReceiver"


async def subscribe(northbound: Northbound, notify_type: str = "deviceAdded") -> Any:
    """Subscribe to something, and return the subscription."""
    if notify_type in MANAGEMENT_TYPES:
        body = {"notifyType": notify_type, "callbackurl": URL}
        assert (await northbound.post(MANAGEMENT, body)).status == 200
        query = {"notifyType": notify_type}
        listed = (await northbound.get(SUBSCRIPTIONS, **query)).json
        return listed["subscriptions"][0]
    body = {"notifyType": notify_type, "callbackUrl": URL}
    return (await northbound.post(SUBSCRIPTIONS, body)).json


# Business data


@pytest.mark.parametrize("notify_type", sorted(BUSINESS_TYPES))
async def test_business_data_can_be_subscribed_to(
    northbound: Northbound, notify_type: str
) -> None:
    """The answer is 201 with the subscription; alone it looks the same."""
    body = {"notifyType": notify_type, "callbackUrl": URL, "appId": None}
    answer = await northbound.post(f"{SUBSCRIPTIONS}?ownerFlag=false", body)
    assert answer.status == 201
    subscription = answer.json
    assert subscription == {
        "subscriptionId": subscription["subscriptionId"],
        "notifyType": notify_type,
        "callbackUrl": URL,
    }
    path = f"{SUBSCRIPTIONS}/{subscription['subscriptionId']}"
    answer = await northbound.get(path, appId=northbound.sim.app_id)
    assert (answer.status, answer.json) == (200, subscription)


async def test_a_channel_may_be_named(northbound: Northbound) -> None:
    """HTTP needs a callback address, MQTT something of its own."""
    body = {"notifyType": "deviceAdded", "callbackUrl": URL, "channel": "HTTP"}
    assert (await northbound.post(SUBSCRIPTIONS, body)).status == 201
    body = {"notifyType": "bindDevice", "callbackUrl": "fleet", "channel": "MQTT"}
    assert (await northbound.post(SUBSCRIPTIONS, body)).status == 201
    body = {"notifyType": "commandRsp", "callbackUrl": URL, "channel": "SMS"}
    assert (await northbound.post(SUBSCRIPTIONS, body)).error == (400, "100228")


# Upgrade notifications


@pytest.mark.parametrize("notify_type", sorted(MANAGEMENT_TYPES))
@pytest.mark.parametrize("key", ["callbackurl", "callbackUrl"])
async def test_upgrade_notifications_can_be_subscribed_to(
    northbound: Northbound, notify_type: str, key: str
) -> None:
    """Under either name of the address; the answer is an empty 200 and no ID."""
    answer = await northbound.post(MANAGEMENT, {"notifyType": notify_type, key: URL})
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Content-Type"] == JSON_TYPE
    (listed,) = (await northbound.get(SUBSCRIPTIONS)).json["subscriptions"]
    assert (listed["notifyType"], listed["callbackUrl"]) == (notify_type, URL)
    path = f"{SUBSCRIPTIONS}/{listed['subscriptionId']}"
    assert (await northbound.get(path)).json == listed
    assert (await northbound.delete(path)).status == 204


async def test_a_second_subscription_may_replace_the_first(
    northbound: Northbound,
) -> None:
    """In a deployment that knows no conflict there; its address then counts."""
    northbound.sim.quirks = Quirks(resubscription="replace")
    await subscribe(northbound, "fwUpgradeResultNotify")
    body = {"notifyType": "fwUpgradeResultNotify", "callbackurl": f"{URL}/2"}
    assert (await northbound.post(MANAGEMENT, body)).status == 200
    (listed,) = (await northbound.get(SUBSCRIPTIONS)).json["subscriptions"]
    assert listed["callbackUrl"] == f"{URL}/2"


# Refusals of both

BOTH = [
    (SUBSCRIPTIONS, "callbackUrl", "deviceAdded", "fwUpgradeResultNotify"),
    (MANAGEMENT, "callbackurl", "fwUpgradeResultNotify", "deviceAdded"),
]


@pytest.mark.parametrize(("path", "key", "good", "other"), BOTH)
@pytest.mark.parametrize(
    "url",
    [
        None,
        7,
        "",
        "https://203.0.113.9/v1.0.0/messageReceiver",
        "http://203.0.113.9:8099",
        "203.0.113.9:8099/messageReceiver",
        "ftp://203.0.113.9:8099/messageReceiver",
        "https://:8099/messageReceiver",
        "https://203.0.113.9:none/messageReceiver",
        "https://203.0.113.9:0/messageReceiver",
        "https://203.0.113.9:65536/messageReceiver",
        "https://203.0.113.9:8099/message receiver",
        f"https://203.0.113.9:8099/{'x' * 256}",
    ],
)
async def test_an_address_needs_scheme_host_port_and_path(
    northbound: Northbound, path: str, key: str, good: str, other: str, url: Any
) -> None:
    """Each is 100222."""
    answer = await northbound.post(path, {"notifyType": good, key: url})
    assert answer.error == (400, "100222")


@pytest.mark.parametrize(("path", "key", "good", "other"), BOTH)
@pytest.mark.parametrize(
    "url",
    ["http://203.0.113.9:80/", "https://hooks.example.com:8099/a/b?c=d", URL],
)
async def test_addresses_may_be_ips_or_names_with_or_without_tls(
    northbound: Northbound, path: str, key: str, good: str, other: str, url: str
) -> None:
    """The shortest path is a slash."""
    answer = await northbound.post(path, {"notifyType": good, key: url})
    assert answer.status in (200, 201)


@pytest.mark.parametrize(("path", "key", "good", "other"), BOTH)
async def test_each_call_has_its_own_types(
    northbound: Northbound, path: str, key: str, good: str, other: str
) -> None:
    """Anything else is invalid input: 100228."""
    for notify_type in (other, "none", None, 7, ["x"]):
        body = {"notifyType": notify_type, key: URL}
        assert (await northbound.post(path, body)).error == (400, "100228")


@pytest.mark.parametrize(("path", "key", "good", "other"), BOTH)
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"notifyType=deviceAdded"])
async def test_a_subscription_must_be_a_json_object(
    northbound: Northbound, path: str, key: str, good: str, other: str, body: bytes
) -> None:
    """Anything else is an illegal request: 100019."""
    answer = await northbound.call("POST", path, data=body)
    assert answer.error == (400, "100019")


@pytest.mark.parametrize(("path", "key", "good", "other"), BOTH)
async def test_a_type_is_subscribed_to_once(
    northbound: Northbound, path: str, key: str, good: str, other: str
) -> None:
    """Another address takes a deletion first: 100227."""
    assert (await northbound.post(path, {"notifyType": good, key: URL})).status < 300
    for url in (URL, f"{URL}/2"):
        answer = await northbound.post(path, {"notifyType": good, key: url})
        assert answer.error == (409, "100227")
    await northbound.delete(SUBSCRIPTIONS, notifyType=good)
    body = {"notifyType": good, key: f"{URL}/2"}
    assert (await northbound.post(path, body)).status < 300


@pytest.mark.parametrize(("path", "key", "good", "other"), BOTH)
async def test_foreign_applications_cannot_subscribe(
    northbound: Northbound, path: str, key: str, good: str, other: str
) -> None:
    """One that does not exist, and one that has given no leave."""
    for app_id, code in (("none", "100203"), (OTHER_APPLICATION, "100217")):
        body = {"notifyType": good, key: URL, "appId": app_id}
        assert (await northbound.post(path, body)).error == (403, code)


@pytest.mark.parametrize(("path", "key", "good", "other"), BOTH)
@pytest.mark.parametrize(
    ("code", "error"),
    [(codes.CALLBACK_LOOKUP, (500, "101017")), (codes.CONGESTION, (503, "100501"))],
)
async def test_the_platforms_own_troubles_can_be_had(
    northbound: Northbound,
    path: str,
    key: str,
    good: str,
    other: str,
    code: codes.Code,
    error: tuple[int, str],
) -> None:
    """As a fault: a lookup that failed, and congestion; nothing is subscribed."""
    northbound.sim.faults.add(refusal(code, path=path))
    body = {"notifyType": good, key: URL}
    assert (await northbound.post(path, body)).error == error
    assert (await northbound.get(SUBSCRIPTIONS)).json["totalCount"] == 0
    assert (await northbound.post(path, body)).status < 300


# Listing


async def test_subscriptions_are_listed_in_pages(northbound: Northbound) -> None:
    """Ten by default, those of upgrades among them; the key is `subscriptions`."""
    assert (await northbound.get(SUBSCRIPTIONS)).json == {
        "totalCount": 0,
        "pageNo": 0,
        "pageSize": 10,
        "subscriptions": [],
    }
    types = [*sorted(BUSINESS_TYPES)[:9], *sorted(MANAGEMENT_TYPES)]
    for notify_type in types:
        await subscribe(northbound, notify_type)
    first = (await northbound.get(SUBSCRIPTIONS)).json
    second = (await northbound.get(SUBSCRIPTIONS, pageNo=1)).json
    assert first["totalCount"] == second["totalCount"] == len(types)
    rows = first["subscriptions"] + second["subscriptions"]
    assert [row["notifyType"] for row in rows] == types
    page = (await northbound.get(SUBSCRIPTIONS, pageNo=1, pageSize=1)).json
    assert page["subscriptions"] == rows[1:2]
    one = await northbound.get(SUBSCRIPTIONS, notifyType=types[3])
    assert one.json["subscriptions"] == rows[3:4]


@pytest.mark.parametrize(
    "query", [{"pageNo": -1}, {"pageSize": 0}, {"pageSize": "x"}, {"notifyType": "x"}]
)
async def test_a_wrong_query_of_subscriptions_is_refused(
    northbound: Northbound, query: Any
) -> None:
    """As invalid input."""
    assert (await northbound.get(SUBSCRIPTIONS, **query)).error == (400, "100228")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("path", [SUBSCRIPTIONS, f"{SUBSCRIPTIONS}/none"])
async def test_foreign_applications_subscriptions_are_not_told(
    northbound: Northbound, method: str, path: str
) -> None:
    """Nor deleted."""
    for app_id, code in (("none", "100203"), (OTHER_APPLICATION, "100217")):
        answer = await northbound.call(method, path, params={"appId": app_id})
        assert answer.error == (403, code)


# Deleting


async def test_one_subscription_can_be_deleted(northbound: Northbound) -> None:
    """Once; the answer has no body."""
    path = f"{SUBSCRIPTIONS}/{(await subscribe(northbound))['subscriptionId']}"
    answer = await northbound.delete(path, appId=northbound.sim.app_id)
    assert (answer.status, answer.body) == (204, b"")
    assert (await northbound.get(path)).error == (404, "100225")
    assert (await northbound.delete(path)).error == (404, "100225")


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ({}, []),
        ({"callbackUrl": URL}, []),
        ({"channel": "HTTP"}, []),
        ({"notifyType": "fwUpgradeResultNotify"}, ["deviceAdded"]),
        (
            {"notifyType": "deviceAdded", "callbackUrl": URL, "channel": "HTTP"},
            ["fwUpgradeResultNotify"],
        ),
    ],
)
async def test_many_subscriptions_can_be_deleted(
    northbound: Northbound, query: dict[str, str], left: list[str]
) -> None:
    """All, or those that fit."""
    await subscribe(northbound)
    await subscribe(northbound, "fwUpgradeResultNotify")
    answer = await northbound.delete(SUBSCRIPTIONS, **query)
    assert (answer.status, answer.body) == (204, b"")
    rows = (await northbound.get(SUBSCRIPTIONS)).json["subscriptions"]
    assert [row["notifyType"] for row in rows] == left


@pytest.mark.parametrize("code", ["200001", "100225"])
async def test_deleting_nothing_is_an_error(northbound: Northbound, code: Any) -> None:
    """The documents' two editions have two codes for it."""
    northbound.sim.quirks = Quirks(nothing_subscribed=code)
    await subscribe(northbound)
    answer = await northbound.delete(SUBSCRIPTIONS, notifyType="bindDevice")
    assert answer.error == (404, code)
    answer = await northbound.delete(SUBSCRIPTIONS, channel="SMS")
    assert answer.error == (400, "100228")
    assert (await northbound.get(SUBSCRIPTIONS)).json["totalCount"] == 1
