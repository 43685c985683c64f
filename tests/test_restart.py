"""Home Assistant stops, starts and is killed; nothing is lost, nothing told twice."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from copy import deepcopy
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.bootstrap import DATA_REGISTRIES_LOADED
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED, EVENT_STATE_CHANGED
from homeassistant.core import (
    CoreState,
    Event,
    EventStateChangedData,
    HomeAssistant,
    callback,
)
from homeassistant.helpers import (
    area_registry as ar,
    category_registry as cr,
    device_registry as dr,
    entity_registry as er,
    floor_registry as fr,
    issue_registry as ir,
    label_registry as lr,
    restore_state as rs,
)
from homeassistant.loader import DATA_CUSTOM_COMPONENTS
import msgspec
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_test_home_assistant,
)

from custom_components.fleet_upgrade.clients.model import TaskStatus
from custom_components.fleet_upgrade.const import DOMAIN
from simulator.oceanconnect import OceanConnectSimulator

from .hearing import listen
from .tiny_platform import NOW, TinyFleet, make_entry, make_task, poll, set_up

FILE = "fleet_upgrade.01TINYFLEET00000000000000A"


@pytest.fixture
def begin(freezer: FrozenDateTimeFactory) -> None:
    """Begin a story at `NOW`."""
    freezer.move_to(NOW)


@asynccontextmanager
async def home_assistant(
    entry: MockConfigEntry,
    state: CoreState = CoreState.running,
    *,
    registries: bool = True,
) -> AsyncGenerator[HomeAssistant]:
    """Run a Home Assistant of its own on what earlier ones left on disk.

    It has empty registries, or the test loads them.
    """
    async with async_test_home_assistant(load_registries=registries) as hass:
        hass.data.pop(DATA_CUSTOM_COMPONENTS)
        hass.set_state(state)
        entry.add_to_hass(hass)
        try:
            yield hass
        finally:
            await hass.async_stop(force=True)


async def start(hass: HomeAssistant) -> None:
    """Finish the start of a Home Assistant."""
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await hass.async_block_till_done()


async def refresh(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Poll the platform of an account now."""
    await entry.runtime_data.async_refresh()
    await hass.async_block_till_done()


@pytest.mark.usefixtures("begin", "hass_storage")
async def test_what_happened_while_home_assistant_was_down_is_told_once(
    fleet: TinyFleet, freezer: FrozenDateTimeFactory
) -> None:
    """When it has started, so that automations hear it."""
    fleet.put(make_task("one"))
    entry = make_entry()
    async with home_assistant(entry) as hass:
        await set_up(hass, entry)

    fleet.end("one", TaskStatus.FAILED, NOW)
    fleet.put(make_task("two", TaskStatus.SUCCEEDED))
    entry = make_entry()
    async with home_assistant(entry, CoreState.not_running) as hass:
        heard = listen(hass)
        await set_up(hass, entry)
        await poll(hass, freezer, 301)
        assert heard == []
        await start(hass)
        assert heard == [
            ("failed", "one"),
            ("created", "two"),
            ("started", "two"),
            ("succeeded", "two"),
        ]

    entry = make_entry()
    async with home_assistant(entry, CoreState.not_running) as hass:
        heard = listen(hass)
        await set_up(hass, entry)
        await start(hass)
        await poll(hass, freezer, 301)
        assert heard == []


@pytest.mark.usefixtures("begin")
async def test_a_start_that_is_broken_off_loses_nothing(
    fleet: TinyFleet, hass_storage: dict[str, Any]
) -> None:
    """What waited for its end is told by the next one, even if the task is gone."""
    fleet.put(make_task("one"))
    entry = make_entry()
    async with home_assistant(entry) as hass:
        await set_up(hass, entry)

    fleet.end("one", TaskStatus.FAILED, NOW)
    entry = make_entry()
    async with home_assistant(entry, CoreState.not_running) as hass:
        heard = listen(hass)
        await set_up(hass, entry)
        # Killed now: nothing that is written later counts.
        on_disk = deepcopy(hass_storage[FILE])
    assert heard == []

    hass_storage[FILE] = on_disk
    fleet.tasks.clear()
    entry = make_entry()
    async with home_assistant(entry) as hass:
        heard = listen(hass)
        await set_up(hass, entry)
        assert heard == [("failed", "one")]


@pytest.mark.usefixtures("begin")
async def test_a_kill_in_the_middle_of_telling_does_not_repeat(
    fleet: TinyFleet, freezer: FrozenDateTimeFactory, hass_storage: dict[str, Any]
) -> None:
    """Whatever has been told is on disk as told."""
    on_disk: list[Any] = []
    entry = make_entry()
    async with home_assistant(entry) as hass:
        await set_up(hass, entry)
        heard = listen(hass)

        @callback
        def kill(event: Event[EventStateChangedData]) -> None:
            if event.data["entity_id"].startswith("event."):
                on_disk.append(deepcopy(hass_storage[FILE]))

        hass.bus.async_listen(EVENT_STATE_CHANGED, kill)
        fleet.put(make_task("one", TaskStatus.WAITING))
        await poll(hass, freezer, 301)
        assert heard == [("created", "one")]

    hass_storage[FILE] = on_disk[0]
    entry = make_entry()
    async with home_assistant(entry) as hass:
        heard = listen(hass)
        await set_up(hass, entry)
        await poll(hass, freezer)
        assert heard == []


@pytest.mark.usefixtures("begin", "hass_storage")
async def test_events_wait_while_home_assistant_stops(fleet: TinyFleet) -> None:
    """Nobody would hear them any more."""
    fleet.put(make_task("one"))
    entry = make_entry()
    async with home_assistant(entry) as hass:
        await set_up(hass, entry)
        heard = listen(hass)
        hass.set_state(CoreState.stopping)
        fleet.end("one", TaskStatus.FAILED, NOW)
        await refresh(hass, entry)
        assert heard == []

    entry = make_entry()
    async with home_assistant(entry) as hass:
        heard = listen(hass)
        await set_up(hass, entry)
        assert heard == [("failed", "one")]


@pytest.mark.usefixtures("begin", "hass_storage")
async def test_a_warning_is_told_once_across_restarts(
    fleet: TinyFleet, freezer: FrozenDateTimeFactory
) -> None:
    """The hours go on while Home Assistant is down, unless a count moved meanwhile."""
    fleet.put(make_task("stands"), make_task("moves"))
    entry = make_entry()
    async with home_assistant(entry) as hass:
        await set_up(hass, entry)

    freezer.tick(20 * 3600)
    entry = make_entry()
    async with home_assistant(entry) as hass:
        heard = listen(hass)
        await set_up(hass, entry)
        assert heard == []

    freezer.tick(10 * 3600)
    counts = fleet.tasks["moves"].counts
    fleet.change("moves", counts=msgspec.structs.replace(counts, succeeded=5))
    entry = make_entry()
    async with home_assistant(entry, CoreState.not_running) as hass:
        heard = listen(hass)
        await set_up(hass, entry)
        assert heard == []
        await start(hass)
        assert heard == [("stalled", "stands")]

    freezer.tick(20 * 3600)
    entry = make_entry()
    async with home_assistant(entry) as hass:
        heard = listen(hass)
        await set_up(hass, entry)
        assert heard == []
        await poll(hass, freezer, 6 * 3600)
        assert heard == [("stalled", "moves")]


@pytest.mark.usefixtures("hass_storage")
async def test_tasks_of_a_real_platform_are_told_once_across_restarts(
    oceanconnect: OceanConnectSimulator, credentials: dict[str, Any]
) -> None:
    """They begin, end, are retried and deleted while Home Assistant is down."""

    def account() -> MockConfigEntry:
        return MockConfigEntry(domain=DOMAIN, entry_id="meters", data=credentials)

    ends, is_retried, is_deleted, stays = (
        oceanconnect.add_task(kind=kind, status="processing")
        for kind in ("firmware", "software", "firmware", "software")
    )
    oceanconnect.finish_task(is_retried, failed=1)
    entry = account()
    async with home_assistant(entry) as hass:
        heard = listen(hass)
        await set_up(hass, entry)
        assert heard == []
        new = oceanconnect.add_task(status="processing")
        await refresh(hass, entry)
        assert heard == [("created", new), ("started", new)]

    oceanconnect.finish_task(ends)
    oceanconnect.retry_task(is_retried)
    oceanconnect.delete_task(is_deleted)
    brief = oceanconnect.add_task(status="failed")
    entry = account()
    async with home_assistant(entry, CoreState.not_running) as hass:
        heard = listen(hass)
        await set_up(hass, entry)
        assert heard == []
        await start(hass)
        assert sorted(heard) == sorted(
            [
                ("succeeded", ends),
                ("restarted", is_retried),
                ("deleted", is_deleted),
                ("created", brief),
                ("started", brief),
                ("failed", brief),
            ]
        )
        known = entry.runtime_data.data.tasks.keys()
        assert {ends, is_retried, stays, new, brief} <= known
        assert is_deleted not in known

    entry = account()
    async with home_assistant(entry) as hass:
        heard = listen(hass)
        await set_up(hass, entry)
        await refresh(hass, entry)
        assert heard == []


async def load_registries(hass: HomeAssistant) -> None:
    """Read what an earlier Home Assistant knew of devices and entities."""
    dr.async_setup(hass)
    await ar.async_load(hass)
    await cr.async_load(hass)
    await dr.async_load(hass)
    await er.async_load(hass)
    await fr.async_load(hass)
    await ir.async_load(hass)
    await lr.async_load(hass)
    await rs.async_load(hass)
    hass.data[DATA_REGISTRIES_LOADED] = None


@pytest.mark.usefixtures("begin", "hass_storage")
async def test_entities_keep_their_ids_across_restarts(fleet: TinyFleet) -> None:
    """Those a user gave, and those of two tasks that look the same."""
    fleet.put(make_task("one"), make_task("two"))
    seen = []
    for run in range(3):
        entry = make_entry()
        async with home_assistant(entry, registries=False) as hass:
            await load_registries(hass)
            await set_up(hass, entry)
            registry = er.async_get(hass)
            if run == 0:
                registry.async_update_entity(
                    "sensor.fleet_north_processing_tasks",
                    new_entity_id="sensor.under_way",
                )
                await hass.async_block_till_done()
            seen.append(
                {
                    entity.unique_id: entity.entity_id
                    for entity in er.async_entries_for_config_entry(
                        registry, entry.entry_id
                    )
                }
            )
            assert "sensor.under_way" in hass.states.async_entity_ids()
        # The platform may list them in any order.
        fleet.tasks = dict(reversed(fleet.tasks.items()))
    assert seen[0] == seen[1] == seen[2]
    assert len({*seen[0].values()}) == len(seen[0])
    statuses = [seen[0][f"{entry.entry_id}_{task}_status"] for task in ("one", "two")]
    assert statuses[1] == f"{statuses[0]}_2"
