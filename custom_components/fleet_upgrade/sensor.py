"""Sensors of an account and of its upgrade tasks."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import EntityCategory, UnitOfRatio
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.event import async_track_point_in_utc_time
from homeassistant.helpers.typing import StateType
from homeassistant.util import dt as dt_util

from .account import Overview
from .clients.model import TaskStatus, UpgradeTask
from .coordinator import POLL_CONTEXT, SCHEDULE_CONTEXT, FleetConfigEntry
from .entity import AccountEntity, TaskEntity
from .plan_entity import add_plan_entities
from .plan_sensor import PLAN_SENSORS, WAVE_SENSORS, PlanSensor
from .schedules import next_start

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class AccountSensorDescription(SensorEntityDescription):
    """Describes a sensor of an account."""

    state_class: SensorStateClass | None = SensorStateClass.MEASUREMENT
    value_fn: Callable[[Overview], StateType]


@dataclass(frozen=True, kw_only=True)
class TaskSensorDescription(SensorEntityDescription):
    """Describes a sensor of an upgrade task.

    Without a state class: its statistics would stay behind when the task is gone.
    """

    value_fn: Callable[[UpgradeTask], StateType | datetime]


def _progress(task: UpgradeTask) -> float | None:
    """Return how many percent of a task's devices are done."""
    if not task.counts.total or task.counts.ended is None:
        return None
    return 100 * task.counts.ended / task.counts.total


ACCOUNT_SENSORS: tuple[AccountSensorDescription, ...] = (
    AccountSensorDescription(
        key="tasks_waiting",
        translation_key="tasks_waiting",
        value_fn=lambda overview: overview.tasks[TaskStatus.WAITING],
    ),
    AccountSensorDescription(
        key="tasks_processing",
        translation_key="tasks_processing",
        value_fn=lambda overview: overview.tasks[TaskStatus.PROCESSING],
    ),
    AccountSensorDescription(
        key="tasks_succeeded",
        translation_key="tasks_succeeded",
        value_fn=lambda overview: overview.tasks[TaskStatus.SUCCEEDED],
    ),
    AccountSensorDescription(
        key="tasks_failed",
        translation_key="tasks_failed",
        value_fn=lambda overview: overview.tasks[TaskStatus.FAILED],
    ),
    AccountSensorDescription(
        key="tasks_stopped",
        translation_key="tasks_stopped",
        entity_registry_enabled_default=False,
        value_fn=lambda overview: overview.tasks[TaskStatus.STOPPED],
    ),
    AccountSensorDescription(
        key="devices_total",
        translation_key="active_devices_total",
        value_fn=lambda overview: overview.devices.total,
    ),
    AccountSensorDescription(
        key="devices_waiting",
        translation_key="active_devices_waiting",
        value_fn=lambda overview: overview.devices.waiting,
    ),
    AccountSensorDescription(
        key="devices_processing",
        translation_key="active_devices_processing",
        value_fn=lambda overview: overview.devices.processing,
    ),
    AccountSensorDescription(
        key="devices_succeeded",
        translation_key="active_devices_succeeded",
        value_fn=lambda overview: overview.devices.succeeded,
    ),
    AccountSensorDescription(
        key="devices_failed",
        translation_key="active_devices_failed",
        value_fn=lambda overview: overview.devices.failed,
    ),
    AccountSensorDescription(
        key="devices_stopped",
        translation_key="active_devices_stopped",
        entity_registry_enabled_default=False,
        value_fn=lambda overview: overview.devices.stopped,
    ),
    AccountSensorDescription(
        key="devices_timed_out",
        translation_key="active_devices_timed_out",
        entity_registry_enabled_default=False,
        value_fn=lambda overview: overview.devices.timed_out,
    ),
)

CALLS_LEFT = SensorEntityDescription(
    key="calls_left",
    translation_key="calls_left",
    entity_category=EntityCategory.DIAGNOSTIC,
    entity_registry_enabled_default=False,
    state_class=SensorStateClass.MEASUREMENT,
)

NEXT_WINDOW = SensorEntityDescription(
    key="next_window",
    translation_key="next_window",
    device_class=SensorDeviceClass.TIMESTAMP,
    entity_registry_enabled_default=False,
)

TASK_SENSORS: tuple[TaskSensorDescription, ...] = (
    TaskSensorDescription(
        key="status",
        translation_key="status",
        device_class=SensorDeviceClass.ENUM,
        options=[status.value for status in TaskStatus],
        value_fn=lambda task: task.status,
    ),
    TaskSensorDescription(
        key="progress",
        translation_key="progress",
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        suggested_display_precision=1,
        value_fn=_progress,
    ),
    TaskSensorDescription(
        key="devices_total",
        translation_key="devices_total",
        value_fn=lambda task: task.counts.total,
    ),
    TaskSensorDescription(
        key="devices_waiting",
        translation_key="devices_waiting",
        value_fn=lambda task: task.counts.waiting,
    ),
    TaskSensorDescription(
        key="devices_processing",
        translation_key="devices_processing",
        value_fn=lambda task: task.counts.processing,
    ),
    TaskSensorDescription(
        key="devices_succeeded",
        translation_key="devices_succeeded",
        value_fn=lambda task: task.counts.succeeded,
    ),
    TaskSensorDescription(
        key="devices_failed",
        translation_key="devices_failed",
        value_fn=lambda task: task.counts.failed,
    ),
    TaskSensorDescription(
        key="devices_stopped",
        translation_key="devices_stopped",
        entity_registry_enabled_default=False,
        value_fn=lambda task: task.counts.stopped,
    ),
    TaskSensorDescription(
        key="devices_timed_out",
        translation_key="devices_timed_out",
        entity_registry_enabled_default=False,
        value_fn=lambda task: task.counts.timed_out,
    ),
    TaskSensorDescription(
        key="start",
        translation_key="start",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda task: task.started,
    ),
    TaskSensorDescription(
        key="end",
        translation_key="end",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda task: task.ended,
    ),
    TaskSensorDescription(
        key="target_version",
        translation_key="target_version",
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda task: task.version,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: FleetConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the account's sensors, and those of each task as it comes."""
    coordinator = entry.runtime_data
    async_add_entities(
        AccountSensor(coordinator, description) for description in ACCOUNT_SENSORS
    )
    async_add_entities(
        [
            CallsLeftSensor(coordinator, CALLS_LEFT),
            NextWindowSensor(coordinator, NEXT_WINDOW),
        ]
    )
    add_plan_entities(
        coordinator,
        async_add_entities,
        lambda plan: [
            PlanSensor(coordinator, description, plan)
            for description in (
                *PLAN_SENSORS,
                *(WAVE_SENSORS if coordinator.plans.has_waves(plan) else ()),
            )
        ],
    )
    added: set[str] = set()

    @callback
    def add_new_tasks() -> None:
        tracked = coordinator.data.tracked
        new = [task_id for task_id in tracked if task_id not in added]
        # Those that went with their device may come again.
        added.clear()
        added.update(tracked)
        async_add_entities(
            TaskSensor(coordinator, description, coordinator.data.tasks[task_id])
            for task_id in new
            for description in TASK_SENSORS
        )

    add_new_tasks()
    entry.async_on_unload(coordinator.async_add_listener(add_new_tasks))


class AccountSensor(AccountEntity, SensorEntity):
    """A sensor of an account."""

    entity_description: AccountSensorDescription

    @property
    @override
    def native_value(self) -> StateType:
        return self.entity_description.value_fn(self.coordinator.data.overview)

    @override
    def _value(self) -> object:
        return self.native_value


class CallsLeftSensor(AccountEntity, SensorEntity):
    """How many calls the platform allowed after the last poll.

    It stays available: when all calls are used up is what it is there to tell.
    """

    woken_by = POLL_CONTEXT

    @property
    @override
    def available(self) -> bool:
        return True

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self._attr_native_value = self.coordinator.client.budget.left

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        left = self.coordinator.client.budget.left
        if left != self._attr_native_value:
            self._attr_native_value = left
            self.async_write_ha_state()


class NextWindowSensor(AccountEntity, SensorEntity):
    """When the next window of an upgrade task opens."""

    woken_by = SCHEDULE_CONTEXT
    _cancel_timer: CALLBACK_TYPE | None = None

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(self._stop_waiting)
        self._look()

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        self._look()
        self.async_write_ha_state()

    @callback
    def _look(self) -> None:
        """Find the next window, and again when that opens."""
        self._stop_waiting()
        start = next_start(self.coordinator.data.schedules, dt_util.utcnow())
        self._attr_native_value = start
        if start is not None:
            self._cancel_timer = async_track_point_in_utc_time(
                self.hass, self._pass, start
            )

    @callback
    def _pass(self, _now: datetime) -> None:
        self._cancel_timer = None
        self._handle_coordinator_update()

    @callback
    def _stop_waiting(self) -> None:
        if self._cancel_timer is not None:
            self._cancel_timer()
            self._cancel_timer = None


class TaskSensor(TaskEntity, SensorEntity):
    """A sensor of an upgrade task."""

    entity_description: TaskSensorDescription

    @property
    @override
    def native_value(self) -> StateType | datetime:
        return self.entity_description.value_fn(self.task)

    @override
    def _value(self) -> object:
        return self.native_value
