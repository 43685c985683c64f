"""Tells Home Assistant what changes in a journal."""

from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from .const import DOMAIN
from .journal import Entry

EVENT_JOURNAL: Final = f"{DOMAIN}_journal"
"""Fired with each change of an entry; the logbook describes it."""

ATTR_ACCOUNT: Final = "account"
ATTR_ASKED_BY: Final = "asked_by"
ATTR_ENTRY_ID: Final = "journal_entry_id"
ATTR_STATE: Final = "state"


@callback
def async_announce(hass: HomeAssistant, account: ConfigEntry, entry: Entry) -> None:
    """Tell of an entry that was made or changed."""
    request = entry.prepared.request
    hass.bus.async_fire(
        EVENT_JOURNAL,
        {
            ATTR_ACCOUNT: account.title,
            "config_entry_id": account.entry_id,
            ATTR_ENTRY_ID: entry.entry_id,
            ATTR_STATE: entry.state.value,
            ATTR_ASKED_BY: entry.asker.name or entry.asker.entity_id,
            "asked_by_user_id": entry.asker.user_id,
            **what_is_asked(entry),
            "task_id": entry.task_id,
            "failure": entry.failure,
            "target_count": len(request.targets.device_groups)
            or len(request.targets.devices),
        },
    )


def what_is_asked(entry: Entry) -> dict[str, Any]:
    """Return what a creation is about, in a few words."""
    request = entry.prepared.request
    return {
        "kind": request.kind.value,
        "version": entry.prepared.version or request.package_id,
        "target": request.targets.first,
    }
