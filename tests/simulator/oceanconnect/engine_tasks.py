"""Tasks for the engine's tests, at a known time."""

from datetime import UTC, datetime, timedelta
from typing import Any

from simulator.oceanconnect import OceanConnectSimulator
from simulator.oceanconnect.model import Device, Package, Task

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
HOUR = 3600.0


def begin(
    sim: OceanConnectSimulator, package: Package, devices: list[Device], **new: Any
) -> Task:
    """Make a task for devices."""
    return sim.task(
        sim.add_task(
            kind=package.kind,
            package=package,
            devices=[device.device_id for device in devices],
            **new,
        )
    )


def statuses(sim: OceanConnectSimulator, task: Task) -> list[str]:
    """Return the status of each subtask, as it is by now."""
    return [subtask.status for subtask in sim.task(task.task_id).subtasks]


def at(seconds: float) -> float:
    """Return the time that many seconds after noon."""
    return NOON.timestamp() + seconds


def window(
    sim: OceanConnectSimulator, package: Package, devices: list[Device], **new: Any
) -> Task:
    """Make a task for one to two o'clock."""
    return begin(
        sim,
        package,
        devices,
        execute_type="custom",
        start=NOON + timedelta(hours=1),
        end=NOON + timedelta(hours=2),
        **new,
    )
