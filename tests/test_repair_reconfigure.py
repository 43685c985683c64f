"""From an issue to the form in which it is cured."""

from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import SOURCE_REAUTH, SOURCE_RECONFIGURE
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.fleet_upgrade.clients.errors import (
    AuthenticationError,
    AuthenticationProblem,
)
from custom_components.fleet_upgrade.clients.platform import CredentialNotes
from custom_components.fleet_upgrade.const import DOMAIN
from simulator.oceanconnect import OceanConnectSimulator

from .dialogs import begin_repair, go_on_with_repair
from .tiny_platform import CREDENTIALS, TinyFleet, poll, set_up


def issue_of(account: MockConfigEntry, key: str) -> str:
    """Return the ID of an issue that an account has once."""
    return f"{key}_{account.entry_id}"


def flows_of(hass: HomeAssistant, account: MockConfigEntry) -> list[str]:
    """Return the IDs of the forms of an account that wait for an answer."""
    sources = {SOURCE_RECONFIGURE, SOURCE_REAUTH}
    return [flow["flow_id"] for flow in account.async_get_active_flows(hass, sources)]


@pytest.mark.parametrize("check", ["none", "certificate"])
async def test_a_server_is_checked_again_by_way_of_the_issue(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    issue_registry: ir.IssueRegistry,
    oceanconnect: OceanConnectSimulator,
    entry: MockConfigEntry,
    check: str,
) -> None:
    """The dialog goes over into the account's own form."""
    hass.config_entries.async_update_entry(
        entry, data={**entry.data, "server_check": check}
    )
    await set_up(hass, entry)
    issue_id = issue_of(entry, "server_unchecked")
    shown = await begin_repair(hass, hass_client, issue_id)
    assert shown["type"] == "menu"
    assert shown["step_id"] == "init"
    assert shown["menu_options"] == ["reconfigure", "ignore"]
    assert shown["description_placeholders"] == {"account": entry.title}

    end = await go_on_with_repair(hass, hass_client, shown, next_step_id="reconfigure")
    assert end["type"] == "abort"
    [flow_id] = flows_of(hass, entry)
    assert end["next_flow"] == ["config_flow", flow_id]
    assert end["result"]["entry_id"] == entry.entry_id
    assert issue_registry.async_get_issue(DOMAIN, issue_id)

    result = await hass.config_entries.flow.async_configure(
        flow_id,
        {
            "host": oceanconnect.host,
            "port": oceanconnect.port,
            "app_id": oceanconnect.app_id,
            "server_check": "full",
        },
    )
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is None


async def test_a_warning_may_be_ignored(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    issue_registry: ir.IssueRegistry,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
) -> None:
    """In the same dialog; for issues with a dialog, Home Assistant has no other way."""
    fleet.notes = CredentialNotes(is_server_checked=False)
    await set_up(hass, tiny_entry)
    issue_id = issue_of(tiny_entry, "server_unchecked")
    shown = await begin_repair(hass, hass_client, issue_id)
    end = await go_on_with_repair(hass, hass_client, shown, next_step_id="ignore")
    assert (end["type"], end["reason"]) == ("abort", "ignored")
    issue = issue_registry.async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    assert issue.dismissed_version is not None


async def test_what_is_cured_meanwhile_need_not_be_ignored(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    issue_registry: ir.IssueRegistry,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
) -> None:
    """Somebody else was quicker."""
    fleet.notes = CredentialNotes(is_server_checked=False)
    await set_up(hass, tiny_entry)
    issue_id = issue_of(tiny_entry, "server_unchecked")
    shown = await begin_repair(hass, hass_client, issue_id)
    fleet.notes = CredentialNotes()
    await hass.config_entries.async_reload(tiny_entry.entry_id)
    end = await go_on_with_repair(hass, hass_client, shown, next_step_id="ignore")
    assert (end["type"], end["reason"]) == ("abort", "ignored")
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is None


async def test_an_error_is_not_to_be_ignored(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    issue_registry: ir.IssueRegistry,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Without a certificate that is valid nothing goes on."""
    soon = dt_util.utcnow() + timedelta(minutes=5)
    fleet.notes = CredentialNotes(expires=soon)
    await set_up(hass, tiny_entry)
    await poll(hass, freezer, 301)
    issue_id = issue_of(tiny_entry, "certificate_expired")
    shown = await begin_repair(hass, hass_client, issue_id)
    assert shown["menu_options"] == ["reconfigure"]
    assert shown["description_placeholders"] == {
        "account": "Fleet north",
        "date": f"{dt_util.as_local(soon):%Y-%m-%d}",
    }
    end = await go_on_with_repair(hass, hass_client, shown, next_step_id="reconfigure")
    fleet.notes = CredentialNotes(expires=soon + timedelta(days=365))
    result = await hass.config_entries.flow.async_configure(
        end["next_flow"][1], CREDENTIALS
    )
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is None


async def test_a_form_that_is_open_already_is_gone_on_with(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Home Assistant asks for new credentials at the same time."""
    fleet.notes = CredentialNotes(is_server_checked=False)
    await set_up(hass, tiny_entry)
    fleet.error = AuthenticationError(AuthenticationProblem.CREDENTIALS)
    await poll(hass, freezer, 301)
    [flow_id] = flows_of(hass, tiny_entry)
    shown = await begin_repair(
        hass, hass_client, issue_of(tiny_entry, "server_unchecked")
    )
    end = await go_on_with_repair(hass, hass_client, shown, next_step_id="reconfigure")
    assert end["next_flow"] == ["config_flow", flow_id]
    assert flows_of(hass, tiny_entry) == [flow_id]


@pytest.mark.parametrize("answers", [None, CREDENTIALS], ids=["left", "filled in"])
async def test_a_form_that_is_left_is_forgotten(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    answers: dict[str, Any] | None,
) -> None:
    """Otherwise Home Assistant would never ask for credentials again."""
    fleet.notes = CredentialNotes(is_server_checked=False)
    await set_up(hass, tiny_entry)
    shown = await begin_repair(
        hass, hass_client, issue_of(tiny_entry, "server_unchecked")
    )
    end = await go_on_with_repair(hass, hass_client, shown, next_step_id="reconfigure")
    await poll(hass, freezer, 3500)
    assert flows_of(hass, tiny_entry) == [end["next_flow"][1]]
    if answers:
        await hass.config_entries.flow.async_configure(end["next_flow"][1], answers)
    await poll(hass, freezer, 101)
    assert flows_of(hass, tiny_entry) == []

    fleet.error = AuthenticationError(AuthenticationProblem.CREDENTIALS)
    await poll(hass, freezer, 301)
    assert len(flows_of(hass, tiny_entry)) == 1


async def test_an_account_removed_meanwhile_has_no_form(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
) -> None:
    """Nor anything to be cured."""
    fleet.notes = CredentialNotes(is_server_checked=False)
    await set_up(hass, tiny_entry)
    shown = await begin_repair(
        hass, hass_client, issue_of(tiny_entry, "server_unchecked")
    )
    await hass.config_entries.async_remove(tiny_entry.entry_id)
    end = await go_on_with_repair(hass, hass_client, shown, next_step_id="reconfigure")
    assert (end["type"], end["reason"]) == ("abort", "account_removed")
