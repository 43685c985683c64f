"""OceanConnect's upgrade tasks and subtasks in JSON; to the model and back.

Source: "Device Upgrade" in the Northbound API Reference.
"""

from collections.abc import Callable

import msgspec

from ..answers import WireId, decoded, values
from ..errors import MalformedError
from ..model import (
    CreateRequest,
    Execution,
    Page,
    Policy,
    StatusCounts,
    Subtask,
    Targets,
    TaskStatus,
    UpgradeKind,
    UpgradeTask,
)
from .reasons import cause_of
from .wire import Reply, Rows, Wire, WireTime, count_of, kind_of, time_of, time_text

STATUS_WORD = {
    TaskStatus.WAITING: "wait",
    TaskStatus.PROCESSING: "processing",
    TaskStatus.SUCCEEDED: "success",
    TaskStatus.FAILED: "failed",
    TaskStatus.STOPPED: "stop",
}
"""The platform's words for a task; a failed subtask is ``fail``."""

SUBTASK_STATUS_WORD = STATUS_WORD | {TaskStatus.FAILED: "fail"}
OPERATE_TYPE = {
    UpgradeKind.FIRMWARE: "firmware_upgrade",
    UpgradeKind.SOFTWARE: "software_upgrade",
}
EXECUTE_TYPE = {
    Execution.NOW: "now",
    Execution.WHEN_ONLINE: "device_online",
    Execution.CUSTOM: "custom",
}

_STATUS = {word: status for status, word in STATUS_WORD.items()} | {
    "fail": TaskStatus.FAILED
}
_EXECUTION = {word: execution for execution, word in EXECUTE_TYPE.items()}


class CreatedReply(Reply):
    """Answer to the creation of a task."""

    operation_id: str | None = None


class WireTargets(Wire):
    """Targets of a task."""

    device_groups: list[str] | None = None
    devices: list[str] | None = None
    device_type: str | None = None
    model: str | None = None
    manufacturer_name: str | None = None


class WirePolicy(Wire):
    """Policy of a task."""

    execute_type: str | None = None
    start_time: WireTime = None
    end_time: WireTime = None
    retry_type: bool | None = None
    retry_times: int | None = None


class WireCounts(Wire):
    """``staResult`` of a task."""

    total: int | None = None
    wait: int | None = None
    processing: int | None = None
    success: int | None = None
    fail: int | None = None
    stop: int | None = None
    timeout: int | None = None


class WireExtend(Wire):
    """``extendPara`` of a task."""

    file_version: str | None = None


class TaskRow(Reply):
    """One task, alone or in a list."""

    operation_id: WireId | None = None
    operate_type: str | None = None
    status: str | None = None
    create_time: WireTime = None
    start_time: WireTime = None
    stop_time: WireTime = None
    targets: WireTargets | None = None
    policy: WirePolicy | None = None
    sta_result: WireCounts | None = None
    extend_para: WireExtend | str | None = None

    def value(self) -> UpgradeTask:
        """Return the task; `MalformedError` without an ID or a known kind."""
        kind = kind_of(self.operate_type)
        if not self.operation_id or kind is None:
            raise MalformedError("task without operationId or operateType")
        status = _STATUS.get(self.status or "")
        return UpgradeTask(
            task_id=self.operation_id,
            kind=kind,
            status=status,
            version=_file_version(self.extend_para),
            created=time_of(self.create_time),
            started=time_of(self.start_time),
            ended=time_of(self.stop_time),
            counts=_counts(self.sta_result),
            targets=_targets(self.targets),
            policy=_policy(self.policy),
        )


class SubtaskRow(Wire):
    """One subtask in a list."""

    sub_operation_id: str | None = None
    device_id: str | None = None
    status: str | None = None
    create_time: WireTime = None
    start_time: WireTime = None
    stop_time: WireTime = None
    detail_info: str | None = None

    def value(self) -> Subtask:
        """Return the subtask; `MalformedError` without IDs."""
        if not self.sub_operation_id or not self.device_id:
            raise MalformedError("subtask without subOperationId or deviceId")
        status = _STATUS.get(self.status or "")
        has_failed = status is TaskStatus.FAILED
        return Subtask(
            subtask_id=self.sub_operation_id,
            device_id=self.device_id,
            status=status,
            reason=self.detail_info or None,
            cause=cause_of(self.detail_info) if has_failed else None,
            created=time_of(self.create_time),
            started=time_of(self.start_time),
            ended=time_of(self.stop_time),
        )


class TaskPage(Page[UpgradeTask], frozen=True):
    """A page of tasks; ``length`` counts its rows, readable or not."""

    length: int = 0


def read_row(row: msgspec.Raw) -> UpgradeTask:
    """Read a row of a page of tasks."""
    return decoded(row, TaskRow).value()


def task_page(
    rows: Rows, read: Callable[[msgspec.Raw], UpgradeTask] = read_row
) -> TaskPage:
    """Return a page of tasks; a row that is no task is dropped and logged."""
    return TaskPage(
        items=values(rows.data or (), read),
        total=rows.total,
        length=len(rows.data or ()),
    )


def add_up(counts: StatusCounts) -> bool:
    """Whether the counts of a task make its total, as far as they are known.

    It is not documented whether devices that timed out stand inside or beside the
    failed ones, so a difference of exactly these is fine.
    """
    total, timed_out = counts.total, counts.timed_out
    parts = (
        counts.waiting,
        counts.processing,
        counts.succeeded,
        counts.failed,
        counts.stopped,
    )
    known = [part for part in parts if part is not None]
    if total is None or len(known) < len(parts):
        return True
    return abs(total - sum(known)) in (0, timed_out)


def create_body(request: CreateRequest) -> dict[str, object]:
    """Return the body that creates a task (fields as in "Creating a ... Task")."""
    targets = request.targets
    given: dict[str, object] = {
        "deviceGroups": list(targets.device_groups) or None,
        "devices": list(targets.devices) or None,
        "deviceType": targets.device_type,
        "model": targets.model,
        "manufacturerName": targets.manufacturer,
    }
    policy: dict[str, object] = {
        "executeType": EXECUTE_TYPE[request.policy.execution],
        "retryType": request.policy.retries > 0,
    }
    if request.policy.start is not None and request.policy.end is not None:
        policy["startTime"] = time_text(request.policy.start)
        policy["endTime"] = time_text(request.policy.end)
    if request.policy.retries:
        policy["retryTimes"] = request.policy.retries
    return {
        "fileId": request.package_id,
        "targets": {key: value for key, value in given.items() if value is not None},
        "policy": policy,
    }


def _file_version(extend: WireExtend | str | None) -> str | None:
    if isinstance(extend, str):
        try:
            extend = msgspec.json.decode(extend, type=WireExtend)
        except msgspec.MsgspecError:
            return None
    return extend.file_version if extend else None


def _counts(counts: WireCounts | None) -> StatusCounts:
    if counts is None:
        return StatusCounts()
    return StatusCounts(
        total=count_of(counts.total),
        waiting=count_of(counts.wait),
        processing=count_of(counts.processing),
        succeeded=count_of(counts.success),
        failed=count_of(counts.fail),
        stopped=count_of(counts.stop),
        timed_out=count_of(counts.timeout),
    )


def _targets(targets: WireTargets | None) -> Targets:
    if targets is None:
        return Targets()
    return Targets(
        device_groups=tuple(targets.device_groups or ()),
        devices=tuple(targets.devices or ()),
        device_type=targets.device_type,
        model=targets.model,
        manufacturer=targets.manufacturer_name,
    )


def _policy(policy: WirePolicy | None) -> Policy:
    if policy is None:
        return Policy()
    return Policy(
        execution=_EXECUTION.get(policy.execute_type or "", Execution.NOW),
        start=time_of(policy.start_time),
        end=time_of(policy.end_time),
        retries=(count_of(policy.retry_times) or 0) if policy.retry_type else 0,
    )
