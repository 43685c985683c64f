"""The actions that look something up on a platform; none of them writes."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from homeassistant.core import ServiceCall, ServiceResponse
from homeassistant.helpers import config_validation as cv
import voluptuous as vol

from .action_answers import MAX_ROWS, collect, plain
from .action_schema import filled_text, integer
from .action_targets import ACCOUNT, TASK, async_get_account, async_get_task, require
from .clients.errors import InvalidFieldError
from .clients.groups import group_ids
from .clients.model import TaskStatus, UpgradeKind
from .clients.platform import Capability
from .failures import translated_failures
from .units import merged

ATTR_DEVICE_GROUP = "device_group"
ATTR_DEVICE_TYPE = "device_type"
ATTR_KIND = "kind"
ATTR_LIMIT = "limit"
ATTR_MANUFACTURER = "manufacturer"
ATTR_MODEL = "model"
ATTR_NAME = "name"
ATTR_STATUS = "status"
ATTR_VERSION = "version"


def one_of[WordT: StrEnum](words: Iterable[WordT]) -> Any:
    """Return what takes one of some words; its message lists them."""
    by_value = {word.value: word for word in words}
    return vol.All(vol.In(list(by_value)), by_value.__getitem__)


STATUSES = vol.All(cv.ensure_list, [one_of(TaskStatus)])
KIND = one_of(UpgradeKind)

LIMIT = {vol.Optional(ATTR_LIMIT, default=MAX_ROWS): integer}

GET_UPGRADE_TASKS_SCHEMA = vol.Schema(
    {
        **ACCOUNT,
        vol.Optional(ATTR_STATUS, default=[]): STATUSES,
        vol.Optional(ATTR_KIND): KIND,
        **LIMIT,
    }
)
GET_UPGRADE_TASK_SCHEMA = vol.Schema(TASK)
GET_SUBTASKS_SCHEMA = vol.Schema(
    {**TASK, vol.Optional(ATTR_STATUS, default=[]): STATUSES, **LIMIT}
)
GET_PACKAGES_SCHEMA = vol.Schema(
    {
        **ACCOUNT,
        vol.Optional(ATTR_KIND): KIND,
        vol.Optional(ATTR_DEVICE_TYPE): filled_text,
        vol.Optional(ATTR_MODEL): filled_text,
        vol.Optional(ATTR_MANUFACTURER): filled_text,
        vol.Optional(ATTR_VERSION): filled_text,
        **LIMIT,
    }
)
GET_DEVICE_GROUPS_SCHEMA = vol.Schema(
    {**ACCOUNT, vol.Optional(ATTR_NAME): filled_text, **LIMIT}
)
GET_DEVICES_SCHEMA = vol.Schema(
    {**ACCOUNT, vol.Optional(ATTR_DEVICE_GROUP): filled_text, **LIMIT}
)


async def async_get_upgrade_tasks(call: ServiceCall) -> ServiceResponse:
    """Return upgrade tasks as the platform lists them."""
    entry = async_get_account(call)
    client = entry.runtime_data.client
    kind: UpgradeKind | None = call.data.get(ATTR_KIND)
    with translated_failures(call.hass, entry):
        rows, total = await collect(
            (client.list_tasks(kind=kind, status=status) for status in _statuses(call)),
            lambda task: task.task_id,
            limit_of(call),
        )
    return {"tasks": plain(rows), "total": total}


async def async_get_upgrade_task(call: ServiceCall) -> ServiceResponse:
    """Return one upgrade task as the platform has it now."""
    entry, task_id, task_ids = async_get_task(call)
    client = entry.runtime_data.client
    with translated_failures(call.hass, entry):
        tasks = [await client.get_task(each) for each in task_ids]
    task = tasks[0] if task_ids == (task_id,) else merged(task_id, tasks)
    return {"task": plain(task)}


async def async_get_subtasks(call: ServiceCall) -> ServiceResponse:
    """Return an upgrade task's devices: how far each is, why one failed."""
    entry, task_id, task_ids = async_get_task(call)
    client = entry.runtime_data.client
    with translated_failures(call.hass, entry):
        rows, total = await collect(
            (
                client.list_subtasks(each, status=status)
                for each in task_ids
                for status in _statuses(call)
            ),
            lambda subtask: subtask.subtask_id,
            limit_of(call),
        )
    return {"task_id": task_id, "subtasks": plain(rows), "total": total}


async def async_get_packages(call: ServiceCall) -> ServiceResponse:
    """Return the packages that can be installed."""
    entry = async_get_account(call)
    with translated_failures(call.hass, entry):
        rows, total = await collect(
            [
                entry.runtime_data.client.list_packages(
                    kind=call.data.get(ATTR_KIND),
                    device_type=call.data.get(ATTR_DEVICE_TYPE),
                    model=call.data.get(ATTR_MODEL),
                    manufacturer=call.data.get(ATTR_MANUFACTURER),
                    version=call.data.get(ATTR_VERSION),
                )
            ],
            lambda package: package.package_id,
            limit_of(call),
        )
    return {"packages": plain(rows), "total": total}


async def async_get_device_groups(call: ServiceCall) -> ServiceResponse:
    """Return the device groups."""
    entry = async_get_account(call)
    require(entry.runtime_data.platform, Capability.DEVICE_GROUPS)
    with translated_failures(call.hass, entry):
        rows, total = await collect(
            [
                entry.runtime_data.client.list_device_groups(
                    name=call.data.get(ATTR_NAME)
                )
            ],
            lambda group: group.group_id,
            limit_of(call),
        )
    return {"device_groups": plain(rows), "total": total}


async def async_get_devices(call: ServiceCall) -> ServiceResponse:
    """Return the devices of the fleet, or those of a device group."""
    entry = async_get_account(call)
    platform = entry.runtime_data.platform
    client = entry.runtime_data.client
    require(platform, Capability.DEVICES)
    group_id: str | None = None
    with translated_failures(call.hass, entry):
        # Before the group is looked up.
        limit = limit_of(call)
        if (group := call.data.get(ATTR_DEVICE_GROUP)) is not None:
            require(platform, Capability.DEVICE_GROUPS)
            [group_id] = await group_ids(
                ATTR_DEVICE_GROUP, [group], client.list_device_groups()
            )
        rows, total = await collect(
            [client.list_devices(group=group_id)],
            lambda device: device.device_id,
            limit,
        )
    return {"devices": plain(rows), "total": total}


def _statuses(call: ServiceCall) -> list[TaskStatus | None]:
    """Return the statuses to list: waiting first, so that no task slips through.

    A task moves from waiting over processing to its end: listed in this order, one
    that moves meanwhile is seen twice rather than not at all.
    """
    chosen = call.data[ATTR_STATUS]
    return [status for status in TaskStatus if status in chosen] or [None]


def limit_of(call: ServiceCall) -> int:
    """Return how many rows are wanted."""
    return number_of(call, ATTR_LIMIT, 1)


def number_of(call: ServiceCall, field: str, minimum: int) -> int:
    """Return a number of rows; `InvalidFieldError` where it is out of range."""
    number: int = call.data[field]
    if not minimum <= number <= MAX_ROWS:
        raise InvalidFieldError(
            field,
            "limit_out_of_range",
            minimum=str(minimum),
            maximum=f"{MAX_ROWS:,}",
        )
    return number
