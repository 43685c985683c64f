"""The platform as tests start and script it."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
import threading
import time
from typing import Any

import aiohttp
import pytest

from simulator.oceanconnect import (
    Fault,
    FaultKind,
    OceanConnectSimulator,
    Quirks,
    codes,
    refusal,
)

from ..northbound import OPERATIONS, SECURITY, Northbound, client_context

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


async def test_a_reset_starts_over(northbound: Northbound) -> None:
    """Nothing of before is left, not even the token."""
    sim = northbound.sim
    sim.add_task(status="processing")
    sim.quirks = Quirks(counts_as_text=True)
    sim.clock.freeze(NOON)
    sim.change_secret("renewed")
    sim.faults.add(Fault(kind=FaultKind.STATUS, count=None))
    sim.reset()
    assert len(sim.tasks()) == 3
    assert sim.quirks == Quirks()
    assert abs(sim.clock.now() - time.clock_gettime(time.CLOCK_REALTIME)) < 5
    assert (len(sim.faults), len(sim.calls)) == (0, 0)
    assert (await northbound.get(OPERATIONS)).error == (403, "1010005")
    assert (await northbound.login()).status == 200


def test_a_reset_may_change_settings_until_the_next(
    oceanconnect: OceanConnectSimulator,
) -> None:
    """What is not named is as at the start."""
    sim = oceanconnect
    own = sim.app_id, sim.secret
    sim.reset(app_id="other", secret="another", devices=10, tasks=0)
    assert (sim.app_id, sim.secret) == ("other", "another")
    assert (len(sim.devices()), len(sim.tasks()), len(sim.groups())) == (10, 0, 4)
    sim.reset()
    assert (sim.app_id, sim.secret) == own
    assert len(sim.devices()) == 60
    with pytest.raises(TypeError):
        sim.reset(devises=10)


def test_the_clock_can_be_set_from_outside(
    oceanconnect: OceanConnectSimulator,
) -> None:
    """Frozen, put, let go; advanced, with all that falls due by that."""
    sim = oceanconnect
    sim.clock.freeze(NOON)
    task_id = sim.add_task()
    sim.clock.advance(60)
    assert sim.clock.moment() == NOON + timedelta(minutes=1)
    assert sim.task(task_id).status == "processing"
    sim.clock.set(NOON)
    assert sim.clock.now() == NOON.timestamp()
    sim.clock.unfreeze()
    time.sleep(0.01)
    assert NOON < sim.clock.moment() < NOON + timedelta(minutes=1)


def test_a_reset_is_quick(oceanconnect: OceanConnectSimulator) -> None:
    """So that each test can have its own platform."""
    begun = oceanconnect.call(time.thread_time)
    for _ in range(20):
        oceanconnect.reset()
    assert (oceanconnect.call(time.thread_time) - begun) / 20 < 0.05


async def test_tasks_can_be_made_in_every_status(northbound: Northbound) -> None:
    """They are on the wire as the platform's own."""
    sim = northbound.sim
    for status in ("wait", "processing", "success", "failed", "stop"):
        task_id = sim.add_task(kind="software", status=status)
        task = await northbound.task(task_id)
        assert (task["status"], task["operateType"]) == (status, "software_upgrade")
        assert (task["stopTime"] is None) == (status in ("wait", "processing"))
        counts = task["staResult"]
        assert counts["total"] == len(sim.task(task_id).device_ids) > 1
        assert counts["fail"] == (status == "failed")


async def test_tasks_can_be_made_in_the_past(northbound: Northbound) -> None:
    """They take their place in the list."""
    sim = northbound.sim
    created = NOON - timedelta(days=365)
    task_id = sim.add_task(status="success", created=created)
    rows = (await northbound.get(OPERATIONS)).json["data"]
    assert rows[-1]["operationId"] == task_id
    assert rows[-1]["createTime"] == "20251201T120000Z"


async def test_tasks_can_be_made_for_chosen_devices(northbound: Northbound) -> None:
    """Of a chosen package, with chosen failures."""
    sim = northbound.sim
    package = sim.packages("software")[-1]
    ids = [device.device_id for device in sim.devices(package)[:4]]
    task_id = sim.add_task(
        kind="software", package=package, devices=ids, status="failed", failed=ids[2:]
    )
    rows = await northbound.subtasks(task_id)
    assert [row["status"] for row in rows] == ["success", "success", "fail", "fail"]
    assert (await northbound.task(task_id))["targets"]["devices"] == ids


async def test_tasks_can_be_finished_retried_and_stopped(
    northbound: Northbound,
) -> None:
    """As if the platform had done it."""
    sim = northbound.sim
    task_id = sim.add_task()
    sim.finish_task(task_id, failed=2, cause="Out of memory")
    task = await northbound.task(task_id)
    assert (task["status"], task["staResult"]["fail"]) == ("failed", 2)
    rows = await northbound.subtasks(task_id, subOperationStatus="fail")
    assert {row["detailInfo"] for row in rows} == {"Out of memory"}
    sim.retry_task(task_id)
    task = await northbound.task(task_id)
    assert (task["status"], task["stopTime"]) == ("processing", None)
    assert task["staResult"]["fail"] == 0
    sim.stop_task(task_id)
    task = await northbound.task(task_id)
    assert (task["status"], task["staResult"]["stop"]) == ("stop", 2)
    ids = sim.task(task_id).device_ids
    other = sim.add_task(devices=ids)
    sim.finish_task(other, failed=[ids[0]])
    assert (await northbound.task(other))["staResult"]["fail"] == 1
    with pytest.raises(KeyError):
        sim.finish_task("none")
    with pytest.raises(ValueError, match=f"<Task {task_id} stop> has not failed"):
        sim.retry_task(task_id)


async def test_a_tasks_values_can_be_set(northbound: Northbound) -> None:
    """Also such as no platform would give."""
    sim = northbound.sim
    task_id = sim.add_task()
    sim.set_task(task_id, status="failed", stopped=NOON, counts={"fail": 3}, timeouts=1)
    task = await northbound.task(task_id)
    assert (task["status"], task["stopTime"]) == ("failed", "20261201T120000Z")
    assert (task["staResult"]["total"], task["staResult"]["timeout"]) == (3, 1)
    with pytest.raises(AttributeError, match="a task has no state"):
        sim.set_task(task_id, state="failed")


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (codes.INTERNAL, (500, "50252")),
        (codes.GROUP_MEMBERS_STATE, (400, "107003")),
        (codes.CALLBACK_LOOKUP, (500, "101017")),
        (codes.CONGESTION, (503, "100501")),
    ],
)
async def test_any_code_can_be_answered_on_any_call(
    northbound: Northbound, code: codes.Code, error: tuple[int, str]
) -> None:
    """These are those whose condition nobody can bring about."""
    sim = northbound.sim
    sim.faults.add(refusal(code, path=OPERATIONS, count=2))
    assert (await northbound.get(OPERATIONS)).error == error
    assert (await northbound.create()).error == error
    assert (await northbound.create()).status == 200


async def test_the_throttle_can_be_a_fault(northbound: Northbound) -> None:
    """In the way that this deployment tells it."""
    sim = northbound.sim
    sim.quirks = Quirks(error_keys="gateway")
    sim.faults.add(Fault(kind=FaultKind.THROTTLE, method="POST"))
    assert (await northbound.get(OPERATIONS)).status == 200
    before = len(sim.tasks())
    answer = await northbound.create()
    assert answer.status == 403
    assert answer.json["resultcode"] == "1010009"
    assert len(sim.tasks()) == before


async def test_the_token_can_be_dropped_in_front_of_a_call(
    northbound: Northbound,
) -> None:
    """At the very moment when another program signs in."""
    sim = northbound.sim
    sim.faults.add(Fault(kind=FaultKind.DROP_TOKEN, path="firmwareUpgrade"))
    assert (await northbound.get(OPERATIONS)).status == 200
    assert (await northbound.create()).error == (403, "1010005")
    assert len(sim.tasks()) == 3


async def test_faults_can_befall_a_login(stranger: Northbound) -> None:
    """By a part of its path."""
    stranger.sim.faults.add(Fault(kind=FaultKind.RESET_BEFORE, path=SECURITY))
    with pytest.raises(aiohttp.ClientError):
        await stranger.login()
    assert (await stranger.login()).status == 200


async def test_connections_can_be_dropped(northbound: Northbound) -> None:
    """The next call opens another one."""
    northbound.sim.drop_connections()
    await asyncio.sleep(0.05)
    assert (await northbound.get(OPERATIONS)).status == 200


@pytest.mark.parametrize(
    ("certificate", "reason"),
    [
        ("expired", "certificate has expired"),
        ("wrong_name", "IP address mismatch"),
    ],
)
async def test_another_server_certificate_can_be_shown(
    oceanconnect: OceanConnectSimulator, certificate: Any, reason: str
) -> None:
    """One that a careful client refuses; a reset brings back the good one."""
    context = client_context(oceanconnect.tls)
    for _ in range(2):  # the second time it is there already
        oceanconnect.present_certificate(certificate)
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientConnectorCertificateError, match=reason):
                await session.get(oceanconnect.url, ssl=context)
            oceanconnect.reset()
            async with session.get(oceanconnect.url, ssl=context) as response:
                assert response.status == 404


def test_it_keeps_its_certificates_in_a_given_folder(
    tmp_path: Path, socket_enabled: None
) -> None:
    """And does not delete them."""
    sim = OceanConnectSimulator(tls_dir=tmp_path)
    with sim:
        assert sim.url == f"https://127.0.0.1:{sim.port}"
    assert (tmp_path / "ca.pem").read_bytes() == sim.tls.ca_pem


def test_a_temporary_folder_goes_with_the_server(socket_enabled: None) -> None:
    """With the private keys in it."""
    with OceanConnectSimulator() as sim:
        folder = sim.tls.folder
        assert folder.exists()
    assert not folder.exists()


def test_nothing_is_left_when_it_stops(socket_enabled: None) -> None:
    """No thread; and it cannot be used any more, but stopped once more."""
    before = threading.enumerate()
    sim = OceanConnectSimulator().start()
    assert len(threading.enumerate()) == len(before) + 1
    sim.stop()
    assert threading.enumerate() == before
    with pytest.raises(RuntimeError, match="not running"):
        sim.tasks()
    sim.stop()


async def test_it_stops_in_the_middle_of_a_slow_call(socket_enabled: None) -> None:
    """The caller is cut off."""
    sim = OceanConnectSimulator().start()
    sim.faults.add(Fault(kind=FaultKind.DELAY, delay=60))
    context = client_context(sim.tls)
    async with aiohttp.ClientSession() as session:
        call = asyncio.create_task(session.get(sim.url, ssl=context))
        while not sim.calls:
            await asyncio.sleep(0.01)
        begun = time.perf_counter()
        await asyncio.get_running_loop().run_in_executor(None, sim.stop)
        assert time.perf_counter() - begun < 5
        with pytest.raises(aiohttp.ClientError):
            await call


def test_what_fails_in_the_server_fails_the_caller(
    oceanconnect: OceanConnectSimulator,
) -> None:
    """A helper's error comes back; and none may call from within."""
    with pytest.raises(KeyError):
        oceanconnect.delete_task("none")
    with pytest.raises(RuntimeError, match="calls itself"):
        oceanconnect.call(lambda: oceanconnect.tasks())
