"""What an upgrade is, on every platform: frozen values, compared by content.

All times are aware and in UTC. A count that a platform does not have is ``None``.
"""

from datetime import datetime
from enum import StrEnum

import msgspec


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


class Execution(StrEnum):
    """When a task runs."""

    NOW = "now"
    WHEN_ONLINE = "when_online"
    CUSTOM = "custom"


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
    """The devices of an upgrade: by device group or one by one."""

    device_groups: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    device_type: str | None = None
    model: str | None = None
    manufacturer: str | None = None

    @property
    def first(self) -> str | None:
        """The first group or device, for a name that a person recognises."""
        return next(iter(self.device_groups or self.devices), None)


class Policy(Value, frozen=True):
    """When an upgrade runs, and how often the platform retries failed devices."""

    execution: Execution = Execution.NOW
    start: datetime | None = None
    end: datetime | None = None
    retries: int = 0


class UpgradeTask(Value, frozen=True):
    """One upgrade of many devices."""

    task_id: str
    kind: UpgradeKind
    status: TaskStatus | None = None
    """``None`` when the platform used a word that nobody knows."""
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
        return self.status in ACTIVE

    @property
    def has_ended(self) -> bool:
        """Whether its own status says that it is over."""
        return self.status in ENDED


class Subtask(Value, frozen=True):
    """An upgrade task on one device."""

    subtask_id: str
    device_id: str
    status: TaskStatus | None = None
    reason: str | None = None
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
    description: str | None = None
    uploaded: datetime | None = None


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


class PreparedCreate(Value, frozen=True):
    """A creation in the platform's own form, ready to be sent once.

    ``body`` is the exact JSON object that goes out with ``method`` to ``path``.
    """

    request: CreateRequest
    method: str
    path: str
    body: dict[str, object]
    version: str | None = None


class Poll(Value, frozen=True):
    """What one poll found.

    ``tasks`` holds each task read, ``deleted`` those that the platform no longer
    has. ``memory`` is the client's own, to be kept and handed to the next poll.
    """

    tasks: tuple[UpgradeTask, ...] = ()
    deleted: frozenset[str] = frozenset()
    memory: dict[str, object] = {}
