"""What a bug report needs to know of an account, without secrets or devices."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sized
from contextlib import suppress
from hashlib import sha256
from typing import Any

from homeassistant.components.diagnostics import REDACTED, async_redact_data
from homeassistant.config_entries import ConfigEntryState, ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import msgspec
from msgspec import structs

from .account import AccountData, AccountState
from .clients.budget import Priority
from .clients.model import Targets, UpgradeTask
from .clients.platform import Platform
from .clients.registry import PLATFORMS
from .const import CONF_PLATFORM
from .coordinator import FleetConfigEntry, FleetCoordinator
from .issues import async_load_journal
from .journal import async_get_journal
from .plan import plan_of
from .polls import PollReport
from .store import AccountStore
from .units import unit_id
from .waves import Run
from .writes import CreateEntry, Entry


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: FleetConfigEntry
) -> dict[str, Any]:
    """Return what is known of an account, also of one that does not load."""
    platform = PLATFORMS.get(entry.data[CONF_PLATFORM])
    harmless = {CONF_PLATFORM} | {
        field.key
        for field in (() if platform is None else platform.form)
        if not field.is_secret and not field.identifying
    }
    state = await AccountStore(hass, entry.entry_id).async_load()
    journal = async_get_journal(hass, entry.entry_id)
    if entry.state is not ConfigEntryState.LOADED:
        with suppress(OSError):
            await async_load_journal(hass, entry, journal)
    return {
        "entry": {
            "version": f"{entry.version}.{entry.minor_version}",
            "state": entry.state.value,
            "error": entry.error_reason_translation_key,
            "data": async_redact_data(entry.data, entry.data.keys() - harmless),
            "options": {key: _harmless(value) for key, value in entry.options.items()},
        },
        "platform": None if platform is None else _platform(platform),
        "stored": None if state is None else _stored(state),
        "plans": [_plan(each) for each in entry.subentries.values()],
        "runs": (
            [_run(run) for run in entry.runtime_data.plans.waves.runs.values()]
            if entry.state is ConfigEntryState.LOADED
            else None
        ),
        "journal": _journal(journal.entries),
        "polled": (
            _polled(entry.runtime_data)
            if entry.state is ConfigEntryState.LOADED
            else None
        ),
    }


def _platform(platform: Platform) -> dict[str, Any]:
    return {
        "name": platform.name,
        "capabilities": sorted(platform.capabilities),
        "create_actions": [action.name for action in platform.create_actions],
    }


def _plan(subentry: ConfigSubentry) -> dict[str, Any] | None:
    """Sum up a plan without its name and its groups; `None` if it is unreadable."""
    try:
        plan = plan_of(subentry.subentry_id, subentry.title, subentry.data)
    except msgspec.ValidationError:
        return None
    return {
        "action": plan.action,
        "values": {key: _harmless(value) for key, value in plan.values.items()},
        "device_groups": len(plan.device_groups),
        "waves": len(plan.waves),
    }


def _run(run: Run) -> dict[str, Any]:
    """Sum up the run of a plan of waves."""
    return {
        "phase": run.phase.value,
        "since": dt_util.utc_from_timestamp(run.since).isoformat(),
        "wave": run.wave + 1,
        "waves": [_targets(targets) for targets in run.targets],
        "tasks": [[_alias(task_id) for task_id in wave] for wave in run.task_ids],
        "reason": run.reason and run.reason.value,
        "to_stop": run.to_stop,
    }


def _stored(state: AccountState) -> dict[str, Any]:
    """Sum up what the account's file holds; IDs are counted, not named."""
    return {
        "tasks": len(state.tasks),
        "events_to_tell": len(state.outbox),
        "memory": {
            key: len(value) if isinstance(value, list | dict) else value
            for key, value in state.memory.items()
        },
    }


def _polled(coordinator: FleetCoordinator) -> dict[str, Any]:
    client = coordinator.client
    budget = client.budget
    last = coordinator.polls.last
    interval = coordinator.update_interval
    data = coordinator.data
    return {
        "last_poll": last and _poll(last),
        "interval": interval and interval.total_seconds(),
        "session_contended": client.is_contended,
        "push": coordinator.push and coordinator.push.diagnostics,
        "clock_offset": client.clock_offset.total_seconds(),
        "call_budget": {
            "limit": budget.limit,
            "left": budget.left,
            "is_crowded": budget.is_crowded,
            "made": {who.name.lower(): budget.made[who] for who in Priority},
        },
        "overview": msgspec.to_builtins(data.overview),
        "task_statuses": _counted(str(task.status) for task in data.tasks.values()),
        "tracked": len(data.tracked),
        "tasks": [_task(task, data) for task in data.tasks.values()],
    }


def _poll(report: PollReport) -> dict[str, Any]:
    return {
        "ended": dt_util.utc_from_timestamp(report.time).isoformat(),
        "age": round(report.age, 1),
        "seconds": round(report.seconds, 3),
        "calls": report.calls,
        "error": report.error,
    }


def _journal(entries: Iterable[Entry]) -> dict[str, Any]:
    return {
        "states": _counted(entry.state.value for entry in entries),
        "entries": [_write(entry) for entry in entries],
    }


def _write(entry: Entry) -> dict[str, Any]:
    """Sum up an entry of the journal: who asked and for what is not told."""
    about: dict[str, Any] = {}
    if isinstance(entry, CreateEntry):
        about = {
            "kind": entry.kind.value,
            "version": entry.prepared.version,
            "forced": entry.forced,
        }
        if (part := entry.part) is not None:
            about["batch"] = _alias(unit_id(part.batch_id))
            about["part"] = f"{part.number}/{part.of}"
    return {
        "action": entry.action,
        "state": entry.state.value,
        "asked_at": entry.asked_at.isoformat(),
        "closed_at": None if entry.closed_at is None else entry.closed_at.isoformat(),
        "asker": entry.asker.kind.value,
        **about,
        "targets": _targets(entry.targets),
        "task": None if entry.task_id is None else _alias(entry.task_id),
        "failure": entry.failure,
        "code": entry.detail,
    }


def _task(task: UpgradeTask, data: AccountData) -> dict[str, Any]:
    """Return a task without its name and without those of what it upgrades."""
    values: dict[str, Any] = msgspec.to_builtins(task)
    del values["task_id"]
    values.pop("name", None)
    return {
        "task": _alias(task.task_id),
        **values,
        "targets": _targets(task.targets),
        "parts": [_alias(part) for part in data.members.get(task.task_id, ())],
        "is_stalled": task.task_id in data.stalled,
        "is_failing": task.task_id in data.failing,
    }


def _targets(targets: Targets) -> dict[str, Any]:
    """Return how many targets there are, by their kind; none of them is named."""
    return {
        name: _harmless(value)
        for name, value in structs.asdict(targets).items()
        if value
    }


def _alias(task_id: str) -> str:
    """Return what stands for a task, so that its traces can be put together."""
    return sha256(task_id.encode()).hexdigest()[:8]


def _harmless(value: object) -> object:
    """Return a value without what may name something: of a list, its length."""
    match value:
        case str():
            return REDACTED
        case Mapping():
            return {"names": len(value), "values": sum(map(_length, value.values()))}
        case Sized():
            return len(value)
    return value


def _length(value: object) -> int:
    return len(value) if isinstance(value, Sized) else 1


def _counted(words: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))
