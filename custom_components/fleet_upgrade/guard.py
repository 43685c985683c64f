"""Refuses what would upgrade the same devices twice."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from homeassistant.util import dt as dt_util
from msgspec import structs

from .clients.errors import InvalidFieldError, NotFoundError
from .clients.model import PreparedCreate, Targets, UpgradeTask
from .clients.platform import PlatformClient
from .writes import Entry, WriteState, is_for, is_retry

type _Trees = Mapping[str, tuple[str, ...]]
type _Values = Mapping[str, tuple[object, ...]]

NAMED = 3
"""Targets and tasks that a message names at most."""


def refuse_what_was_just_asked_for(
    key: str,
    entries: Iterable[Entry],
    guard_time: timedelta,
    now: datetime,
    *,
    force: bool,
    origin: str | None = None,
) -> None:
    """Refuse what is open, even by force, and what was done within the guard time.

    Also, at any time, what was done for the same ``origin``. Raises
    `InvalidFieldError`.
    """
    entries = list(entries)
    refuse_what_is_open(key, entries)
    for entry in entries:
        if (
            not force
            and entry.key == key
            and entry.state is WriteState.DONE
            and is_repeated(entry, origin, now - guard_time)
        ):
            raise repeated(entry, guard_time)


def is_repeated(entry: Entry, origin: str | None, since: datetime) -> bool:
    """Whether what was done is what is asked for once more.

    For the same origin it is, whenever that was: a wave of a plan is created once, and
    of a retry, who asked at the same time may not have heard.
    """
    if is_for(entry, origin):
        return True
    return not is_retry(origin) and entry.asked_at > since


def refuse_what_is_open(key: str, entries: Iterable[Entry]) -> None:
    """Refuse what may have been done already; raises `InvalidFieldError`."""
    for entry in entries:
        if entry.key == key and entry.is_open:
            raise InvalidFieldError("force", "create_unsettled", time=local_time(entry))


def repeated(entry: Entry, guard_time: timedelta) -> InvalidFieldError:
    """Return the refusal of what was done a short while ago."""
    return InvalidFieldError(
        "force",
        "create_repeated",
        task=entry.task_id or "",
        time=local_time(entry),
        minutes=str(int(guard_time.total_seconds() // 60)),
    )


async def refuse_busy_targets(
    client: PlatformClient,
    prepared: PreparedCreate,
    known: Mapping[str, UpgradeTask],
    newest: Iterable[UpgradeTask],
    drawn_from: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> None:
    """Refuse to upgrade what an active task of the same kind upgrades already.

    ``drawn_from`` names the groups that a task's devices were drawn from: whoever has
    these upgraded meets those. A task that only the last poll has seen is read again:
    it may be over. Raises `InvalidFieldError`, and what the client raises.
    """
    fresh = {task.task_id for task in newest}
    request = prepared.request
    for task in known.values():
        if not task.is_active or task.kind is not request.kind:
            continue
        theirs = drawn_from.get(task.task_id, ())
        shared = overlap(
            _with_groups(request.targets, prepared.drawn_from), task.targets
        ) or overlap(request.targets, _with_groups(task.targets, theirs))
        if request.package_id == task.package_id:
            shared = shared or _all_of_a_package(request.targets, task.targets)
        if not shared:
            continue
        if task.task_id not in fresh:
            try:
                if not (await client.get_task(task.task_id)).is_active:
                    continue
            except NotFoundError:
                continue
        raise InvalidFieldError(
            "force",
            "targets_busy",
            task=task.task_id,
            overlap=", ".join(shared[:NAMED]),
            count=str(len(shared)),
        )


def _with_groups(targets: Targets, groups: tuple[str, ...]) -> Targets:
    """Return targets with the groups that they are a part of."""
    if not groups:
        return targets
    return structs.replace(targets, device_groups=(*targets.device_groups, *groups))


def overlap(targets: Targets, others: Targets) -> list[str]:
    """Return what is chosen in both, sorted; nothing where versions rule it out.

    Whether a device belongs to a group of one and has a tag of the other is for the
    platform to know.
    """
    versions, other_versions = set(targets.from_versions), set(others.from_versions)
    if versions and other_versions and versions.isdisjoint(other_versions):
        return []
    shared = {
        *set(targets.device_groups).intersection(others.device_groups),
        *set(targets.devices).intersection(others.devices),
        *set(targets.asset_ids).intersection(others.asset_ids),
        *_shared_trees(targets.asset_trees, others.asset_trees),
        *_shared_values(targets.attributes, others.attributes),
        *_shared_values(targets.tags, others.tags),
    }
    return sorted(shared)


def _shared_trees(trees: _Trees, others: _Trees) -> list[str]:
    """Return the trees of which both choose a node; none named is the whole tree."""
    return [
        tree
        for tree in trees.keys() & others.keys()
        if not (trees[tree] and others[tree])
        or set(trees[tree]).intersection(others[tree])
    ]


def _shared_values(values: _Values, others: _Values) -> list[str]:
    """Return the values that a device may have for both; all names have to fit."""
    shared = {
        name: set(map(str, values[name])).intersection(map(str, others[name]))
        for name in values.keys() & others.keys()
    }
    if not all(shared.values()):
        return []
    return [f"{name}={value}" for name in shared for value in shared[name]]


def _all_of_a_package(targets: Targets, others: Targets) -> list[str]:
    """Return the versions that two tasks share of which one is for all devices."""
    if not (targets.all_devices or others.all_devices):
        return []
    versions, other_versions = set(targets.from_versions), set(others.from_versions)
    if not versions or not other_versions:
        return sorted(versions | other_versions)
    return sorted(versions & other_versions)


def local_time(entry: Entry) -> str:
    """Return when something was asked for, for a message."""
    return f"{dt_util.as_local(entry.asked_at):%Y-%m-%d %H:%M:%S}"
