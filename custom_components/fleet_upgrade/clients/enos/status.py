"""What becomes of an OTA job in words common to all platforms.

The platform knows only ``started``, which a job stays for ever, and ``stopped``. All
else follows from its OTA tasks.
"""

from datetime import datetime, timedelta

from ..model import Policy, StatusCounts, TaskStatus, UpgradeKind, UpgradeTask
from ..windows import opening
from .counts import Tally
from .jobs import STARTED, STOPPED, Job

RETRY_GRACE = timedelta(minutes=1)
"""How long after it is due a retry may begin."""


def task_of(
    job: Job, known: UpgradeTask | None, tally: Tally | None, *, may_retry: bool
) -> UpgradeTask:
    """Return a job as it is after its OTA tasks were counted."""
    status = status_of(job, tally, may_retry=may_retry)
    started = known.started if known is not None else None
    ended = None
    if tally is not None:
        started = started or tally.first
        if status in (TaskStatus.SUCCEEDED, TaskStatus.FAILED):
            ended = tally.newest
    return _task(
        job,
        status,
        tally.counts() if tally is not None else StatusCounts(),
        started,
        ended,
    )


def task_as_known(job: Job, known: UpgradeTask | None) -> UpgradeTask:
    """Return a job whose OTA tasks are as they were when they were counted last.

    One that nobody has counted counts as active: somebody has just created it.
    """
    if known is None:
        status = TaskStatus.STOPPED if job.status == STOPPED else TaskStatus.WAITING
        return _task(job, status, StatusCounts(), None, None)
    is_stopped = job.status == STOPPED
    return _task(
        job,
        TaskStatus.STOPPED if is_stopped else known.status,
        known.counts,
        known.started,
        None if is_stopped else known.ended,
    )


def status_of(job: Job, tally: Tally | None, *, may_retry: bool) -> TaskStatus | None:
    """Return the status of a job; ``None`` for one that cannot be told."""
    if job.status == STOPPED:
        return TaskStatus.STOPPED
    if job.status != STARTED or tally is None:
        return None
    if tally.waiting == tally.total:  # or there is none yet
        return TaskStatus.WAITING
    if not tally.have_all_ended or job.policy.is_incremental:
        return TaskStatus.PROCESSING
    if not tally.failed:
        return TaskStatus.SUCCEEDED
    return TaskStatus.PROCESSING if may_retry else TaskStatus.FAILED


def may_retry(policy: Policy, last_change: datetime, now: datetime) -> bool:
    """Whether the platform may yet retry devices that failed, by itself.

    It does not tell how often it has tried. But it tries again when the interval has
    passed and the schedule allows it, so where nothing has happened by then, it has
    tried for the last time.
    """
    if not policy.retries:
        return False
    due = opening(policy, last_change + timedelta(seconds=policy.retry_interval or 0))
    return due is not None and now < due + RETRY_GRACE


def _task(
    job: Job,
    status: TaskStatus | None,
    counts: StatusCounts,
    started: datetime | None,
    ended: datetime | None,
) -> UpgradeTask:
    return UpgradeTask(
        task_id=job.job_id,
        kind=UpgradeKind.FIRMWARE,
        status=status,
        name=job.name,
        package_id=job.package_id,
        version=job.version,
        created=job.created,
        started=started,
        ended=ended,
        counts=counts,
        targets=job.targets,
        policy=job.policy,
    )
