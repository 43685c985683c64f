"""What is shown as one: an upgrade task, or all tasks of a batch."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec import structs

from .clients.model import StatusCounts, TaskStatus, UpgradeTask


def unit_id(batch_id: str) -> str:
    """Return the ID under which the tasks of a batch are shown as one."""
    return f"batch_{batch_id}"


def members(batches: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the IDs of the tasks of each batch, by the ID that the batch goes by.

    ``batches`` names the batch of each task that is part of one.
    """
    found: defaultdict[str, list[str]] = defaultdict(list)
    for task_id, batch_id in batches.items():
        found[unit_id(batch_id)].append(task_id)
    return dict(found)


def as_units(
    tasks: Mapping[str, UpgradeTask], batches: Mapping[str, str]
) -> Mapping[str, UpgradeTask]:
    """Return the tasks by ID, with those of a batch as one under the batch's ID."""
    if not batches:
        return tasks
    units = {task_id: task for task_id, task in tasks.items() if task_id not in batches}
    for batch_unit, task_ids in members(batches).items():
        if parts := [tasks[task_id] for task_id in task_ids if task_id in tasks]:
            units[batch_unit] = merged(batch_unit, parts)
    return units


def merged(batch_unit: str, parts: Iterable[UpgradeTask]) -> UpgradeTask:
    """Return the tasks of a batch as one; its counts are theirs together."""
    parts = sorted(parts, key=lambda part: part.targets.first or "")
    starts = [part.started for part in parts if part.started is not None]
    created = [part.created for part in parts if part.created is not None]
    return structs.replace(
        parts[0],
        task_id=batch_unit,
        status=_status(parts),
        created=min(created, default=None),
        started=min(starts, default=None),
        ended=_end(parts),
        counts=StatusCounts(
            **{name: _sum(parts, name) for name in StatusCounts.__struct_fields__}
        ),
        targets=structs.replace(
            parts[0].targets,
            device_groups=_all(part.targets.device_groups for part in parts),
            devices=_all(part.targets.devices for part in parts),
        ),
    )


def _status(parts: Iterable[UpgradeTask]) -> TaskStatus | None:
    """Return the status of a batch: it runs until all of its tasks have ended."""
    statuses = {part.status for part in parts}
    if len(statuses) == 1:
        return statuses.pop()
    if statuses & {TaskStatus.WAITING, TaskStatus.PROCESSING}:
        return TaskStatus.PROCESSING
    for status in (None, TaskStatus.FAILED, TaskStatus.STOPPED):
        if status in statuses:
            return status
    return TaskStatus.SUCCEEDED


def _end(parts: Iterable[UpgradeTask]) -> datetime | None:
    """Return when the last task ended; unknown while one has not, or does not tell."""
    ends = [part.ended if part.has_ended else None for part in parts]
    known = [end for end in ends if end is not None]
    return max(known) if len(known) == len(ends) else None


def _sum(parts: Iterable[UpgradeTask], name: str) -> int | None:
    counts = [getattr(part.counts, name) for part in parts]
    return None if None in counts else sum(counts)


def _all(names: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(name for part in names for name in part)
