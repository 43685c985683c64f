"""Starts the upgrade plans of an account, and knows when each one last ran."""

from collections.abc import Sequence
from datetime import datetime

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
    ConfigEntryState,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.util import dt as dt_util
from homeassistant.util.ulid import ulid_now
import msgspec

from .askers import Asker
from .clients.errors import InvalidFieldError, NotFoundError
from .clients.model import CreateRequest, PreparedCreate
from .clients.platform import Capability, CreateAction, Platform, PlatformClient
from .const import LOGGER, SUBENTRY_PLAN
from .create_values import create_values
from .issues import async_sync_issue
from .plan import Plan, plan_of
from .plan_check import async_groups_gone
from .units import unit_id
from .writer import Writer
from .writes import CreateEntry, WriteState

_MAY_EXIST = {WriteState.OPEN, WriteState.UNSETTLED, WriteState.DONE}
"""States of a creation that has become a task, or may have."""


class Plans:
    """The upgrade plans of one account: its config subentries."""

    def __init__(
        self,
        hass: HomeAssistant,
        account: ConfigEntry,
        platform: Platform,
        client: PlatformClient,
        writer: Writer,
    ) -> None:
        """Have no plan before they are read."""
        self._hass = hass
        self._account = account
        self._platform = platform
        self._client = client
        self._writer = writer
        self.all: dict[str, Plan] = {}
        """By ID, which is that of the subentry."""

    @callback
    def async_read(self) -> None:
        """Read the plans; one that cannot be understood is left out and told of."""
        unreadable: list[str] = []
        for subentry in self._account.get_subentries_of_type(SUBENTRY_PLAN):
            try:
                plan = plan_of(subentry.subentry_id, subentry.title, subentry.data)
                create_action(self._platform, plan.action)
            except (msgspec.ValidationError, InvalidFieldError) as err:
                LOGGER.warning(
                    "The upgrade plan %s of %s is left out: %s",
                    subentry.title,
                    self._account.title,
                    err,
                )
                unreadable.append(subentry.title)
            else:
                self.all[plan.plan_id] = plan
        async_sync_issue(
            self._hass,
            self._account,
            "plans_unreadable",
            bool(unreadable),
            plans=", ".join(unreadable),
        )

    async def async_start(self, plan_id: str, asker: Asker) -> list[CreateEntry]:
        """Create what a plan is about; raises `PlatformError`.

        Whether its package and its device groups are still on the platform is looked
        up before anything is written.
        """
        plan = self.all[plan_id]
        if plan.waves:
            raise InvalidFieldError("waves", "plan_waves_unsupported", plan=plan.name)
        prepared = await async_prepare(self._platform, self._client, plan)
        try:
            return await self._writer.async_create(
                prepared, asker, origin=f"{_origin(plan_id)}{ulid_now()}"
            )
        except InvalidFieldError as err:
            raise _without_force(err, plan) from err

    def creations(self, plan_id: str) -> list[CreateEntry]:
        """Return what a plan has created, or may have, oldest first."""
        origin = _origin(plan_id)
        return [
            entry
            for entry in self._writer.journal.all_of(CreateEntry)
            if entry.origin is not None
            and entry.origin.startswith(origin)
            and entry.state in _MAY_EXIST
        ]

    def last_run(self, plan_id: str) -> datetime | None:
        """Return when a plan was last started and something came of it."""
        if not (entries := self.creations(plan_id)):
            return None
        run = _run_of(entries[-1])
        return min(entry.asked_at for entry in entries if _run_of(entry) == run)

    def last_task_id(self, plan_id: str) -> str | None:
        """Return the ID of what a plan created last, that of a batch if it is one."""
        if not (entries := self.creations(plan_id)):
            return None
        last = entries[-1]
        return last.task_id if last.part is None else unit_id(last.part.batch_id)


def create_action(platform: Platform, name: str) -> CreateAction:
    """Return a platform's create action; `InvalidFieldError` when it has none."""
    for action in platform.create_actions:
        if action.name == name:
            return action
    raise InvalidFieldError(
        "action", "action_unsupported", action=name, platform=platform.name
    )


def plan_request(
    platform: Platform, plan: Plan, device_groups: Sequence[str] | None = None
) -> CreateRequest:
    """Return what a plan asks of its platform, for all or some of its groups.

    Raises `InvalidFieldError`; nothing is looked up.
    """
    action = create_action(platform, plan.action)
    groups = plan.device_groups if device_groups is None else device_groups
    values = create_values(
        platform,
        action,
        {**plan.values, "device_groups": list(groups)},
        dt_util.get_default_time_zone(),
    )
    return action.build(values, dt_util.utcnow())


async def async_prepare(
    platform: Platform,
    client: PlatformClient,
    plan: Plan,
    device_groups: Sequence[str] | None = None,
) -> PreparedCreate:
    """Check a plan, for all or some of its groups, against what the platform has.

    Raises `PlatformError`; that of a package or a group that is gone names it.
    """
    request = plan_request(platform, plan, device_groups)
    if Capability.DEVICE_GROUPS in platform.capabilities:
        if gone := await async_groups_gone(client, request.targets.device_groups):
            raise InvalidFieldError(
                "device_groups",
                "plan_group_gone",
                plan=plan.name,
                groups=", ".join(gone),
            )
    try:
        return await client.prepare_create(request)
    except NotFoundError as err:
        raise InvalidFieldError(
            "package", "plan_package_gone", plan=plan.name, package=request.package_id
        ) from err


def _without_force(err: InvalidFieldError, plan: Plan) -> InvalidFieldError:
    """Return a refusal without the advice to use a field that a plan does not have."""
    given = err.placeholders
    match err.key:
        case "create_repeated":
            return InvalidFieldError(
                "plan",
                "plan_repeated",
                plan=plan.name,
                time=given["time"],
                task=given["task"],
                minutes=given["minutes"],
            )
        case "targets_busy":
            return InvalidFieldError(
                "plan",
                "plan_busy",
                plan=plan.name,
                task=given["task"],
                overlap=given["overlap"],
            )
        case "downgrade_refused":
            return InvalidFieldError(
                "plan",
                "plan_downgrade",
                plan=plan.name,
                count=given["count"],
                versions=given["versions"],
                version=given["version"],
            )
    return err


def _origin(plan_id: str) -> str:
    """Return how the origin of all that a plan creates begins."""
    return f"plan:{plan_id}:"


def _run_of(entry: CreateEntry) -> str:
    """Return which run of its plan created something."""
    return (entry.origin or "").split(":")[2]


@callback
def async_reload_with_plans(hass: HomeAssistant, account: ConfigEntry) -> None:
    """Load an account anew whenever one of its plans comes, changes or goes."""

    def plans() -> dict[str, tuple[str, object]]:
        return {
            subentry.subentry_id: (subentry.title, subentry.data)
            for subentry in account.subentries.values()
        }

    known = plans()

    @callback
    def look(_change: ConfigEntryChange, changed: ConfigEntry) -> None:
        nonlocal known
        if (
            changed is account
            and account.state is not ConfigEntryState.UNLOAD_IN_PROGRESS
            and plans() != known
        ):
            known = plans()
            hass.config_entries.async_schedule_reload(account.entry_id)

    account.async_on_unload(
        async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, look)
    )
