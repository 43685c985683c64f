"""How an account is polled, and who is woken by what changed."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity import Entity
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fleet_upgrade.askers import Asker
from custom_components.fleet_upgrade.clients.errors import (
    Advice,
    AuthenticationError,
    AuthenticationProblem,
    ConnectionProblem,
    MalformedError,
    RejectedError,
    ThrottledError,
    UnreachableError,
)
from custom_components.fleet_upgrade.clients.model import (
    CreateRequest,
    PreparedCreate,
    StatusCounts,
    Targets,
    TaskStatus,
    UpgradeKind,
)
from custom_components.fleet_upgrade.const import (
    ACTIVE_INTERVAL,
    CONF_RETENTION_DAYS,
    IDLE_INTERVAL,
    MAX_INTERVAL,
)
from custom_components.fleet_upgrade.coordinator import (
    ACCOUNT_CONTEXT,
    FleetCoordinator,
)

from .tiny_platform import NOW, TinyFleet, make_entry, make_task, poll, set_up

REQUEST = CreateRequest(
    kind=UpgradeKind.FIRMWARE,
    package_id="package",
    targets=Targets(device_groups=("Meters north",)),
)
UNREACHABLE = UnreachableError(ConnectionProblem.CONNECT)


@pytest.fixture
async def coordinator(
    hass: HomeAssistant, tiny_entry: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> FleetCoordinator:
    """Set an account without tasks up at `NOW`."""
    freezer.move_to(NOW)
    await set_up(hass, tiny_entry)
    assert isinstance(tiny_entry.runtime_data, FleetCoordinator)
    return tiny_entry.runtime_data


@contextmanager
def written_states() -> Iterator[list[str]]:
    """Collect the IDs of entities that write their state."""
    entity_ids: list[str] = []
    write = Entity.async_write_ha_state

    @callback
    def write_and_note(entity: Entity) -> None:
        entity_ids.append(entity.entity_id)
        write(entity)

    with patch.object(Entity, "async_write_ha_state", write_and_note):
        yield entity_ids


async def test_the_platform_is_asked_for_what_the_retention_covers(
    hass: HomeAssistant, fleet: TinyFleet, freezer: FrozenDateTimeFactory
) -> None:
    """What is older would be forgotten at once."""
    freezer.move_to(NOW)
    entry = make_entry(**{CONF_RETENTION_DAYS: 3})
    entry.add_to_hass(hass)
    fleet.put(make_task("one"))
    await set_up(hass, entry)
    await poll(hass, freezer)
    assert fleet.polled == [
        (set(), NOW - timedelta(days=3)),
        ({"one"}, NOW - timedelta(days=3) + timedelta(seconds=61)),
    ]


async def test_an_active_task_is_watched_more_closely(
    hass: HomeAssistant,
    fleet: TinyFleet,
    coordinator: FleetCoordinator,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Every minute while something runs, every five while nothing does."""
    assert coordinator.update_interval == IDLE_INTERVAL
    fleet.put(make_task("one"))
    await poll(hass, freezer, 61)
    assert len(fleet.polled) == 1
    await poll(hass, freezer, 240)
    assert len(fleet.polled) == 2
    assert coordinator.update_interval == ACTIVE_INTERVAL
    await poll(hass, freezer, 61)
    assert len(fleet.polled) == 3
    fleet.end("one", TaskStatus.SUCCEEDED, NOW)
    await poll(hass, freezer, 61)
    assert coordinator.update_interval == IDLE_INTERVAL


async def test_a_silent_platform_is_asked_less_and_less(
    hass: HomeAssistant,
    fleet: TinyFleet,
    coordinator: FleetCoordinator,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Up to an hour, not all accounts at one moment; as before once it answers."""
    fleet.error = UNREACHABLE
    intervals = []
    for _ in range(20):
        await coordinator.async_refresh()
        assert coordinator.update_interval is not None
        intervals.append(coordinator.update_interval)
    for interval, longest in zip(
        intervals, [60, 120, 240, 480, 960, 1920] + [3600] * 14, strict=True
    ):
        assert longest * 0.75 <= interval.total_seconds() <= longest
    assert max(intervals) <= MAX_INTERVAL
    assert len(set(intervals)) == len(intervals)

    polls = len(fleet.polled)
    await poll(hass, freezer, 2600)
    assert len(fleet.polled) == polls
    fleet.error = None
    await poll(hass, freezer, 1100)
    assert len(fleet.polled) == polls + 1
    assert coordinator.last_update_success
    assert coordinator.update_interval == IDLE_INTERVAL

    fleet.error = UNREACHABLE
    await coordinator.async_refresh()
    assert coordinator.update_interval <= timedelta(seconds=60)


@pytest.mark.parametrize("error", [UNREACHABLE, MalformedError("$.data"), OSError()])
async def test_an_account_waits_for_a_platform_that_does_not_answer(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    error: Exception,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Home Assistant tries again by itself."""
    fleet.error = error
    await set_up(hass, tiny_entry)
    assert tiny_entry.state is ConfigEntryState.SETUP_RETRY


async def test_an_unavailable_platform_is_logged_once(
    hass: HomeAssistant,
    fleet: TinyFleet,
    coordinator: FleetCoordinator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """When it is lost, and when it is back."""
    fleet.error = RejectedError("100503", "later", Advice.TRY_LATER, status=503)
    for _ in range(3):
        await coordinator.async_refresh()
    assert caplog.text.count("Error fetching Fleet north data") == 1
    fleet.error = None
    await coordinator.async_refresh()
    assert caplog.text.count("Fetching Fleet north data recovered") == 1


@pytest.mark.parametrize(
    ("retry_after", "least", "most"), [(1800, 1800, 1801), (0, 45, 61)]
)
async def test_a_throttled_account_waits_as_long_as_it_is_told(
    hass: HomeAssistant,
    fleet: TinyFleet,
    coordinator: FleetCoordinator,
    freezer: FrozenDateTimeFactory,
    retry_after: float,
    least: int,
    most: int,
) -> None:
    """And not less than one that is out of reach."""
    fleet.error = ThrottledError(retry_after)
    await coordinator.async_refresh()
    fleet.error = None
    polls = len(fleet.polled)
    await poll(hass, freezer, least - 1)
    assert len(fleet.polled) == polls
    await poll(hass, freezer, most - least + 1)
    assert len(fleet.polled) == polls + 1
    assert coordinator.last_update_success


async def test_refused_credentials_are_asked_for_again(
    hass: HomeAssistant,
    fleet: TinyFleet,
    coordinator: FleetCoordinator,
    freezer: FrozenDateTimeFactory,
) -> None:
    """And not tried again until then: the platform might lock the application."""
    fleet.error = AuthenticationError(AuthenticationProblem.CREDENTIALS, "100208")
    await poll(hass, freezer, 301)
    (flow,) = hass.config_entries.flow.async_progress()
    assert flow["context"]["source"] == SOURCE_REAUTH
    polls = len(fleet.polled)
    await poll(hass, freezer, 7200)
    assert len(fleet.polled) == polls


async def test_refused_credentials_are_asked_for_at_set_up(
    hass: HomeAssistant, fleet: TinyFleet, tiny_entry: MockConfigEntry
) -> None:
    """They were changed on the platform while Home Assistant was down."""
    fleet.error = AuthenticationError(AuthenticationProblem.CREDENTIALS, "100208")
    await set_up(hass, tiny_entry)
    assert tiny_entry.state is ConfigEntryState.SETUP_ERROR
    assert list(tiny_entry.async_get_active_flows(hass, {SOURCE_REAUTH}))


async def test_a_poll_that_changes_nothing_writes_nothing(
    hass: HomeAssistant,
    fleet: TinyFleet,
    coordinator: FleetCoordinator,
    freezer: FrozenDateTimeFactory,
    hass_storage: dict[str, object],
) -> None:
    """No state, no file."""
    fleet.put(make_task("one"), make_task("two", TaskStatus.FAILED))
    await coordinator.async_refresh()
    await hass.async_block_till_done()
    # Equal, not the same.
    fleet.put(make_task("one"), make_task("two", TaskStatus.FAILED))
    file = f"fleet_upgrade.{coordinator.config_entry.entry_id}"
    del hass_storage[file]
    with written_states() as entity_ids:
        for _ in range(10):
            await poll(hass, freezer)
    assert len(fleet.polled) == 12
    assert entity_ids == []
    assert file not in hass_storage


async def test_only_what_shows_a_change_is_written(
    hass: HomeAssistant,
    fleet: TinyFleet,
    coordinator: FleetCoordinator,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nothing of other tasks nor, when no sum changes, of the account."""
    fleet.put(make_task("one", version="V1"), make_task("two", version="V2"))
    await coordinator.async_refresh()
    await hass.async_block_till_done()
    fleet.change("two", started=NOW + timedelta(seconds=1))
    with written_states() as entity_ids:
        await poll(hass, freezer)
    assert entity_ids == [
        entity_id
        for entity_id in hass.states.async_entity_ids()
        if ".firmware_v2_" in entity_id and entity_id.endswith("_start")
    ]


async def test_the_account_wakes_when_a_sum_changed(
    hass: HomeAssistant,
    fleet: TinyFleet,
    coordinator: FleetCoordinator,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Together with the task that changed it."""
    fleet.put(make_task("one", version="V1"), make_task("two", version="V2"))
    await coordinator.async_refresh()
    await hass.async_block_till_done()
    fleet.change("two", counts=StatusCounts(total=8, succeeded=8))
    with written_states() as entity_ids:
        await poll(hass, freezer)
    assert "sensor.fleet_north_succeeded_devices_in_active_tasks" in entity_ids
    assert not any(".firmware_v1_" in entity_id for entity_id in entity_ids)


async def test_everything_wakes_when_the_platform_falls_silent(
    hass: HomeAssistant,
    fleet: TinyFleet,
    coordinator: FleetCoordinator,
    freezer: FrozenDateTimeFactory,
) -> None:
    """And when it is back."""
    fleet.put(make_task("one"))
    await coordinator.async_refresh()
    await hass.async_block_till_done()
    everything = set(hass.states.async_entity_ids()) - {
        "event.fleet_north_upgrade_task"
    }
    for fleet.error in (UNREACHABLE, None):
        with written_states() as entity_ids:
            await poll(hass, freezer)
        assert set(entity_ids) == everything


def counting(
    coordinator: FleetCoordinator, context: object = None
) -> tuple[list[object], Callable[[], None]]:
    """Add a listener; return what it was woken with and how to remove it."""
    woken: list[object] = []
    return woken, coordinator.async_add_listener(lambda: woken.append(context), context)


async def test_a_listener_wakes_for_what_it_listens_to(
    fleet: TinyFleet, coordinator: FleetCoordinator
) -> None:
    """For a task, for the overview, or for everything."""
    task, _ = counting(coordinator, "one")
    overview, _ = counting(coordinator, ACCOUNT_CONTEXT)
    everything, _ = counting(coordinator)
    fleet.put(make_task("one"))
    await coordinator.async_refresh()
    assert (len(task), len(overview), len(everything)) == (1, 1, 1)
    fleet.change("one", version="V2")
    await coordinator.async_refresh()
    assert (len(task), len(overview), len(everything)) == (2, 1, 2)
    await coordinator.async_refresh()
    assert (len(task), len(overview), len(everything)) == (2, 1, 2)


async def test_a_listener_removed_by_another_is_not_woken(
    fleet: TinyFleet, coordinator: FleetCoordinator
) -> None:
    """A task's entities go with its device, in the middle of an update."""
    removals: list[Callable[[], None]] = []
    coordinator.async_add_listener(lambda: removals.pop()())
    woken, remove = counting(coordinator)
    removals.append(remove)
    fleet.put(make_task("one"))
    await coordinator.async_refresh()
    assert woken == []


@pytest.mark.no_fail_on_log_exception
async def test_a_broken_listener_does_not_hold_up_the_others(
    fleet: TinyFleet, coordinator: FleetCoordinator, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged."""

    def broken() -> None:
        raise ZeroDivisionError

    coordinator.async_add_listener(broken)
    woken, _ = counting(coordinator)
    fleet.put(make_task("one"))
    await coordinator.async_refresh()
    assert woken == [None]
    assert "Unexpected error updating a listener of Fleet north" in caplog.text


async def test_a_created_task_has_its_sensors_at_once(
    hass: HomeAssistant, fleet: TinyFleet, coordinator: FleetCoordinator
) -> None:
    """Without a reload, and without waiting for the next poll."""
    prepared = await coordinator.client.prepare_create(REQUEST)
    [entry] = await coordinator.writer.async_create(prepared, Asker())
    assert entry.task_id == "created-1"
    await hass.async_block_till_done()
    status = hass.states.get(
        "sensor.firmware_v1_3_meters_north_2026_11_20_02_15_status"
    )
    assert status is not None
    assert status.state == "waiting"


async def test_a_created_task_has_its_id_even_when_the_next_poll_fails(
    fleet: TinyFleet, coordinator: FleetCoordinator
) -> None:
    """It exists on the platform, and nobody may think otherwise."""
    fleet.error = UNREACHABLE
    prepared = await coordinator.client.prepare_create(REQUEST)
    [entry] = await coordinator.writer.async_create(prepared, Asker())
    assert entry.task_id == "created-1"
    assert not coordinator.last_update_success


async def test_an_error_of_a_creation_reaches_the_caller(
    fleet: TinyFleet, coordinator: FleetCoordinator
) -> None:
    """Unchanged; what it means for a person is decided there."""
    prepared = await coordinator.client.prepare_create(REQUEST)
    with (
        patch.object(fleet, "create_task", side_effect=UNREACHABLE),
        pytest.raises(UnreachableError),
    ):
        await coordinator.writer.async_create(prepared, Asker())
    assert len(fleet.polled) == 1


async def test_tasks_are_created_one_after_the_other(
    fleet: TinyFleet, coordinator: FleetCoordinator
) -> None:
    """However many ask at one moment."""
    running: list[int] = []
    create_task = fleet.create_task

    async def slow_create_task(prepared: object) -> str:
        running.append(1)
        assert sum(running) == 1
        await asyncio.sleep(0)
        running.append(-1)
        return await create_task(prepared)  # type: ignore[arg-type]

    prepared = await coordinator.client.prepare_create(REQUEST)
    with patch.object(fleet, "create_task", slow_create_task):
        created = await asyncio.gather(
            *(
                coordinator.writer.async_create(prepared, Asker(), force=True)
                for _ in range(3)
            )
        )
    task_ids = [entry.task_id for [entry] in created]
    assert task_ids == ["created-1", "created-2", "created-3"]


async def test_a_creation_goes_to_its_end_when_its_caller_is_cancelled(
    hass: HomeAssistant, fleet: TinyFleet, coordinator: FleetCoordinator
) -> None:
    """A script that is restarted must not leave a task that nobody shows."""
    prepared = await coordinator.client.prepare_create(REQUEST)
    may_go_on = asyncio.Event()
    create_task = fleet.create_task

    async def slow_create_task(prepared: PreparedCreate) -> str:
        await may_go_on.wait()
        return await create_task(prepared)

    fleet.create_task = slow_create_task  # type: ignore[method-assign]
    caller = hass.async_create_task(coordinator.writer.async_create(prepared, Asker()))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    may_go_on.set()
    await hass.async_block_till_done()
    assert "created-1" in coordinator.data.tasks
