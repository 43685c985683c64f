"""Plans of waves on the tiny platform."""

from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.core import HomeAssistant

from custom_components.fleet_upgrade.clients.model import (
    CreateRequest,
    Targets,
    UpgradeKind,
)
from custom_components.fleet_upgrade.clients.platform import (
    Capability,
    CreateAction,
    Field,
    FieldKind,
    Platform,
    Values,
)
from custom_components.fleet_upgrade.const import SUBENTRY_PLAN
from custom_components.fleet_upgrade.plan import Plan, stored_plan

from .tiny_platform import TinyFleet

CREATE_FIRMWARE = "create_firmware_upgrade_task"


def with_plans(fleet: TinyFleet, *capabilities: Capability) -> Platform:
    """Return the tiny platform with an action that plans can use."""
    return replace(
        fleet.as_platform(),
        create_actions=(
            CreateAction(
                name=CREATE_FIRMWARE,
                fields=(
                    Field(key="package", required=True),
                    Field(key="device_groups", kind=FieldKind.TEXTS),
                    Field(key="devices", kind=FieldKind.TEXTS),
                ),
                build=_build,
            ),
        ),
        capabilities=frozenset(capabilities),
    )


def _build(values: Values, now: datetime) -> CreateRequest:
    return CreateRequest(
        kind=UpgradeKind.FIRMWARE,
        package_id=values["package"],
        targets=Targets(
            device_groups=tuple(values.get("device_groups", ())),
            devices=tuple(values.get("devices", ())),
        ),
    )


def put_plan(hass: HomeAssistant, account: ConfigEntry, plan: Plan) -> None:
    """Let an account have a plan."""
    hass.config_entries.async_add_subentry(
        account,
        ConfigSubentry(
            data=MappingProxyType(stored_plan(plan)),
            subentry_id=plan.plan_id,
            subentry_type=SUBENTRY_PLAN,
            title=plan.name,
            unique_id=None,
        ),
    )
