"""A plan that is carried out wave by wave: what is to be done next, as a value.

A run holds all that has to outlive a restart. `advance` looks at the tasks of the
present wave and returns the run as it is now, with the step to be taken; whoever
takes it writes the run down before.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from hashlib import sha256

from msgspec import structs

from .clients.model import StatusCounts, Targets, TaskStatus, UpgradeTask, Value
from .plan import Plan
from .units import merged


class Phase(StrEnum):
    """Where a run is."""

    CREATING = "creating"
    """The task of the present wave is being created, or may have been."""
    RUNNING = "running"
    SOAKING = "soaking"
    """A wave has succeeded, and time passes before the next."""
    AWAITING_APPROVAL = "awaiting_approval"
    STOPPED = "stopped"
    FINISHED = "finished"


APPEARS_WITHIN = 3600
"""Seconds within which a new task has to show in the platform's lists."""

OVER = frozenset({Phase.STOPPED, Phase.FINISHED})


class StopReason(StrEnum):
    """Why a run was stopped."""

    SHARE_MISSED = "share_missed"
    """Too few devices of a wave succeeded, or too few can still succeed."""
    TOO_FEW = "too_few"
    """A wave ended on fewer devices than have to end before its share counts."""
    TASK_STOPPED = "task_stopped"
    TASK_DELETED = "task_deleted"
    COUNTS_UNKNOWN = "counts_unknown"
    REFUSED = "refused"
    """The task of a wave could not be created."""
    BY_HAND = "by_hand"


class Step(StrEnum):
    """What is to be done for a run."""

    NONE = "none"
    CREATE = "create"
    """Create the task of the present wave, unless the journal has it."""
    STOP_TASKS = "stop_tasks"
    """Stop the tasks of the present wave, where the platform can."""


class Run(Value, frozen=True):
    """One time that a plan is carried out.

    ``plan`` is the plan as it was at the start, ``targets`` holds those of each wave,
    ``task_ids`` the tasks that each wave became so far. Times are POSIX seconds.
    """

    run_id: str
    plan: Plan
    targets: tuple[Targets, ...]
    begun: float
    wave: int = 0
    """The present wave, counted from 0."""
    phase: Phase = Phase.CREATING
    since: float = 0.0
    """When the phase began."""
    task_ids: tuple[tuple[str, ...], ...] = ()
    is_seen: bool = False
    """Whether the tasks of the present wave have been seen in the platform's lists."""
    approved_by: tuple[str, ...] = ()
    """Who let the waves begin that needed it."""
    reason: StopReason | None = None
    detail: str | None = None
    """What the platform said, of a creation that was refused."""

    @property
    def is_over(self) -> bool:
        """Whether nothing will be done for it any more."""
        return self.phase in OVER

    @property
    def origin(self) -> str:
        """What the journal says that the present wave's creation belongs to."""
        return f"plan:{self.plan.plan_id}:{self.run_id}:{self.wave + 1}"

    @property
    def present_tasks(self) -> tuple[str, ...]:
        """IDs of the tasks of the present wave."""
        return self.task_ids[self.wave] if self.wave < len(self.task_ids) else ()

    @property
    def soak_end(self) -> float:
        """When the soak time of a wave that has succeeded is over."""
        return self.since + self.plan.soak_minutes * 60


def begin(run_id: str, plan: Plan, targets: Sequence[Targets], now: float) -> Run:
    """Return a new run, whose first wave is to be created."""
    return Run(run_id=run_id, plan=plan, targets=tuple(targets), begun=now, since=now)


def split(run_id: str, shares: Sequence[int], devices: Sequence[str]) -> list[Targets]:
    """Return the devices of each wave; the last wave takes all that are left.

    ``shares`` are percentages of all devices, which are mixed, in the same way each
    time for one run. Every device is in one wave only. A wave has at least one device
    as long as there are any; waves without devices are left out.
    """
    mixed = sorted(
        set(devices), key=lambda each: sha256(f"{run_id} {each}".encode()).digest()
    )
    waves: list[Targets] = []
    start = 0
    for number, share in enumerate(shares):
        is_last = number == len(shares) - 1
        count = len(mixed) if is_last else max(1, len(mixed) * share // 100)
        if wave := mixed[start : start + count]:
            waves.append(Targets(devices=tuple(sorted(wave))))
        start += count
    return waves


def created(run: Run, task_ids: Sequence[str], now: float) -> Run:
    """Return a run whose present wave has become these tasks."""
    return structs.replace(
        run,
        phase=Phase.RUNNING,
        since=now,
        is_seen=False,
        task_ids=(*run.task_ids[: run.wave], tuple(task_ids)),
    )


def stopped(run: Run, reason: StopReason, now: float, detail: str | None = None) -> Run:
    """Return a run that goes no further."""
    return structs.replace(
        run, phase=Phase.STOPPED, since=now, reason=reason, detail=detail
    )


def approved(run: Run, by: str, now: float) -> Run:
    """Return a run whose next wave may begin; the same where it does not wait."""
    if run.phase is not Phase.AWAITING_APPROVAL:
        return run
    return _next_wave(structs.replace(run, approved_by=(*run.approved_by, by)), now)


def advance(run: Run, tasks: Mapping[str, UpgradeTask], now: float) -> tuple[Run, Step]:
    """Return a run as it is now, and what is to be done for it.

    ``tasks`` are those of the last successful poll. A step may be asked for more
    than once, so whoever takes it looks first whether it was taken.
    """
    match run.phase:
        case Phase.CREATING:
            return run, Step.CREATE
        case Phase.RUNNING:
            return _watch(run, tasks, now)
        case Phase.SOAKING if now >= run.soak_end:
            if run.plan.needs_approval:
                run = structs.replace(run, phase=Phase.AWAITING_APPROVAL, since=now)
                return run, Step.NONE
            return _next_wave(run, now), Step.CREATE
        case _:
            return run, Step.NONE


def _next_wave(run: Run, now: float) -> Run:
    return structs.replace(run, wave=run.wave + 1, phase=Phase.CREATING, since=now)


def _watch(run: Run, tasks: Mapping[str, UpgradeTask], now: float) -> tuple[Run, Step]:
    """Look at a wave that runs."""
    parts = [tasks[task_id] for task_id in run.present_tasks if task_id in tasks]
    if len(parts) < len(run.present_tasks):
        if not run.is_seen and now < run.since + APPEARS_WITHIN:
            return run, Step.NONE
        return stopped(run, StopReason.TASK_DELETED, now), Step.STOP_TASKS
    run = run if run.is_seen else structs.replace(run, is_seen=True)
    task = merged("", parts)
    counts = task.counts
    if not task.has_ended:
        if _can_succeed(counts, run.plan):
            return run, Step.NONE
        return stopped(run, StopReason.SHARE_MISSED, now), Step.STOP_TASKS
    if task.status is TaskStatus.STOPPED:
        return stopped(run, StopReason.TASK_STOPPED, now), Step.NONE
    if (reason := _failure(counts, run.plan)) is not None:
        return stopped(run, reason, now), Step.NONE
    if run.wave + 1 == len(run.targets):
        return structs.replace(run, phase=Phase.FINISHED, since=now), Step.NONE
    # The soak time counts from here, and may be none.
    return advance(structs.replace(run, phase=Phase.SOAKING, since=now), tasks, now)


def share_succeeded(counts: StatusCounts) -> float | None:
    """Return the share, in percent, of the ended devices that succeeded."""
    if counts.ended is None or counts.succeeded is None or counts.ended == 0:
        return None
    return 100 * counts.succeeded / counts.ended


def _failure(counts: StatusCounts, plan: Plan) -> StopReason | None:
    """Return why a wave that has ended has not succeeded."""
    if counts.ended is None or counts.succeeded is None:
        return StopReason.COUNTS_UNKNOWN
    if counts.ended < plan.minimum:
        return StopReason.TOO_FEW
    share = share_succeeded(counts)
    if share is None or share < plan.wanted_share:
        return StopReason.SHARE_MISSED
    return None


def _can_succeed(counts: StatusCounts, plan: Plan) -> bool:
    """Whether a wave still succeeds if all devices succeed on which it has not ended.

    Not said before the minimum number of devices has ended, nor by unknown counts.
    """
    total, ended, succeeded = counts.total, counts.ended, counts.succeeded
    if not total or ended is None or succeeded is None or ended < plan.minimum:
        return True
    return 100 * (total - (ended - succeeded)) >= plan.wanted_share * total
