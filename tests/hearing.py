"""Hearing what an event entity tells, the way automations do."""

from collections.abc import Mapping
from typing import Any

from homeassistant.const import (
    EVENT_STATE_CHANGED,
    EVENT_STATE_REPORTED,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
)
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback

type Heard = list[tuple[str, str]]


def listen(hass: HomeAssistant) -> Heard:
    """Return the types and tasks of all events that are told from now on.

    An event that is shown once more, as after a reload, is not heard again.
    """
    heard: Heard = []
    moments: set[str] = set()

    @callback
    def note(event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        if (
            state is None
            or state.domain != "event"
            or state.state in {STATE_UNAVAILABLE, STATE_UNKNOWN, *moments}
        ):
            return
        moments.add(state.state)
        heard.append((state.attributes["event_type"], state.attributes["task_id"]))

    hass.bus.async_listen(EVENT_STATE_CHANGED, note)
    return heard


def states_written(hass: HomeAssistant, entity_id: str) -> list[str]:
    """Return what is written to an entity's state from now on, changed or not."""
    written: list[str] = []

    @callback
    def note(event: Event[Any]) -> None:
        written.append(event.data["new_state"].state)

    @callback
    def is_it(data: Mapping[str, Any]) -> bool:
        return bool(data["entity_id"] == entity_id)

    hass.bus.async_listen(EVENT_STATE_CHANGED, note, event_filter=is_it)
    hass.bus.async_listen(EVENT_STATE_REPORTED, note, event_filter=is_it)
    return written
