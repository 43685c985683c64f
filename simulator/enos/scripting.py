"""What happens on a platform without the caller: jobs of others, ends, devices."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..faults import Fault, FaultKind
from .codes import GATEWAY, Code
from .engine import UPGRADE_FAILED
from .model import (
    Device,
    Firmware,
    Job,
    JobStatus,
    JobType,
    Retry,
    Schedule,
    Scope,
    TaskStatus,
    Text,
)
from .platform import Platform
from .scope import expand
from .wire import encode


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job to be made without any check.

    Targets are IDs of device groups or device keys; by default the group with
    the most devices for the firmware, by default the newest that is verified. Without a
    status the job is new and goes its way; `published` and `upgrading` bring all its
    OTA tasks there at once, and `succeeded` or `failed` end them: the devices in
    `failed` fail (by default the first one, if it is to fail).
    """

    firmware: Firmware | None = None
    groups: Sequence[str] | None = None
    devices: Sequence[str] | None = None
    name: str | None = None
    kind: str = "upgrade"
    incremental: bool = False
    on_request: bool = False
    status: str | None = None
    stopped: bool = False
    created: datetime | None = None
    timeout: float = 7200.0
    retries: int = 0
    retry_interval: float = 0.0
    concurrency: int = 300
    schedule: Schedule | None = None
    failed: Sequence[str] | None = None


def refusal(code: Code, **fault: Any) -> Fault:
    """Return a fault: calls are refused with this code, whatever they ask for."""
    token = code.code < 2000 and code.code >= 1000
    content: dict[str, object]
    if token:
        content = {"status": code.code, "msg": code.text, "data": None}
    else:
        content = {"code": code.code, "msg": code.text, "requestId": "", "data": None}
    return Fault(kind=FaultKind.STATUS, status=200, body=encode(content), **fault)


def gateway_refusal(status: int, **fault: Any) -> Fault:
    """Return a fault: the gateway refuses calls with this HTTP status."""
    return Fault(
        kind=FaultKind.STATUS,
        status=status,
        body=encode({"message": GATEWAY[status]}),
        **fault,
    )


def add_job(platform: Platform, new: NewJob) -> str:
    """Make a job, and return its ID."""
    firmware = new.firmware or max(
        (item for item in platform.firmware.values() if item.is_verified),
        key=lambda item: item.created,
    )
    if new.devices is not None:
        scope = Scope(device_keys=tuple(new.devices))
    else:
        scope = Scope(group_ids=tuple(new.groups or (_group_for(platform, firmware),)))
    job = Job(
        job_id=platform.new_id(),
        firmware=firmware,
        name=None if new.name is None else Text(new.name),
        kind=JobType(new.kind),
        scope=scope,
        created=(
            platform.clock.now() if new.created is None else new.created.timestamp()
        ),
        incremental=new.incremental if new.kind == "upgrade" else None,
        on_request=new.on_request,
        timeout=new.timeout,
        retry=Retry(
            enabled=new.retries > 0, interval=new.retry_interval, count=new.retries
        ),
        schedule=new.schedule,
        concurrency=new.concurrency,
    )
    platform.create_job(job, expand(platform, firmware, scope))
    if new.status is not None:
        _force(platform, job, TaskStatus(new.status), new.failed)
    if new.stopped and job.started:
        platform.engine.stop(job)
    return job.job_id


def _group_for(platform: Platform, firmware: Firmware) -> str:
    """Return the group with the most devices for a firmware."""
    return max(
        platform.groups,
        key=lambda group_id: len(
            expand(platform, firmware, Scope(group_ids=(group_id,)))
        ),
    )


def _force(
    platform: Platform, job: Job, status: TaskStatus, failed: Sequence[str] | None
) -> None:
    if status.open:
        platform.engine.move(job, status)
        return
    if failed is None:
        keys = [task.device_key for task in job.tasks.values()]
        failed = keys[:1] if status is TaskStatus.FAILED else ()
    platform.engine.finish(job, failed, UPGRADE_FAILED)


def finish_job(
    platform: Platform, job_id: str, failed: Sequence[str] | int, cause: str
) -> None:
    """End all OTA tasks; `failed` names the devices that fail, or says how many."""
    job = platform.jobs[job_id]
    if isinstance(failed, int):
        waiting = [task.device_key for task in job.tasks.values() if task.status.open]
        failed = waiting[:failed]
    platform.engine.finish(job, failed, cause)


def set_job_status(platform: Platform, job_id: str, status: JobStatus) -> None:
    """Start or stop a job, as the platform's console can."""
    job = platform.jobs[job_id]
    if status is job.status:
        raise ValueError(f"{job} is {status} already")
    if status is JobStatus.STARTED:
        platform.engine.start(job)
    else:
        platform.engine.stop(job)


def retry(platform: Platform, job_id: str, device_keys: Sequence[str] | None) -> None:
    """Try failed OTA tasks again: those of some devices, or all."""
    job = platform.jobs[job_id]
    platform.engine.retry(
        job,
        [
            task
            for task in job.tasks.values()
            if task.status is TaskStatus.FAILED
            and (device_keys is None or task.device_key in device_keys)
        ],
    )


def add_device(platform: Platform, device_key: str, **fields: Any) -> Device:
    """Add a device like the first one, but for what is given."""
    like = next(iter(platform.devices.values()))
    device = Device(
        asset_id=platform.new_id(),
        device_key=device_key,
        product=like.product,
        name=Text(device_key),
        created=platform.clock.now(),
        version=like.version,
    )
    groups: Sequence[str] = fields.pop("groups", ())
    for key, value in fields.items():
        if not hasattr(device, key):
            raise AttributeError(f"a device has no {key}")
        setattr(device, key, value)
    platform.add_device(device)
    for group_id in groups:
        platform.groups[group_id].members.append(device.asset_id)
    if device.version is not None:
        platform.report_version(device, device.version)
    return device
