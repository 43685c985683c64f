"""What the entities of an upgrade plan have in common."""

from collections.abc import Callable, Iterable
from typing import Final, override

from homeassistant.core import callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.entity import EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import DOMAIN
from .coordinator import FleetCoordinator
from .entity import FleetEntity, account_identifier
from .plan import Plan

WAVES: Final = "waves"
"""How the keys of the entities begin that only plans of waves have."""


def plan_identifier(plan_id: str) -> tuple[str, str]:
    """Return the identifier of a plan's device."""
    return (DOMAIN, f"plan_{plan_id}")


class PlanEntity(FleetEntity):
    """An entity of an upgrade plan; it is woken by any change of the account."""

    def __init__(
        self,
        coordinator: FleetCoordinator,
        description: EntityDescription,
        plan: Plan,
    ) -> None:
        """Describe an entity of the plan."""
        super().__init__(coordinator)
        entry = coordinator.config_entry
        self.entity_description = description
        self.plan = plan
        self._attr_unique_id = f"{plan.plan_id}_{description.key}"
        self._attr_device_info = dr.DeviceInfo(
            identifiers={plan_identifier(plan.plan_id)},
            entry_type=dr.DeviceEntryType.SERVICE,
            manufacturer=coordinator.platform.name,
            model="Upgrade plan",
            name=plan.name,
            via_device_id=dr.async_get_device_id_by_identifier(
                coordinator.hass,
                account_identifier(entry),
                config_entry_id=entry.entry_id,
            ),
        )
        self._shown: object = None

    def _look(self) -> object:
        """Return what is to be shown; it is written when it has changed."""
        return self.available

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self._shown = self._look()

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        shown = self._look()
        if shown != self._shown:
            self._shown = shown
            self.async_write_ha_state()


@callback
def add_plan_entities(
    coordinator: FleetCoordinator,
    async_add_entities: AddConfigEntryEntitiesCallback,
    entities: Callable[[Plan], Iterable[PlanEntity]],
) -> None:
    """Add the entities of each plan of an account to the plan's subentry."""
    for plan in coordinator.plans.all.values():
        async_add_entities(entities(plan), config_subentry_id=plan.plan_id)


@callback
def async_remove_wave_entities(coordinator: FleetCoordinator) -> None:
    """Remove what only plans of waves have from those that have none any more."""
    registry = er.async_get(coordinator.hass)
    unneeded = tuple(
        f"{plan.plan_id}_{WAVES}_"
        for plan in coordinator.plans.all.values()
        if not coordinator.plans.has_waves(plan)
    )
    for entity in er.async_entries_for_config_entry(
        registry, coordinator.config_entry.entry_id
    ):
        if entity.unique_id.startswith(unneeded):
            registry.async_remove(entity.entity_id)
