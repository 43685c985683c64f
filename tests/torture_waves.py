"""Plans of waves, tortured: each tale is a run of a plan from its start to its end.

At each turn something goes wrong with the next creation, or Home Assistant is killed
before or after a step is written down or taken, and starts again from what was on
disk. In the end, by the platform's own record: no device is in two tasks, each wave
became one creation, none began before the one before had ended, and the plan is over.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from homeassistant.config_entries import ConfigSubentry
import pytest

from custom_components.fleet_upgrade.askers import Asker
from custom_components.fleet_upgrade.clients.errors import PlatformError
from custom_components.fleet_upgrade.clients.model import PreparedCreate
from custom_components.fleet_upgrade.const import SUBENTRY_PLAN
from custom_components.fleet_upgrade.plan import Plan, Wave, stored_plan
from custom_components.fleet_upgrade.wave_runner import WaveRunner
from custom_components.fleet_upgrade.wave_steps import WaveSteps
from custom_components.fleet_upgrade.waves import Phase, Run, StopReason
from simulator.oceanconnect.model import Kind, Task

from .torture import FAULTS, KILLS, LONG_ENOUGH, PATIENCE, TOO_LATE, Killed
from .torture_batches import BatchTorture

PLAN_ID = "tortured"
SHARES = (20, 30, 50)
DEVICES = 24
MOST_TURNS = 60

BEFORE_KEEPING = "before a run is kept"
AFTER_KEEPING = "after a run is kept"
WAVE_KILLS = (*KILLS, BEFORE_KEEPING, AFTER_KEEPING)


@dataclass
class Tale:
    """What happened to one run of the plan."""

    number: int
    turns: list[str] = field(default_factory=list)


class WaveTorture(BatchTorture):
    """One account with a plan of waves, which is started again and again."""

    async def start(self) -> None:
        """Set the account up, with its plan."""
        self._handler = self._hass.loop.get_exception_handler() or _unheard
        [group, *_] = self._platform.groups()
        group.members[:] = self._random.sample(self._devices, k=DEVICES)
        self.plan = Plan(
            plan_id=PLAN_ID,
            name="Meters",
            action="create_software_upgrade_task",
            values={"package": self._package},
            device_groups=(group.name,),
            waves=tuple(Wave(share=share) for share in SHARES),
            wanted_share=80,
            needs_approval=self._random.random() < 0.5,
        )
        self._hass.config_entries.async_add_subentry(
            self._entry,
            ConfigSubentry(
                data=MappingProxyType(stored_plan(self.plan)),
                subentry_id=PLAN_ID,
                subentry_type=SUBENTRY_PLAN,
                title=self.plan.name,
                unique_id=None,
            ),
        )
        await super().start()
        self._hass.loop.set_exception_handler(self._ignore_deaths)

    def _ignore_deaths(self, loop: asyncio.AbstractEventLoop, context: Any) -> None:
        """Let what was killed in the background be, as nobody is left to hear of it."""
        if not isinstance(context.get("exception"), Killed):
            self._handler(loop, context)

    async def tell_of_waves(self, number: int) -> Tale:
        """Run the plan to its end and check what came of it."""
        tale = Tale(number)
        self._go_back()
        before = self._made()
        fails = self._random.choice((None, None, 0, 1, 2))
        await self._turn(tale, self._begin)
        while len(tale.turns) < MOST_TURNS:
            run = self._run
            if run is None or (run.is_over and not self._made() - before):
                await self._turn(tale, self._begin)  # killed before it was kept
            elif run.is_over:
                break
            elif run.phase is Phase.AWAITING_APPROVAL:
                await self._turn(tale, self._approve)
            else:
                if run.phase is Phase.RUNNING:
                    self._end_the_wave(run, is_bad=run.wave == fails)
                await self._turn(tale, self._look)
            self._check_so_far(tale, before)
        self._check_the_end(tale, before, fails)
        await self._clean_up(before)
        return tale

    @property
    def _runner(self) -> WaveRunner:
        return self._coordinator.plans.waves

    @property
    def _run(self) -> Run | None:
        return self._runner.runs.get(PLAN_ID)

    def _go_back(self) -> None:
        """Let the devices run an older version: those of the last tale have the new."""
        devices = self._platform.devices()

        def go_back() -> None:
            for device in devices:
                device.upgraded(Kind.SOFTWARE, "V0", device.modified)

        self._platform.call(go_back)

    async def _begin(self) -> None:
        await self._runner.async_start(self.plan, Asker())

    async def _approve(self) -> None:
        await self._runner.async_approve(self.plan, Asker())

    async def _look(self) -> None:
        await self._coordinator.async_refresh()
        await self._hass.async_block_till_done(wait_background_tasks=True)

    async def _turn(
        self, tale: Tale, do: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        """Do something while something goes wrong; leave the account calm."""
        is_calm = len(tale.turns) > MOST_TURNS // 2
        fault = "none" if is_calm else self._random.choice(list(FAULTS))
        kill = None
        if not is_calm and self._random.random() < 0.5:
            kill = self._random.choice(WAVE_KILLS)
        for each in FAULTS[fault]():
            self._platform.faults.add(each)
        if fault == TOO_LATE:
            self._wait_for_answers(PATIENCE)
        said = ""
        with pytest.MonkeyPatch.context() as patches:
            if kill is not None:
                self._arm(patches, kill)
            try:
                await do()
            except PlatformError as err:
                said = err.key
            except Killed:
                said = "killed"
            await self._hass.async_block_till_done(wait_background_tasks=True)
        tale.turns.append(f"{do.__name__}: {fault}, killed {kill or 'never'}: {said}")
        self._wait_for_answers(LONG_ENOUGH)
        self._platform.faults.clear()
        if self._disk is not None:
            await self._restart()
        await self._calm_down()
        await self._answer_for_a_person()

    def _arm(self, patches: pytest.MonkeyPatch, kill: str) -> None:
        """Let Home Assistant be killed at one point; nothing goes on after that."""
        client = self._coordinator.client
        if kill in KILLS:
            super()._arm(patches, kill)
        else:
            write = WaveRunner._async_write  # noqa: SLF001

            async def killed(runner: WaveRunner, run: Run) -> bool:
                if self._disk is None and kill == AFTER_KEEPING:
                    await write(runner, run)
                if self._disk is None:
                    self._disk = self._copy_of_disk()
                raise Killed

            patches.setattr(WaveRunner, "_async_write", killed)
        create = WaveSteps.async_create

        async def step_unless_dead(steps: WaveSteps, run: Run) -> Run:
            if self._disk is not None:
                raise Killed
            return await create(steps, run)

        patches.setattr(WaveSteps, "async_create", step_unless_dead)
        create_task = client.create_task

        async def unless_dead(prepared: PreparedCreate) -> str:
            if self._disk is not None:
                raise Killed
            return await create_task(prepared)

        patches.setattr(client, "create_task", unless_dead)

    def _end_the_wave(self, run: Run, *, is_bad: bool) -> None:
        """Let some or all tasks of a wave end, as the platform sees fit."""
        for task_id in run.present_tasks:
            task = self._platform.task(task_id)
            devices = task.targets.devices or ()
            if self._random.random() < 0.7 and task.stopped is None:
                self._platform.finish_task(task_id, failed=devices if is_bad else ())

    def _check_so_far(self, tale: Tale, before: set[str]) -> None:
        tasks = self._tasks(before)
        devices = [device for task in tasks for device in task.targets.devices or ()]
        assert len(devices) == len(set(devices)), f"twice: {tale}"
        origins = {
            entry.task_id: entry.origin
            for entry in self._entries
            if entry.task_id is not None
        }
        for task in tasks:
            assert task.task_id in origins, f"lost: {tale}"

    def _check_the_end(self, tale: Tale, before: set[str], fails: int | None) -> None:
        run = self._run
        assert run is not None, tale
        assert run.is_over, f"it never ends: {run.phase}: {tale}"
        made = {task.task_id for task in self._tasks(before)}
        assert made == {each for wave in run.task_ids for each in wave}, tale
        waves: dict[str, set[str]] = {}
        for entry in self._entries:
            if entry.task_id in made:
                waves.setdefault(str(entry.origin), set()).add(entry.task_id)
        assert list(waves.values()) == [set(wave) for wave in run.task_ids], tale
        for wave, task_ids in enumerate(run.task_ids):
            devices = {
                device
                for task_id in task_ids
                for device in self._platform.task(task_id).targets.devices or ()
            }
            assert devices == set(run.targets[wave].devices), tale
        if fails is None:
            assert run.phase is Phase.FINISHED, f"{run.reason} {run.detail}: {tale}"
        else:
            assert (run.wave, run.reason) == (fails, StopReason.SHARE_MISSED), tale

    def _tasks(self, before: set[str]) -> list[Task]:
        return [task for task in self._platform.tasks() if task.task_id not in before]


def _unheard(loop: asyncio.AbstractEventLoop, context: Any) -> None:
    loop.default_exception_handler(context)
