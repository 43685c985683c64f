"""Turns what a client raises into what Home Assistant shows, in one place."""

from collections.abc import Generator
from contextlib import contextmanager

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.translation import async_get_cached_translations

from .batches import BatchIncompleteError
from .clients.errors import AuthenticationError, InvalidFieldError, PlatformError
from .const import DOMAIN


@contextmanager
def translated_failures(hass: HomeAssistant, entry: ConfigEntry) -> Generator[None]:
    """Raise a client's errors as translated ones; ask for new credentials if needed.

    For whatever a person or an automation asked for. `InvalidFieldError` becomes a
    `ServiceValidationError`, all others a `HomeAssistantError`.
    """
    try:
        yield
    except InvalidFieldError as err:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key=err.key,
            translation_placeholders=err.placeholders,
        ) from err
    except PlatformError as err:
        cause = err.cause if isinstance(err, BatchIncompleteError) else err
        if isinstance(cause, AuthenticationError):
            entry.async_start_reauth(hass)
        placeholders = dict(err.placeholders)
        if isinstance(err, BatchIncompleteError):
            placeholders["reason"] = _message(hass, err.cause)
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key=err.key,
            translation_placeholders=placeholders,
        ) from err


@callback
def _message(hass: HomeAssistant, err: PlatformError | None) -> str:
    """Return an error's text, to stand in that of another one."""
    key = "account_unloaded" if err is None else err.key
    texts = async_get_cached_translations(
        hass, hass.config.language, "exceptions", DOMAIN
    )
    text = texts.get(f"component.{DOMAIN}.exceptions.{key}.message", key)
    return text.format_map({} if err is None else err.placeholders)
