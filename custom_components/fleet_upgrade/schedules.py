"""When the tasks of an account run: the windows of all that have a schedule."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from heapq import merge
from operator import attrgetter

from .clients.model import Policy, UpgradeTask
from .clients.windows import DAY, Window, windows


@dataclass(frozen=True, slots=True)
class Schedule:
    """The schedule of one task; equal ones have the same windows.

    With the end of its task the last window ends too, whatever was planned.
    """

    task_id: str
    policy: Policy
    over: datetime | None
    """When the task ended; ``None`` as long as it has not."""
    task: UpgradeTask = field(compare=False)


@dataclass(frozen=True, slots=True)
class TaskWindow:
    """A window of a task."""

    start: datetime
    end: datetime
    task: UpgradeTask


def task_windows(
    schedules: Iterable[Schedule],
    start: datetime,
    end: datetime | None = None,
    *,
    now: datetime,
) -> Iterator[TaskWindow]:
    """Yield all windows that are open at some time from ``start`` until ``end``.

    The earliest comes first; without an ``end`` they may never cease.
    """
    each = (_windows_of(schedule, start, end, now) for schedule in schedules)
    return merge(*each, key=attrgetter("start"))


def next_start(schedules: Iterable[Schedule], now: datetime) -> datetime | None:
    """Return when the next window opens; not that of one that is open already."""
    for window in task_windows(schedules, now, now=now):
        if window.start > now:
            return window.start
    return None


def _windows_of(
    schedule: Schedule, start: datetime, end: datetime | None, now: datetime
) -> Iterator[TaskWindow]:
    over = schedule.over
    for window in windows(schedule.policy, start, end):
        if over is not None and window.start >= over:
            return
        ends = window.end or over or _end_of_day(window, now)
        if over is not None:
            ends = min(ends, over)
        if ends > start:
            yield TaskWindow(window.start, ends, schedule.task)


def _end_of_day(window: Window, now: datetime) -> datetime:
    """Return the end to show of a window that stays open: whole days, so far."""
    return window.start + (max(0, (now - window.start) // DAY) + 1) * DAY
