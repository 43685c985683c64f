"""Running automations of the documentation and of the blueprints."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from homeassistant.components.persistent_notification import (
    Notification,
    UpdateType,
    async_register_callback,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry

AUTOMATION = "automation"


class Messages:
    """The notifications that a person sees in Home Assistant."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Note them from now on."""
        self.sent: list[Notification] = []
        async_register_callback(hass, self._note)

    @callback
    def _note(self, change: UpdateType, sent: dict[str, Notification]) -> None:
        if change is UpdateType.ADDED:
            self.sent += sent.values()

    def lines(self) -> list[str]:
        """Return title and text of the one message, line by line."""
        (message,) = self.sent
        return [str(message["title"]), *message["message"].splitlines()]


@asynccontextmanager
async def running(hass: HomeAssistant, config: dict[str, Any]) -> AsyncGenerator[str]:
    """Run an automation, and give its entity ID; it is switched off in the end."""
    for messenger in ("notify", "persistent_notification"):
        assert await async_setup_component(hass, messenger, {})
    assert await async_setup_component(
        hass, AUTOMATION, {AUTOMATION: [config | {"id": "tried"}]}
    )
    await hass.async_block_till_done()
    (entity_id,) = hass.states.async_entity_ids(AUTOMATION)
    state = hass.states.get(entity_id)
    assert state is not None
    assert state.state == "on", "Home Assistant refuses this automation"
    yield entity_id
    await hass.services.async_call(
        AUTOMATION, "turn_off", {"entity_id": entity_id}, blocking=True
    )


async def trigger(hass: HomeAssistant, entity_id: str) -> None:
    """Trigger an automation, whose conditions hold as ever, and see it through."""
    await hass.services.async_call(
        AUTOMATION,
        "trigger",
        {"entity_id": entity_id, "skip_condition": False},
        blocking=True,
    )
    await hass.async_block_till_done(wait_background_tasks=True)


async def look(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Poll an account's platform, and let all follow that does."""
    await account.runtime_data.async_refresh()
    await hass.async_block_till_done(wait_background_tasks=True)
