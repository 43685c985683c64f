"""Starts the upgrade plans of an account, and knows when each one last ran."""

from collections.abc import Callable, Mapping
from datetime import datetime

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
    ConfigEntryState,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.util.ulid import ulid_now
import msgspec

from .askers import Asker
from .clients.errors import InvalidFieldError
from .clients.model import UpgradeTask
from .clients.platform import Platform, PlatformClient
from .const import LOGGER, SUBENTRY_PLAN
from .issues import async_sync_issue
from .plan import Plan, PlanOrigin, plan_of
from .plan_creation import async_prepare, create_action, without_force
from .units import unit_id
from .wave_runner import WaveRunner
from .wave_steps import WaveSteps
from .waves import ExpectedWave, Run, expected, share_of
from .writer import Writer
from .writes import CreateEntry, WriteState

_MAY_EXIST = {WriteState.OPEN, WriteState.UNSETTLED, WriteState.DONE}
"""States of a creation that has become a task, or may have."""


class Plans:
    """The upgrade plans of one account: its config subentries.

    ``tasks`` returns the upgrade tasks of the last successful poll, by ID; ``changed``
    is called when the run of a plan of waves has changed.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        account: ConfigEntry,
        platform: Platform,
        client: PlatformClient,
        writer: Writer,
        *,
        tasks: Callable[[], Mapping[str, UpgradeTask]],
        changed: Callable[[], None],
    ) -> None:
        """Have no plan before they are read."""
        self._hass = hass
        self._account = account
        self._platform = platform
        self._client = client
        self._writer = writer
        self._tasks = tasks
        self.all: dict[str, Plan] = {}
        """By ID, which is that of the subentry."""
        self.waves = WaveRunner(
            hass,
            account,
            writer,
            WaveSteps(hass, platform, client, writer, tasks),
            changed=changed,
        )

    async def async_load(self) -> None:
        """Read the plans and the runs of those that go wave by wave.

        Raises `OSError` when the file of the runs cannot be read.
        """
        self._async_read()
        await self.waves.async_load(
            [
                subentry.subentry_id
                for subentry in self._account.get_subentries_of_type(SUBENTRY_PLAN)
            ]
        )

    @callback
    def _async_read(self) -> None:
        """Read the plans; one that cannot be understood is left out and told of."""
        unreadable: list[str] = []
        for subentry in self._account.get_subentries_of_type(SUBENTRY_PLAN):
            try:
                plan = plan_of(subentry.subentry_id, subentry.title, subentry.data)
                create_action(self._platform, plan.action)
            except (msgspec.ValidationError, InvalidFieldError) as err:
                LOGGER.warning(
                    "The upgrade plan %s of %s is left out: %s",
                    subentry.title,
                    self._account.title,
                    err,
                )
                unreadable.append(subentry.title)
            else:
                self.all[plan.plan_id] = plan
        async_sync_issue(
            self._hass,
            self._account,
            "plans_unreadable",
            bool(unreadable),
            plans=", ".join(unreadable),
        )

    async def async_start(self, plan_id: str, asker: Asker) -> None:
        """Create what a plan is about, or its first wave; raises `PlatformError`.

        Whether its package and its device groups are still on the platform is looked
        up before anything is written.
        """
        plan = self.all[plan_id]
        self.waves.refuse_shared_groups(plan)
        if self.has_waves(plan):
            await self.waves.async_start(plan, asker)
            return
        prepared = await async_prepare(self._platform, self._client, plan)
        try:
            await self._writer.async_create(
                prepared, asker, origin=str(PlanOrigin(plan_id, ulid_now()))
            )
        except InvalidFieldError as err:
            raise without_force(err, plan) from err

    def has_waves(self, plan: Plan) -> bool:
        """Whether a plan goes wave by wave, or a run of it that has begun does."""
        run = self.waves.runs.get(plan.plan_id)
        return bool(plan.waves) or (run is not None and not run.is_over)

    def share_succeeded(self, run: Run, wave: int) -> float | None:
        """Return the share of a wave, in percent, as far as it has ended."""
        return share_of(run, wave, self._tasks())

    def task_id(self, run: Run, wave: int) -> str | None:
        """Return the ID of what a wave became, that of a batch if it is one."""
        task_ids = run.task_ids[wave] if wave < len(run.task_ids) else ()
        for task_id in task_ids[:1]:
            batch_id = self._writer.batches.get(task_id)
            return task_id if batch_id is None else unit_id(batch_id)
        return None

    def expected(self) -> list[tuple[Run, ExpectedWave]]:
        """Return the waves that are still to come, earliest first, with their runs."""
        waves = [
            (run, wave) for run in self.waves.runs.values() for wave in expected(run)
        ]
        return sorted(waves, key=lambda found: found[1].start)

    def creations(self, plan_id: str) -> list[CreateEntry]:
        """Return what a plan has created, or may have, oldest first."""
        return [
            entry
            for entry in self._writer.journal.all_of(CreateEntry)
            if entry.state in _MAY_EXIST
            and (run := _run_of(entry)) is not None
            and run[0] == plan_id
        ]

    def last_run(self, plan_id: str) -> datetime | None:
        """Return when a plan was last started and something came of it."""
        if not (entries := self.creations(plan_id)):
            return None
        run = _run_of(entries[-1])
        return min(entry.asked_at for entry in entries if _run_of(entry) == run)

    def last_task_id(self, plan_id: str) -> str | None:
        """Return the ID of what a plan created last, that of a batch if it is one."""
        if not (entries := self.creations(plan_id)):
            return None
        last = entries[-1]
        return last.task_id if last.part is None else unit_id(last.part.batch_id)


def _run_of(entry: CreateEntry) -> tuple[str, str] | None:
    """Return which run of which plan created something, if one did."""
    origin = PlanOrigin.read(entry.origin)
    return None if origin is None else (origin.plan_id, origin.run_id)


@callback
def async_reload_with_plans(hass: HomeAssistant, account: ConfigEntry) -> None:
    """Load an account anew whenever one of its plans comes, changes or goes."""

    def plans() -> dict[str, tuple[str, object]]:
        return {
            subentry.subentry_id: (subentry.title, subentry.data)
            for subentry in account.subentries.values()
        }

    known = plans()

    @callback
    def look(_change: ConfigEntryChange, changed: ConfigEntry) -> None:
        nonlocal known
        if (
            changed is account
            and account.state is not ConfigEntryState.UNLOAD_IN_PROGRESS
            and plans() != known
        ):
            known = plans()
            hass.config_entries.async_schedule_reload(account.entry_id)

    account.async_on_unload(
        async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, look)
    )
