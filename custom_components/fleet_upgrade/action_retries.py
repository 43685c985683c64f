"""The action that tries an upgrade again on the devices on which it did not succeed."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from homeassistant.core import ServiceCall, ServiceResponse
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .action_create import async_send
from .action_queries import ATTR_STATUS, one_of
from .action_schema import (
    ATTR_ALLOW_DOWNGRADE,
    ATTR_DRY_RUN,
    ATTR_FORCE,
    optional_fields,
)
from .action_targets import TASK, async_get_task
from .askers import DATA_ASKERS
from .clients.errors import InvalidFieldError
from .clients.model import (
    ChangeKind,
    CreateRequest,
    TaskChange,
    TaskStatus,
    UpgradeTask,
)
from .clients.platform import Capability, CreateAction
from .coordinator import FleetConfigEntry, FleetCoordinator
from .create_values import create_values
from .failures import translated_failures
from .guard import NAMED
from .retries import (
    Busy,
    count_before,
    find_busy,
    find_package,
    origin_of,
    read_devices,
    retried_before,
    retry_values,
)
from .units import merged, unit_id
from .writes import CreateEntry

RETRIABLE = (TaskStatus.FAILED, TaskStatus.STOPPED)

OVERRIDES = ("package", "execution", "start", "end", "retries")
"""Fields of create actions that a retry may have other than the task."""

ATTR_DEVICES = "devices"

type Failed = dict[str, tuple[str, ...]]
"""The devices to be tried again, by the task in which they are."""


class LeftOut(StrEnum):
    """Why a device is not tried again."""

    BUSY = "being_upgraded"
    RETRIED = "retried_before"


def retry_schema(actions: Iterable[CreateAction]) -> vol.Schema:
    """Return the schema of the action, with fields of these create actions."""
    statuses = [status.value for status in RETRIABLE]
    return vol.Schema(
        {
            **TASK,
            vol.Optional(ATTR_STATUS, default=statuses): vol.All(
                cv.ensure_list, [one_of(RETRIABLE)]
            ),
            **optional_fields(actions, OVERRIDES),
            vol.Optional(ATTR_DRY_RUN, default=False): cv.boolean,
            vol.Optional(ATTR_FORCE, default=False): cv.boolean,
            vol.Optional(ATTR_ALLOW_DOWNGRADE, default=False): cv.boolean,
        }
    )


async def async_retry_failed_devices(call: ServiceCall) -> ServiceResponse:
    """Upgrade the devices again on which a task failed or was stopped.

    By the platform's own retry where it has one, else by a new upgrade task.
    """
    entry, task_id, task_ids = async_get_task(call)
    coordinator = entry.runtime_data
    creation: dict[str, Any] | None = None
    with translated_failures(call.hass, entry):
        has_retry = Capability.RETRY_SUBTASKS in coordinator.platform.capabilities
        if has_retry:
            _refuse_overrides(call, coordinator)
        parts = [await coordinator.client.get_task(each) for each in task_ids]
        task = parts[0] if len(parts) == 1 else merged(task_id, parts)
        if task.is_active and not has_retry and not call.data[ATTR_FORCE]:
            raise InvalidFieldError("force", "retry_too_early", task=task_id)
        failed = {
            each: await read_devices(coordinator.client, each, call.data[ATTR_STATUS])
            for each in task_ids
        }
        if not any(failed.values()):
            raise InvalidFieldError("status", "retry_nothing")
        names = _names(coordinator, task_id, task_ids)
        retried = _retried(call, coordinator, names)
        busy = Busy()
        if not call.data[ATTR_FORCE]:
            busy = await _find_busy(coordinator, parts, failed)
        left_out = _left_out(failed, retried, busy)
        failed = {
            part: tuple(device for device in devices if device not in left_out)
            for part, devices in failed.items()
        }
        # Each once: groups may share devices.
        devices = list(dict.fromkeys(each for part in failed.values() for each in part))
        if not devices:
            raise _all_left_out(left_out)
        before = count_before(list(coordinator.writer.journal.entries), names)
        if not has_retry:
            creation = await _create(call, entry, task, task_ids, devices)
        elif not call.data[ATTR_DRY_RUN]:
            await _retry(call, coordinator, failed)
    return {
        "task_id": task_id,
        "devices": list[Any](devices),
        "left_out": [
            {"device_id": device, "task_id": other, "reason": reason.value}
            for device, (other, reason) in left_out.items()
        ],
        "unchecked": list(busy.unchecked),
        "retries_before": before,
        "dry_run": call.data[ATTR_DRY_RUN],
        "creation": creation,
    }


def _refuse_overrides(call: ServiceCall, coordinator: FleetCoordinator) -> None:
    """Refuse what a platform's own retry cannot change."""
    for key in OVERRIDES:
        if key in call.data:
            raise InvalidFieldError(
                key, "retry_as_created", platform=coordinator.platform.name
            )


def _names(
    coordinator: FleetCoordinator, task_id: str, task_ids: tuple[str, ...]
) -> set[str]:
    """Return the IDs that a task goes by: its own, and its batch's."""
    batches = coordinator.writer.batches
    return {
        task_id,
        *task_ids,
        *(unit_id(batches[each]) for each in task_ids if each in batches),
    }


def _retried(
    call: ServiceCall, coordinator: FleetCoordinator, names: set[str]
) -> dict[str, str]:
    """Return the devices that were tried again before, and in which task."""
    since = dt_util.utcnow() - coordinator.writer.guard_time
    devices = retried_before(coordinator.writer.journal.entries, names, since)
    return {} if call.data[ATTR_FORCE] else devices


async def _find_busy(
    coordinator: FleetCoordinator, parts: list[UpgradeTask], failed: Failed
) -> Busy:
    """Find devices that other active tasks of the same kind upgrade."""
    known, newest = await coordinator.writer.creator.async_known_tasks()
    others = [
        task
        for task in known.values()
        if task.is_active and task.kind is parts[0].kind and task.task_id not in failed
    ]
    return await find_busy(
        coordinator.client,
        {device for devices in failed.values() for device in devices},
        others,
        {task.task_id for task in newest},
    )


def _left_out(
    failed: Failed, retried: dict[str, str], busy: Busy
) -> dict[str, tuple[str, LeftOut]]:
    """Return the devices that are not tried again: where they are instead, and why."""
    return {
        device: (busy.devices[device], LeftOut.BUSY)
        if device in busy.devices
        else (retried[device], LeftOut.RETRIED)
        for device in sorted({each for devices in failed.values() for each in devices})
        if device in busy.devices or device in retried
    }


def _all_left_out(left_out: dict[str, tuple[str, LeftOut]]) -> InvalidFieldError:
    """Return the refusal of a retry that has no device left."""
    reasons = {reason for _, reason in left_out.values()}
    tasks = list(dict.fromkeys(task for task, _ in left_out.values()))
    return InvalidFieldError(
        "force",
        "retry_all_busy" if LeftOut.BUSY in reasons else "retry_repeated",
        tasks=", ".join(tasks[:NAMED]),
    )


async def _retry(
    call: ServiceCall, coordinator: FleetCoordinator, failed: Failed
) -> None:
    """Let the platform try again, task by task."""
    asker = call.hass.data[DATA_ASKERS].asker_of(call.context)
    for task_id, devices in failed.items():
        if devices:
            change = TaskChange(
                kind=ChangeKind.RETRY_SUBTASKS, task_id=task_id, devices=devices
            )
            await coordinator.writer.async_change(change, asker)


async def _create(
    call: ServiceCall,
    entry: FleetConfigEntry,
    task: UpgradeTask,
    task_ids: tuple[str, ...],
    devices: list[str],
) -> dict[str, Any]:
    """Create an upgrade task for the devices; return what that answers."""
    given = {key: call.data[key] for key in OVERRIDES if key in call.data}
    if "package" not in given:
        given["package"] = await _package(entry.runtime_data, task, task_ids)
    return await async_send(
        call,
        entry,
        _request(entry.runtime_data, task, given, devices),
        dry_run=call.data[ATTR_DRY_RUN],
        force=call.data[ATTR_FORCE],
        allow_downgrade=call.data[ATTR_ALLOW_DOWNGRADE],
        origin=origin_of(task.task_id),
    )


async def _package(
    coordinator: FleetCoordinator, task: UpgradeTask, task_ids: tuple[str, ...]
) -> str:
    """Return the package of a task: as the platform or the journal tells, or found."""
    if task.package_id is not None:
        return task.package_id
    for entry in coordinator.writer.journal.all_of(CreateEntry):
        if entry.task_id in task_ids:
            return entry.prepared.request.package_id
    return await find_package(coordinator.client, task)


def _request(
    coordinator: FleetCoordinator,
    task: UpgradeTask,
    given: dict[str, Any],
    devices: list[str],
) -> CreateRequest:
    """Return the creation of the platform's action for devices of the task's kind."""
    platform = coordinator.platform
    now = dt_util.utcnow()
    for action in platform.create_actions:
        fields = {field.key for field in action.fields}
        if ATTR_DEVICES not in fields:
            continue
        values = create_values(
            platform,
            action,
            retry_values(fields, given, task, devices, now),
            dt_util.get_default_time_zone(),
        )
        request = action.build(values, now)
        if request.kind is task.kind:
            return request
    raise InvalidFieldError("task_id", "retry_unsupported", platform=platform.name)
