"""What random lives need of a platform: what may happen there, and what is true."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import pytest

from custom_components.fleet_upgrade.clients.model import (
    ChangeKind,
    StatusCounts,
    TaskChange,
    TaskStatus,
)
from simulator.enos import EnosSimulator
from simulator.faults import Fault, FaultControl, FaultKind
from simulator.oceanconnect import OceanConnectSimulator

HAPPENINGS = (
    "a task is made",
    "devices work",
    "a task ends",
    "a task is stopped",
    "a task is started",
    "a task is started and stopped",
    "a task is retried",
    "a task is retried and ends",
    "a task is deleted",
)

FAULTS: dict[str, Callable[[], Fault]] = {
    "reset before the work": lambda: Fault(kind=FaultKind.RESET_BEFORE),
    "reset after the work": lambda: Fault(kind=FaultKind.RESET_AFTER),
    "answer cut": lambda: Fault(kind=FaultKind.CUT),
    "slow": lambda: Fault(kind=FaultKind.DELAY, delay=0.03),
    "server error": lambda: Fault(kind=FaultKind.STATUS, status=503),
    "somebody else answers": lambda: Fault(
        kind=FaultKind.STATUS, status=502, content_type="text/html", body=b"<html>"
    ),
    "answer mangled": lambda: Fault(kind=FaultKind.MALFORMED, body=b'{"data":[{'),
    "throttled": lambda: Fault(kind=FaultKind.THROTTLE),
    "session taken": lambda: Fault(kind=FaultKind.DROP_TOKEN),
}

type Truth = Mapping[str, tuple[TaskStatus, StatusCounts]]
"""Status and counts of all tasks, by their IDs."""


class RandomPlatform[SimT: OceanConnectSimulator | EnosSimulator](ABC):
    """One simulated platform, and what others do there."""

    key: str
    """Of the platform in the registry."""
    creation: str
    """The action that creates a task."""

    def __init__(self, sim: SimT) -> None:
        """Take a simulator that runs."""
        self._sim = sim

    @property
    def faults(self) -> FaultControl:
        """The faults of its connections."""
        return self._sim.faults

    @property
    @abstractmethod
    def is_up_to_date(self) -> bool:
        """Whether its searches find all that there is, as it is."""

    @abstractmethod
    def begin(self, life: int) -> str:
        """Let it be as new and without any task; return which habits it has now."""

    @abstractmethod
    def credentials(self) -> dict[str, Any]:
        """Return the data of an account."""

    @abstractmethod
    def targets(self, random: Random, count: int) -> dict[str, Any]:
        """Return the fields of a creation for some devices."""

    @abstractmethod
    def truth(self) -> Truth:
        """Return what is to be shown."""

    @abstractmethod
    def tasks_for(self, happening: str) -> Sequence[str]:
        """Return the tasks that something may happen to, oldest first."""

    @abstractmethod
    def let(self, happening: str, task_id: str, count: int) -> None:
        """Let it happen to a task; as many devices fail where it ends."""

    @abstractmethod
    def add(self, which: int) -> str:
        """Let somebody else make a task, one of several kinds; return its ID."""

    @abstractmethod
    def work(self, seconds: float) -> None:
        """Let the devices work for so long."""

    @abstractmethod
    def jump(self, minutes: int) -> None:
        """Let its clock jump."""

    @abstractmethod
    def end_session(self, *, by_others: bool) -> None:
        """End the session before its time, because others signed in or for itself."""

    @abstractmethod
    def hurry(self, patches: pytest.MonkeyPatch) -> None:
        """Shorten what takes long only for the sake of a real platform."""

    def mend(self) -> None:
        """Let everything work again."""
        self.faults.clear()

    def drop_connections(self) -> None:
        """Close all connections."""
        self._sim.drop_connections()

    @abstractmethod
    def catch_up(self) -> None:
        """Let searches find all that there is."""

    def change(self, kind: ChangeKind, which: int, count: int) -> TaskChange | None:
        """Return a change that a user may ask for; none without any task."""
        raise NotImplementedError

    def shows(self, change: TaskChange) -> bool:
        """Whether a change that was just made is one."""
        raise NotImplementedError


def pick[T](several: Sequence[T], which: int) -> T:
    """Return one of several."""
    return several[which % len(several)]
