"""The fields of an upgrade plan, and what the platform offers for them."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple, override

from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)
from homeassistant.util import dt as dt_util
from msgspec import structs
import voluptuous as vol

from .action_answers import collect
from .clients.model import DeviceGroup, Execution, Package, Targets, UpgradeKind
from .clients.platform import (
    Capability,
    CreateAction,
    Field,
    FieldKind,
    Platform,
    PlatformClient,
)
from .options_flow import whole_number
from .plan import Plan

CONF_PACKAGE: Final = "package"
CONF_DEVICE_GROUPS: Final = "device_groups"

LARGEST_NUMBER = 2**31 - 1

_NOT_PLANNED = {"start", "end", "repeat_daily", "purpose"}
"""Fields that a plan has no use for: it is started by hand, and for device groups."""

_NOT_IN_WAVES = {"selection"}
"""Fields by which an upgrade task may never end, and no wave after it ever begin."""

_SELECTORS: Mapping[FieldKind, Callable[[Field], object]] = {
    FieldKind.TEXT: lambda field: TextSelector(),
    FieldKind.INTEGER: lambda field: whole_number(0, LARGEST_NUMBER),
    FieldKind.BOOLEAN: lambda field: BooleanSelector(),
    FieldKind.CHOICE: lambda field: SelectSelector(
        SelectSelectorConfig(options=_choices(field), translation_key=field.key)
    ),
}


class Offer(NamedTuple):
    """What can be chosen, with how it is shown."""

    packages: list[SelectOptionDict]
    groups: list[SelectOptionDict]
    has_all_packages: bool


class _PackageSelector(SelectSelector):
    """Offers packages by name; whether one exists, the check against the platform tells.

    Where any other value can be written by hand, the frontend shows the ID of the
    package that was chosen, in which nobody would notice a wrong one. So that is
    possible only where not all packages are listed.
    """

    @override
    def __call__(self, data: Any) -> str:
        return cv.string(data)


async def async_offer(
    platform: Platform, client: PlatformClient, action: CreateAction
) -> Offer:
    """List what can be chosen; raises `PlatformError`."""
    packages, total = await collect(
        [client.list_packages(kind=_kind_of(action))],
        lambda package: package.package_id,
    )
    groups: list[DeviceGroup] = []
    if Capability.DEVICE_GROUPS in platform.capabilities:
        groups, _ = await collect(
            [client.list_device_groups()], lambda group: group.group_id
        )
    return Offer(
        [_package(each) for each in packages],
        _groups(groups),
        has_all_packages=total == len(packages),
    )


def plannable(platform: Platform) -> list[CreateAction]:
    """Return the create actions that upgrade device groups."""
    return [
        action
        for action in platform.create_actions
        if CONF_DEVICE_GROUPS in keys(action.fields)
    ]


def planned_fields(action: CreateAction, *, has_waves: bool) -> list[Field]:
    """Return the fields of a create action that a plan has, beside its groups.

    Without the other ways to choose devices and without what belongs to a window.
    """
    return [
        field
        for field in action.fields
        if field.kind in _SELECTORS
        and field.key not in _NOT_PLANNED
        and not (has_waves and field.key in _NOT_IN_WAVES)
        and field.key not in Targets.__struct_fields__
    ]


def keys(fields: Iterable[Field]) -> list[str]:
    """Return the keys of fields."""
    return [field.key for field in fields]


def _choices(field: Field) -> list[str]:
    """Return the choices that need no window."""
    return [choice for choice in field.choices if choice != Execution.CUSTOM]


def _kind_of(action: CreateAction) -> UpgradeKind:
    """Return what an action upgrades, as a request says that is never sent."""
    defaults = {
        field.key: field.default for field in action.fields if field.default is not None
    }
    example = {**defaults, CONF_PACKAGE: "any", CONF_DEVICE_GROUPS: ["any"]}
    return action.build(example, dt_util.utcnow()).kind


def filled_in(
    plan: Plan, fields: Iterable[Field], user_input: Mapping[str, Any]
) -> Plan:
    """Return a plan with what was given, without what was left empty."""
    values: dict[str, object] = {}
    for field in fields:
        value = user_input.get(field.key)
        value = value.strip() if isinstance(value, str) else value
        if value not in (None, ""):
            values[field.key] = value
    names = [name.strip() for name in user_input.get(CONF_DEVICE_GROUPS, ())]
    return structs.replace(
        plan, values=values, device_groups=tuple(dict.fromkeys(filter(None, names)))
    )


def upgrade_schema(fields: Iterable[Field], offer: Offer, package: str) -> vol.Schema:
    """Return the schema of the step; ``package`` is the ID chosen so far, or empty."""
    packages = list(offer.packages)
    if package and package not in {each["value"] for each in packages}:
        packages.append(SelectOptionDict(value=package, label=package))
    schema: dict[vol.Marker, object] = {
        vol.Required(CONF_PACKAGE): _PackageSelector(
            SelectSelectorConfig(
                options=packages,
                custom_value=not offer.has_all_packages,
                mode=SelectSelectorMode.DROPDOWN,
            )
        ),
        vol.Required(CONF_DEVICE_GROUPS): SelectSelector(
            SelectSelectorConfig(
                options=offer.groups,
                multiple=True,
                custom_value=True,
                mode=SelectSelectorMode.DROPDOWN,
            )
        ),
    }
    for field in fields:
        if field.key == CONF_PACKAGE:
            continue
        marker = (
            vol.Optional(field.key)
            if field.default is None or field.kind is FieldKind.INTEGER
            else vol.Required(field.key, default=field.default)
        )
        schema[marker] = _SELECTORS[field.kind](field)
    return vol.Schema(schema)


def _package(package: Package) -> SelectOptionDict:
    """Offer a package by all that tells it apart."""
    parts = (package.name, package.version, package.model, package.manufacturer)
    label = " · ".join(part for part in parts if part)
    return SelectOptionDict(value=package.package_id, label=label or package.package_id)


def _groups(groups: Iterable[DeviceGroup]) -> list[SelectOptionDict]:
    """Offer groups by name, those that share one by their ID."""
    groups = list(groups)
    named = Counter(group.name for group in groups)
    return [
        SelectOptionDict(value=group.name, label=_group(group))
        if named[group.name] == 1
        else SelectOptionDict(
            value=group.group_id, label=f"{_group(group)} · {group.group_id}"
        )
        for group in groups
    ]


def _group(group: DeviceGroup) -> str:
    if group.device_count is None:
        return group.name
    return f"{group.name} ({group.device_count})"
