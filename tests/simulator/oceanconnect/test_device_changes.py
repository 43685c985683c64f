"""Registering, changing and deleting devices, and how older versions list them."""

from datetime import datetime
from typing import Any

import pytest

from simulator.oceanconnect import OceanConnectSimulator
from simulator.oceanconnect.model import Device
from simulator.oceanconnect.northbound.base import OTHER_APPLICATION

from ..northbound import DEVICES, MEMBERS, OPERATIONS, Northbound

REGISTRATIONS = "/iocm/app/reg/v1.1.0/deviceCredentials"
OLD = ["/iocm/app/dm/v1.1.0/devices", "/iocm/app/dm/v1.3.0/devices"]


@pytest.fixture
def device(oceanconnect: OceanConnectSimulator) -> Device:
    """A device that is there, in a group."""
    member = oceanconnect.groups()[0].members[0]
    return oceanconnect.platform.devices[member]


@pytest.mark.parametrize("path", OLD)
async def test_older_versions_call_the_time_of_creation_otherwise(
    northbound: Northbound, device: Device, path: str
) -> None:
    """All else is the same, alone and in the list."""
    new = (await northbound.get(f"{DEVICES}/{device.device_id}")).json
    old = (await northbound.get(f"{path}/{device.device_id}")).json
    created = old.pop("creationTime")
    assert datetime.strptime(created, "%Y%m%dT%H%M%SZ")
    assert old | {"createTime": created} == new
    row = (await northbound.get(path, pageNo=0)).json["devices"][0]
    assert "creationTime" in row
    assert "createTime" not in row
    assert (await northbound.get(path)).error == (400, "100218")


async def test_a_device_is_changed_in_what_is_named(
    northbound: Northbound, device: Device
) -> None:
    """Null and absent leave it as it is; the answer is empty."""
    path = f"{DEVICES}/{device.device_id}"
    before = (await northbound.get(path)).json
    body = {"name": "Meter 7", "location": "Quay", "mute": "TRUE", "model": None}
    answer = await northbound.put(path, body)
    assert (answer.status, answer.body) == (204, b"")
    after = (await northbound.get(path)).json
    changed = {"name": "Meter 7", "location": "Quay", "mute": "TRUE"}
    assert after["deviceInfo"] == before["deviceInfo"] | changed
    rows = (await northbound.get(DEVICES, pageNo=0, location="Quay")).json["devices"]
    assert rows == [after]


async def test_a_device_of_another_product_takes_other_packages(
    northbound: Northbound,
) -> None:
    """The version then does not match."""
    package = northbound.sim.packages("firmware")[0]
    device = northbound.sim.devices(package)[0]
    targets = {"devices": [device.device_id]}
    assert (await northbound.create(targets=targets)).status == 200
    await northbound.put(f"{DEVICES}/{device.device_id}", {"model": "XY1"})
    answer = await northbound.create(targets=targets)
    assert answer.error == (400, "123016")


@pytest.mark.parametrize("body", [[], {"name": 7}, {"mute": "yes"}])
async def test_a_wrong_change_of_a_device_is_refused(
    northbound: Northbound, device: Device, body: Any
) -> None:
    """The input is invalid."""
    answer = await northbound.put(f"{DEVICES}/{device.device_id}", body)
    assert answer.error == (400, "100216")


async def test_a_deleted_device_has_left_its_group(
    northbound: Northbound, device: Device
) -> None:
    """And cannot be deleted, changed or upgraded again."""
    group = northbound.sim.groups()[0]
    path = f"{DEVICES}/{device.device_id}"
    answer = await northbound.delete(path)
    assert (answer.status, answer.body) == (204, b"")
    for answer in (
        await northbound.get(path),
        await northbound.delete(path),
        await northbound.put(path, {}),
    ):
        assert answer.error == (404, "100403")
    members = (await northbound.get(MEMBERS, devGroupId=group.group_id)).json
    assert device.device_id not in members["deviceIds"]
    order = northbound.order() | {"targets": {"devices": [device.device_id]}}
    answer = await northbound.post(f"{OPERATIONS}/firmwareUpgrade", order)
    assert answer.error == (404, "123002")


async def test_a_registered_device_is_inactive(northbound: Northbound) -> None:
    """It is there, newest first, and runs nothing that is known."""
    model = northbound.sim.packages()[0].model
    answer = await northbound.post(
        REGISTRATIONS,
        {
            "nodeId": "861300000000001",
            "verifyCode": "861300000000001",
            "timeout": 0,
            "deviceInfo": {
                "deviceType": model.device_type,
                "model": model.model,
                "manufacturerName": model.manufacturer,
                "manufacturerId": model.manufacturer_id,
            },
        },
    )
    assert answer.status == 200
    registered = answer.json
    assert set(registered) == {"deviceId", "verifyCode", "timeout", "psk"}
    assert (registered["verifyCode"], registered["timeout"]) == ("861300000000001", 0)
    first = (await northbound.get(DEVICES, pageNo=0)).json["devices"][0]
    assert first["deviceId"] == registered["deviceId"]
    info = first["deviceInfo"]
    assert (info["status"], info["nodeId"]) == ("INACTIVE", "861300000000001")
    assert (info["swVersion"], info["fwVersion"]) == (None, None)
    assert info["model"] == model.model


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, (400, "100216")),
        ({"nodeId": ""}, (400, "100216")),
        ({"nodeId": "1", "timeout": "soon"}, (400, "100216")),
        ({"nodeId": "1", "deviceInfo": []}, (400, "100216")),
        ({"nodeId": "taken"}, (400, "100426")),
        ([], (400, "100216")),
    ],
)
async def test_a_wrong_registration_is_refused(
    northbound: Northbound, body: Any, error: tuple[int, str]
) -> None:
    """No node, or one that is registered already."""
    assert (await northbound.post(REGISTRATIONS, {"nodeId": "taken"})).status == 200
    assert (await northbound.post(REGISTRATIONS, body)).error == error


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", f"{DEVICES}/none"),
        ("DELETE", f"{DEVICES}/none"),
        ("POST", REGISTRATIONS),
    ],
)
async def test_foreign_applications_change_no_devices(
    northbound: Northbound, method: str, path: str
) -> None:
    """One that does not exist, and one that has given no leave."""
    for app_id, code in (("none", "100203"), (OTHER_APPLICATION, "100217")):
        query = {"appId": app_id}
        answer = await northbound.call(method, path, params=query, json={})
        assert answer.error == (403, code)
