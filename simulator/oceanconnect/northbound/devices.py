"""Devices: the list, and one."""

from .. import codes
from ..codes import Refusal
from ..model import Device
from .base import Asked, Reply, check_application, matches

DEVICES = "/iocm/app/dm/v1.4.0/devices"
OLD_DEVICES = tuple(
    f"/iocm/app/dm/{version}/devices" for version in ("v1.1.0", "v1.3.0")
)


def list_devices(asked: Asked) -> Reply:
    """GET the devices, those registered last first."""
    return _list(asked, "createTime")


def list_devices_as_before(asked: Asked) -> Reply:
    """GET the devices as older versions of the call write them."""
    return _list(asked, "creationTime")


def _list(asked: Asked, created: str) -> Reply:
    query = asked.query
    check_application(asked, "appId")
    if "gatewayId" not in query and "pageNo" not in query:
        raise Refusal(codes.DEVICE_PAGE_MISSING)
    page = query.page(
        size=25,
        largest=250,
        beyond=codes.DEVICE_INPUT,
        malformed=codes.DEVICE_PARAMETER,
    )
    invalid = codes.DEVICE_PARAMETER
    node_type = query.one_of("nodeType", ("ENDPOINT", "GATEWAY", "UNKNOW"), invalid)
    sort = query.one_of("sort", ("ASC", "DESC"), invalid)
    start, end = query.time("startTime", invalid), query.time("endTime", invalid)
    wanted = (
        query.text("gatewayId"),
        query.text("deviceType"),
        query.text("name"),
        query.text("location"),
        query.one_of("status", ("ONLINE", "OFFLINE", "INACTIVE", "ABNORMAL"), invalid),
    )
    rows: list[Device] = []
    # All are directly connected.
    if node_type in (None, "GATEWAY"):
        rows = [
            device
            for device in asked.platform.devices.values()
            if matches(
                wanted,
                (
                    device.device_id,
                    device.model.device_type,
                    device.name,
                    device.location or "",
                    device.status,
                ),
            )
            and (start is None or device.created >= start)
            and (end is None or device.created <= end)
        ]
    rows.sort(key=lambda device: device.created, reverse=sort != "ASC")
    return Reply(
        asked.wire.page(
            [asked.wire.device(device, created=created) for device in page.cut(rows)],
            number=page.number,
            size=page.size,
            total=len(rows),
            key="devices",
        )
    )


def get_device(asked: Asked) -> Reply:
    """GET one device."""
    return Reply(asked.wire.device(find_device(asked)))


def get_device_as_before(asked: Asked) -> Reply:
    """GET one device as older versions of the call write it."""
    return Reply(asked.wire.device(find_device(asked), created="creationTime"))


def find_device(asked: Asked) -> Device:
    """Return the device that the path names; raises Refusal."""
    check_application(asked, "appId")
    device_id = asked.names["device_id"]
    device = asked.platform.devices.get(device_id)
    if device is None:
        # Chosen: the first for one that was there, the second for one that never was.
        gone = device_id in asked.platform.deleted_devices
        raise Refusal(codes.DEVICE_GONE if gone else codes.DEVICE_UNKNOWN)
    return device
