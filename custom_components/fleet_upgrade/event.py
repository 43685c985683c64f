"""Tells what happens to an account's upgrade tasks."""

from typing import override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
import msgspec

from .account import TaskEvent, TaskEventType
from .const import TASK_EVENT_KEY
from .coordinator import FleetConfigEntry
from .entity import AccountEntity

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
    """Set up the account's event entity."""
    async_add_entities([UpgradeTaskEvent(entry.runtime_data, TASK_EVENT)])


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
        self._trigger_event(
            event.type.value,
            {
                "task_id": event.task_id,
                "kind": event.kind.value,
                "version": event.version,
                "target": event.target,
                "target_count": event.target_count,
                "counts": msgspec.to_builtins(event.counts),
            },
        )
        self.async_write_ha_state()
