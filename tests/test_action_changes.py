"""Changing upgrade tasks: on disk before it is sent, sent once, and never forgotten."""

import asyncio
from collections.abc import Iterator
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fleet_upgrade import creation
from custom_components.fleet_upgrade.clients.model import ChangeKind, UpgradeTask
from custom_components.fleet_upgrade.const import CONF_PLATFORM
from custom_components.fleet_upgrade.entity import task_identifier
from custom_components.fleet_upgrade.journal import Journal
from custom_components.fleet_upgrade.writes import ChangeEntry, WriteState
from simulator.enos import EnosSimulator
from simulator.faults import Fault, FaultKind

from .actions import act

STOP = "stop_upgrade_task"
RETRY = "retry_subtasks"
CANCEL = "cancel_subtasks"

type Data = dict[str, Any]


@pytest.fixture
def sim(enos: EnosSimulator) -> EnosSimulator:
    """Return a platform with a job that waits, whose searches do not lag."""
    enos.reset(jobs=0, index_lag=0, speed=0)
    enos.add_job()
    return enos


@pytest.fixture
def credentials(sim: EnosSimulator) -> Data:
    """Return the data of an account on the simulated platform."""
    return {
        CONF_PLATFORM: "enos",
        "address": sim.url,
        "access_key": sim.access_key,
        "secret_key": sim.secret_key,
        "org_id": sim.org_id,
    }


@pytest.fixture
def task(account: MockConfigEntry, sim: EnosSimulator) -> Data:
    """Return what names the only task."""
    return {"config_entry_id": account.entry_id, "task_id": sim.jobs()[0].job_id}


def written(account: MockConfigEntry) -> list[ChangeEntry]:
    """Return the changes in an account's journal."""
    journal: Journal = account.runtime_data.writer.journal
    return journal.all_of(ChangeEntry)


def keys_of(sim: EnosSimulator, count: int = 2) -> list[str]:
    """Return the keys of some devices of the only job."""
    [job] = sim.jobs()
    return [task.device_key for task in sim.tasks(job.job_id)][:count]


def sent(sim: EnosSimulator, action: str) -> int:
    """Return how often an action was called on the platform."""
    return sum(f"action={action}&" in f"{call.path}&" for call in sim.calls)


def lose(sim: EnosSimulator, action: str, kind: FaultKind) -> None:
    """Break the connection of the next such call, before or after its work."""
    sim.faults.add(Fault(kind=kind, path=f"action={action}"))


async def test_a_task_is_stopped_started_and_deleted_by_its_device(
    hass: HomeAssistant, account: MockConfigEntry, sim: EnosSimulator
) -> None:
    """Its status follows at once, and its device leaves with it."""
    [job] = sim.jobs()
    registry = dr.async_get(hass)
    device = registry.async_get_device_by_identifier(
        task_identifier(account, job.job_id), account.entry_id
    )
    assert device is not None

    async def change(action: str) -> None:
        answer = await act(hass, f"{action}_upgrade_task", device_id=device.id)
        assert answer == {"task_id": job.job_id}
        await hass.async_block_till_done(wait_background_tasks=True)

    def status() -> str | None:
        task: UpgradeTask | None = account.runtime_data.data.tasks.get(job.job_id)
        return None if task is None else task.status

    await change("stop")
    assert status() == "stopped"
    await change("start")
    assert status() == "waiting"
    await change("stop")
    await change("delete")
    assert sim.jobs() == []
    assert status() is None
    assert registry.async_get(device.id) is None
    assert [(entry.action, entry.state) for entry in written(account)] == [
        ("stop", WriteState.DONE),
        ("start", WriteState.DONE),
        ("stop", WriteState.DONE),
        ("delete", WriteState.DONE),
    ]


async def test_subtasks_are_cancelled_and_retried(
    hass: HomeAssistant, account: MockConfigEntry, sim: EnosSimulator, task: Data
) -> None:
    """Each device once, however often it is named."""
    keys = keys_of(sim)
    await act(hass, CANCEL, **task, devices=[*keys, keys[0]])
    failed = await act(hass, "get_subtasks", **task, status="failed")
    assert {row["device_id"] for row in failed["subtasks"]} == set(keys)
    await act(hass, RETRY, **task, devices=keys)
    failed = await act(hass, "get_subtasks", **task, status="failed")
    assert failed["subtasks"] == []
    [first, second] = (await act(hass, "get_journal", **account_of(task)))["entries"]
    assert (first["action"], second["action"]) == (RETRY, CANCEL)
    assert first["targets"]["devices"] == keys
    assert first["task_id"] == task["task_id"]
    assert (first["package"], first["policy"], first["kind"]) == (None, None, None)


def account_of(task: Data) -> Data:
    """Return what names a task's account."""
    return {"config_entry_id": task["config_entry_id"]}


@pytest.mark.parametrize(
    ("action", "more", "key"),
    [
        ("start_upgrade_task", {}, "rejected_task_started"),
        ("delete_upgrade_task", {}, "rejected_task_running"),
        (RETRY, {"devices": True}, "rejected_subtasks_not_retriable"),
        (STOP, {"task_id": "unknown"}, "rejected_task_missing"),
    ],
)
async def test_a_refusal_says_what_to_do_and_stands_in_the_journal(
    hass: HomeAssistant,
    account: MockConfigEntry,
    sim: EnosSimulator,
    task: Data,
    action: str,
    more: Data,
    key: str,
) -> None:
    """Nothing was changed, so it may be asked for again at once."""
    if "devices" in more:
        more = {"devices": keys_of(sim)}
    for _ in range(2):
        with pytest.raises(HomeAssistantError) as raised:
            await act(hass, action, **task | more)
        assert raised.value.translation_key == key
    entries = written(account)
    assert [(entry.state, entry.failure) for entry in entries] == [
        (WriteState.REFUSED, key)
    ] * 2
    assert entries[0].detail is not None


async def test_no_device_is_refused_before_anything_is_written(
    hass: HomeAssistant, account: MockConfigEntry, task: Data
) -> None:
    """A template may have found none."""
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, RETRY, **task, devices=[])
    assert raised.value.translation_key == "subtasks_missing"
    assert written(account) == []


async def test_what_cannot_be_written_down_is_not_sent(
    hass: HomeAssistant,
    account: MockConfigEntry,
    sim: EnosSimulator,
    task: Data,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As with a creation."""
    monkeypatch.setattr(
        "custom_components.fleet_upgrade.journal_file.write_utf8_file_atomic", full_disk
    )
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, STOP, **task)
    assert raised.value.translation_key == "journal_unwritable"
    assert sent(sim, "stop") == 0


def full_disk(*_args: Any, **_kwargs: Any) -> None:
    """Write nothing."""
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("kind", "action", "name", "devices"),
    [
        (ChangeKind.STOP, "stop", STOP, False),
        (ChangeKind.START, "start", "start_upgrade_task", False),
        (ChangeKind.DELETE, "delete", "delete_upgrade_task", False),
        (ChangeKind.CANCEL_SUBTASKS, "cancelTask", CANCEL, True),
        (ChangeKind.RETRY_SUBTASKS, "retryTask", RETRY, True),
    ],
)
async def test_a_lost_answer_is_told_by_the_task_itself(
    hass: HomeAssistant,
    account: MockConfigEntry,
    sim: EnosSimulator,
    task: Data,
    kind: ChangeKind,
    action: str,
    name: str,
    devices: bool,
) -> None:
    """Done, or not done; and it is sent once."""
    more = {"devices": keys_of(sim)} if devices else {}
    if kind in (ChangeKind.START, ChangeKind.DELETE):
        sim.stop_job(task["task_id"])
    if kind is ChangeKind.RETRY_SUBTASKS:
        await act(hass, CANCEL, **task, **more)
    lose(sim, action, FaultKind.RESET_BEFORE)
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, name, **task, **more)
    assert raised.value.translation_key == "change_not_made"
    assert written(account)[-1].state is WriteState.NOT_DONE
    lose(sim, action, FaultKind.RESET_AFTER)
    assert await act(hass, name, **task, **more) == {"task_id": task["task_id"]}
    assert written(account)[-1].state is WriteState.DONE
    assert sent(sim, action) == 2


async def test_what_could_not_be_looked_at_is_settled_by_the_next_poll(
    hass: HomeAssistant, account: MockConfigEntry, sim: EnosSimulator, task: Data
) -> None:
    """Until then the same is not sent again, and no repair asks anybody."""
    lose(sim, "stop", FaultKind.RESET_AFTER)
    sim.faults.add(
        Fault(kind=FaultKind.STATUS, path="action=get", status=503, count=None)
    )
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, STOP, **task)
    assert raised.value.translation_key == "change_unsettled"
    assert [entry.state for entry in written(account)] == [WriteState.UNSETTLED]
    with pytest.raises(ServiceValidationError) as refused:
        await act(hass, STOP, **task)
    assert refused.value.translation_key == "change_under_way"
    sim.faults.clear()
    await account.runtime_data.async_refresh()
    assert [entry.state for entry in written(account)] == [WriteState.DONE]
    assert sent(sim, "stop") == 1


@pytest.mark.parametrize(
    ("name", "action", "state"),
    [
        (RETRY, "retryTask", WriteState.NOT_DONE),
        (CANCEL, "cancelTask", WriteState.NOT_DONE),
        (STOP, "stop", WriteState.NOT_DONE),
        ("delete_upgrade_task", "delete", WriteState.DONE),
    ],
)
async def test_a_change_of_a_task_that_is_gone_since_is_settled(
    hass: HomeAssistant,
    account: MockConfigEntry,
    sim: EnosSimulator,
    task: Data,
    name: str,
    action: str,
    state: WriteState,
) -> None:
    """There is nothing left to look at, however often."""
    more = {"devices": keys_of(sim)} if name in (RETRY, CANCEL) else {}
    lose(sim, action, FaultKind.RESET_BEFORE)
    sim.faults.add(
        Fault(kind=FaultKind.STATUS, path="action=get", status=503, count=None)
    )
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, name, **task, **more)
    assert raised.value.translation_key == "change_unsettled"
    sim.faults.clear()
    sim.delete_job(task["task_id"])
    await account.runtime_data.async_refresh()
    assert [entry.state for entry in written(account)] == [state]


async def test_what_was_sent_before_a_restart_is_looked_at_after_it(
    hass: HomeAssistant,
    account: MockConfigEntry,
    sim: EnosSimulator,
    task: Data,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who waited for it is told that it is not known yet."""
    is_looking = asyncio.Event()

    def looks() -> Iterator[float]:
        is_looking.set()
        yield 60.0

    monkeypatch.setattr(creation, "LOOKS", looks())
    lose(sim, "stop", FaultKind.RESET_AFTER)
    stopping = hass.async_create_task(act(hass, STOP, **task))
    await is_looking.wait()
    await hass.config_entries.async_unload(account.entry_id)
    with pytest.raises(HomeAssistantError) as raised:
        await stopping
    assert raised.value.translation_key == "change_unsettled"
    monkeypatch.setattr(creation, "LOOKS", (0.0,))
    await hass.config_entries.async_setup(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert [entry.state for entry in written(account)] == [WriteState.DONE]
    assert sent(sim, "stop") == 1
