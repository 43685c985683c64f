"""The platform as tests start and script it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
import time

import pytest

from simulator.enos import EnosSimulator, Fault, FaultKind, Quirks

from .caller import JOBS, Caller

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


async def test_a_reset_starts_over(caller: Caller) -> None:
    """Nothing of before is left, not even the token."""
    sim = caller.sim
    sim.add_job()
    sim.quirks = replace(sim.quirks, numbers_as_text=True)
    sim.clock.freeze(NOON)
    sim.change_secret("1-1")
    sim.faults.add(Fault(kind=FaultKind.STATUS, count=None))
    sim.reset()
    assert len(sim.jobs()) == 3
    assert sim.quirks == Quirks()
    assert abs(sim.clock.now() - time.clock_gettime(time.CLOCK_REALTIME)) < 5
    assert (len(sim.faults), len(sim.calls)) == (0, 0)
    assert (await caller.call(JOBS, "search")).status == 401
    assert (await (await caller.signed_in()).call(JOBS, "search")).code == 0


def test_a_reset_may_change_settings_until_the_next(enos: EnosSimulator) -> None:
    """What is not named is as at the start."""
    own = enos.access_key, enos.secret_key, enos.org_id
    enos.reset(access_key="a-1", secret_key="b-2", org_id="o2", devices=10, jobs=0)
    assert (enos.access_key, enos.secret_key, enos.org_id) == ("a-1", "b-2", "o2")
    assert (len(enos.devices()), len(enos.jobs()), len(enos.groups())) == (10, 0, 4)
    enos.reset()
    assert (enos.access_key, enos.secret_key, enos.org_id) == own
    assert len(enos.devices()) == 200
    with pytest.raises(TypeError):
        enos.reset(devises=10)


def test_a_reset_is_quick(enos: EnosSimulator) -> None:
    """So that each test can have its own platform."""
    begun = enos.call(time.thread_time)
    for _ in range(20):
        enos.reset()
    assert (enos.call(time.thread_time) - begun) / 20 < 0.05


def test_the_same_seed_makes_the_same_platform(enos: EnosSimulator) -> None:
    """Another one makes another."""

    def world() -> list[object]:
        return [
            [firmware.firmware_id for firmware in enos.firmware()],
            [(group.group_id, group.members) for group in enos.groups()],
            [(d.asset_id, d.version, d.tags, d.flaw) for d in enos.devices()],
            [(job.job_id, job.counts()) for job in enos.jobs()],
        ]

    first = world()
    enos.reset()
    assert world() == first
    enos.reset(seed=2)
    assert all(mine != other for mine, other in zip(world(), first, strict=True))


def test_a_platform_may_be_large_or_empty(enos: EnosSimulator) -> None:
    """The seed copes with both."""
    enos.reset(devices=0, groups=0, jobs=5)
    assert (enos.devices(), enos.groups(), enos.jobs()) == ([], [], [])
    enos.reset(devices=20_000, groups=20, jobs=2)
    assert len({device.device_key for device in enos.devices()}) == 20_000
    assert len({group.name.default for group in enos.groups()}) == 20


def test_past_jobs_have_ended(enos: EnosSimulator) -> None:
    """Though the platform calls most of them started; some had failures."""
    enos.reset(jobs=8)
    jobs = enos.jobs()
    assert [job.created for job in jobs] == sorted(job.created for job in jobs)
    assert {job.status for job in jobs} == {"started", "stopped"}
    for job in jobs:
        counts = job.counts()
        assert counts["succeeded"] > 0
        assert counts["init"] + counts["published"] + counts["upgrading"] == 0
    assert any(job.counts()["failed"] for job in jobs)


def test_ids_of_a_new_job_are_never_given_out_again(enos: EnosSimulator) -> None:
    """Not even after a reset with the same seed."""
    first = enos.add_job()
    enos.reset()
    assert enos.add_job() != first


@pytest.mark.parametrize(
    ("status", "counted"),
    [
        (None, "init"),
        ("published", "published"),
        ("upgrading", "upgrading"),
        ("succeeded", "succeeded"),
    ],
)
def test_jobs_can_be_made_in_every_status(
    enos: EnosSimulator, status: str | None, counted: str
) -> None:
    """Of their OTA tasks."""
    job = enos.job(enos.add_job(status=status))
    assert job.counts()[counted] == len(job.tasks) > 20


def test_jobs_can_be_made_to_fail(enos: EnosSimulator) -> None:
    """By default on one device, or on those that are named."""
    assert enos.job(enos.add_job(status="failed")).counts()["failed"] == 1
    firmware = enos.firmware(verified=True)[1]
    keys = [device.device_key for device in enos.devices(firmware)[:4]]
    job_id = enos.add_job(
        firmware=firmware, devices=keys, status="failed", failed=keys[2:]
    )
    assert [task.status for task in enos.tasks(job_id)] == [
        *["succeeded"] * 2,
        *["failed"] * 2,
    ]


def test_jobs_can_be_ended(enos: EnosSimulator) -> None:
    """With so many failures, and a reason."""
    job_id = enos.add_job(name="Autumn", created=NOON, stopped=True, retries=3)
    enos.finish_job(job_id, failed=2, cause="No power")
    job = enos.job(job_id)
    assert (job.created, job.status) == (NOON.timestamp(), "stopped")
    assert job.counts()["failed"] == 2
    enos.start_job(job_id)
    enos.clock.work(600)
    failed = [task for task in job.tasks.values() if task.status == "failed"]
    assert {task.description for task in failed} == {"No power"}


def test_devices_work_without_the_clock(enos: EnosSimulator) -> None:
    """So that callers with a clock of their own stay in time."""
    enos.clock.freeze(NOON)
    job = enos.job(enos.add_job())
    enos.clock.work(2000)
    assert enos.clock.moment() == NOON
    assert job.counts()["succeeded"] == len(job.tasks)
    enos.clock.advance(60)
    assert enos.clock.moment() == NOON + timedelta(minutes=1)
    with pytest.raises(ValueError, match="only passes"):
        enos.clock.work(-1)


def test_a_device_is_made_to_measure(enos: EnosSimulator) -> None:
    """With a key of any characters; a wrong field is a mistake of the test."""
    device = enos.add_device('it\'s "new"', tags={"a": "b"})
    assert device.tags == {"a": "b"}
    assert device in enos.devices()
    with pytest.raises(AttributeError):
        enos.add_device("x", colour="red")


async def test_connections_can_be_dropped(caller: Caller) -> None:
    """And made again."""
    caller.sim.drop_connections()
    assert (await caller.call(JOBS, "search", method="GET")).code == 0


def test_there_is_no_certificate_without_tls(enos: EnosSimulator) -> None:
    """To show another one of."""
    assert enos.url.startswith("http://127.0.0.1:")
    with pytest.raises(RuntimeError):
        enos.present_certificate("expired")
