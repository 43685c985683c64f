"""Adds upgrade plans to an account and changes them, from what the platform lists."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple, override

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntryState,
    ConfigSubentryFlow,
    SubentryFlowResult,
)
from homeassistant.const import CONF_NAME
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
import msgspec
from msgspec import structs
import voluptuous as vol

from .action_answers import collect
from .clients.errors import InvalidFieldError, PlatformError
from .clients.model import DeviceGroup, Execution, Package, Targets, UpgradeKind
from .clients.platform import Capability, CreateAction, Field, FieldKind, Platform
from .clients.registry import PLATFORMS
from .const import CONF_PLATFORM, LOGGER, SUBENTRY_PLAN
from .coordinator import FleetConfigEntry
from .failures import message_of
from .options_flow import whole_number
from .plan import Plan, plan_of, stored_plan
from .plans import async_prepare, create_action, plan_request

CONF_ACTION: Final = "action"
CONF_PACKAGE: Final = "package"
CONF_DEVICE_GROUPS: Final = "device_groups"

LARGEST_NUMBER = 2**31 - 1

_NOT_PLANNED = {"start", "end", "repeat_daily", "purpose"}
"""Fields that a plan has no use for: it is started by hand, and for device groups."""

_SELECTORS: Mapping[FieldKind, Callable[[Field], object]] = {
    FieldKind.TEXT: lambda field: TextSelector(),
    FieldKind.INTEGER: lambda field: whole_number(0, LARGEST_NUMBER),
    FieldKind.BOOLEAN: lambda field: BooleanSelector(),
    FieldKind.CHOICE: lambda field: SelectSelector(
        SelectSelectorConfig(options=_choices(field), translation_key=field.key)
    ),
}


class _Offer(NamedTuple):
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


class PlanFlow(ConfigSubentryFlow):
    """Adds an upgrade plan, or changes one.

    What cannot be listed can be written by hand, so that a plan can be changed while
    the platform does not answer.
    """

    _offer: _Offer | None = None
    _plan: Plan
    """As far as it has been filled in."""

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Begin with what is stored; what cannot be understood is asked for anew."""
        subentry = self._get_reconfigure_subentry()
        empty = self._empty(subentry.title)
        try:
            self._plan = plan_of(subentry.subentry_id, subentry.title, subentry.data)
            create_action(self._platform, self._plan.action)
        except (msgspec.ValidationError, InvalidFieldError) as err:
            LOGGER.debug("The stored plan is not used: %s", err)
            self._plan = empty
        return await self.async_step_user()

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for the name and, where there is a choice, for what is upgraded."""
        if not hasattr(self, "_plan"):
            self._plan = self._empty("")
        errors: dict[str, str] = {}
        actions = [action.name for action in plannable(self._platform)]
        if user_input is not None:
            name: str = user_input[CONF_NAME].strip()
            action = user_input.get(CONF_ACTION, actions[0])
            if not name:
                errors[CONF_NAME] = "name_missing"
            elif name.casefold() in self._other_names():
                errors[CONF_NAME] = "name_taken"
            else:
                if action != self._plan.action:
                    self._offer = None
                self._plan = structs.replace(self._plan, name=name, action=action)
                return await self.async_step_upgrade()
        schema: dict[vol.Marker, object] = {vol.Required(CONF_NAME): TextSelector()}
        if len(actions) > 1:
            schema[vol.Required(CONF_ACTION)] = SelectSelector(
                SelectSelectorConfig(
                    options=actions,
                    translation_key="plan_action",
                    mode=SelectSelectorMode.LIST,
                )
            )
        shown = user_input or {
            CONF_NAME: self._plan.name,
            CONF_ACTION: self._plan.action,
        }
        return self.async_show_form(
            step_id="user",
            data_schema=self.add_suggested_values_to_schema(vol.Schema(schema), shown),
            errors=errors,
        )

    async def async_step_upgrade(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask what is installed where, and how, until the platform would take it."""
        errors: dict[str, str] = {}
        placeholders = {"plan": self._plan.name}
        fields = planned_fields(create_action(self._platform, self._plan.action))
        if user_input is not None:
            plan = _filled_in(self._plan, fields, user_input)
            try:
                await self._async_check(plan)
            except InvalidFieldError as err:
                is_shown = err.field in (CONF_DEVICE_GROUPS, *_keys(fields))
                errors[err.field if is_shown else "base"] = "refused"
                placeholders["refusal"] = message_of(self.hass, err)
            else:
                return self._async_store(plan)
        shown = user_input or {
            # Without this the frontend would choose the first one by itself.
            CONF_PACKAGE: "",
            CONF_DEVICE_GROUPS: list(self._plan.device_groups),
            **{
                field.key: field.default
                for field in fields
                if field.default is not None
            },
            **self._plan.values,
        }
        if self._entry.state is not ConfigEntryState.LOADED:
            errors.setdefault("base", "account_not_loaded")
        else:
            try:
                self._offer = self._offer or await self._async_offer()
            except PlatformError as err:
                errors.setdefault("base", "lists_unread")
                placeholders["reason"] = message_of(self.hass, err)
        return self.async_show_form(
            step_id="upgrade",
            data_schema=self.add_suggested_values_to_schema(
                _upgrade_schema(
                    fields,
                    self._offer or _Offer([], [], False),
                    str(shown[CONF_PACKAGE]),
                ),
                shown,
            ),
            errors=errors,
            description_placeholders=placeholders,
        )

    def _async_store(self, plan: Plan) -> SubentryFlowResult:
        """Store the plan; the account is then loaded anew, by itself."""
        if self.source == SOURCE_RECONFIGURE:
            return self.async_update_and_abort(
                self._entry,
                self._get_reconfigure_subentry(),
                title=plan.name,
                data=stored_plan(plan),
            )
        return self.async_create_entry(title=plan.name, data=stored_plan(plan))

    @property
    def _entry(self) -> FleetConfigEntry:
        return self._get_entry()

    @property
    def _platform(self) -> Platform:
        return PLATFORMS[self._entry.data[CONF_PLATFORM]]

    def _empty(self, name: str) -> Plan:
        """Return a plan in which nothing has been filled in."""
        return Plan(
            plan_id="",
            name=name,
            action=plannable(self._platform)[0].name,
            values={},
            device_groups=(),
        )

    def _other_names(self) -> set[str]:
        """Return the names of the account's other plans, in small letters."""
        own = (
            self._reconfigure_subentry_id if self.source == SOURCE_RECONFIGURE else None
        )
        return {
            subentry.title.casefold()
            for subentry in self._entry.get_subentries_of_type(SUBENTRY_PLAN)
            if subentry.subentry_id != own
        }

    async def _async_check(self, plan: Plan) -> None:
        """Raise `InvalidFieldError` for what the platform would refuse.

        What the platform cannot be asked for now is checked when the plan is started.
        """
        plan_request(self._platform, plan)
        if self._entry.state is not ConfigEntryState.LOADED:
            return
        try:
            await async_prepare(self._platform, self._entry.runtime_data.client, plan)
        except InvalidFieldError:
            raise
        except PlatformError as err:
            LOGGER.debug("The plan is not checked on the platform: %s", err)

    async def _async_offer(self) -> _Offer:
        """List what can be chosen; raises `PlatformError`."""
        client = self._entry.runtime_data.client
        action = create_action(self._platform, self._plan.action)
        packages, total = await collect(
            [client.list_packages(kind=_kind_of(action))],
            lambda package: package.package_id,
        )
        groups: list[DeviceGroup] = []
        if Capability.DEVICE_GROUPS in self._platform.capabilities:
            groups, _ = await collect(
                [client.list_device_groups()], lambda group: group.group_id
            )
        return _Offer(
            [_package(each) for each in packages],
            _groups(groups),
            has_all_packages=total == len(packages),
        )


def plannable(platform: Platform) -> list[CreateAction]:
    """Return the create actions that upgrade device groups."""
    return [
        action
        for action in platform.create_actions
        if CONF_DEVICE_GROUPS in _keys(action.fields)
    ]


def planned_fields(action: CreateAction) -> list[Field]:
    """Return the fields of a create action that a plan has, beside its groups.

    Without the other ways to choose devices and without what belongs to a window.
    """
    return [
        field
        for field in action.fields
        if field.kind in _SELECTORS
        and field.key not in _NOT_PLANNED
        and field.key not in Targets.__struct_fields__
    ]


def _keys(fields: Iterable[Field]) -> list[str]:
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


def _filled_in(
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


def _upgrade_schema(fields: Iterable[Field], offer: _Offer, package: str) -> vol.Schema:
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
