"""The dashboard is offered where there is a frontend; tests/browser looks at it."""

import re

from homeassistant.components.frontend import DATA_EXTRA_MODULE_URL
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.fleet_upgrade.const import DOMAIN

from .translations import INTEGRATION, english

SCRIPT = INTEGRATION / "frontend" / "dashboard.js"


async def test_the_frontend_loads_the_dashboard(
    hass: HomeAssistant, hass_client_no_auth: ClientSessionGenerator
) -> None:
    """From an address that changes with each release."""
    assert await async_setup_component(hass, "frontend", {})
    assert await async_setup_component(hass, DOMAIN, {})
    [url] = [
        url for url in hass.data[DATA_EXTRA_MODULE_URL].urls if url.startswith("/fleet")
    ]
    assert re.fullmatch(r"/fleet_upgrade/dashboard\.js\?\d+\.\d+\.\d+", url)

    browser = await hass_client_no_auth()
    answer = await browser.get(url)
    assert await answer.text() == SCRIPT.read_text()
    assert answer.content_type == "text/javascript"


async def test_nothing_is_offered_without_a_frontend(hass: HomeAssistant) -> None:
    """A Home Assistant may have none."""
    assert await async_setup_component(hass, DOMAIN, {})
    assert DATA_EXTRA_MODULE_URL not in hass.data


def test_the_dashboard_names_things_as_the_entities_do() -> None:
    """Its own texts are looked for together with all others."""
    named = set(re.findall(r'"(entity\.[a-z_.]+)"', SCRIPT.read_text()))
    assert named
    assert named - set(english()) == set()
