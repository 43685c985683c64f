"""Adds accounts and brings them up to date."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
import re
from typing import Any, override

from homeassistant.components.file_upload import process_uploaded_file
from homeassistant.config_entries import (
    SOURCE_REAUTH,
    SOURCE_USER,
    ConfigEntry,
    ConfigFlow,
    ConfigFlowResult,
    ConfigSubentryFlow,
)
from homeassistant.const import CONF_NAME
from homeassistant.core import HomeAssistant, callback
from homeassistant.data_entry_flow import AbortFlow
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.selector import (
    FileSelector,
    FileSelectorConfig,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import voluptuous as vol

from .clients.errors import InvalidFieldError, PlatformError
from .clients.platform import Credentials, Field, FieldKind, Platform
from .clients.registry import PLATFORMS
from .const import CONF_PLATFORM, DOMAIN, LOGGER, SUBENTRY_PLAN
from .options_flow import DEFAULT_OPTIONS, FleetUpgradeOptionsFlow, whole_number
from .plan_fields import plannable
from .plan_flow import PlanFlow

CONF_REMOVE_STORED = "remove_stored"
"""Key of the choice of stored files and passwords that an update drops."""

UPDATE = "_update"
"""What follows a platform's key in the ID of the step that updates an account."""

LARGEST_UPLOAD = 64 * 1024
"""Bytes; a bundle of twenty certificates has half of that."""

_PEM_BLOCK = re.compile(
    rb"-----BEGIN (?P<label>[A-Z0-9 ]+)-----"
    rb"(?:(?!-----)[\t\n\r\x20-\x7e])*"
    rb"-----END (?P=label)-----"
)

type _Step = Callable[[dict[str, Any] | None], Awaitable[ConfigFlowResult]]


_SELECTORS: Mapping[FieldKind, Callable[[Field], object]] = {
    FieldKind.TEXT: lambda field: TextSelector(),
    FieldKind.SECRET: lambda field: TextSelector(
        TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="new-password")
    ),
    FieldKind.PORT: lambda field: whole_number(1, 65535),
    FieldKind.CHOICE: lambda field: SelectSelector(
        SelectSelectorConfig(options=list(field.choices), translation_key=field.key)
    ),
    FieldKind.PEM_FILE: lambda field: FileSelector(
        FileSelectorConfig(accept=".pem,.crt,.cer,.key,application/x-pem-file")
    ),
}


class FleetUpgradeConfigFlow(ConfigFlow, domain=DOMAIN):
    """Adds an account of a platform, or brings one up to date.

    A platform's form is plain data, and no platform is known here by name. Each has
    two steps, which are named after it so that it has texts of its own: its key adds
    an account, its key and `UPDATE` change one.
    """

    VERSION = 1
    MINOR_VERSION = 2

    def __init__(self) -> None:
        """Start without uploads."""
        self._uploads: dict[str, bytes] = {}

    def __getattr__(self, name: str) -> _Step:
        """Find the steps of the platforms; Home Assistant looks for them by name."""
        for platform in PLATFORMS.values():
            if name == f"async_step_{platform.key}":
                return partial(self._async_step_account, platform, None)
            if name == f"async_step_{platform.key}{UPDATE}":
                return partial(self._async_step_account, platform, self._entry)
        raise AttributeError(name=name, obj=self)

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> FleetUpgradeOptionsFlow:
        """Return the flow for an account's options."""
        return FleetUpgradeOptionsFlow()

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(
        cls, config_entry: ConfigEntry
    ) -> dict[str, type[ConfigSubentryFlow]]:
        """Return the flow for upgrade plans, where the platform creates upgrades."""
        platform = PLATFORMS.get(config_entry.data[CONF_PLATFORM])
        if platform is None or not plannable(platform):
            return {}
        return {SUBENTRY_PLAN: PlanFlow}

    @override
    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Let the user choose the platform of a new account."""
        if user_input is not None:
            return await self._async_step_account(
                PLATFORMS[user_input[CONF_PLATFORM]], None
            )
        options = [
            SelectOptionDict(value=key, label=platform.name)
            for key, platform in PLATFORMS.items()
        ]
        choice = SelectSelector(
            SelectSelectorConfig(options=options, mode=SelectSelectorMode.LIST)
        )
        return self.async_show_form(
            step_id="user",
            data_schema=vol.Schema(
                {vol.Required(CONF_PLATFORM, default=options[0]["value"]): choice}
            ),
        )

    async def async_step_reauth(
        self, entry_data: Mapping[str, Any]
    ) -> ConfigFlowResult:
        """Ask for what has changed, after the platform refused the credentials."""
        return await self._async_step_account(
            PLATFORMS[entry_data[CONF_PLATFORM]], self._entry
        )

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for what has changed, because the user wants to."""
        return await self._async_step_account(
            PLATFORMS[self._entry.data[CONF_PLATFORM]], self._entry
        )

    @property
    def _entry(self) -> ConfigEntry:
        """The account that is brought up to date."""
        if self.source == SOURCE_REAUTH:
            return self._get_reauth_entry()
        return self._get_reconfigure_entry()

    async def _async_step_account(
        self,
        platform: Platform,
        entry: ConfigEntry | None,
        user_input: dict[str, Any] | None = None,
    ) -> ConfigFlowResult:
        """Ask for credentials until they work, then store them.

        ``entry`` is the account to be brought up to date, ``None`` for a new one.
        Its stored secrets are never shown, and kept where no new ones are given.
        """
        errors: dict[str, str] = {}
        placeholders = {} if entry is None else {CONF_NAME: entry.title}
        stored: Credentials = {} if entry is None else entry.data
        if user_input is not None:
            try:
                credentials = await self._async_working_credentials(
                    platform, stored, user_input
                )
            except AbortFlow:
                raise
            except PlatformError as err:
                LOGGER.debug("These credentials do not work: %s", err)
                place = err.field if isinstance(err, InvalidFieldError) else "base"
                errors[place] = err.key
                placeholders |= err.placeholders
            except Exception:  # noqa: BLE001
                LOGGER.exception("Unexpected error while checking credentials")
                errors["base"] = "unknown"
            else:
                data = {CONF_PLATFORM: platform.key, **credentials}
                if entry is not None:
                    return self.async_update_reload_and_abort(entry, data=data)
                return self.async_create_entry(
                    title=platform.title(credentials),
                    data=data,
                    options=DEFAULT_OPTIONS,
                )
        shown = user_input or {
            field.key: stored[field.key]
            for field in platform.form
            if field.key in stored and not field.is_secret
        }
        return self.async_show_form(
            step_id=platform.key if entry is None else f"{platform.key}{UPDATE}",
            data_schema=self.add_suggested_values_to_schema(
                _form_schema(platform, stored), shown
            ),
            errors=errors,
            description_placeholders=placeholders,
        )

    async def _async_working_credentials(
        self, platform: Platform, stored: Credentials, user_input: dict[str, Any]
    ) -> Credentials:
        """Return credentials that the platform accepts; raises `PlatformError`.

        Aborts before anything is sent if the account is not the right one: to sign
        in would end the session of an account that is running.
        """
        credentials = await self._async_credentials(platform, stored, user_input)
        await self.async_set_unique_id(
            f"{platform.key}_{platform.account_id(credentials)}"
        )
        if self.source == SOURCE_USER:
            self._abort_if_unique_id_configured()
        else:
            self._abort_if_unique_id_mismatch()
        context = await self.hass.async_add_executor_job(platform.check, credentials)
        client = platform.client(
            async_get_clientsession(self.hass), credentials, context
        )
        await client.verify()
        return credentials

    async def _async_credentials(
        self, platform: Platform, stored: Credentials, user_input: dict[str, Any]
    ) -> dict[str, Any]:
        """Put together what was given now and what is stored."""
        removed = user_input.get(CONF_REMOVE_STORED, ())
        credentials: dict[str, Any] = {}
        for field in platform.form:
            value = user_input.get(field.key)
            if field.kind is FieldKind.TEXT and value is not None:
                value = value.strip()
            if value not in (None, ""):
                credentials[field.key] = (
                    await self._async_uploaded_pem(field, value)
                    if field.kind is FieldKind.PEM_FILE
                    else value
                )
            elif field.is_secret and field.key in stored and field.key not in removed:
                credentials[field.key] = stored[field.key]
            elif field.required:
                raise InvalidFieldError(field.key, "value_missing")
        return credentials

    async def _async_uploaded_pem(self, field: Field, file_id: str) -> str:
        """Return the PEM blocks of an upload without what stands around them.

        An upload is gone once it is read, but a form that is sent again after an
        error names the same one.
        """
        if file_id not in self._uploads:
            try:
                self._uploads[file_id] = await self.hass.async_add_executor_job(
                    _read_upload, self.hass, file_id
                )
            except ValueError as err:
                raise InvalidFieldError(field.key, "upload_missing") from err
        content = self._uploads[file_id]
        if len(content) > LARGEST_UPLOAD:
            raise InvalidFieldError(
                field.key, "file_too_large", limit=str(LARGEST_UPLOAD // 1024)
            )
        blocks = [match[0].decode() for match in _PEM_BLOCK.finditer(content)]
        if not blocks:
            raise InvalidFieldError(field.key, "not_pem")
        return "\n".join(blocks) + "\n"


def _form_schema(platform: Platform, stored: Credentials) -> vol.Schema:
    """Return the schema of a platform's form; stored secrets may be left empty."""
    schema: dict[vol.Marker, object] = {}
    for field in platform.form:
        is_stored = field.is_secret and field.key in stored
        marker = vol.Required if field.required and not is_stored else vol.Optional
        default = vol.UNDEFINED if field.default is None else field.default
        schema[marker(field.key, default=default)] = _SELECTORS[field.kind](field)
    if removable := [
        field.key
        for field in platform.form
        if field.is_secret and field.key in stored and not field.required
    ]:
        schema[vol.Optional(CONF_REMOVE_STORED)] = SelectSelector(
            SelectSelectorConfig(
                options=removable, multiple=True, translation_key=CONF_REMOVE_STORED
            )
        )
    return vol.Schema(schema)


def _read_upload(hass: HomeAssistant, file_id: str) -> bytes:
    """Read an upload, at most one byte too many; blocking.

    Raises ValueError when there is no such upload.
    """
    with process_uploaded_file(hass, file_id) as path, path.open("rb") as file:
        return file.read(LARGEST_UPLOAD + 1)
