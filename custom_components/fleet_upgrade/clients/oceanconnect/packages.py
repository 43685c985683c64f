"""OceanConnect's version packages.

Source: "Device Upgrade" in the Northbound API Reference. There is no call to upload
one: that is what the platform's web portal is for.
"""

from collections.abc import AsyncIterator

from ..answers import rows_of
from ..errors import MalformedError
from ..model import Package, Page, UpgradeKind
from .calls import Calls, given, item_path
from .wire import Reply, WireTime, kind_of, time_of

PATH = "/iodm/northbound/v1.5.0/category"

FILE_TYPE = {
    UpgradeKind.FIRMWARE: "firmwarePackage",
    UpgradeKind.SOFTWARE: "softwarePackage",
}


class PackageRow(Reply):
    """One version package, alone or in a list."""

    file_id: str | None = None
    name: str | None = None
    version: str | None = None
    file_type: str | None = None
    device_type: str | None = None
    model: str | None = None
    manufacturer_name: str | None = None
    protocol_type: str | None = None
    description: str | None = None
    upload_time: WireTime = None

    def value(self) -> Package:
        """Return the package; `MalformedError` without an ID."""
        if not self.file_id:
            raise MalformedError("package without fileId")
        return Package(
            package_id=self.file_id,
            kind=kind_of(self.file_type),
            name=self.name,
            version=self.version,
            device_type=self.device_type,
            model=self.model,
            manufacturer=self.manufacturer_name,
            protocol=self.protocol_type,
            description=self.description,
            uploaded=time_of(self.upload_time),
        )


class Packages:
    """The version packages of one application."""

    def __init__(self, calls: Calls) -> None:
        """Make all calls through these."""
        self._calls = calls

    async def pages(
        self,
        *,
        kind: UpgradeKind | None = None,
        device_type: str | None = None,
        model: str | None = None,
        manufacturer: str | None = None,
        version: str | None = None,
    ) -> AsyncIterator[Page[Package]]:
        """List packages."""
        query = given(
            fileType=FILE_TYPE[kind] if kind is not None else None,
            deviceType=device_type,
            model=model,
            manufacturerName=manufacturer,
            version=version,
        )
        async for rows in self._calls.pages(PATH, query):
            yield Page(
                items=rows_of(rows.data, PackageRow, PackageRow.value),
                total=rows.total,
            )

    async def get(self, package_id: str) -> Package:
        """Read one package; `NotFoundError` when there is none."""
        return (await self._calls.read(_path(package_id), PackageRow)).value()

    async def delete(self, package_id: str) -> None:
        """Delete one package; `NotFoundError` when there is none."""
        await self._calls.write("DELETE", _path(package_id), Reply)


def _path(package_id: str) -> str:
    return item_path(PATH, package_id)
