"""Sensors of the upgrade plans: what one created last, and how its waves go."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
)
from homeassistant.const import UnitOfRatio
from homeassistant.helpers.typing import StateType

from .clients.model import TaskStatus
from .coordinator import FleetCoordinator
from .plan import Plan
from .plan_entity import WAVES, PlanEntity
from .waves import Phase


@dataclass(frozen=True, kw_only=True)
class PlanSensorDescription(SensorEntityDescription):
    """Describes a sensor of a plan; ``value_fn`` reads it."""

    value_fn: Callable[[FleetCoordinator, Plan], StateType | datetime]
    attributes_fn: Callable[[FleetCoordinator, Plan], dict[str, Any]] = (
        lambda _coordinator, _plan: {}
    )


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


NOT_STARTED: Final = "not_started"


def _state(coordinator: FleetCoordinator, plan: Plan) -> str:
    """Return where the last run of a plan is."""
    run = coordinator.plans.waves.runs.get(plan.plan_id)
    return NOT_STARTED if run is None else run.phase


def _wave(coordinator: FleetCoordinator, plan: Plan) -> int | None:
    """Return the wave that the last run of a plan has come to, from 1."""
    run = coordinator.plans.waves.runs.get(plan.plan_id)
    return None if run is None else run.wave + 1


def _waves(coordinator: FleetCoordinator, plan: Plan) -> int:
    """Return how many waves the last run of a plan has, or the next one would."""
    run = coordinator.plans.waves.runs.get(plan.plan_id)
    return len(plan.waves if run is None else run.targets)


def _share_succeeded(coordinator: FleetCoordinator, plan: Plan) -> float | None:
    """Return the share of the present wave, as far as it has ended."""
    run = coordinator.plans.waves.runs.get(plan.plan_id)
    return None if run is None else coordinator.plans.share_succeeded(run, run.wave)


WAVE_SENSORS: tuple[PlanSensorDescription, ...] = (
    PlanSensorDescription(
        key=f"{WAVES}_state",
        translation_key="plan_state",
        device_class=SensorDeviceClass.ENUM,
        options=[NOT_STARTED, *(phase.value for phase in Phase)],
        value_fn=_state,
        attributes_fn=lambda coordinator, plan: {
            "held_up_by": coordinator.plans.waves.held_up_by(plan.plan_id)
        },
    ),
    PlanSensorDescription(
        key=f"{WAVES}_wave",
        translation_key="plan_wave",
        value_fn=_wave,
        attributes_fn=lambda coordinator, plan: {"waves": _waves(coordinator, plan)},
    ),
    PlanSensorDescription(
        key=f"{WAVES}_share_succeeded",
        translation_key="plan_share_succeeded",
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        suggested_display_precision=1,
        value_fn=_share_succeeded,
    ),
)


class PlanSensor(PlanEntity, SensorEntity):
    """A sensor of an upgrade plan."""

    entity_description: PlanSensorDescription

    @property
    @override
    def native_value(self) -> StateType | datetime:
        return self.entity_description.value_fn(self.coordinator, self.plan)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        return self.entity_description.attributes_fn(self.coordinator, self.plan)

    @override
    def _look(self) -> object:
        return self.available, self.native_value, self.extra_state_attributes
