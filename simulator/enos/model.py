"""What the platform knows: products, firmware, devices, groups, trees, jobs, tasks.

The words are the platform's own: a job upgrades many devices, an OTA task is that
upgrade on one device. Times are POSIX seconds; the wire has milliseconds.
"""

from collections import Counter, deque
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf
from typing import override

from ..agenda import Action


class JobStatus(StrEnum):
    """Status of a job, as on the wire; there is none for a job that has ended."""

    STARTED = "started"
    STOPPED = "stopped"


class TaskStatus(StrEnum):
    """Status of an OTA task, as on the wire."""

    INIT = "init"
    PUBLISHED = "published"
    UPGRADING = "upgrading"
    SUCCEEDED = "succeeded"
    FAILED = "failed"

    @property
    def open(self) -> bool:
        """Tell whether the OTA task has not ended."""
        return self not in (TaskStatus.SUCCEEDED, TaskStatus.FAILED)

    @property
    def running(self) -> bool:
        """Tell whether it takes one of the places of its job's concurrency."""
        return self in (TaskStatus.PUBLISHED, TaskStatus.UPGRADING)


class JobType(StrEnum):
    """What a job is for."""

    UPGRADE = "upgrade"
    VERIFY = "verify"


@dataclass(frozen=True, slots=True)
class Text:
    """A text in several languages (StringI18n)."""

    default: str
    translated: dict[str, str] = field(default_factory=dict)

    def all(self) -> list[str]:
        """Return the text in every language."""
        return [self.default, *self.translated.values()]


@dataclass(slots=True)
class Product:
    """A product, of which there are many devices."""

    product_key: str
    name: Text
    model_id: str
    created: float
    kind: str = "Device"
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Firmware:
    """A firmware."""

    firmware_id: str
    product_key: str | None
    """The product that it is for; None: it is bound to none."""
    name: Text
    version: str
    created: float
    description: str = ""
    sign_method: str = "sha256"
    sign: str = ""
    file_url: str = ""
    file_size: int = 0
    content: bytes | None = None
    """The file, if it was uploaded."""
    must_be_verified: bool = False
    is_verified: bool = False
    tags: dict[str, str] = field(default_factory=dict)
    max_to_verify: int = 5
    min_verified: int = 1
    verified: int = 0
    """On how many devices its verification has succeeded."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why a device fails."""

    progress: int
    """Which kind of failure: -1 upgrade, -2 download, -3 verification, -4 burning."""
    description: str
    attempts: float = inf
    """How many attempts fail; a passing fault is gone after the first."""
    hangs: bool = False
    """Whether the device stops in the middle, so that only the time limit ends it."""


@dataclass(slots=True)
class Device:
    """A device of the fleet."""

    asset_id: str
    device_key: str
    product: Product
    name: Text
    created: float
    version: str | None
    """The firmware version that it has reported; None: it never has."""
    status: str = "online"
    """online, offline, inactive or disable."""
    attributes: dict[str, object] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    wakes_after: float = 0.0
    """Seconds of device time until it can be reached; 0: it is online."""
    flaw: Flaw | None = None
    upgrade: Task | None = None
    """Its OTA task that has not ended, of which it has one at most."""

    @property
    def key(self) -> tuple[str, str]:
        """Return what names it: device keys are unique within a product only."""
        return self.product.product_key, self.device_key


@dataclass(slots=True)
class Group:
    """A device group."""

    group_id: str
    name: Text
    description: str
    created: float
    members: list[str] = field(default_factory=list)
    """Asset IDs."""


@dataclass(slots=True)
class Node:
    """A node of an asset tree: a place, or a device."""

    asset_id: str
    name: Text
    parent: str | None
    model_id: str = "Site"
    device: bool = False
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class AssetTree:
    """An asset tree."""

    tree_id: str
    root: str
    nodes: dict[str, Node]
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> Text:
        """Return its name: that of its root."""
        return self.nodes[self.root].name

    def below(self, asset_id: str) -> list[Node]:
        """Return a node and all nodes below it; none for one that is not there."""
        children: dict[str | None, list[Node]] = {}
        for node in self.nodes.values():
            children.setdefault(node.parent, []).append(node)
        found = [self.nodes[asset_id]] if asset_id in self.nodes else []
        for node in found:
            found.extend(children.get(node.asset_id, ()))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which devices a job is for, as it was asked."""

    total: bool = False
    versions: tuple[str, ...] | None = None
    product_key: str | None = None
    device_keys: tuple[str, ...] | None = None
    attributes: dict[str, tuple[object, ...]] | None = None
    tags: dict[str, tuple[str, ...]] | None = None
    asset_trees: tuple[tuple[str, tuple[str, ...] | None], ...] | None = None
    """Trees with the nodes that are included; None: the whole tree."""
    group_ids: tuple[str, ...] | None = None
    asset_ids: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How failed OTA tasks are tried again."""

    enabled: bool = False
    interval: float | None = None
    """Seconds of device time."""
    count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When OTA tasks may be pushed, in the platform's time."""

    daily: bool
    start: float
    end: float

    def open_at(self, now: float) -> bool:
        """Tell whether the window is open."""
        if now < self.start:
            return False
        if not self.daily:
            return now <= self.end
        return (now - self.start) % _DAY <= self._length

    def next_opening(self, now: float) -> float | None:
        """Return when a window that is closed opens; None: never again."""
        if now < self.start:
            return self.start
        if not self.daily:
            return None
        return now + _DAY - (now - self.start) % _DAY

    @property
    def _length(self) -> float:
        """Return how long the window of a day is: what the two times of day say."""
        return (self.end - self.start) % _DAY or _DAY


_DAY = 24 * 3600.0


@dataclass(slots=True)
class Task:
    """An OTA task: the upgrade on one device."""

    task_id: str
    job_id: str
    asset_id: str
    device_key: str
    product_key: str
    from_version: str
    to_version: str
    updated: float
    status: TaskStatus = TaskStatus.INIT
    progress: int = 0
    description: str | None = None
    attempts: int = 0
    turn: int = 0
    """Grows whenever what was planned for it no longer holds."""


@dataclass(eq=False)
class Job:
    """A job."""

    job_id: str
    firmware: Firmware
    """What it installs; stays known when the firmware is deleted."""
    name: Text | None
    kind: JobType
    scope: Scope
    created: float
    incremental: bool | None
    """None for a verification, which has no such policy."""
    on_request: bool = False
    """Whether a device may ask for its upgrade."""
    timeout: float = 7200.0
    """Seconds of device time that a device may be upgrading."""
    retry: Retry = field(default_factory=Retry)
    schedule: Schedule | None = None
    concurrency: int = 300
    status: JobStatus = JobStatus.STARTED
    tasks: dict[str, Task] = field(default_factory=dict)
    """By asset ID, in the order of their creation."""
    queue: deque[tuple[Task, int]] = field(default_factory=deque)
    """OTA tasks (and their turn) that wait for a place, as their device is reached."""
    running: int = 0
    """How many OTA tasks take a place of the concurrency."""
    held: list[Action] = field(default_factory=list)
    """What fell due while the job was stopped."""
    next_opening: float | None = None
    """When the schedule lets OTA tasks be pushed again, while it does not."""

    @property
    def started(self) -> bool:
        """Tell whether the job is started."""
        return self.status is JobStatus.STARTED

    def counts(self) -> dict[str, int]:
        """Return how many OTA tasks are in each status."""
        counted = Counter(task.status for task in self.tasks.values())
        return {status.value: counted[status] for status in TaskStatus}

    @override
    def __repr__(self) -> str:
        """Name the job, not its thousand OTA tasks."""
        return f"<Job {self.job_id} {self.status} {self.counts()}>"
