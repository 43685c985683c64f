"""Firmware, its versions, and the devices that it can be installed on."""

import pytest

from custom_components.fleet_upgrade.clients.enos.client import EnosClient
from custom_components.fleet_upgrade.clients.enos.firmware import (
    DeviceFirmwareRow,
    FirmwareRow,
)
from custom_components.fleet_upgrade.clients.errors import MalformedError, NotFoundError
from simulator.enos import EnosSimulator

from .common import all_of


async def test_firmware_can_be_found(client: EnosClient, enos: EnosSimulator) -> None:
    """By product, by a part of its name, and by whether it is verified."""
    firmware = client.firmware
    everything = await all_of(firmware.pages())
    first = everything[0]
    assert first.name
    of_product = await all_of(firmware.pages(product=first.product))
    assert of_product == [each for each in everything if each.product == first.product]
    assert first in await all_of(firmware.pages(name=first.name[2:]))
    verified = await all_of(firmware.pages(is_verified=True))
    assert {each.package_id for each in verified} == {
        each.firmware_id for each in enos.firmware(verified=True)
    }
    assert await firmware.get(first.package_id) == first


async def test_firmware_can_be_deleted(client: EnosClient, enos: EnosSimulator) -> None:
    """And is gone."""
    firmware = enos.firmware(verified=False)[0].firmware_id
    await client.firmware.delete(firmware)
    with pytest.raises(NotFoundError):
        await client.firmware.get(firmware)
    with pytest.raises(NotFoundError):
        await client.firmware.delete(firmware)


async def test_versions_and_upgradable_devices_of_a_product(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """Only what has told of its version can be upgraded."""
    product = enos.products()[0].product_key
    versions = await client.firmware.versions(product)
    assert "1.0" in versions
    devices = await all_of(client.firmware.upgradable(product=product))
    assert {device.firmware_version for device in devices} == set(versions)
    old = await all_of(client.firmware.upgradable(product=product, versions=["1.0"]))
    assert old == [each for each in devices if each.firmware_version == "1.0"]
    enos.add_job(status="upgrading")
    busy = await all_of(client.firmware.upgradable(is_upgrading=True))
    assert len(busy) > 0
    assert {device.firmware_version for device in busy} <= {"1.0", "1.1"}


@pytest.mark.parametrize("row", [FirmwareRow(), DeviceFirmwareRow()])
def test_a_row_without_its_essentials_is_no_row(
    row: FirmwareRow | DeviceFirmwareRow,
) -> None:
    """An ID is what everything else hangs on."""
    with pytest.raises(MalformedError, match="without"):
        row.value()
