"""OceanConnect in random lives."""

from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Any, override

import pytest

from custom_components.fleet_upgrade.clients.model import TaskStatus
from custom_components.fleet_upgrade.clients.oceanconnect import auth
from simulator.oceanconnect import OceanConnectSimulator

from .common_simulator import credentials_for
from .random_platform import RandomPlatform, Truth, pick
from .wire_fuzz import counts_on_oceanconnect

STATUSES = {
    "wait": TaskStatus.WAITING,
    "processing": TaskStatus.PROCESSING,
    "success": TaskStatus.SUCCEEDED,
    "failed": TaskStatus.FAILED,
    "stop": TaskStatus.STOPPED,
}


class RandomOceanConnect(RandomPlatform[OceanConnectSimulator]):
    """OceanConnect: a task that was stopped stays so."""

    key = "oceanconnect"
    creation = "create_software_upgrade_task"

    @override
    def hurry(self, patches: pytest.MonkeyPatch) -> None:
        # Polling never gives way to others that sign in.
        patches.setattr(auth, "HOUR", 0.0)

    @override
    def begin(self, life: int) -> str:
        self._sim.reset(rate_limit=1_000_000, tasks=0, devices=40)
        return "as ever"

    @override
    def credentials(self) -> dict[str, Any]:
        return credentials_for(self._sim)

    @override
    def targets(self, random: Random, count: int) -> dict[str, Any]:
        package = self._sim.packages("software")[0]
        devices = [each.device_id for each in self._sim.devices(package)]
        return {
            "package": package.file_id,
            "devices": random.sample(devices, k=count),
        }

    @property
    @override
    def is_up_to_date(self) -> bool:
        return True

    @override
    def catch_up(self) -> None:
        """Find all at once, as ever."""

    @override
    def truth(self) -> Truth:
        counts = counts_on_oceanconnect(self._sim)
        return {
            task.task_id: (STATUSES[task.status.value], counts[task.task_id])
            for task in self._sim.tasks()
        }

    @override
    def tasks_for(self, happening: str) -> Sequence[str]:
        match happening:
            case "a task ends" | "a task is stopped":
                tasks = [each for each in self._sim.tasks() if each.tally.open]
            case "a task is retried" | "a task is retried and ends":
                tasks = [each for each in self._sim.tasks() if each.status == "failed"]
            case "a task is deleted":
                tasks = self._sim.tasks()
            case _:
                tasks = []
        return [task.task_id for task in tasks]

    @override
    def let(self, happening: str, task_id: str, count: int) -> None:
        match happening:
            case "a task ends":
                self._sim.finish_task(task_id, failed=count)
            case "a task is stopped":
                self._sim.stop_task(task_id)
            case "a task is retried":
                self._sim.retry_task(task_id)
            case "a task is retried and ends":
                self._sim.retry_task(task_id)
                self._sim.finish_task(task_id, failed=count)
            case "a task is deleted":
                self._sim.delete_task(task_id)

    @override
    def add(self, which: int) -> str:
        return self._sim.add_task(kind="software", status=pick(list(STATUSES), which))

    @override
    def work(self, seconds: float) -> None:
        self._sim.clock.advance(seconds)

    @override
    def jump(self, minutes: int) -> None:
        clock = self._sim.clock
        clock.set(clock.moment() + timedelta(minutes=minutes))

    @override
    def end_session(self, *, by_others: bool) -> None:
        if by_others:
            self._sim.take_token()
        else:
            self._sim.expire_token()
