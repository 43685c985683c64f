"""What a person can do, in the words of the user's language."""

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.translation import async_get_cached_translations

from .clients.platform import Capability, Platform
from .const import DOMAIN


@callback
def how_to_stop(hass: HomeAssistant, platform: Platform) -> str:
    """Say how the platform's tasks are stopped."""
    if Capability.STOP in platform.capabilities:
        return text_of(hass, "stop_by_action")
    return text_of(
        hass, f"stop_by_hand_{platform.key}", platform=platform.name
    ) or text_of(hass, "stop_by_hand", platform=platform.name)


@callback
def text_of(hass: HomeAssistant, key: str, **placeholders: str) -> str:
    """Return one of the common texts; nothing where there is none."""
    texts = async_get_cached_translations(hass, hass.config.language, "common", DOMAIN)
    return texts.get(f"component.{DOMAIN}.common.{key}", "").format_map(placeholders)
