"""EnOS's firmware: what can be installed, on what.

Source: "Firmware management" (V2.1) in the EnOS Connection Service API documentation.
Uploading one is left to the platform's console.
"""

from collections.abc import AsyncIterator, Collection

from ..errors import MalformedError
from ..model import Device, Package, Page, UpgradeKind
from .calls import Calls
from .expression import all_of, contains, equals, is_true, one_of
from .wire import Wire, WireName, count_of, name_of, rows_of, time_of

PATH = "/connect-service/v2.1/ota-firmwares"

MOST_TO_VERIFY = 5
"""Devices on which a firmware may be verified where it does not say otherwise."""


class FirmwareRow(Wire):
    """One firmware, alone or in a list."""

    firmware_id: str | None = None
    product_key: str | None = None
    name: WireName = None
    version: str | None = None
    desc: str | None = None
    enable_verification: bool | None = None
    is_verified: bool | None = None
    max_allowed_for_verification: int | None = None
    create_time: int | None = None

    def value(self) -> Package:
        """Return the package; `MalformedError` without an ID."""
        if not self.firmware_id:
            raise MalformedError("firmware without firmwareId")
        return Package(
            package_id=self.firmware_id,
            kind=UpgradeKind.FIRMWARE,
            name=name_of(self.name),
            version=self.version or None,
            product=self.product_key or None,
            description=self.desc or None,
            uploaded=time_of(self.create_time),
            needs_verification=bool(self.enable_verification) and not self.is_verified,
            most_to_verify=count_of(self.max_allowed_for_verification)
            or MOST_TO_VERIFY,
        )


class DeviceFirmwareRow(Wire):
    """What a device has told of its firmware."""

    product_key: str | None = None
    device_key: str | None = None
    firmware_version: str | None = None

    def value(self) -> Device:
        """Return the device; `MalformedError` without a key."""
        if not self.device_key:
            raise MalformedError("device without deviceKey")
        return Device(
            device_id=self.device_key,
            product=self.product_key or None,
            firmware_version=self.firmware_version or None,
        )


class Firmware:
    """The firmware of one organization."""

    def __init__(self, calls: Calls) -> None:
        """Make all calls through these."""
        self._calls = calls

    async def pages(
        self,
        *,
        product: str | None = None,
        name: str | None = None,
        is_verified: bool | None = None,
    ) -> AsyncIterator[Page[Package]]:
        """List firmware; ``name`` is a part of the name."""
        expression = all_of(
            None if product is None else equals("productKey", product),
            None if name is None else contains("name", name),
            None if is_verified is None else is_true("isVerified", is_verified),
        )
        async for rows in self._calls.pages(PATH, expression):
            yield Page(
                items=rows_of(rows, FirmwareRow, FirmwareRow.value), total=rows.total
            )

    async def get(self, firmware_id: str) -> Package:
        """Read one firmware; `NotFoundError` when there is none."""
        reply = await self._calls.get(PATH, {"firmwareId": firmware_id})
        return reply.read(FirmwareRow).value()

    async def delete(self, firmware_id: str) -> None:
        """Delete a firmware; `NotFoundError` when there is none."""
        await self._calls.write(PATH, "delete", {"firmwareId": firmware_id})

    async def versions(self, product: str) -> tuple[str, ...]:
        """Return the versions that devices of a product have told of."""
        reply = await self._calls.get(
            PATH, {"productKey": product}, action="listVersion"
        )
        return tuple(reply.read(list[str]))

    async def upgradable(
        self,
        *,
        product: str | None = None,
        versions: Collection[str] = (),
        is_upgrading: bool | None = None,
    ) -> AsyncIterator[Page[Device]]:
        """List the devices that have told of a version: only they can be upgraded.

        ``versions`` are those of which they run one.
        """
        expression = all_of(
            None if product is None else equals("productKey", product),
            one_of("firmwareVersion", versions) if versions else None,
            None if is_upgrading is None else is_true("isUpgrading", is_upgrading),
        )
        async for rows in self._calls.pages(
            PATH, expression, action="searchDeviceUpgrade"
        ):
            yield Page(
                items=rows_of(rows, DeviceFirmwareRow, DeviceFirmwareRow.value),
                total=rows.total,
            )

    async def count(self, *, product: str | None, version: str) -> int | None:
        """Count the devices that run a version; unknown if the platform does not."""
        expression = all_of(
            None if product is None else equals("productKey", product),
            equals("firmwareVersion", version),
        )
        rows = await self._calls.search(
            PATH, expression, size=1, action="searchDeviceUpgrade"
        )
        return rows.total
