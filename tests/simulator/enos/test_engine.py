"""The upgrade engine: what becomes of a job and of each of its devices."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any

import pytest

from simulator.enos import EnosSimulator
from simulator.enos.engine import CANCELLED, FINISHED, TIMED_OUT, UPGRADE_FAILED
from simulator.enos.model import Device, Firmware, Flaw, Job, Schedule, Task

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
DAY = 24 * 3600.0


@pytest.fixture
def sim(enos: EnosSimulator) -> EnosSimulator:
    """A platform at a known time, whose devices move only when they are let."""
    enos.clock.freeze(NOON)
    return enos


@pytest.fixture
def firmware(sim: EnosSimulator) -> Firmware:
    """The newest firmware that is verified."""
    return sim.firmware(verified=True)[0]


@pytest.fixture
def devices(sim: EnosSimulator, firmware: Firmware) -> list[Device]:
    """Five devices in good health."""
    devices = sim.devices(firmware)[:5]
    for device in devices:
        device.status, device.wakes_after, device.flaw = "online", 0.0, None
    return devices


def begin(sim: EnosSimulator, devices: list[Device], **new: Any) -> Job:
    """Make a job for devices."""
    keys = [device.device_key for device in devices]
    return sim.job(sim.add_job(devices=keys, **new))


def statuses(sim: EnosSimulator, job: Job) -> list[str]:
    """Return the status of each OTA task, as it is by now."""
    return [task.status.value for task in sim.tasks(job.job_id)]


def task_of(sim: EnosSimulator, job: Job, device: Device) -> Task:
    """Return a device's OTA task, as it is by now."""
    return sim.job(job.job_id).tasks[device.asset_id]


def at(seconds: float) -> float:
    """Return the time that many seconds after noon."""
    return NOON.timestamp() + seconds


def test_an_ota_task_goes_its_way(
    sim: EnosSimulator, firmware: Firmware, devices: list[Device]
) -> None:
    """It is created, pushed, reported on, and ends with the new version."""
    job = begin(sim, devices)
    assert statuses(sim, job) == ["init"] * 5
    sim.clock.work(2)
    assert statuses(sim, job) == ["published"] * 5
    seen: list[int] = []
    task = task_of(sim, job, devices[0])
    while task.status.open:
        sim.clock.work(1)
        if task.progress not in seen:
            seen.append(task.progress)
        assert (task.status == "upgrading") == (0 < task.progress < 100)
    assert seen == [0, 5, 20, 40, 60, 80, 95, 100]
    sim.clock.work(200)
    assert statuses(sim, job) == ["succeeded"] * 5
    assert task.description == FINISHED
    assert {device.version for device in devices} == {firmware.version}
    assert job.status == "started"


def test_all_at_once_ends_as_step_by_step(sim: EnosSimulator) -> None:
    """Whatever is due keeps its own time, however late anyone looks."""

    def ends(step: float) -> list[tuple[str, float, str | None]]:
        sim.reset()
        sim.clock.freeze(NOON)
        job_id = sim.add_job(
            groups=[group.group_id for group in sim.groups()],
            retries=2,
            retry_interval=30,
            concurrency=20,
        )
        for _ in range(int(12_000 / step)):
            sim.clock.advance(step)
        return [
            (task.status, round(task.updated - at(0), 3), task.description)
            for task in sim.tasks(job_id)
        ]

    assert ends(12_000) == ends(100)


def test_a_failure_is_a_negative_progress(
    sim: EnosSimulator, devices: list[Device]
) -> None:
    """With the device's own words; the others are not held up by it."""
    devices[0].flaw = Flaw(-3, "Signature verification failed")
    job = begin(sim, devices)
    sim.clock.work(600)
    assert statuses(sim, job) == ["failed"] + ["succeeded"] * 4
    task = task_of(sim, job, devices[0])
    assert (task.progress, task.description) == (-3, "Signature verification failed")


def test_a_device_that_hangs_runs_out_of_time(
    sim: EnosSimulator, devices: list[Device]
) -> None:
    """The limit counts from the first progress on."""
    devices[0].flaw = Flaw(-1, TIMED_OUT, hangs=True)
    job = begin(sim, devices[:1], timeout=300)
    while statuses(sim, job) != ["upgrading"]:
        sim.clock.work(1)
    sim.clock.work(298)
    assert statuses(sim, job) == ["upgrading"]
    sim.clock.work(2)
    task = task_of(sim, job, devices[0])
    assert (task.status, task.progress, task.description) == ("failed", -1, TIMED_OUT)


@pytest.mark.parametrize("since", ["upgrading", "published"])
def test_the_limit_of_a_verification_counts_from_one_or_the_other(
    sim: EnosSimulator, devices: list[Device], since: Any
) -> None:
    """The pages disagree; this deployment decides."""
    sim.quirks = replace(sim.quirks, verify_timeout_from=since)
    devices[0].flaw = Flaw(-1, TIMED_OUT, hangs=True)
    job = begin(sim, devices[:1], kind="verify", timeout=300)
    while statuses(sim, job) != [since]:
        sim.clock.work(0.5)
    sim.clock.work(299)
    assert statuses(sim, job) == ["upgrading"]
    sim.clock.work(1.5)
    assert statuses(sim, job) == ["failed"]


def test_a_limit_is_for_one_attempt(sim: EnosSimulator, devices: list[Device]) -> None:
    """That of the first does not end the second."""
    devices[0].flaw = Flaw(-1, UPGRADE_FAILED, attempts=1)
    job = begin(sim, devices[:1], timeout=300, retries=1, retry_interval=250)
    while statuses(sim, job) != ["failed"]:
        sim.clock.work(1)
    sim.clock.work(285)
    assert statuses(sim, job) == ["upgrading"]
    sim.clock.work(200)
    assert statuses(sim, job) == ["succeeded"]


def test_failed_devices_are_tried_again(
    sim: EnosSimulator, devices: list[Device]
) -> None:
    """As often as the policy says, after its interval."""
    devices[0].flaw = Flaw(-2, "No", attempts=2)
    devices[1].flaw = Flaw(-2, "Never")
    job = begin(sim, devices, retries=2, retry_interval=1000)
    sim.clock.work(900)
    assert statuses(sim, job) == ["failed"] * 2 + ["succeeded"] * 3
    sim.clock.work(2500)
    assert statuses(sim, job) == ["succeeded", "failed"] + ["succeeded"] * 3
    assert task_of(sim, job, devices[1]).attempts == 3
    sim.clock.work(5000)
    assert task_of(sim, job, devices[1]).attempts == 3


def test_failed_devices_can_be_tried_again_by_hand(
    sim: EnosSimulator, devices: list[Device]
) -> None:
    """All of them, or some."""
    for device in devices[:2]:
        device.flaw = Flaw(-2, "No", attempts=1)
    job = begin(sim, devices)
    sim.clock.work(600)
    sim.retry_job(job.job_id, [devices[0].device_key])
    assert statuses(sim, job) == ["init", "failed"] + ["succeeded"] * 3
    sim.retry_job(job.job_id)
    sim.clock.work(600)
    assert statuses(sim, job) == ["succeeded"] * 5


def test_no_more_than_so_many_at_a_time(
    sim: EnosSimulator, devices: list[Device]
) -> None:
    """Those that are pushed or upgrading take the places."""
    job = begin(sim, devices, concurrency=2)
    sim.clock.work(3)
    assert statuses(sim, job) == ["published"] * 2 + ["init"] * 3
    most = 0
    while "init" in statuses(sim, job):
        sim.clock.work(5)
        running = [
            each for each in statuses(sim, job) if each in ("published", "upgrading")
        ]
        most = max(most, len(running))
    assert most == 2
    sim.clock.work(600)
    assert statuses(sim, job) == ["succeeded"] * 5


def test_a_device_that_is_offline_waits(
    sim: EnosSimulator, devices: list[Device]
) -> None:
    """Until it is online, however long that takes."""
    devices[0].status, devices[0].wakes_after = "offline", 500.0
    devices[1].status, devices[1].wakes_after = "offline", inf
    job = begin(sim, devices[:2])
    sim.clock.work(499)
    assert statuses(sim, job) == ["init", "init"]
    sim.clock.work(400)
    assert statuses(sim, job) == ["succeeded", "init"]
    assert devices[0].status == "online"
    sim.clock.work(DAY)
    sim.wake_device(devices[1].asset_id)
    sim.clock.work(300)
    assert statuses(sim, job) == ["succeeded", "succeeded"]


def test_a_device_may_ask_for_its_upgrade(
    sim: EnosSimulator, devices: list[Device]
) -> None:
    """In its own time, where it is not pushed."""
    job = begin(sim, devices, on_request=True)
    sim.clock.work(10)
    assert statuses(sim, job) == ["init"] * 5
    sim.clock.work(600)
    assert statuses(sim, job) == ["succeeded"] * 5


def test_a_stopped_job_pushes_nothing(
    sim: EnosSimulator, devices: list[Device]
) -> None:
    """What is in the middle of it goes on; the rest waits for the start."""
    job = begin(sim, devices[:1], concurrency=1)
    sim.clock.work(2)
    sim.stop_job(job.job_id)
    sim.clock.work(600)
    assert statuses(sim, job) == ["published"]
    sim.start_job(job.job_id)
    assert statuses(sim, job) == ["upgrading"]
    sim.stop_job(job.job_id)
    sim.clock.work(600)
    assert statuses(sim, job) == ["succeeded"]
    other = begin(sim, devices[1:2])
    sim.stop_job(other.job_id)
    sim.clock.work(600)
    assert statuses(sim, other) == ["init"]
    sim.start_job(other.job_id)
    sim.clock.work(600)
    assert statuses(sim, other) == ["succeeded"]
    with pytest.raises(ValueError, match="started already"):
        sim.start_job(other.job_id)


def test_a_stopped_job_does_not_try_again(
    sim: EnosSimulator, devices: list[Device]
) -> None:
    """Before it is started, and not what was cancelled meanwhile."""
    devices[0].flaw = Flaw(-2, "No", attempts=1)
    job = begin(sim, devices[:1], retries=1, retry_interval=10)
    while statuses(sim, job) != ["failed"]:
        sim.clock.work(1)
    sim.stop_job(job.job_id)
    sim.clock.work(600)
    assert statuses(sim, job) == ["failed"]
    sim.start_job(job.job_id)
    assert statuses(sim, job) == ["init"]
    sim.clock.work(600)
    assert statuses(sim, job) == ["succeeded"]


def test_a_job_keeps_to_its_window(sim: EnosSimulator, devices: list[Device]) -> None:
    """By the platform's clock; what has begun by its end goes on."""
    schedule = Schedule(daily=False, start=at(3600), end=at(7200))
    job = begin(sim, devices[:4], schedule=schedule)
    sim.clock.work(DAY)
    sim.clock.advance(3599)
    assert statuses(sim, job) == ["init"] * 4
    sim.clock.advance(1)
    assert statuses(sim, job) == ["published"] * 4
    sim.clock.advance(4000)
    assert statuses(sim, job) == ["succeeded"] * 4
    late = begin(sim, devices[4:], schedule=schedule)
    sim.clock.advance(2 * DAY)
    assert statuses(sim, late) == ["init"]


def test_a_daily_window_opens_again(sim: EnosSimulator, devices: list[Device]) -> None:
    """Every day at the same time of day."""
    schedule = Schedule(daily=True, start=at(-DAY - 3600), end=at(-DAY))
    sim.clock.set(NOON + timedelta(minutes=1))
    job = begin(sim, devices, schedule=schedule, concurrency=3)
    sim.clock.advance(23 * 3600 - 61)
    assert statuses(sim, job) == ["init"] * 5
    sim.clock.advance(2)
    assert statuses(sim, job) == ["published"] * 3 + ["init"] * 2


def test_a_window_may_be_all_day() -> None:
    """Or over midnight."""
    whole = Schedule(daily=True, start=at(0), end=at(DAY))
    assert whole.open_at(at(3 * DAY + 5000))
    assert not whole.open_at(at(-1))
    assert whole.next_opening(at(-1)) == at(0)
    night = Schedule(daily=True, start=at(10 * 3600), end=at(14 * 3600))
    assert night.open_at(at(DAY + 13 * 3600))
    assert not night.open_at(at(DAY + 15 * 3600))
    assert night.next_opening(at(DAY + 15 * 3600)) == at(2 * DAY + 10 * 3600)


def test_a_device_has_one_upgrade_at_a_time(
    sim: EnosSimulator, devices: list[Device]
) -> None:
    """A second job leaves it out."""
    first = begin(sim, devices[:3])
    second = begin(sim, devices)
    assert [len(sim.tasks(job.job_id)) for job in (first, second)] == [3, 2]
    devices[0].flaw = Flaw(-1, "No")
    sim.clock.work(600)
    third = begin(sim, devices)
    assert len(sim.tasks(third.job_id)) == 1
    sim.retry_job(first.job_id)
    assert statuses(sim, first)[0] == "failed"


def test_only_devices_that_have_told_their_version(
    sim: EnosSimulator, firmware: Firmware, devices: list[Device]
) -> None:
    """And another one than the firmware's."""
    devices[0].version, devices[1].version = None, firmware.version
    job = begin(sim, devices)
    assert [task.device_key for task in sim.tasks(job.job_id)] == [
        device.device_key for device in devices[2:]
    ]


def test_a_device_may_tell_that_it_is_done(
    sim: EnosSimulator, firmware: Firmware, devices: list[Device]
) -> None:
    """The target version ends its OTA task, another one does not."""
    job = begin(sim, devices[:2])
    sim.report_version(devices[0].asset_id, firmware.version)
    sim.report_version(devices[1].asset_id, "1.0")
    assert statuses(sim, job) == ["succeeded", "init"]


def test_an_incremental_job_grows(
    sim: EnosSimulator, firmware: Firmware, devices: list[Device]
) -> None:
    """With devices that come into its scope; a snapshot does not."""
    group = sim.groups(firmware)[0]
    jobs = {}
    for incremental in (True, False):
        sim.reset()
        sim.clock.freeze(NOON)
        firmware = sim.firmware(verified=True)[0]
        group = sim.groups(firmware)[0]
        job = sim.job(sim.add_job(groups=[group.group_id], incremental=incremental))
        before = len(sim.tasks(job.job_id))
        sim.finish_job(job.job_id)
        product = sim.devices()[0].product
        assert product.product_key == firmware.product_key
        sim.add_device("new", groups=[group.group_id], version="1.0")
        sim.add_device("elsewhere", version="1.0")
        sim.add_device("silent", groups=[group.group_id], version=None)
        jobs[incremental] = [task.device_key for task in sim.tasks(job.job_id)[before:]]
        if incremental:
            sim.clock.work(600)
            assert statuses(sim, job)[-1] == "succeeded"
            sim.stop_job(job.job_id)
            sim.add_device("missed", groups=[group.group_id], version="1.0")
            assert sim.tasks(job.job_id)[-1].device_key == "new"
            sim.start_job(job.job_id)
            assert sim.tasks(job.job_id)[-1].device_key == "missed"
            sim.delete_job(job.job_id)
            sim.add_device("late", groups=[group.group_id], version="1.0")
    assert jobs == {True: ["new"], False: []}


def test_a_verification_makes_firmware_verified(sim: EnosSimulator) -> None:
    """Once it has succeeded on as many devices as the firmware says."""
    (firmware,) = sim.firmware(verified=False)
    firmware.min_verified = 2
    devices = sim.devices(firmware)[:3]
    job = begin(sim, devices, firmware=firmware, kind="verify")
    sim.finish_job(job.job_id, failed=2)
    assert (firmware.verified, firmware.is_verified) == (1, False)
    sim.retry_job(job.job_id)
    sim.finish_job(job.job_id)
    assert firmware.is_verified


def test_a_device_that_is_deleted_fails(
    sim: EnosSimulator, devices: list[Device]
) -> None:
    """At whatever step it was; also when it is tried again."""
    job = begin(sim, devices[:2])
    sim.delete_device(devices[0].asset_id)
    while statuses(sim, job)[1] != "upgrading":
        sim.clock.work(1)
    sim.delete_device(devices[1].asset_id)
    sim.clock.work(60)
    assert statuses(sim, job) == ["failed", "failed"]
    assert {task.description for task in sim.tasks(job.job_id)} == {"Device not found"}
    sim.retry_job(job.job_id)
    assert statuses(sim, job) == ["failed", "failed"]


def test_a_deleted_job_is_forgotten(sim: EnosSimulator, devices: list[Device]) -> None:
    """Its devices are free for another one at once."""
    for step in (0, 2, 20):
        job = begin(sim, devices, retries=1)
        sim.clock.work(step)
        sim.delete_job(job.job_id)
        assert {device.upgrade for device in devices} == {None}
        with pytest.raises(KeyError):
            sim.job(job.job_id)
    sim.clock.work(600)
    assert all(device.version in ("1.0", "1.1") for device in devices)


def test_what_was_cancelled_is_not_tried_again(
    sim: EnosSimulator, devices: list[Device]
) -> None:
    """Not by itself."""
    job = begin(sim, devices[:1], retries=3, concurrency=1)
    sim.clock.work(2)
    engine = sim.platform.engine
    sim.call(lambda: engine.cancel(job, list(job.tasks.values())))
    sim.clock.work(DAY)
    task = task_of(sim, job, devices[0])
    assert (task.status, task.description, task.attempts) == ("failed", CANCELLED, 1)
    assert job.running == 0
