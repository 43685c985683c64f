"""Devices on the wire."""

from typing import Any

import pytest

from simulator.oceanconnect import Quirks
from simulator.oceanconnect.northbound.base import OTHER_APPLICATION

from ..northbound import DEVICES, Northbound


async def test_either_a_gateway_or_a_page_must_be_named(
    northbound: Northbound,
) -> None:
    """The page may be the first."""
    assert (await northbound.get(DEVICES)).error == (400, "100218")
    assert (await northbound.get(DEVICES, pageSize=10)).error == (400, "100218")
    assert (await northbound.get(DEVICES, pageNo=0)).status == 200
    gateway = northbound.sim.devices()[0].device_id
    page = (await northbound.get(DEVICES, gatewayId=gateway)).json
    assert [device["deviceId"] for device in page["devices"]] == [gateway]


async def test_devices_come_in_pages_the_newest_first(northbound: Northbound) -> None:
    """25 by default; all of them, each once."""
    page = (await northbound.get(DEVICES, pageNo=0)).json
    assert (page["pageNo"], page["pageSize"], page["totalCount"]) == (0, 25, 60)
    everything = (await northbound.get(DEVICES, pageNo=0, pageSize=250)).json["devices"]
    assert page["devices"] == everything[:25]
    assert len({device["deviceId"] for device in everything}) == 60
    times = [device["createTime"] for device in everything]
    assert times == sorted(times, reverse=True)
    turned = await northbound.get(DEVICES, pageNo=0, pageSize=250, sort="ASC")
    assert turned.json["devices"] == everything[::-1]


async def test_a_device_has_the_documented_fields(northbound: Northbound) -> None:
    """It is its own gateway; flags are texts; the same alone and in the list."""
    device = (await northbound.get(DEVICES, pageNo=0)).json["devices"][0]
    assert set(device) == {
        "deviceId",
        "gatewayId",
        "nodeType",
        "createTime",
        "lastModifiedTime",
        "deviceInfo",
        "services",
        "alarmInfo",
    }
    assert device["gatewayId"] == device["deviceId"]
    info = device["deviceInfo"]
    assert info["mute"] == "FALSE"
    assert {"nodeId", "name", "model", "swVersion", "fwVersion", "status"} <= set(info)
    assert (await northbound.get(f"{DEVICES}/{device['deviceId']}")).json == device


async def test_devices_can_be_filtered(northbound: Northbound) -> None:
    """By type, name, status, node type, place and time of registration."""
    everything = (await northbound.get(DEVICES, pageNo=0, pageSize=250)).json["devices"]
    wanted = everything[20]
    info = wanted["deviceInfo"]
    for key in ("deviceType", "name", "status"):
        answer = await northbound.get(
            DEVICES, pageNo=0, pageSize=250, **{key: info[key]}
        )
        assert answer.json["devices"] == [
            device for device in everything if device["deviceInfo"][key] == info[key]
        ]
    answer = await northbound.get(
        DEVICES, pageNo=0, pageSize=250, startTime=wanted["createTime"]
    )
    # A time has whole seconds, a device's own is a little later.
    assert len(answer.json["devices"]) == 21
    answer = await northbound.get(
        DEVICES, pageNo=0, pageSize=250, endTime=wanted["createTime"]
    )
    assert len(answer.json["devices"]) == 39
    for query in ({"nodeType": "ENDPOINT"}, {"location": "Shenzhen"}):
        answer = await northbound.get(DEVICES, pageNo=0, **query)
        assert answer.json["totalCount"] == 0


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"pageNo": -1}, (400, "100216")),
        ({"pageNo": 0, "pageSize": 0}, (400, "100216")),
        ({"pageNo": 0, "pageSize": 251}, (400, "100216")),
        ({"pageNo": "x"}, (400, "100405")),
        ({"pageNo": 0, "status": "ASLEEP"}, (400, "100405")),
        ({"pageNo": 0, "nodeType": "UNKNOWN"}, (400, "100405")),
        ({"pageNo": 0, "sort": "UP"}, (400, "100405")),
        ({"pageNo": 0, "startTime": "yesterday"}, (400, "100405")),
        ({"pageNo": 0, "appId": "none"}, (403, "100203")),
        ({"pageNo": 0, "appId": OTHER_APPLICATION}, (403, "100217")),
    ],
)
async def test_a_wrong_query_is_refused(
    northbound: Northbound, query: Any, error: tuple[int, str]
) -> None:
    """With the documented code of its fault."""
    assert (await northbound.get(DEVICES, **query)).error == error


async def test_a_device_that_is_not_there(northbound: Northbound) -> None:
    """It has no data; one that was deleted does not exist any more."""
    sim = northbound.sim
    assert (await northbound.get(f"{DEVICES}/none")).error == (404, "100418")
    group = sim.groups()[0]
    device_id = group.members[0]
    sim.delete_device(device_id)
    assert (await northbound.get(f"{DEVICES}/{device_id}")).error == (404, "100403")
    assert device_id not in group.members
    answer = await northbound.get(f"{DEVICES}/none", appId="other")
    assert answer.error == (403, "100203")


async def test_unset_fields_of_a_device_may_be_absent(northbound: Northbound) -> None:
    """Instead of null."""
    northbound.sim.quirks = Quirks(unset="absent")
    device = (await northbound.get(DEVICES, pageNo=0)).json["devices"][0]
    assert "alarmInfo" not in device
    assert None not in device["deviceInfo"].values()
