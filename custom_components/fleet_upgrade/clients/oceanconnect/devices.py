"""The devices of an OceanConnect application.

Source: "Device Management" and "Data Collection" in the Northbound API Reference.
"""

from collections.abc import AsyncIterator

from ..answers import rows_of
from ..budget import Priority
from ..errors import MalformedError
from ..model import Device, Page
from .calls import Calls, given, item_path
from .poll import PAGE_SIZE
from .wire import Reply, Wire

PATH = "/iocm/app/dm/v1.4.0/devices"

LARGEST_PAGE = 250
"""Devices on a page at most."""


class WireDeviceInfo(Wire):
    """``deviceInfo`` of a device."""

    name: str | None = None
    status: str | None = None
    device_type: str | None = None
    model: str | None = None
    manufacturer_name: str | None = None
    sw_version: str | None = None
    fw_version: str | None = None
    hw_version: str | None = None


class DeviceRow(Reply):
    """One device, alone or in a list."""

    device_id: str | None = None
    device_info: WireDeviceInfo | None = None

    def value(self) -> Device:
        """Return the device; `MalformedError` without an ID."""
        if not self.device_id:
            raise MalformedError("device without deviceId")
        info = self.device_info or WireDeviceInfo()
        return Device(
            device_id=self.device_id,
            name=info.name or None,
            status=info.status.lower() if info.status else None,
            device_type=info.device_type,
            model=info.model,
            manufacturer=info.manufacturer_name,
            software_version=info.sw_version or None,
            firmware_version=info.fw_version or None,
            hardware_version=info.hw_version or None,
        )


class Devices:
    """The devices of one application."""

    def __init__(self, calls: Calls) -> None:
        """Make all calls through these."""
        self._calls = calls

    async def pages(
        self, *, device_type: str | None = None, size: int = PAGE_SIZE
    ) -> AsyncIterator[Page[Device]]:
        """List devices, ``size`` of them a page."""
        query = given(deviceType=device_type)
        async for rows in self._calls.pages(PATH, query, size=size):
            yield Page(
                items=rows_of(rows.devices, DeviceRow, DeviceRow.value),
                total=rows.total,
            )

    async def get(
        self, device_id: str, *, priority: Priority = Priority.ACTION
    ) -> Device:
        """Read one device; `NotFoundError` when there is none."""
        path = item_path(PATH, device_id)
        return (await self._calls.read(path, DeviceRow, priority=priority)).value()
