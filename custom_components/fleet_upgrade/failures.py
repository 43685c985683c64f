"""Turns what a client raises into what Home Assistant shows, in one place."""

from collections.abc import Generator
from contextlib import contextmanager

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

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
        if isinstance(err, AuthenticationError):
            entry.async_start_reauth(hass)
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key=err.key,
            translation_placeholders=err.placeholders,
        ) from err
