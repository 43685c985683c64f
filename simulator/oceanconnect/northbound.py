"""The calls of the northbound API.

Each is a plain function from what was asked to a reply; it may raise Refusal. Page
numbers count from 0, and a page beyond the end is empty.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import NamedTuple
from urllib.parse import parse_qsl

from . import codes
from .asked import Page, Query, json_object, task_order
from .codes import Refusal
from .model import Device, Kind, Status, Task, TaskStatus
from .platform import Platform
from .wire import Json, Wire

SECURITY = "/iocm/app/sec/v1.1.0"
UPGRADE = "/iodm/northbound/v1.5.0"
DEVICES = "/iocm/app/dm/v1.4.0/devices"
MEMBERS = "/iocm/app/dm/v1.2.0/devices/ids"
GROUPS = "/iocm/app/devgroup/v1.3.0/devGroups"

# An application that exists, and has given nobody leave to see its devices.
OTHER_APPLICATION = "another-application"

_LARGEST_UPGRADE_PAGE = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """One call: the platform it is for, and its parts."""

    platform: Platform
    query: Query
    body: bytes
    names: Mapping[str, str]
    """The variable parts of the path."""

    @property
    def wire(self) -> Wire:
        """Return what writes the answer."""
        return Wire(self.platform.quirks, self.platform.sessions.app_id)


class Reply(NamedTuple):
    """An answer: JSON, or nothing, with its status."""

    content: Json | None
    status: int = 200


type Handler = Callable[[Asked], Reply]


# Secure access


def login(asked: Asked) -> Reply:
    """POST a form of `appId` and `secret`."""
    form = dict(parse_qsl(asked.body.decode("utf-8", "replace")))
    platform = asked.platform
    return Reply(
        platform.sessions.login(form.get("appId"), form.get("secret"), platform.quirks)
    )


def refresh(asked: Asked) -> Reply:
    """POST JSON of `appId`, `secret` and `refreshToken`."""
    app_id, secret, token = _texts(asked.body, "appId", "secret", "refreshToken")
    platform = asked.platform
    return Reply(platform.sessions.refresh(app_id, secret, token, platform.quirks))


def logout(asked: Asked) -> Reply:
    """POST JSON of `accessToken`."""
    (token,) = _texts(asked.body, "accessToken")
    asked.platform.sessions.logout(token)
    return Reply(None, asked.platform.quirks.logout_status)


def _texts(body: bytes, *keys: str) -> list[str | None]:
    content = json_object(body, codes.INPUT_INVALID)
    values = [content.get(key) for key in keys]
    if not all(value is None or isinstance(value, str) for value in values):
        raise Refusal(codes.INPUT_INVALID)
    return values


# Packages


def list_packages(asked: Asked) -> Reply:
    """GET the packages, newest first."""
    query = asked.query
    file_type = query.one_of(
        "fileType", {kind.file_type for kind in Kind}, codes.BAD_REQUEST
    )
    wanted = (
        file_type,
        query.text("deviceType"),
        query.text("model"),
        # The documents' URL and their table spell it in two ways.
        query.text("manufacturerName", "manufactureName"),
        query.text("version"),
    )
    rows = [
        package
        for package in asked.platform.packages.values()
        if _match(
            wanted,
            (
                package.kind.file_type,
                package.model.device_type,
                package.model.model,
                package.model.manufacturer,
                package.version,
            ),
        )
    ]
    rows.sort(key=lambda package: -package.uploaded)
    page = _upgrade_page(asked, len(rows))
    return Reply(
        asked.wire.page(
            [asked.wire.package(package) for package in page.cut(rows)],
            number=page.number,
            size=page.size,
            total=len(rows),
        )
    )


def get_package(asked: Asked) -> Reply:
    """GET one package."""
    package = asked.platform.packages.get(asked.names["file_id"])
    if package is None:
        raise Refusal(codes.NOT_FOUND)
    return Reply(asked.wire.package(package))


def delete_package(asked: Asked) -> Reply:
    """DELETE one package; tasks that install it go on."""
    if asked.platform.packages.pop(asked.names["file_id"], None) is None:
        raise Refusal(codes.NOT_FOUND)
    return Reply(None)


# Upgrade tasks


def create_software_task(asked: Asked) -> Reply:
    """POST a software upgrade task."""
    return _create_task(asked, Kind.SOFTWARE)


def create_firmware_task(asked: Asked) -> Reply:
    """POST a firmware upgrade task."""
    return _create_task(asked, Kind.FIRMWARE)


def _create_task(asked: Asked, kind: Kind) -> Reply:
    order = task_order(asked.platform, kind, asked.body)
    task = asked.platform.create_task(
        kind=kind,
        package=order.package,
        targets=order.targets,
        policy=order.policy,
        device_ids=order.device_ids,
    )
    return Reply({"operationId": task.task_id})


def get_task(asked: Asked) -> Reply:
    """GET one task."""
    return Reply(asked.wire.task(_task(asked)))


def list_subtasks(asked: Asked) -> Reply:
    """GET the subtasks of a task, in the order of its devices."""
    status = asked.query.one_of("subOperationStatus", set(Status), codes.BAD_REQUEST)
    page = _upgrade_page(asked, 0)
    task = _task(asked)
    rows = [sub for sub in task.subtasks if status in (None, sub.status)]
    page = _upgrade_page(asked, len(rows))
    return Reply(
        asked.wire.page(
            [asked.wire.subtask(subtask, task) for subtask in page.cut(rows)],
            number=page.number,
            size=page.size,
            total=len(rows),
        )
    )


def _task(asked: Asked) -> Task:
    task = asked.platform.tasks.get(asked.names["operation_id"])
    if task is None:
        raise Refusal(codes.TASK_UNKNOWN)
    return task


def list_tasks(asked: Asked) -> Reply:
    """GET the tasks; the filter is `operationType`, the field `operateType`."""
    query = asked.query
    wanted = (
        query.one_of(
            "operationType", {kind.operate_type for kind in Kind}, codes.BAD_REQUEST
        ),
        query.one_of("operationStatus", set(TaskStatus), codes.BAD_REQUEST),
        query.text("deviceType"),
        query.text("model"),
        query.text("manufacturerName", "manufactureName"),
    )
    device_id = query.text("deviceId")
    rows = [
        task
        for task in asked.platform.tasks.values()
        if _match(
            wanted,
            (
                task.kind.operate_type,
                task.status,
                task.package.model.device_type,
                task.package.model.model,
                task.package.model.manufacturer,
            ),
        )
        and (device_id is None or device_id in task.members)
    ]
    match asked.platform.quirks.task_order:
        case "newest":
            rows.reverse()
        case "unordered":
            Random(asked.platform.settings.seed).shuffle(rows)
    page = _upgrade_page(asked, len(rows))
    return Reply(
        asked.wire.page(
            [asked.wire.task(task) for task in page.cut(rows)],
            number=page.number,
            size=page.size,
            total=len(rows),
            total_key=asked.platform.quirks.task_total,
        )
    )


def _match(wanted: tuple[str | None, ...], own: tuple[str, ...]) -> bool:
    return all(
        value is None or value == mine for value, mine in zip(wanted, own, strict=True)
    )


def _upgrade_page(asked: Asked, total: int) -> Page:
    if asked.platform.quirks.unpaged_without_number and "pageNo" not in asked.query:
        return Page(0, max(1, total))
    return asked.query.page(
        size=10,
        largest=_LARGEST_UPGRADE_PAGE,
        beyond=codes.PAGE_LIMIT,
        malformed=codes.BAD_REQUEST,
    )


# Device groups


def list_groups(asked: Asked) -> Reply:
    """GET the device groups; the list's key is `list`, its default page holds one."""
    _check_application(asked, "accessAppId", status=200)
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
    _check_application(asked, "accessAppId", status=200)
    group = asked.platform.groups.get(asked.names["group_id"])
    if group is None:
        raise Refusal(codes.GROUP_UNKNOWN)
    return Reply(asked.wire.group(group))


def list_members(asked: Asked) -> Reply:
    """GET the members of a device group: their IDs only.

    The documents give the two codes of a wrong group without saying which is which.
    """
    for key in ("accessAppId", "appId"):
        _check_application(asked, key)
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


def _check_application(asked: Asked, key: str, status: int | None = None) -> None:
    """Refuse a foreign application; the group pages document it with status 200."""
    app_id = asked.query.text(key)
    if app_id in (None, asked.platform.sessions.app_id):
        return
    if app_id == OTHER_APPLICATION:
        raise Refusal(codes.NOT_AUTHORISED, status)
    raise Refusal(codes.APPLICATION_UNKNOWN, status)


# Devices


def list_devices(asked: Asked) -> Reply:
    """GET the devices, those registered last first."""
    query = asked.query
    _check_application(asked, "appId")
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
        query.one_of("status", ("ONLINE", "OFFLINE", "INACTIVE", "ABNORMAL"), invalid),
    )
    rows: list[Device] = []
    # All are directly connected, and no place is known of any.
    if node_type in (None, "GATEWAY") and "location" not in query:
        rows = [
            device
            for device in asked.platform.devices.values()
            if _match(
                wanted,
                (
                    device.device_id,
                    device.model.device_type,
                    device.name,
                    device.status,
                ),
            )
            and (start is None or device.created >= start)
            and (end is None or device.created <= end)
        ]
    rows.sort(key=lambda device: device.created, reverse=sort != "ASC")
    return Reply(
        asked.wire.page(
            [asked.wire.device(device) for device in page.cut(rows)],
            number=page.number,
            size=page.size,
            total=len(rows),
            key="devices",
        )
    )


def get_device(asked: Asked) -> Reply:
    """GET one device."""
    _check_application(asked, "appId")
    device_id = asked.names["device_id"]
    device = asked.platform.devices.get(device_id)
    if device is None:
        # Chosen: the first for one that was there, the second for one that never was.
        gone = device_id in asked.platform.deleted_devices
        raise Refusal(codes.DEVICE_GONE if gone else codes.DEVICE_UNKNOWN)
    return Reply(asked.wire.device(device))


ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("POST", f"{SECURITY}/login", login),
    ("POST", f"{SECURITY}/refreshToken", refresh),
    ("POST", f"{SECURITY}/logout", logout),
    ("GET", f"{UPGRADE}/category", list_packages),
    ("GET", f"{UPGRADE}/category/{{file_id}}", get_package),
    ("DELETE", f"{UPGRADE}/category/{{file_id}}", delete_package),
    ("POST", f"{UPGRADE}/operations/softwareUpgrade", create_software_task),
    ("POST", f"{UPGRADE}/operations/firmwareUpgrade", create_firmware_task),
    ("GET", f"{UPGRADE}/operations", list_tasks),
    ("GET", f"{UPGRADE}/operations/{{operation_id}}", get_task),
    ("GET", f"{UPGRADE}/operations/{{operation_id}}/subOperations", list_subtasks),
    ("GET", GROUPS, list_groups),
    ("GET", f"{GROUPS}/{{group_id}}", get_group),
    ("GET", MEMBERS, list_members),
    ("GET", DEVICES, list_devices),
    ("GET", f"{DEVICES}/{{device_id}}", get_device),
)
