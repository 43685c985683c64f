"""Who asks for a write: a person, or the automation or script behind the call.

The context of an action's call names a user at best. Automations and scripts tell of
themselves by an event when they start, with the context that their calls carry.
"""

from collections import OrderedDict
from enum import StrEnum
from functools import partial

from homeassistant.const import ATTR_ENTITY_ID, ATTR_NAME
from homeassistant.core import Context, Event, HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from .clients.model import Value
from .const import DOMAIN

# Automations and scripts need not be set up for us to be, so not imported from them.
EVENT_AUTOMATION_TRIGGERED = "automation_triggered"
EVENT_SCRIPT_STARTED = "script_started"

MOST_REMEMBERED = 5000
"""Runs of automations and scripts that are remembered."""


class AskerKind(StrEnum):
    """Who can ask."""

    AUTOMATION = "automation"
    SCRIPT = "script"
    USER = "user"
    UNKNOWN = "unknown"


class Asker(Value, frozen=True):
    """Who asked for a write."""

    kind: AskerKind = AskerKind.UNKNOWN
    user_id: str | None = None
    entity_id: str | None = None
    """Of the automation or script."""
    name: str | None = None


class Askers:
    """Remembers which run has which context."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Listen from now on, for as long as Home Assistant runs."""
        self._runs: OrderedDict[str, Asker] = OrderedDict()
        for event_type, kind in (
            (EVENT_AUTOMATION_TRIGGERED, AskerKind.AUTOMATION),
            (EVENT_SCRIPT_STARTED, AskerKind.SCRIPT),
        ):
            hass.bus.async_listen(event_type, partial(self._remember, kind))

    def asker_of(self, context: Context) -> Asker:
        """Return who is behind a call."""
        for context_id in (context.id, context.parent_id):
            if context_id is not None and (run := self._runs.get(context_id)):
                return run
        if context.user_id is not None:
            return Asker(kind=AskerKind.USER, user_id=context.user_id)
        return Asker()

    @callback
    def _remember(self, kind: AskerKind, event: Event) -> None:
        context = event.context
        # An automation that starts a script in its own context stays the asker.
        if context.id in self._runs:
            return
        self._runs[context.id] = Asker(
            kind=kind,
            user_id=context.user_id,
            entity_id=_text(event.data.get(ATTR_ENTITY_ID)),
            name=_text(event.data.get(ATTR_NAME)),
        )
        if len(self._runs) > MOST_REMEMBERED:
            self._runs.popitem(last=False)


def _text(value: object) -> str | None:
    """Return a text; anyone can fire an event, with anything in it."""
    return value if isinstance(value, str) else None


DATA_ASKERS: HassKey[Askers] = HassKey(f"{DOMAIN}_askers")
