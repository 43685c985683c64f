"""Hearing what an event entity tells, the way automations do."""

from homeassistant.const import EVENT_STATE_CHANGED, STATE_UNAVAILABLE, STATE_UNKNOWN
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
