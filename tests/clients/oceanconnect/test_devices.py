"""Devices: all of them, and one."""

import pytest

from custom_components.fleet_upgrade.clients.errors import NotFoundError
from custom_components.fleet_upgrade.clients.oceanconnect.client import (
    OceanConnectClient,
)
from simulator.oceanconnect import OceanConnectSimulator, Quirks

from .common import all_of

DEVICES = "/dm/v1.4.0/devices"


async def test_a_list_of_devices_is_asked_for_by_page(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """Without gatewayId and pageNo the platform refuses it."""
    oceanconnect.reset(devices=150)
    assert len(await all_of(client.list_devices())) == 150
    assert [call.query for call in oceanconnect.calls if DEVICES in call.path] == [
        {"pageNo": "0", "pageSize": "100"},
        {"pageNo": "1", "pageSize": "100"},
    ]


@pytest.mark.parametrize("unset", ["null", "absent"])
async def test_one_device_is_read_as_it_stands_in_the_list(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator, unset: str
) -> None:
    """Fields without a value may be null or absent."""
    oceanconnect.quirks = Quirks(unset=unset)  # type: ignore[arg-type]
    devices = await all_of(client.list_devices())
    device = devices[0]
    assert await client.devices.get(device.device_id) == device
    assert device.firmware_version
    assert device.hardware_version is None
    assert {one.status for one in devices} <= {
        "online",
        "offline",
        "inactive",
        "abnormal",
    }


async def test_a_device_that_is_not_there_is_not_found(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """100418 when it never was, 100403 when it is gone."""
    with pytest.raises(NotFoundError) as err:
        await client.devices.get("none")
    assert err.value.code == "100418"
    device_id = oceanconnect.devices()[0].device_id
    oceanconnect.delete_device(device_id)
    with pytest.raises(NotFoundError) as err:
        await client.devices.get(device_id)
    assert err.value.code == "100403"
