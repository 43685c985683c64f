"""What docs/automations.md promises: its automations work."""

from pathlib import Path
import re
from typing import Any

from homeassistant.components.automation.config import async_validate_config_item
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import parse_yaml
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from simulator.oceanconnect import OceanConnectSimulator

AUTOMATION = "automation"
PAGE = (Path(__file__).parents[1] / "docs" / "automations.md").read_text()
AUTOMATIONS: list[dict[str, Any]] = [
    parse_yaml(block)  # type: ignore[misc]
    for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
]


def test_there_are_three_automations() -> None:
    """One that creates, one that tells why, one that only looks."""
    assert len(AUTOMATIONS) == 3


@pytest.mark.parametrize("config", AUTOMATIONS, ids=lambda config: str(config["alias"]))
async def test_each_automation_is_valid(
    hass: HomeAssistant, config: dict[str, Any]
) -> None:
    """In the syntax of the Home Assistant that the tests run on."""
    assert await async_setup_component(hass, AUTOMATION, {})
    validated = await async_validate_config_item(hass, "docs", config)
    assert validated is not None
    assert validated.validation_error is None


@pytest.mark.parametrize(
    "config",
    [config for config in AUTOMATIONS if "time" in config["triggers"][0]["trigger"]],
    ids=lambda config: str(config["alias"]),
)
async def test_each_automation_that_creates_does_what_it_says(
    hass: HomeAssistant,
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    config: dict[str, Any],
) -> None:
    """With the account, a package and a group of the platform at hand."""
    before = len(oceanconnect.tasks())
    create = config["actions"][0]
    kind = "firmware" if "firmware" in create["action"] else "software"
    package = oceanconnect.packages(kind)[0]
    create["data"] |= {
        "config_entry_id": account.entry_id,
        "package": package.file_id,
        "device_groups": [oceanconnect.groups()[0].name],
    }
    assert await async_setup_component(
        hass, AUTOMATION, {AUTOMATION: config | {"id": "docs"}}
    )
    (entity_id,) = hass.states.async_entity_ids(AUTOMATION)
    await hass.services.async_call(
        AUTOMATION, "trigger", {"entity_id": entity_id}, blocking=True
    )
    await hass.async_block_till_done(wait_background_tasks=True)
    await hass.services.async_call(
        AUTOMATION, "turn_off", {"entity_id": entity_id}, blocking=True
    )
    is_dry_run = create["data"].get("dry_run", False)
    assert len(oceanconnect.tasks()) == before + (not is_dry_run)
