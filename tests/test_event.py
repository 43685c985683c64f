"""What happens to upgrade tasks is told once."""

from dataclasses import replace
from typing import Any
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import EVENT_STATE_CHANGED, STATE_UNKNOWN, Platform
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    snapshot_platform,
)
from syrupy.assertion import SnapshotAssertion

from custom_components.fleet_upgrade.clients.errors import (
    ConnectionProblem,
    UnreachableError,
)
from custom_components.fleet_upgrade.clients.model import (
    StatusCounts,
    Targets,
    TaskStatus,
)
from custom_components.fleet_upgrade.clients.platform import Capability
from custom_components.fleet_upgrade.const import STORE_DELAY
from custom_components.fleet_upgrade.coordinator import FleetCoordinator

from .hearing import listen
from .tiny_platform import NOW, TinyFleet, make_task, poll, set_up

ENTITY_ID = "event.fleet_north_upgrade_task"


def counted(failed: int) -> StatusCounts:
    """Return the counts of a task that has ended on 30 devices and runs on 10."""
    return StatusCounts(
        total=40, waiting=0, processing=10, succeeded=30 - failed, failed=failed
    )


@pytest.fixture(autouse=True)
def begin(freezer: FrozenDateTimeFactory) -> None:
    """Begin all stories at the same time."""
    freezer.move_to(NOW)


async def test_entity(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    freezer: FrozenDateTimeFactory,
    snapshot: SnapshotAssertion,
) -> None:
    """The event entity and what it says."""
    with patch("custom_components.fleet_upgrade.PLATFORMS", [Platform.EVENT]):
        await set_up(hass, tiny_entry)
    fleet.put(make_task("one", TaskStatus.WAITING))
    await poll(hass, freezer, 301)
    await snapshot_platform(hass, entity_registry, snapshot, tiny_entry.entry_id)


async def test_the_first_poll_of_an_account_tells_nothing(
    hass: HomeAssistant, fleet: TinyFleet, tiny_entry: MockConfigEntry
) -> None:
    """What was there before is no news."""
    heard = listen(hass)
    fleet.put(make_task("one"), make_task("two", TaskStatus.FAILED))
    await set_up(hass, tiny_entry)
    assert heard == []
    state = hass.states.get(ENTITY_ID)
    assert state is not None
    assert state.state == STATE_UNKNOWN


async def test_the_life_of_a_task_is_told(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Each step once."""
    await set_up(hass, tiny_entry)
    heard = listen(hass)
    for status in (
        TaskStatus.WAITING,
        TaskStatus.PROCESSING,
        TaskStatus.FAILED,
        TaskStatus.PROCESSING,
        TaskStatus.SUCCEEDED,
    ):
        fleet.put(make_task("one", status))
        await poll(hass, freezer, 301)
        await poll(hass, freezer, 301)
    assert heard == [
        ("created", "one"),
        ("started", "one"),
        ("failed", "one"),
        ("restarted", "one"),
        ("succeeded", "one"),
    ]


async def test_a_task_that_began_and_ended_between_two_polls_is_told_in_full(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """So that an automation may wait for any of its steps."""
    await set_up(hass, tiny_entry)
    heard = listen(hass)
    fleet.put(make_task("one", TaskStatus.SUCCEEDED))
    await poll(hass, freezer, 301)
    assert heard == [("created", "one"), ("started", "one"), ("succeeded", "one")]


async def test_the_sensors_are_up_to_date_when_an_event_is_told(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """An automation that hears of a failure may ask how many there are."""
    fleet.put(make_task("one"))
    await set_up(hass, tiny_entry)
    failed: list[str] = []

    @callback
    def ask(event: Event[EventStateChangedData]) -> None:
        if event.data["entity_id"] == ENTITY_ID:
            state = hass.states.get("sensor.fleet_north_failed_tasks")
            assert state is not None
            failed.append(state.state)

    hass.bus.async_listen(EVENT_STATE_CHANGED, ask)
    fleet.end("one", TaskStatus.FAILED, NOW)
    await poll(hass, freezer)
    assert failed == ["1"]


async def test_a_task_with_many_targets_makes_no_long_attribute(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A number stands for the list."""
    await set_up(hass, tiny_entry)
    devices = tuple(f"device-{number:030}" for number in range(256))
    fleet.put(make_task("one", targets=Targets(devices=devices)))
    await poll(hass, freezer, 301)
    state = hass.states.get(ENTITY_ID)
    assert state is not None
    assert state.attributes["target"] == devices[0]
    assert state.attributes["target_count"] == 256
    assert all(len(str(value)) < 200 for value in state.attributes.values())


async def test_silence_of_the_platform_is_no_event(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The last event stays what it was."""
    await set_up(hass, tiny_entry)
    fleet.put(make_task("one"))
    await poll(hass, freezer, 301)
    before = hass.states.get(ENTITY_ID)
    assert before is not None
    fleet.error = UnreachableError(ConnectionProblem.CONNECT)
    await poll(hass, freezer)
    assert hass.states.get(ENTITY_ID) == before
    entity_registry.async_update_entity(ENTITY_ID, icon="mdi:bell")
    await hass.async_block_till_done()
    after = hass.states.get(ENTITY_ID)
    assert after is not None
    assert after.state == before.state
    state = hass.states.get("binary_sensor.fleet_north_connectivity")
    assert state is not None
    assert state.state == "off"


async def test_a_reload_repeats_and_loses_nothing(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """What happened in between is told after it."""
    fleet.put(make_task("one"), make_task("two"))
    await set_up(hass, tiny_entry)
    heard = listen(hass)
    fleet.end("one", TaskStatus.SUCCEEDED, NOW)
    await poll(hass, freezer)
    assert heard == [("succeeded", "one")]

    await hass.config_entries.async_reload(tiny_entry.entry_id)
    await poll(hass, freezer)
    assert len(heard) == 1

    await hass.config_entries.async_unload(tiny_entry.entry_id)
    fleet.end("two", TaskStatus.FAILED, NOW)
    await set_up(hass, tiny_entry)
    await hass.config_entries.async_reload(tiny_entry.entry_id)
    await poll(hass, freezer)
    assert heard == [("succeeded", "one"), ("failed", "two")]


async def test_an_unload_in_the_middle_of_telling_loses_nothing(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Written down as told, but the entity is gone: the next run tells it."""
    fleet.put(make_task("one"))
    await set_up(hass, tiny_entry)
    heard = listen(hass)
    coordinator: FleetCoordinator = tiny_entry.runtime_data
    store = coordinator._store  # noqa: SLF001
    save = store.async_save

    async def unload_while_saving(state: Any) -> None:
        await save(state)
        if state.outbox == () and tiny_entry.runtime_data is coordinator:
            with patch.object(store, "async_save", save):
                await hass.config_entries.async_unload_platforms(
                    tiny_entry, [Platform.EVENT]
                )

    fleet.end("one", TaskStatus.FAILED, NOW)
    with patch.object(store, "async_save", unload_while_saving):
        await coordinator.async_refresh()
        await hass.async_block_till_done()
    assert heard == []

    await hass.config_entries.async_forward_entry_setups(tiny_entry, [Platform.EVENT])
    await hass.async_block_till_done()
    assert heard == [("failed", "one")]


async def test_a_disabled_event_entity_does_not_pile_up_events(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    freezer: FrozenDateTimeFactory,
    hass_storage: dict[str, Any],
) -> None:
    """Once enabled it does not tell what is long over."""
    await set_up(hass, tiny_entry)
    heard = listen(hass)
    entity_registry.async_update_entity(
        ENTITY_ID, disabled_by=er.RegistryEntryDisabler.USER
    )
    await hass.async_block_till_done()
    fleet.put(make_task("one"))
    await poll(hass, freezer, 301)
    await hass.config_entries.async_unload(tiny_entry.entry_id)
    data = hass_storage[f"fleet_upgrade.{tiny_entry.entry_id}"]["data"]
    assert [task["task_id"] for task in data["tasks"]] == ["one"]
    assert "outbox" not in data

    # Disabled from the start.
    await set_up(hass, tiny_entry)
    fleet.put(make_task("two"))
    await poll(hass, freezer)

    entity_registry.async_update_entity(ENTITY_ID, disabled_by=None)
    await hass.config_entries.async_reload(tiny_entry.entry_id)
    await poll(hass, freezer)
    assert heard == []
    fleet.put(make_task("three", TaskStatus.WAITING))
    await poll(hass, freezer)
    assert heard == [("created", "three")]


async def test_a_renamed_event_entity_goes_on_telling(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Home Assistant takes it away and adds it again."""
    await set_up(hass, tiny_entry)
    entity_registry.async_update_entity(ENTITY_ID, new_entity_id="event.tasks")
    await hass.async_block_till_done()
    fleet.put(make_task("one", TaskStatus.WAITING))
    await poll(hass, freezer, 301)
    state = hass.states.get("event.tasks")
    assert state is not None
    assert state.attributes["event_type"] == "created"


async def test_a_task_that_stalls_and_fails_is_told_with_what_to_do(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """For a platform without a text of its own; a poll that finds no change will do."""
    await set_up(hass, tiny_entry)
    heard = listen(hass)
    fleet.put(make_task("one", counts=counted(failed=3)))
    await poll(hass, freezer, 301)
    state = hass.states.get(ENTITY_ID)
    assert state is not None
    assert (
        state.attributes.items()
        >= {
            "event_type": "failing",
            "failed_share": 10.0,
            "ended_devices": 30,
            "what_to_do": (
                "Read why with the action fleet_upgrade.get_failure_report. "
                "To stop it, use the web portal of Tiny IoT: Home Assistant cannot."
            ),
        }.items()
    )
    assert "hours_without_progress" not in state.attributes

    await poll(hass, freezer, 26 * 3600)
    state = hass.states.get(ENTITY_ID)
    assert state is not None
    assert state.attributes["event_type"] == "stalled"
    assert state.attributes["hours_without_progress"] == 26.0
    assert state.attributes["what_to_do"].startswith("Find out whether its devices")
    assert "failed_share" not in state.attributes

    await poll(hass, freezer)
    fleet.end("one", TaskStatus.FAILED, NOW)
    await poll(hass, freezer)
    state = hass.states.get(ENTITY_ID)
    assert state is not None
    assert "what_to_do" not in state.attributes
    assert heard == [
        ("created", "one"),
        ("started", "one"),
        ("failing", "one"),
        ("stalled", "one"),
        ("failed", "one"),
    ]


@pytest.mark.parametrize(
    ("key", "name", "capabilities", "expected"),
    [
        ("tiny", "Tiny IoT", {Capability.STOP}, "fleet_upgrade.stop_upgrade_task."),
        (
            "oceanconnect",
            "Huawei OceanConnect",
            set(),
            "in the management portal of Huawei OceanConnect",
        ),
    ],
)
async def test_how_to_stop_a_task_is_the_platforms_own(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    key: str,
    name: str,
    capabilities: set[Capability],
    expected: str,
) -> None:
    """By an action where it has a call for that, else by hand."""
    await set_up(hass, tiny_entry)
    coordinator: FleetCoordinator = tiny_entry.runtime_data
    coordinator.platform = replace(
        coordinator.platform, key=key, name=name, capabilities=frozenset(capabilities)
    )
    fleet.put(make_task("one", counts=counted(failed=3)))
    await poll(hass, freezer, 301)
    state = hass.states.get(ENTITY_ID)
    assert state is not None
    assert expected in state.attributes["what_to_do"]


async def test_the_options_say_when_to_warn(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """As soon as they are changed."""
    fleet.put(make_task("one", counts=counted(failed=1)))
    await set_up(hass, tiny_entry)
    heard = listen(hass)
    await poll(hass, freezer, 3 * 3600)
    assert heard == []
    hass.config_entries.async_update_entry(
        tiny_entry,
        options={"stall_hours": 3, "failing_share": 3, "failing_minimum": 30},
    )
    await hass.config_entries.async_reload(tiny_entry.entry_id)
    await hass.async_block_till_done()
    assert heard == [("stalled", "one"), ("failing", "one")]


async def test_time_that_passes_writes_nothing(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_storage: dict[str, Any],
) -> None:
    """Each poll looks for warnings; only one that finds any has a price."""
    fleet.put(make_task("one", counts=counted(failed=3)))
    await set_up(hass, tiny_entry)
    await poll(hass, freezer, STORE_DELAY)
    key = f"fleet_upgrade.{tiny_entry.entry_id}"
    del hass_storage[key]
    changes = 0

    @callback
    def count(event: Event[EventStateChangedData]) -> None:
        nonlocal changes
        changes += 1

    hass.bus.async_listen(EVENT_STATE_CHANGED, count)
    for _ in range(10):
        await poll(hass, freezer, STORE_DELAY)
    assert key not in hass_storage
    assert changes == 0
    await poll(hass, freezer, 26 * 3600)
    assert hass_storage[key]["data"]["watches"]["one"]["is_stalled"]
    assert changes > 0
