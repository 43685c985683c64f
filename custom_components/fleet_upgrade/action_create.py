"""The actions that create upgrade tasks: one handler for what platforms declare."""

from collections.abc import Sequence
from typing import Any

from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.core import ServiceCall, ServiceResponse
from homeassistant.exceptions import ServiceValidationError
from homeassistant.util import dt as dt_util

from .action_answers import plain, reach_answer
from .action_schema import ATTR_ALLOW_DOWNGRADE, ATTR_DRY_RUN, ATTR_FORCE
from .action_targets import async_get_account
from .askers import DATA_ASKERS
from .clients.model import CreateRequest, PreparedCreate, Reach
from .clients.platform import CreateAction, Platform
from .const import DOMAIN
from .coordinator import FleetConfigEntry
from .create_values import create_values
from .failures import translated_failures
from .reach import async_look, downgrade_of
from .units import unit_id
from .writes import CreateEntry


async def async_create(call: ServiceCall) -> ServiceResponse:
    """Create an upgrade task; on a dry run, say what would be sent."""
    entry = async_get_account(call)
    coordinator = entry.runtime_data
    action = _action(coordinator.platform, call.service)
    values = dict(call.data)
    del values[ATTR_CONFIG_ENTRY_ID]
    dry_run: bool = values.pop(ATTR_DRY_RUN)
    force: bool = values.pop(ATTR_FORCE)
    allow_downgrade: bool = values.pop(ATTR_ALLOW_DOWNGRADE)
    with translated_failures(call.hass, entry):
        values = create_values(
            coordinator.platform, action, values, dt_util.get_default_time_zone()
        )
        request = action.build(values, dt_util.utcnow())
        return await async_send(
            call,
            entry,
            request,
            dry_run=dry_run,
            force=force,
            allow_downgrade=allow_downgrade,
        )


async def async_send(
    call: ServiceCall,
    entry: FleetConfigEntry,
    request: CreateRequest,
    *,
    dry_run: bool,
    force: bool,
    allow_downgrade: bool,
    origin: str | None = None,
) -> dict[str, Any]:
    """Create what is asked for, unless on a dry run; return the answer.

    ``origin`` says in the journal what the creation belongs to.
    """
    coordinator = entry.runtime_data
    created: list[CreateEntry] = []
    prepared = await coordinator.client.prepare_create(request)
    if dry_run:
        reach = await async_look(coordinator.client, prepared)
    else:
        created = await coordinator.writer.async_create(
            prepared,
            call.hass.data[DATA_ASKERS].asker_of(call.context),
            force=force,
            allow_downgrade=allow_downgrade,
            origin=origin,
        )
        newest = max(created, key=lambda task: task.asked_time)
        reach = newest.reach or Reach()
    parts = coordinator.client.split(prepared)
    return _answer(prepared, parts, created, reach, dry_run=dry_run)


def _action(platform: Platform, name: str) -> CreateAction:
    """Return a platform's declaration of an action."""
    for action in platform.create_actions:
        if action.name == name:
            return action
    raise ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key="action_unsupported",
        translation_placeholders={
            "action": f"{DOMAIN}.{name}",
            "platform": platform.name,
        },
    )


def _answer(
    prepared: PreparedCreate,
    parts: Sequence[PreparedCreate],
    created: Sequence[CreateEntry],
    reach: Reach,
    *,
    dry_run: bool,
) -> dict[str, Any]:
    """Return what was created, or, on a dry run, would be."""
    request = prepared.request
    task_ids = [entry.task_id for entry in created] or [None] * len(parts)
    answer = {
        "task_id": task_ids[0] if len(parts) == 1 else _batch(created),
        "kind": plain(request.kind),
        "package": request.package_id,
        "version": prepared.version,
        "targets": plain(request.targets),
        "policy": plain(request.policy),
        "parts": [
            {"task_id": task_id, "targets": part.request.targets.count}
            for task_id, part in zip(task_ids, parts, strict=True)
        ],
        "reach": reach_answer(reach),
        "downgrade": plain(downgrade_of(prepared, reach)),
        "dry_run": dry_run,
    }
    if dry_run:
        answer["request"] = {
            "method": parts[0].method,
            "path": parts[0].path,
            "query": parts[0].query,
            "body": parts[0].body,
        }
    return answer


def _batch(created: Sequence[CreateEntry]) -> str | None:
    """Return the ID under which the tasks of a batch are shown as one."""
    for entry in created:
        if entry.part is not None:
            return unit_id(entry.part.batch_id)
    return None
