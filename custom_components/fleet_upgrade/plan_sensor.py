"""Sensors of the upgrade plans: when one last ran, and what became of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
)
from homeassistant.core import callback
from homeassistant.helpers.typing import StateType

from .clients.model import TaskStatus
from .coordinator import FleetCoordinator
from .plan import Plan
from .plan_entity import PlanEntity


@dataclass(frozen=True, kw_only=True)
class PlanSensorDescription(SensorEntityDescription):
    """Describes a sensor of a plan; ``value_fn`` reads it."""

    value_fn: Callable[[FleetCoordinator, Plan], StateType | datetime]


def _last_status(coordinator: FleetCoordinator, plan: Plan) -> TaskStatus | None:
    """Return the status of what a plan created last, while the account keeps it."""
    task_id = coordinator.plans.last_task_id(plan.plan_id)
    task = None if task_id is None else coordinator.data.tasks.get(task_id)
    return None if task is None else task.status


PLAN_SENSORS: tuple[PlanSensorDescription, ...] = (
    PlanSensorDescription(
        key="last_status",
        translation_key="plan_last_status",
        device_class=SensorDeviceClass.ENUM,
        options=[status.value for status in TaskStatus],
        value_fn=_last_status,
    ),
    PlanSensorDescription(
        key="last_run",
        translation_key="plan_last_run",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda coordinator, plan: coordinator.plans.last_run(plan.plan_id),
    ),
)


class PlanSensor(PlanEntity, SensorEntity):
    """A sensor of an upgrade plan."""

    entity_description: PlanSensorDescription
    _was_available = True

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self._attr_native_value = self._read()
        self._was_available = self.available

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        value = self._read()
        if (value, self.available) != (self._attr_native_value, self._was_available):
            self._attr_native_value = value
            self._was_available = self.available
            self.async_write_ha_state()

    def _read(self) -> StateType | datetime:
        return self.entity_description.value_fn(self.coordinator, self.plan)
