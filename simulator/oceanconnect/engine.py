"""The upgrade engine: takes the devices of a task through their steps.

Documented behaviour is from the FAQ pages on software and firmware upgrade; where they
are silent a comment says what was chosen.
"""

from collections import defaultdict, deque
from collections.abc import Iterable
import random
from typing import TYPE_CHECKING, Protocol

from ..agenda import Agenda, Moment
from .causes import (
    ALREADY_CURRENT,
    DEVICE_GONE,
    NOT_ONLINE,
    ONLINE_TIMEOUT,
    STOPPED,
    TASK_CONFLICT,
    WINDOW_CLOSED,
)
from .model import Device, ExecuteType, Flaw, Status, Subtask, Task, TaskStatus

if TYPE_CHECKING:
    from .platform import Platform

# Seconds of device time.
PICK_UP = 2.0
RETRY_INTERVAL = 60.0
ONLINE_WAIT = 24 * 3600.0

# Devices of one radio cell that are upgraded at a time, per coverage level.
CONCURRENCY = (50, 10, 1)

# The steps of a device, each with the range of seconds it takes. The platform first
# asks for the version and the cell; the last four are those it tells subscribers.
STEPS: dict[str, tuple[float, float]] = {
    "version": (3, 12),
    "cellId": (2, 6),
    "downloading": (30, 180),
    "downloaded": (4, 12),
    "updating": (20, 60),
    "checking": (4, 10),
}
# The states that the platform tells subscribers, and what `detailInfo` says meanwhile.
IDLE = "idle"
STATES = {
    "downloading": "downloading",
    "downloaded": "downloaded",
    "updating": "updating",
    "checking": "updating",
}


class Watcher(Protocol):
    """Who is told what the devices do."""

    def moved(self, task: Task, subtask: Subtask, state: str) -> None:
        """Hear that a device has come to another state: a word of STATES or IDLE."""

    def ended(self, task: Task, subtask: Subtask) -> None:
        """Hear how the upgrade of a device has ended."""


class Engine:
    """Moves all tasks of a platform."""

    def __init__(self, platform: Platform) -> None:
        """Start with nothing to do."""
        self._platform = platform
        self._agenda = Agenda(platform.clock)
        self.watchers: list[Watcher] = []
        self._used: defaultdict[tuple[int, int], int] = defaultdict(int)
        self._queued: defaultdict[tuple[int, int], deque[tuple[Task, Subtask, int]]] = (
            defaultdict(deque)
        )

    @property
    def idle(self) -> bool:
        """Tell whether nothing is planned and no place in a cell is taken."""
        return self._agenda.empty and not any(self._used.values())

    def run(self) -> None:
        """Do all that is due by now."""
        self._agenda.run()

    # Tasks

    def begin(self, task: Task) -> None:
        """Take over a new task."""
        if task.policy.execute_type is ExecuteType.CUSTOM:
            assert task.policy.start is not None and task.policy.end is not None
            self._agenda.at_wall(task.policy.start, lambda at: self._start(task, at))
            self._agenda.at_wall(
                task.policy.end, lambda at: self._close_window(task, at)
            )
        else:
            self._agenda.at_step(
                self._agenda.here().steps + PICK_UP, lambda at: self._start(task, at)
            )

    def start(self, task: Task) -> None:
        """Start a waiting task now, without waiting for its time."""
        self._start(task, self._agenda.here())

    def _start(self, task: Task, at: Moment) -> None:
        if task.status is not TaskStatus.WAIT or self._gone(task):
            return
        # A task that waits for its devices begins with the first that comes online.
        if task.policy.execute_type is not ExecuteType.DEVICE_ONLINE:
            task.status = TaskStatus.PROCESSING
            task.started = at.now
        self._attempt(task, list(task.subtasks), at)

    def _gone(self, task: Task) -> bool:
        return self._platform.tasks.get(task.task_id) is not task

    def _close_window(self, task: Task, at: Moment) -> None:
        """End what has not begun by the end of the window.

        Chosen: that is stopped, not failed; a device in the middle of its upgrade is
        left to finish, since cutting it off could leave it without a working image.
        """
        if self._gone(task) or not task.status.active:
            return
        for subtask in task.subtasks:
            if subtask.status is Status.WAIT:
                self._finish(task, subtask, Status.STOP, WINDOW_CLOSED, at)

    def finish(self, task: Task, failed: Iterable[str], cause: str) -> None:
        """End all that is open in a task now: success, but for the failed devices."""
        here = self._agenda.here()
        task.retries_left = 0
        if task.started is None:
            task.started = here.now
        failed = set(failed)
        for subtask in task.subtasks:
            if not subtask.status.open:
                continue
            if subtask.device_id in failed:
                self._finish(task, subtask, Status.FAIL, cause, here)
            else:
                self._succeed(task, subtask, here)

    def stop(self, task: Task) -> None:
        """Stop a task, as the platform's portal can: all that is open ends."""
        here = self._agenda.here()
        task.retries_left = 0
        for subtask in task.subtasks:
            if subtask.status.open:
                self._finish(task, subtask, Status.STOP, STOPPED, here)

    def retry(self, task: Task) -> None:
        """Make a failed task active again; raises ValueError if it has not failed."""
        if task.status is not TaskStatus.FAILED:
            raise ValueError(f"{task} has not failed")
        self._retry(task, self._agenda.here())

    def _retry(self, task: Task, at: Moment) -> None:
        # Somebody may have deleted it, or made it active, since this was planned.
        if self._gone(task) or task.status is not TaskStatus.FAILED:
            return
        failed = [sub for sub in task.subtasks if sub.status is Status.FAIL]
        task.status = TaskStatus.PROCESSING
        task.stopped = None
        for subtask in failed:
            subtask.started = subtask.stopped = subtask.detail = None
            task.move(subtask, Status.WAIT)
        self._attempt(task, failed, at)

    def _end_if_done(self, task: Task, at: Moment) -> None:
        if task.tally.open or not task.status.active:
            return
        task.stopped = at.now
        # Chosen: one failed device fails the task; a task that the window's end or
        # the portal cut short, and in which nothing failed, is stopped.
        if task.tally.counts[Status.FAIL]:
            task.status = TaskStatus.FAILED
        elif task.tally.counts[Status.STOP]:
            task.status = TaskStatus.STOP
        else:
            task.status = TaskStatus.SUCCESS
        if task.started is None and task.status is not TaskStatus.STOP:
            task.started = at.now
        window_end = task.policy.end
        if (
            task.status is TaskStatus.FAILED
            and task.retries_left > 0
            and (window_end is None or at.now < window_end)
        ):
            # Documented: only once the whole task has ended, only what failed in it.
            task.retries_left -= 1
            self._agenda.at_step(
                at.steps + RETRY_INTERVAL, lambda later: self._retry(task, later)
            )

    # Devices

    def _attempt(self, task: Task, subtasks: list[Subtask], at: Moment) -> None:
        for subtask in subtasks:
            subtask.attempts += 1
            self._reach(task, subtask, at)

    def _reach(self, task: Task, subtask: Subtask, at: Moment) -> None:
        """Begin with a device, or wait until it can be reached."""
        device = self._platform.devices.get(subtask.device_id)
        if device is None:
            self._finish(task, subtask, Status.FAIL, DEVICE_GONE, at)
            return
        subtask.source_version = device.version(task.kind)
        if subtask.source_version == task.package.version:
            self._finish(task, subtask, Status.SUCCESS, ALREADY_CURRENT, at)
            return
        # Chosen: only a task that runs now gives up on a device that is not online;
        # one for devices that come online, or with a window, waits for it.
        if task.policy.execute_type is ExecuteType.NOW and not device.online:
            self._finish(task, subtask, Status.FAIL, NOT_ONLINE, at)
            return
        turn = subtask.turn
        if device.wakes_after <= 0 and device.online:
            self._queue(task, subtask, turn, at)
        elif device.wakes_after >= ONLINE_WAIT:
            self._agenda.at_step(
                at.steps + ONLINE_WAIT,
                lambda later: self._give_up(task, subtask, turn, later),
            )
        else:
            self._agenda.at_step(
                at.steps + device.wakes_after,
                lambda later: self._queue(task, subtask, turn, later),
            )

    def _give_up(self, task: Task, subtask: Subtask, turn: int, at: Moment) -> None:
        if subtask.turn == turn and not self._gone(task):
            self._finish(task, subtask, Status.FAIL, ONLINE_TIMEOUT, at, timed_out=True)

    def _queue(self, task: Task, subtask: Subtask, turn: int, at: Moment) -> None:
        """Let a reachable device begin as soon as its radio cell has room."""
        if subtask.turn != turn or self._gone(task):
            return
        device = self._platform.devices.get(subtask.device_id)
        if device is None:
            self._finish(task, subtask, Status.FAIL, DEVICE_GONE, at)
            return
        device.status = "ONLINE"
        if device.busy:
            self._finish(task, subtask, Status.FAIL, TASK_CONFLICT, at)
            return
        slot = (device.cell, device.coverage)
        if self._used[slot] >= CONCURRENCY[device.coverage]:
            self._queued[slot].append((task, subtask, turn))
            return
        self._used[slot] += 1
        device.busy = True
        subtask.slot = slot
        subtask.started = at.now
        task.move(subtask, Status.PROCESSING)
        if task.status is TaskStatus.WAIT:
            task.status = TaskStatus.PROCESSING
            task.started = at.now
        self._step(task, subtask, device, iter(STEPS), at)

    def _step(
        self,
        task: Task,
        subtask: Subtask,
        device: Device,
        steps: Iterable[str],
        at: Moment,
    ) -> None:
        """Begin a device's next step, and plan its end."""
        steps = iter(steps)
        step = next(steps, None)
        if step is None:
            self._succeed(task, subtask, at)
            return
        state = STATES.get(step)
        if state is not None and state != subtask.detail:
            for watcher in self.watchers:
                watcher.moved(task, subtask, state)
        subtask.detail = state
        turn = subtask.turn
        flaw = device.flaw
        if flaw is not None and (flaw.step != step or subtask.attempts > flaw.attempts):
            flaw = None

        def done(later: Moment) -> None:
            if subtask.turn != turn or self._gone(task):
                return
            if device.device_id not in self._platform.devices:
                self._finish(task, subtask, Status.FAIL, DEVICE_GONE, later)
            elif flaw is None:
                self._step(task, subtask, device, steps, later)
            else:
                self._fail(task, subtask, flaw, later)

        if flaw is not None and flaw.timeout:
            seconds = flaw.timeout
        else:
            low, high = STEPS[step]
            seconds = random.Random(
                f"{self._platform.settings.seed} {device.device_id} "
                f"{task.package.file_id} {subtask.attempts} {step}"
            ).uniform(low, high)
        self._agenda.at_step(at.steps + seconds, done)

    def _fail(self, task: Task, subtask: Subtask, flaw: Flaw, at: Moment) -> None:
        self._finish(
            task, subtask, Status.FAIL, flaw.cause, at, timed_out=flaw.timeout > 0
        )

    def _succeed(self, task: Task, subtask: Subtask, at: Moment) -> None:
        device = self._platform.devices.get(subtask.device_id)
        if device is not None:
            subtask.source_version = subtask.source_version or device.version(task.kind)
            device.upgraded(task.kind, task.package.version, at.now)
        self._finish(task, subtask, Status.SUCCESS, None, at)

    def _finish(
        self,
        task: Task,
        subtask: Subtask,
        status: Status,
        detail: str | None,
        at: Moment,
        *,
        timed_out: bool = False,
    ) -> None:
        task.move(subtask, status, timed_out=timed_out)
        was_busy = subtask.detail in STATES.values()
        subtask.detail = detail
        subtask.stopped = at.now
        if subtask.started is None and status is not Status.STOP:
            subtask.started = at.now
        for watcher in self.watchers:
            if was_busy:
                watcher.moved(task, subtask, IDLE)
            watcher.ended(task, subtask)
        self._release(subtask, at)
        self._end_if_done(task, at)

    def _release(self, subtask: Subtask, at: Moment) -> None:
        """Free a device's place in its cell, and let the next one have it."""
        if subtask.slot is None:
            return
        slot, subtask.slot = subtask.slot, None
        self._used[slot] -= 1
        if (device := self._platform.devices.get(subtask.device_id)) is not None:
            device.busy = False
        queue = self._queued[slot]
        while queue and self._used[slot] < CONCURRENCY[slot[1]]:
            self._queue(*queue.popleft(), at)

    def forget(self, task: Task) -> None:
        """Let go of a task that was deleted."""
        here = self._agenda.here()
        for subtask in task.subtasks:
            if subtask.status.open:
                subtask.turn += 1
                self._release(subtask, here)
