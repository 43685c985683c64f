"""Device upgrade: packages, upgrade tasks and subtasks.

Page numbers count from 0, and a page beyond the end is empty.
"""

from random import Random

from .. import codes
from ..asked import Page, task_order
from ..codes import Refusal
from ..model import Kind, Status, Task, TaskStatus
from .base import Asked, Reply, matches

UPGRADE = "/iodm/northbound/v1.5.0"

_LARGEST_PAGE = 100


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
        if matches(
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
    page = _page(asked, len(rows))
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
    _page(asked, 0)  # a page that cannot be is told before a task that is not there
    task = _task(asked)
    rows = [sub for sub in task.subtasks if status in (None, sub.status)]
    page = _page(asked, len(rows))
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
        if matches(
            wanted,
            (
                task.kind.operate_type,
                task.status,
                task.package.model.device_type,
                task.package.model.model,
                task.package.model.manufacturer,
            ),
        )
        and (device_id is None or device_id in task.device_ids)
    ]
    match asked.platform.quirks.task_order:
        case "newest":
            rows.reverse()
        case "unordered":
            Random(asked.platform.settings.seed).shuffle(rows)
    page = _page(asked, len(rows))
    return Reply(
        asked.wire.page(
            [asked.wire.task(task) for task in page.cut(rows)],
            number=page.number,
            size=page.size,
            total=len(rows),
            total_key=asked.platform.quirks.task_total,
        )
    )


def _page(asked: Asked, total: int) -> Page:
    if asked.platform.quirks.unpaged_without_number and "pageNo" not in asked.query:
        return Page(0, max(1, total))
    return asked.query.page(
        size=10,
        largest=_LARGEST_PAGE,
        beyond=codes.PAGE_LIMIT,
        malformed=codes.BAD_REQUEST,
    )
