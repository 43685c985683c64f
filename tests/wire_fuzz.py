"""Lets a platform answer nonsense, and checks what an account makes of it.

Each round some answers are spoiled, of a poll or of an action that lists something.
Whatever comes:

- the poll or the action ends in time, and in an error that has a text, if in one;
- the log gets one line for each spoiled answer at most;
- the next poll succeeds, and shows each task of the platform with its counts.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
import logging
from random import Random

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.update_coordinator import UpdateFailed
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fleet_upgrade.clients.model import StatusCounts
from custom_components.fleet_upgrade.coordinator import FleetCoordinator
from simulator.enos import EnosSimulator
from simulator.faults import Fault, FaultKind
from simulator.oceanconnect import OceanConnectSimulator

from .actions import act
from .mutations import Mutations

LONGEST = 10.0
"""Seconds that anything may take, on a busy machine; milliseconds are usual."""

type Truth = Callable[[], Mapping[str, StatusCounts]]


class Fuzz:
    """One account whose platform answers nonsense, round after round."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: MockConfigEntry,
        platform: EnosSimulator | OceanConnectSimulator,
        truth: Truth,
        log: pytest.LogCaptureFixture,
        seed: int,
    ) -> None:
        """Spoil the answers to an account that is set up; all follows from the seed.

        ``truth`` tells the counts of the platform's tasks.
        """
        self.mutations = Mutations(seed)
        self.ends: Counter[str] = Counter()
        """How polls and actions ended: the key of the error's text, or nothing."""
        self._hass = hass
        self._entry = entry
        self._coordinator: FleetCoordinator = entry.runtime_data
        self._platform = platform
        self._truth = truth
        self._log = log
        self._random = Random(seed)
        budget = self._coordinator.client.budget
        budget.limit = 1_000_000
        budget.pause = 0.001
        # Debugging makes everything five times as slow, and long polls a line.
        asyncio.get_running_loop().set_debug(False)
        for name in (None, "custom_components", "homeassistant"):
            log.set_level(logging.WARNING, name)

    async def run(self, answers: int) -> None:
        """Make rounds until so many answers were spoiled."""
        while self.mutations.count < answers:
            await self._round()

    async def _round(self) -> None:
        self._log.clear()
        self._platform.calls.clear()
        before = self.mutations.count
        self._platform.faults.add(
            Fault(
                kind=FaultKind.MALFORMED,
                after=self._random.choice((0, 0, 1, 2, 3)),
                count=self._random.choice((1, 2, None)),
                rewrite=self.mutations.spoil,
            )
        )
        ask = self._poll if self._random.random() < 0.75 else self._look_up
        try:
            async with asyncio.timeout(LONGEST):
                self.ends[await ask()] += 1
        except TimeoutError:
            raise AssertionError(self._story("did not end")) from None
        self._platform.faults.clear()
        spoiled = self.mutations.count - before
        warnings = [
            each.getMessage()
            for each in self._log.records
            if each.levelno >= logging.WARNING
        ]
        assert len(warnings) <= spoiled, self._story(f"logged {warnings[:5]}")
        await self._coordinator.async_refresh()
        self._check()

    async def _poll(self) -> str:
        """Poll; return the key of what went wrong."""
        await self._coordinator.async_refresh()
        if self._coordinator.last_update_success:
            return ""
        err = self._coordinator.last_exception
        assert isinstance(err, UpdateFailed), self._story(repr(err))
        return str(err.translation_key)

    async def _look_up(self) -> str:
        """Call an action that reads; return the key of what went wrong."""
        data = {"config_entry_id": self._entry.entry_id}
        action = self._random.choice(
            ("get_upgrade_tasks", "get_packages", "get_device_groups", "get_subtasks")
        )
        if action == "get_subtasks":
            data["task_id"] = self._random.choice(list(self._truth()))
        try:
            await act(self._hass, action, **data)
        except HomeAssistantError as err:
            return err.translation_key or "no text"
        return ""

    def _check(self) -> None:
        """Compare what is shown with what is on the platform."""
        assert self._coordinator.last_update_success, self._story(
            repr(self._coordinator.last_exception)
        )
        shown = self._coordinator.data.tasks
        truth = self._truth()
        for task_id, counts in truth.items():
            assert task_id in shown, self._story(f"lost {task_id}")
            assert shown[task_id].counts == counts, self._story(f"{shown[task_id]}")
        # A task with another ID may have been told of; it must not be waited for.
        imagined = [task for key, task in shown.items() if key not in truth]
        waited_for = [task.task_id[:300] for task in imagined if task.is_active]
        assert not waited_for, self._story(f"imagined {waited_for}")

    def _story(self, what: str) -> str:
        last = self.mutations.last
        return f"{what} after {self.mutations.count} answers, the last {last[:2000]!r}"


def counts_on_oceanconnect(sim: OceanConnectSimulator) -> dict[str, StatusCounts]:
    """Return the counts of all tasks, as the platform knows them."""
    counted = {}
    for task in sim.tasks():
        count = {word.value: number for word, number in task.tally.counts.items()}
        counted[task.task_id] = StatusCounts(
            total=task.tally.total,
            waiting=count["wait"],
            processing=count["processing"],
            succeeded=count["success"],
            failed=count["fail"],
            stopped=count["stop"],
            timed_out=task.tally.timeouts,
        )
    return counted


def counts_on_enos(sim: EnosSimulator) -> dict[str, StatusCounts]:
    """Return the counts of all jobs, as the platform knows them."""
    counted = {}
    for job in sim.jobs():
        count = job.counts()
        counted[job.job_id] = StatusCounts(
            total=len(job.tasks),
            waiting=count["init"] + count["published"],
            processing=count["upgrading"],
            succeeded=count["succeeded"],
            failed=count["failed"],
        )
    return counted
