"""The action that tells what an account has written, and who asked for it."""

from typing import Any

from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse
import voluptuous as vol

from .action_answers import plain
from .action_queries import LIMIT, limit_of
from .action_targets import ACCOUNT, async_get_account
from .failures import translated_failures
from .journal import Entry

GET_JOURNAL_SCHEMA = vol.Schema({**ACCOUNT, **LIMIT})


async def async_get_journal(call: ServiceCall) -> ServiceResponse:
    """Return the journal of an account, newest first."""
    account = async_get_account(call)
    with translated_failures(call.hass, account):
        limit = limit_of(call)
    entries = list(account.runtime_data.creator.journal.entries)
    return {
        "entries": [
            await _row(call.hass, entry) for entry in reversed(entries[-limit:])
        ],
        "total": len(entries),
    }


async def _row(hass: HomeAssistant, entry: Entry) -> dict[str, Any]:
    request = entry.prepared.request
    user = (
        await hass.auth.async_get_user(entry.asker.user_id)
        if entry.asker.user_id is not None
        else None
    )
    return {
        "asked_at": plain(entry.asked_at),
        "asked_by": {**plain(entry.asker), "user": None if user is None else user.name},
        "action": f"create_{request.kind}_upgrade_task",
        "package": request.package_id,
        "version": entry.prepared.version,
        "targets": plain(request.targets),
        "policy": plain(request.policy),
        "forced": entry.forced,
        "state": plain(entry.state),
        "task_id": entry.task_id,
        "closed_at": plain(entry.closed_at),
        "failure": entry.failure,
        "code": entry.detail,
    }
