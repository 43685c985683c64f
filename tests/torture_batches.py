"""Batches and retries, tortured like single creations.

A run asks for one upgrade of more devices than a task takes, and once it is there for
another try on the devices that failed, each time with a fault and a kill, and asks
again until it is told that all is there. Then no device is in two of the tasks that
were made for it, and none is missing.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from homeassistant.exceptions import HomeAssistantError
import pytest

from custom_components.fleet_upgrade.clients.oceanconnect.client import (
    OceanConnectClient,
)
from custom_components.fleet_upgrade.const import DOMAIN
from custom_components.fleet_upgrade.units import unit_id

from .torture import FAULTS, KILLS, LONG_ENOUGH, PATIENCE, TOO_LATE, Killed, Torture

MOST_TARGETS = 3
"""Devices of one task here."""

MOST_CALLS = 8
"""Times that somebody asks until all is there."""


@dataclass
class Story:
    """What was asked for, what went wrong, and what was answered."""

    number: int
    faults: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)


class BatchTorture(Torture):
    """One account whose batches and retries are tortured, run after run."""

    async def tell(self, number: int) -> Story:
        """Make one run and check what came of it."""
        story = Story(number)
        before = self._made()
        devices = self._random.sample(self._devices, k=self._random.randint(4, 10))
        answer = await self._insist(
            story,
            "create_software_upgrade_task",
            {"package": self._package, "devices": devices},
            done=("create_repeated",),
        )
        batch = self._made() - before
        self._check_devices(story, batch, devices)
        failed = set(self._random.sample(devices, k=self._random.randint(1, 4)))
        for task_id in batch:
            self._platform.finish_task(
                task_id, failed=sorted(failed & set(self._devices_of(task_id)))
            )
        await self._calm_down()
        task_id = answer.get("task_id") or self._unit_of(batch)
        before = self._made()
        await self._insist(
            story,
            "retry_failed_devices",
            {"task_id": task_id},
            done=("retry_repeated", "retry_all_busy"),
        )
        self._check_devices(story, self._made() - before, failed)
        await self._clean_up(before - batch)
        return story

    async def _insist(
        self, story: Story, action: str, data: dict[str, Any], done: tuple[str, ...]
    ) -> dict[str, Any]:
        """Ask until there is an answer, or it is said that all is there already."""
        for call in range(MOST_CALLS):
            answer = await self._ask_once(story, action, data, is_calm=call > 4)
            if answer is not None:
                return answer
            if story.refusals[-1] in done:
                return {}
        raise AssertionError(f"it never ends: {story}")

    async def _ask_once(
        self, story: Story, action: str, data: dict[str, Any], *, is_calm: bool
    ) -> dict[str, Any] | None:
        """Ask while something goes wrong; leave the account calm."""
        fault = "none" if is_calm else self._random.choice(list(FAULTS))
        kill = None
        if not is_calm and self._random.random() < 0.4:
            kill = self._random.choice(KILLS)
        story.faults.append(f"{action}: {fault}, killed {kill or 'never'}")
        for each in FAULTS[fault]():
            self._platform.faults.add(each)
        if fault == TOO_LATE:
            self._wait_for_answers(PATIENCE)
        answer: dict[str, Any] | None = None
        with pytest.MonkeyPatch.context() as patches:
            if kill is not None:
                self._arm(patches, kill)
            try:
                response: Any = await self._hass.services.async_call(
                    DOMAIN,
                    action,
                    {"config_entry_id": self._entry.entry_id, **data},
                    blocking=True,
                    return_response=True,
                )
            except HomeAssistantError as err:
                story.refusals.append(err.translation_key or str(err))
            except Killed:
                story.refusals.append("killed")
            else:
                answer = response.get("creation", response)
        self._wait_for_answers(LONG_ENOUGH)
        self._platform.faults.clear()
        if self._disk is not None:
            await self._restart()
        await self._calm_down()
        await self._answer_for_a_person()
        return answer

    async def _answer_for_a_person(self) -> None:
        """Say of what nobody found that it does not exist, which is true."""
        named = {entry.task_id for entry in self._entries}
        for entry in self._entries:
            if entry.is_open:
                lost = self._made() - self._past - named
                assert not lost, f"made but not found: {lost}"
                await self._coordinator.writer.async_answer_unsettled(
                    entry.entry_id, None
                )
        await self._calm_down()

    def _devices_of(self, task_id: str) -> tuple[str, ...]:
        return self._platform.task(task_id).targets.devices or ()

    def _unit_of(self, batch: Collection[str]) -> str:
        [part] = {
            entry.part.batch_id
            for entry in self._entries
            if entry.task_id in batch and entry.part is not None
        }
        return unit_id(part)

    def _check_devices(
        self, story: Story, made: Collection[str], devices: Collection[str]
    ) -> None:
        """Check that each device is in exactly one of the tasks."""
        upgraded = [device for task in made for device in self._devices_of(task)]
        assert len(upgraded) == len(set(upgraded)), f"twice: {story}"
        assert set(upgraded) == set(devices), f"not all: {story}"
        assert len(made) == -(-len(devices) // MOST_TARGETS), f"parts: {story}"
        named = {entry.task_id for entry in self._entries}
        assert set(made) <= named, f"lost: {story}"


def split_small(patches: pytest.MonkeyPatch) -> None:
    """Let a task take few devices, so that a batch needs no more than some."""
    module = import_module(OceanConnectClient.__module__)
    patches.setattr(module, "MOST_TARGETS", MOST_TARGETS)
