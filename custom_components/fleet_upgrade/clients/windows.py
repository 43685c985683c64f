"""When the schedule of an upgrade task lets it run.

A platform is told moments and no time zone, so a daily window comes every 24 hours:
where clocks change, its local time of day moves with them. A window holds its first
moment, and its last one no longer.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from .model import Execution, Policy, Value

DAY = timedelta(days=1)


class Window(Value, frozen=True):
    """A time in which a task may run; without an end it stays open."""

    start: datetime
    end: datetime | None = None


def has_windows(policy: Policy) -> bool:
    """Whether a task has a schedule; one without may run at any time."""
    if policy.execution is not Execution.CUSTOM or policy.start is None:
        return False
    return policy.end is None or policy.repeat_daily or policy.end > policy.start


def windows(
    policy: Policy, start: datetime, end: datetime | None = None
) -> Iterator[Window]:
    """Yield the windows that are open at some time from ``start`` until ``end``.

    The earliest comes first. Where a schedule repeats daily and no ``end`` is given,
    they never cease.
    """
    if not has_windows(policy) or policy.start is None:
        return
    # Local times would be added up as if clocks never changed.
    start = start.astimezone(UTC)
    if policy.repeat_daily and policy.end is not None:
        found = _daily(policy.start, policy.end, start)
    else:
        found = iter((Window(start=policy.start, end=policy.end),))
    for window in found:
        if end is not None and window.start >= end:
            return
        if window.end is None or window.end > start:
            yield window


def next_window(policy: Policy, now: datetime) -> Window | None:
    """Return the window that is open, else the next one."""
    return next(windows(policy, now), None)


def opening(policy: Policy, time: datetime) -> datetime | None:
    """Return when, at or after a time, a task may run; ``None`` for never."""
    if not has_windows(policy):
        return time
    window = next_window(policy, time)
    return None if window is None else max(time, window.start)


def is_open(policy: Policy, now: datetime) -> bool:
    """Whether a task may run; one without a schedule always may."""
    return opening(policy, now) == now


def _daily(first: datetime, end: datetime, start: datetime) -> Iterator[Window]:
    """Yield the windows of each day, from the one that ends after ``start`` on."""
    length = (end - first) % DAY or DAY
    days = max(0, (start - first - length) // DAY + 1)
    try:
        while True:
            opens = first + days * DAY
            yield Window(start=opens, end=opens + length)
            days += 1
    except OverflowError:
        return  # There is no later date.
