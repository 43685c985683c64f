"""The upgrade engine: takes the devices of a job through their OTA tasks.

Documented behaviour is that of the pages on device OTA; where they are silent a
comment says what was chosen.
"""

from collections.abc import Callable, Collection, Iterable
import random
from typing import TYPE_CHECKING

from ..agenda import Agenda, Moment
from .model import Device, Job, JobStatus, JobType, Task, TaskStatus
from .scope import expand, selector

if TYPE_CHECKING:
    from .platform import Platform

# Seconds of device time.
PUSH = 2.0
"""Until a device that can be reached is told of its upgrade."""
ASK = (20.0, 120.0)
"""Until a device asks for an upgrade that is not pushed."""
FIRST_WORD = (2.0, 10.0)
"""From there until it says how far it has come for the first time."""
STEP = (4.0, 20.0)
"""Between two such words."""
PROGRESS = (5, 20, 40, 60, 80, 95)
_FLAW_AT = 40

FINISHED = "upgrading firmware finished"
CANCELLED = "Cancelled by user"
TIMED_OUT = "Upgrade timeout"
DEVICE_GONE = "Device not found"
UPGRADE_FAILED = "Failed to upgrade firmware"


class Engine:
    """Moves all jobs of a platform."""

    def __init__(self, platform: Platform) -> None:
        """Start with nothing to do."""
        self._platform = platform
        self._agenda = Agenda(platform.clock)
        self._incremental: dict[str, Job] = {}

    def run(self) -> None:
        """Do all that is due by now."""
        self._agenda.run()

    # Jobs

    def begin(self, job: Job, devices: Iterable[Device]) -> None:
        """Take over a new job with the devices that it is for at this moment."""
        if job.incremental:
            self._incremental[job.job_id] = job
        here = self._agenda.here()
        for device in devices:
            self._add(job, device, here)

    def start(self, job: Job) -> None:
        """Let a stopped job go on."""
        here = self._agenda.here()
        self._set_status(job, JobStatus.STARTED)
        held, job.held = job.held, []
        for action in held:
            action(here)
        if job.incremental:
            for device in expand(self._platform, job.firmware, job.scope):
                self._add(job, device, here)
        self._pump(job, here)

    def stop(self, job: Job) -> None:
        """Stop a job.

        Chosen: nothing is pushed any more, and nothing pushed begins; a device in the
        middle of its upgrade is left to finish.
        """
        self._set_status(job, JobStatus.STOPPED)

    def _set_status(self, job: Job, status: JobStatus) -> None:
        job.status = status
        self._platform.job_index.put(job.job_id, job)

    def forget(self, job: Job) -> None:
        """Let go of a job that was deleted."""
        self._incremental.pop(job.job_id, None)
        here = self._agenda.here()
        for task in job.tasks.values():
            if task.status.open:
                task.turn += 1
                self._release(task, here)

    def cancel(self, job: Job, tasks: Iterable[Task]) -> None:
        """End OTA tasks that have not begun; they are not tried again by themselves."""
        here = self._agenda.here()
        for task in tasks:
            self._end(job, task, TaskStatus.FAILED, 0, CANCELLED, here)

    def retry(self, job: Job, tasks: Iterable[Task]) -> None:
        """Let failed OTA tasks begin again, but for devices that are busy elsewhere."""
        here = self._agenda.here()
        for task in tasks:
            self._again(job, task, here)

    def finish(self, job: Job, failed: Collection[str], cause: str) -> None:
        """End all that is open in a job: success, but for the failed device keys."""
        here = self._agenda.here()
        for task in list(job.tasks.values()):
            if not task.status.open:
                continue
            if task.device_key in failed:
                self._end(job, task, TaskStatus.FAILED, -1, cause, here)
            else:
                self._succeed(job, task, here)

    def move(self, job: Job, status: TaskStatus) -> None:
        """Bring all OTA tasks that have not come so far to an open status."""
        here = self._agenda.here()
        for task in list(job.tasks.values()):
            if task.status is TaskStatus.INIT and status.running:
                self._publish(job, task, here)
            if task.status is TaskStatus.PUBLISHED and status is TaskStatus.UPGRADING:
                self._work(job, task, iter(PROGRESS), here)

    # Devices

    def reported(self, device: Device) -> None:
        """Hear from a device which version it runs."""
        here = self._agenda.here()
        task = device.upgrade
        if task is not None and device.version == task.to_version:
            self._succeed(self._platform.jobs[task.job_id], task, here)
        else:
            self._consider(device, here)

    def woke(self, device: Device) -> None:
        """Hear that a device can be reached now."""
        if (task := device.upgrade) is not None and task.status is TaskStatus.INIT:
            task.turn += 1
            self._reach(self._platform.jobs[task.job_id], task, self._agenda.here())

    def _consider(self, device: Device, at: Moment) -> None:
        """Take a device into the incremental jobs that are for it."""
        for job in list(self._incremental.values()):
            if job.started and selector(self._platform, job.firmware, job.scope)(
                device
            ):
                self._add(job, device, at)

    def _add(self, job: Job, device: Device, at: Moment) -> None:
        """Make a device's OTA task, unless it has one, in this job or another."""
        if device.upgrade is not None or device.asset_id in job.tasks:
            return
        assert device.version is not None
        task = Task(
            task_id=self._platform.new_id(),
            job_id=job.job_id,
            asset_id=device.asset_id,
            device_key=device.device_key,
            product_key=device.product.product_key,
            from_version=device.version,
            to_version=job.firmware.version,
            updated=at.now,
        )
        job.tasks[device.asset_id] = task
        device.upgrade = task
        self._platform.task_index.put(task.task_id, task)
        self._reach(job, task, at)

    def _reach(self, job: Job, task: Task, at: Moment) -> None:
        """Plan when the device of an OTA task can be told of its upgrade."""
        device = self._platform.devices.get(task.asset_id)
        if device is None:
            self._end(job, task, TaskStatus.FAILED, -1, DEVICE_GONE, at)
            return
        if device.wakes_after == float("inf"):
            return
        wait = device.wakes_after
        wait += self._uniform(task, "ask", ASK) if job.on_request else PUSH

        def ready(later: Moment) -> None:
            device.status = "online"
            device.wakes_after = 0.0
            job.queue.append((task, task.turn))
            self._pump(job, later)

        self._plan(job, task, at.steps + wait, ready)

    def _plan(
        self, job: Job, task: Task, steps: float, action: Callable[[Moment], None]
    ) -> None:
        """Plan an action that no longer holds once the OTA task has moved on."""
        turn = task.turn

        def due(at: Moment) -> None:
            if task.turn == turn and self._platform.jobs.get(job.job_id) is job:
                action(at)

        self._agenda.at_step(steps, due)

    def _pump(self, job: Job, at: Moment) -> None:
        """Push to the devices that wait for it, as far as job and schedule let it."""
        if not job.started or self._platform.jobs.get(job.job_id) is not job:
            return
        if job.schedule is not None and not job.schedule.open_at(at.now):
            self._wait_for_window(job, job.schedule.next_opening(at.now))
            return
        while job.queue and job.running < job.concurrency:
            task, turn = job.queue.popleft()
            if task.turn == turn:
                self._publish(job, task, at)

    def _wait_for_window(self, job: Job, opening: float | None) -> None:
        if opening is None or opening == job.next_opening:
            return
        job.next_opening = opening
        self._agenda.at_wall(opening, lambda at: self._pump(job, at))

    def _publish(self, job: Job, task: Task, at: Moment) -> None:
        task.attempts += 1
        self._move(job, task, TaskStatus.PUBLISHED, at)
        from_published = (
            job.kind is JobType.VERIFY
            and self._platform.quirks.verify_timeout_from == "published"
        )
        if from_published:
            self._limit(job, task, at)
        self._plan(
            job,
            task,
            at.steps + self._uniform(task, "first", FIRST_WORD),
            lambda later: self._work(job, task, iter(PROGRESS), later),
        )

    def _limit(self, job: Job, task: Task, at: Moment) -> None:
        """Plan the end of the time that a device has for this attempt."""
        attempt = task.attempts

        def due(later: Moment) -> None:
            if (
                task.status.running
                and task.attempts == attempt
                and self._platform.jobs.get(job.job_id) is job
            ):
                self._fail(job, task, -1, TIMED_OUT, later)

        self._agenda.at_step(at.steps + job.timeout, due)

    def _work(self, job: Job, task: Task, progress: Iterable[int], at: Moment) -> None:
        """Let a device say how far it has come, and plan its next word."""
        if task.status is TaskStatus.PUBLISHED:
            if not job.started:
                turn = task.turn

                def resume(later: Moment) -> None:
                    if task.turn == turn:
                        self._work(job, task, progress, later)

                job.held.append(resume)
                return
            self._move(job, task, TaskStatus.UPGRADING, at)
            if not (
                job.kind is JobType.VERIFY
                and self._platform.quirks.verify_timeout_from == "published"
            ):
                self._limit(job, task, at)
        device = self._platform.devices.get(task.asset_id)
        if device is None:
            self._end(job, task, TaskStatus.FAILED, -1, DEVICE_GONE, at)
            return
        progress = iter(progress)
        reached = next(progress, None)
        if reached is None:
            self._succeed(job, task, at)
            return
        flaw = device.flaw
        if flaw is not None and task.attempts <= flaw.attempts and reached >= _FLAW_AT:
            if not flaw.hangs:
                self._fail(job, task, flaw.progress, flaw.description, at)
            return
        task.progress = reached
        task.description = None
        self._touch(task, at)
        self._plan(
            job,
            task,
            at.steps + self._uniform(task, f"{reached}", STEP),
            lambda later: self._work(job, task, progress, later),
        )

    def _uniform(self, task: Task, step: str, bounds: tuple[float, float]) -> float:
        """Return a time that follows from the seed, the device and what it does."""
        return random.Random(
            f"{self._platform.settings.seed} {task.asset_id} {task.to_version} "
            f"{task.attempts} {step}"
        ).uniform(*bounds)

    # Ends

    def _succeed(self, job: Job, task: Task, at: Moment) -> None:
        device = self._platform.devices.get(task.asset_id)
        if device is not None:
            device.version = task.to_version
        if job.kind is JobType.VERIFY:
            firmware = job.firmware
            firmware.verified += 1
            if firmware.verified >= firmware.min_verified:
                firmware.is_verified = True
        self._end(job, task, TaskStatus.SUCCEEDED, 100, FINISHED, at)

    def _fail(
        self, job: Job, task: Task, progress: int, description: str, at: Moment
    ) -> None:
        """End an attempt; the job's policy may want another one."""
        self._end(job, task, TaskStatus.FAILED, progress, description, at)
        retry = job.retry
        if not retry.enabled or task.attempts > (retry.count or 0):
            return

        def again(later: Moment) -> None:
            if job.started:
                self._again(job, task, later)
            else:
                turn = task.turn
                job.held.append(
                    lambda at_start: (
                        self._again(job, task, at_start) if task.turn == turn else None
                    )
                )

        self._plan(job, task, at.steps + (retry.interval or 0), again)

    def _again(self, job: Job, task: Task, at: Moment) -> None:
        device = self._platform.devices.get(task.asset_id)
        if device is not None:
            # Another job may have taken it meanwhile.
            if device.upgrade is not None:
                return
            device.upgrade = task
        task.progress = 0
        task.description = None
        self._move(job, task, TaskStatus.INIT, at)
        self._reach(job, task, at)

    def _end(
        self,
        job: Job,
        task: Task,
        status: TaskStatus,
        progress: int,
        description: str,
        at: Moment,
    ) -> None:
        task.progress = progress
        task.description = description
        self._move(job, task, status, at)
        self._release(task, at)
        self._pump(job, at)

    def _release(self, task: Task, at: Moment) -> None:
        """Free a device for other jobs."""
        device = self._platform.devices.get(task.asset_id)
        if device is not None and device.upgrade is task:
            device.upgrade = None
            self._consider(device, at)

    def _move(self, job: Job, task: Task, status: TaskStatus, at: Moment) -> None:
        job.running += status.running - task.status.running
        task.status = status
        task.turn += 1
        self._touch(task, at)

    def _touch(self, task: Task, at: Moment) -> None:
        task.updated = at.now
        self._platform.task_index.put(task.task_id, task)
