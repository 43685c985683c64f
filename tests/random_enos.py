"""EnOS in random lives."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
import time
from typing import Any, override

import pytest

from custom_components.fleet_upgrade.clients.enos import auth
from custom_components.fleet_upgrade.clients.model import (
    ChangeKind,
    TaskChange,
    TaskStatus,
)
from custom_components.fleet_upgrade.const import CONF_PLATFORM
from simulator.enos import EnosSimulator, Quirks
from simulator.enos.model import Job, Task

from .enos_account import CREATE, answers_for
from .random_platform import RandomPlatform, Truth, pick
from .wire_fuzz import counts_on_enos

LAG = 0.04
"""Seconds by which searches are behind: less than what is looked for something, as on
the real platform, whose two seconds are less than a minute."""

TOKEN_LIFE = 2.0
"""Seconds that a token lives: some in each life."""

NEW: tuple[dict[str, Any], ...] = (
    {},
    {"status": "published"},
    {"status": "upgrading"},
    {"status": "succeeded"},
    {"status": "failed"},
    {"stopped": True},
    {"status": "upgrading", "stopped": True},
)
"""The jobs that others make."""

QUIRKS: tuple[dict[str, Any], ...] = (
    {},
    {"ota_pagination": False, "task_order": "unordered"},
    {"numbers_as_text": True, "unset": "absent", "old_token": "lives"},
    {"created_as": "stopped", "mixed_lists": "some", "task_order": "created"},
)
"""The habits that a platform has in a life, in turn."""


class RandomEnos(RandomPlatform[EnosSimulator]):
    """EnOS: users can do there what others can, and its searches are behind."""

    key = "enos"
    creation = CREATE

    @override
    def hurry(self, patches: pytest.MonkeyPatch) -> None:
        patches.setattr(auth, "MARGIN", TOKEN_LIFE / 10)

    @override
    def begin(self, life: int) -> str:
        habits = pick(QUIRKS, life)
        self._sim.reset(
            jobs=0,
            devices=40,
            index_lag=LAG,
            token_life=TOKEN_LIFE,
            # It is in whole seconds, which are long in these lives.
            quirks=Quirks(retry_after=False, **habits),
        )
        return f"with {habits}"

    @override
    def credentials(self) -> dict[str, Any]:
        return {CONF_PLATFORM: "enos", **answers_for(self._sim)}

    @override
    def targets(self, random: Random, count: int) -> dict[str, Any]:
        firmware = self._sim.firmware(verified=True)[0]
        devices = [each.device_key for each in self._sim.devices(firmware)]
        return {
            "package": firmware.firmware_id,
            "devices": random.sample(devices, k=min(count, len(devices))),
        }

    @property
    @override
    def is_up_to_date(self) -> bool:
        return self._sim.is_indexed

    @override
    def catch_up(self) -> None:
        # Set, not advanced: devices that work on would write something new.
        clock = self._sim.clock
        clock.set(clock.moment() + timedelta(seconds=LAG))
        assert self.is_up_to_date

    @override
    def truth(self) -> Truth:
        counts = counts_on_enos(self._sim)
        return {
            job.job_id: (status_of(job), counts[job.job_id]) for job in self._sim.jobs()
        }

    @override
    def tasks_for(self, happening: str) -> Sequence[str]:
        jobs = self._sim.jobs()
        match happening:
            case "a task ends":
                jobs = [job for job in jobs if job.started and are_open(job)]
            case "a task is stopped":
                jobs = [job for job in jobs if job.started]
            case "a task is started" | "a task is started and stopped":
                jobs = [job for job in jobs if not job.started]
            case "a task is retried" | "a task is retried and ends":
                jobs = [job for job in jobs if job.started and self._failed(job)]
        return [job.job_id for job in jobs]

    @override
    def let(self, happening: str, task_id: str, count: int) -> None:
        match happening:
            case "a task ends":
                self._sim.finish_job(task_id, failed=count)
            case "a task is stopped":
                self._sim.stop_job(task_id)
            case "a task is started":
                self._sim.start_job(task_id)
            case "a task is started and stopped":
                self._sim.start_job(task_id)
                self._sim.clock.work(30)
                self._sim.stop_job(task_id)
            case "a task is retried":
                self._sim.retry_job(task_id)
            case "a task is retried and ends":
                self._sim.retry_job(task_id)
                self._sim.finish_job(task_id, failed=count)
            case "a task is deleted":
                if self._sim.job(task_id).started:
                    self._sim.stop_job(task_id)
                self._sim.delete_job(task_id)

    @override
    def add(self, which: int) -> str:
        random = Random(which)
        firmware = random.choice(self._sim.firmware(verified=True))
        devices = [each.device_key for each in self._sim.devices(firmware)]
        return self._sim.add_job(
            firmware=firmware,
            devices=random.sample(devices, k=min(len(devices), random.randint(1, 6))),
            **pick(NEW, which),
        )

    @override
    def work(self, seconds: float) -> None:
        self._sim.clock.work(seconds)

    @override
    def jump(self, minutes: int) -> None:
        """Let its clock be wrong, by so much that it refuses calls at the outmost."""
        self.catch_up()  # or what was written would be found after minutes only
        now = datetime.fromtimestamp(time.clock_gettime(time.CLOCK_REALTIME), UTC)
        self._sim.clock.set(now + timedelta(minutes=minutes / 5))

    @override
    def mend(self) -> None:
        super().mend()
        self.jump(0)

    @override
    def end_session(self, *, by_others: bool) -> None:
        if by_others:
            self._sim.drop_token()
        else:
            self._sim.expire_token()

    @override
    def change(self, kind: ChangeKind, which: int, count: int) -> TaskChange | None:
        jobs = self._sim.jobs()
        if not jobs:
            return None
        job = pick([job for job in jobs if self._changes(kind, job)] or jobs, which)
        tasks = self._subtasks(kind, job)
        if tasks is None:
            return TaskChange(kind=kind, task_id=job.job_id)
        chosen = Random(which).sample(tasks, k=min(count, len(tasks)))
        # A device that the job does not have is refused.
        devices = tuple(task.device_key for task in chosen) or ("nobody",)
        return TaskChange(kind=kind, task_id=job.job_id, devices=devices)

    def _changes(self, kind: ChangeKind, job: Job) -> bool:
        """Whether a job can be changed so."""
        tasks = self._subtasks(kind, job)
        if tasks is not None:
            return job.started and bool(tasks)
        return job.started is (kind is ChangeKind.STOP)

    def _subtasks(self, kind: ChangeKind, job: Job) -> list[Task] | None:
        """Return the OTA tasks of a job that may be changed; none for all of it."""
        match kind:
            case ChangeKind.CANCEL_SUBTASKS:
                return [
                    task
                    for task in job.tasks.values()
                    if task.status in ("init", "published")
                ]
            case ChangeKind.RETRY_SUBTASKS:
                return self._failed(job)
            case _:
                return None

    def _failed(self, job: Job) -> list[Task]:
        """Return the failed OTA tasks whose devices no other job has taken."""
        devices = self._sim.platform.devices
        return [
            task
            for task in job.tasks.values()
            if task.status == "failed" and devices[task.asset_id].upgrade is None
        ]

    @override
    def shows(self, change: TaskChange) -> bool:
        jobs = {job.job_id: job for job in self._sim.jobs()}
        if change.kind is ChangeKind.DELETE:
            return change.task_id not in jobs
        job = jobs[change.task_id]
        failed = {
            task.device_key for task in job.tasks.values() if task.status == "failed"
        }
        match change.kind:
            case ChangeKind.START:
                return job.started
            case ChangeKind.STOP:
                return not job.started
            case ChangeKind.CANCEL_SUBTASKS:
                return failed.issuperset(change.devices)
            case ChangeKind.RETRY_SUBTASKS:
                return failed.isdisjoint(change.devices)


def are_open(job: Job) -> bool:
    """Whether some OTA tasks of a job have not ended."""
    return any(task.status.open for task in job.tasks.values())


def status_of(job: Job) -> TaskStatus:
    """Return the status that follows from a job's OTA tasks."""
    statuses = {task.status.value for task in job.tasks.values()}
    if not job.started:
        return TaskStatus.STOPPED
    if statuses <= {"init", "published"}:
        return TaskStatus.WAITING
    if are_open(job):
        return TaskStatus.PROCESSING
    return TaskStatus.FAILED if "failed" in statuses else TaskStatus.SUCCEEDED
