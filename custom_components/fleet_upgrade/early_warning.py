"""Sees, while an upgrade task is active, that it stalls or that too much of it fails.

A task is **stalled** when no count has moved for the option's hours. Before the start
of its own window nothing is expected to move. In a window that opens daily, time must
have passed inside it as well: as much as the option says, or the window's whole
length where that is less. What an open-ended (incremental) task does with no device
to upgrade is waiting for devices, not stalling. It ends when a count moves.

A task is **failing** once the option's number of devices has ended and more than the
option's share of them failed. That ends when the share has fallen to half of the
limit: then as many devices as there were have ended without a failure, so that a
share that moves about the limit is told a few times at most, however large the task.

An unknown count is no reason to warn.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from .clients.model import Policy, StatusCounts, UpgradeTask, Value
from .clients.windows import has_windows, windows
from .const import (
    CONF_FAILING_MINIMUM,
    CONF_FAILING_SHARE,
    CONF_STALL_HOURS,
    DEFAULT_FAILING_MINIMUM,
    DEFAULT_FAILING_SHARE,
    DEFAULT_STALL_HOURS,
)


class Limits(Value, frozen=True):
    """From when on a task is stalled or failing; the share is in percent."""

    stall_hours: int = DEFAULT_STALL_HOURS
    failing_share: int = DEFAULT_FAILING_SHARE
    failing_minimum: int = DEFAULT_FAILING_MINIMUM


class Watch(Value, frozen=True):
    """What is remembered of a task that has not ended.

    ``moved`` says when (in POSIX seconds) a count was last seen to move, or the task
    was first seen.
    """

    moved: float
    is_stalled: bool = False
    is_failing: bool = False


def limits_of(options: Mapping[str, Any]) -> Limits:
    """Return what an account's options say."""
    return Limits(
        stall_hours=options.get(CONF_STALL_HOURS, DEFAULT_STALL_HOURS),
        failing_share=options.get(CONF_FAILING_SHARE, DEFAULT_FAILING_SHARE),
        failing_minimum=options.get(CONF_FAILING_MINIMUM, DEFAULT_FAILING_MINIMUM),
    )


def look(
    watch: Watch,
    before: UpgradeTask | None,
    task: UpgradeTask,
    now: datetime,
    limits: Limits,
) -> Watch:
    """Return what is to be remembered of a task that has not ended.

    ``watch`` and ``before`` are what was remembered and known of it.
    """
    ended = task.counts.ended
    if not task.is_active or ended is None:
        return watch
    has_moved = before is not None and before.counts != task.counts
    moved = now.timestamp() if has_moved else watch.moved
    is_stalled = (
        # What windows there are can only make it later.
        now.timestamp() - moved >= limits.stall_hours * 3600
        and not _has_nothing_to_do(task)
        and now >= _stalls_at(task.policy, moved, timedelta(hours=limits.stall_hours))
    )
    is_failing = _is_failing(task.counts, ended, limits, watch.is_failing)
    looked = Watch(moved=moved, is_stalled=is_stalled, is_failing=is_failing)
    return watch if looked == watch else looked


def hours_without_progress(watch: Watch, task: UpgradeTask, now: datetime) -> float:
    """Return for how many hours no count has moved since it could."""
    since = _waits_since(task.policy, watch.moved)
    return round((now - since) / timedelta(hours=1), 1)


def failed_share(counts: StatusCounts) -> float | None:
    """Return the percentage of ended devices that failed, where it is known."""
    ended = counts.ended
    return round(100 * _failed(counts, ended) / ended, 1) if ended else None


def _waits_since(policy: Policy, moved: float) -> datetime:
    since = datetime.fromtimestamp(moved, UTC)
    if policy.start is None or not has_windows(policy):
        return since
    return max(since, policy.start)


def _stalls_at(policy: Policy, moved: float, patience: timedelta) -> datetime:
    """Return from when on a task is stalled unless a count moves before."""
    since = _waits_since(policy, moved)
    due = since + patience
    inside = patience
    for window in windows(policy, since):
        if window.end is None:
            break
        opens = max(since, window.start)
        inside = min(inside, window.end - window.start)
        if opens + inside <= window.end:
            return max(due, opens + inside)
        inside -= window.end - opens
    return due


def _has_nothing_to_do(task: UpgradeTask) -> bool:
    counts = task.counts
    return task.policy.is_incremental and not (counts.waiting or counts.processing)


def _is_failing(
    counts: StatusCounts, ended: int, limits: Limits, was_failing: bool
) -> bool:
    failed = 100 * _failed(counts, ended)
    if was_failing:
        return 2 * failed > limits.failing_share * ended
    return ended >= limits.failing_minimum and failed > limits.failing_share * ended


def _failed(counts: StatusCounts, ended: int) -> int:
    """Return how many devices failed, for a lack of time or else.

    It is not documented whether devices that timed out stand among the failed ones;
    what else the ended ones are leaves no more room than for one of both.
    """
    failed = counts.failed or 0
    rest = ended - (counts.succeeded or 0) - (counts.stopped or 0)
    return max(failed, min(failed + (counts.timed_out or 0), rest))
