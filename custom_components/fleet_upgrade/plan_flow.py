"""Adds upgrade plans to an account and changes them, from what the platform lists."""

from typing import Any, Final

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntryState,
    ConfigSubentryFlow,
    SubentryFlowResult,
)
from homeassistant.const import CONF_NAME
from homeassistant.helpers.selector import (
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)
import msgspec
from msgspec import structs
import voluptuous as vol

from .clients.errors import InvalidFieldError, PlatformError
from .clients.platform import Platform
from .clients.registry import PLATFORMS
from .const import CONF_PLATFORM, LOGGER, SUBENTRY_PLAN
from .coordinator import FleetConfigEntry
from .failures import message_of
from .plan import Plan, plan_of, stored_plan
from .plan_creation import async_prepare, create_action, plan_request
from .plan_fields import (
    CONF_DEVICE_GROUPS,
    CONF_PACKAGE,
    Offer,
    async_offer,
    filled_in,
    keys,
    plannable,
    planned_fields,
    upgrade_schema,
)
from .plan_waves import WaveKind, shown_waves, wave_kind, waves_schema, with_waves

CONF_ACTION: Final = "action"
CONF_WAVES: Final = "waves"


class PlanFlow(ConfigSubentryFlow):
    """Adds an upgrade plan, or changes one.

    What cannot be listed can be written by hand, so that a plan can be changed while
    the platform does not answer.
    """

    _offer: Offer | None = None
    _plan: Plan
    """As far as it has been filled in."""
    _waves = WaveKind.NONE

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
        """Ask for the name, what is upgraded where there is a choice, and for waves."""
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
                self._waves = WaveKind(user_input[CONF_WAVES])
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
        schema[vol.Required(CONF_WAVES, default=WaveKind.NONE.value)] = SelectSelector(
            SelectSelectorConfig(
                options=[kind.value for kind in WaveKind],
                translation_key="plan_waves",
                mode=SelectSelectorMode.LIST,
            )
        )
        shown = user_input or {
            CONF_NAME: self._plan.name,
            CONF_ACTION: self._plan.action,
            CONF_WAVES: wave_kind(self._plan).value,
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
        fields = planned_fields(
            create_action(self._platform, self._plan.action),
            has_waves=self._waves is not WaveKind.NONE,
        )
        if user_input is not None:
            plan = filled_in(self._plan, fields, user_input)
            try:
                await self._async_check(plan)
            except InvalidFieldError as err:
                is_shown = err.field in (CONF_DEVICE_GROUPS, *keys(fields))
                errors[err.field if is_shown else "base"] = "refused"
                placeholders["refusal"] = message_of(self.hass, err)
            else:
                self._plan = plan
                if self._waves is not WaveKind.NONE:
                    return await self.async_step_waves()
                return self._async_store(structs.replace(plan, waves=()))
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
                self._offer = self._offer or await async_offer(
                    self._platform,
                    self._entry.runtime_data.client,
                    create_action(self._platform, self._plan.action),
                )
            except PlatformError as err:
                errors.setdefault("base", "lists_unread")
                placeholders["reason"] = message_of(self.hass, err)
        return self.async_show_form(
            step_id="upgrade",
            data_schema=self.add_suggested_values_to_schema(
                upgrade_schema(
                    fields,
                    self._offer or Offer([], [], False),
                    str(shown[CONF_PACKAGE]),
                ),
                shown,
            ),
            errors=errors,
            description_placeholders=placeholders,
        )

    async def async_step_waves(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask how the devices are divided, and what lets the next wave begin."""
        errors: dict[str, str] = {}
        placeholders = {"plan": self._plan.name}
        if user_input is not None:
            try:
                return self._async_store(
                    with_waves(self._plan, self._waves, user_input)
                )
            except InvalidFieldError as err:
                errors[err.field] = "refused"
                placeholders["refusal"] = message_of(self.hass, err)
        return self.async_show_form(
            step_id="waves",
            data_schema=self.add_suggested_values_to_schema(
                waves_schema(self._waves), user_input or shown_waves(self._plan)
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
