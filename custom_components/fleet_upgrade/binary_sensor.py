"""Tells how an account is: whether its platform answers, upgrades run, and well."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import override

from homeassistant.components.binary_sensor import (
    BinarySensorDeviceClass,
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .account import Overview
from .clients.model import TaskStatus
from .coordinator import FleetConfigEntry
from .entity import AccountEntity

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class AccountBinarySensorDescription(BinarySensorEntityDescription):
    """Describes a binary sensor of an account; ``is_on_fn`` reads it."""

    is_on_fn: Callable[[Overview], bool]


ACCOUNT_BINARY_SENSORS: tuple[AccountBinarySensorDescription, ...] = (
    AccountBinarySensorDescription(
        key="upgrade_running",
        translation_key="upgrade_running",
        device_class=BinarySensorDeviceClass.RUNNING,
        is_on_fn=lambda overview: overview.tasks[TaskStatus.PROCESSING] > 0,
    ),
    AccountBinarySensorDescription(
        key="problem",
        device_class=BinarySensorDeviceClass.PROBLEM,
        is_on_fn=lambda overview: overview.stalled + overview.failing > 0,
    ),
)

CONNECTIVITY = BinarySensorEntityDescription(
    key="connectivity",
    device_class=BinarySensorDeviceClass.CONNECTIVITY,
    entity_category=EntityCategory.DIAGNOSTIC,
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: FleetConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the account's binary sensors."""
    coordinator = entry.runtime_data
    async_add_entities([ConnectivitySensor(coordinator, CONNECTIVITY)])
    async_add_entities(
        AccountBinarySensor(coordinator, description)
        for description in ACCOUNT_BINARY_SENSORS
    )


class AccountBinarySensor(AccountEntity, BinarySensorEntity):
    """A binary sensor of an account."""

    entity_description: AccountBinarySensorDescription

    @property
    @override
    def is_on(self) -> bool:
        return self.entity_description.is_on_fn(self.coordinator.data.overview)

    @override
    def _value(self) -> object:
        return self.is_on


class ConnectivitySensor(AccountEntity, BinarySensorEntity):
    """Whether the last poll of an account succeeded.

    It stays available: silence of the platform is what it is there to tell.
    """

    @property
    @override
    def available(self) -> bool:
        return True

    @property
    @override
    def is_on(self) -> bool:
        return self.coordinator.last_update_success

    @override
    def _value(self) -> object:
        return self.is_on
