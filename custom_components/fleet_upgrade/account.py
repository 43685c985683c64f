"""The state of one account as a value, and how a poll changes it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Self

import msgspec

from .clients.model import (
    ENDED,
    Poll,
    StatusCounts,
    TaskStatus,
    UpgradeKind,
    UpgradeTask,
    Value,
)
from .clients.windows import has_windows
from .const import MAX_TASK_DEVICES
from .early_warning import Limits, Watch, failed_share, hours_without_progress, look
from .schedules import Schedule
from .units import as_units, members

_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


class TaskEventType(StrEnum):
    """What can happen to an upgrade task."""

    CREATED = "created"
    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"
    RESTARTED = "restarted"
    """It had ended and is active again."""
    DELETED = "deleted"
    """It was active, and the platform no longer has it."""
    STALLED = "stalled"
    """It is active, but no count has moved for long."""
    FAILING = "failing"
    """It is active, and too many of the devices on which it has ended failed."""


class TaskEvent(Value, frozen=True):
    """Something that happened to an upgrade task, and what was known of it then.

    A warning also says what it is about: for how many hours nothing has moved, or
    what percentage of how many ended devices failed.
    """

    type: TaskEventType
    task_id: str
    kind: UpgradeKind
    name: str | None = None
    version: str | None = None
    target: str | None = None
    target_count: int = 0
    counts: StatusCounts = StatusCounts()
    hours_without_progress: float | None = None
    failed_share: float | None = None
    ended_devices: int | None = None


class AccountState(Value, frozen=True):
    """What has to outlive a restart.

    ``tasks`` holds the known tasks by ID, ``memory`` what the client left for its
    next poll. ``inactive_since`` says when (in POSIX seconds) a task was first seen
    neither waiting nor processing, for tasks whose end the platform does not tell.
    ``watches`` holds what is remembered of tasks that have not ended, to warn of them.
    ``batches`` names the batch of each known task that is part of one; such tasks are
    looked at as one, under the batch's ID. ``outbox`` holds the events that have not
    been told yet, oldest first.
    """

    tasks: dict[str, UpgradeTask] = {}
    batches: dict[str, str] = {}
    memory: dict[str, object] = {}
    inactive_since: dict[str, float] = {}
    watches: dict[str, Watch] = {}
    outbox: tuple[TaskEvent, ...] = ()


class Overview(Value, frozen=True):
    """An account at a glance.

    ``tasks`` counts the known tasks per status. Of the active ones, ``devices`` adds
    up the devices, ``stalled`` and ``failing`` count those to warn of.
    """

    tasks: dict[TaskStatus, int]
    devices: StatusCounts
    stalled: int = 0
    failing: int = 0


@dataclass(frozen=True)
class AccountData:
    """What entities show of an account.

    Its known tasks by ID, those of a batch as one, and the IDs of the active ones to
    warn of. ``inactive_since`` is that of the `AccountState`, ``members`` names the
    tasks of each batch.
    """

    tasks: Mapping[str, UpgradeTask]
    members: Mapping[str, Sequence[str]] = field(default_factory=dict)
    inactive_since: Mapping[str, float] = field(default_factory=dict)
    stalled: frozenset[str] = frozenset()
    failing: frozenset[str] = frozenset()

    @classmethod
    def of(cls, state: AccountState) -> Self:
        """Return what is shown of a state."""
        tasks = as_units(state.tasks, state.batches)
        active = [
            (task_id, watch)
            for task_id, watch in state.watches.items()
            if tasks[task_id].is_active
        ]
        return cls(
            tasks=MappingProxyType(dict(tasks)),
            members=members(state.batches),
            inactive_since=state.inactive_since,
            stalled=frozenset(task_id for task_id, watch in active if watch.is_stalled),
            failing=frozenset(task_id for task_id, watch in active if watch.is_failing),
        )

    @cached_property
    def has_active(self) -> bool:
        """Whether any task waits or runs."""
        return any(task.is_active for task in self.tasks.values())

    @cached_property
    def tracked(self) -> tuple[str, ...]:
        """IDs of the tasks with a device: active ones first, then the newest."""
        tasks = sorted(self.tasks.values(), key=lambda task: task.task_id)
        tasks.sort(key=lambda task: task.created or _BEFORE_ALL, reverse=True)
        tasks.sort(key=lambda task: not task.is_active)
        return tuple(task.task_id for task in tasks[:MAX_TASK_DEVICES])

    @cached_property
    def schedules(self) -> tuple[Schedule, ...]:
        """The schedules of all tasks that have one."""
        return tuple(
            Schedule(task.task_id, task.policy, self._over(task), task)
            for task in self.tasks.values()
            if has_windows(task.policy)
        )

    def _over(self, task: UpgradeTask) -> datetime | None:
        """Return when a task ended, as far as the platform tells it or we saw it."""
        if not task.has_ended:
            return None
        if task.ended is not None:
            return task.ended
        seen = self.inactive_since.get(task.task_id)
        return None if seen is None else datetime.fromtimestamp(seen, UTC)

    @cached_property
    def overview(self) -> Overview:
        """The account at a glance."""
        statuses = [task.status for task in self.tasks.values()]
        active = [task.counts for task in self.tasks.values() if task.is_active]
        return Overview(
            tasks={status: statuses.count(status) for status in TaskStatus},
            devices=StatusCounts(
                **{name: _sum(active, name) for name in StatusCounts.__struct_fields__}
            ),
            stalled=len(self.stalled),
            failing=len(self.failing),
        )


def _sum(counts: list[StatusCounts], name: str) -> int | None:
    """Add up one count; unknown when there are tasks but none that has it."""
    values = [value for each in counts if (value := getattr(each, name)) is not None]
    return sum(values) if values or not counts else None


def advance(
    state: AccountState | None,
    poll: Poll,
    now: datetime,
    retention: timedelta,
    limits: Limits,
    batches: Mapping[str, str] = MappingProxyType({}),
) -> AccountState:
    """Return what a poll made of an account's state.

    There is no state before the first poll of an account: what that one finds was
    there before, so nothing is told of it. Tasks that ended longer ago than
    ``retention`` are forgotten. ``limits`` say when to warn of active ones.
    ``batches`` names the batches of tasks that are part of one.
    """
    known = {} if state is None else state.tasks
    inactive_since = {} if state is None else state.inactive_since
    watches = {} if state is None else state.watches
    outbox = () if state is None else state.outbox

    batches = ({} if state is None else state.batches) | dict(batches)
    found = _found(known, poll, now)
    units_before, units = as_units(known, batches), as_units(found, batches)
    horizon = now - retention
    moment, oldest = now.timestamp(), horizon.timestamp()

    forgotten: set[str] = set()
    still_inactive_since: dict[str, float] = {}
    new_watches: dict[str, Watch] = {}
    for task_id in units_before.keys() - units.keys():
        if units_before[task_id].is_active:
            outbox += (_event(TaskEventType.DELETED, units_before[task_id]),)
    in_order = units if units is found else _by_creation(units.values(), now)
    for task_id, task in in_order.items():
        unit_before = task if units is units_before else units_before.get(task_id)
        ended = task.ended
        if task is unit_before and task_id not in watches:
            # It is over, as most are, and nothing more can happen to it.
            if ended is not None:
                if ended >= horizon:
                    continue
            elif (seen := inactive_since.get(task_id)) is not None and seen >= oldest:
                still_inactive_since[task_id] = seen
                continue
        first_seen = inactive_since.get(task_id, moment)
        over = first_seen if ended is None else ended.timestamp()
        is_forgotten = not task.is_active and over < oldest
        # A known task is told of even when its end is so old that it is forgotten.
        if state is not None and (unit_before is not None or not is_forgotten):
            outbox += tuple(_events(unit_before, task))
        if is_forgotten:
            forgotten.add(task_id)
            continue
        if not task.is_active and task.ended is None:
            still_inactive_since[task_id] = first_seen
        if not task.has_ended:
            was = watches.get(task_id) or Watch(moved=moment)
            new_watches[task_id] = watch = look(was, unit_before, task, now, limits)
            if state is not None:
                outbox += tuple(_warnings(was, watch, task, now))
    forgotten |= {
        task_id
        for unit_id, task_ids in members(batches).items()
        if unit_id in forgotten
        for task_id in task_ids
    }

    return AccountState(
        tasks={
            task_id: task for task_id, task in found.items() if task_id not in forgotten
        }
        if forgotten
        else found,
        batches={
            task_id: batch
            for task_id, batch in batches.items()
            if task_id in found and task_id not in forgotten
        },
        memory=poll.memory,
        inactive_since=still_inactive_since,
        watches=new_watches,
        outbox=outbox,
    )


def _found(
    known: dict[str, UpgradeTask], poll: Poll, now: datetime
) -> dict[str, UpgradeTask]:
    """Return the tasks that there are now, the oldest first.

    An equal task stays the same object, which makes comparing cheap.
    """
    changed = {
        task.task_id: task
        for task in poll.tasks
        if (before := known.get(task.task_id)) is not task and before != task
    }
    if not changed and poll.deleted.isdisjoint(known):
        return known
    tasks = known | changed
    return _by_creation(
        (task for task in tasks.values() if task.task_id not in poll.deleted), now
    )


def _by_creation(tasks: Iterable[UpgradeTask], now: datetime) -> dict[str, UpgradeTask]:
    """Return tasks by ID, the oldest first."""
    in_order = sorted(tasks, key=lambda task: task.created or now)
    return {task.task_id: task for task in in_order}


def _events(before: UpgradeTask | None, after: UpgradeTask) -> Iterator[TaskEvent]:
    """Yield what must have happened to a task between two readings."""
    if before is None:
        yield _event(TaskEventType.CREATED, after)
    elif before.has_ended and after.is_active:
        yield _event(TaskEventType.RESTARTED, after)
    if _has_begun(after) and not (before is not None and _has_begun(before)):
        yield _event(TaskEventType.STARTED, after)
    if after.status in ENDED and (before is None or before.status != after.status):
        yield _event(TaskEventType(after.status), after)


def _has_begun(task: UpgradeTask) -> bool:
    """Whether a task runs, or has ended after it ran: not while it waited."""
    return task.status is TaskStatus.PROCESSING or (
        task.has_ended and task.started is not None
    )


def _warnings(
    before: Watch, after: Watch, task: UpgradeTask, now: datetime
) -> Iterator[TaskEvent]:
    """Yield what has just become wrong with an active task."""
    if after.is_stalled and not before.is_stalled:
        yield msgspec.structs.replace(
            _event(TaskEventType.STALLED, task),
            hours_without_progress=hours_without_progress(after, task, now),
        )
    if after.is_failing and not before.is_failing:
        yield msgspec.structs.replace(
            _event(TaskEventType.FAILING, task),
            failed_share=failed_share(task.counts),
            ended_devices=task.counts.ended,
        )


def _event(event_type: TaskEventType, task: UpgradeTask) -> TaskEvent:
    targets = task.targets
    return TaskEvent(
        type=event_type,
        task_id=task.task_id,
        kind=task.kind,
        name=task.name,
        version=task.version,
        target=targets.first,
        target_count=len(targets.device_groups or targets.devices),
        counts=task.counts,
    )
