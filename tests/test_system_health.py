"""What the page with the system's health says of the accounts."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    get_system_health_info,
)

from custom_components.fleet_upgrade.clients.errors import (
    ConnectionProblem,
    UnreachableError,
)
from custom_components.fleet_upgrade.const import DOMAIN

from .tiny_platform import CREDENTIALS, KEY, NOW, TinyFleet, make_task, set_up


def add_account(hass: HomeAssistant, title: str, **values: Any) -> MockConfigEntry:
    """Add an account on the tiny platform."""
    data = {"platform": KEY, **CREDENTIALS}
    entry = MockConfigEntry(domain=DOMAIN, title=title, **{"data": data, **values})
    entry.add_to_hass(hass)
    return entry


async def health(hass: HomeAssistant) -> dict[str, Any]:
    """Return what is told."""
    assert await async_setup_component(hass, "system_health", {})
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done(wait_background_tasks=True)
    info: dict[str, Any] = await get_system_health_info(hass, DOMAIN)
    return info


async def test_without_an_account_there_is_little_to_tell(
    hass: HomeAssistant, fleet: TinyFleet
) -> None:
    """Nor is anything wrong; one that is disabled does not count."""
    add_account(hass, "Fleet", disabled_by=ConfigEntryDisabler.USER)
    assert await health(hass) == {"accounts": 0}


async def test_an_account_tells_how_its_last_poll_went(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Without any call."""
    freezer.move_to(NOW)
    fleet.put(make_task("one"), make_task("two"))
    await set_up(hass, tiny_entry)
    freezer.tick(42)
    assert await health(hass) == {
        "accounts": 1,
        "last_poll": "ok",
        "last_poll_age": "42 s",
        "calls_left": "100/100",
        "tasks": "2",
    }
    assert len(fleet.polled) == 1
    fleet.error = fleet.budget.throttled()
    await tiny_entry.runtime_data.async_refresh()
    assert await health(hass) == {
        "accounts": 1,
        "last_poll": "throttled",
        "last_poll_age": "0 s",
        "calls_left": "0/100",
        "tasks": "2",
    }


async def test_an_account_that_does_not_load_tells_why(
    hass: HomeAssistant, fleet: TinyFleet, tiny_entry: MockConfigEntry
) -> None:
    """As far as it is known."""
    fleet.error = UnreachableError(ConnectionProblem.HUNG_UP)
    await set_up(hass, tiny_entry)
    assert await health(hass) == {"accounts": 1, "last_poll": "setup_retry (hung_up)"}
    await hass.config_entries.async_unload(tiny_entry.entry_id)
    assert await health(hass) == {"accounts": 1, "last_poll": "not_loaded"}


async def test_several_accounts_share_the_lines(
    hass: HomeAssistant, fleet: TinyFleet
) -> None:
    """In the order of their names, without telling these."""
    fleet.put(make_task("one"))
    south, north = add_account(hass, "south"), add_account(hass, "North")
    add_account(hass, "Old", data={"platform": "gone"})
    await set_up(hass, south)  # and with it the others
    await hass.config_entries.async_unload(north.entry_id)
    info = await health(hass)
    assert info.pop("last_poll_age").startswith("Tiny IoT 2: 0 s")
    assert info == {
        "accounts": 3,
        "last_poll": (
            "Tiny IoT 1: not_loaded; gone: setup_error (platform_unknown);"
            " Tiny IoT 2: ok"
        ),
        "calls_left": "Tiny IoT 2: 100/100",
        "tasks": "Tiny IoT 2: 1",
    }
