"""What the platform knows: packages, devices, groups, tasks and subtasks."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
import functools
from math import inf
from typing import override


class Kind(StrEnum):
    """What is upgraded."""

    SOFTWARE = "software"
    FIRMWARE = "firmware"

    @property
    def operate_type(self) -> str:
        """Return the word for it in a task."""
        return f"{self.value}_upgrade"

    @property
    def file_type(self) -> str:
        """Return the word for it in a package."""
        return f"{self.value}Package"


class TaskStatus(StrEnum):
    """Status of a task, as on the wire."""

    WAIT = "wait"
    PROCESSING = "processing"
    FAILED = "failed"
    SUCCESS = "success"
    STOP = "stop"

    @property
    def active(self) -> bool:
        """Tell whether the task has not ended."""
        return self in (TaskStatus.WAIT, TaskStatus.PROCESSING)


class Status(StrEnum):
    """Status of a subtask, as on the wire; note `fail` where a task says `failed`."""

    WAIT = "wait"
    PROCESSING = "processing"
    FAIL = "fail"
    SUCCESS = "success"
    STOP = "stop"

    @property
    def open(self) -> bool:
        """Tell whether the subtask has not ended."""
        return self in (Status.WAIT, Status.PROCESSING)


class ExecuteType(StrEnum):
    """When a task runs."""

    NOW = "now"
    DEVICE_ONLINE = "device_online"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class Model:
    """A product: what a package is made for."""

    device_type: str
    model: str
    manufacturer: str
    manufacturer_id: str


@dataclass(slots=True)
class Package:
    """A version package."""

    file_id: str
    kind: Kind
    name: str
    version: str
    model: Model
    description: str
    date: str
    uploaded: float


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why a device fails: at the step it says, with this cause."""

    step: str
    cause: str
    attempts: float = inf
    """How many attempts fail; a passing fault is gone after the first."""
    timeout: float = 0.0
    """Seconds of device time after which the platform gives up; 0: it is told."""


@dataclass(slots=True)
class Device:
    """A device of the fleet."""

    device_id: str
    node_id: str
    name: str
    model: Model
    status: str
    """ONLINE, OFFLINE, INACTIVE or ABNORMAL."""
    software: str
    """What it runs; empty: it has not said so yet."""
    firmware: str
    created: float
    modified: float
    cell: int = 0
    coverage: int = 0
    """Coverage level of its radio cell: 0 good, 1 extended, 2 extreme."""
    wakes_after: float = 0.0
    """Seconds of device time until it can be reached; 0: it is awake."""
    flaw: Flaw | None = None
    busy: bool = False
    mute: str = "FALSE"
    location: str | None = None

    @property
    def online(self) -> bool:
        """Tell whether the platform takes it for online (it may sleep all the same)."""
        return self.status == "ONLINE"

    def version(self, kind: Kind) -> str:
        """Return the version that it runs."""
        return self.software if kind is Kind.SOFTWARE else self.firmware

    def upgraded(self, kind: Kind, version: str, at: float) -> None:
        """Let it run this version from now on."""
        if kind is Kind.SOFTWARE:
            self.software = version
        else:
            self.firmware = version
        self.modified = at


@dataclass(slots=True)
class Group:
    """A device group."""

    group_id: str
    name: str
    description: str
    creator: str
    max_devices: int = 0
    members: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """When a task runs and how often it is tried again."""

    execute_type: ExecuteType = ExecuteType.NOW
    start: float | None = None
    end: float | None = None
    retries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """What a task was asked to upgrade, as it was asked."""

    groups: tuple[str, ...] | None = None
    devices: tuple[str, ...] | None = None
    device_type: str | None = None
    model: str | None = None
    manufacturer: str | None = None


@dataclass(slots=True)
class Subtask:
    """The upgrade on one device."""

    subtask_id: str
    device_id: str
    created: float
    status: Status = Status.WAIT
    started: float | None = None
    stopped: float | None = None
    detail: str | None = None
    source_version: str | None = None
    timed_out: bool = False
    attempts: int = 0
    turn: int = 0
    """Grows whenever what was planned for it no longer holds."""
    slot: tuple[int, int] | None = None


@dataclass(slots=True)
class Tally:
    """How many subtasks are in each status."""

    counts: dict[Status, int] = field(
        default_factory=lambda: dict.fromkeys(Status, 0),
    )
    timeouts: int = 0

    @property
    def total(self) -> int:
        """Return how many there are."""
        return sum(self.counts.values())

    @property
    def open(self) -> int:
        """Return how many have not ended."""
        return self.counts[Status.WAIT] + self.counts[Status.PROCESSING]

    @classmethod
    def of(cls, subtasks: list[Subtask]) -> Tally:
        """Count subtasks."""
        tally = cls()
        for subtask in subtasks:
            tally.counts[subtask.status] += 1
            tally.timeouts += subtask.timed_out
        return tally


@dataclass(eq=False)
class Task:
    """An upgrade task."""

    task_id: str
    kind: Kind
    package: Package
    """What it installs; stays known when the package is deleted."""
    targets: Targets
    policy: Policy
    created: float
    device_ids: tuple[str, ...]
    status: TaskStatus = TaskStatus.WAIT
    started: float | None = None
    stopped: float | None = None
    tally: Tally = field(default_factory=Tally)
    retries_left: int = 0
    make_subtasks: Callable[[Task], list[Subtask]] | None = None
    """Makes the subtasks when they are first asked for, so that a history of ten
    thousand tasks costs nothing until somebody looks at it."""

    @functools.cached_property
    def subtasks(self) -> list[Subtask]:
        """Return the subtasks, in the order of the devices."""
        return (self.make_subtasks or _waiting)(self)

    def move(
        self, subtask: Subtask, status: Status, *, timed_out: bool = False
    ) -> None:
        """Give a subtask another status and keep the counters in step."""
        self.tally.counts[subtask.status] -= 1
        self.tally.timeouts += timed_out - subtask.timed_out
        self.tally.counts[status] += 1
        subtask.status = status
        subtask.timed_out = timed_out
        subtask.turn += 1

    @override
    def __repr__(self) -> str:
        """Name the task, not its thousand subtasks."""
        return f"<Task {self.task_id} {self.status}>"


def _waiting(task: Task) -> list[Subtask]:
    return [
        Subtask(subtask_id(task, index), device_id, task.created)
        for index, device_id in enumerate(task.device_ids)
    ]


def subtask_id(task: Task, index: int) -> str:
    """Return the ID of the subtask of a task's device with this index."""
    return f"{task.task_id[:16]}{index:08x}"
