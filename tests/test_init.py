"""Setting an account up, and what comes and goes with it."""

from datetime import timedelta
from typing import Any
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.fleet_upgrade.clients.errors import InvalidFieldError
from custom_components.fleet_upgrade.clients.model import TaskStatus
from custom_components.fleet_upgrade.const import (
    CONF_RETENTION_DAYS,
    DOMAIN,
    MAX_TASK_DEVICES,
)
from custom_components.fleet_upgrade.entity import task_id_of
from custom_components.fleet_upgrade.options_flow import DEFAULT_OPTIONS

from .tiny_platform import KEY, NOW, TinyFleet, make_entry, make_task, poll, set_up

FILE = "fleet_upgrade.01TINYFLEET00000000000000A"


@pytest.fixture
def begin(freezer: FrozenDateTimeFactory) -> None:
    """Begin a story at `NOW`."""
    freezer.move_to(NOW)


def devices_of(hass: HomeAssistant, entry: MockConfigEntry) -> set[str | None]:
    """Return the tasks with a device; ``None`` stands for the account's own."""
    registry = dr.async_get(hass)
    devices = dr.async_entries_for_config_entry(registry, entry.entry_id)
    return {task_id_of(entry, device) for device in devices}


def tasks_with_entities(hass: HomeAssistant, entry: MockConfigEntry) -> set[str | None]:
    """Return the tasks with entities, which are the only ones that have states."""
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    assert set(hass.states.async_entity_ids()) == {
        entity.entity_id for entity in entities if not entity.disabled
    }
    devices = [dr.async_get(hass).async_get(str(each.device_id)) for each in entities]
    return {task_id_of(entry, device) for device in devices if device is not None}


@pytest.mark.usefixtures("begin")
async def test_an_unloaded_account_leaves_nothing_behind(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """No poll and no state; its devices stay."""
    fleet.put(make_task("one"))
    await set_up(hass, tiny_entry)
    assert await hass.config_entries.async_unload(tiny_entry.entry_id)
    await hass.async_block_till_done()
    assert tiny_entry.state is ConfigEntryState.NOT_LOADED
    assert {state.state for state in hass.states.async_all()} == {STATE_UNAVAILABLE}
    assert devices_of(hass, tiny_entry) == {None, "one"}
    polls = len(fleet.polled)
    await poll(hass, freezer, 7200)
    assert len(fleet.polled) == polls


@pytest.mark.usefixtures("begin")
async def test_counts_that_waited_are_written_when_the_account_is_unloaded(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_storage: dict[str, Any],
) -> None:
    """The next set-up reads what was last known."""
    fleet.put(make_task("one"))
    await set_up(hass, tiny_entry)
    fleet.change("one", version="V2")
    await poll(hass, freezer)
    assert hass_storage[FILE]["data"]["tasks"][0]["version"] == "V1.3"
    await hass.config_entries.async_unload(tiny_entry.entry_id)
    assert hass_storage[FILE]["data"]["tasks"][0]["version"] == "V2"


async def test_a_removed_account_leaves_no_file(
    hass: HomeAssistant,
    tiny_entry: MockConfigEntry,
    hass_storage: dict[str, Any],
) -> None:
    """Nor devices or entities."""
    await set_up(hass, tiny_entry)
    assert FILE in hass_storage
    await hass.config_entries.async_remove(tiny_entry.entry_id)
    await hass.async_block_till_done()
    assert FILE not in hass_storage
    assert not dr.async_get(hass).devices
    assert not hass.states.async_all()


async def test_an_account_on_a_platform_of_another_version_is_refused(
    hass: HomeAssistant, check_translations: Any
) -> None:
    """Someone went back to a Fleet Upgrade that does not have it yet."""
    entry = make_entry()
    entry.add_to_hass(hass)
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert entry.error_reason_translation_key == "platform_unknown"
    assert entry.error_reason_translation_placeholders == {"platform": KEY}


async def test_credentials_that_went_bad_are_asked_for_again(
    hass: HomeAssistant, fleet: TinyFleet, tiny_entry: MockConfigEntry
) -> None:
    """A certificate expired while Home Assistant was down; nothing is sent."""
    fleet.check_error = InvalidFieldError(
        "client_certificate", "certificate_expired", date="2026-05-02"
    )
    await set_up(hass, tiny_entry)
    assert tiny_entry.state is ConfigEntryState.SETUP_ERROR
    assert list(tiny_entry.async_get_active_flows(hass, {SOURCE_REAUTH}))
    assert fleet.polled == []


@pytest.mark.usefixtures("begin")
async def test_a_task_that_is_forgotten_goes_with_its_device(
    hass: HomeAssistant,
    fleet: TinyFleet,
    freezer: FrozenDateTimeFactory,
) -> None:
    """When the retention is over, and without coming back as a new one."""
    entry = make_entry(**{CONF_RETENTION_DAYS: 2.0})
    entry.add_to_hass(hass)
    fleet.put(make_task("one", TaskStatus.FAILED), make_task("two"))
    await set_up(hass, entry)
    await poll(hass, freezer, timedelta(days=2).total_seconds())
    assert devices_of(hass, entry) == {None, "one", "two"}
    await poll(hass, freezer, 301)
    assert devices_of(hass, entry) == {None, "two"}
    assert tasks_with_entities(hass, entry) == {None, "two"}
    await poll(hass, freezer)
    assert devices_of(hass, entry) == {None, "two"}


@pytest.mark.usefixtures("begin")
async def test_a_task_deleted_on_the_platform_goes_with_its_device(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """With the next poll, and without its sensors being unavailable first."""
    fleet.put(make_task("one"), make_task("two"))
    await set_up(hass, tiny_entry)
    unavailable = []
    hass.bus.async_listen(
        "state_changed",
        lambda event: (
            unavailable.append(event)
            if event.data["new_state"] is not None
            and event.data["new_state"].state == STATE_UNAVAILABLE
            else None
        ),
    )
    del fleet.tasks["one"]
    await poll(hass, freezer)
    assert devices_of(hass, tiny_entry) == {None, "two"}
    assert tasks_with_entities(hass, tiny_entry) == {None, "two"}
    assert unavailable == []


@pytest.mark.usefixtures("begin")
async def test_a_task_deleted_while_home_assistant_was_down_goes_at_set_up(
    hass: HomeAssistant, fleet: TinyFleet, tiny_entry: MockConfigEntry
) -> None:
    """Its device was in the registry still."""
    fleet.put(make_task("one"), make_task("two"))
    await set_up(hass, tiny_entry)
    await hass.config_entries.async_unload(tiny_entry.entry_id)
    del fleet.tasks["two"]
    await set_up(hass, tiny_entry)
    assert devices_of(hass, tiny_entry) == {None, "one"}


@pytest.mark.usefixtures("begin")
async def test_only_so_many_tasks_have_a_device(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The oldest makes room for a new one, and comes back when there is room."""
    fleet.put(
        *(
            make_task(f"task-{number}", created=NOW + timedelta(seconds=number))
            for number in range(MAX_TASK_DEVICES)
        )
    )
    await set_up(hass, tiny_entry)
    assert devices_of(hass, tiny_entry) == {None, *fleet.tasks}

    fleet.put(make_task("new", created=NOW + timedelta(days=1)))
    await poll(hass, freezer)
    assert devices_of(hass, tiny_entry) == {None, *fleet.tasks} - {"task-0"}
    assert len(dr.async_get(hass).devices) == MAX_TASK_DEVICES + 1
    count = hass.states.get("sensor.fleet_north_processing_tasks")
    assert count is not None
    assert count.state == str(MAX_TASK_DEVICES + 1)

    del fleet.tasks["new"]
    await poll(hass, freezer)
    assert devices_of(hass, tiny_entry) == {None, *fleet.tasks}
    assert STATE_UNAVAILABLE not in {state.state for state in hass.states.async_all()}


@pytest.mark.usefixtures("begin")
async def test_a_device_that_would_come_back_cannot_be_deleted(
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
) -> None:
    """One left over can, but only by an account that is set up and knows it."""
    assert await async_setup_component(hass, "config", {})
    fleet.put(make_task("one"))
    await set_up(hass, tiny_entry)
    left_over = device_registry.async_get_or_create(
        config_entry_id=tiny_entry.entry_id,
        identifiers={(DOMAIN, f"{tiny_entry.entry_id}_gone")},
    )
    odd = device_registry.async_get_or_create(
        config_entry_id=tiny_entry.entry_id, identifiers={(DOMAIN, "of old")}
    )
    client = await hass_ws_client(hass)
    removed = set()
    for device in dr.async_entries_for_config_entry(
        device_registry, tiny_entry.entry_id
    ):
        response = await client.remove_device(device.id)
        if response["success"]:
            removed.add(device.id)
    assert removed == {left_over.id, odd.id}
    assert devices_of(hass, tiny_entry) == {None, "one"}

    await hass.config_entries.async_unload(tiny_entry.entry_id)
    for device in dr.async_entries_for_config_entry(
        device_registry, tiny_entry.entry_id
    ):
        response = await client.remove_device(device.id)
        assert "rejected by integration" in response["error"]["message"]


async def test_a_device_of_another_integration_is_no_task(
    hass: HomeAssistant, device_registry: dr.DeviceRegistry
) -> None:
    """Even when its identifier looks like one."""
    entry = make_entry()
    entry.add_to_hass(hass)
    device = device_registry.async_get_or_create(
        config_entry_id=entry.entry_id,
        identifiers={("other", f"{entry.entry_id}_one"), (DOMAIN, "another")},
    )
    assert task_id_of(entry, device) is None


async def test_two_accounts_keep_their_tasks_apart(
    hass: HomeAssistant, fleet: TinyFleet, tiny_entry: MockConfigEntry
) -> None:
    """Even tasks with the same ID."""
    fleet.put(make_task("one"))
    other = MockConfigEntry(domain=DOMAIN, title="South", data=tiny_entry.data)
    other.add_to_hass(hass)
    await set_up(hass, tiny_entry)
    assert other.state is ConfigEntryState.LOADED
    assert devices_of(hass, tiny_entry) == devices_of(hass, other) == {None, "one"}
    assert len(dr.async_get(hass).devices) == 4


async def test_a_set_up_that_fails_half_way_can_be_repeated(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nothing polls in the meantime."""
    fleet.put(make_task("one"))
    with patch.object(
        hass.config_entries, "async_forward_entry_setups", side_effect=OSError
    ):
        await set_up(hass, tiny_entry)
    polls = len(fleet.polled)
    await poll(hass, freezer, 7200)
    assert len(fleet.polled) == polls
    await hass.config_entries.async_reload(tiny_entry.entry_id)
    await hass.async_block_till_done()
    assert tiny_entry.state is ConfigEntryState.LOADED


def account_of_release(version: int, minor: int, **options: Any) -> MockConfigEntry:
    """Return an account as another release stored it."""
    return MockConfigEntry(
        domain=DOMAIN,
        version=version,
        minor_version=minor,
        data=make_entry().data,
        options=options,
    )


async def test_an_account_of_an_earlier_release_is_brought_up_to_date(
    hass: HomeAssistant, fleet: TinyFleet
) -> None:
    """It has each option then, and keeps what was chosen."""
    entry = account_of_release(1, 1, **{CONF_RETENTION_DAYS: 30})
    entry.add_to_hass(hass)
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED
    assert (entry.version, entry.minor_version) == (1, 2)
    assert entry.options == {**DEFAULT_OPTIONS, CONF_RETENTION_DAYS: 30}


@pytest.mark.parametrize(
    ("version", "minor", "state"),
    [
        (1, 99, ConfigEntryState.LOADED),
        (2, 1, ConfigEntryState.MIGRATION_ERROR),
    ],
)
async def test_an_account_of_a_later_release_is_left_as_it_is(
    hass: HomeAssistant,
    fleet: TinyFleet,
    version: int,
    minor: int,
    state: ConfigEntryState,
) -> None:
    """Someone went back; what cannot be understood is refused, and not touched."""
    entry = account_of_release(version, minor, later="more")
    entry.add_to_hass(hass)
    await set_up(hass, entry)
    assert entry.state is state
    assert (entry.version, entry.minor_version) == (version, minor)
    assert entry.options == {"later": "more"}
    assert bool(fleet.polled) is (state is ConfigEntryState.LOADED)
