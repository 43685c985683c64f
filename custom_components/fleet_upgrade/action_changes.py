"""The actions that change upgrade tasks, for accounts whose platform can."""

from homeassistant.core import ServiceCall, ServiceResponse
from homeassistant.helpers import config_validation as cv
import voluptuous as vol

from .action_schema import filled_text
from .action_targets import TASK, async_get_single_task, require
from .askers import DATA_ASKERS
from .clients.errors import InvalidFieldError
from .clients.model import ChangeKind, TaskChange
from .clients.platform import Capability
from .failures import translated_failures

ATTR_DEVICES = "devices"

OF_SUBTASKS = frozenset({ChangeKind.CANCEL_SUBTASKS, ChangeKind.RETRY_SUBTASKS})

CHANGE_ACTIONS = {
    f"{kind}" if kind in OF_SUBTASKS else f"{kind}_upgrade_task": kind
    for kind in ChangeKind
}
"""The kinds of changes by the names of their actions."""

_DEVICES = {vol.Required(ATTR_DEVICES): vol.All(cv.ensure_list, [filled_text])}


def change_schema(kind: ChangeKind) -> vol.Schema:
    """Return the schema of the action that makes a change."""
    return vol.Schema(TASK | (_DEVICES if kind in OF_SUBTASKS else {}))


async def async_change(call: ServiceCall) -> ServiceResponse:
    """Change an upgrade task."""
    entry, task_id = async_get_single_task(call)
    kind = CHANGE_ACTIONS[call.service]
    require(entry.runtime_data.platform, Capability(kind))
    # Names given twice would only make the request longer.
    devices = tuple(dict.fromkeys(call.data.get(ATTR_DEVICES, ())))
    with translated_failures(call.hass, entry):
        if kind in OF_SUBTASKS and not devices:
            raise InvalidFieldError(ATTR_DEVICES, "subtasks_missing")
        await entry.runtime_data.writer.async_change(
            TaskChange(kind=kind, task_id=task_id, devices=devices),
            call.hass.data[DATA_ASKERS].asker_of(call.context),
        )
    return {"task_id": task_id}
