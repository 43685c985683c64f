"""Creates upgrade tasks while everything goes wrong, and checks that none is doubled.

A run asks for one upgrade, perhaps twice at one moment, while the connection is cut
before or after the work is done, answers come too late, calls are throttled, the
session is taken, the clocks differ by minutes, or Home Assistant is killed between
journal, send, answer and completion. After each run, once the platform is quiet:

- no upgrade was made twice;
- each task on the platform is named in a response or in the journal;
- each task that a response or the journal names is on the platform;
- who was told that nothing was created was told the truth.
"""

import asyncio
from collections.abc import Callable, Coroutine
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fleet_upgrade import creation
from custom_components.fleet_upgrade.clients.oceanconnect import auth
from custom_components.fleet_upgrade.clients.oceanconnect.client import (
    OceanConnectClient,
)
from custom_components.fleet_upgrade.const import DOMAIN
from custom_components.fleet_upgrade.coordinator import FleetCoordinator
from custom_components.fleet_upgrade.journal import DATA_JOURNALS, Journal
from custom_components.fleet_upgrade.writes import CreateEntry, WriteState
from simulator.oceanconnect import Fault, FaultKind, OceanConnectSimulator

CREATE = "/operations/softwareUpgrade"
TOO_LATE = "answer too late"
PATIENCE = 0.25
"""Seconds after which an answer counts as lost where it comes too late."""
LONG_ENOUGH = 60.0
"""Seconds after which it does otherwise, for machines that are busy."""

FAULTS: dict[str, Callable[[], list[Fault]]] = {
    "none": list,
    "reset before the work": lambda: [Fault(kind=FaultKind.RESET_BEFORE, path=CREATE)],
    "reset after the work": lambda: [Fault(kind=FaultKind.RESET_AFTER, path=CREATE)],
    "answer cut": lambda: [Fault(kind=FaultKind.CUT, path=CREATE)],
    TOO_LATE: lambda: [Fault(kind=FaultKind.DELAY, path=CREATE, delay=2 * PATIENCE)],
    "server error": lambda: [Fault(kind=FaultKind.STATUS, path=CREATE, status=503)],
    "answer mangled": lambda: [
        Fault(kind=FaultKind.MALFORMED, path=CREATE, body=b'{"operation')
    ],
    "throttled": lambda: [Fault(kind=FaultKind.THROTTLE, path=CREATE)],
    "throttled twice": lambda: [Fault(kind=FaultKind.THROTTLE, path=CREATE, count=2)],
    "session taken": lambda: [Fault(kind=FaultKind.DROP_TOKEN, path=CREATE)],
    "session taken, then reset after the work": lambda: [
        Fault(kind=FaultKind.DROP_TOKEN, path=CREATE),
        Fault(kind=FaultKind.RESET_AFTER, path=CREATE),
    ],
    "reset after the work, and again while looking": lambda: [
        Fault(kind=FaultKind.RESET_AFTER, path=CREATE),
        Fault(kind=FaultKind.RESET_BEFORE, path="/operations", method="GET", count=9),
    ],
}

KILLS = (
    "before the journal",
    "after the journal",
    "while sending",
    "after the answer",
    "after the completion",
)


type Disk = tuple[dict[str, Any], dict[Path, bytes]]
"""What is stored, and the files beside it."""


class Killed(BaseException):
    """Home Assistant was killed."""


@dataclass
class Run:
    """What one run does, and what came of it."""

    number: int
    fault: str
    kill: str | None
    callers: int
    devices: list[str]
    retries: int
    answers: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Tell the run's story in a line."""
        return (
            f"run {self.number}: {self.fault}; killed {self.kill or 'never'}; "
            f"{self.callers} callers; answers {self.answers}; "
            f"refusals {self.refusals}"
        )


class Torture:
    """One account that is tortured, run after run."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: MockConfigEntry,
        platform: OceanConnectSimulator,
        storage: dict[str, Any],
        seed: int,
    ) -> None:
        """Torture the account of an entry; everything follows from the seed.

        The platform's clock may be some minutes off, and stays so.
        """
        self._hass = hass
        self._entry = entry
        self._platform = platform
        self._storage = storage
        self._random = Random(seed)
        self._folder = Path(hass.config.path(".storage"))
        self._past = {task.task_id for task in platform.tasks()}
        self._disk: Disk | None = None
        off = timedelta(minutes=self._random.choice((0, -11, 7)))
        platform.clock.set(dt_util.utcnow() + off)
        package = platform.packages("software")[0]
        self._package = package.file_id
        self._devices = [device.device_id for device in platform.devices(package)]

    async def start(self) -> None:
        """Set the account up."""
        await self._hass.config_entries.async_setup(self._entry.entry_id)
        await self._hass.async_block_till_done()
        self._be_quick()

    async def run(self, number: int) -> Run:
        """Make one run and check what came of it."""
        random = self._random
        run = Run(
            number=number,
            fault=random.choice(list(FAULTS)),
            kill=random.choice(KILLS) if random.random() < 0.4 else None,
            callers=random.choice((1, 1, 2)),
            devices=random.sample(self._devices, k=random.randint(1, 5)),
            retries=random.randint(0, 2),
        )
        before = self._made()
        for fault in FAULTS[run.fault]():
            self._platform.faults.add(fault)
        if run.fault == TOO_LATE:
            self._wait_for_answers(PATIENCE)
        with pytest.MonkeyPatch.context() as patches:
            if run.kill is not None:
                self._arm(patches, run.kill)
            await asyncio.gather(*(self._ask(run) for _ in range(run.callers)))
        self._wait_for_answers(LONG_ENOUGH)
        self._platform.faults.clear()
        if self._disk is not None:
            await self._restart()
        await self._calm_down()
        self._check(run, before)
        await self._clean_up(before)
        return run

    async def _ask(self, run: Run) -> None:
        """Call the action, as an automation does."""
        try:
            answer = await self._hass.services.async_call(
                DOMAIN,
                "create_software_upgrade_task",
                {
                    "config_entry_id": self._entry.entry_id,
                    "package": self._package,
                    "devices": run.devices,
                    "retries": run.retries,
                },
                blocking=True,
                return_response=True,
            )
        except HomeAssistantError as err:
            run.refusals.append(err.translation_key or str(err))
        except Killed:
            run.refusals.append("killed")
        else:
            assert answer is not None
            run.answers.append(str(answer["task_id"]))

    def _arm(self, patches: pytest.MonkeyPatch, kill: str) -> None:
        """Let Home Assistant be killed at one point of a creation."""

        def die() -> None:
            if self._disk is None:
                self._disk = self._copy_of_disk()
            raise Killed

        def around[**P, T](
            function: Callable[P, Coroutine[Any, Any, T]], *, before: bool
        ) -> Callable[P, Coroutine[Any, Any, T]]:
            async def killed(*args: P.args, **kwargs: P.kwargs) -> T:
                if self._disk is not None:
                    raise Killed  # nothing that was killed goes on
                if before:
                    die()
                result = await function(*args, **kwargs)
                if not before:
                    die()
                return result

            return killed

        client = self._coordinator.client

        async def while_sending(prepared: Any) -> str:
            sending = asyncio.ensure_future(create_task(prepared))
            await asyncio.sleep(self._random.uniform(0, 0.02))
            sending.cancel()
            await asyncio.wait([sending])
            die()
            raise Killed

        create_task = client.create_task
        if kill == "before the journal":
            patches.setattr(
                Journal, "async_open", around(Journal.async_open, before=True)
            )
        elif kill == "after the journal":
            patches.setattr(
                Journal, "async_open", around(Journal.async_open, before=False)
            )
        elif kill == "while sending":
            patches.setattr(client, "create_task", while_sending)
        elif kill == "after the answer":
            patches.setattr(client, "create_task", around(create_task, before=False))
        else:
            patches.setattr(
                Journal, "async_change", around(Journal.async_change, before=False)
            )

    def _files(self) -> list[Path]:
        """Return the account's own files, which are not among the stored ones."""
        return list(self._folder.glob(f"{DOMAIN}.{self._entry.entry_id}.*"))

    def _copy_of_disk(self) -> Disk:
        files = {path: path.read_bytes() for path in self._files()}
        return deepcopy(self._storage), files

    async def _restart(self) -> None:
        """Start again from what was on disk when Home Assistant was killed."""
        assert self._disk is not None
        storage, files = self._disk
        await self._hass.config_entries.async_unload(self._entry.entry_id)
        self._storage.clear()
        self._storage.update(storage)
        for path in self._files():
            path.unlink()
        for path, content in files.items():
            path.write_bytes(content)
        self._disk = None
        self._hass.data.pop(DATA_JOURNALS)
        await self._hass.config_entries.async_setup(self._entry.entry_id)
        assert self._entry.state is ConfigEntryState.LOADED, self._entry.reason
        self._be_quick()

    async def _calm_down(self) -> None:
        """Wait until nothing is under way, and let the account be polled."""
        await self._hass.async_block_till_done(wait_background_tasks=True)
        await self._coordinator.async_refresh()
        await self._hass.async_block_till_done(wait_background_tasks=True)

    def _check(self, run: Run, before: set[str]) -> None:
        made = self._made() - before
        named = {
            entry.task_id for entry in self._entries if entry.task_id is not None
        } - self._past
        assert len(made) <= 1, f"doubled: {run}"
        assert made <= named | set(run.answers), f"lost: {run}"
        assert named <= made, f"named but not made: {run}"
        assert set(run.answers) <= made, f"answered but not made: {run}"
        if not made:
            assert not run.answers
        unsettled = [entry for entry in self._entries if entry.is_open]
        assert not (made and unsettled), f"made but not settled: {run}"
        assert all(entry.state is WriteState.UNSETTLED for entry in unsettled), (
            f"still open: {run}"
        )

    async def _clean_up(self, before: set[str]) -> None:
        """Say of what is unsettled that it does not exist; delete what was made.

        Tasks that are kept would only make each restart slower than the one before.
        """
        for entry in self._entries:
            if entry.is_open:
                await self._coordinator.writer.async_answer_unsettled(
                    entry.entry_id, None
                )
        for task_id in self._made() - before:
            self._platform.finish_task(task_id)
            self._platform.delete_task(task_id)
            self._past.add(task_id)
        await self._coordinator.async_refresh()

    @property
    def _coordinator(self) -> FleetCoordinator:
        coordinator: FleetCoordinator = self._entry.runtime_data
        return coordinator

    @property
    def _entries(self) -> list[CreateEntry]:
        return list(self._coordinator.writer.journal.all_of(CreateEntry))

    def _wait_for_answers(self, seconds: float) -> None:
        client = self._coordinator.client
        assert isinstance(client, OceanConnectClient)
        transport = client._transport  # noqa: SLF001
        transport._timeout = aiohttp.ClientTimeout(total=seconds)  # noqa: SLF001

    def _be_quick(self) -> None:
        """Lift the limits that only cost time here."""
        self._coordinator.client.budget.limit = 1_000_000
        self._coordinator.client.budget.pause = 0.01

    def _made(self) -> set[str]:
        return {task.task_id for task in self._platform.tasks()}


def hurry(patches: pytest.MonkeyPatch) -> None:
    """Let looks follow each other within moments, and polling never give way."""
    patches.setattr(auth, "HOUR", 0.0)
    patches.setattr(creation, "LOOKS", (0.0, 0.02, 0.05))
