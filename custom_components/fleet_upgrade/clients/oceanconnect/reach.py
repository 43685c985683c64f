"""Whom a creation reaches, told with as few listing calls as possible.

The members of a group are listed by ID only, and what a device runs stands in the
list of all devices, or in the device itself where that is cheaper.
"""

from collections import Counter
from collections.abc import Collection
from math import ceil

from ..allowance import UNLIMITED, Allowance, pages_left
from ..budget import Priority
from ..errors import NotFoundError
from ..model import Device, DeviceGroup, PreparedCreate, Reach, Targets, UpgradeKind
from .devices import LARGEST_PAGE, Devices
from .groups import DeviceGroups
from .poll import PAGE_SIZE


async def reach(
    prepared: PreparedCreate, groups: DeviceGroups, devices: Devices
) -> Reach:
    """Return whom a creation reaches; raises what the calls raise."""
    allowance = Allowance()
    targets = prepared.request.targets
    ids: Collection[str] | None = set(targets.devices)
    at_most: int | None = len(set(targets.devices))
    device_type = None
    if targets.device_groups:
        device_type = targets.device_type
        at_most, ids = await _members(set(targets.device_groups), groups, allowance)
    if ids is None:
        return Reach(devices=at_most)
    found = await _read(ids, device_type, devices, allowance)
    if found is None:
        return Reach(devices=at_most)
    if targets.device_groups:
        found = [device for device in found if _fits(device, targets)]
    versions = (_version(device, prepared.request.kind) for device in found)
    return Reach(devices=len(found), versions=dict(Counter(filter(None, versions))))


async def list_reached(
    prepared: PreparedCreate, groups: DeviceGroups, devices: Devices
) -> tuple[str, ...]:
    """Return the members of a creation's groups that its package is meant for.

    Those that have it already are left out: a wave of them would be a success at once,
    whatever the package is like.
    """
    allowance = Allowance(UNLIMITED)
    targets = prepared.request.targets
    wanted = set(targets.device_groups)
    chosen = [
        group.group_id
        async for page in groups.pages()
        for group in page.items
        if not wanted.isdisjoint((group.name, group.group_id))
    ]
    ids = {
        device.device_id
        for group_id in chosen
        async for page in groups.members(group_id)
        for device in page.items
    }
    found = await _read(ids, targets.device_type, devices, allowance) or ()
    return tuple(
        device.device_id
        for device in found
        if _fits(device, targets) and not _is_current(device, prepared)
    )


async def _members(
    wanted: Collection[str], groups: DeviceGroups, allowance: Allowance
) -> tuple[int | None, Collection[str] | None]:
    """Return how many devices groups have at most, and their IDs.

    IDs are unknown where they take too many calls to read.
    """
    [name] = wanted if len(wanted) == 1 else [None]
    listed = await allowance.read(groups.pages(name=name))
    chosen = [group for group in listed.items if _is_named(group, wanted)]
    if {group.name for group in chosen} != set(wanted):
        return None, None
    counts = [group.device_count for group in chosen if group.device_count is not None]
    at_most = sum(counts) if len(counts) == len(chosen) else None
    if sum(ceil(count / PAGE_SIZE) or 1 for count in counts) > allowance.left:
        return at_most, None
    ids: set[str] = set()
    for group in chosen:
        members = await allowance.read(groups.members(group.group_id))
        if not members.is_whole:
            return at_most, None
        ids |= {device.device_id for device in members.items}
    return len(ids), ids


def _is_named(group: DeviceGroup, wanted: Collection[str]) -> bool:
    return group.name in wanted


async def _read(
    ids: Collection[str],
    device_type: str | None,
    devices: Devices,
    allowance: Allowance,
) -> list[Device] | None:
    """Read devices by ID, those that there are; ``None`` if it takes too many calls."""
    missing = set(ids)
    if len(missing) <= min(1, allowance.left):
        return await _read_each(missing, devices)
    if not allowance.left:
        return None
    found: list[Device] = []
    read = 0
    async for page in devices.pages(device_type=device_type, size=LARGEST_PAGE):
        allowance.left -= 1
        read += len(page.items)
        found += [device for device in page.items if device.device_id in missing]
        missing -= {device.device_id for device in page.items}
        left = pages_left(read, page.total, LARGEST_PAGE)
        if not missing:
            return found
        if len(missing) <= min(allowance.left, left):
            return found + await _read_each(missing, devices)
        if left > allowance.left or (page.total is None and not allowance.left):
            return None
    return found


async def _read_each(ids: Collection[str], devices: Devices) -> list[Device]:
    found = []
    for device_id in ids:
        try:
            found.append(await devices.get(device_id, priority=Priority.LISTING))
        except NotFoundError:
            continue
    return found


def _fits(device: Device, targets: Targets) -> bool:
    """Whether a device of a group is of the product that is upgraded there."""
    return all(
        wanted is None or own == wanted
        for wanted, own in (
            (targets.device_type, device.device_type),
            (targets.model, device.model),
            (targets.manufacturer, device.manufacturer),
        )
    )


def _is_current(device: Device, prepared: PreparedCreate) -> bool:
    version = prepared.version
    return version is not None and _version(device, prepared.request.kind) == version


def _version(device: Device, kind: UpgradeKind) -> str | None:
    if kind is UpgradeKind.FIRMWARE:
        return device.firmware_version
    return device.software_version
