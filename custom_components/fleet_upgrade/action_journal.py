"""The action that tells what an account has written, and who asked for it."""

from typing import Any

from homeassistant.auth.models import User
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse
from msgspec import structs
import voluptuous as vol

from .action_answers import plain, reach_answer
from .action_queries import LIMIT, limit_of
from .action_targets import ACCOUNT, async_get_account
from .failures import translated_failures
from .plan import PlanOrigin
from .units import unit_id
from .writes import CreateEntry, Entry, PlanEntry

GET_JOURNAL_SCHEMA = vol.Schema({**ACCOUNT, **LIMIT})


async def async_get_journal(call: ServiceCall) -> ServiceResponse:
    """Return the journal of an account, newest first.

    Which users there are is for administrators to know.
    """
    account = async_get_account(call)
    with translated_failures(call.hass, account):
        limit = limit_of(call)
    caller = await _user(call.hass, call.context.user_id)
    with_users = caller is None or caller.is_admin
    entries = list(account.runtime_data.writer.journal.entries)
    return {
        "entries": [
            await _row(call.hass, account, entry, with_users=with_users)
            for entry in reversed(entries[-limit:])
        ],
        "total": len(entries),
    }


async def _user(hass: HomeAssistant, user_id: str | None) -> User | None:
    return None if user_id is None else await hass.auth.async_get_user(user_id)


async def _row(
    hass: HomeAssistant, account: ConfigEntry, entry: Entry, *, with_users: bool
) -> dict[str, Any]:
    create = entry if isinstance(entry, CreateEntry) else None
    request = create and create.prepared.request
    asker = entry.asker
    if not with_users:
        asker = structs.replace(asker, user_id=None)
    user = await _user(hass, asker.user_id)
    plan, wave = _plan(account, entry)
    return {
        "asked_at": plain(entry.asked_at),
        "asked_by": {**plain(asker), "user": None if user is None else user.name},
        "action": entry.action,
        "kind": request and plain(request.kind),
        "package": request and request.package_id,
        "version": create and create.prepared.version,
        "targets": plain(entry.targets),
        "policy": request and plain(request.policy),
        "batch": create and create.part and unit_id(create.part.batch_id),
        "part": create and create.part and create.part.number,
        "plan": plan,
        "wave": wave,
        "reach": create and reach_answer(create.reach),
        "forced": create is not None and create.forced,
        "state": plain(entry.state),
        "task_id": entry.task_id,
        "closed_at": plain(entry.closed_at),
        "failure": entry.failure,
        "code": entry.detail,
    }


def _plan(account: ConfigEntry, entry: Entry) -> tuple[str | None, int | None]:
    """Return the name of the plan that an entry belongs to, and the wave, from 1.

    The name of a plan that was deleted is not known to its creations any more.
    """
    if isinstance(entry, PlanEntry):
        return entry.plan, entry.wave
    if isinstance(entry, CreateEntry) and (origin := PlanOrigin.read(entry.origin)):
        subentry = account.subentries.get(origin.plan_id)
        return None if subentry is None else subentry.title, origin.wave
    return None, None
