"""Device groups (V2.5)."""

from .. import codes
from ..asked import Asked, Handler, Reply, i18n, identifier, listed, names
from ..codes import Refusal, invalid
from ..expression import Fields, field
from ..model import Group
from .fleet import DEVICE_FIELDS

PATH = "/connect-service/v2.5/deviceGroups"

_LARGEST_PAGE = 1000
_GROUP_FIELDS: Fields[Group] = {
    "groupId": field(lambda row: row.group_id, "=", "in"),
    "groupName": field(lambda row: row.name, "=", "in", "like"),
    "groupType": field(lambda _row: "STATIC", "=", "in"),
}


def search(asked: Asked) -> Reply:
    """Return device groups."""
    page, rows = asked.found(
        asked.platform.groups.values(), _GROUP_FIELDS, largest=_LARGEST_PAGE
    )
    return listed(asked, page, rows, asked.wire.group)


def get(asked: Asked) -> Reply:
    """Return one device group."""
    return Reply(asked.wire.group(_group(asked, asked.parameter("groupId"))))


def create(asked: Asked) -> Reply:
    """Make a device group, with its first devices by their asset IDs."""
    platform = asked.platform
    name = i18n(asked.content, "name")
    if name is None:
        raise invalid("name", "is missing")
    if any(group.name.default == name.default for group in platform.groups.values()):
        raise Refusal(codes.GROUP_NAME_EXISTS)
    members = names(asked.content, "assetIds") or ()
    if not all(asset_id in platform.devices for asset_id in members):
        raise Refusal(codes.DEVICE_NOT_FOUND)
    group = Group(
        group_id=platform.new_id(),
        name=name,
        description=str(asked.content.get("desc", "")),
        created=platform.clock.now(),
        members=list(members),
    )
    platform.groups[group.group_id] = group
    return Reply({"groupId": group.group_id})


def search_devices(asked: Asked) -> Reply:
    """Return the devices in a group."""
    platform = asked.platform
    group = _group(asked, identifier(asked.content, "groupId"))
    members = [platform.devices[asset_id] for asset_id in group.members]
    page, rows = asked.found(members, DEVICE_FIELDS, largest=_LARGEST_PAGE)
    return listed(asked, page, rows, asked.wire.device)


def search_by_device(asked: Asked) -> Reply:
    """Return the groups that a device is in."""
    asset_id = identifier(asked.content, "assetId")
    if asset_id not in asked.platform.devices:
        raise Refusal(codes.DEVICE_NOT_FOUND)
    groups = [
        group for group in asked.platform.groups.values() if asset_id in group.members
    ]
    page, rows = asked.found(groups, _GROUP_FIELDS, largest=_LARGEST_PAGE)
    return listed(asked, page, rows, asked.wire.group)


def _group(asked: Asked, group_id: str | None) -> Group:
    group = asked.platform.groups.get(group_id or "")
    if group is None:
        raise Refusal(codes.GROUP_NOT_FOUND)
    return group


ACTIONS: dict[str, Handler] = {
    "searchGroup": search,
    "getGroup": get,
    "createGroup": create,
    "searchDeviceByDeviceGroup": search_devices,
    "searchDeviceGroupByDevice": search_by_device,
}
