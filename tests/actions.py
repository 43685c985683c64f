"""Calling actions the way automations do."""

import json
from typing import Any

from homeassistant.core import HomeAssistant

from custom_components.fleet_upgrade.const import DOMAIN


async def act(hass: HomeAssistant, name: str, /, **data: Any) -> Any:
    """Call an action and return its response, which has to be plain JSON."""
    response = await hass.services.async_call(
        DOMAIN, name, data, blocking=True, return_response=True
    )
    assert json.loads(json.dumps(response)) == response
    return response
