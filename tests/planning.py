"""Someone who makes upgrade plans and starts them."""

from typing import Any

from homeassistant.components.button.const import DOMAIN as BUTTON, SERVICE_PRESS
from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    SOURCE_USER,
    ConfigEntry,
    SubentryFlowContext,
    SubentryFlowResult,
)
from homeassistant.core import Context, HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr, entity_registry as er

from custom_components.fleet_upgrade.const import SUBENTRY_PLAN
from custom_components.fleet_upgrade.plan_entity import plan_identifier

type Data = dict[str, Any]


async def open_form(
    hass: HomeAssistant, account: ConfigEntry, plan_id: str | None = None
) -> SubentryFlowResult:
    """Open the form of a new plan, or of one that there is."""
    context = SubentryFlowContext(source=SOURCE_USER)
    if plan_id is not None:
        context = SubentryFlowContext(source=SOURCE_RECONFIGURE, subentry_id=plan_id)
    form = await hass.config_entries.subentries.async_init(
        (account.entry_id, SUBENTRY_PLAN), context=context
    )
    assert form["type"] is FlowResultType.FORM
    assert form["step_id"] == "user"
    return form


async def fill_in(
    hass: HomeAssistant, form: SubentryFlowResult, **answers: Any
) -> SubentryFlowResult:
    """Send what a form asks for, and let happen what follows from it."""
    result = await hass.config_entries.subentries.async_configure(
        form["flow_id"], answers
    )
    await hass.async_block_till_done(wait_background_tasks=True)
    return result


async def add_plan(
    hass: HomeAssistant,
    account: ConfigEntry,
    upgrade: Data,
    **first: Any,
) -> str:
    """Add a plan by the form and return its ID."""
    before = set(account.subentries)
    form = await open_form(hass, account)
    form = await fill_in(hass, form, **{"name": "Nightly meters", **first})
    assert form["step_id"] == "upgrade"
    result = await fill_in(hass, form, **upgrade)
    assert result["type"] is FlowResultType.CREATE_ENTRY, result
    [plan_id] = set(account.subentries) - before
    return plan_id


def entities_of(hass: HomeAssistant, account: ConfigEntry, plan_id: str) -> Data:
    """Return the IDs of the entities of a plan's device, by what they are."""
    device = dr.async_get(hass).async_get_device_by_identifier(
        plan_identifier(plan_id), account.entry_id
    )
    if device is None:
        return {}
    return {
        str(entity.translation_key): entity.entity_id
        for entity in er.async_entries_for_device(er.async_get(hass), device.id)
    }


def shown(hass: HomeAssistant, account: ConfigEntry, plan_id: str, what: str) -> str:
    """Return the state of an entity of a plan."""
    state = hass.states.get(entities_of(hass, account, plan_id)[what])
    assert state is not None
    return state.state


async def press(
    hass: HomeAssistant,
    account: ConfigEntry,
    plan_id: str,
    button: str = "start_plan",
    *,
    context: Context | None = None,
) -> None:
    """Press a button of a plan, the one that starts it unless told otherwise."""
    try:
        await hass.services.async_call(
            BUTTON,
            SERVICE_PRESS,
            {"entity_id": entities_of(hass, account, plan_id)[button]},
            blocking=True,
            context=context,
        )
    finally:
        await hass.async_block_till_done(wait_background_tasks=True)
