"""What a platform starts with."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from simulator.oceanconnect import OceanConnectSimulator
from simulator.oceanconnect.model import Kind, Status, Tally
from simulator.oceanconnect.seed import VERSIONS

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.fixture
def sim(oceanconnect: OceanConnectSimulator) -> OceanConnectSimulator:
    """A platform of the usual size."""
    oceanconnect.reset(devices=1000, groups=8, tasks=50)
    return oceanconnect


def world(sim: OceanConnectSimulator, **settings: Any) -> list[Any]:
    """Return all that there is, less what is counted back from now."""
    sim.reset(devices=300, tasks=20, **settings)
    return [
        [(p.file_id, p.name, p.version) for p in sim.packages()],
        [(g.group_id, g.name, g.members) for g in sim.groups()],
        [(d.device_id, d.node_id, d.status, d.flaw, d.firmware) for d in sim.devices()],
        [
            (t.task_id, t.status, t.device_ids, [s.detail for s in t.subtasks])
            for t in sim.tasks()
        ],
    ]


def test_the_same_seed_makes_the_same_world(sim: OceanConnectSimulator) -> None:
    """Another one makes another."""
    assert world(sim, seed=7) == world(sim, seed=7)
    assert world(sim, seed=7) != world(sim, seed=8)


def test_a_task_made_later_has_an_id_of_its_own(sim: OceanConnectSimulator) -> None:
    """A client remembers the tasks of a platform that was started anew."""
    seen: set[str] = set()
    for _ in range(2):
        sim.reset(seed=7)
        seen |= {sim.add_task() for _ in range(3)}
    assert len(seen) == 6


def test_groups_hold_devices_of_several_models(sim: OceanConnectSimulator) -> None:
    """A device is in one group at most; a few are in none."""
    model = {device.device_id: device.model for device in sim.devices()}
    members = [member for group in sim.groups() for member in group.members]
    assert len(members) == len(set(members))
    assert 0 < len(model) - len(members) < 50
    for group in sim.groups():
        assert len({model[member] for member in group.members}) > 1
        assert group.name.isalnum()
        assert len(group.name) <= 50
    assert len({group.name for group in sim.groups()}) == 8


def test_more_groups_than_names_are_numbered(sim: OceanConnectSimulator) -> None:
    """Names stay unique, and letters and digits."""
    sim.reset(devices=20, groups=30)
    names = [group.name for group in sim.groups()]
    assert len(set(names)) == 30
    assert all(name.isalnum() for name in names)


def test_some_devices_sleep_and_some_will_fail(sim: OceanConnectSimulator) -> None:
    """Most are well, and half of the groups altogether."""
    devices = sim.devices()
    statuses = Counter(device.status for device in devices)
    assert set(statuses) == {"ONLINE", "ABNORMAL", "OFFLINE", "INACTIVE"}
    assert statuses["ONLINE"] > 900
    assert 50 < sum(device.wakes_after > 0 for device in devices) < 200
    flawed = [device.flaw.cause for device in devices if device.flaw]
    assert 20 < len(flawed) < 100
    assert len(set(flawed)) > 8
    troubled = {
        device.device_id for device in devices if device.flaw or not device.online
    }
    healthy = [g for g in sim.groups() if not troubled.intersection(g.members)]
    assert len(healthy) == 4


def test_devices_run_a_version_that_a_package_upgrades(
    sim: OceanConnectSimulator,
) -> None:
    """The newest package is new to all of them."""
    for device in sim.devices():
        for kind in Kind:
            assert device.version(kind) in VERSIONS[kind][:-1]


def test_past_tasks_have_ended_in_several_ways(sim: OceanConnectSimulator) -> None:
    """In the past six days, one after the other, with subtasks that fit their counters."""
    tasks = sim.tasks()
    assert {task.status for task in tasks} == {"success", "failed", "stop"}
    assert {task.kind for task in tasks} == {"software", "firmware"}
    assert {bool(task.targets.groups) for task in tasks} == {True, False}
    now = sim.clock.now()
    assert [task.created for task in tasks] == sorted(task.created for task in tasks)
    for task in tasks:
        assert task.started is not None and task.stopped is not None
        assert now - 6 * 24 * 3600 < task.created < task.started < task.stopped < now
        assert task.tally == Tally.of(task.subtasks)
        assert (task.status == "failed") == bool(task.tally.counts[Status.FAIL])
        for subtask in task.subtasks:
            assert subtask.stopped is not None
            assert task.started <= subtask.stopped <= task.stopped
            if subtask.status == "fail":
                assert subtask.detail


@pytest.mark.parametrize(
    "settings",
    [
        {"devices": 0},
        {"devices": 1, "groups": 3},
        {"groups": 0},
        {"tasks": 0},
        {"devices": 0, "groups": 0, "tasks": 0},
    ],
)
def test_a_platform_may_be_nearly_empty(
    sim: OceanConnectSimulator, settings: dict[str, int]
) -> None:
    """There are always packages."""
    sim.reset(**{"devices": 30, "groups": 4, "tasks": 3} | settings)
    assert len(sim.packages()) == 24
    assert len(sim.devices()) == settings.get("devices", 30)
    assert len(sim.groups()) == settings.get("groups", 4)
    assert all(task.device_ids for task in sim.tasks())
