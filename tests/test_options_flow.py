"""The options of an account."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import AsyncMock, patch

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fleet_upgrade.const import CONF_PUSH_ADDRESS, DOMAIN
from custom_components.fleet_upgrade.options_flow import DEFAULT_OPTIONS
from custom_components.fleet_upgrade.push_subscriptions import PushStore

from .person import fields, suggested


@pytest.fixture(autouse=True)
def set_up_entry() -> Iterator[AsyncMock]:
    """Accept each account: the form is asked for one that does not run, too."""
    with patch(
        f"custom_components.{DOMAIN}.async_setup_entry", return_value=True
    ) as set_up_entry:
        yield set_up_entry


async def form(hass: HomeAssistant, entry: MockConfigEntry) -> ConfigFlowResult:
    """Open the form."""
    result = await hass.config_entries.options.async_init(entry.entry_id)
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "init"
    return result


async def send(
    hass: HomeAssistant, result: ConfigFlowResult, **changes: Any
) -> ConfigFlowResult:
    """Send the form with the defaults, but for some answers."""
    result = await hass.config_entries.options.async_configure(
        result["flow_id"], DEFAULT_OPTIONS | changes
    )
    await hass.async_block_till_done()
    return result


@pytest.mark.parametrize("options", [{}, DEFAULT_OPTIONS])
async def test_options_are_checked_and_kept_as_whole_numbers(
    hass: HomeAssistant, entry: MockConfigEntry, options: dict[str, int]
) -> None:
    """A form with the defaults, limits that are kept, and what the user wants."""
    hass.config_entries.async_update_entry(entry, options=options)
    result = await form(hass, entry)
    assert suggested(result) == DEFAULT_OPTIONS
    for wrong in (
        {"retention_days": 0},
        {"retention_days": 366},
        {"guard_minutes": -1},
        {"guard_minutes": 1441},
        {"stall_hours": 0},
        {"stall_hours": 721},
        {"failing_share": 0},
        {"failing_share": 101},
        {"failing_minimum": 0},
        {"failing_minimum": 100_001},
    ):
        with pytest.raises(InvalidData):
            await send(hass, result, **wrong)

    wanted = {
        "retention_days": 30.0,
        "guard_minutes": 0.0,
        "stall_hours": 720.0,
        "failing_share": 100.0,
        "failing_minimum": 1.0,
        "read_only": True,
    }
    result = await send(hass, result, **wanted)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.options == wanted
    assert all(isinstance(value, int) for value in entry.options.values())


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://home.example.com:8123", "https://home.example.com:8123"),
        (" https://home.example.com:8123/ ", "https://home.example.com:8123"),
        ("https://home.example.com", "https://home.example.com:443"),
        ("HTTP://192.0.2.7:/", "http://192.0.2.7:80"),
        ("http://[2001:db8::7]", "http://[2001:db8::7]:80"),
        ("https://home.example.com/iot/", "https://home.example.com:443/iot"),
    ],
)
async def test_an_address_for_pushes_is_completed(
    hass: HomeAssistant, entry: MockConfigEntry, given: str, kept: str
) -> None:
    """The platform wants the port that others leave out."""
    result = await send(hass, await form(hass, entry), push_address=given)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.options == {**DEFAULT_OPTIONS, CONF_PUSH_ADDRESS: kept}
    assert suggested(await form(hass, entry)) == entry.options


async def test_the_full_address_is_shown_and_stays_the_same(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """A proxy has to know it; whoever copies it into the field means its beginning."""
    result = await form(hass, entry)
    state = await PushStore(hass, entry.entry_id).async_load()
    assert state is not None
    assert len(state.webhook_id) == 64
    placeholders = result["description_placeholders"] or {}
    assert placeholders["push_url"] == f"/api/webhook/{state.webhook_id}"

    full = f"https://home.example.com:8123{state.path}"
    await send(hass, result, push_address=full)
    assert entry.options[CONF_PUSH_ADDRESS] == "https://home.example.com:8123"
    result = await form(hass, entry)
    assert (result["description_placeholders"] or {})["push_url"] == full


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ("home.example.com:8123", "scheme"),
        ("https://", "host"),
        ("https://home.example.com:0", "port"),
        ("https://home.example.com:65536", "malformed"),
        ("https://home.example.com?x=1", "malformed"),
    ],
)
async def test_what_is_wrong_with_an_address_is_said_at_its_field(
    hass: HomeAssistant, entry: MockConfigEntry, given: str, rule: str
) -> None:
    """And what was entered is still there."""
    result = await send(hass, await form(hass, entry), push_address=given)
    assert result["type"] is FlowResultType.FORM
    assert result["errors"] == {CONF_PUSH_ADDRESS: f"push_address_{rule}"}
    assert suggested(result)[CONF_PUSH_ADDRESS] == given
    result = await send(hass, result, push_address="https://home.example.com:8123")
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_an_empty_address_switches_pushes_off(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """As a browser sends an empty field: not at all, or as blanks."""
    options = {CONF_PUSH_ADDRESS: "https://home.example.com:8123"}
    for empty in ({}, {CONF_PUSH_ADDRESS: " "}):
        hass.config_entries.async_update_entry(entry, options=options)
        await send(hass, await form(hass, entry), **empty)
        assert entry.options == DEFAULT_OPTIONS


async def test_no_address_is_asked_for_where_nothing_is_pushed(
    hass: HomeAssistant, tiny_entry: MockConfigEntry
) -> None:
    """A platform says what it can do; nothing is stored for one that cannot."""
    result = await form(hass, tiny_entry)
    assert CONF_PUSH_ADDRESS not in fields(result)
    await send(hass, result)
    assert tiny_entry.options == DEFAULT_OPTIONS
    assert await PushStore(hass, tiny_entry.entry_id).async_load() is None


async def test_an_account_of_an_unknown_platform_has_options_too(
    hass: HomeAssistant,
) -> None:
    """After a downgrade, say."""
    entry = MockConfigEntry(domain=DOMAIN, data={"platform": "gone"})
    entry.add_to_hass(hass)
    assert CONF_PUSH_ADDRESS not in fields(await form(hass, entry))
