"""Whom a creation reaches, and how few calls tell that."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest

from custom_components.fleet_upgrade.clients.enos.client import EnosClient
from custom_components.fleet_upgrade.clients.model import Reach
from simulator.enos import EnosSimulator, Quirks
from simulator.enos.model import Device

from .common import a_creation


@pytest.fixture(autouse=True)
def prompt(enos: EnosSimulator) -> None:
    """Let searches find at once what was written."""
    enos.reset(index_lag=0, jobs=0)


async def look(
    client: EnosClient, sim: EnosSimulator, **scope: Any
) -> tuple[Reach, int]:
    """Return whom an upgrade reaches, and how many calls told that."""
    prepared = await a_creation(client, sim, **scope)
    sim.calls.clear()
    reach = await client.reach(prepared)
    assert len(sim.calls) <= 10
    assert all("action=search" in call.path for call in sim.calls)
    return reach, len(sim.calls)


def devices_of(sim: EnosSimulator) -> list[Device]:
    """Return the devices that the firmware of the tests is for."""
    product = sim.firmware(verified=True)[0].product_key
    return [device for device in sim.devices() if device.product.product_key == product]


def expected(devices: Iterable[Device]) -> Reach:
    """Return what is to be found out about devices; those without version are out."""
    versions = Counter(device.version for device in devices if device.version)
    return Reach(devices=versions.total(), versions=dict(versions))


async def test_of_groups_the_devices_of_the_product_count(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """Each once, however many groups it is in."""
    firmware = enos.firmware(verified=True)[0]
    first, *rest = enos.groups(firmware)
    for group in rest:
        group.members.extend(first.members)
    groups = [first, *rest]
    members = {asset_id for group in groups for asset_id in group.members}
    reach, calls = await look(
        client, enos, device_groups=[group.group_id for group in groups]
    )
    found = [device for device in devices_of(enos) if device.asset_id in members]
    assert found
    assert reach == expected(found)
    assert calls == len(groups) + 1


async def test_devices_that_have_told_no_version_do_not_count(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """They cannot be upgraded."""
    devices = devices_of(enos)[:5]
    devices[0].version = None
    keys = [device.device_key for device in devices]
    assert await look(client, enos, devices=[*keys, "not-there"]) == (
        expected(devices[1:]),
        1,
    )
    old = [device for device in devices[1:] if device.version == "1.0"]
    reach, _ = await look(client, enos, devices=keys, from_versions=["1.0"])
    assert reach == expected(old)


async def test_all_devices_are_counted_by_version_however_many_there_are(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """One call for each version."""
    enos.reset(devices=5000, jobs=0, index_lag=0)
    scope: dict[str, Any] = {"all_devices": True, "from_versions": ["1.0", "0.1"]}
    reach, calls = await look(client, enos, **scope)
    old = [device for device in devices_of(enos) if device.version == "1.0"]
    assert (reach, calls) == (expected(old), 2)
    many = [f"0.{number}" for number in range(11)]
    scope["from_versions"] = many
    assert await look(client, enos, **scope) == (Reach(), 0)


async def test_a_large_fleet_costs_few_calls_and_has_a_number(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """What is too large to be read is known by its size alone."""
    enos.reset(devices=9000, jobs=0, index_lag=0)
    group = enos.groups(enos.firmware(verified=True)[0])[0]
    assert len(group.members) > 1000
    most = len(group.members)
    reach, calls = await look(client, enos, device_groups=[group.group_id])
    assert reach == Reach(devices=most)
    assert not reach.is_complete
    assert calls <= 10
    keys = [device.device_key for device in devices_of(enos)[:3]]
    reach, calls = await look(client, enos, devices=keys)
    assert (reach.devices, reach.is_complete, calls) == (3, False, 1)


async def test_assets_and_tags_are_found_among_the_devices(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """One call for them, one for their versions."""
    devices = devices_of(enos)[:3]
    ids = [device.asset_id for device in devices]
    assert await look(client, enos, asset_ids=ids) == (expected(devices), 2)
    key, value = next(iter(devices[0].tags.items()))
    reach, calls = await look(client, enos, tags={key: [value]})
    assert (reach, calls) == (
        expected(each for each in devices_of(enos) if each.tags.get(key) == value),
        2,
    )


@pytest.mark.parametrize(
    "scope", [{"attributes": {"power": [5]}}, {"asset_trees": {"tree": []}}]
)
async def test_of_what_no_listing_tells_nothing_is_known(
    client: EnosClient, enos: EnosSimulator, scope: dict[str, Any]
) -> None:
    """Nor is anything asked."""
    assert await look(client, enos, **scope) == (Reach(), 0)


async def test_without_totals_what_cannot_be_counted_is_unknown(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """Whether the searches of devices count is documented by samples only."""
    enos.quirks = Quirks(ota_pagination=False)
    scope: dict[str, Any] = {"all_devices": True, "from_versions": ["1.0"]}
    assert await look(client, enos, **scope) == (Reach(), 1)


async def test_the_devices_of_groups_are_listed_where_they_would_be_upgraded(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """Each once; none that has the firmware already, or has told of no version."""
    firmware = enos.firmware(verified=True)[0]
    first, *rest = enos.groups(firmware)
    for group in rest:
        group.members.extend(first.members)
    members = {asset_id for group in (first, *rest) for asset_id in group.members}
    found = [device for device in devices_of(enos) if device.asset_id in members]
    silent, current, *others = found
    silent.version, current.version = None, firmware.version
    wanted = [
        device.device_key
        for device in others
        if device.version not in (None, firmware.version)
    ]
    prepared = await a_creation(
        client, enos, device_groups=[group.group_id for group in (first, *rest)]
    )
    assert wanted
    assert sorted(await client.list_reached(prepared)) == sorted(wanted)
