"""A plan that is carried out wave by wave: what is to be done next, as a value.

A run holds all that has to outlive a restart. `advance` looks at the tasks of the
present wave and returns the run as it is now, with the step to be taken; whoever
takes it writes the run down before.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from hashlib import sha256

from msgspec import structs

from .askers import Asker
from .clients.model import StatusCounts, Targets, TaskStatus, UpgradeTask, Value
from .plan import Plan, PlanOrigin
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

SILENT_FOR = 3600
"""Seconds after which a wave is over that tells of no device, or of no status."""

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


class RunEvent(StrEnum):
    """What can happen to a run."""

    WAVE_STARTED = "wave_started"
    WAVE_SUCCEEDED = "wave_succeeded"
    WAITING_FOR_APPROVAL = "waiting_for_approval"
    STOPPED = "stopped"
    FINISHED = "finished"


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
    silent_since: float | None = None
    """Since when its tasks have told of no device, or of no status, without a break."""
    took: float | None = None
    """Seconds that the last wave took that has succeeded."""
    reason: StopReason | None = None
    detail: str | None = None
    """Why a creation was refused, as the user was told it."""
    to_stop: bool = False
    """Whether what runs of the present wave is still to be stopped."""
    asker: Asker = Asker()
    """Who started it."""

    @property
    def is_over(self) -> bool:
        """Whether nothing will be done for it any more."""
        return self.phase in OVER and not self.to_stop

    @property
    def origin(self) -> str:
        """What the journal says that the present wave's creation belongs to."""
        return str(PlanOrigin(self.plan.plan_id, self.run_id, self.wave + 1))

    @property
    def present_tasks(self) -> tuple[str, ...]:
        """IDs of the tasks that the present wave is known to have become."""
        return self.task_ids[self.wave] if self.wave < len(self.task_ids) else ()

    @property
    def soak_end(self) -> float:
        """When the soak time of a wave that has succeeded is over."""
        return self.since + self.plan.soak_minutes * 60


def begin(
    run_id: str,
    plan: Plan,
    targets: Sequence[Targets],
    now: float,
    asker: Asker = Asker(),
) -> Run:
    """Return a new run, whose first wave is to be created."""
    return Run(
        run_id=run_id,
        plan=plan,
        targets=tuple(targets),
        begun=now,
        since=now,
        asker=asker,
    )


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
        named(run, task_ids),
        phase=Phase.RUNNING,
        since=now,
        is_seen=False,
        silent_since=None,
    )


def named(run: Run, task_ids: Sequence[str]) -> Run:
    """Return a run whose present wave is known to have become these tasks."""
    return structs.replace(run, task_ids=(*run.task_ids[: run.wave], tuple(task_ids)))


def stopped(
    run: Run,
    reason: StopReason,
    now: float,
    detail: str | None = None,
    *,
    to_stop: bool = False,
) -> Run:
    """Return a run that goes no further."""
    return structs.replace(
        run,
        phase=Phase.STOPPED,
        since=now,
        reason=reason,
        detail=detail,
        to_stop=to_stop,
    )


def approved(run: Run, now: float) -> Run:
    """Return a run whose next wave may begin; the same where it does not wait."""
    return _next_wave(run, now) if run.phase is Phase.AWAITING_APPROVAL else run


def advance(run: Run, tasks: Mapping[str, UpgradeTask], now: float) -> tuple[Run, Step]:
    """Return a run as it is now, and what is to be done for it.

    ``tasks`` are those of the last successful poll. A step may be asked for more
    than once, so whoever takes it looks first whether it was taken.
    """
    if run.since > now and not run.is_over:
        # The clock was set back: no time of waiting grows by that.
        run = structs.replace(run, since=now)
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
        case Phase.STOPPED if run.to_stop:
            return run, Step.STOP_TASKS
        case _:
            return run, Step.NONE


def _stop(run: Run, reason: StopReason, now: float) -> tuple[Run, Step]:
    return stopped(run, reason, now, to_stop=True), Step.STOP_TASKS


def _next_wave(run: Run, now: float) -> Run:
    return structs.replace(run, wave=run.wave + 1, phase=Phase.CREATING, since=now)


def overdue(run: Run, tasks: Mapping[str, UpgradeTask], now: float) -> list[str]:
    """Return the tasks of a running wave that should be among these and are not."""
    if run.phase is not Phase.RUNNING or (
        not run.is_seen and now < run.since + APPEARS_WITHIN
    ):
        return []
    return [task_id for task_id in run.present_tasks if task_id not in tasks]


def _watch(run: Run, tasks: Mapping[str, UpgradeTask], now: float) -> tuple[Run, Step]:
    """Look at a wave that runs."""
    parts = [tasks[task_id] for task_id in run.present_tasks if task_id in tasks]
    if overdue(run, tasks, now):
        if parts:
            return _stop(run, StopReason.TASK_DELETED, now)
        return stopped(run, StopReason.TASK_DELETED, now), Step.NONE
    if len(parts) < len(run.present_tasks):
        return run, Step.NONE
    run = run if run.is_seen else structs.replace(run, is_seen=True)
    task = merged("", parts)
    counts = task.counts
    if not task.has_ended:
        run = _listened(run, task, now)
        if run.silent_since is not None and now >= run.silent_since + SILENT_FOR:
            if task.status is None:
                return _stop(run, StopReason.COUNTS_UNKNOWN, now)
            return _stop(run, StopReason.TOO_FEW, now)
        if _can_succeed(task, run.plan):
            return run, Step.NONE
        return _stop(run, StopReason.SHARE_MISSED, now)
    if task.status is TaskStatus.STOPPED:
        return stopped(run, StopReason.TASK_STOPPED, now), Step.NONE
    if (reason := _failure(counts, run.plan)) is not None:
        return stopped(run, reason, now), Step.NONE
    run = structs.replace(run, took=now - run.since)
    if run.wave + 1 == len(run.targets):
        return structs.replace(run, phase=Phase.FINISHED, since=now), Step.NONE
    # The soak time counts from here, and may be none.
    return advance(structs.replace(run, phase=Phase.SOAKING, since=now), tasks, now)


def _listened(run: Run, task: UpgradeTask, now: float) -> Run:
    """Note since when a wave that has not ended tells nothing to go by.

    A task of no device waits for ever on some platforms: those of its groups may have
    the version already.
    """
    since: float | None = None
    if task.status is None or task.counts.total == 0:
        since = now if run.silent_since is None else min(run.silent_since, now)
    return structs.replace(run, silent_since=since)


def share_succeeded(counts: StatusCounts) -> float | None:
    """Return the share, in percent, of the ended devices that succeeded."""
    if counts.ended is None or counts.succeeded is None or counts.ended == 0:
        return None
    return 100 * counts.succeeded / counts.ended


def share_of(run: Run, wave: int, tasks: Mapping[str, UpgradeTask]) -> float | None:
    """Return the share of a wave, from 0, as far as its tasks are known."""
    task_ids = run.task_ids[wave] if wave < len(run.task_ids) else ()
    parts = [tasks[task_id] for task_id in task_ids if task_id in tasks]
    if not parts or len(parts) < len(task_ids):
        return None
    return share_succeeded(merged("", parts).counts)


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


def _can_succeed(task: UpgradeTask, plan: Plan) -> bool:
    """Whether a wave still succeeds if all devices succeed on which it has not ended.

    Not said before the minimum number of devices has ended, nor by unknown counts,
    nor while the platform may try again on devices that count as failed meanwhile.
    """
    counts = task.counts
    total, ended, succeeded = counts.total, counts.ended, counts.succeeded
    if not total or ended is None or succeeded is None or ended < plan.minimum:
        return True
    if task.policy.retries:
        return True
    return 100 * (total - (ended - succeeded)) >= plan.wanted_share * total


class ExpectedWave(Value, frozen=True):
    """A wave that has not begun, and when it is expected; times are POSIX seconds."""

    number: int
    """From 1."""
    start: float
    end: float


def expected(run: Run) -> Iterator[ExpectedWave]:
    """Yield the waves that are still to come, if each takes as long as the last one.

    None before one has succeeded, and none while a person has to let it begin.
    """
    if run.took is None or run.phase not in (Phase.RUNNING, Phase.SOAKING):
        return
    soak = run.plan.soak_minutes * 60
    start = run.soak_end
    if run.phase is Phase.RUNNING:
        start += run.took
    for number in range(run.wave + 2, len(run.targets) + 1):
        yield ExpectedWave(number=number, start=start, end=start + run.took)
        start += run.took + soak


def events(before: Run, after: Run) -> Iterator[tuple[RunEvent, int]]:
    """Yield what has happened between two looks at a run, each with its wave."""
    if before.phase is Phase.CREATING and after.phase is Phase.RUNNING:
        yield RunEvent.WAVE_STARTED, after.wave
    if before.phase is Phase.RUNNING and after.phase not in (
        Phase.RUNNING,
        Phase.STOPPED,
    ):
        yield RunEvent.WAVE_SUCCEEDED, before.wave
    if before.phase is after.phase:
        return
    match after.phase:
        case Phase.AWAITING_APPROVAL:
            yield RunEvent.WAITING_FOR_APPROVAL, after.wave + 1
        case Phase.STOPPED:
            yield RunEvent.STOPPED, after.wave
        case Phase.FINISHED:
            yield RunEvent.FINISHED, after.wave
