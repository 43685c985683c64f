"""Goes through the dialog of an issue as the browser does."""

from http import HTTPStatus
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.fleet_upgrade.const import DOMAIN

type Data = dict[str, Any]


async def begin_repair(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, issue_id: str
) -> Data:
    """Open the dialog of an issue, and return what it shows."""
    return await _post(hass, hass_client, "", handler=DOMAIN, issue_id=issue_id)


async def go_on_with_repair(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    shown: Data,
    **answers: Any,
) -> Data:
    """Answer what a dialog shows, and return what it shows next."""
    return await _post(hass, hass_client, f"/{shown['flow_id']}", **answers)


async def _post(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, path: str, **data: Any
) -> Data:
    assert await async_setup_component(hass, "repairs", {})
    client = await hass_client()
    response = await client.post(f"/api/repairs/issues/fix{path}", json=data)
    assert response.status == HTTPStatus.OK
    result: Data = await response.json()
    return result
