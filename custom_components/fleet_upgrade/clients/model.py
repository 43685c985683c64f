"""What an upgrade is, on every platform: frozen values, compared by content.

All times are aware and in UTC. A count that a platform does not have is ``None``.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from .causes import Cause


class UpgradeKind(StrEnum):
    """What is upgraded."""

    FIRMWARE = "firmware"
    SOFTWARE = "software"


class TaskStatus(StrEnum):
    """Status of an upgrade task or subtask, in words common to all platforms."""

    WAITING = "waiting"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"


ACTIVE = frozenset({TaskStatus.WAITING, TaskStatus.PROCESSING})
ENDED = frozenset({TaskStatus.SUCCEEDED, TaskStatus.FAILED, TaskStatus.STOPPED})


# For what is asked of each task in each poll: an enum makes its hash in slow code.
_ACTIVE = tuple(ACTIVE)
_ENDED = (TaskStatus.SUCCEEDED, TaskStatus.FAILED, TaskStatus.STOPPED)


class Execution(StrEnum):
    """When a task runs."""

    NOW = "now"
    WHEN_ONLINE = "when_online"
    CUSTOM = "custom"


class ChangeKind(StrEnum):
    """How an upgrade task can be changed, on some platforms."""

    START = "start"
    STOP = "stop"
    DELETE = "delete"
    CANCEL_SUBTASKS = "cancel_subtasks"
    RETRY_SUBTASKS = "retry_subtasks"


class Value(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of all values: immutable, keyword-only, compared by content."""


class StatusCounts(Value, frozen=True):
    """Devices of one upgrade task, per status."""

    total: int | None = None
    waiting: int | None = None
    processing: int | None = None
    succeeded: int | None = None
    failed: int | None = None
    stopped: int | None = None
    timed_out: int | None = None

    @property
    def ended(self) -> int | None:
        """Devices on which the upgrade is over, whatever its end.

        Counted down from the total, because it is not documented whether devices
        that timed out stand inside or beside the failed ones.
        """
        if self.total is None or self.waiting is None or self.processing is None:
            return None
        return max(0, self.total - self.waiting - self.processing)


class Targets(Value, frozen=True):
    """The devices of an upgrade, chosen in one of the ways that a platform has.

    ``attributes`` and ``tags`` hold the values that a device may have, by name;
    ``asset_trees`` the nodes by tree, where no node means the whole tree.
    ``from_versions`` narrows any of these to devices that run one of the versions.
    """

    device_groups: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    device_type: str | None = None
    model: str | None = None
    manufacturer: str | None = None
    product: str | None = None
    asset_ids: tuple[str, ...] = ()
    asset_trees: dict[str, tuple[str, ...]] = {}
    attributes: dict[str, tuple[str | int | float | bool, ...]] = {}
    tags: dict[str, tuple[str, ...]] = {}
    all_devices: bool = False
    from_versions: tuple[str, ...] = ()

    @property
    def first(self) -> str | None:
        """The first group, device or else, for a name that a person recognises."""
        return next(iter(self._chosen), None)

    @property
    def count(self) -> int:
        """How many groups, devices or else are named."""
        return len(self._chosen)

    def in_order(self) -> Targets:
        """Return the same with groups and devices sorted, each once."""
        return msgspec.structs.replace(
            self,
            device_groups=tuple(sorted(set(self.device_groups))),
            devices=tuple(sorted(set(self.devices))),
        )

    def part(self, start: int, stop: int) -> Targets:
        """Return some of the groups and devices, counted from 0."""
        return msgspec.structs.replace(
            self,
            device_groups=self.device_groups[start:stop],
            devices=self.devices[start:stop],
        )

    @property
    def _chosen(self) -> Sequence[str]:
        return (
            self.device_groups
            or self.devices
            or self.asset_ids
            or tuple(self.asset_trees or self.tags or self.attributes)
            or self.from_versions
        )


class Policy(Value, frozen=True):
    """When and how an upgrade runs, and how often failed devices are retried.

    ``time_limit`` and ``retry_interval`` are in seconds; ``None`` is the platform's
    own default.
    """

    execution: Execution = Execution.NOW
    start: datetime | None = None
    end: datetime | None = None
    repeat_daily: bool = False
    """From the time of day of ``start`` to that of ``end``, on each day."""
    retries: int = 0
    retry_interval: int | None = None
    time_limit: int | None = None
    concurrency: int | None = None
    """Devices that are upgraded at the same time at most."""
    is_verification: bool = False
    """Whether the package is only tried out on a few devices."""
    is_incremental: bool = False
    """Whether devices that match later are upgraded too."""
    device_request: bool = False
    """Whether devices ask for the upgrade, instead of being sent it."""


class UpgradeTask(Value, frozen=True):
    """One upgrade of many devices."""

    task_id: str
    kind: UpgradeKind
    status: TaskStatus | None = None
    """``None`` when the platform used a word that nobody knows."""
    name: str | None = None
    package_id: str | None = None
    version: str | None = None
    created: datetime | None = None
    started: datetime | None = None
    ended: datetime | None = None
    counts: StatusCounts = StatusCounts()
    targets: Targets = Targets()
    policy: Policy = Policy()

    @property
    def is_active(self) -> bool:
        """Whether it waits or runs."""
        return self.status in _ACTIVE

    @property
    def has_ended(self) -> bool:
        """Whether its own status says that it is over."""
        return self.status in _ENDED


class Subtask(Value, frozen=True):
    """An upgrade task on one device."""

    subtask_id: str
    device_id: str
    status: TaskStatus | None = None
    reason: str | None = None
    """What the platform says of it."""
    cause: Cause | None = None
    """Why it failed, where the platform documents what it says."""
    created: datetime | None = None
    started: datetime | None = None
    ended: datetime | None = None


class Package(Value, frozen=True):
    """A version package that can be installed."""

    package_id: str
    kind: UpgradeKind | None = None
    name: str | None = None
    version: str | None = None
    device_type: str | None = None
    model: str | None = None
    manufacturer: str | None = None
    protocol: str | None = None
    product: str | None = None
    description: str | None = None
    uploaded: datetime | None = None
    needs_verification: bool = False
    """Whether it has to be tried out on a few devices before it may be used."""
    most_to_verify: int | None = None
    """Devices on which it may be tried out at most."""


class DeviceGroup(Value, frozen=True):
    """A named set of devices on the platform."""

    group_id: str
    name: str
    description: str | None = None
    device_count: int | None = None


class Device(Value, frozen=True):
    """A device of the fleet; all but its ID is unknown where only IDs are listed."""

    device_id: str
    name: str | None = None
    status: str | None = None
    device_type: str | None = None
    model: str | None = None
    manufacturer: str | None = None
    product: str | None = None
    software_version: str | None = None
    firmware_version: str | None = None
    hardware_version: str | None = None


class Page[_ItemT](Value, frozen=True):
    """One page of a listing; ``total`` counts all pages where the platform says."""

    items: tuple[_ItemT, ...] = ()
    total: int | None = None


class CreateRequest(Value, frozen=True):
    """An upgrade task to be created."""

    kind: UpgradeKind
    package_id: str
    targets: Targets
    policy: Policy = Policy()
    name: str | None = None


class PreparedCreate(Value, frozen=True):
    """A creation in the platform's own form, ready to be sent once.

    ``body`` is the exact JSON object that goes out with ``method`` to ``path``, with
    ``query`` beside what identifies the account.
    """

    request: CreateRequest
    method: str
    path: str
    body: dict[str, object]
    query: dict[str, str] = {}
    version: str | None = None
    product: str | None = None
    """The product that the package is made for, where the platform has such."""
    drawn_from: tuple[str, ...] = ()
    """The device groups of which these devices are a part, to be upgraded in turn."""


class Reach(Value, frozen=True):
    """Whom a creation reaches, as far as a few calls tell.

    Without ``versions``, ``devices`` is how many there are at most, if that is known.
    """

    devices: int | None = None
    versions: dict[str, int] | None = None
    """Devices by the version that they run; those that tell none are left out."""

    @property
    def is_complete(self) -> bool:
        """Whether each device was looked at."""
        return self.versions is not None


class TaskChange(Value, frozen=True):
    """A change of an upgrade task; ``devices`` are those of a change of subtasks."""

    kind: ChangeKind
    task_id: str
    devices: tuple[str, ...] = ()


class Poll(Value, frozen=True):
    """What one poll found.

    ``tasks`` holds each task read, ``deleted`` those that the platform no longer
    has. ``memory`` is the client's own, to be kept and handed to the next poll.
    """

    tasks: tuple[UpgradeTask, ...] = ()
    deleted: frozenset[str] = frozenset()
    memory: dict[str, object] = {}


class Pushed(Value, frozen=True):
    """A message that a platform pushed: which task moved, never how.

    ``key`` is the same when the platform sends the same message again.
    """

    task_id: str
    key: str
