"""Carries out the plans of an account that go wave by wave.

What is to be done next is decided in `waves`. Each run is on disk before a step is
taken, so that the next start goes on where this one was.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.storage import STORAGE_DIR
from homeassistant.util import dt as dt_util, ulid as ulid_util

from .askers import Asker
from .batches import AccountUnloadedError
from .clients.errors import InvalidFieldError, PlatformError
from .const import DOMAIN, LOGGER
from .guard import NAMED
from .issues import async_tell_runs_lost
from .journal import UnwrittenError, async_get_journal
from .journal_file import remove_files, write_file
from .plan import Plan
from .runs_file import read_runs
from .wave_steps import WaveSteps
from .waves import (
    OVER,
    Phase,
    Run,
    RunEvent,
    Step,
    StopReason,
    advance,
    approved,
    begin,
    events,
    stopped,
)
from .writer import Writer
from .writes import PlanDeed, PlanEntry, WriteState

type Tell = Callable[[Run, RunEvent, int], None]
"""Hears of what happened to a run, and in which wave, from 0."""


class PlanRefusedError(PlatformError):
    """A wave of a plan could not be created."""

    key = "plan_refused"

    def __init__(self, plan: str, reason: str) -> None:
        """Say why, in the user's language."""
        super().__init__(self.key, plan=plan, reason=reason)


class WaveRunner:
    """The runs of one account's plans, the last one of each, by the plans' IDs.

    ``changed`` is called when one of them has changed.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        account: ConfigEntry,
        writer: Writer,
        steps: WaveSteps,
        *,
        changed: Callable[[], None],
    ) -> None:
        """Have no runs before they are loaded."""
        self._hass = hass
        self._account = account
        self._writer = writer
        self._steps = steps
        self._changed = changed
        self._path = runs_path(hass, account.entry_id)
        self.runs: Mapping[str, Run] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._timers: dict[str, CALLBACK_TYPE] = {}
        self._has_ended = False
        self._listeners: dict[str, Tell] = {}

    async def async_load(self, plan_ids: Collection[str]) -> None:
        """Read the runs of the plans that there are; raises `OSError`.

        The run of a plan that was deleted goes no further, but a stop that was asked
        for is seen through. What cannot be read is told of.
        """
        # A run of the account that is unloaded may still be writing.
        async with self._writer.journal.keeping:
            runs, is_whole = await self._hass.async_add_executor_job(
                read_runs, self._path
            )
        if not is_whole:
            async_tell_runs_lost(self._hass, self._account)
        self.runs = {
            run.plan.plan_id: run
            for run in runs
            if run.plan.plan_id in plan_ids or run.to_stop
        }
        if gone := [run for run in runs if run.plan.plan_id not in self.runs]:
            await self._async_forget(gone)

    async def _async_forget(self, gone: Collection[Run]) -> None:
        """Let the runs of deleted plans go no further, and write that down."""
        with suppress(PlatformError):
            for run in gone:
                if not run.is_over:
                    await self._async_note(run, PlanDeed.STOP, Asker())
            async with self._writer.journal.keeping:
                await self._hass.async_add_executor_job(
                    write_file, self._path, list(self.runs.values())
                )

    @callback
    def async_listen(self, plan_id: str, tell: Tell) -> CALLBACK_TYPE:
        """Hear what happens to the runs of a plan; there is one who does."""
        self._listeners[plan_id] = tell

        @callback
        def unsubscribe() -> None:
            del self._listeners[plan_id]

        return unsubscribe

    @callback
    def async_go_on(self) -> None:
        """Do what is to be done now: after each poll, and once at the start."""
        for plan_id, run in self.runs.items():
            if not run.is_over and not self._locks[plan_id].locked():
                self._async_go_soon(plan_id)

    @callback
    def async_end(self) -> None:
        """Take no further step: the next start goes on."""
        self._has_ended = True
        while self._timers:
            self._timers.popitem()[1]()

    async def async_start(self, plan: Plan, asker: Asker) -> None:
        """Start a plan; its first wave is created before this returns, if it can be.

        Raises `InvalidFieldError` while it runs or when it reaches no device, and
        `PlatformError` when it cannot be checked or its first wave was refused.
        """
        self._writer.refuse_if_read_only()
        async with self._locks[plan.plan_id]:
            before = self.runs.get(plan.plan_id)
            if before is not None and not before.is_over:
                raise InvalidFieldError(
                    "plan", "plan_running", plan=plan.name, wave=str(before.wave + 1)
                )
            run_id = ulid_util.ulid_now()
            targets = await self._steps.async_targets(plan, run_id)
            if not targets:
                raise InvalidFieldError("plan", "plan_no_devices", plan=plan.name)
            run = begin(run_id, plan, targets, dt_util.utcnow().timestamp(), asker)
            await self._async_do(run, PlanDeed.START, asker)

    def refuse_shared_groups(self, plan: Plan) -> None:
        """Refuse groups on which another plan is running; raises `InvalidFieldError`.

        Its waves may be of devices, which nobody would find in these groups.
        """
        for run in self.runs.values():
            other = run.plan
            if run.is_over or other.plan_id == plan.plan_id:
                continue
            shared = set(plan.device_groups).intersection(other.device_groups)
            if shared and plan.action == other.action:
                raise InvalidFieldError(
                    "plan",
                    "plan_groups_busy",
                    plan=plan.name,
                    other=other.name,
                    groups=", ".join(sorted(shared)[:NAMED]),
                )

    async def async_approve(self, plan: Plan, asker: Asker) -> None:
        """Let the next wave of a plan begin; raises what `async_start` does."""
        self._writer.refuse_if_read_only()
        async with self._locks[plan.plan_id]:
            run = self.runs.get(plan.plan_id)
            if run is None or run.phase is not Phase.AWAITING_APPROVAL:
                raise InvalidFieldError("plan", "plan_not_waiting", plan=plan.name)
            next_wave = approved(run, dt_util.utcnow().timestamp())
            await self._async_do(next_wave, PlanDeed.APPROVE, asker)

    async def async_stop(self, plan: Plan, asker: Asker) -> None:
        """Stop a plan, and its tasks where the platform can.

        Raises `InvalidFieldError` when it does not run.
        """
        async with self._locks[plan.plan_id]:
            run = self.runs.get(plan.plan_id)
            if run is None or run.phase in OVER:
                raise InvalidFieldError("plan", "plan_not_running", plan=plan.name)
            now = dt_util.utcnow().timestamp()
            run = stopped(
                run, StopReason.BY_HAND, now, to_stop=self._steps.may_run(run)
            )
            await self._async_do(run, PlanDeed.STOP, asker)

    async def _async_do(self, run: Run, done: PlanDeed, asker: Asker) -> None:
        """Write down who did what, and go on from there; the run's lock is held."""
        if self._has_ended:
            raise AccountUnloadedError
        await self._async_note(run, done, asker)
        await self._async_keep(run)
        await self._async_go(run)
        run = self.runs[run.plan.plan_id]
        if run.reason is StopReason.REFUSED:
            raise PlanRefusedError(run.plan.name, run.detail or "")

    async def _async_note(self, run: Run, done: PlanDeed, asker: Asker) -> None:
        """Write into the journal who did what; raises `PlatformError`."""
        now = dt_util.utcnow().timestamp()
        await self._writer.async_note(
            PlanEntry(
                entry_id=ulid_util.ulid_now(),
                key=run.origin,
                asked_time=now,
                closed_time=now,
                asker=asker,
                state=WriteState.DONE,
                done=done,
                plan=run.plan.name,
                wave=run.wave + 1,
            )
        )

    @callback
    def _async_go_soon(self, plan_id: str) -> None:
        self._account.async_create_background_task(
            self._hass, self._async_go_locked(plan_id), f"{self._account.title} - plan"
        )

    async def _async_go_locked(self, plan_id: str) -> None:
        async with self._locks[plan_id]:
            await self._async_go(self.runs[plan_id])

    def held_up_by(self, plan_id: str) -> str | None:
        """Return why the run of a plan has to wait, in the user's language."""
        run = self.runs.get(plan_id)
        if run is None or run.is_over:
            return None
        return self._steps.held_up_by(run)

    async def _async_go(self, run: Run) -> None:
        """Take all steps that can be taken now; the run's lock is held."""
        plan_id = run.plan.plan_id
        before = self.held_up_by(plan_id)
        try:
            while True:
                now = dt_util.utcnow().timestamp()
                tasks = await self._steps.async_tasks(run, now)
                present, step = advance(run, tasks, now)
                if present != run:
                    await self._async_keep(present)
                match step:
                    case Step.CREATE:
                        run = await self._steps.async_create(present)
                    case Step.STOP_TASKS:
                        run = await self._steps.async_stop_tasks(present)
                    case Step.NONE:
                        break
                if run == present:
                    break  # it has to wait
                await self._async_keep(run)
        except PlatformError as err:
            if not self._has_ended:
                LOGGER.warning("An upgrade plan has to wait: %s", err.key)
        if self.held_up_by(plan_id) != before and not self._has_ended:
            self._changed()
        self._async_wake_later(self.runs[plan_id])

    @callback
    def _async_wake_later(self, run: Run) -> None:
        """Wake a run at the end of its soak time."""
        plan_id = run.plan.plan_id
        if (cancel := self._timers.pop(plan_id, None)) is not None:
            cancel()
        if run.phase is not Phase.SOAKING or self._has_ended:
            return

        @callback
        def go_on(_now: datetime) -> None:
            self._timers.pop(plan_id, None)
            self._async_go_soon(plan_id)

        delay = max(0, run.soak_end - dt_util.utcnow().timestamp())
        self._timers[plan_id] = async_call_later(self._hass, delay, go_on)

    async def _async_keep(self, run: Run) -> None:
        """Write a run down, then tell what is new; to its end, even when cancelled.

        Raises `UnwrittenError` when it cannot be, and `AccountUnloadedError`.
        """
        is_kept = await asyncio.shield(
            self._hass.async_create_task(self._async_write(run), "plans: write")
        )
        if self._has_ended:
            raise AccountUnloadedError
        if not is_kept:
            raise UnwrittenError

    async def _async_write(self, run: Run) -> bool:
        plan_id = run.plan.plan_id
        async with self._writer.journal.keeping:
            before = self.runs.get(plan_id)
            runs = {**self.runs, plan_id: run}
            if self._has_ended or not await self._hass.async_add_executor_job(
                write_file, self._path, list(runs.values())
            ):
                return False
            self.runs = runs
        self._changed()
        if before is not None and before.run_id == run.run_id:
            for event, wave in events(before, run):
                if (tell := self._listeners.get(plan_id)) is not None:
                    tell(run, event, wave)
        return True


async def async_remove_runs(hass: HomeAssistant, account_id: str) -> None:
    """Forget the runs of an account that is removed."""
    async with async_get_journal(hass, account_id).keeping:
        await hass.async_add_executor_job(remove_files, runs_path(hass, account_id))


def runs_path(hass: HomeAssistant, account_id: str) -> Path:
    """Return the file with the runs of an account's plans."""
    return Path(hass.config.path(STORAGE_DIR, f"{DOMAIN}.{account_id}.runs"))
