"""What an action is about: an account, or one of its upgrade tasks."""

from homeassistant.const import ATTR_CONFIG_ENTRY_ID, ATTR_DEVICE_ID
from homeassistant.core import ServiceCall, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv, service
import voluptuous as vol

from .action_schema import filled_text
from .clients.platform import Capability, Platform
from .const import DOMAIN
from .coordinator import FleetConfigEntry
from .entity import task_id_of

ATTR_TASK_ID = "task_id"

ACCOUNT = {vol.Required(ATTR_CONFIG_ENTRY_ID): cv.string}
"""Names an account."""

TASK = {
    vol.Optional(ATTR_DEVICE_ID): cv.string,
    vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string,
    vol.Optional(ATTR_TASK_ID): filled_text,
}
"""Names an upgrade task: its device, or its account and ID."""


@callback
def async_get_account(call: ServiceCall) -> FleetConfigEntry:
    """Return the account that an action names; it is loaded."""
    entry: FleetConfigEntry = service.async_get_config_entry(
        call.hass, DOMAIN, call.data[ATTR_CONFIG_ENTRY_ID]
    )
    return entry


@callback
def async_get_single_task(call: ServiceCall) -> tuple[FleetConfigEntry, str]:
    """Return the account and the ID of the upgrade task that an action names.

    A batch is several.
    """
    entry, task_id, task_ids = async_get_task(call)
    if task_ids != (task_id,):
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="task_is_batch",
            translation_placeholders={"count": str(len(task_ids))},
        )
    return entry, task_id


@callback
def async_get_task(call: ServiceCall) -> tuple[FleetConfigEntry, str, tuple[str, ...]]:
    """Return the account and the ID of the upgrade task that an action names.

    Also returns the IDs that it has on the platform: a batch has several.
    """
    entry, task_id = _named(call)
    task_ids = entry.runtime_data.data.members.get(task_id, (task_id,))
    return entry, task_id, tuple(task_ids)


def _named(call: ServiceCall) -> tuple[FleetConfigEntry, str]:
    by_device = ATTR_DEVICE_ID in call.data
    by_id = [key in call.data for key in (ATTR_CONFIG_ENTRY_ID, ATTR_TASK_ID)]
    if by_device and any(by_id):
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="task_named_twice"
        )
    if all(by_id):
        return async_get_account(call), call.data[ATTR_TASK_ID]
    if not by_device:
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="task_not_named"
        )
    entry: FleetConfigEntry
    device, entry = service.async_get_device_and_config_entry(
        call.hass, DOMAIN, call.data[ATTR_DEVICE_ID]
    )
    if (task_id := task_id_of(entry, device)) is None:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="not_a_task_device",
            translation_placeholders={
                "device": device.name_by_user or device.name or device.id
            },
        )
    return entry, task_id


def require(platform: Platform, capability: Capability) -> None:
    """Refuse what a platform cannot do."""
    if capability not in platform.capabilities:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key=f"{capability}_unsupported",
            translation_placeholders={"platform": platform.name},
        )
