"""What an account writes on its platform, and what is known of it."""

from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from homeassistant.util import dt as dt_util
import msgspec
from msgspec import structs

from .askers import Asker
from .clients.model import (
    CreateRequest,
    PreparedCreate,
    Reach,
    Targets,
    TaskChange,
    UpgradeKind,
    Value,
)

CREATE = "create"
RETRY = "retry:"
"""Begins the origin of a creation that retries an upgrade task; its ID follows."""


def is_retry(origin: str | None) -> bool:
    """Whether a creation of this origin retries what failed in another task.

    It may be the same as that one was; who retries has seen to repeats.
    """
    return origin is not None and origin.startswith(RETRY)


class WriteState(StrEnum):
    """What is known of a write."""

    OPEN = "open"
    """Written down; perhaps sent, not answered yet."""
    UNSETTLED = "unsettled"
    """The answer was lost, and looking has not told yet whether it was done."""
    DONE = "done"
    REFUSED = "refused"
    """Not done: the platform, or the way there, said so."""
    NOT_DONE = "not_done"
    """Not done: a person said so, or the platform shows it."""


class Entry(Value, frozen=True, kw_only=True, tag_field="write"):
    """One write; what it is about is for its kinds to tell.

    ``key`` is shared by writes that would do the same.
    """

    entry_id: str
    key: str
    asked_time: float
    """POSIX seconds."""
    asker: Asker
    state: WriteState = WriteState.OPEN
    task_id: str | None = None
    closed_time: float | None = None
    """POSIX seconds."""
    failure: str | None = None
    """Key of the error's text, for a write that was refused."""
    detail: str | None = None
    """The platform's code, where it gave one."""

    @property
    def asked_at(self) -> datetime:
        """When it was asked for."""
        return dt_util.utc_from_timestamp(self.asked_time)

    @property
    def closed_at(self) -> datetime | None:
        """When it became known what became of it."""
        if self.closed_time is None:
            return None
        return dt_util.utc_from_timestamp(self.closed_time)

    @property
    def is_open(self) -> bool:
        """Whether it is not known yet what became of it."""
        return self.state in (WriteState.OPEN, WriteState.UNSETTLED)

    @property
    def action(self) -> str:
        """What is done to the task, in a word."""
        raise NotImplementedError

    @property
    def targets(self) -> Targets:
        """Which devices it is about."""
        raise NotImplementedError

    @property
    def subject(self) -> tuple[str | None, int]:
        """What a person knows it by, and how many such things it names."""
        return self.targets.first, self.targets.count


class Part(Value, frozen=True):
    """Which part of a batch a creation is.

    The targets of a batch are in order; this part has those from ``start`` to before
    ``stop``. ``key`` stands for account, kind, package and targets of the batch.
    """

    batch_id: str
    key: str
    number: int
    """From 1."""
    of: int
    """How many parts there are."""
    start: int
    stop: int


class CreateEntry(Entry, frozen=True, kw_only=True, tag=CREATE):
    """The creation of an upgrade task.

    ``key`` stands for account, kind, package and targets; ``seen`` holds
    the IDs at the newest end of the platform's list before the write was sent.
    """

    prepared: PreparedCreate
    forced: bool = False
    seen: tuple[str, ...] = ()
    part: Part | None = None
    """For a creation that had too many targets for one task."""
    origin: str | None = None
    """What it belongs to, such as a wave of a plan's run; none for an action."""
    reach: Reach | None = None
    """Whom it reached when it was asked for; of a batch, all its parts together."""
    clock_offset: float = 0.0
    """Seconds by which the platform's clock was ahead when it was asked for."""

    @property
    def action(self) -> str:
        """A creation."""
        return CREATE

    @property
    def targets(self) -> Targets:
        """The devices that are to be upgraded."""
        return self.prepared.request.targets

    @property
    def subject(self) -> tuple[str | None, int]:
        """The task's own name, if it has one, or else its targets."""
        if (name := self.prepared.request.name) is not None:
            return name, 1
        return super().subject

    @property
    def kind(self) -> UpgradeKind:
        """What is upgraded."""
        return self.prepared.request.kind

    @property
    def version(self) -> str:
        """The version that is to be installed, or what stands for it."""
        return self.prepared.version or self.prepared.request.package_id


class ChangeEntry(Entry, frozen=True, kw_only=True, tag="change"):
    """The change of an upgrade task; its key stands for account and change."""

    change: TaskChange

    @property
    def action(self) -> str:
        """The kind of the change."""
        return self.change.kind.value

    @property
    def targets(self) -> Targets:
        """The devices whose subtasks are changed."""
        return Targets(devices=self.change.devices)


class PlanDeed(StrEnum):
    """What can be done with an upgrade plan of waves."""

    START = "start_plan"
    APPROVE = "approve_wave"
    STOP = "stop_plan"


class PlanEntry(Entry, frozen=True, kw_only=True, tag="plan"):
    """What was done with an upgrade plan of waves, and by whom."""

    done: PlanDeed
    plan: str
    """The plan's name."""
    wave: int
    """From 1."""

    @property
    def action(self) -> str:
        """What was done."""
        return self.done.value

    @property
    def targets(self) -> Targets:
        """None of its own: those of the creations that follow."""
        return Targets()

    @property
    def subject(self) -> tuple[str | None, int]:
        """The plan."""
        return self.plan, 1


def is_for(entry: Entry, origin: str | None) -> bool:
    """Whether a creation belongs to what is named, such as a wave of a plan's run."""
    return (
        origin is not None and isinstance(entry, CreateEntry) and entry.origin == origin
    )


def closed[EntryT: Entry](
    entry: EntryT,
    state: WriteState,
    *,
    task_id: str | None = None,
    failure: str | None = None,
    detail: str | None = None,
) -> EntryT:
    """Return an entry of which it is known now what became of it."""
    return structs.replace(
        entry,
        state=state,
        task_id=task_id,
        closed_time=dt_util.utcnow().timestamp(),
        failure=failure,
        detail=detail,
    )


_NOT_FURTHER = {"device_groups", "devices", "device_type", "model", "manufacturer"}
"""Targets that stand in a key by themselves, or not at all."""


def write_key(account: str, request: CreateRequest) -> str:
    """Return what two creations share that would do the same twice.

    ``account`` stands for the platform too, as an account's unique ID does. Left out
    are the policy, because the same upgrade an hour later is still the same, and what
    the package is made for, because leaving that to the platform changes nothing.
    """
    targets = request.targets
    parts: tuple[object, ...] = (
        account,
        request.kind,
        request.package_id,
        sorted(set(targets.device_groups)),
        sorted(set(targets.devices)),
    )
    # Only where there is more: what was written before has the same key as ever.
    if further := {
        name: _unordered(value)
        for name, value in structs.asdict(targets).items()
        if name not in _NOT_FURTHER and value
    }:
        parts = (*parts, further)
    return sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()


def _unordered(value: object) -> object:
    """Return the values of a target without order, each once."""
    match value:
        case dict():
            return {name: _unordered(each) for name, each in value.items()}
        case tuple():
            return sorted({msgspec.json.encode(each).decode() for each in value})
        case _:
            return value


def change_key(account: str, change: TaskChange) -> str:
    """Return what two changes share that would do the same twice."""
    parts = (account, change.kind, change.task_id, sorted(set(change.devices)))
    return sha256(msgspec.json.encode(parts)).hexdigest()
