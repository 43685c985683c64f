"""What happens on a platform without the caller: tasks of others, ends, deletions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..faults import Fault, FaultKind
from .causes import UPDATE_FAILED
from .codes import Code
from .model import (
    ExecuteType,
    Group,
    Kind,
    Package,
    Policy,
    Status,
    Tally,
    Targets,
    Task,
    TaskStatus,
)
from .platform import Platform
from .wire import encode


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """A task to be made without any check.

    Targets are names of groups or IDs of devices; by default the first group that
    holds devices of the package's product. Without a status the task is new and goes
    its way; `processing` starts it at once, and with the status of an end it ends at
    once: the devices in `failed` fail (by default the first, if it is to fail).
    """

    kind: str = "firmware"
    package: Package | None = None
    groups: Sequence[str] | None = None
    devices: Sequence[str] | None = None
    status: str | None = None
    created: datetime | None = None
    execute_type: str = "now"
    start: datetime | None = None
    end: datetime | None = None
    retries: int = 0
    failed: Sequence[str] | None = None


def refusal(code: Code, **fault: Any) -> Fault:
    """Return a fault: calls are refused with this code, whatever they ask for."""
    return Fault(
        kind=FaultKind.STATUS,
        status=code.status,
        body=encode({"error_code": code.code, "error_desc": code.text}),
        **fault,
    )


def add_task(platform: Platform, new: NewTask) -> str:
    """Make a task, and return its ID."""
    kind = Kind(new.kind)
    package = new.package or next(
        item for item in platform.packages.values() if item.kind is kind
    )
    if new.devices is not None:
        device_ids = tuple(new.devices)
        targets = Targets(devices=device_ids)
    else:
        names = tuple(new.groups or (_group_for(platform, package).name,))
        device_ids = platform.expand(
            [group for group in platform.groups.values() if group.name in names],
            package,
        )
        targets = Targets(
            groups=names,
            device_type=package.model.device_type,
            model=package.model.model,
            manufacturer=package.model.manufacturer,
        )
    task = platform.create_task(
        kind=kind,
        package=package,
        targets=targets,
        policy=Policy(
            execute_type=ExecuteType(new.execute_type),
            start=None if new.start is None else new.start.timestamp(),
            end=None if new.end is None else new.end.timestamp(),
            retries=new.retries,
        ),
        device_ids=device_ids,
    )
    if new.created is not None:
        _back_date(platform, task, new.created.timestamp())
    if new.status is not None:
        _force(platform, task, TaskStatus(new.status), new.failed)
    return task.task_id


def _group_for(platform: Platform, package: Package) -> Group:
    return next(
        group for group in platform.groups.values() if platform.expand([group], package)
    )


def _back_date(platform: Platform, task: Task, created: float) -> None:
    """Give a task another time of creation, and its place in the list by it."""
    task.created = created
    for subtask in task.subtasks:
        subtask.created = created
    platform.tasks = {
        task.task_id: task
        for task in sorted(platform.tasks.values(), key=lambda task: task.created)
    }


def _force(
    platform: Platform, task: Task, status: TaskStatus, failed: Sequence[str] | None
) -> None:
    match status:
        case TaskStatus.WAIT:
            pass
        case TaskStatus.PROCESSING:
            platform.engine.start(task)
        case TaskStatus.STOP:
            platform.engine.stop(task)
        case TaskStatus.SUCCESS | TaskStatus.FAILED:
            if failed is None:
                failed = task.device_ids[:1] if status is TaskStatus.FAILED else ()
            platform.engine.finish(task, failed, UPDATE_FAILED)


def finish_task(
    platform: Platform, task_id: str, failed: Sequence[str] | int, cause: str
) -> None:
    """End a task; `failed` names the devices that fail, or says how many."""
    task = platform.tasks[task_id]
    if isinstance(failed, int):
        waiting = [sub.device_id for sub in task.subtasks if sub.status.open]
        failed = waiting[:failed]
    platform.engine.finish(task, failed, cause)


def set_task(platform: Platform, task_id: str, fields: dict[str, Any]) -> None:
    """Give a task other values; raises AttributeError for one that it does not have."""
    task = platform.tasks[task_id]
    fields = dict(fields)
    if (counts := fields.pop("counts", None)) is not None:
        task.tally = Tally(
            dict.fromkeys(Status, 0)
            | {Status(word): count for word, count in counts.items()},
            fields.pop("timeouts", 0),
        )
    for key, value in fields.items():
        if not hasattr(task, key):
            raise AttributeError(f"a task has no {key}")
        if key == "status":
            value = TaskStatus(value)
        elif isinstance(value, datetime):
            value = value.timestamp()
        setattr(task, key, value)
