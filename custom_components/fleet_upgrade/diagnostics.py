"""What a bug report needs to know of an account, without secrets or devices."""

from typing import Any

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import msgspec

from .account import AccountState
from .clients.model import UpgradeTask
from .clients.registry import PLATFORMS
from .const import CONF_PLATFORM
from .coordinator import FleetConfigEntry, FleetCoordinator
from .store import AccountStore


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: FleetConfigEntry
) -> dict[str, Any]:
    """Return what is known of an account, also of one that does not load."""
    platform = PLATFORMS.get(entry.data[CONF_PLATFORM])
    harmless = {CONF_PLATFORM} | {
        field.key
        for field in (() if platform is None else platform.form)
        if not field.is_secret and not field.identifying
    }
    state = await AccountStore(hass, entry.entry_id).async_load()
    return {
        "data": async_redact_data(entry.data, entry.data.keys() - harmless),
        "options": dict(entry.options),
        "state": entry.state.value,
        "stored": None if state is None else _stored(state),
        "polled": (
            _polled(entry.runtime_data)
            if entry.state is ConfigEntryState.LOADED
            else None
        ),
    }


def _stored(state: AccountState) -> dict[str, Any]:
    """Sum up what the account's file holds; IDs are counted, not named."""
    return {
        "tasks": len(state.tasks),
        "events_to_tell": len(state.outbox),
        "memory": {
            key: len(value) if isinstance(value, list | dict) else value
            for key, value in state.memory.items()
        },
    }


def _polled(coordinator: FleetCoordinator) -> dict[str, Any]:
    budget = coordinator.client.budget
    error = coordinator.last_exception
    interval = coordinator.update_interval
    return {
        "last_update_success": coordinator.last_update_success,
        "last_error": (
            error.translation_key if isinstance(error, HomeAssistantError) else None
        ),
        "interval": None if interval is None else interval.total_seconds(),
        "call_budget": {"limit": budget.limit, "left": budget.left},
        "overview": msgspec.to_builtins(coordinator.data.overview),
        "tasks": [_task(task) for task in coordinator.data.tasks.values()],
    }


def _task(task: UpgradeTask) -> dict[str, Any]:
    """Return a task without its ID and without the names of what it upgrades."""
    values: dict[str, Any] = msgspec.to_builtins(task)
    del values["task_id"]
    values["targets"] = {
        "device_groups": len(task.targets.device_groups),
        "devices": len(task.targets.devices),
    }
    return values
