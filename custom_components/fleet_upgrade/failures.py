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
        if cause is not None and cause is not err:
            placeholders["reason"] = message_of(hass, cause)
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key=err.key,
            translation_placeholders=placeholders,
        ) from err


@callback
def message_of(hass: HomeAssistant, err: PlatformError) -> str:
    """Return an error's text, to stand in that of another one."""
    texts = async_get_cached_translations(
        hass, hass.config.language, "exceptions", DOMAIN
    )
    text = texts.get(f"component.{DOMAIN}.exceptions.{err.key}.message", err.key)
    return text.format_map(err.placeholders)
