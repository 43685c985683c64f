"""Whom a creation reaches, told with as few listing calls as possible.

Only devices that have told of a version can be upgraded; a listing of their own has
them, by product and version but not by scope, so that scopes are compared with it.
"""

from collections import Counter
from collections.abc import AsyncIterator

from ..allowance import UNLIMITED, Allowance
from ..model import Device, Page, PreparedCreate, Reach, Targets
from .firmware import Firmware
from .scopes import Scopes

type _Key = tuple[str | None, str]
"""Product and device key, which together tell devices apart."""


async def reach(prepared: PreparedCreate, firmware: Firmware, scopes: Scopes) -> Reach:
    """Return whom a creation reaches; raises what the calls raise."""
    allowance = Allowance()
    targets = prepared.request.targets
    product = prepared.product or targets.product
    if targets.all_devices:
        return await _of_versions(targets.from_versions, product, firmware, allowance)
    keys: set[_Key] = {(product, key) for key in targets.devices}
    at_most: int | None = len(keys)
    if not targets.devices:
        at_most, keys_or_none = await _chosen(targets, product, scopes, allowance)
        if keys_or_none is None:
            return Reach(devices=at_most)
        keys = keys_or_none
    listed = await allowance.read(
        firmware.upgradable(product=product, versions=targets.from_versions)
    )
    if not listed.is_whole:
        return Reach(devices=at_most)
    found = [device for device in listed.items if _key(device) in keys]
    versions = (device.firmware_version for device in found)
    return Reach(devices=len(found), versions=dict(Counter(filter(None, versions))))


async def list_reached(
    prepared: PreparedCreate, firmware: Firmware, scopes: Scopes
) -> tuple[str, ...]:
    """Return the members of a creation's groups that its firmware is meant for.

    Those that have it already are left out, as the platform does: it would wait for
    ever for a job of none but them.
    """
    allowance = Allowance(UNLIMITED)
    targets = prepared.request.targets
    product = prepared.product or targets.product
    _, keys = await _chosen(targets, product, scopes, allowance)
    listed = await allowance.read(
        firmware.upgradable(product=product, versions=targets.from_versions)
    )
    return tuple(
        device.device_id
        for device in listed.items
        if _key(device) in (keys or ()) and device.firmware_version != prepared.version
    )


async def _of_versions(
    versions: tuple[str, ...],
    product: str | None,
    firmware: Firmware,
    allowance: Allowance,
) -> Reach:
    """Count the devices of each version, with a call for each."""
    if len(versions) > allowance.left:
        return Reach()
    counts = {
        version: await firmware.count(product=product, version=version)
        for version in versions
    }
    known = {version: count for version, count in counts.items() if count is not None}
    if len(known) < len(counts):
        return Reach()
    return Reach(
        devices=sum(known.values()),
        versions={version: count for version, count in known.items() if count},
    )


async def _chosen(
    targets: Targets, product: str | None, scopes: Scopes, allowance: Allowance
) -> tuple[int | None, set[_Key] | None]:
    """Return how many devices a scope has at most, and their keys.

    Keys are unknown where they take too many calls to read, and both are for scopes
    that no listing tells.
    """
    listings: list[AsyncIterator[Page[Device]]] = [
        scopes.members(group_id) for group_id in targets.device_groups
    ]
    if targets.asset_ids or targets.tags:
        listings.append(
            scopes.devices(
                product=product, asset_ids=targets.asset_ids, tags=targets.tags
            )
        )
    if not listings:
        return None, None
    read = [await allowance.read(pages) for pages in listings]
    if all(each.is_whole for each in read):
        keys = {_key(device) for each in read for device in each.items}
        return len(keys), keys
    totals = [each.total for each in read if each.total is not None]
    return (sum(totals) if len(totals) == len(read) else None), None


def _key(device: Device) -> _Key:
    return device.product, device.device_id
