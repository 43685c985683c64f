"""The upgrade engine: what becomes of a task and of each of its devices."""

from datetime import timedelta
from typing import Any

import pytest

from simulator.oceanconnect import OceanConnectSimulator
from simulator.oceanconnect.causes import FLAWS
from simulator.oceanconnect.engine import CONCURRENCY, STEPS
from simulator.oceanconnect.model import Device, Flaw, Package, Status, Tally

from .engine_tasks import HOUR, NOON, at, begin, statuses, window

SAME_VERSION = "The current version is the same as the target version"


def test_a_task_waits_is_processed_and_succeeds(
    sim: OceanConnectSimulator, package: Package, devices: list[Device]
) -> None:
    """Each device goes through the documented steps, and has the version then."""
    task = begin(sim, package, devices)
    assert task.status == "wait"
    assert statuses(sim, task) == ["wait"] * 5
    sim.clock.advance(2)
    assert task.status == "processing"
    assert task.started == at(2)
    assert statuses(sim, task) == ["processing"] * 5
    details: list[str | None] = []
    while task.status == "processing":
        sim.clock.advance(1)
        if task.subtasks[0].detail not in details:
            details.append(task.subtasks[0].detail)
    assert details[:4] == [None, "downloading", "downloaded", "updating"]
    assert task.status == "success"
    assert statuses(sim, task) == ["success"] * 5
    assert {device.firmware for device in devices} == {package.version}
    assert task.stopped is not None
    assert task.stopped == max(subtask.stopped or 0 for subtask in task.subtasks)
    for subtask in task.subtasks:
        assert subtask.started is not None and subtask.stopped is not None
        low, high = (sum(bound) for bound in zip(*STEPS.values(), strict=True))
        assert low <= subtask.stopped - subtask.started <= high
        assert subtask.source_version != package.version
    assert {device.modified for device in devices} == {
        subtask.stopped for subtask in task.subtasks
    }


def test_software_and_firmware_are_two_versions(
    sim: OceanConnectSimulator, devices: list[Device]
) -> None:
    """An upgrade of one leaves the other alone."""
    package = next(
        package
        for package in sim.packages("software")
        if package.model == devices[0].model
    )
    firmware = [device.firmware for device in devices]
    begin(sim, package, devices)
    sim.clock.advance(HOUR)
    assert {device.software for device in devices} == {package.version}
    assert [device.firmware for device in devices] == firmware


def test_a_jump_of_the_clock_gives_the_same_end_as_small_steps(
    sim: OceanConnectSimulator,
) -> None:
    """Whatever is due keeps its own time, however late anyone looks."""

    def ends(step: float) -> list[tuple[str, Any, Any]]:
        sim.reset(devices=200)
        sim.clock.freeze(NOON)
        task = sim.task(sim.add_task(groups=[group.name for group in sim.groups()]))
        for _ in range(int(26 * HOUR / step)):
            sim.clock.advance(step)
        return [
            (subtask.status, round((subtask.stopped or 0) - at(0), 3), subtask.detail)
            for subtask in task.subtasks
        ]

    assert ends(26 * HOUR) == ends(600)


def test_devices_that_have_the_version_are_done_at_once(
    sim: OceanConnectSimulator, package: Package, devices: list[Device]
) -> None:
    """A task for nothing but such devices ends as soon as it starts."""
    for device in devices:
        device.firmware = package.version
    task = begin(sim, package, devices)
    sim.clock.advance(2)
    assert task.status == "success"
    assert (task.started, task.stopped) == (at(2), at(2))
    assert {subtask.detail for subtask in task.subtasks} == {SAME_VERSION}


def test_an_older_version_can_be_installed(
    sim: OceanConnectSimulator, devices: list[Device]
) -> None:
    """The target may be older than the source."""
    older = [
        package
        for package in sim.packages("firmware")
        if package.model == devices[0].model
    ][-1]
    for device in devices:
        device.firmware = "V9.9.9"
    begin(sim, older, devices)
    sim.clock.advance(HOUR)
    assert {device.firmware for device in devices} == {older.version}


@pytest.mark.parametrize("flaw", FLAWS, ids=lambda flaw: flaw.cause)
def test_each_documented_cause_fails_a_device(
    sim: OceanConnectSimulator, package: Package, devices: list[Device], flaw: Flaw
) -> None:
    """The others succeed; the cause is in the detail; a time-out is counted as one."""
    devices[1].flaw = flaw
    version = devices[1].firmware
    task = begin(sim, package, devices)
    sim.clock.advance(2 * HOUR)
    assert task.status == "failed"
    assert statuses(sim, task) == ["success", "fail", "success", "success", "success"]
    assert task.subtasks[1].detail == flaw.cause
    assert task.tally.timeouts == ("timeout" in flaw.cause)
    assert devices[1].firmware == version


def test_finishing_a_task_leaves_what_has_ended(
    sim: OceanConnectSimulator, package: Package, devices: list[Device]
) -> None:
    """Only what is open is decided by it."""
    devices[0].wakes_after = HOUR
    devices[1].flaw = Flaw("version", "Invalid URI")
    task = begin(sim, package, devices)
    sim.clock.advance(HOUR - 1)
    sim.finish_task(task.task_id)
    assert statuses(sim, task) == ["success", "fail", *["success"] * 3]


def test_a_device_in_another_upgrade_is_in_conflict(
    sim: OceanConnectSimulator, package: Package, devices: list[Device]
) -> None:
    """The first task goes on undisturbed; afterwards the device is free again."""
    first = begin(sim, package, devices[:2])
    sim.clock.advance(10)
    second = begin(sim, package, devices)
    sim.clock.advance(10)
    assert statuses(sim, first) == ["processing"] * 2
    assert statuses(sim, second)[:2] == ["fail"] * 2
    assert second.subtasks[0].detail == "Task Conflict"
    sim.clock.advance(HOUR)
    assert (first.status, second.status) == ("success", "failed")
    assert not any(device.busy for device in devices)
    sim.retry_task(second.task_id)
    sim.clock.advance(HOUR)
    assert second.status == "success"


@pytest.mark.parametrize(("coverage", "limit"), list(enumerate(CONCURRENCY)))
def test_only_so_many_devices_of_a_radio_cell_are_upgraded_at_a_time(
    sim: OceanConnectSimulator, coverage: int, limit: int
) -> None:
    """50, 10 or 1, by how well the cell covers them; the next takes a free place."""
    sim.reset(devices=600)
    sim.clock.freeze(NOON)
    package = sim.packages("firmware")[0]
    devices = sim.devices(package)[:60]
    for device in devices:
        device.status, device.wakes_after, device.flaw = "ONLINE", 0.0, None
        device.cell, device.coverage = 0, coverage
    task = begin(sim, package, devices)
    most = 0
    while task.tally.open:
        sim.clock.advance(10)
        processing = task.tally.counts[Status.PROCESSING]
        assert processing == min(limit, task.tally.open)
        most = max(most, processing)
    assert most == limit
    assert task.status == "success"


def test_counters_always_fit_the_subtasks(sim: OceanConnectSimulator) -> None:
    """At every moment of tasks of all kinds that run side by side."""
    sim.reset(devices=300, groups=6, tasks=4)
    sim.clock.freeze(NOON)
    names = [group.name for group in sim.groups()]
    for number, package in enumerate(sim.packages()[:6]):
        sim.add_task(
            kind=package.kind,
            package=package,
            groups=names,
            execute_type=("now", "device_online")[number % 2],
            retries=number % 3,
        )
    for moment in range(120):
        sim.clock.advance(30 if moment < 100 else 2 * HOUR)
        if moment == 20:
            sim.stop_task(sim.tasks()[-1].task_id)
        for task in sim.tasks():
            assert task.tally == Tally.of(task.subtasks)
            assert min(task.tally.counts.values()) >= 0
            assert task.tally.total == len(task.device_ids)
            assert task.status.active == bool(task.tally.open)
            assert (task.stopped is None) == task.status.active
    assert sim.platform.engine.idle
    assert not any(device.busy for device in sim.devices())


def test_a_deleted_device_fails_its_subtask(
    sim: OceanConnectSimulator, package: Package, devices: list[Device]
) -> None:
    """Before it began, while it slept, and in the middle."""
    devices[1].wakes_after = HOUR
    task = begin(sim, package, devices)
    sim.delete_device(devices[0].device_id)
    sim.clock.advance(5)
    sim.delete_device(devices[1].device_id)
    sim.delete_device(devices[2].device_id)
    sim.clock.advance(2 * HOUR)
    assert statuses(sim, task) == ["fail", "fail", "fail", "success", "success"]
    assert {subtask.detail for subtask in task.subtasks[:3]} == {
        "The device is not existed"
    }


def test_a_deleted_task_lets_its_devices_go(
    sim: OceanConnectSimulator, package: Package, devices: list[Device]
) -> None:
    """They can be upgraded by another one at once."""
    devices[1].wakes_after = HOUR
    task = begin(sim, package, devices, retries=1)
    waiting = window(sim, package, devices)
    sim.clock.advance(5)
    for gone in (task, waiting):
        sim.delete_task(gone.task_id)
    devices[1].wakes_after = 0
    other = begin(sim, package, devices)
    sim.clock.advance(HOUR)
    assert other.status == "success"
    sim.clock.advance(24 * HOUR)
    assert sim.platform.engine.idle


def test_the_clock_may_be_put_back(
    sim: OceanConnectSimulator, package: Package, devices: list[Device]
) -> None:
    """Devices go on; stamps are in the new time, and never lie ahead of it."""
    task = begin(sim, package, devices)
    sim.clock.advance(5)
    sim.clock.set(NOON - timedelta(days=1))
    sim.clock.advance(HOUR)
    assert task.status == "success"
    assert task.stopped is not None
    assert task.stopped <= sim.clock.now()
