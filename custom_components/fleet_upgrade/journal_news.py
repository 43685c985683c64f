"""Tells Home Assistant what changes in a journal."""

from typing import Final

from homeassistant.components.event.const import DOMAIN as EVENT_DOMAIN
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import ATTR_DEVICE_ID, ATTR_ENTITY_ID
from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er

from .const import DOMAIN, TASK_EVENT_KEY
from .writes import CreateEntry, Entry

EVENT_JOURNAL: Final = f"{DOMAIN}_journal"
"""Fired with each change of an entry; the logbook describes it."""

ATTR_ACCOUNT: Final = "account"
ATTR_ACTION: Final = "action"
ATTR_ASKED_BY: Final = "asked_by"
ATTR_ENTRY_ID: Final = "journal_entry_id"
ATTR_KIND: Final = "kind"
ATTR_STATE: Final = "state"
ATTR_TARGET: Final = "target"
ATTR_TARGET_COUNT: Final = "target_count"
ATTR_TASK_ID: Final = "task_id"
ATTR_VERSION: Final = "version"


@callback
def async_announce(hass: HomeAssistant, account: ConfigEntry, entry: Entry) -> None:
    """Tell of an entry that was made or changed.

    The event belongs to the account's device and event entity, so that the activity
    of both shows it, and to the user who asked, if one did.
    """
    device = dr.async_get(hass).async_get_device_by_identifier(
        (DOMAIN, account.entry_id), account.entry_id
    )
    create = entry if isinstance(entry, CreateEntry) else None
    target, count = entry.subject
    hass.bus.async_fire(
        EVENT_JOURNAL,
        {
            ATTR_ACCOUNT: account.title,
            "config_entry_id": account.entry_id,
            ATTR_DEVICE_ID: None if device is None else device.id,
            ATTR_ENTITY_ID: er.async_get(hass).async_get_entity_id(
                EVENT_DOMAIN, DOMAIN, f"{account.entry_id}_{TASK_EVENT_KEY}"
            ),
            ATTR_ENTRY_ID: entry.entry_id,
            ATTR_STATE: entry.state.value,
            ATTR_ASKED_BY: entry.asker.name or entry.asker.entity_id,
            ATTR_ACTION: entry.action,
            ATTR_KIND: create and create.kind.value,
            ATTR_VERSION: create and create.version,
            ATTR_TARGET: target,
            ATTR_TARGET_COUNT: count,
            ATTR_TASK_ID: entry.task_id,
            "failure": entry.failure,
        },
        context=Context(user_id=entry.asker.user_id),
    )


def in_short(target: str | None, count: int) -> str:
    """Return the first of some targets, and how many there are beside it."""
    more = f" (+{count - 1})" if count > 1 else ""
    return f"{target or ''}{more}"
