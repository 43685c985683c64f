"""OceanConnect's device groups and their members.

Source: "Device Group Management" in the Northbound API Reference. Its refusals may
come with HTTP 200, and its list has one row a page unless it is asked for more.
"""

from collections.abc import AsyncIterator, Collection

from ..answers import rows_of
from ..errors import AmbiguousError, InvalidFieldError, MalformedError
from ..model import Device, DeviceGroup, Page
from .calls import Calls, given, item_path
from .wire import Reply, count_of

PATH = "/iocm/app/devgroup/v1.3.0/devGroups"
MEMBERS = "/iocm/app/dm/v1.2.0/devices/ids"
ADD_MEMBERS = "/iocm/app/dm/v1.1.0/devices/addDevGroupTagToDevices"
REMOVE_MEMBERS = "/iocm/app/dm/v1.1.0/devices/deleteDevGroupTagFromDevices"

MOST_MEMBERS = 1000
"""Devices that one call adds or removes at most."""


class GroupDetails(DeviceGroup, frozen=True):
    """A device group with all that can be changed of it; 0 devices: no limit."""

    max_devices: int = 0


class GroupRow(Reply):
    """One device group, alone or in a list."""

    id: str | None = None
    name: str | None = None
    description: str | None = None
    cur_dev_num: int | None = None
    max_dev_num: int | None = None

    def value(self) -> DeviceGroup:
        """Return the group; `MalformedError` without ID or name."""
        details = self.details()
        return DeviceGroup(
            group_id=details.group_id,
            name=details.name,
            description=details.description,
            device_count=details.device_count,
        )

    def details(self) -> GroupDetails:
        """Return the group with its limit; `MalformedError` without ID or name."""
        if not self.id or not self.name:
            raise MalformedError("device group without id or name")
        return GroupDetails(
            group_id=self.id,
            name=self.name,
            description=self.description or None,
            device_count=count_of(self.cur_dev_num),
            max_devices=count_of(self.max_dev_num) or 0,
        )


class DeviceGroups:
    """The device groups of one application."""

    def __init__(self, calls: Calls) -> None:
        """Make all calls through these."""
        self._calls = calls

    async def pages(
        self, *, name: str | None = None
    ) -> AsyncIterator[Page[DeviceGroup]]:
        """List device groups."""
        async for rows in self._calls.pages(PATH, given(name=name)):
            yield Page(
                items=rows_of(rows.list_, GroupRow, GroupRow.value),
                total=rows.total,
            )

    async def members(self, group_id: str) -> AsyncIterator[Page[Device]]:
        """List the devices of a group: the platform tells their IDs only."""
        async for rows in self._calls.pages(MEMBERS, {"devGroupId": group_id}):
            yield Page(
                items=rows_of(
                    rows.device_ids, str, lambda each: Device(device_id=each)
                ),
                total=rows.total,
            )

    async def get(self, group_id: str) -> GroupDetails:
        """Read one group; `NotFoundError` when there is none."""
        return (await self._calls.read(_path(group_id), GroupRow)).details()

    async def create(
        self,
        name: str,
        *,
        description: str | None = None,
        max_devices: int = 0,
        device_ids: Collection[str] = (),
    ) -> str:
        """Create a group (name: 1 to 50 letters and digits) and return its ID."""
        body: dict[str, object] = {"name": name, "maxDevNum": max_devices}
        if description is not None:
            body["description"] = description
        if device_ids:
            body["deviceIds"] = list(device_ids)
        reply = await self._calls.write("POST", PATH, GroupRow, body=body)
        if not reply.id:
            raise AmbiguousError("an answer without id")
        return reply.id

    async def modify(self, group: GroupDetails) -> None:
        """Give a group another name, description or limit.

        All three are sent, because it is not documented what becomes of those that
        are not: read the group, change the value, and hand it in.
        """
        body = {
            "name": group.name,
            "description": group.description or "",
            "maxDevNum": group.max_devices,
        }
        await self._calls.write("PUT", _path(group.group_id), Reply, body=body)

    async def delete(self, group_id: str) -> None:
        """Delete a group; `NotFoundError` when there is none."""
        await self._calls.write("DELETE", _path(group_id), Reply)

    async def add(self, group_id: str, device_ids: Collection[str]) -> None:
        """Add devices to a group."""
        await self._change_members(ADD_MEMBERS, group_id, device_ids)

    async def remove(self, group_id: str, device_ids: Collection[str]) -> None:
        """Remove devices from a group."""
        await self._change_members(REMOVE_MEMBERS, group_id, device_ids)

    async def _change_members(
        self, path: str, group_id: str, device_ids: Collection[str]
    ) -> None:
        """Send one call; `InvalidFieldError` when it takes more than one."""
        if len(device_ids) > MOST_MEMBERS:
            raise InvalidFieldError(
                "devices",
                "targets_too_many",
                limit=str(MOST_MEMBERS),
                count=str(len(device_ids)),
            )
        body = {"devGroupId": group_id, "deviceIds": list(device_ids)}
        await self._calls.write("POST", path, Reply, body=body)


def _path(group_id: str) -> str:
    return item_path(PATH, group_id)
