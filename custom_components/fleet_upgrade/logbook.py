"""Describes the journal's events for the activity view."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from homeassistant.components.logbook.const import (
    LOGBOOK_ENTRY_ENTITY_ID,
    LOGBOOK_ENTRY_ICON,
    LOGBOOK_ENTRY_MESSAGE,
    LOGBOOK_ENTRY_NAME,
)
from homeassistant.const import ATTR_ENTITY_ID
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.translation import async_get_cached_translations

from .const import DOMAIN
from .journal_news import (
    ATTR_ACCOUNT,
    ATTR_ACTION,
    ATTR_ASKED_BY,
    ATTR_KIND,
    ATTR_STATE,
    ATTR_TARGET,
    ATTR_TARGET_COUNT,
    EVENT_JOURNAL,
    in_short,
)
from .writes import CREATE

ATTR_CHANGE = "change"
"""What was to be changed, in words, for the sentence around it."""


@callback
def async_describe_events(
    hass: HomeAssistant,
    async_describe_event: Callable[[str, str, Callable[[Event], dict[str, Any]]], None],
) -> None:
    """Describe the events of the journal."""

    @callback
    def describe(event: Event) -> dict[str, Any]:
        """Say in a line what an event tells.

        Recorded events may be older than this version, and lack what it tells.
        """
        texts = async_get_cached_translations(
            hass, hass.config.language, "common", DOMAIN
        )
        prefix = f"component.{DOMAIN}.common."
        told = {key: value for key, value in event.data.items() if value is not None}
        kind = told.get(ATTR_KIND)
        told[ATTR_KIND] = texts.get(f"{prefix}kind_{kind}", kind or "")
        count = told.get(ATTR_TARGET_COUNT)
        told[ATTR_TARGET] = in_short(
            told.get(ATTR_TARGET), count if isinstance(count, int) else 1
        )
        state = told.get(ATTR_STATE)
        if (action := told.get(ATTR_ACTION, CREATE)) == CREATE:
            message = texts.get(f"{prefix}journal_{state}", "{state}")
        else:
            message = texts.get(f"{prefix}journal_change_{state}", "{change}: {state}")
            told[ATTR_CHANGE] = texts.get(
                f"{prefix}journal_{action}", "{action}"
            ).format_map(defaultdict(str, told))
        if ATTR_ASKED_BY in told:
            message += texts.get(f"{prefix}journal_asked_by", "")
        return {
            LOGBOOK_ENTRY_NAME: told.get(ATTR_ACCOUNT),
            LOGBOOK_ENTRY_MESSAGE: message.format_map(defaultdict(str, told)),
            LOGBOOK_ENTRY_ENTITY_ID: told.get(ATTR_ENTITY_ID),
            LOGBOOK_ENTRY_ICON: "mdi:notebook-edit-outline",
        }

    async_describe_event(DOMAIN, EVENT_JOURNAL, describe)
