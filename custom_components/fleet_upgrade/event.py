"""Tells what happens to an account's upgrade tasks."""

from typing import Any, override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
import msgspec

from .account import TaskEvent, TaskEventType
from .advice import how_to_stop, text_of
from .const import TASK_EVENT_KEY
from .coordinator import FleetConfigEntry
from .entity import AccountEntity
from .plan_entity import add_plan_entities
from .plan_event import PLAN_EVENT, PlanEvent

PARALLEL_UPDATES = 0

TASK_EVENT = EventEntityDescription(
    key=TASK_EVENT_KEY,
    translation_key="upgrade_task",
    event_types=[event_type.value for event_type in TaskEventType],
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: FleetConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the event entities of the account and of its plans of waves."""
    coordinator = entry.runtime_data
    async_add_entities([UpgradeTaskEvent(coordinator, TASK_EVENT)])
    add_plan_entities(
        coordinator,
        async_add_entities,
        lambda plan: (
            [PlanEvent(coordinator, PLAN_EVENT, plan)]
            if coordinator.plans.has_waves(plan)
            else []
        ),
    )


class UpgradeTaskEvent(AccountEntity, EventEntity):
    """What happened last to an upgrade task of the account.

    It stays available: coming back would look as if its last event were new.
    """

    @property
    @override
    def available(self) -> bool:
        return True

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(self.coordinator.async_subscribe_events(self._tell))

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Write nothing: this entity's state is its last event, not the poll's."""

    @callback
    def _tell(self, event: TaskEvent) -> None:
        attributes: dict[str, Any] = {
            "task_id": event.task_id,
            "kind": event.kind.value,
            "name": event.name,
            "version": event.version,
            "target": event.target,
            "target_count": event.target_count,
            "counts": msgspec.to_builtins(event.counts),
        }
        if event.type is TaskEventType.STALLED:
            attributes["hours_without_progress"] = event.hours_without_progress
            attributes["what_to_do"] = self._what_to_do("look_stalled")
        elif event.type is TaskEventType.FAILING:
            attributes["failed_share"] = event.failed_share
            attributes["ended_devices"] = event.ended_devices
            attributes["what_to_do"] = self._what_to_do("look_failing")
        self._trigger_event(event.type.value, attributes)
        self.async_write_ha_state()

    def _what_to_do(self, look: str) -> str:
        """Say where to look, and how the platform's tasks are stopped."""
        return " ".join(
            (
                text_of(self.hass, look),
                how_to_stop(self.hass, self.coordinator.platform),
            )
        )
