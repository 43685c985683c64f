"""Upgrades of more targets than one task takes: one batch, finished, never doubled."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fleet_upgrade import journal
from custom_components.fleet_upgrade.askers import Asker
from custom_components.fleet_upgrade.batches import (
    AccountUnloadedError,
    BatchIncompleteError,
)
from custom_components.fleet_upgrade.clients.errors import (
    Advice,
    AmbiguousError,
    InvalidFieldError,
    RejectedError,
)
from custom_components.fleet_upgrade.clients.model import (
    CreateRequest,
    PreparedCreate,
    StatusCounts,
    Targets,
    TaskStatus,
    UpgradeKind,
)
from custom_components.fleet_upgrade.coordinator import FleetCoordinator
from custom_components.fleet_upgrade.creation import UnsettledError
from custom_components.fleet_upgrade.entity import task_identifier
from custom_components.fleet_upgrade.journal import Journal
from custom_components.fleet_upgrade.journal_file import read_entries
from custom_components.fleet_upgrade.writes import CreateEntry
from simulator.oceanconnect import Fault, FaultKind, OceanConnectSimulator

from .actions import act
from .tiny_platform import NOW, TinyFleet, poll, set_up

DEVICES = tuple(f"meter-{number}" for number in range(9))
PARTS = [DEVICES[:4], DEVICES[4:8], DEVICES[8:]]
REFUSED = RejectedError("1", "no", Advice.TRY_LATER)
CREATE = "create_firmware_upgrade_task"


def prepared(devices: tuple[str, ...] = DEVICES) -> PreparedCreate:
    """Return the creation of an upgrade of these devices."""
    request = CreateRequest(
        kind=UpgradeKind.FIRMWARE, package_id="pkg-1", targets=Targets(devices=devices)
    )
    return PreparedCreate(request=request, method="POST", path="/", body={})


@pytest.fixture
async def coordinator(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
) -> FleetCoordinator:
    """Return the coordinator of an account on a platform that takes four devices."""
    freezer.move_to(NOW)
    fleet.most_targets = 4
    await set_up(hass, tiny_entry)
    coordinator: FleetCoordinator = tiny_entry.runtime_data
    return coordinator


async def create(
    coordinator: FleetCoordinator,
    devices: tuple[str, ...] = DEVICES,
    *,
    force: bool = False,
) -> list[CreateEntry]:
    """Create as an action does."""
    return await coordinator.writer.async_create(
        prepared(devices), Asker(), force=force
    )


def sent(fleet: TinyFleet) -> list[tuple[str, ...]]:
    """Return the devices of each task that was created."""
    return [each.request.targets.devices for each in fleet.created]


@contextmanager
def failing(
    fleet: TinyFleet, part: int, error: Exception, *, made: bool
) -> Iterator[None]:
    """Let the creation of a part fail, before or after the work is done."""
    create_task = fleet.create_task
    calls = 0

    async def fail(prepared: PreparedCreate) -> str:
        nonlocal calls
        calls += 1
        if calls == part:
            if made:
                await create_task(prepared)
            raise error
        return await create_task(prepared)

    with patch.object(fleet, "create_task", fail):
        yield


async def test_many_targets_become_several_tasks_in_one_batch(
    fleet: TinyFleet, coordinator: FleetCoordinator
) -> None:
    """In order, each device once, and with one look at the platform before."""
    with patch.object(fleet, "read_newest", wraps=fleet.read_newest) as read:
        entries = await create(coordinator, tuple(reversed(DEVICES)))
    assert read.call_count == 1
    assert sent(fleet) == PARTS
    assert [entry.task_id for entry in entries] == [
        "created-1",
        "created-2",
        "created-3",
    ]
    parts = [entry.part for entry in entries if entry.part is not None]
    assert [(part.number, part.of) for part in parts] == [(1, 3), (2, 3), (3, 3)]
    assert len({part.batch_id for part in parts}) == 1


async def test_few_targets_become_one_task_without_a_batch(
    fleet: TinyFleet, coordinator: FleetCoordinator
) -> None:
    """Nothing changes for them."""
    [entry] = await create(coordinator, DEVICES[:4])
    assert entry.part is None


async def test_the_same_batch_within_minutes_is_refused(
    hass: HomeAssistant,
    fleet: TinyFleet,
    coordinator: FleetCoordinator,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Whatever the order; later, and once the tasks are over, it may be asked for."""
    await create(coordinator)
    with pytest.raises(InvalidFieldError) as raised:
        await create(coordinator, tuple(reversed(DEVICES)))
    assert raised.value.key == "create_repeated"
    freezer.tick(timedelta(minutes=11))
    with pytest.raises(InvalidFieldError) as raised:
        await create(coordinator)
    assert raised.value.key == "targets_busy"
    for task_id in list(fleet.tasks):
        fleet.end(task_id, TaskStatus.SUCCEEDED, NOW)
    await create(coordinator)
    assert sent(fleet) == PARTS * 2


async def test_by_force_a_complete_batch_is_created_again(
    fleet: TinyFleet, coordinator: FleetCoordinator
) -> None:
    """As a new batch."""
    first = await create(coordinator)
    second = await create(coordinator, force=True)
    assert sent(fleet) == PARTS * 2
    assert first[0].part is not None
    assert second[0].part is not None
    assert first[0].part.batch_id != second[0].part.batch_id


async def test_a_failure_in_the_middle_says_what_exists_and_the_rest_is_made_later(
    fleet: TinyFleet, coordinator: FleetCoordinator
) -> None:
    """Only what is missing, and only once."""
    with (
        failing(fleet, 2, REFUSED, made=False),
        pytest.raises(BatchIncompleteError) as raised,
    ):
        await create(coordinator)
    assert raised.value.placeholders == {
        "done": "1",
        "count": "3",
        "existing": "1",
        "missing": "2-3",
        "reason": "",
    }
    assert raised.value.cause is REFUSED
    entries = await create(coordinator)
    assert sent(fleet) == PARTS
    assert len({entry.part.batch_id for entry in entries if entry.part}) == 1
    with pytest.raises(InvalidFieldError) as repeated:
        await create(coordinator)
    assert repeated.value.key == "create_repeated"


async def test_a_batch_of_which_nothing_was_made_is_made_whole(
    fleet: TinyFleet, coordinator: FleetCoordinator
) -> None:
    """The journal keeps the refusal."""
    with (
        failing(fleet, 1, REFUSED, made=False),
        pytest.raises(BatchIncompleteError) as raised,
    ):
        await create(coordinator)
    assert raised.value.placeholders["existing"] == "-"
    await create(coordinator)
    assert sent(fleet) == PARTS


async def test_after_a_week_an_incomplete_batch_is_begun_anew(
    fleet: TinyFleet, coordinator: FleetCoordinator, freezer: FrozenDateTimeFactory
) -> None:
    """What was upgraded then is upgraded again, as whoever asks now expects."""
    with failing(fleet, 2, REFUSED, made=False), pytest.raises(BatchIncompleteError):
        await create(coordinator)
    freezer.tick(timedelta(days=8))
    fleet.end("created-1", TaskStatus.SUCCEEDED, NOW)
    await create(coordinator)
    assert sent(fleet) == [PARTS[0], *PARTS]


@pytest.mark.parametrize("made", [True, False])
async def test_a_lost_answer_is_looked_for_before_the_next_part(
    fleet: TinyFleet, coordinator: FleetCoordinator, made: bool
) -> None:
    """What was found is not sent again; what was not blocks its part."""
    lost = failing(fleet, 2, AmbiguousError("lost"), made=made)
    if made:
        with lost:
            entries = await create(coordinator)
        assert sent(fleet) == PARTS
        assert [entry.task_id for entry in entries] == list(fleet.tasks)
        return
    with lost, pytest.raises(BatchIncompleteError) as raised:
        await create(coordinator)
    assert isinstance(raised.value.cause, UnsettledError)
    with pytest.raises(InvalidFieldError) as refused:
        await create(coordinator, force=True)
    assert refused.value.key == "create_unsettled"
    [unsettled] = coordinator.writer.journal.open_entries(CreateEntry)
    await coordinator.writer.async_answer_unsettled(unsettled.entry_id, None)
    await create(coordinator)
    assert sent(fleet) == PARTS


async def test_what_is_being_created_is_not_begun_a_second_time(
    hass: HomeAssistant, fleet: TinyFleet, coordinator: FleetCoordinator
) -> None:
    """Two automations, or two fingers."""
    first = hass.async_create_task(create(coordinator))
    with pytest.raises(InvalidFieldError) as raised:
        await create(coordinator)
    assert raised.value.key == "batch_under_way"
    await first
    assert sent(fleet) == PARTS


async def test_an_account_that_is_unloaded_stops_between_two_parts(
    hass: HomeAssistant,
    fleet: TinyFleet,
    coordinator: FleetCoordinator,
    tiny_entry: MockConfigEntry,
) -> None:
    """And finishes after the next start."""
    create_task = fleet.create_task

    async def unload(prepared: PreparedCreate) -> str:
        hass.async_create_task(hass.config_entries.async_unload(tiny_entry.entry_id))
        task_id = await create_task(prepared)
        fleet.create_task = create_task  # type: ignore[method-assign]
        return task_id

    fleet.create_task = unload  # type: ignore[method-assign]
    with pytest.raises(BatchIncompleteError) as raised:
        await create(coordinator)
    assert isinstance(raised.value.cause, AccountUnloadedError)
    await hass.async_block_till_done(wait_background_tasks=True)
    await set_up(hass, tiny_entry)
    await create(tiny_entry.runtime_data)
    assert sent(fleet) == PARTS


# The journal


async def test_the_targets_of_a_batch_are_on_disk_once(
    hass: HomeAssistant,
    fleet: TinyFleet,
    coordinator: FleetCoordinator,
    tiny_entry: MockConfigEntry,
) -> None:
    """And each part has its own again after a restart."""
    await create(coordinator)
    files = journal_files(hass)
    content = b"".join(path.read_bytes() for path in files)
    assert [content.count(f'"{device}"'.encode()) for device in DEVICES] == [1] * 9
    [path] = [path for path in files if path.name.endswith(".journal")]
    read = [entry for entry in read_entries(path)[0] if isinstance(entry, CreateEntry)]
    assert [entry.targets.devices for entry in read] == PARTS
    again = Journal(hass, tiny_entry.entry_id)
    await again.async_load()
    assert [entry.task_id for entry in again.all_of(CreateEntry)] == list(fleet.tasks)


async def test_the_files_of_a_batch_go_with_the_account(
    hass: HomeAssistant, coordinator: FleetCoordinator, tiny_entry: MockConfigEntry
) -> None:
    """Nothing is left of it."""
    await create(coordinator)
    assert len(journal_files(hass)) == 2
    await hass.config_entries.async_remove(tiny_entry.entry_id)
    assert journal_files(hass) == []


async def test_a_file_that_no_part_needs_is_deleted_at_the_next_start(
    hass: HomeAssistant, coordinator: FleetCoordinator, tiny_entry: MockConfigEntry
) -> None:
    """Home Assistant may be killed between the targets and the first part."""
    await coordinator.writer.journal.async_keep_targets("none", Targets())
    await create(coordinator)
    again = Journal(hass, tiny_entry.entry_id)
    await again.async_load()
    assert len(journal_files(hass)) == 2


async def test_targets_that_cannot_be_read_leave_the_rest_of_the_entry(
    hass: HomeAssistant, coordinator: FleetCoordinator, tiny_entry: MockConfigEntry
) -> None:
    """What was created is still known."""
    await create(coordinator)
    [path] = [path for path in journal_files(hass) if ".batch." in path.name]
    path.write_bytes(b"{")
    again = Journal(hass, tiny_entry.entry_id)
    await again.async_load()
    entries = again.all_of(CreateEntry)
    assert [entry.targets.devices for entry in entries] == [()] * 3
    assert all(entry.task_id for entry in entries)


async def test_old_batches_are_dropped_as_a_whole_with_their_file(
    hass: HomeAssistant,
    fleet: TinyFleet,
    coordinator: FleetCoordinator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A batch counts as one write."""
    monkeypatch.setattr(journal, "MOST_CLOSED", 2)
    await create(coordinator)
    await create(coordinator, ("lamp-1",))
    assert len(coordinator.writer.journal.all_of(CreateEntry)) == 4
    await create(coordinator, ("lamp-2",))
    assert [
        entry.targets.devices
        for entry in coordinator.writer.journal.all_of(CreateEntry)
    ] == [("lamp-1",), ("lamp-2",)]
    assert [path.suffix for path in journal_files(hass)] == [".journal"]


async def test_targets_that_cannot_be_written_down_are_not_upgraded(
    fleet: TinyFleet, coordinator: FleetCoordinator
) -> None:
    """Nothing is sent."""
    with (
        patch.object(journal, "write_file", return_value=False),
        pytest.raises(journal.UnwrittenError),
    ):
        await create(coordinator)
    assert fleet.created == []


async def test_a_part_that_cannot_be_written_down_is_told_with_those_that_exist(
    fleet: TinyFleet, coordinator: FleetCoordinator
) -> None:
    """And is made by the next call, once the disk has room again."""
    create_task = fleet.create_task

    async def fill_the_disk(prepared: PreparedCreate) -> str:
        fleet.create_task = create_task  # type: ignore[method-assign]
        task_id = await create_task(prepared)
        patches.setattr(journal, "write_entries", lambda *_: False)
        return task_id

    fleet.create_task = fill_the_disk  # type: ignore[method-assign]
    with (
        pytest.MonkeyPatch.context() as patches,
        pytest.raises(BatchIncompleteError) as raised,
    ):
        await create(coordinator)
    assert isinstance(raised.value.cause, journal.UnwrittenError)
    assert raised.value.placeholders["existing"] == "1"
    await create(coordinator)
    assert sent(fleet) == PARTS


def journal_files(hass: HomeAssistant) -> list[Path]:
    """Return the files of all journals."""
    return sorted(Path(hass.config.path(".storage")).glob("*.journal*"))


# What is shown


async def test_a_batch_is_one_device_with_the_counts_of_its_tasks(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    fleet: TinyFleet,
    coordinator: FleetCoordinator,
    tiny_entry: MockConfigEntry,
) -> None:
    """It runs until the last of them ends, and tells of itself once."""
    entries = await create(coordinator)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entries[0].part is not None
    unit = f"batch_{entries[0].part.batch_id}"
    assert coordinator.data.tracked == (unit,)
    task = coordinator.data.tasks[unit]
    assert task.status is TaskStatus.WAITING
    assert task.counts == StatusCounts(
        total=24, waiting=6, processing=3, succeeded=12, failed=3
    )
    assert task.targets.devices == DEVICES
    registry = dr.async_get(hass)
    assert registry.async_get_device_by_identifier(
        task_identifier(tiny_entry, unit), tiny_entry.entry_id
    )
    fleet.end("created-1", TaskStatus.SUCCEEDED, NOW)
    fleet.end("created-2", TaskStatus.FAILED, NOW)
    await poll(hass, freezer)
    assert coordinator.data.tasks[unit].status is TaskStatus.PROCESSING
    fleet.end("created-3", TaskStatus.SUCCEEDED, NOW + timedelta(minutes=1))
    await poll(hass, freezer)
    task = coordinator.data.tasks[unit]
    assert task.status is TaskStatus.FAILED
    assert task.ended == NOW + timedelta(minutes=1)


async def test_a_batch_is_still_one_after_a_restart_and_without_its_journal(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    fleet: TinyFleet,
    coordinator: FleetCoordinator,
    tiny_entry: MockConfigEntry,
) -> None:
    """What a device stands for does not hang on how long the journal is kept."""
    await create(coordinator)
    await hass.async_block_till_done(wait_background_tasks=True)
    tracked = coordinator.data.tracked
    await hass.config_entries.async_unload(tiny_entry.entry_id)
    for path in journal_files(hass):
        path.unlink()
    hass.data.pop(journal.DATA_JOURNALS)
    await set_up(hass, tiny_entry)
    assert tiny_entry.runtime_data.data.tracked == tracked


async def test_a_batch_whose_tasks_are_deleted_is_gone(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    fleet: TinyFleet,
    coordinator: FleetCoordinator,
) -> None:
    """One by one, then as a whole."""
    await create(coordinator)
    await hass.async_block_till_done(wait_background_tasks=True)
    del fleet.tasks["created-1"]
    await poll(hass, freezer)
    [task] = coordinator.data.tasks.values()
    assert task.counts.total == 16
    fleet.tasks.clear()
    await poll(hass, freezer)
    assert coordinator.data.tasks == {}


async def test_a_batch_leaves_as_a_whole(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    fleet: TinyFleet,
    coordinator: FleetCoordinator,
) -> None:
    """When its last task has been over for as long as the option says."""
    await create(coordinator)
    fleet.end("created-1", TaskStatus.SUCCEEDED, NOW)
    fleet.end("created-2", TaskStatus.SUCCEEDED, NOW)
    fleet.end("created-3", TaskStatus.SUCCEEDED, NOW + timedelta(days=3))
    await poll(hass, freezer, timedelta(days=8).total_seconds())
    [task] = coordinator.data.tasks.values()
    assert task.counts.total == 24
    await poll(hass, freezer, timedelta(days=3).total_seconds())
    assert coordinator.data.tasks == {}


async def test_actions_take_a_batch_for_its_tasks(
    hass: HomeAssistant, fleet: TinyFleet, coordinator: FleetCoordinator
) -> None:
    """To read it; what is read of a single one is refused."""
    await create(coordinator)
    await hass.async_block_till_done(wait_background_tasks=True)
    [unit] = coordinator.data.tracked
    named = {"config_entry_id": coordinator.config_entry.entry_id, "task_id": unit}
    task = (await act(hass, "get_upgrade_task", **named))["task"]
    assert (task["task_id"], task["counts"]["total"]) == (unit, 24)
    assert (await act(hass, "get_subtasks", **named))["subtasks"] == []
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, "stop_upgrade_task", **named)
    assert raised.value.translation_key == "task_is_batch"


# Over real connections


@pytest.fixture
def oceanconnect(oceanconnect: OceanConnectSimulator) -> OceanConnectSimulator:
    """Return a platform with a large fleet."""
    oceanconnect.reset(devices=2000, tasks=2)
    return oceanconnect


@pytest.fixture
def upgrade(account: MockConfigEntry, oceanconnect: OceanConnectSimulator) -> Any:
    """Return an upgrade of 300 devices, given more than once."""
    [package, *_] = oceanconnect.packages("firmware")
    devices = [device.device_id for device in oceanconnect.devices(package)][:300]
    assert len(devices) == 300
    return {
        "config_entry_id": account.entry_id,
        "package": package.file_id,
        "devices": [*devices, devices[0]],
        "force": True,
    }


async def test_three_hundred_devices_become_two_tasks(
    hass: HomeAssistant,
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    upgrade: Any,
) -> None:
    """The dry run says so; the answer lists both."""
    before = len(oceanconnect.tasks())
    dry = await act(hass, CREATE, **upgrade, dry_run=True)
    assert [part["targets"] for part in dry["parts"]] == [256, 44]
    assert dry["task_id"] is None
    assert len(dry["request"]["body"]["targets"]["devices"]) == 256
    answer = await act(hass, CREATE, **upgrade)
    assert [part["targets"] for part in answer["parts"]] == [256, 44]
    created = oceanconnect.tasks()[before:]
    assert {part["task_id"] for part in answer["parts"]} == {
        task.task_id for task in created
    }
    await hass.async_block_till_done(wait_background_tasks=True)
    assert answer["task_id"] in account.runtime_data.data.tasks


async def test_the_reason_of_a_failure_is_told_with_what_exists(
    hass: HomeAssistant,
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    upgrade: Any,
) -> None:
    """In one message."""
    path = "/operations/firmwareUpgrade"
    oceanconnect.faults.add(
        Fault(
            kind=FaultKind.STATUS,
            path=path,
            after=1,
            status=400,
            body=b'{"error_code":"123002","error_desc":"no"}',
        )
    )
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, CREATE, **upgrade)
    assert raised.value.translation_key == "batch_incomplete"
    placeholders = raised.value.translation_placeholders
    assert placeholders is not None
    assert (placeholders["existing"], placeholders["missing"]) == ("1", "2")
    assert "code 123002" in placeholders["reason"]
    rows = (await act(hass, "get_journal", config_entry_id=account.entry_id))["entries"]
    assert [(row["part"], row["state"]) for row in rows] == [
        (2, "refused"),
        (1, "done"),
    ]
    assert len({row["batch"] for row in rows}) == 1
