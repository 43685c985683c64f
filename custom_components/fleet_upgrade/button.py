"""Buttons of the upgrade plans of an account."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import Unauthorized
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .askers import DATA_ASKERS, Asker
from .coordinator import FleetConfigEntry
from .failures import translated_failures
from .plan import Plan
from .plan_entity import WAVES, PlanEntity, add_plan_entities
from .plans import Plans

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class PlanButtonDescription(ButtonEntityDescription):
    """Describes a button of a plan; ``press_fn`` does what it is for."""

    press_fn: Callable[[Plans, Plan, Asker], Awaitable[None]]


START = PlanButtonDescription(
    key="start",
    translation_key="start_plan",
    press_fn=lambda plans, plan, asker: plans.async_start(plan.plan_id, asker),
)

WAVE_BUTTONS: tuple[PlanButtonDescription, ...] = (
    PlanButtonDescription(
        key=f"{WAVES}_approve",
        translation_key="approve_wave",
        press_fn=lambda plans, plan, asker: plans.waves.async_approve(plan, asker),
    ),
    PlanButtonDescription(
        key=f"{WAVES}_stop",
        translation_key="stop_plan",
        press_fn=lambda plans, plan, asker: plans.waves.async_stop(plan, asker),
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: FleetConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the buttons of the account's plans."""
    coordinator = entry.runtime_data

    def buttons(plan: Plan) -> list[PlanButton]:
        waves = WAVE_BUTTONS if coordinator.plans.has_waves(plan) else ()
        return [
            PlanButton(coordinator, description, plan)
            for description in (START, *waves)
        ]

    add_plan_entities(coordinator, async_add_entities, buttons)


class PlanButton(PlanEntity, ButtonEntity):
    """A button of an upgrade plan, for those who may also call the create actions."""

    entity_description: PlanButtonDescription

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
        asker = self.hass.data[DATA_ASKERS].asker_of(context)
        with translated_failures(self.hass, self.coordinator.config_entry):
            await self.entity_description.press_fn(
                self.coordinator.plans, self.plan, asker
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
