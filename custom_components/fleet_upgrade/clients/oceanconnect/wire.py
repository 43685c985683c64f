"""OceanConnect's JSON, declared; to the model and back.

Source: "Device Upgrade", "Device Group Management" and "Device Management" in the
Northbound API Reference. Unset fields may be null or absent, numbers may come as
strings, and unknown fields are ignored.
"""

from collections.abc import Callable
from datetime import UTC, datetime
import logging

import msgspec

from ..errors import MalformedError
from ..model import (
    CreateRequest,
    Device,
    DeviceGroup,
    Execution,
    Package,
    Page,
    Policy,
    StatusCounts,
    Subtask,
    Targets,
    TaskStatus,
    UpgradeKind,
    UpgradeTask,
)

_LOGGER = logging.getLogger(__name__)

TIME_FORMAT = "%Y%m%dT%H%M%SZ"

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
FILE_TYPE = {
    UpgradeKind.FIRMWARE: "firmwarePackage",
    UpgradeKind.SOFTWARE: "softwarePackage",
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


class Wire(msgspec.Struct, rename="camel", kw_only=True):
    """Base of what comes in."""


class Reply(Wire):
    """Any answer: it may be an error in either of the platform's two shapes."""

    error_code: str | int | None = msgspec.field(default=None, name="error_code")
    error_desc: str | None = msgspec.field(default=None, name="error_desc")
    resultcode: str | int | None = None
    resultmsg: str | None = None
    message: str | None = None
    """Only newer gateways answer so, and without a code."""

    @property
    def code(self) -> str:
        """The error code, empty when there is none."""
        code = self.error_code if self.error_code is not None else self.resultcode
        return "" if code is None else str(code)

    @property
    def detail(self) -> str:
        """The platform's text on the error."""
        return self.error_desc or self.resultmsg or self.message or ""


class TokenReply(Reply):
    """Answer to login and refresh; ``expires_in`` in seconds."""

    access_token: str | None = None
    refresh_token: str | None = None
    expires_in: int | None = None


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
    start_time: str | None = None
    end_time: str | None = None
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

    operation_id: str | None = None
    operate_type: str | None = None
    status: str | None = None
    create_time: str | None = None
    start_time: str | None = None
    stop_time: str | None = None
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
    create_time: str | None = None
    start_time: str | None = None
    stop_time: str | None = None
    detail_info: str | None = None

    def value(self) -> Subtask:
        """Return the subtask; `MalformedError` without IDs."""
        if not self.sub_operation_id or not self.device_id:
            raise MalformedError("subtask without subOperationId or deviceId")
        return Subtask(
            subtask_id=self.sub_operation_id,
            device_id=self.device_id,
            status=_STATUS.get(self.status or ""),
            reason=self.detail_info or None,
            created=time_of(self.create_time),
            started=time_of(self.start_time),
            ended=time_of(self.stop_time),
        )


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
    upload_time: str | None = None

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


class GroupRow(Wire):
    """One device group in a list."""

    id: str | None = None
    name: str | None = None
    description: str | None = None
    cur_dev_num: int | None = None

    def value(self) -> DeviceGroup:
        """Return the group; `MalformedError` without ID or name."""
        if not self.id or not self.name:
            raise MalformedError("device group without id or name")
        return DeviceGroup(
            group_id=self.id,
            name=self.name,
            description=self.description or None,
            device_count=self.cur_dev_num,
        )


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


class DeviceRow(Wire):
    """One device in a list."""

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


type Row = TaskRow | SubtaskRow | PackageRow | GroupRow | DeviceRow


class Rows(Reply):
    """A page, its rows not yet read; each listing has a key of its own for them."""

    data: list[msgspec.Raw] | None = None
    list_: list[msgspec.Raw] | None = msgspec.field(default=None, name="list")
    devices: list[msgspec.Raw] | None = None
    device_ids: list[str] | None = None
    total_count: int | None = None
    total_size: int | None = None

    @property
    def length(self) -> int:
        """Rows on the page, readable or not."""
        return len(self.data or self.list_ or self.devices or self.device_ids or ())

    @property
    def total(self) -> int | None:
        """Rows on all pages, under either of its names."""
        return self.total_count if self.total_count is not None else self.total_size


class TaskRows(Reply):
    """A page of tasks: the one that every poll reads, so typed in one pass."""

    data: list[TaskRow] | None = None
    total_count: int | None = None
    total_size: int | None = None


class TaskPage(Page[UpgradeTask], frozen=True):
    """A page of tasks; ``length`` counts its rows, readable or not."""

    length: int = 0


def decode[ReplyT: Reply](body: bytes, into: type[ReplyT]) -> ReplyT:
    """Read an answer; `MalformedError` when it is not one."""
    if not body.strip():
        return into()  # some calls answer an empty 200
    try:
        return msgspec.json.decode(body, type=into, strict=False)
    except msgspec.ValidationError as err:
        raise MalformedError(str(err)) from err
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise MalformedError("not JSON", foreign=True) from err


def decode_task_rows(body: bytes) -> TaskRows | Rows:
    """Read a page of tasks in one pass; row by row only if one of them is bad."""
    try:
        return decode(body, TaskRows)
    except MalformedError as err:
        if err.foreign:
            raise
    return decode(body, Rows)


def readable_rows[RowT: Wire](
    raw: list[msgspec.Raw] | None, into: type[RowT]
) -> list[RowT]:
    """Read the rows of a page; an unreadable one is dropped and logged."""
    rows = []
    for number, row in enumerate(raw or ()):
        try:
            rows.append(msgspec.json.decode(row, type=into, strict=False))
        except msgspec.MsgspecError as err:
            _LOGGER.warning("Row %d of a page is unreadable: %s", number, err)
    return rows


def values[RowT, ValueT](
    rows: list[RowT], value: Callable[[RowT], ValueT]
) -> tuple[ValueT, ...]:
    """Return the rows' values; a row without its essentials is dropped and logged."""
    good = []
    for number, row in enumerate(rows):
        try:
            good.append(value(row))
        except MalformedError as err:
            _LOGGER.warning("Row %d of a page is unusable: %s", number, err)
    return tuple(good)


def task_page(rows: TaskRows | Rows) -> TaskPage:
    """Return a page of tasks; a row that is no task is dropped and logged."""
    total = rows.total_count if rows.total_count is not None else rows.total_size
    if isinstance(rows, Rows):
        good = readable_rows(rows.data, TaskRow)
    else:
        good = rows.data or []
    return TaskPage(
        items=values(good, TaskRow.value), total=total, length=len(rows.data or ())
    )


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


def time_text(time: datetime) -> str:
    """Return an aware time as the platform writes it: UTC, whole seconds."""
    return time.astimezone(UTC).strftime(TIME_FORMAT)


def time_of(text: str | None) -> datetime | None:
    """Read a time; ``None`` when there is none or it is not one."""
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def kind_of(word: str | None) -> UpgradeKind | None:
    """Read an operation or file type, in any of the platform's spellings."""
    word = (word or "").lower()
    for kind in UpgradeKind:
        if word.startswith(kind):
            return kind
    return None


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
        total=counts.total,
        waiting=counts.wait,
        processing=counts.processing,
        succeeded=counts.success,
        failed=counts.fail,
        stopped=counts.stop,
        timed_out=counts.timeout,
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
        retries=(policy.retry_times or 0) if policy.retry_type else 0,
    )
