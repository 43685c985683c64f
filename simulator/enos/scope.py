"""Which devices a job is for."""

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from .model import Device, Firmware, Scope

if TYPE_CHECKING:
    from .platform import Platform

type Selector = Callable[[Device], bool]


def expand(platform: Platform, firmware: Firmware, scope: Scope) -> list[Device]:
    """Return the devices that a scope covers, whatever they are doing."""
    covers = selector(platform, firmware, scope)
    return [device for device in platform.devices.values() if covers(device)]


def selector(platform: Platform, firmware: Firmware, scope: Scope) -> Selector:
    """Return what tells whether a scope covers a device.

    Documented: only a device that has reported a version can be upgraded. Chosen: one
    that has the firmware's own version is not upgraded again.
    """
    chosen = _chosen(platform, scope)
    product_key = firmware.product_key or scope.product_key

    def covers(device: Device) -> bool:
        return (
            device.version is not None
            and device.version != firmware.version
            and product_key in (None, device.product.product_key)
            and (not scope.versions or device.version in scope.versions)
            and chosen(device)
        )

    return covers


def _chosen(platform: Platform, scope: Scope) -> Selector:
    """Return what tells whether the one way of choosing devices chooses a device."""
    if scope.device_keys is not None:
        device_keys = frozenset(scope.device_keys)
        return lambda device: device.device_key in device_keys
    if (attributes := scope.attributes) is not None:
        return lambda device: _has(device.attributes, attributes)
    if (tags := scope.tags) is not None:
        return lambda device: _has(device.tags, tags)
    if scope.asset_trees is None and scope.group_ids is None and not scope.asset_ids:
        return lambda _device: True
    asset_ids = set(scope.asset_ids or ())
    for group_id in scope.group_ids or ():
        if (group := platform.groups.get(group_id)) is not None:
            asset_ids.update(group.members)
    for tree_id, included in scope.asset_trees or ():
        if (tree := platform.trees.get(tree_id)) is not None:
            for asset_id in (tree.root,) if included is None else included:
                asset_ids.update(node.asset_id for node in tree.below(asset_id))
    return lambda device: device.asset_id in asset_ids


def _has(own: Mapping[str, object], wanted: Mapping[str, Collection[object]]) -> bool:
    """Tell whether a device has one of the values of each key; 5 is "5" here."""
    return all(
        key in own and str(own[key]) in {str(value) for value in values}
        for key, values in wanted.items()
    )
