"""Device groups, and which devices are in them."""

from .. import codes
from ..codes import Refusal
from ..model import Group
from .base import Asked, Reply, check_application

GROUPS = "/iocm/app/devgroup/v1.3.0/devGroups"
MEMBERS = "/iocm/app/dm/v1.2.0/devices/ids"


def list_groups(asked: Asked) -> Reply:
    """GET the device groups; the list's key is `list`, its default page holds one."""
    check_application(asked, "accessAppId", status=200)
    name = asked.query.text("name")
    page = asked.query.page(
        size=asked.platform.quirks.group_page_size,
        largest=500,
        beyond=codes.INPUT_INVALID,
        malformed=codes.INPUT_INVALID,
    )
    rows = [
        group
        for group in asked.platform.groups.values()
        if name is None or group.name == name
    ]
    return Reply(
        asked.wire.page(
            [asked.wire.group(group) for group in page.cut(rows)],
            number=page.number,
            size=page.size,
            total=len(rows),
            key="list",
        )
    )


def get_group(asked: Asked) -> Reply:
    """GET one device group."""
    check_application(asked, "accessAppId", status=200)
    return Reply(asked.wire.group(find_group(asked, asked.names["group_id"])))


def find_group(asked: Asked, group_id: str) -> Group:
    """Return a device group; raises Refusal."""
    group = asked.platform.groups.get(group_id)
    if group is None:
        raise Refusal(codes.GROUP_UNKNOWN)
    return group


def list_members(asked: Asked) -> Reply:
    """GET the members of a device group: their IDs only.

    The documents give the two codes of a wrong group without saying which is which.
    """
    for key in ("accessAppId", "appId"):
        check_application(asked, key)
    group_id = asked.query.text("devGroupId")
    if group_id is None:
        raise Refusal(codes.GROUP_ID_MISSING)
    page = asked.query.page(
        size=10,
        largest=1000,
        beyond=codes.INPUT_INVALID,
        malformed=codes.INPUT_INVALID,
    )
    group = asked.platform.groups.get(group_id)
    if group is None:
        raise Refusal(codes.GROUP_MEMBERS_UNKNOWN)
    return Reply(
        {
            "totalCount": len(group.members),
            "pageNo": page.number,
            "pageSize": page.size,
            "deviceIds": page.cut(group.members),
        }
    )
