"""What an upgrade plan creates, checked against what its platform has."""

from homeassistant.util import dt as dt_util

from .clients.errors import InvalidFieldError, NotFoundError
from .clients.model import CreateRequest, PreparedCreate, Targets
from .clients.platform import Capability, CreateAction, Platform, PlatformClient
from .create_values import create_values
from .plan import Plan
from .plan_check import async_groups_gone


def create_action(platform: Platform, name: str) -> CreateAction:
    """Return a platform's create action; `InvalidFieldError` when it has none."""
    for action in platform.create_actions:
        if action.name == name:
            return action
    raise InvalidFieldError(
        "action", "action_unsupported", action=name, platform=platform.name
    )


def plan_request(
    platform: Platform, plan: Plan, targets: Targets | None = None
) -> CreateRequest:
    """Return what a plan asks of its platform, for all its groups or for a wave.

    Raises `InvalidFieldError`; nothing is looked up.
    """
    action = create_action(platform, plan.action)
    if targets is None:
        targets = Targets(device_groups=plan.device_groups)
    chosen = {"device_groups": targets.device_groups, "devices": targets.devices}
    values = create_values(
        platform,
        action,
        {**plan.values, **{key: list(each) for key, each in chosen.items() if each}},
        dt_util.get_default_time_zone(),
    )
    return action.build(values, dt_util.utcnow())


async def async_prepare(
    platform: Platform,
    client: PlatformClient,
    plan: Plan,
    targets: Targets | None = None,
) -> PreparedCreate:
    """Check a plan, for all its groups or for a wave, against what the platform has.

    Raises `PlatformError`; that of a package or a group that is gone names it.
    """
    request = plan_request(platform, plan, targets)
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


def without_force(err: InvalidFieldError, plan: Plan) -> InvalidFieldError:
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
