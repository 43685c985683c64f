"""Buttons that start the upgrade plans of an account."""

from typing import override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import Unauthorized
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .askers import DATA_ASKERS
from .coordinator import FleetConfigEntry
from .failures import translated_failures
from .plan_entity import PlanEntity, add_plan_entities

PARALLEL_UPDATES = 0

START = ButtonEntityDescription(key="start", translation_key="start_plan")


async def async_setup_entry(
    hass: HomeAssistant,
    entry: FleetConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the buttons of the account's plans."""
    coordinator = entry.runtime_data
    add_plan_entities(
        coordinator,
        async_add_entities,
        lambda plan: [StartButton(coordinator, START, plan)],
    )


class StartButton(PlanEntity, ButtonEntity):
    """Starts an upgrade plan, for those who may also call the create actions."""

    @property
    @override
    def available(self) -> bool:
        """Be there whatever the last poll said.

        Home Assistant leaves out a button that is not, without telling the automation
        that presses it.
        """
        return True

    @override
    async def async_press(self) -> None:
        context = self._context or Context()
        await _require_admin(self.hass, context, self.entity_id)
        coordinator = self.coordinator
        with translated_failures(self.hass, coordinator.config_entry):
            await coordinator.plans.async_start(
                self.plan.plan_id, self.hass.data[DATA_ASKERS].asker_of(context)
            )


async def _require_admin(hass: HomeAssistant, context: Context, entity_id: str) -> None:
    """Refuse a person who is no administrator, as the create actions do.

    Home Assistant itself lets everybody press a button.
    """
    if context.user_id is None:
        return
    user = await hass.auth.async_get_user(context.user_id)
    if user is None or not user.is_admin:
        raise Unauthorized(context=context, entity_id=entity_id)
