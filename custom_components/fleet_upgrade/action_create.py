"""The actions that create upgrade tasks: one handler for what platforms declare."""

from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.core import ServiceCall, ServiceResponse
from homeassistant.exceptions import ServiceValidationError
from homeassistant.util import dt as dt_util

from .action_answers import plain
from .action_schema import ATTR_DRY_RUN, ATTR_FORCE, create_values
from .action_targets import async_get_account
from .askers import DATA_ASKERS
from .clients.model import PreparedCreate
from .clients.platform import CreateAction, Platform
from .const import DOMAIN
from .failures import translated_failures


async def async_create(call: ServiceCall) -> ServiceResponse:
    """Create an upgrade task; on a dry run, say what would be sent."""
    entry = async_get_account(call)
    coordinator = entry.runtime_data
    action = _action(coordinator.platform, call.service)
    values = dict(call.data)
    del values[ATTR_CONFIG_ENTRY_ID]
    dry_run: bool = values.pop(ATTR_DRY_RUN)
    force: bool = values.pop(ATTR_FORCE)
    task_id: str | None = None
    with translated_failures(call.hass, entry):
        values = create_values(
            coordinator.platform, action, values, dt_util.get_default_time_zone()
        )
        prepared = await coordinator.client.prepare_create(
            action.build(values, dt_util.utcnow())
        )
        if not dry_run:
            task_id = await coordinator.writer.async_create(
                prepared,
                call.hass.data[DATA_ASKERS].asker_of(call.context),
                force=force,
            )
    return _answer(prepared, task_id, dry_run=dry_run)


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
    prepared: PreparedCreate, task_id: str | None, *, dry_run: bool
) -> ServiceResponse:
    """Return what was created, or, on a dry run, would be."""
    request = prepared.request
    answer = {
        "task_id": task_id,
        "kind": plain(request.kind),
        "package": request.package_id,
        "version": prepared.version,
        "targets": plain(request.targets),
        "policy": plain(request.policy),
        "dry_run": dry_run,
    }
    if dry_run:
        answer["request"] = {
            "method": prepared.method,
            "path": prepared.path,
            "query": prepared.query,
            "body": prepared.body,
        }
    return answer
