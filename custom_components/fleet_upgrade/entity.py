"""What the entities of an account and of its upgrade tasks have in common."""

from typing import ClassVar, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.entity import EntityDescription
from homeassistant.helpers.update_coordinator import CoordinatorEntity
from homeassistant.util import dt as dt_util

from .clients.model import UpgradeKind, UpgradeTask
from .const import DOMAIN
from .coordinator import ACCOUNT_CONTEXT, FleetCoordinator

MODELS = {
    UpgradeKind.FIRMWARE: "Firmware upgrade",
    UpgradeKind.SOFTWARE: "Software upgrade",
}


def account_identifier(entry: ConfigEntry) -> tuple[str, str]:
    """Return the identifier of an account's device."""
    return (DOMAIN, entry.entry_id)


def task_identifier(entry: ConfigEntry, task_id: str) -> tuple[str, str]:
    """Return the identifier of an upgrade task's device."""
    return (DOMAIN, f"{entry.entry_id}_{task_id}")


def task_id_of(entry: ConfigEntry, device: dr.AnyDeviceEntry) -> str | None:
    """Return the ID of the upgrade task that a device stands for.

    ``None`` for any other device, that of the account included.
    """
    prefix = f"{entry.entry_id}_"
    for domain, identifier in device.identifiers:
        if domain == DOMAIN and identifier.startswith(prefix):
            return identifier.removeprefix(prefix)
    return None


@callback
def async_remove_untracked_devices(coordinator: FleetCoordinator) -> None:
    """Remove the devices of tasks that have none any more, with their entities."""
    entry = coordinator.config_entry
    registry = dr.async_get(coordinator.hass)
    for device in dr.async_entries_for_config_entry(registry, entry.entry_id):
        task_id = task_id_of(entry, device)
        if task_id is not None and task_id not in coordinator.data.tracked:
            registry.async_remove_device(device.id)


class FleetEntity(CoordinatorEntity[FleetCoordinator]):
    """An entity of Fleet Upgrade."""

    _attr_has_entity_name = True
    _written: object = None

    def _value(self) -> object:
        """Return all that the state shows; by default something else each time."""
        return object()

    def _to_write(self) -> object:
        return (self._value(),) if self.available else ()

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self._written = self._to_write()

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Write the state if it is another one: one change wakes all that it may show."""
        written = self._to_write()
        if written != self._written:
            self._written = written
            super()._handle_coordinator_update()


class AccountEntity(FleetEntity):
    """An entity of an account."""

    woken_by: ClassVar[object] = ACCOUNT_CONTEXT

    def __init__(
        self, coordinator: FleetCoordinator, description: EntityDescription
    ) -> None:
        """Describe an entity of the account."""
        super().__init__(coordinator, self.woken_by)
        entry = coordinator.config_entry
        self.entity_description = description
        self._attr_unique_id = f"{entry.entry_id}_{description.key}"
        self._attr_device_info = dr.DeviceInfo(identifiers={account_identifier(entry)})


class TaskEntity(FleetEntity):
    """An entity of an upgrade task."""

    def __init__(
        self,
        coordinator: FleetCoordinator,
        description: EntityDescription,
        task: UpgradeTask,
    ) -> None:
        """Describe an entity of the task."""
        super().__init__(coordinator, task.task_id)
        entry = coordinator.config_entry
        self.entity_description = description
        self.task_id = task.task_id
        self._attr_unique_id = f"{entry.entry_id}_{task.task_id}_{description.key}"
        self._attr_device_info = dr.DeviceInfo(
            identifiers={task_identifier(entry, task.task_id)},
            entry_type=dr.DeviceEntryType.SERVICE,
            manufacturer=coordinator.platform.name,
            model=MODELS[task.kind],
            translation_key=f"{task.kind}_task",
            translation_placeholders={"task": label(task)},
            via_device_id=dr.async_get_device_id_by_identifier(
                coordinator.hass,
                account_identifier(entry),
                config_entry_id=entry.entry_id,
            ),
        )

    @property
    @override
    def available(self) -> bool:
        return super().available and self.task_id in self.coordinator.data.tasks

    @property
    def task(self) -> UpgradeTask:
        """The task as last read."""
        return self.coordinator.data.tasks[self.task_id]


def label(task: UpgradeTask) -> str:
    """Return what tells a task apart for a person.

    Version, its own name or else its target, and local time. No ID of a device:
    names stand in the log, and such an ID tells a person little.
    """
    created = dt_util.as_local(task.created) if task.created else None
    target = None if task.targets.devices else task.targets.first
    parts = (
        task.version,
        task.name or target,
        created.strftime("%Y-%m-%d %H:%M") if created else None,
    )
    return " ".join(part for part in parts if part) or task.task_id
