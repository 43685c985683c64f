"""Whether the platform answers."""

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

from .tiny_platform import NOW, TinyFleet, poll, set_up

ENTITY_ID = "binary_sensor.fleet_north_connectivity"


async def test_entity(
    hass: HomeAssistant,
    tiny_entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    snapshot: SnapshotAssertion,
) -> None:
    """The account's only binary sensor."""
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
