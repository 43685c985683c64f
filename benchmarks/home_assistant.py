"""A Home Assistant in this process, with an account on the simulated platform."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import json
import logging
from pathlib import Path
import socket
import tempfile
from types import MappingProxyType
from typing import Any

from homeassistant import loader
from homeassistant.auth import auth_manager_from_config
from homeassistant.bootstrap import async_load_base_functionality
from homeassistant.config_entries import SOURCE_USER, ConfigEntries, ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.recorder import async_initialize_recorder
from homeassistant.setup import async_setup_component

from custom_components.fleet_upgrade.clients import budget
from custom_components.fleet_upgrade.clients.budget import shared_budget
from custom_components.fleet_upgrade.const import DOMAIN
from custom_components.fleet_upgrade.coordinator import FleetCoordinator

from .platform import NO_LIMIT, Place

ROOT = Path(__file__).parents[1]


@asynccontextmanager
async def home_assistant(*components: str) -> AsyncIterator[HomeAssistant]:
    """Run Home Assistant's core with some components, and nothing else."""
    logging.getLogger().setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="fleet-benchmark-") as folder:
        (Path(folder) / "custom_components").symlink_to(ROOT / "custom_components")
        for name, content in STORED.items():
            storage = Path(folder) / ".storage"
            storage.mkdir(exist_ok=True)
            (storage / name).write_text(json.dumps(content))
        hass = HomeAssistant(folder)
        hass.config.skip_pip = True
        loader.async_setup(hass)
        hass.config_entries = ConfigEntries(hass, {})
        await async_load_base_functionality(hass)
        hass.auth = await auth_manager_from_config(
            hass, [{"type": "homeassistant"}], []
        )
        async_initialize_recorder(hass)
        await async_setup_component(hass, "homeassistant", {})
        for component in components:
            assert await async_setup_component(
                hass, component, CONFIG.get(component, {})
            ), component
        await hass.async_start()
        await hass.async_block_till_done()
        try:
            yield hass
        finally:
            await hass.async_stop(force=True)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


PORT = _free_port()
"""Where Home Assistant listens, with the component ``http``."""

CONFIG: dict[str, Any] = {"recorder": {"recorder": {"commit_interval": 0}}}
STORED = {
    "http": {
        "version": 1,
        "key": "http",
        "data": {"server_host": ["127.0.0.1"], "server_port": PORT},
    }
}


def new_entry(place: Place, **options: Any) -> ConfigEntry:
    """Return an account that is not set up."""
    shared_budget(place.key, place.application).limit = NO_LIMIT
    # So many calls in a row stand in no real window; they are not to be counted.
    budget.WINDOW = 0.1
    return ConfigEntry(
        domain=DOMAIN,
        title=place.name,
        unique_id=f"{place.key}_{place.application}",
        version=1,
        minor_version=2,
        source=SOURCE_USER,
        data=place.credentials,
        options=options,
        discovery_keys=MappingProxyType({}),
        subentries_data=None,
    )


async def add(hass: HomeAssistant, entry: ConfigEntry) -> FleetCoordinator:
    """Set an account up, and wait until all of its entities are there."""
    await hass.config_entries.async_add(entry)
    await hass.async_block_till_done()
    coordinator: FleetCoordinator = entry.runtime_data
    return coordinator
