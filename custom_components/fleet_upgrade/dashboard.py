"""Offers a dashboard that finds accounts, upgrade tasks and plans by itself."""

from pathlib import Path
from typing import Final

from homeassistant.components.frontend import add_extra_js_url
from homeassistant.components.http import StaticPathConfig
from homeassistant.core import HomeAssistant
from homeassistant.loader import async_get_integration

from .const import DOMAIN

URL: Final = f"/{DOMAIN}/dashboard.js"
_FILE: Final = Path(__file__).parent / "frontend" / "dashboard.js"


async def async_offer_dashboard(hass: HomeAssistant) -> None:
    """Have the frontend load the dashboard, where there is a frontend.

    The version in the address keeps browsers from using that of an earlier release.
    """
    if "frontend" not in hass.config.components:
        return
    await hass.http.async_register_static_paths([StaticPathConfig(URL, str(_FILE))])
    integration = await async_get_integration(hass, DOMAIN)
    add_extra_js_url(hass, f"{URL}?{integration.version}")
