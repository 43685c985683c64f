"""A Home Assistant that a platform can push to: its own HTTP server, really running."""

import asyncio
from collections.abc import AsyncIterator, Callable

from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fleet_upgrade.const import CONF_PUSH_ADDRESS, DOMAIN
from simulator.oceanconnect import OceanConnectSimulator

from .tiny_platform import set_up

PATH = "/api/webhook/"


@pytest.fixture
def disable_http_server() -> None:
    """Let Home Assistant's server listen, which other tests do not need."""


@pytest.fixture
async def home(
    hass_storage: dict[str, object],
    hass: HomeAssistant,
    socket_enabled: None,
    unused_tcp_port: int,
    disable_http_server: None,
) -> AsyncIterator[str]:
    """Return the address at which Home Assistant listens."""
    hass_storage["http"] = {
        "version": 1,
        "key": "http",
        "data": {"server_host": ["127.0.0.1"], "server_port": unused_tcp_port},
    }
    assert await async_setup_component(hass, "http", {})
    await hass.http.start()
    yield f"http://127.0.0.1:{unused_tcp_port}"
    await hass.http.stop()


@pytest.fixture
async def pushed(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    home: str,
) -> MockConfigEntry:
    """Return an account that is set up, and whose platform pushes."""
    hass.config_entries.async_update_entry(entry, options={CONF_PUSH_ADDRESS: home})
    await set_up(hass, entry)
    assert set(subscribed(oceanconnect).values()) == {address_of(oceanconnect)}
    return entry


def subscribed(oceanconnect: OceanConnectSimulator) -> dict[str, str]:
    """Return the address of each type that is subscribed to."""
    return {
        one.notify_type: one.callback_url for one in oceanconnect.platform.subscriptions
    }


def address_of(oceanconnect: OceanConnectSimulator) -> str:
    """Return the one address at Home Assistant that the platform pushes to."""
    (address,) = {url for url in subscribed(oceanconnect).values() if PATH in url}
    return address


def push_issues(registry: ir.IssueRegistry) -> dict[str, dict[str, str] | None]:
    """Return the issues about pushes, and what each one says."""
    return {
        str(issue.translation_key): issue.translation_placeholders
        for (domain, _), issue in registry.issues.items()
        if domain == DOMAIN and str(issue.translation_key).startswith("push_")
    }


async def until(condition: Callable[[], bool], seconds: float = 5) -> None:
    """Wait until something has come about."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)
