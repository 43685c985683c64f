"""Changes of device groups: what they are called, and which devices are in them."""

from typing import Any

from .. import codes
from ..asked import json_object
from ..codes import Code, Refusal
from ..model import Group
from ..wire import Json
from .base import Asked, Reply, check_application, check_named_application
from .groups import find_group

ADD_MEMBERS = "/iocm/app/dm/v1.1.0/devices/addDevGroupTagToDevices"
REMOVE_MEMBERS = "/iocm/app/dm/v1.1.0/devices/deleteDevGroupTagFromDevices"

_LONGEST_NAME = 50
_LONGEST_DESCRIPTION = 1024
_MOST_DEVICES = 1000
_CREATOR = "northbound"


def create_group(asked: Asked) -> Reply:
    """POST a device group, with its first members."""
    content = json_object(asked.body, codes.INPUT_INVALID)
    check_named_application(asked, content.get("appId"), status=200)
    name, group_id = _name(content), _group_id(content)
    description, limit = _description(content), _limit(content)
    if name is None:
        raise Refusal(codes.INPUT_INVALID)
    members = _device_ids(asked, content, codes.INPUT_INVALID)
    platform = asked.platform
    _check_name(asked, name, None)
    if group_id in platform.groups:
        raise Refusal(codes.INPUT_INVALID)
    if len(platform.groups) >= platform.quirks.group_limit:
        raise Refusal(codes.GROUPS_TOO_MANY)
    if limit and len(members) > limit:
        raise Refusal(codes.GROUP_DEVICES_TOO_MANY)
    group = Group(
        group_id=group_id or platform.new_id(),
        name=name,
        description=description or "",
        creator=_CREATOR,
        max_devices=limit or 0,
        members=members,
    )
    platform.groups[group.group_id] = group
    return Reply(_changed(asked, group), platform.quirks.group_create_status)


def modify_group(asked: Asked) -> Reply:
    """PUT another name, description or limit; what is absent stays as it is."""
    check_application(asked, "accessAppId", status=200)
    content = json_object(asked.body, codes.INPUT_INVALID)
    name, description, limit = _name(content), _description(content), _limit(content)
    group = find_group(asked, asked.names["group_id"])
    if name is not None:
        _check_name(asked, name, group)
    if limit and len(group.members) > limit:
        raise Refusal(codes.GROUP_FULL)
    group.name = group.name if name is None else name
    group.description = group.description if description is None else description
    group.max_devices = group.max_devices if limit is None else limit
    return Reply(_changed(asked, group))


def delete_group(asked: Asked) -> Reply:
    """DELETE a device group; its devices and their tasks stay."""
    check_application(asked, "accessAppId", status=200)
    group = find_group(asked, asked.names["group_id"])
    del asked.platform.groups[group.group_id]
    return Reply(None, asked.platform.quirks.group_void_status)


def add_members(asked: Asked) -> Reply:
    """POST devices to be in a group; one that is in it already is no error."""
    group, device_ids = _members_asked(asked)
    new = [device_id for device_id in device_ids if device_id not in group.members]
    if group.max_devices and len(group.members) + len(new) > group.max_devices:
        raise Refusal(codes.GROUP_FULL)
    group.members += new
    return Reply({"devGroupId": group.group_id, "deviceIds": device_ids})


def remove_members(asked: Asked) -> Reply:
    """POST devices to leave a group; one that is not in it is no error."""
    group, device_ids = _members_asked(asked, joining=False)
    group.members = [one for one in group.members if one not in device_ids]
    return Reply(None, asked.platform.quirks.group_void_status)


def _members_asked(asked: Asked, *, joining: bool = True) -> tuple[Group, list[str]]:
    check_application(asked, "accessAppId", status=200)
    content = json_object(asked.body, codes.INPUT_INVALID)
    check_named_application(asked, content.get("accessAppId"), status=200)
    group_id = content.get("devGroupId")
    if not isinstance(group_id, str) or not group_id:
        raise Refusal(codes.INPUT_INVALID)
    group = find_group(asked, group_id)
    device_ids = _device_ids(
        asked, content, codes.GROUP_PARAMETER, group=group, joining=joining
    )
    if not device_ids:
        raise Refusal(codes.GROUP_PARAMETER)
    return group, device_ids


def _name(content: dict[str, Any]) -> str | None:
    name = content.get("name")
    if name is None:
        return None
    if (
        not isinstance(name, str)
        or not (name.isascii() and name.isalnum())
        or len(name) > _LONGEST_NAME
    ):
        raise Refusal(codes.INPUT_INVALID)
    return name


def _group_id(content: dict[str, Any]) -> str | None:
    group_id = content.get("id")
    if group_id is None:
        return None
    if not isinstance(group_id, str) or not 1 <= len(group_id) <= _LONGEST_NAME:
        raise Refusal(codes.INPUT_INVALID)
    return group_id


def _description(content: dict[str, Any]) -> str | None:
    text = content.get("description")
    if text is None:
        return None
    if not isinstance(text, str) or len(text) > _LONGEST_DESCRIPTION:
        raise Refusal(codes.INPUT_INVALID)
    return text


def _limit(content: dict[str, Any]) -> int | None:
    """Return how many devices may be in the group; 0: as many as you like."""
    limit = content.get("maxDevNum")
    if limit is None:
        return None
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 0:
        raise Refusal(codes.INPUT_INVALID)
    return limit


def _device_ids(
    asked: Asked,
    content: dict[str, Any],
    wrong: Code,
    *,
    group: Group | None = None,
    joining: bool = True,
) -> list[str]:
    """Return the devices named, once each; those that are to join must be free to."""
    device_ids = content.get("deviceIds", [])
    if not isinstance(device_ids, list) or len(device_ids) > _MOST_DEVICES:
        raise Refusal(codes.INPUT_INVALID)
    platform = asked.platform
    if not all(
        isinstance(device_id, str) and device_id in platform.devices
        for device_id in device_ids
    ):
        raise Refusal(wrong)
    if joining and platform.quirks.one_group_per_device:
        taken = {
            member
            for other in platform.groups.values()
            if other is not group
            for member in other.members
        }
        if not taken.isdisjoint(device_ids):
            raise Refusal(wrong)
    return list(dict.fromkeys(device_ids))


def _check_name(asked: Asked, name: str, own: Group | None) -> None:
    for group in asked.platform.groups.values():
        if group is not own and group.name == name:
            raise Refusal(codes.GROUP_NAME_USED)


def _changed(asked: Asked, group: Group) -> Json:
    """Return a group as its changes are answered: with members, without creator."""
    content = asked.wire.group(group)
    content.pop("creator", None)
    return content | {"deviceIds": list(group.members)}
