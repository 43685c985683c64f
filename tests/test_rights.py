"""Who may create upgrades, as docs/architecture.md says it."""

from homeassistant.auth.models import User
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import Unauthorized, UnknownUser
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.fleet_upgrade.const import DOMAIN
from simulator.oceanconnect import OceanConnectSimulator

CREATE = "create_firmware_upgrade_task"


@pytest.fixture(autouse=True)
async def ways(
    hass: HomeAssistant, account: MockConfigEntry, oceanconnect: OceanConnectSimulator
) -> None:
    """Set up an automation and two scripts: one creates, one starts the automation."""
    create = {
        "action": f"{DOMAIN}.{CREATE}",
        "data": {
            "config_entry_id": account.entry_id,
            "package": oceanconnect.packages("firmware")[0].file_id,
            "device_groups": [oceanconnect.groups()[0].name],
        },
    }
    assert await async_setup_component(
        hass,
        "automation",
        {
            "automation": [
                {
                    "alias": "Create",
                    "triggers": {"trigger": "event", "event_type": "night"},
                    "actions": create,
                },
                {
                    "alias": "Start script",
                    "triggers": {"trigger": "event", "event_type": "evening"},
                    "actions": {"action": "script.create"},
                },
            ]
        },
    )
    assert await async_setup_component(
        hass, "script", {"script": {"create": {"sequence": [create]}}}
    )


@pytest.fixture
def tasks_before(oceanconnect: OceanConnectSimulator) -> int:
    """Return how many tasks there are before anybody creates one."""
    return len(oceanconnect.tasks())


async def call(hass: HomeAssistant, name: str, user: User, **data: str) -> None:
    """Call an action as a user does from a dashboard."""
    domain, _, action = name.partition(".")
    await hass.services.async_call(
        domain, action, data, blocking=True, context=Context(user_id=user.id)
    )
    await hass.async_block_till_done(wait_background_tasks=True)


@pytest.mark.parametrize("way", ["automation.create", "automation.start_script"])
async def test_an_automation_creates_for_whoever_triggers_it(
    hass: HomeAssistant,
    hass_read_only_user: User,
    oceanconnect: OceanConnectSimulator,
    tasks_before: int,
    way: str,
) -> None:
    """Its calls name no user: it has the rights of its author."""
    hass_read_only_user.mock_policy({"entities": True})  # type: ignore[attr-defined]
    await call(hass, "automation.trigger", hass_read_only_user, entity_id=way)
    assert len(oceanconnect.tasks()) == tasks_before + 1


async def test_a_script_that_a_person_starts_creates_for_administrators_only(
    hass: HomeAssistant,
    hass_admin_user: MockUser,
    hass_read_only_user: User,
    oceanconnect: OceanConnectSimulator,
    tasks_before: int,
) -> None:
    """Its calls name the person."""
    with pytest.raises(Unauthorized):
        await call(hass, "script.create", hass_read_only_user)
    assert len(oceanconnect.tasks()) == tasks_before
    await call(hass, "script.create", hass_admin_user)
    assert len(oceanconnect.tasks()) == tasks_before + 1


async def test_a_user_who_was_deleted_creates_nothing(
    hass: HomeAssistant,
    hass_admin_user: MockUser,
    oceanconnect: OceanConnectSimulator,
    tasks_before: int,
) -> None:
    """A token may outlive its user by a moment."""
    await hass.auth.async_remove_user(hass_admin_user)
    with pytest.raises(UnknownUser):
        await call(hass, "script.create", hass_admin_user)
    assert len(oceanconnect.tasks()) == tasks_before
