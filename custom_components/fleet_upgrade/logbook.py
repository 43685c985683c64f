"""Describes the journal's events for the activity view."""

from collections.abc import Callable
from typing import Any

from homeassistant.components.logbook.const import (
    LOGBOOK_ENTRY_ICON,
    LOGBOOK_ENTRY_MESSAGE,
    LOGBOOK_ENTRY_NAME,
)
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.translation import async_get_cached_translations

from .const import DOMAIN
from .journal_news import ATTR_ACCOUNT, ATTR_ASKED_BY, ATTR_STATE, EVENT_JOURNAL


@callback
def async_describe_events(
    hass: HomeAssistant,
    async_describe_event: Callable[[str, str, Callable[[Event], dict[str, Any]]], None],
) -> None:
    """Describe the events of the journal."""

    @callback
    def describe(event: Event) -> dict[str, Any]:
        texts = async_get_cached_translations(
            hass, hass.config.language, "common", DOMAIN
        )
        prefix = f"component.{DOMAIN}.common.journal_"
        data = {
            key: "" if value is None else value for key, value in event.data.items()
        }
        message = texts.get(f"{prefix}{data[ATTR_STATE]}", data[ATTR_STATE])
        if data[ATTR_ASKED_BY]:
            message += texts.get(f"{prefix}asked_by", "")
        return {
            LOGBOOK_ENTRY_NAME: data[ATTR_ACCOUNT],
            LOGBOOK_ENTRY_MESSAGE: message.format_map(data),
            LOGBOOK_ENTRY_ICON: "mdi:notebook-edit-outline",
        }

    async_describe_event(DOMAIN, EVENT_JOURNAL, describe)
