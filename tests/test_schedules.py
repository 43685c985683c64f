"""The windows of all tasks of an account, one after the other."""

from datetime import datetime, timedelta
from itertools import islice

import pytest

from custom_components.fleet_upgrade.account import AccountData
from custom_components.fleet_upgrade.clients.model import (
    Execution,
    Policy,
    TaskStatus,
    UpgradeTask,
)
from custom_components.fleet_upgrade.schedules import next_start, task_windows

from .tiny_platform import NOW, make_task

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

type Span = tuple[timedelta, timedelta]
"""When a window opens and when it closes, counted from `NOW`."""


def scheduled(
    task_id: str,
    start: timedelta,
    end: timedelta | None,
    *,
    daily: bool = False,
    status: TaskStatus = TaskStatus.PROCESSING,
    ended: datetime | None = None,
) -> UpgradeTask:
    """Return a task with a schedule, in times counted from `NOW`."""
    return make_task(
        task_id,
        status,
        ended=ended,
        policy=Policy(
            execution=Execution.CUSTOM,
            start=NOW + start,
            end=None if end is None else NOW + end,
            repeat_daily=daily,
        ),
    )


def account(*tasks: UpgradeTask, **inactive_since: datetime) -> AccountData:
    """Return an account with these tasks."""
    return AccountData(
        {task.task_id: task for task in tasks},
        inactive_since={
            task_id: time.timestamp() for task_id, time in inactive_since.items()
        },
    )


def spans(
    data: AccountData, start: timedelta, end: timedelta, now: datetime = NOW
) -> list[Span]:
    """Return the windows in a range."""
    found = task_windows(data.schedules, NOW + start, NOW + end, now=now)
    return [(window.start - NOW, window.end - NOW) for window in found]


def test_the_windows_of_all_tasks_come_in_order() -> None:
    """Those of tasks without a schedule are not made up."""
    data = account(
        make_task("at once"),
        scheduled("nightly", HOUR, 3 * HOUR, daily=True),
        scheduled("once", 2 * HOUR, 9 * HOUR),
    )
    found = task_windows(data.schedules, NOW, NOW + 2 * DAY, now=NOW)
    assert [(window.task.task_id, window.start - NOW) for window in found] == [
        ("nightly", HOUR),
        ("once", 2 * HOUR),
        ("nightly", HOUR + DAY),
    ]


@pytest.mark.parametrize(
    ("ended", "shown"),
    [
        # It never came to its window.
        (-HOUR, []),
        (timedelta(), []),
        (HOUR, [(timedelta(), HOUR)]),
        (4 * HOUR, [(timedelta(), 4 * HOUR)]),
        (9 * HOUR, [(timedelta(), 4 * HOUR)]),
        (DAY, [(timedelta(), 4 * HOUR)]),
        (DAY + MINUTE, [(timedelta(), 4 * HOUR), (DAY, DAY + MINUTE)]),
    ],
)
def test_with_its_task_a_window_ends(ended: timedelta, shown: list[Span]) -> None:
    """After that nothing runs any more, whatever was planned."""
    task = scheduled(
        "one",
        timedelta(),
        4 * HOUR,
        daily=True,
        status=TaskStatus.SUCCEEDED,
        ended=NOW + ended,
    )
    assert spans(account(task), -DAY, 9 * DAY) == shown


def test_a_window_that_its_task_cut_short_is_over() -> None:
    """It is not in a range that begins later, though it was planned to last."""
    task = scheduled(
        "one",
        timedelta(),
        4 * HOUR,
        status=TaskStatus.SUCCEEDED,
        ended=NOW + HOUR,
    )
    assert spans(account(task), HOUR, DAY) == []
    assert spans(account(task), HOUR - MINUTE, DAY) == [(timedelta(), HOUR)]


def test_where_the_platform_tells_no_end_the_time_counts_at_which_it_was_seen() -> None:
    """Of a task that was stopped, for one."""
    task = scheduled(
        "one", timedelta(), 4 * HOUR, daily=True, status=TaskStatus.STOPPED
    )
    seen = account(task, one=NOW + HOUR)
    assert spans(seen, -DAY, 9 * DAY) == [(timedelta(), HOUR)]
    assert len(spans(account(task), timedelta(), 9 * DAY)) == 9


@pytest.mark.parametrize("status", [TaskStatus.WAITING, None])
def test_a_task_that_goes_on_keeps_its_windows(status: TaskStatus | None) -> None:
    """Also one in a status that nobody knows, and whatever end it may have."""
    task = make_task(
        "one",
        status,
        ended=NOW,
        policy=Policy(execution=Execution.CUSTOM, start=NOW, end=NOW + HOUR),
    )
    assert spans(account(task), timedelta(), DAY) == [(timedelta(), HOUR)]


@pytest.mark.parametrize(
    ("now", "end"),
    [
        (-9 * DAY, DAY),
        (timedelta(), DAY),
        (DAY - MINUTE, DAY),
        (DAY, 2 * DAY),
        (9 * DAY + HOUR, 10 * DAY),
    ],
)
def test_a_window_without_an_end_is_shown_day_by_day(
    now: timedelta, end: timedelta
) -> None:
    """As long as its task goes on; a window in a calendar has to end."""
    data = account(scheduled("one", timedelta(), None))
    assert spans(data, timedelta(), 99 * DAY, NOW + now) == [(timedelta(), end)]


def test_a_window_without_an_end_ends_with_its_task() -> None:
    """And is not longer than that."""
    task = scheduled(
        "one", timedelta(), None, status=TaskStatus.FAILED, ended=NOW + HOUR
    )
    assert spans(account(task), -DAY, DAY) == [(timedelta(), HOUR)]


def test_the_next_start_is_not_that_of_an_open_window() -> None:
    """But of the same schedule when it opens again."""
    nightly = scheduled("nightly", -HOUR, HOUR, daily=True)
    once = scheduled("once", 2 * HOUR, 3 * HOUR)
    assert next_start(account(nightly, once).schedules, NOW) == NOW + 2 * HOUR
    assert next_start(account(nightly).schedules, NOW) == NOW + DAY - HOUR
    assert next_start(account(once).schedules, NOW + 2 * HOUR) is None
    assert next_start((), NOW) is None


def test_schedules_are_equal_as_long_as_their_windows_are() -> None:
    """Counts may change."""
    task = scheduled("one", HOUR, 2 * HOUR)
    before = account(task).schedules
    changed = make_task("one", policy=task.policy, version="V9")
    assert account(changed).schedules == before
    assert account(scheduled("one", HOUR, 3 * HOUR)).schedules != before
    assert account(scheduled("two", HOUR, 2 * HOUR)).schedules != before


def test_a_thousand_daily_schedules_need_no_more_than_is_taken() -> None:
    """Nobody waits for the windows of ten years."""
    tasks = [
        scheduled(f"task {n}", n * MINUTE, n * MINUTE + HOUR, daily=True)
        for n in range(1000)
    ]
    found = task_windows(account(*tasks).schedules, NOW, NOW + 3650 * DAY, now=NOW)
    starts = [window.start - NOW for window in islice(found, 1500)]
    assert starts == [
        *(n * MINUTE for n in range(1000)),
        *(DAY + n * MINUTE for n in range(500)),
    ]
