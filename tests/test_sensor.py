"""The sensors of an account and of its upgrade tasks."""

from datetime import timedelta
from typing import Any
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.sensor import ATTR_STATE_CLASS
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    snapshot_platform,
)
from syrupy.assertion import SnapshotAssertion

from custom_components.fleet_upgrade.clients.budget import Priority
from custom_components.fleet_upgrade.clients.errors import (
    ConnectionProblem,
    UnreachableError,
)
from custom_components.fleet_upgrade.clients.model import (
    Execution,
    Policy,
    StatusCounts,
    Targets,
    TaskStatus,
    UpgradeKind,
)

from .hearing import states_written
from .tiny_platform import NOW, TinyFleet, make_task, poll, set_up

TASK = "sensor.firmware_v1_3_meters_north_2026_11_20_02_15"
ACCOUNT = "sensor.fleet_north"
CALLS_LEFT = f"{ACCOUNT}_calls_left"
NEXT_WINDOW = f"{ACCOUNT}_next_window"


@pytest.fixture(autouse=True)
def begin(freezer: FrozenDateTimeFactory) -> None:
    """Begin all stories at the same time."""
    freezer.move_to(NOW)


def scheduled(opens: int, closes: int) -> Policy:
    """Return a policy with a window between these hours after `NOW`."""
    return Policy(
        execution=Execution.CUSTOM,
        start=NOW + timedelta(hours=opens),
        end=NOW + timedelta(hours=closes),
    )


def state_of(hass: HomeAssistant, entity_id: str) -> str | None:
    """Return the state of an entity; ``None`` when there is no such entity."""
    state = hass.states.get(entity_id)
    return None if state is None else state.state


async def test_what_shows_the_same_is_not_written(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """One device that moves on wakes all entities of its task and of the account."""
    fleet.put(make_task("one", counts=StatusCounts(total=8, waiting=1, processing=2)))
    await set_up(hass, tiny_entry)
    written = {
        what: states_written(hass, what)
        for what in (
            f"{TASK}_status",
            f"{TASK}_waiting_devices",
            f"{ACCOUNT}_processing_tasks",
            f"{ACCOUNT}_waiting_devices_in_active_tasks",
            "binary_sensor.fleet_north_upgrade_running",
            "binary_sensor.fleet_north_connectivity",
        )
    }
    fleet.change("one", counts=StatusCounts(total=8, waiting=0, processing=3))
    await poll(hass, freezer)
    assert {what: states for what, states in written.items() if states} == {
        f"{TASK}_waiting_devices": ["0"],
        f"{ACCOUNT}_waiting_devices_in_active_tasks": ["0"],
    }


async def test_entities(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    entity_registry_enabled_by_default: None,
    snapshot: SnapshotAssertion,
) -> None:
    """All sensors of an account, of a task that runs and of one that has ended."""
    fleet.put(
        make_task("one"),
        make_task(
            "two",
            TaskStatus.FAILED,
            kind=UpgradeKind.SOFTWARE,
            counts=StatusCounts(
                total=8,
                waiting=0,
                processing=0,
                succeeded=5,
                failed=1,
                stopped=0,
                timed_out=2,
            ),
        ),
    )
    with patch("custom_components.fleet_upgrade.PLATFORMS", [Platform.SENSOR]):
        await set_up(hass, tiny_entry)
    await snapshot_platform(hass, entity_registry, snapshot, tiny_entry.entry_id)


async def test_devices(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    snapshot: SnapshotAssertion,
) -> None:
    """The account's device, and the tasks' devices reached by way of it."""
    fleet.put(make_task("one"), make_task("two", kind=UpgradeKind.SOFTWARE))
    await set_up(hass, tiny_entry)
    devices = dr.async_entries_for_config_entry(device_registry, tiny_entry.entry_id)
    account = device_registry.async_get_device_by_identifier(
        ("fleet_upgrade", tiny_entry.entry_id), tiny_entry.entry_id
    )
    assert account is not None
    assert {device.via_device_id for device in devices} == {None, account.id}
    assert devices == snapshot


async def test_a_new_task_has_sensors_without_a_reload(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """With the next poll."""
    await set_up(hass, tiny_entry)
    assert state_of(hass, f"{TASK}_status") is None
    fleet.put(make_task("one"))
    await poll(hass, freezer, 301)
    assert state_of(hass, f"{TASK}_status") == "processing"
    assert state_of(hass, f"{TASK}_progress") == "62.5"
    assert state_of(hass, f"{ACCOUNT}_devices_in_active_tasks") == "8"


@pytest.mark.parametrize(
    ("values", "key", "state"),
    [
        ({"status": None}, "status", STATE_UNKNOWN),
        ({"version": None}, "target_version", STATE_UNKNOWN),
        ({"started": None}, "start", STATE_UNKNOWN),
        ({"counts": StatusCounts(total=5)}, "waiting_devices", STATE_UNKNOWN),
        ({"counts": StatusCounts(total=5, failed=0)}, "failed_devices", "0"),
        ({"counts": StatusCounts(total=5)}, "progress", STATE_UNKNOWN),
        (
            {"counts": StatusCounts(total=0, waiting=0, processing=0)},
            "progress",
            STATE_UNKNOWN,
        ),
        (
            {"counts": StatusCounts(total=3, waiting=1, processing=1)},
            "progress",
            "33.3333333333333",
        ),
    ],
)
async def test_what_the_platform_does_not_tell_is_unknown(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    values: dict[str, Any],
    key: str,
    state: str,
) -> None:
    """Neither 0 nor unavailable; the task's other sensors go on."""
    fleet.put(make_task("one"))
    await set_up(hass, tiny_entry)
    fleet.change("one", **values)
    await poll(hass, freezer)
    assert state_of(hass, f"{TASK}_{key}") == state
    assert state_of(hass, f"{TASK}_succeeded_devices") != STATE_UNAVAILABLE


async def test_a_count_that_no_active_task_has_is_unknown(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    entity_registry_enabled_by_default: None,
) -> None:
    """While one that some of them have is added up."""
    fleet.put(
        make_task("one", counts=StatusCounts(total=5, succeeded=1)),
        make_task("two", counts=StatusCounts(total=4)),
        make_task("three", TaskStatus.FAILED, counts=StatusCounts(timed_out=4)),
    )
    await set_up(hass, tiny_entry)
    assert state_of(hass, f"{ACCOUNT}_devices_in_active_tasks") == "9"
    assert state_of(hass, f"{ACCOUNT}_succeeded_devices_in_active_tasks") == "1"
    timed_out = f"{ACCOUNT}_timed_out_devices_in_active_tasks"
    assert state_of(hass, timed_out) == STATE_UNKNOWN


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({}, "Firmware V1.3 Meters north 2026-11-20 02:15"),
        ({"version": None}, "Firmware Meters north 2026-11-20 02:15"),
        ({"version": None, "created": None}, "Firmware Meters north"),
        ({"version": None, "created": None, "targets": Targets()}, "Firmware one"),
        ({"name": "Spring"}, "Firmware V1.3 Spring 2026-11-20 02:15"),
        # The ID of a device tells nobody much, and names stand in the log.
        ({"targets": Targets(devices=("one",))}, "Firmware V1.3 2026-11-20 02:15"),
        ({"version": "{0}"}, "Firmware {0} Meters north 2026-11-20 02:15"),
    ],
)
async def test_a_device_is_named_after_what_is_known_of_its_task(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    values: dict[str, Any],
    name: str,
) -> None:
    """In the time zone of Home Assistant."""
    fleet.put(make_task("one", **values))
    await set_up(hass, tiny_entry)
    device = device_registry.async_get_device_by_identifier(
        ("fleet_upgrade", f"{tiny_entry.entry_id}_one"), tiny_entry.entry_id
    )
    assert device is not None
    assert device.name == name


async def test_sensors_are_unavailable_while_the_platform_is_silent(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """What was last known may be wrong by now."""
    fleet.put(make_task("one"))
    await set_up(hass, tiny_entry)
    fleet.error = UnreachableError(ConnectionProblem.CONNECT)
    await poll(hass, freezer)
    assert state_of(hass, f"{TASK}_status") == STATE_UNAVAILABLE
    assert state_of(hass, f"{ACCOUNT}_processing_tasks") == STATE_UNAVAILABLE
    fleet.error = None
    await poll(hass, freezer)
    assert state_of(hass, f"{TASK}_status") == "processing"
    assert state_of(hass, f"{ACCOUNT}_processing_tasks") == "1"


async def test_only_the_account_leaves_statistics_behind(
    hass: HomeAssistant, fleet: TinyFleet, tiny_entry: MockConfigEntry
) -> None:
    """A series for each task would stay for ever."""
    fleet.put(make_task("one"))
    await set_up(hass, tiny_entry)
    with_statistics = {
        state.entity_id
        for state in hass.states.async_all("sensor")
        if ATTR_STATE_CLASS in state.attributes
    }
    assert with_statistics
    assert all(entity_id.startswith(ACCOUNT) for entity_id in with_statistics)
    of_task = {state.entity_id for state in hass.states.async_all("sensor")}
    assert of_task > with_statistics


async def test_what_is_rarely_above_zero_or_of_use_is_disabled(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
) -> None:
    """Until the user enables it."""
    fleet.put(make_task("one"))
    await set_up(hass, tiny_entry)
    entities = er.async_entries_for_config_entry(entity_registry, tiny_entry.entry_id)
    assert {each.entity_id for each in entities if each.disabled_by is not None} == {
        f"{ACCOUNT}_calls_left",
        f"{ACCOUNT}_next_window",
        f"{ACCOUNT}_stopped_devices_in_active_tasks",
        f"{ACCOUNT}_stopped_tasks",
        f"{ACCOUNT}_timed_out_devices_in_active_tasks",
        f"{TASK}_stopped_devices",
        f"{TASK}_timed_out_devices",
    }


async def test_the_calls_left_are_those_after_the_last_poll(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    entity_registry_enabled_by_default: None,
) -> None:
    """Told with each poll that left another number, also with one that failed."""
    await set_up(hass, tiny_entry)
    assert state_of(hass, CALLS_LEFT) == "100"
    written = states_written(hass, CALLS_LEFT)
    await poll(hass, freezer, 301)
    assert written == []

    async with fleet.budget.call(Priority.ACTION):
        assert written == []  # calls of others are not watched
        await poll(hass, freezer, 301)
    assert written == ["99"]
    fleet.error = fleet.budget.throttled()
    await poll(hass, freezer, 301)
    assert written[1:] == ["0"]
    assert state_of(hass, f"{ACCOUNT}_failed_tasks") == STATE_UNAVAILABLE


async def test_the_next_window_is_known_without_a_poll(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    entity_registry_enabled_by_default: None,
) -> None:
    """When one opens, it is the one after that."""
    fleet.put(
        make_task("soon", policy=scheduled(1, 3)),
        make_task("late", policy=scheduled(2, 3)),
    )
    hass.config_entries.async_update_entry(tiny_entry, pref_disable_polling=True)
    await set_up(hass, tiny_entry)
    assert state_of(hass, NEXT_WINDOW) == "2026-11-20T11:15:00+00:00"
    await poll(hass, freezer, 3600)
    assert state_of(hass, NEXT_WINDOW) == "2026-11-20T12:15:00+00:00"
    await poll(hass, freezer, 3600)
    assert state_of(hass, NEXT_WINDOW) == STATE_UNKNOWN
    assert len(fleet.polled) == 1


async def test_the_next_window_is_that_of_the_last_poll(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    entity_registry_enabled_by_default: None,
) -> None:
    """A task may come, or change; nothing is written when it stays."""
    await set_up(hass, tiny_entry)
    assert state_of(hass, NEXT_WINDOW) == STATE_UNKNOWN
    written = states_written(hass, NEXT_WINDOW)
    fleet.put(make_task("one", policy=scheduled(2, 3)))
    await poll(hass, freezer, 301)
    fleet.change("one", version="V9")
    await poll(hass, freezer)
    fleet.change("one", policy=scheduled(1, 3))
    await poll(hass, freezer)
    assert written == ["2026-11-20T12:15:00+00:00", "2026-11-20T11:15:00+00:00"]
    assert await hass.config_entries.async_unload(tiny_entry.entry_id)
    await poll(hass, freezer, 3600)
    assert state_of(hass, NEXT_WINDOW) == STATE_UNAVAILABLE
