"""What a bug report needs to know of an account, without secrets or devices."""

from contextlib import suppress
from typing import Any

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import msgspec

from .account import AccountState
from .clients.model import Targets, UpgradeTask
from .clients.registry import PLATFORMS
from .const import CONF_PLATFORM
from .coordinator import FleetConfigEntry, FleetCoordinator
from .journal import async_get_journal
from .store import AccountStore
from .writes import CreateEntry, Entry


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
    journal = async_get_journal(hass, entry.entry_id)
    if entry.state is not ConfigEntryState.LOADED:
        with suppress(OSError):
            await journal.async_load()
    return {
        "data": async_redact_data(entry.data, entry.data.keys() - harmless),
        "options": dict(entry.options),
        "state": entry.state.value,
        "stored": None if state is None else _stored(state),
        "journal": [_write(written) for written in journal.entries],
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
        "session_contended": coordinator.client.is_contended,
        "call_budget": {"limit": budget.limit, "left": budget.left},
        "overview": msgspec.to_builtins(coordinator.data.overview),
        "tasks": [_task(task) for task in coordinator.data.tasks.values()],
    }


def _write(entry: Entry) -> dict[str, Any]:
    """Sum up an entry of the journal: who asked and for what is not told."""
    about: dict[str, Any] = {}
    if isinstance(entry, CreateEntry):
        about = {
            "kind": entry.kind.value,
            "version": entry.prepared.version,
            "forced": entry.forced,
        }
    return {
        "action": entry.action,
        "state": entry.state.value,
        "asked_at": entry.asked_at.isoformat(),
        "closed_at": None if entry.closed_at is None else entry.closed_at.isoformat(),
        "asker": entry.asker.kind.value,
        **about,
        "targets": _counted(entry.targets),
        "failure": entry.failure,
        "code": entry.detail,
    }


def _task(task: UpgradeTask) -> dict[str, Any]:
    """Return a task without its ID and without the names of what it upgrades."""
    values: dict[str, Any] = msgspec.to_builtins(task)
    del values["task_id"]
    values["targets"] = _counted(task.targets)
    return values


def _counted(targets: Targets) -> dict[str, int]:
    return {
        "device_groups": len(targets.device_groups),
        "devices": len(targets.devices),
    }
