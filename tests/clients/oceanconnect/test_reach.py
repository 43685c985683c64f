"""Whom a creation reaches, and how few calls tell that."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from custom_components.fleet_upgrade.clients.model import (
    DeviceGroup,
    Page,
    PreparedCreate,
    Reach,
)
from custom_components.fleet_upgrade.clients.oceanconnect import PLATFORM
from custom_components.fleet_upgrade.clients.oceanconnect.client import (
    OceanConnectClient,
)
from simulator.oceanconnect import OceanConnectSimulator
from simulator.oceanconnect.model import Device, Kind, Package

LISTINGS = ("/devGroups", "/devices")


async def a_creation(
    client: OceanConnectClient, sim: OceanConnectSimulator, **targets: Sequence[str]
) -> PreparedCreate:
    """Return a creation that can be sent."""
    values: dict[str, Any] = {"package": package_of(sim).file_id, **targets}
    action = next(each for each in PLATFORM.create_actions if "firmware" in each.name)
    return await client.prepare_create(action.build(values, datetime.now(UTC)))


async def look(
    client: OceanConnectClient, sim: OceanConnectSimulator, **targets: Sequence[str]
) -> tuple[Reach, int]:
    """Return whom an upgrade reaches, and how many calls told that."""
    prepared = await a_creation(client, sim, **targets)
    sim.calls.clear()
    reach = await client.reach(prepared)
    calls = [call for call in sim.calls if call.method == "GET"]
    assert all(any(path in call.path for path in LISTINGS) for call in calls)
    assert len(calls) <= 10
    return reach, len(calls)


def package_of(sim: OceanConnectSimulator) -> Package:
    """Return the package that is installed."""
    return sim.packages("firmware")[0]


def expected(devices: Sequence[Device]) -> Reach:
    """Return what is to be found out about devices."""
    versions = Counter(device.firmware for device in devices)
    return Reach(devices=len(devices), versions=dict(versions))


def fitting(sim: OceanConnectSimulator, *names: str) -> list[Device]:
    """Return the devices of groups that are of the package's product."""
    members = {
        device_id
        for group in sim.groups()
        if group.name in names
        for device_id in group.members
    }
    return [
        device for device in sim.devices(package_of(sim)) if device.device_id in members
    ]


async def test_of_a_group_the_devices_of_the_product_count(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """The group by name, its members, and the devices of that type."""
    group = oceanconnect.groups()[0]
    found = fitting(oceanconnect, group.name)
    assert 0 < len(found) < len(group.members)
    reach, calls = await look(client, oceanconnect, device_groups=[group.name])
    assert reach == expected(found)
    assert reach.is_complete
    assert calls <= 1 + 2 + 2


async def test_a_device_in_several_groups_counts_once(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """Groups are put together by their members."""
    oceanconnect.reset(devices=200)
    first, second, *_ = oceanconnect.groups()
    second.members.extend(first.members)
    names = [first.name, second.name]
    reach, _ = await look(client, oceanconnect, device_groups=names)
    assert reach == expected(fitting(oceanconnect, *names))


async def test_an_empty_group_reaches_nobody(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """That is known, too."""
    group = oceanconnect.groups()[0]
    group.members.clear()
    reach, calls = await look(client, oceanconnect, device_groups=[group.name])
    assert reach == Reach(devices=0, versions={})
    assert calls == 2


async def test_of_a_group_that_is_not_there_nothing_is_known(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """The platform says so when it is asked to create it."""
    for names in (["Nowhere"], ["Nowhere", oceanconnect.groups()[0].name]):
        reach, calls = await look(client, oceanconnect, device_groups=names)
        assert (reach, calls) == (Reach(), 1)


async def test_a_group_that_grows_meanwhile_is_not_counted_by_half(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """Its members are more than the list of groups has said."""
    oceanconnect.reset(devices=9000, tasks=0)
    group = oceanconnect.groups()[0]
    del group.members[900:]
    pages = client.device_groups.pages

    async def before(name: str | None) -> AsyncIterator[Page[DeviceGroup]]:
        async for page in pages(name=name):
            yield page
        group.members.extend(device.device_id for device in oceanconnect.devices())

    client.device_groups.pages = before  # type: ignore[method-assign, assignment]
    reach, calls = await look(client, oceanconnect, device_groups=[group.name])
    assert (reach, calls) == (Reach(devices=900), 2)


async def test_a_large_fleet_costs_few_calls_and_has_a_number(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """A group too large to be read is known by its size alone."""
    oceanconnect.reset(devices=9000, tasks=0)
    groups = oceanconnect.groups()
    assert all(len(group.members) > 1000 for group in groups)
    reach, calls = await look(
        client, oceanconnect, device_groups=[each.name for each in groups[:2]]
    )
    most = sum(len(group.members) for group in groups[:2])
    assert (reach, calls) == (Reach(devices=most), 1)
    assert not reach.is_complete

    # A group that takes all calls leaves none to see what its devices run.
    del groups[0].members[900:]
    reach, calls = await look(client, oceanconnect, device_groups=[groups[0].name])
    assert (reach, calls) == (Reach(devices=900), 1 + 9)

    # A group that can be read, but not what its devices run.
    del groups[0].members[300:]
    reach, calls = await look(client, oceanconnect, device_groups=[groups[0].name])
    assert (reach, calls) == (Reach(devices=300), 1 + 3 + 1)

    # A few devices are read one by one.
    del groups[0].members[6:]
    reach, calls = await look(client, oceanconnect, device_groups=[groups[0].name])
    assert reach == expected(fitting(oceanconnect, groups[0].name))
    assert calls <= 1 + 1 + 1 + 6


@pytest.mark.parametrize(("count", "calls"), [(1, 1), (9, 10), (10, 1)])
async def test_a_few_devices_of_a_large_fleet_are_read_one_by_one(
    client: OceanConnectClient,
    oceanconnect: OceanConnectSimulator,
    count: int,
    calls: int,
) -> None:
    """As long as that is within ten calls."""
    oceanconnect.reset(devices=3000, tasks=0)
    devices = sorted(oceanconnect.devices(), key=lambda device: device.created)[:count]
    ids = [device.device_id for device in devices]
    reach, made = await look(client, oceanconnect, devices=ids)
    assert reach == (expected(devices) if count < 10 else Reach(devices=count))
    assert made == calls


async def test_many_devices_are_read_by_page_and_none_that_is_not_there_counts(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """Each page has as many as the platform allows."""
    oceanconnect.reset(devices=600, tasks=0)
    devices = oceanconnect.devices()
    ids = [device.device_id for device in devices]
    gone = [f"gone-{number}" for number in range(20)]
    reach, calls = await look(client, oceanconnect, devices=[*ids, *gone])
    assert (reach, calls) == (expected(devices), 3)
    reach, calls = await look(client, oceanconnect, devices=["gone"])
    assert (reach, calls) == (Reach(devices=0, versions={}), 1)


async def test_a_device_that_tells_no_version_is_left_out_of_the_versions(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """It counts as a device."""
    device = oceanconnect.devices()[0]
    device.firmware = ""
    reach, _ = await look(client, oceanconnect, devices=[device.device_id])
    assert reach == Reach(devices=1, versions={})


async def test_software_is_told_by_its_own_version(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """A device runs both."""
    device = oceanconnect.devices()[0]
    action = next(each for each in PLATFORM.create_actions if "software" in each.name)
    values = {
        "package": oceanconnect.packages("software")[0].file_id,
        "devices": [device.device_id],
    }
    prepared = await client.prepare_create(action.build(values, datetime.now(UTC)))
    assert await client.reach(prepared) == Reach(
        devices=1, versions={device.software: 1}
    )


async def test_the_devices_of_groups_are_listed_where_they_fit(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """Each once, of groups by name or ID; a task for others would be refused."""
    one, two, *_ = oceanconnect.groups()
    both = fitting(oceanconnect, one.name, two.name)
    oceanconnect.call(lambda: two.members.append(one.members[0]))
    prepared = await a_creation(
        client, oceanconnect, device_groups=[one.name, two.group_id]
    )
    assert len(both) < len(one.members) + len(two.members)
    assert sorted(await client.list_reached(prepared)) == sorted(
        device.device_id for device in both
    )


async def test_devices_that_have_the_version_are_not_listed(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """A wave of them would be a success at once, and say nothing of the package."""
    [group, *_] = oceanconnect.groups()
    upgraded, *others = fitting(oceanconnect, group.name)
    version = package_of(oceanconnect).version
    oceanconnect.call(lambda: upgraded.upgraded(Kind.FIRMWARE, version, 0))
    prepared = await a_creation(client, oceanconnect, device_groups=[group.name])
    found = await client.list_reached(prepared)
    assert sorted(found) == sorted(device.device_id for device in others)


async def test_the_devices_of_a_very_large_fleet_are_listed_all_the_same(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """However many calls that takes."""
    oceanconnect.reset(devices=4000, groups=2)
    names = [group.name for group in oceanconnect.groups()]
    prepared = await a_creation(client, oceanconnect, device_groups=names)
    oceanconnect.calls.clear()
    found = await client.list_reached(prepared)
    assert sorted(found) == sorted(
        device.device_id for device in fitting(oceanconnect, *names)
    )
    assert len(oceanconnect.calls) > 10
