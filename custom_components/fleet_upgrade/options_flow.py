"""Changes how an account is watched, and what it keeps."""

from dataclasses import dataclass
from typing import Any, Final

from homeassistant.config_entries import ConfigFlowResult, OptionsFlowWithReload
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    TextSelector,
)
import voluptuous as vol

from .clients.errors import InvalidFieldError
from .clients.registry import PLATFORMS
from .const import (
    CONF_FAILING_MINIMUM,
    CONF_FAILING_SHARE,
    CONF_GUARD_MINUTES,
    CONF_PLATFORM,
    CONF_PUSH_ADDRESS,
    CONF_READ_ONLY,
    CONF_RETENTION_DAYS,
    CONF_STALL_HOURS,
    DEFAULT_FAILING_MINIMUM,
    DEFAULT_FAILING_SHARE,
    DEFAULT_GUARD_MINUTES,
    DEFAULT_RETENTION_DAYS,
    DEFAULT_STALL_HOURS,
)
from .push_subscriptions import PushStore, push_address


def whole_number(minimum: int, maximum: int) -> object:
    """Return what a form accepts as a whole number within these limits."""
    box = NumberSelectorConfig(min=minimum, max=maximum, mode=NumberSelectorMode.BOX)
    return vol.All(NumberSelector(box), vol.Coerce(int))


@dataclass(frozen=True, slots=True)
class Option:
    """An option of an account: its key, its default and what it accepts."""

    key: str
    default: int | bool
    accepts: object


OPTIONS: Final = (
    Option(CONF_READ_ONLY, False, BooleanSelector()),
    Option(CONF_RETENTION_DAYS, DEFAULT_RETENTION_DAYS, whole_number(1, 365)),
    Option(CONF_GUARD_MINUTES, DEFAULT_GUARD_MINUTES, whole_number(0, 1440)),
    Option(CONF_STALL_HOURS, DEFAULT_STALL_HOURS, whole_number(1, 720)),
    Option(CONF_FAILING_SHARE, DEFAULT_FAILING_SHARE, whole_number(1, 100)),
    Option(CONF_FAILING_MINIMUM, DEFAULT_FAILING_MINIMUM, whole_number(1, 100_000)),
)
DEFAULT_OPTIONS: Final = {option.key: option.default for option in OPTIONS}

_SCHEMA = vol.Schema({vol.Required(option.key): option.accepts for option in OPTIONS})
_PUSH_SCHEMA = _SCHEMA.extend({vol.Optional(CONF_PUSH_ADDRESS): TextSelector()})

_EXAMPLE: Final = "https://home.example.com:8123"


class FleetUpgradeOptionsFlow(OptionsFlowWithReload):
    """Changes an account's options; where to push only if its platform can."""

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the options."""
        entry = self.config_entry
        platform = PLATFORMS.get(entry.data[CONF_PLATFORM])
        check = None if platform is None else platform.check_push_address
        path = ""
        errors: dict[str, str] = {}
        if check is not None:
            path = (
                await PushStore(self.hass, entry.entry_id).async_load_or_make()
            ).path
        if user_input is not None:
            options = dict(user_input)
            try:
                base = options.pop(CONF_PUSH_ADDRESS, "").strip()
                if base and check is not None:
                    address = push_address(base, path)
                    check(address)
                    options[CONF_PUSH_ADDRESS] = address.removesuffix(path)
            except InvalidFieldError as err:
                errors[err.field] = err.key
            else:
                return self.async_create_entry(data=options)
        shown = user_input or DEFAULT_OPTIONS | entry.options
        base = entry.options.get(CONF_PUSH_ADDRESS)
        return self.async_show_form(
            step_id="init",
            data_schema=self.add_suggested_values_to_schema(
                _SCHEMA if check is None else _PUSH_SCHEMA, shown
            ),
            errors=errors,
            description_placeholders={
                "example": _EXAMPLE,
                "push_url": push_address(base, path) if base else path,
            },
        )
