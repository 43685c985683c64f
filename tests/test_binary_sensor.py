"""Whether the platform answers, upgrades run, and something is wrong with one."""

from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    snapshot_platform,
)
from syrupy.assertion import SnapshotAssertion

from custom_components.fleet_upgrade.clients.errors import (
    ConnectionProblem,
    UnreachableError,
)
from custom_components.fleet_upgrade.clients.model import StatusCounts, TaskStatus

from .tiny_platform import NOW, TinyFleet, make_task, poll, set_up

ENTITY_ID = "binary_sensor.fleet_north_connectivity"


async def test_entity(
    hass: HomeAssistant,
    tiny_entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    snapshot: SnapshotAssertion,
) -> None:
    """The account's binary sensors."""
    with patch("custom_components.fleet_upgrade.PLATFORMS", [Platform.BINARY_SENSOR]):
        await set_up(hass, tiny_entry)
    await snapshot_platform(hass, entity_registry, snapshot, tiny_entry.entry_id)


async def test_silence_is_shown_rather_than_unavailable(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It is what this entity is there to tell."""
    freezer.move_to(NOW)
    await set_up(hass, tiny_entry)
    for fleet.error, expected in (
        (UnreachableError(ConnectionProblem.TIMEOUT), "off"),
        (None, "on"),
    ):
        await poll(hass, freezer, 301)
        state = hass.states.get(ENTITY_ID)
        assert state is not None
        assert state.state == expected


async def test_they_show_that_upgrades_run_and_that_one_is_in_trouble(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Until it recovers or is over; time alone is enough to be stalled."""
    freezer.move_to(NOW)
    await set_up(hass, tiny_entry)

    async def shown(seconds: float = 301) -> tuple[str, ...]:
        await poll(hass, freezer, seconds)
        states = [
            hass.states.get(f"binary_sensor.fleet_north_{name}")
            for name in ("upgrade_running", "problem")
        ]
        return tuple(state.state for state in states if state is not None)

    assert await shown() == ("off", "off")
    fleet.put(make_task("one", TaskStatus.WAITING))
    assert await shown() == ("off", "off")
    fleet.put(make_task("one"))
    assert await shown() == ("on", "off")
    assert await shown(26 * 3600) == ("on", "on")
    fleet.change("one", counts=counted(succeeded=29, failed=1))
    assert await shown() == ("on", "off")
    fleet.change("one", counts=counted(succeeded=27, failed=3))
    assert await shown() == ("on", "on")
    fleet.change("one", counts=counted(succeeded=197, failed=3))
    assert await shown() == ("on", "off")
    fleet.change("one", counts=counted(succeeded=190, failed=20))
    assert await shown() == ("on", "on")
    fleet.error = UnreachableError(ConnectionProblem.TIMEOUT)
    assert await shown() == ("unavailable", "unavailable")
    fleet.error = None
    fleet.end("one", TaskStatus.FAILED, NOW)
    assert await shown() == ("off", "off")


async def test_a_problem_that_was_there_before_the_account_is_shown(
    hass: HomeAssistant, fleet: TinyFleet, tiny_entry: MockConfigEntry
) -> None:
    """It is no news, but no less a problem."""
    fleet.put(make_task("one", counts=counted(succeeded=10, failed=10)))
    await set_up(hass, tiny_entry)
    state = hass.states.get("binary_sensor.fleet_north_problem")
    assert state is not None
    assert state.state == "on"
    assert state.attributes == {
        "device_class": "problem",
        "friendly_name": "Fleet north Problem",
    }


def counted(succeeded: int, failed: int) -> StatusCounts:
    """Return the counts of a task that runs on ten more devices."""
    return StatusCounts(
        total=succeeded + failed + 10,
        waiting=0,
        processing=10,
        succeeded=succeeded,
        failed=failed,
    )
