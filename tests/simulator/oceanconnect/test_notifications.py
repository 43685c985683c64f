"""What subscribers of upgrades are told, and when."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
import re
from typing import Any

import pytest

from simulator.oceanconnect import OceanConnectSimulator, Quirks
from simulator.oceanconnect.delivery import FAILURES
from simulator.oceanconnect.model import Device, Flaw, Package
from simulator.oceanconnect.subscriptions import MANAGEMENT_TYPES

from ..northbound import MANAGEMENT, SUBSCRIPTIONS, Northbound
from ..receiver import Receiver, receiving

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
STATES = ["downloading", "downloaded", "updating", "idle"]
COMMON = ["notifyType", "deviceId", "appId", "operationId", "subOperationId"]


@pytest.fixture
async def receiver(oceanconnect: OceanConnectSimulator) -> AsyncIterator[Receiver]:
    """An address that answers."""
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def subscriber(northbound: Northbound, receiver: Receiver) -> Northbound:
    """An application that has subscribed to all upgrade notifications, at noon."""
    northbound.sim.clock.freeze(NOON)
    await northbound.login()
    for notify_type in MANAGEMENT_TYPES:
        body = {"notifyType": notify_type, "callbackurl": receiver.url}
        assert (await northbound.post(MANAGEMENT, body)).status == 200
    return northbound


def healthy(sim: OceanConnectSimulator, kind: str) -> tuple[Package, Device]:
    """Return the newest package, and a device that will take it."""
    package = sim.packages(kind)[0]
    device = sim.devices(package)[0]
    device.status, device.wakes_after, device.flaw = "ONLINE", 0.0, None
    return package, device


async def test_a_firmware_upgrade_is_told_step_by_step(
    subscriber: Northbound, receiver: Receiver
) -> None:
    """Steps are numbered by text; the result has the three versions and a duration."""
    sim = subscriber.sim
    package, device = healthy(sim, "firmware")
    source = device.firmware
    task_id = sim.add_task(package=package, devices=[device.device_id])
    sim.clock.advance(1800)
    *steps, result = await receiver.wait_for(5)
    (subtask,) = await subscriber.subtasks(task_id)
    common = {
        "deviceId": device.device_id,
        "appId": sim.app_id,
        "operationId": task_id,
        "subOperationId": subtask["subOperationId"],
    }
    assert steps == [
        {
            "notifyType": "fwUpgradeStateChangeNotify",
            **common,
            "step": step,
            "stepDesc": state,
        }
        for step, state in zip("1230", STATES, strict=True)
    ]
    assert 60 < result["upgradeTime"] < 300
    assert result == {
        "notifyType": "fwUpgradeResultNotify",
        **common,
        "curVersion": package.version,
        "targetVersion": package.version,
        "sourceVersion": source,
        "status": "SUCCESS",
        "statusDesc": "success",
        "upgradeTime": result["upgradeTime"],
    }


async def test_a_software_upgrade_is_told_step_by_step(
    subscriber: Northbound, receiver: Receiver
) -> None:
    """With other fields than firmware."""
    sim = subscriber.sim
    package, device = healthy(sim, "software")
    source = device.software
    task_id = sim.add_task(kind="software", package=package, devices=[device.device_id])
    sim.clock.advance(1800)
    *states, result = await receiver.wait_for(5)
    assert [list(state) for state in states] == [[*COMMON, "swUpgradeState"]] * 4
    assert {state["notifyType"] for state in states} == {"swUpgradeStateChangeNotify"}
    assert [state["swUpgradeState"] for state in states] == STATES
    assert list(result) == [
        *COMMON,
        "curVersion",
        "targetVersion",
        "sourceVersion",
        "swUpgradeResult",
        "upgradeTime",
        "resultDesc",
        "errorCode",
        "description",
    ]
    assert result["notifyType"] == "swUpgradeResultNotify"
    assert result["operationId"] == task_id
    assert (result["sourceVersion"], result["curVersion"]) == (source, package.version)
    assert (result["swUpgradeResult"], result["errorCode"]) == ("SUCCESS", "0")


@pytest.mark.parametrize(
    ("kind", "word", "cause"),
    [
        ("firmware", "status", "statusDesc"),
        ("software", "swUpgradeResult", "description"),
    ],
)
async def test_a_failed_upgrade_is_told_with_its_cause(
    subscriber: Northbound, receiver: Receiver, kind: str, word: str, cause: str
) -> None:
    """The device still runs what it ran."""
    sim = subscriber.sim
    package, device = healthy(sim, kind)
    device.flaw = Flaw("downloading", "Invalid URI")
    sim.add_task(kind=kind, package=package, devices=[device.device_id])
    sim.clock.advance(1800)
    began, idle, result = await receiver.wait_for(3)
    assert "downloading" in began.values()
    assert "idle" in idle.values()
    assert (result[word], result[cause]) == ("FAIL", "Invalid URI")
    assert result["curVersion"] == result["sourceVersion"] != package.version


async def test_a_device_that_never_began_has_a_result_only(
    subscriber: Northbound, receiver: Receiver
) -> None:
    """Not online, or done before it began."""
    sim = subscriber.sim
    package, device = healthy(sim, "firmware")
    other = sim.devices(package)[1]
    device.firmware = package.version
    other.status = "OFFLINE"
    ids = [device.device_id, other.device_id]
    sim.add_task(package=package, devices=ids)
    sim.clock.advance(60)
    done, gone = await receiver.wait_for(2)
    assert (done["status"], done["upgradeTime"]) == ("SUCCESS", 0)
    assert "same as the target" in done["statusDesc"]
    assert (gone["status"], gone["statusDesc"]) == (
        "FAIL",
        "Device Abnormal is not online",
    )


async def test_a_stopped_upgrade_is_told_as_failed(
    subscriber: Northbound, receiver: Receiver
) -> None:
    """The documents know two results only."""
    sim = subscriber.sim
    package, device = healthy(sim, "firmware")
    task_id = sim.add_task(package=package, devices=[device.device_id])
    sim.stop_task(task_id)
    (result,) = await receiver.wait_for(1)
    assert (result["status"], result["statusDesc"]) == ("FAIL", "The task is stopped")


async def test_a_deleted_device_has_no_version(
    subscriber: Northbound, receiver: Receiver
) -> None:
    """Its end is told all the same."""
    sim = subscriber.sim
    package, device = healthy(sim, "firmware")
    sim.add_task(package=package, devices=[device.device_id])
    sim.delete_device(device.device_id)
    sim.clock.advance(60)
    (result,) = await receiver.wait_for(1)
    assert (result["status"], result["curVersion"]) == ("FAIL", "")


async def test_notifications_are_compact_json(
    subscriber: Northbound, receiver: Receiver
) -> None:
    """Huawei's Java SDK looks for the very text `"notifyType":"..."`."""
    sim = subscriber.sim
    for kind in ("firmware", "software"):
        package, device = healthy(sim, kind)
        sim.add_task(kind=kind, package=package, devices=[device.device_id])
        sim.clock.advance(1800)
    await receiver.wait_for(10)
    found = set()
    for method, _, headers, body in receiver.requests:
        assert (method, headers["Content-Type"]) == ("POST", "application/json")
        assert not re.search(rb"[:,{]\s", body)
        match = re.match(rb'\{"notifyType":"(\w+)",', body)
        assert match
        found.add(match[1].decode())
    assert found == set(MANAGEMENT_TYPES)


async def test_the_duration_may_be_a_text(
    subscriber: Northbound, receiver: Receiver
) -> None:
    """The documents' table has a number, their sample a string."""
    sim = subscriber.sim
    sim.quirks = Quirks(upgrade_time_as_text=True)
    package, device = healthy(sim, "firmware")
    sim.add_task(package=package, devices=[device.device_id])
    sim.clock.advance(1800)
    *_, result = await receiver.wait_for(5)
    assert result["upgradeTime"].isdigit()


async def test_newer_documents_have_more_states(
    subscriber: Northbound, receiver: Receiver
) -> None:
    """Of a software upgrade, before the download."""
    sim = subscriber.sim
    sim.quirks = Quirks(newer_states=True)
    package, device = healthy(sim, "software")
    sim.add_task(kind="software", package=package, devices=[device.device_id])
    sim.clock.advance(1800)
    *states, _ = await receiver.wait_for(7)
    words = [state["swUpgradeState"] for state in states]
    assert words == ["otacreated", "RequestDownload", *STATES]


async def test_only_what_is_subscribed_to_is_told(
    subscriber: Northbound, receiver: Receiver
) -> None:
    """Not what was deleted, nor what went before."""
    sim = subscriber.sim
    package, device = healthy(sim, "firmware")
    await subscriber.delete(SUBSCRIPTIONS)
    sim.add_task(package=package, devices=[device.device_id])
    sim.clock.advance(60)
    body = {"notifyType": "fwUpgradeResultNotify", "callbackUrl": receiver.url}
    await subscriber.post(MANAGEMENT, body)
    sim.clock.advance(1800)
    (result,) = await receiver.wait_for(1)
    assert result["notifyType"] == "fwUpgradeResultNotify"
    assert len(await logged(sim, 1)) == 1


async def test_devices_move_by_themselves_while_somebody_is_told(
    northbound: Northbound, receiver: Receiver
) -> None:
    """Without any call: the platform does not wait to be asked."""
    sim = northbound.sim
    sim.reset(speed=10_000)
    await northbound.login()
    package, device = healthy(sim, "firmware")
    task_id = sim.add_task(package=package, devices=[device.device_id])
    body = {"notifyType": "fwUpgradeResultNotify", "callbackurl": receiver.url}
    await northbound.post(MANAGEMENT, body)
    sim.calls.clear()
    task_id = sim.add_task(package=package, devices=[device.device_id])
    messages = await receiver.wait_for(1)
    assert messages[-1]["operationId"] in (task_id, sim.tasks()[-2].task_id)
    assert not sim.calls


async def test_a_failed_push_is_sent_again(
    subscriber: Northbound, receiver: Receiver
) -> None:
    """Until it is answered with 200; each attempt is in the log."""
    sim = subscriber.sim
    package, device = healthy(sim, "firmware")
    receiver.answers.extend([503, 500])
    sim.add_task(package=package, devices=[device.device_id], status="success")
    for count in (1, 2, 3):
        await receiver.wait_for(count)
        await logged(sim, count)
        sim.clock.advance(30)
    assert [push.status for push in sim.pushes] == [503, 500, 200]
    first, second, third = receiver.messages
    assert first == second == third
    assert {push.notify_type for push in sim.pushes} == {"fwUpgradeResultNotify"}


async def test_an_address_that_keeps_failing_becomes_invalid(
    subscriber: Northbound, receiver: Receiver
) -> None:
    """After ten failures in a row, here without a pause."""
    sim = subscriber.sim
    sim.reset(push_retry=0)
    await subscriber.login()
    body = {"notifyType": "fwUpgradeResultNotify", "callbackurl": receiver.url}
    await subscriber.post(MANAGEMENT, body)
    receiver.always = 500
    package, device = healthy(sim, "firmware")
    sim.add_task(package=package, devices=[device.device_id], status="success")
    for count in range(1, FAILURES + 1):
        await logged(sim, count)
    assert sim.is_invalid(receiver.url)
    receiver.always = 200
    sim.clock.advance(180)
    await logged(sim, FAILURES + 1)
    assert not sim.is_invalid(receiver.url)


async def test_a_reset_forgets_what_was_to_be_sent(
    subscriber: Northbound, receiver: Receiver
) -> None:
    """And who wanted to be told."""
    sim = subscriber.sim
    receiver.answers.append(None)
    package, device = healthy(sim, "firmware")
    sim.add_task(package=package, devices=[device.device_id], status="success")
    await receiver.wait_for(1)
    sim.reset()
    await subscriber.login()
    assert (await subscriber.get(SUBSCRIPTIONS)).json["totalCount"] == 0
    sim.add_task(status="success")
    assert sim.pushes == []
    assert len(receiver.requests) == 1


async def logged(sim: OceanConnectSimulator, count: int) -> list[Any]:
    """Wait until so many attempts are in the log."""
    async with asyncio.timeout(5):
        while len(sim.pushes) < count:
            await asyncio.sleep(0.001)
    return list(sim.pushes)
