"""The upgrade engine: takes the devices of a task through their steps.

Nothing runs in the background. Whatever is due has a place in one of two queues, one
in device time (the steps of the devices) and one in the time of the platform's clock
(windows); `run` takes everything that is due by now, in its order, and gives it the
time at which it was due. Documented behaviour is from the FAQ pages on software and
firmware upgrade; where they are silent a comment says what was chosen.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable
import heapq
import itertools
import random
from typing import TYPE_CHECKING, NamedTuple

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
# What `detailInfo` says while a step lasts: the words of the platform's own
# notifications.
_DETAIL = {
    "downloading": "downloading",
    "downloaded": "downloaded",
    "updating": "updating",
    "checking": "updating",
}


class Moment(NamedTuple):
    """When something happens, in both readings of the clock."""

    now: float
    steps: float


type Action = Callable[[Moment], None]
type Queue = list[tuple[float, int, Action]]


class Engine:
    """Moves all tasks of a platform."""

    def __init__(self, platform: Platform) -> None:
        """Start with nothing to do."""
        self._platform = platform
        self._clock = platform.clock
        self._steps: Queue = []
        self._walls: Queue = []
        self._order = itertools.count()
        self._seen = self._here()
        self._used: defaultdict[tuple[int, int], int] = defaultdict(int)
        self._queued: defaultdict[tuple[int, int], deque[tuple[Task, Subtask, int]]] = (
            defaultdict(deque)
        )

    @property
    def idle(self) -> bool:
        """Tell whether nothing is planned and no place in a cell is taken."""
        return not (self._steps or self._walls or any(self._used.values()))

    # Time

    def run(self) -> None:
        """Do all that is due by now."""
        here = self._here()
        while True:
            step = self._due_step(here)
            wall = self._due_wall(here)
            if step is not None and (wall is None or step.now <= wall.now):
                heapq.heappop(self._steps)[2](step)
            elif wall is not None:
                heapq.heappop(self._walls)[2](wall)
            else:
                break
        self._seen = here

    def _due_step(self, here: Moment) -> Moment | None:
        if not self._steps or (due := self._steps[0][0]) > here.steps:
            return None
        at = here.now - (here.steps - due) / self._clock.rate
        # The clock may have been put to another time since.
        return Moment(min(max(at, self._seen.now), here.now), due)

    def _due_wall(self, here: Moment) -> Moment | None:
        if not self._walls or (due := self._walls[0][0]) > here.now:
            return None
        steps = here.steps - (here.now - due) * self._clock.rate
        return Moment(due, max(steps, self._seen.steps))

    def _at_step(self, steps: float, action: Action) -> None:
        heapq.heappush(self._steps, (steps, next(self._order), action))

    def _at_wall(self, now: float, action: Action) -> None:
        heapq.heappush(self._walls, (now, next(self._order), action))

    # Tasks

    def begin(self, task: Task) -> None:
        """Take over a new task."""
        if task.policy.execute_type is ExecuteType.CUSTOM:
            assert task.policy.start is not None and task.policy.end is not None
            self._at_wall(task.policy.start, lambda at: self._start(task, at))
            self._at_wall(task.policy.end, lambda at: self._close_window(task, at))
        else:
            self._at_step(
                self._clock.steps() + PICK_UP, lambda at: self._start(task, at)
            )

    def start(self, task: Task) -> None:
        """Start a waiting task now, without waiting for its time."""
        self._start(task, self._here())

    def _here(self) -> Moment:
        return Moment(self._clock.now(), self._clock.steps())

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
        here = self._here()
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
        here = self._here()
        task.retries_left = 0
        for subtask in task.subtasks:
            if subtask.status.open:
                self._finish(task, subtask, Status.STOP, STOPPED, here)

    def retry(self, task: Task) -> None:
        """Make a failed task active again; raises ValueError if it has not failed."""
        if task.status is not TaskStatus.FAILED:
            raise ValueError(f"{task} has not failed")
        self._retry(task, self._here())

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
            self._at_step(
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
            self._at_step(
                at.steps + ONLINE_WAIT,
                lambda later: self._give_up(task, subtask, turn, later),
            )
        else:
            self._at_step(
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
        subtask.detail = _DETAIL.get(step)
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
        self._at_step(at.steps + seconds, done)

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
        subtask.detail = detail
        subtask.stopped = at.now
        if subtask.started is None and status is not Status.STOP:
            subtask.started = at.now
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
        here = self._here()
        for subtask in task.subtasks:
            if subtask.status.open:
                subtask.turn += 1
                self._release(subtask, here)
