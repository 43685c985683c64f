"""What becomes of a job, by its own word and its OTA tasks."""

from datetime import timedelta
from typing import Any

import pytest

from custom_components.fleet_upgrade.clients.enos.counts import Tally
from custom_components.fleet_upgrade.clients.enos.jobs import Job
from custom_components.fleet_upgrade.clients.enos.status import (
    RETRY_GRACE,
    may_retry,
    status_of,
    task_as_known,
    task_of,
)
from custom_components.fleet_upgrade.clients.model import (
    Execution,
    Policy,
    StatusCounts,
    TaskStatus,
    UpgradeKind,
    UpgradeTask,
)

from .common import NOW

STARTED = Job(job_id="one", status="started")
STOPPED = Job(job_id="one", status="stopped")
INCREMENTAL = Job(
    job_id="one", status="started", policy=Policy(is_incremental=True, retries=1)
)
ALL_WELL = Tally(total=2, succeeded=2, newest=NOW)
ONE_FAILED = Tally(total=2, succeeded=1, failed=1, newest=NOW)
HOUR = timedelta(hours=1)


def scheduled(**values: Any) -> Policy:
    """Return a policy with a schedule and one retry, at once."""
    return Policy(execution=Execution.CUSTOM, retries=1, **values)


@pytest.mark.parametrize(
    ("job", "tally", "retries_remain", "status"),
    [
        (STARTED, Tally(), False, TaskStatus.WAITING),
        (STARTED, Tally(total=2, waiting=2), False, TaskStatus.WAITING),
        (
            STARTED,
            Tally(total=2, waiting=1, processing=1),
            False,
            TaskStatus.PROCESSING,
        ),
        (STARTED, Tally(total=2, waiting=1, failed=1), False, TaskStatus.PROCESSING),
        (STARTED, ALL_WELL, False, TaskStatus.SUCCEEDED),
        (STARTED, ONE_FAILED, False, TaskStatus.FAILED),
        (STARTED, ONE_FAILED, True, TaskStatus.PROCESSING),
        (STOPPED, Tally(total=2, waiting=2), False, TaskStatus.STOPPED),
        (STOPPED, None, False, TaskStatus.STOPPED),
        (INCREMENTAL, Tally(), False, TaskStatus.WAITING),
        (INCREMENTAL, ALL_WELL, False, TaskStatus.PROCESSING),
        (INCREMENTAL, ONE_FAILED, False, TaskStatus.PROCESSING),
        (STARTED, None, False, None),
        (Job(job_id="one", status="dreaming"), ALL_WELL, False, None),
    ],
)
def test_a_status_follows_from_the_ota_tasks(
    job: Job, tally: Tally | None, retries_remain: bool, status: TaskStatus | None
) -> None:
    """Jobs never leave ``started`` by themselves."""
    assert status_of(job, tally, may_retry=retries_remain) is status


@pytest.mark.parametrize(
    ("policy", "passed", "remains"),
    [
        (Policy(), timedelta(), False),
        (Policy(retries=2, retry_interval=60), timedelta(seconds=119), True),
        (Policy(retries=2, retry_interval=60), timedelta(seconds=121), False),
        (Policy(retries=2), timedelta(), True),
        (Policy(retries=2), RETRY_GRACE, False),
        # A window that is over will not open again.
        (scheduled(start=NOW - HOUR, end=NOW), timedelta(), False),
        (scheduled(start=NOW - HOUR, end=NOW + HOUR), timedelta(), True),
        (scheduled(start=NOW + HOUR, end=NOW + 2 * HOUR), HOUR, True),
        # Of a daily one, tomorrow's counts.
        (
            scheduled(start=NOW - HOUR, end=NOW, repeat_daily=True),
            22 * HOUR,
            True,
        ),
        (
            scheduled(start=NOW - HOUR, end=NOW, repeat_daily=True),
            24 * HOUR,
            False,
        ),
        (
            scheduled(
                start=NOW - timedelta(days=9, hours=1),
                end=NOW - timedelta(days=9) + HOUR,
                repeat_daily=True,
            ),
            HOUR,
            False,
        ),
        (scheduled(start=NOW + HOUR, end=NOW), RETRY_GRACE, False),
    ],
)
def test_retries_remain_until_the_next_one_is_overdue(
    policy: Policy, passed: timedelta, remains: bool
) -> None:
    """The platform does not tell how often it has tried."""
    assert may_retry(policy, NOW, NOW + passed) is remains


def known(**values: object) -> UpgradeTask:
    """Return what was known of the job."""
    return UpgradeTask(task_id="one", kind=UpgradeKind.FIRMWARE, **values)  # type: ignore[arg-type]


def test_a_task_keeps_when_it_began_and_tells_when_it_ended() -> None:
    """The platform has neither, but rows say when they changed."""
    tally = Tally(total=1, succeeded=1, first=NOW, newest=NOW + HOUR)
    task = task_of(STARTED, None, tally, may_retry=False)
    assert (task.started, task.ended) == (NOW, NOW + HOUR)
    task = task_of(STARTED, known(started=NOW - HOUR), tally, may_retry=False)
    assert task.started == NOW - HOUR


def test_a_task_that_goes_on_has_no_end() -> None:
    """Whatever changed last."""
    tally = Tally(total=2, succeeded=1, waiting=1, first=NOW, newest=NOW)
    assert task_of(STARTED, None, tally, may_retry=False).ended is None


@pytest.mark.parametrize(
    ("job", "before", "status"),
    [
        (STARTED, None, TaskStatus.WAITING),
        (STOPPED, None, TaskStatus.STOPPED),
        (STARTED, known(status=TaskStatus.SUCCEEDED), TaskStatus.SUCCEEDED),
        (STOPPED, known(status=TaskStatus.SUCCEEDED), TaskStatus.STOPPED),
    ],
)
def test_a_job_that_was_not_counted_is_as_it_was(
    job: Job, before: UpgradeTask | None, status: TaskStatus
) -> None:
    """But for what its own row says."""
    assert task_as_known(job, before).status is status


def test_a_job_that_was_not_counted_keeps_its_counts_and_times() -> None:
    """Unless it was stopped since: nobody knows when."""
    before = known(
        status=TaskStatus.FAILED,
        counts=StatusCounts(total=2, failed=2),
        started=NOW,
        ended=NOW,
    )
    task = task_as_known(STARTED, before)
    assert (task.counts, task.started, task.ended) == (before.counts, NOW, NOW)
    assert task_as_known(STOPPED, before).ended is None
