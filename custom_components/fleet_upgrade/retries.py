"""What it takes to try an upgrade again on the devices on which it did not succeed."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from .clients.errors import InvalidFieldError, NotFoundError
from .clients.model import (
    ChangeKind,
    Execution,
    Package,
    TaskStatus,
    UpgradeTask,
    Value,
)
from .clients.platform import PlatformClient
from .guard import NAMED, local_time
from .units import unit_id
from .writes import RETRY, ChangeEntry, CreateEntry, Entry, WriteState, is_retry

MOST_PAGES = 20
"""Of subtasks of other tasks that are read at most, to find devices that are busy."""


class Busy(Value, frozen=True):
    """Devices that another task upgrades.

    ``devices`` has the task's ID by that of the device; ``unchecked`` are tasks of
    which too many devices are being upgraded to look at each.
    """

    devices: dict[str, str] = {}
    unchecked: tuple[str, ...] = ()


async def read_devices(
    client: PlatformClient, task_id: str, statuses: Iterable[TaskStatus]
) -> tuple[str, ...]:
    """Return the devices on which a task has one of these statuses, each once."""
    devices: dict[str, None] = {}
    for status in statuses:
        async for page in client.list_subtasks(task_id, status=status):
            devices |= dict.fromkeys(subtask.device_id for subtask in page.items)
    return tuple(devices)


# What the journal tells of earlier retries


def origin_of(task_id: str) -> str:
    """Return what the journal says of a creation that retries this task."""
    return f"{RETRY}{task_id}"


def retried_before(
    entries: Iterable[Entry], names: Collection[str], since: datetime
) -> dict[str, str]:
    """Return the devices of a task that were tried again, and in which task.

    ``names`` are the IDs that the task goes by. Where that made a task of its own,
    this one is to be retried from then on; a platform's own retry counts ``since``.
    Raises `InvalidFieldError` while it is not known whether one was made.
    """
    origins = {origin_of(name) for name in names}
    devices: dict[str, str] = {}
    for entry in entries:
        if isinstance(entry, CreateEntry) and entry.origin in origins:
            if entry.is_open:
                raise InvalidFieldError(
                    "force", "create_unsettled", time=local_time(entry)
                )
            is_retry = True
        else:
            is_retry = _is_own_retry(entry, names) and entry.asked_at > since
        if is_retry and entry.task_id is not None:
            devices |= dict.fromkeys(entry.targets.devices, entry.task_id)
    return devices


def count_before(entries: Collection[Entry], names: Collection[str]) -> int:
    """Return how often an upgrade was tried again until it became this task."""
    count = sum(_is_own_retry(entry, names) for entry in entries)
    while origin := next(
        (
            entry.origin
            for entry in entries
            if isinstance(entry, CreateEntry)
            and is_retry(entry.origin)
            and not _names(entry).isdisjoint(names)
        ),
        None,
    ):
        count += 1
        names = {origin.removeprefix(RETRY)}
    return count


def _is_own_retry(entry: Entry, names: Collection[str]) -> bool:
    """Whether the platform itself was made to try the task again."""
    return (
        isinstance(entry, ChangeEntry)
        and entry.change.kind is ChangeKind.RETRY_SUBTASKS
        and entry.state is WriteState.DONE
        and entry.task_id in names
    )


def _names(entry: CreateEntry) -> set[str | None]:
    """Return the IDs that the task goes by that a creation became."""
    return {entry.task_id} | ({unit_id(entry.part.batch_id)} if entry.part else set())


# What else is going on on the platform


async def find_busy(
    client: PlatformClient,
    devices: Collection[str],
    others: Iterable[UpgradeTask],
    fresh: Collection[str],
) -> Busy:
    """Find devices that others upgrade: active tasks, of which ``fresh`` are read anew.

    A task for devices by name has all of these, as for the guard.
    """
    busy: dict[str, str] = {}
    unchecked: list[str] = []
    pages_left = MOST_PAGES
    for task in others:
        if named := task.targets.devices:
            shared = set(devices).intersection(named)
            if shared and (task.task_id in fresh or await _is_active(client, task)):
                busy |= dict.fromkeys(shared, task.task_id)
            continue
        if pages_left:
            async for active in _active_devices(client, task):
                busy |= dict.fromkeys(active.intersection(devices), task.task_id)
                pages_left -= 1
                if not pages_left:
                    break
        if not pages_left:
            unchecked.append(task.task_id)
    return Busy(devices=busy, unchecked=tuple(unchecked))


async def _active_devices(
    client: PlatformClient, task: UpgradeTask
) -> AsyncIterator[set[str]]:
    """Yield the devices that a task is yet to upgrade, page by page."""
    with suppress(NotFoundError):
        # Waiting ones first: those that begin in between are seen twice, not never.
        for status in (TaskStatus.WAITING, TaskStatus.PROCESSING):
            async for page in client.list_subtasks(task.task_id, status=status):
                yield {subtask.device_id for subtask in page.items}


async def _is_active(client: PlatformClient, task: UpgradeTask) -> bool:
    try:
        return (await client.get_task(task.task_id)).is_active
    except NotFoundError:
        return False


# What is asked for


async def find_package(client: PlatformClient, task: UpgradeTask) -> str:
    """Return the ID of the only package that a task can have installed.

    By kind, version, model and manufacturer. Raises `InvalidFieldError` where there
    is none, or several.
    """
    found = await _packages(client, task, task.version) if task.version else []
    if len(found) == 1:
        return found[0].package_id
    candidates = found or await _packages(client, task, None)
    raise InvalidFieldError(
        "package",
        "retry_package_several" if found else "retry_package_unknown",
        version=task.version or "?",
        candidates="; ".join(_named(package) for package in candidates[:NAMED]) or "-",
    )


async def _packages(
    client: PlatformClient, task: UpgradeTask, version: str | None
) -> list[Package]:
    found: dict[str, Package] = {}
    async for page in client.list_packages(
        kind=task.kind,
        device_type=task.targets.device_type,
        model=task.targets.model,
        manufacturer=task.targets.manufacturer,
        version=version,
    ):
        found |= {package.package_id: package for package in page.items}
        if version is None and len(found) >= NAMED:
            break
    return list(found.values())


def _named(package: Package) -> str:
    name = ", ".join(each for each in (package.name, package.version) if each)
    return f"{package.package_id} ({name})"


def retry_values(
    fields: Collection[str],
    given: Mapping[str, Any],
    task: UpgradeTask,
    devices: Sequence[str],
    now: datetime,
) -> dict[str, Any]:
    """Return the values of a creation: what is given, or else the task's own.

    ``fields`` are those that the creation has. Raises `InvalidFieldError` when the
    task's own window has begun, which cannot be used again.
    """
    policy = task.policy
    values = {"devices": list(devices), "retries": policy.retries, **given}
    if given.keys() & {"start", "end"}:
        values.setdefault("execution", Execution.CUSTOM.value)
    elif "execution" not in given:
        values["execution"] = policy.execution.value
        if policy.execution is Execution.CUSTOM:
            if policy.start is None or policy.start <= now:
                raise InvalidFieldError("start", "retry_window_over")
            values |= {"start": policy.start, "end": policy.end}
    return {
        key: value for key, value in values.items() if key in fields or key in given
    }
