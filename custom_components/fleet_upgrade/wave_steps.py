"""Takes the steps of a plan's run on the platform, each once.

Whether a step was taken before is asked of the journal: it knows what was sent,
whatever the file of the runs has missed.
"""

from collections.abc import Callable, Mapping
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from msgspec import structs

from .batches import AccountUnloadedError, BatchIncompleteError
from .changes import ChangeNotMadeError, ChangeUnsettledError
from .clients.errors import (
    Advice,
    AuthenticationError,
    ClockError,
    InvalidFieldError,
    MalformedError,
    NotFoundError,
    PlatformError,
    RejectedError,
    SessionTakenError,
    ThrottledError,
    UnreachableError,
)
from .clients.model import ChangeKind, Targets, TaskChange, UpgradeTask
from .clients.platform import Capability, Platform, PlatformClient
from .const import LOGGER
from .creation import UnsettledError
from .failures import message_of
from .journal import StoppingError, UnwrittenError
from .plan import Plan
from .plan_creation import async_prepare, without_force
from .waves import Phase, Run, StopReason, created, named, overdue, split, stopped
from .writer import Writer
from .writes import CreateEntry, WriteState

_LATER: Final = (
    AccountUnloadedError,
    AuthenticationError,
    ChangeNotMadeError,
    ChangeUnsettledError,
    ClockError,
    MalformedError,
    SessionTakenError,
    StoppingError,
    ThrottledError,
    UnreachableError,
    UnsettledError,
    UnwrittenError,
)
SHORTEST_PAUSE: Final = 30.0
"""Seconds before a step is tried again: with the next poll on schedule."""
LONGEST_PAUSE: Final = 3600.0

_UNDER_WAY: Final = {"batch_under_way", "change_under_way"}


class WaveSteps:
    """Does for the plans of one account what their runs need from the platform.

    ``tasks`` returns those of the last successful poll, by ID.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        platform: Platform,
        client: PlatformClient,
        writer: Writer,
        tasks: Callable[[], Mapping[str, UpgradeTask]],
    ) -> None:
        """Take steps by way of an account's client and writer."""
        self._hass = hass
        self._platform = platform
        self._client = client
        self._writer = writer
        self._tasks = tasks
        self._pauses: dict[tuple[str, Phase], tuple[float, float]] = {}
        """When a step may be tried again, and how long that is after the last time."""
        self._held_up: dict[tuple[str, Phase], PlatformError] = {}
        """Why a step has to wait."""

    def held_up_by(self, run: Run) -> str | None:
        """Return why the next step of a run has to wait, in the user's language."""
        err = self._held_up.get((run.origin, run.phase))
        return None if err is None else self._reason_of(run.plan, err)

    async def async_targets(self, plan: Plan, run_id: str) -> list[Targets]:
        """Return what each wave of a new run upgrades; raises `PlatformError`.

        The plan as a whole is checked against what the platform has. Waves that reach
        no device are left out.
        """
        if plan.waves[0].share is None:
            return await self._async_groups(plan)
        whole = await async_prepare(self._platform, self._client, plan)
        devices = await self._client.list_reached(whole)
        waves = split(run_id, [wave.share or 0 for wave in plan.waves], devices)
        for number, targets in enumerate(waves, 1):
            _refuse_too_few(plan, number, targets.count)
        return waves

    async def _async_groups(self, plan: Plan) -> list[Targets]:
        """Return the groups of each wave; refuses a device that is in two of them."""
        waves: list[Targets] = []
        wave_of: dict[str, int] = {}
        for number, wave in enumerate(plan.waves, 1):
            targets = Targets(device_groups=wave.device_groups)
            prepared = await async_prepare(self._platform, self._client, plan, targets)
            devices = await self._client.list_reached(prepared)
            if shared := [device for device in devices if device in wave_of]:
                raise InvalidFieldError(
                    "waves",
                    "plan_waves_overlap",
                    plan=plan.name,
                    count=str(len(shared)),
                    wave=str(wave_of[shared[0]]),
                    other=str(number),
                )
            wave_of |= dict.fromkeys(devices, number)
            if devices:
                waves.append(targets)
        return waves

    async def async_tasks(self, run: Run, now: float) -> Mapping[str, UpgradeTask]:
        """Return the tasks to look at; raises `PlatformError`.

        One that has left the lists of the account, as after a long time without Home
        Assistant, is asked for; what is still missing is not on the platform.
        """
        tasks = dict(self._tasks())
        for task_id in overdue(run, tasks, now):
            try:
                tasks[task_id] = await self._client.get_task(task_id)
            except NotFoundError:
                LOGGER.debug("The platform has no task %s", task_id)
            except PlatformError as err:
                self._hold_up(run, err)
                raise
        if run.phase is Phase.RUNNING:
            self._held_up.pop((run.origin, run.phase), None)
        return tasks

    async def async_create(self, run: Run) -> Run:
        """Create the task of the present wave, unless the journal knows it.

        Returns the same run where that has to wait.
        """
        if (known := self._known(run)) is not None:
            return known
        if not self._may_try(run):
            return run
        try:
            targets = run.targets[run.wave]
            prepared = await async_prepare(
                self._platform, self._client, run.plan, targets
            )
            if targets.devices:
                # The plan may name the groups, where tasks have their IDs.
                whole = await async_prepare(self._platform, self._client, run.plan)
                groups = whole.request.targets.device_groups
                prepared = structs.replace(prepared, drawn_from=groups)
            await self._writer.async_create(prepared, run.asker, origin=run.origin)
        except PlatformError as err:
            self._hold_up(run, err)
            if (known := self._known(run)) is not None:
                return known
            if _is_for_later(err):
                LOGGER.debug("A wave of a plan is created later: %s", err.key)
                return run
            return stopped(
                run,
                StopReason.REFUSED,
                dt_util.utcnow().timestamp(),
                self._reason_of(run.plan, err),
                to_stop=self.may_run(run),
            )
        return self._known(run) or run

    def _hold_up(self, run: Run, err: PlatformError) -> None:
        self._held_up[run.origin, run.phase] = err

    def _may_try(self, run: Run) -> bool:
        """Whether to try the step of a run now; after each try it waits longer.

        Each try polls the account, and each poll lets the runs go on: without a pause
        nothing would come between two tries.
        """
        step, now = (run.origin, run.phase), dt_util.utcnow().timestamp()
        until, last = self._pauses.get(step, (0.0, 0.0))
        if until - last <= now < until:  # earlier, the clock was set back
            return False
        pause = min(2 * last, LONGEST_PAUSE) or SHORTEST_PAUSE
        self._pauses[step] = (now + pause, pause)
        return True

    def may_run(self, run: Run) -> bool:
        """Whether anything of the present wave may be under way on the platform."""
        match run.phase:
            case Phase.RUNNING:
                return True
            case Phase.CREATING:
                entries = self._entries(run)
                return bool(self._done(entries)) or any(map(_is_open, entries))
            case _:
                return False

    def _reason_of(self, plan: Plan, err: PlatformError) -> str:
        """Return why something was refused, in the user's language."""
        cause = _cause(err)
        if isinstance(cause, InvalidFieldError):
            cause = without_force(cause, plan)
        return message_of(self._hass, cause)

    def _known(self, run: Run) -> Run | None:
        """Return the run as the journal knows it; none if nothing is under way."""
        entries = self._entries(run)
        if any(map(_is_open, entries)):
            return run  # a later poll or a person settles it
        done = self._done(entries)
        if not done or (done[0].part is not None and len(done) < done[0].part.of):
            return None
        return created(run, _task_ids(done), dt_util.utcnow().timestamp())

    def _entries(self, run: Run) -> list[CreateEntry]:
        return [
            entry
            for entry in self._writer.journal.all_of(CreateEntry)
            if entry.origin == run.origin
        ]

    def _done(self, entries: list[CreateEntry]) -> list[CreateEntry]:
        """Return what a wave's creation has become: of a batch, all parts there are.

        Some of them may have been created for something else, that was not finished.
        """
        done = [entry for entry in entries if entry.state is WriteState.DONE]
        if not done or (part := done[-1].part) is None:
            return done
        return [
            entry
            for entry in self._writer.journal.all_of(CreateEntry)
            if entry.state is WriteState.DONE
            and entry.part is not None
            and entry.part.batch_id == part.batch_id
        ]

    async def async_stop_tasks(self, run: Run) -> Run:
        """Stop what runs of the present wave, where the platform can.

        Returns the run with nothing left to be stopped, or the same where that has to
        wait.
        """
        entries = self._entries(run)
        run = named(run, run.present_tasks or _task_ids(self._done(entries)))
        stop_done = structs.replace(run, to_stop=False)
        if Capability.STOP not in self._platform.capabilities:
            return stop_done
        if any(map(_is_open, entries)):
            return run  # it may become a task yet
        if not self._may_try(run):
            return run
        for task_id in run.present_tasks:
            task = self._tasks().get(task_id)
            if task is not None and not task.is_active:
                continue
            try:
                await self._writer.async_change(
                    TaskChange(kind=ChangeKind.STOP, task_id=task_id), run.asker
                )
            except PlatformError as err:
                if _is_for_later(err):
                    LOGGER.debug("The task of a plan is stopped later: %s", err.key)
                    self._hold_up(run, err)
                    return run
                LOGGER.warning("The task of a plan was not stopped: %s", err.key)
        return stop_done


def _refuse_too_few(plan: Plan, wave: int, count: int) -> None:
    """Refuse a wave that would have failed whatever becomes of its devices."""
    if count < plan.minimum:
        raise InvalidFieldError(
            "waves",
            "plan_wave_too_small",
            plan=plan.name,
            wave=str(wave),
            count=str(count),
            minimum=str(plan.minimum),
        )


def _is_for_later(err: PlatformError) -> bool:
    """Whether nothing was refused: it may be tried again, or will be settled."""
    cause = _cause(err)
    if isinstance(cause, RejectedError) and cause.advice is Advice.TRY_LATER:
        return True
    return isinstance(cause, _LATER) or cause.key in _UNDER_WAY


def _cause(err: PlatformError) -> PlatformError:
    """Return why a part of a batch could not be created, or the error itself."""
    if isinstance(err, BatchIncompleteError) and err.cause is not None:
        return err.cause
    return err


def _is_open(entry: CreateEntry) -> bool:
    return entry.is_open


def _task_ids(entries: list[CreateEntry]) -> list[str]:
    return [entry.task_id for entry in entries if entry.task_id is not None]
