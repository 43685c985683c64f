"""What an action is about: an account, or one of its upgrade tasks."""

from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fleet_upgrade.entity import account_identifier, task_identifier
from simulator.oceanconnect import OceanConnectSimulator

from .actions import act


@pytest.fixture
async def task_id(
    hass: HomeAssistant, account: MockConfigEntry, oceanconnect: OceanConnectSimulator
) -> str:
    """Return the ID of an upgrade task that the account has found."""
    task_id = oceanconnect.add_task(status="processing")
    await account.runtime_data.async_refresh()
    await hass.async_block_till_done()
    return task_id


@pytest.fixture
def device_id(hass: HomeAssistant, account: MockConfigEntry, task_id: str) -> str:
    """Return the ID of the upgrade task's device."""
    return device_of(hass, account, task_identifier(account, task_id))


def device_of(
    hass: HomeAssistant, account: MockConfigEntry, identifier: tuple[str, str]
) -> str:
    """Return the ID of a device of the account."""
    return dr.async_get_device_id_by_identifier(
        hass, identifier, config_entry_id=account.entry_id
    )


async def refused(hass: HomeAssistant, **data: Any) -> ServiceValidationError:
    """Return why the named upgrade task is refused."""
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, "get_upgrade_task", **data)
    return raised.value


async def test_a_task_is_named_by_its_device(
    hass: HomeAssistant, task_id: str, device_id: str
) -> None:
    """The device says which account it is."""
    answer = await act(hass, "get_upgrade_task", device_id=device_id)
    assert answer["task"]["task_id"] == task_id


async def test_a_task_is_named_by_account_and_id(
    hass: HomeAssistant, account: MockConfigEntry, oceanconnect: OceanConnectSimulator
) -> None:
    """Also one that has no device."""
    task_id = oceanconnect.add_task()
    answer = await act(
        hass,
        "get_upgrade_task",
        config_entry_id=account.entry_id,
        task_id=f" {task_id} ",
    )
    assert answer["task"]["task_id"] == task_id


async def test_a_task_has_to_be_named_in_one_way(
    hass: HomeAssistant,
    account: MockConfigEntry,
    task_id: str,
    device_id: str,
    oceanconnect: OceanConnectSimulator,
) -> None:
    """Two names could be those of two tasks; none and half a name are none."""
    by_device = {"device_id": device_id}
    by_account = {"config_entry_id": account.entry_id}
    by_id = {"task_id": task_id}
    calls = len(oceanconnect.calls)
    for given in (
        by_device | by_account | by_id,
        by_device | by_id,
        by_device | by_account,
    ):
        assert (await refused(hass, **given)).translation_key == "task_named_twice"
    for given in ({}, by_account, by_id):
        assert (await refused(hass, **given)).translation_key == "task_not_named"
    assert len(oceanconnect.calls) == calls


async def test_the_device_has_to_be_that_of_a_task(
    hass: HomeAssistant, account: MockConfigEntry
) -> None:
    """That of an account has many tasks."""
    device_id = device_of(hass, account, account_identifier(account))
    err = await refused(hass, device_id=device_id)
    assert err.translation_key == "not_a_task_device"
    assert account.title in str(err)


async def test_a_device_of_something_else_is_refused(
    hass: HomeAssistant,
    account: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
) -> None:
    """As is one that does not exist."""
    other = MockConfigEntry(domain="other")
    other.add_to_hass(hass)
    device = device_registry.async_get_or_create(
        config_entry_id=other.entry_id, identifiers={("other", "lamp")}
    )
    for device_id, key in (
        (device.id, "service_device_wrong_domain"),
        ("no such device", "service_device_not_found"),
    ):
        assert (await refused(hass, device_id=device_id)).translation_key == key


async def test_the_account_has_to_be_loaded(
    hass: HomeAssistant, account: MockConfigEntry, device_id: str
) -> None:
    """Whichever way it is named."""
    assert await hass.config_entries.async_unload(account.entry_id)
    assert account.state is ConfigEntryState.NOT_LOADED
    for given in (
        {"device_id": device_id},
        {"config_entry_id": account.entry_id, "task_id": "task-1"},
    ):
        err = await refused(hass, **given)
        assert err.translation_key == "service_config_entry_not_loaded"


async def test_the_account_has_to_be_one_of_ours(
    hass: HomeAssistant, account: MockConfigEntry
) -> None:
    """Other integrations have config entries as well."""
    other = MockConfigEntry(domain="other")
    other.add_to_hass(hass)
    for entry_id, key in (
        (other.entry_id, "service_config_entry_wrong_domain"),
        ("no such account", "service_config_entry_not_found"),
    ):
        err = await refused(hass, config_entry_id=entry_id, task_id="task-1")
        assert err.translation_key == key
