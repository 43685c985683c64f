"""The upgrade engine: when a task runs, how long it waits, what is tried again."""

from math import inf

import pytest

from simulator.oceanconnect import OceanConnectSimulator
from simulator.oceanconnect.engine import ONLINE_WAIT
from simulator.oceanconnect.model import Device, Flaw, Package

from .engine_tasks import HOUR, NOON, at, begin, statuses, window


@pytest.mark.parametrize("status", ["ABNORMAL", "OFFLINE", "INACTIVE"])
def test_a_task_that_runs_now_gives_up_on_devices_that_are_not_online(
    sim: OceanConnectSimulator, package: Package, devices: list[Device], status: str
) -> None:
    """It does not wait for them."""
    devices[0].status = status
    task = begin(sim, package, devices)
    sim.clock.advance(2)
    assert statuses(sim, task)[0] == "fail"
    assert task.subtasks[0].detail == "Device Abnormal is not online"
    assert task.tally.timeouts == 0


def test_a_sleeping_device_is_waited_for(
    sim: OceanConnectSimulator, package: Package, devices: list[Device]
) -> None:
    """It counts as waiting until it wakes up."""
    devices[0].wakes_after = 2 * HOUR
    task = begin(sim, package, devices)
    sim.clock.advance(2 * HOUR + 1)
    assert statuses(sim, task) == ["wait", *["success"] * 4]
    assert task.status == "processing"
    sim.clock.advance(1)
    assert statuses(sim, task)[0] == "processing"
    sim.clock.advance(HOUR)
    assert task.status == "success"


def test_after_a_day_a_sleeping_device_has_failed(
    sim: OceanConnectSimulator, package: Package, devices: list[Device]
) -> None:
    """The platform waits for 24 hours."""
    devices[0].wakes_after = inf
    task = begin(sim, package, devices)
    sim.clock.advance(2 + ONLINE_WAIT - 1)
    assert statuses(sim, task)[0] == "wait"
    sim.clock.advance(1)
    assert task.status == "failed"
    assert task.subtasks[0].detail == "Waiting for the device online timeout"
    assert task.tally.timeouts == 1
    assert task.stopped == at(2 + ONLINE_WAIT)


def test_a_task_for_devices_that_come_online_waits_for_the_first(
    sim: OceanConnectSimulator, package: Package, devices: list[Device]
) -> None:
    """Devices that are not online are waited for, too, and are online then."""
    for number, device in enumerate(devices, 1):
        device.status, device.wakes_after = "OFFLINE", number * HOUR
    task = begin(sim, package, devices, execute_type="device_online")
    sim.clock.advance(HOUR)
    assert (task.status, task.started) == ("wait", None)
    sim.clock.advance(2)
    assert (task.status, task.started) == ("processing", at(HOUR + 2))
    assert [device.status for device in devices[:2]] == ["ONLINE", "OFFLINE"]
    sim.clock.advance(6 * HOUR)
    assert task.status == "success"


def test_a_task_for_devices_that_come_online_may_never_see_one(
    sim: OceanConnectSimulator, package: Package, devices: list[Device]
) -> None:
    """Then all of them have timed out after a day."""
    for device in devices:
        device.status, device.wakes_after = "OFFLINE", inf
    task = begin(sim, package, devices, execute_type="device_online")
    sim.clock.advance(ONLINE_WAIT + 2)
    assert task.status == "failed"
    assert task.tally.timeouts == task.tally.total == 5


def test_a_window_opens_at_its_start(
    sim: OceanConnectSimulator, package: Package, devices: list[Device]
) -> None:
    """Not a second earlier."""
    task = window(sim, package, devices)
    sim.clock.advance(HOUR - 1)
    assert task.status == "wait"
    sim.clock.advance(1)
    assert (task.status, task.started) == ("processing", at(HOUR))
    sim.clock.advance(HOUR)
    assert task.status == "success"


def test_what_has_not_begun_when_the_window_closes_is_stopped(
    sim: OceanConnectSimulator, package: Package, devices: list[Device]
) -> None:
    """A device in the middle of its upgrade finishes it."""
    devices[0].status, devices[0].wakes_after = "OFFLINE", 23 * HOUR
    devices[1].wakes_after = HOUR - 5
    task = window(sim, package, devices)
    sim.clock.advance(2 * HOUR)
    assert statuses(sim, task) == ["stop", "processing", *["success"] * 3]
    assert task.subtasks[0].started is None
    assert task.subtasks[0].stopped == at(2 * HOUR)
    assert task.status == "processing"
    sim.clock.advance(HOUR)
    assert task.status == "stop"
    assert task.stopped is not None and task.stopped > at(2 * HOUR)
    sim.clock.advance(24 * HOUR)
    assert statuses(sim, task) == ["stop", *["success"] * 4]


def test_a_failed_device_fails_a_task_that_was_cut_short(
    sim: OceanConnectSimulator, package: Package, devices: list[Device]
) -> None:
    """Failed goes before stopped, and after the window nothing is tried again."""
    devices[0].wakes_after = 23 * HOUR
    devices[1].flaw = Flaw("downloading", "Invalid URI")
    task = window(sim, package, devices, retries=3)
    sim.clock.advance(2 * HOUR)
    assert task.status == "failed"
    sim.clock.advance(HOUR)
    assert task.status == "failed"
    assert task.subtasks[1].attempts == 1


def test_windows_keep_the_clocks_time_at_any_speed(
    sim: OceanConnectSimulator,
) -> None:
    """Only the steps are shortened."""
    sim.reset(speed=1000)
    sim.clock.freeze(NOON)
    package = sim.packages("firmware")[0]
    task = window(sim, package, [d for d in sim.devices(package) if d.online][:3])
    sim.clock.advance(HOUR - 1)
    assert task.status == "wait"
    sim.clock.advance(11)
    assert task.tally.open == 0


def test_steps_are_shortened_by_the_speed(
    sim: OceanConnectSimulator,
) -> None:
    """A day of waiting passes in seconds; the stamps stay in the clock's time."""
    sim.reset(speed=10_000)
    sim.clock.freeze(NOON)
    package = sim.packages("firmware")[0]
    device = sim.devices(package)[0]
    device.status, device.wakes_after = "ONLINE", inf
    task = begin(sim, package, [device])
    sim.clock.advance(8.6)
    assert task.status == "processing"
    sim.clock.advance(0.1)
    assert task.status == "failed"
    assert task.stopped == pytest.approx(at((ONLINE_WAIT + 2) / 10_000))


def test_the_platform_retries_what_failed_once_the_task_has_ended(
    sim: OceanConnectSimulator, package: Package, devices: list[Device]
) -> None:
    """The ended task is active again; a passing fault is gone by then."""
    devices[0].flaw = Flaw("downloading", "Connection lost", attempts=2)
    devices[1].wakes_after = HOUR
    task = begin(sim, package, devices, retries=3)
    sim.clock.advance(HOUR)
    assert statuses(sim, task) == ["fail", "wait", *["success"] * 3]
    seen: list[str] = []
    for _ in range(900):
        sim.clock.advance(1)
        if seen[-1:] != [task.status]:
            seen.append(task.status)
        assert (task.stopped is not None) == (task.status in ("failed", "success"))
    assert seen == [*["processing", "failed"] * 2, "processing", "success"]
    assert [subtask.attempts for subtask in task.subtasks] == [3, 1, 1, 1, 1]
    assert task.subtasks[0].detail is None


def test_retries_end(
    sim: OceanConnectSimulator, package: Package, devices: list[Device]
) -> None:
    """After the last one the task stays failed."""
    devices[0].flaw = Flaw("downloading", "Invalid URI")
    task = begin(sim, package, devices, retries=2)
    sim.clock.advance(HOUR)
    assert task.status == "failed"
    assert task.subtasks[0].attempts == 3
    ended = task.stopped
    sim.clock.advance(24 * HOUR)
    assert (task.status, task.stopped) == ("failed", ended)


def test_a_task_made_active_again_is_not_disturbed_by_its_planned_retry(
    sim: OceanConnectSimulator, package: Package, devices: list[Device]
) -> None:
    """The retry that was planned finds nothing to do."""
    devices[0].flaw = Flaw("version", "Invalid URI", attempts=1)
    task = begin(sim, package, devices, retries=1)
    while task.status != "failed":
        sim.clock.advance(1)
    sim.retry_task(task.task_id)
    sim.clock.advance(HOUR)
    assert task.status == "success"
    assert task.subtasks[0].attempts == 2
