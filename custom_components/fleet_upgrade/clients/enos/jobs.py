"""EnOS's OTA jobs and OTA tasks in JSON; to the model and back.

Source: "OTA job management" (V2.1) in the EnOS Connection Service API documentation.
"""

from datetime import datetime, timedelta

import msgspec

from ..answers import WireId, decoded
from ..errors import MalformedError
from ..model import (
    CreateRequest,
    Execution,
    Policy,
    Subtask,
    Targets,
    TaskStatus,
    Value,
)
from .reasons import cause_of
from .wire import Wire, WireName, count_of, milliseconds, name_of, time_of

PATH = "/connect-service/v2.1/ota-jobs"

STARTED = "started"
STOPPED = "stopped"

UPGRADE = "upgrade"
VERIFY = "verify"
SNAPSHOT = "snapshot"
INCREMENTAL = "incremental"
ALL = "total"
SOME = "partial"

SUBTASK_WORDS = {
    TaskStatus.WAITING: ("init", "published"),
    TaskStatus.PROCESSING: ("upgrading",),
    TaskStatus.FAILED: ("failed",),
    TaskStatus.SUCCEEDED: ("succeeded",),
}
"""The platform's words for an OTA task; it has none for one that was stopped."""

UNFINISHED = (
    *SUBTASK_WORDS[TaskStatus.WAITING],
    *SUBTASK_WORDS[TaskStatus.PROCESSING],
)

DEFAULT_TIME_LIMIT = 7200
DEFAULT_CONCURRENCY = 300

ALL_DAY = timedelta(hours=23, minutes=59)
"""What a daily schedule leaves open at least that never closes for long."""

_STATUS = {word: status for status, words in SUBTASK_WORDS.items() for word in words}

_FAILURES = {
    -1: "Upgrade failed",
    -2: "Download failed",
    -3: "Verification failed",
    -4: "Burning failed",
}
"""What a device says with a negative progress when it says nothing else."""


class Job(Value, frozen=True):
    """An OTA job without what only its OTA tasks tell; ``status`` as it came."""

    job_id: str
    status: str
    name: str | None = None
    package_id: str | None = None
    version: str | None = None
    created: datetime | None = None
    targets: Targets = Targets()
    policy: Policy = Policy()


class WireTree(Wire):
    """One of ``assetTrees``."""

    tree_id: str | None = None
    included_nodes: list[str] | None = None


class WireScope(Wire):
    """``upgradeScope`` of a job."""

    type: str | None = None
    version_numbers: list[str] | None = None
    product_key: str | None = None
    device_keys: list[str] | None = None
    attributes: dict[str, list[str | int | float | bool]] | None = None
    tags: dict[str, list[str]] | None = None
    asset_trees: list[WireTree] | None = None
    device_group_ids: list[str] | None = None
    asset_ids: list[str] | None = None

    def value(self) -> Targets:
        """Return the targets."""
        return Targets(
            device_groups=tuple(self.device_group_ids or ()),
            devices=tuple(self.device_keys or ()),
            product=self.product_key or None,
            asset_ids=tuple(self.asset_ids or ()),
            asset_trees={
                tree.tree_id: tuple(tree.included_nodes or ())
                for tree in self.asset_trees or ()
                if tree.tree_id
            },
            attributes={
                name: tuple(values) for name, values in (self.attributes or {}).items()
            },
            tags={name: tuple(values) for name, values in (self.tags or {}).items()},
            all_devices=self.type == ALL,
            from_versions=tuple(self.version_numbers or ()),
        )


class WireRetries(Wire):
    """``retryPolicy`` of a job."""

    enable_retry: bool | None = None
    retry_interval: int | None = None
    retry_count: int | None = None


class WireSchedule(Wire):
    """``schedulePolicy`` of a job."""

    is_repeat_daily: bool | None = None
    start_timestamp: int | None = None
    end_timestamp: int | None = None


class JobRow(Wire):
    """One OTA job, alone or in a list."""

    job_id: WireId | None = None
    name: WireName = None
    firmware_id: str | None = None
    firmware_version: str | None = None
    type: str | None = None
    enable_upgrade_request: bool | None = None
    upgrade_policy: str | None = None
    upgrade_scope: WireScope | None = None
    upgrade_timeout: int | None = None
    retry_policy: WireRetries | None = None
    schedule_policy: WireSchedule | None = None
    maximum_concurrency: int | None = None
    status: str | None = None
    create_time: int | None = None

    def value(self) -> Job:
        """Return the job; `MalformedError` without an ID."""
        if not self.job_id:
            raise MalformedError("job without jobId")
        return Job(
            job_id=self.job_id,
            status=self.status or "",
            name=name_of(self.name),
            package_id=self.firmware_id or None,
            version=self.firmware_version or None,
            created=time_of(self.create_time),
            targets=(self.upgrade_scope or WireScope()).value(),
            policy=self._policy(),
        )

    def _policy(self) -> Policy:
        retries = self.retry_policy or WireRetries()
        is_retried = bool(retries.enable_retry)
        start, end, repeat_daily = self._schedule()
        return Policy(
            execution=Execution.NOW if start is None else Execution.CUSTOM,
            start=start,
            end=end,
            repeat_daily=repeat_daily,
            retries=(count_of(retries.retry_count) or 0) if is_retried else 0,
            retry_interval=count_of(retries.retry_interval) if is_retried else None,
            time_limit=count_of(self.upgrade_timeout),
            concurrency=count_of(self.maximum_concurrency),
            is_verification=self.type == VERIFY,
            is_incremental=self.upgrade_policy == INCREMENTAL,
            device_request=bool(self.enable_upgrade_request),
        )

    def _schedule(self) -> tuple[datetime | None, datetime | None, bool]:
        """Return start, end and whether it repeats daily; nothing for "now".

        A job that was given no schedule comes back with all of each day.
        """
        schedule = self.schedule_policy or WireSchedule()
        start = time_of(schedule.start_timestamp)
        end = time_of(schedule.end_timestamp)
        if start is None or end is None:
            return None, None, False
        repeat_daily = bool(schedule.is_repeat_daily)
        created = time_of(self.create_time)
        if (
            repeat_daily
            and end - start >= ALL_DAY
            and (created is not None and start <= created)
        ):
            return None, None, False
        return start, end, repeat_daily


def read_job_row(row: msgspec.Raw) -> Job:
    """Read a row of a page of jobs."""
    return decoded(row, JobRow).value()


class OtaTaskRow(Wire):
    """One OTA task in a list."""

    task_id: str | None = None
    job_id: str | None = None
    device_key: str | None = None
    status: str | None = None
    progress: int | None = None
    desc: str | None = None
    update_time: int | None = None

    @property
    def common_status(self) -> TaskStatus | None:
        """The status in common words."""
        return _STATUS.get(self.status or "")

    def value(self) -> Subtask:
        """Return the subtask; `MalformedError` without an ID or a device key."""
        if not self.task_id or not self.device_key:
            raise MalformedError("OTA task without taskId or deviceKey")
        status = self.common_status
        has_ended = status in (TaskStatus.SUCCEEDED, TaskStatus.FAILED)
        reason = self.desc or None
        cause = None
        if status is TaskStatus.FAILED:
            cause = cause_of(self.progress, reason)
            reason = reason or _FAILURES.get(self.progress or 0)
        return Subtask(
            subtask_id=self.task_id,
            device_id=self.device_key,
            status=status,
            reason=reason,
            cause=cause,
            ended=time_of(self.update_time) if has_ended else None,
        )


def create_body(request: CreateRequest) -> dict[str, object]:
    """Return the body that creates a job; what is left to the platform is absent."""
    policy = request.policy
    body: dict[str, object] = {
        "type": VERIFY if policy.is_verification else UPGRADE,
        "upgradeScope": _scope(request.targets),
    }
    if request.name is not None:
        body["name"] = {"defaultValue": request.name, "i18nValue": {}}
    if policy.time_limit is not None:
        body["upgradeTimeout"] = policy.time_limit
    if policy.is_verification:
        return body
    body["upgradePolicy"] = INCREMENTAL if policy.is_incremental else SNAPSHOT
    body["enableUpgradeRequest"] = policy.device_request
    if policy.retries:
        body["retryPolicy"] = {
            "enableRetry": True,
            "retryInterval": policy.retry_interval,
            "retryCount": policy.retries,
        }
    if policy.start is not None and policy.end is not None:
        body["schedulePolicy"] = {
            "isRepeatDaily": policy.repeat_daily,
            "startTimestamp": milliseconds(policy.start),
            "endTimestamp": milliseconds(policy.end),
        }
    if policy.concurrency is not None:
        body["maximumConcurrency"] = policy.concurrency
    return body


def _scope(targets: Targets) -> dict[str, object]:
    trees = [
        {"treeId": tree} | ({"includedNodes": list(nodes)} if nodes else {})
        for tree, nodes in targets.asset_trees.items()
    ]
    given: dict[str, object] = {
        "versionNumbers": list(targets.from_versions),
        "productKey": targets.product,
        "deviceGroupIds": list(targets.device_groups),
        "deviceKeys": list(targets.devices),
        "attributes": {key: list(each) for key, each in targets.attributes.items()},
        "tags": {key: list(each) for key, each in targets.tags.items()},
        "assetTrees": trees,
        "assetIds": list(targets.asset_ids),
    }
    scope: dict[str, object] = {"type": ALL if targets.all_devices else SOME}
    return scope | {key: value for key, value in given.items() if value}
