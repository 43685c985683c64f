"""Jobs and OTA tasks as they come, whatever is left out."""

from typing import Any

import msgspec
import pytest

from custom_components.fleet_upgrade.clients.enos.jobs import JobRow, OtaTaskRow
from custom_components.fleet_upgrade.clients.errors import MalformedError
from custom_components.fleet_upgrade.clients.model import (
    Execution,
    Policy,
    Targets,
    TaskStatus,
)

from .common import NOW

CREATED = int(NOW.timestamp() * 1000)
DAY = 24 * 3600 * 1000


def job_row(**values: Any) -> JobRow:
    """Return a job as it is decoded."""
    raw = {"jobId": "one", "status": "started", "createTime": CREATED, **values}
    return msgspec.json.decode(msgspec.json.encode(raw), type=JobRow, strict=False)


def test_a_job_of_the_published_sample_is_read() -> None:
    """Unused members are null."""
    job = job_row(
        name={"defaultValue": "ota-job-test", "i18nValue": {}},
        firmwareId="f1",
        upgradePolicy=None,
        upgradeScope={
            "type": "total",
            "versionNumbers": ["1.0"],
            "deviceKeys": None,
            "attributes": None,
            "tags": None,
            "assetTrees": None,
        },
    ).value()
    assert (job.name, job.package_id, job.created) == ("ota-job-test", "f1", NOW)
    assert job.targets == Targets(all_devices=True, from_versions=("1.0",))
    assert job.policy == Policy()


def test_numbers_may_be_text() -> None:
    """As they are in the platform's own samples."""
    job = job_row(
        upgradeTimeout="600",
        maximumConcurrency="10",
        retryPolicy={"enableRetry": True, "retryInterval": "10", "retryCount": "5"},
        enableUpgradeRequest=True,
    ).value()
    assert job.policy == Policy(
        time_limit=600,
        concurrency=10,
        retries=5,
        retry_interval=10,
        device_request=True,
    )


def test_retries_that_are_switched_off_are_none() -> None:
    """Whatever numbers stand beside."""
    job = job_row(
        retryPolicy={"enableRetry": False, "retryInterval": 10, "retryCount": 5}
    ).value()
    assert job.policy.retries == 0


@pytest.mark.parametrize(
    ("start", "end", "daily", "execution"),
    [
        (CREATED - 1000, CREATED + DAY - 2000, True, Execution.NOW),
        (CREATED - 1000, CREATED + DAY - 2000, False, Execution.CUSTOM),
        (CREATED + 1000, CREATED + DAY, True, Execution.CUSTOM),
        (CREATED - 1000, CREATED + DAY // 2, True, Execution.CUSTOM),
        (CREATED, None, True, Execution.NOW),
    ],
)
def test_all_of_each_day_is_how_the_platform_says_now(
    start: int, end: int | None, daily: bool, execution: Execution
) -> None:
    """So a job that was given no schedule has none."""
    policy = (
        job_row(
            schedulePolicy={
                "startTimestamp": start,
                "endTimestamp": end,
                "isRepeatDaily": daily,
            }
        )
        .value()
        .policy
    )
    assert policy.execution is execution
    assert (policy.start is None) is (execution is Execution.NOW)
    assert policy.repeat_daily is (daily and execution is Execution.CUSTOM)


def test_a_verification_is_told_apart() -> None:
    """By its type."""
    assert job_row(type="verify").value().policy.is_verification


def test_a_row_without_its_essentials_is_none() -> None:
    """Nothing can be done with it."""
    with pytest.raises(MalformedError):
        job_row(jobId=None).value()
    with pytest.raises(msgspec.ValidationError):
        job_row(jobId="x" * 257)  # who could ever ask for it?
    with pytest.raises(MalformedError):
        OtaTaskRow(task_id="one").value()


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (OtaTaskRow(status="failed", progress=-2), "Download failed"),
        (OtaTaskRow(status="failed", progress=-2, desc="No space"), "No space"),
        (OtaTaskRow(status="failed", progress=-9), None),
        (OtaTaskRow(status="upgrading", progress=-2), None),
        (OtaTaskRow(status="succeeded", desc="Done"), "Done"),
    ],
)
def test_why_a_device_failed_is_told_in_words(
    row: OtaTaskRow, reason: str | None
) -> None:
    """A negative progress alone says it too."""
    row.task_id, row.device_key = "one", "key1"
    row.update_time = CREATED
    subtask = row.value()
    assert subtask.reason == reason
    has_ended = subtask.status in (TaskStatus.FAILED, TaskStatus.SUCCEEDED)
    assert subtask.ended == (NOW if has_ended else None)
