"""The fields of OceanConnect's two create actions, and their rules.

Source: "Creating a Software Upgrade Task" and "Creating a Firmware Upgrade Task" in
the Northbound API Reference.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from msgspec import structs

from ..errors import InvalidFieldError
from ..model import (
    CreateRequest,
    Execution,
    Policy,
    PreparedCreate,
    Targets,
    UpgradeKind,
    UpgradeTask,
)
from ..platform import CreateAction, Field, FieldKind, Values

MOST_TARGETS = 256
"""Device groups or devices of one task; what has more becomes several."""
MOST_RETRIES = 5
SHORTEST_WINDOW = timedelta(minutes=5)

FIELDS = (
    Field(key="package", required=True),
    Field(key="device_groups", kind=FieldKind.TEXTS),
    Field(key="devices", kind=FieldKind.TEXTS),
    Field(key="device_type"),
    Field(key="model"),
    Field(key="manufacturer"),
    Field(
        key="execution",
        kind=FieldKind.CHOICE,
        choices=tuple(Execution),
        default=Execution.NOW,
    ),
    Field(key="start", kind=FieldKind.LOCAL_TIME),
    Field(key="end", kind=FieldKind.LOCAL_TIME),
    Field(key="retries", kind=FieldKind.INTEGER, default=0),
)


def build(kind: UpgradeKind, values: Values, now: datetime) -> CreateRequest:
    """Check a creation's values against the platform's rules.

    ``now`` is the present time in UTC. Raises `InvalidFieldError`.
    """
    return CreateRequest(
        kind=kind,
        package_id=values["package"],
        targets=_targets(values),
        policy=_policy(values, now),
    )


def _targets(values: Values) -> Targets:
    groups = _names("device_groups", values.get("device_groups"))
    devices = _names("devices", values.get("devices"))
    if groups and devices:
        raise InvalidFieldError("devices", "targets_both")
    if not groups and not devices:
        raise InvalidFieldError("device_groups", "targets_missing")
    return Targets(
        device_groups=groups,
        devices=devices,
        device_type=values.get("device_type"),
        model=values.get("model"),
        manufacturer=values.get("manufacturer"),
    )


def _names(field: str, given: Iterable[str] | None) -> tuple[str, ...]:
    """Return names or IDs in the order given, each once."""
    names = tuple(dict.fromkeys(name.strip() for name in given or ()))
    if "" in names:
        raise InvalidFieldError(field, "targets_empty_value")
    return names


def _policy(values: Values, now: datetime) -> Policy:
    execution = Execution(values.get("execution", Execution.NOW))
    start = _whole_seconds(values.get("start"))
    end = _whole_seconds(values.get("end"))
    if execution is Execution.CUSTOM:
        _check_window(start, end, now)
    else:
        for field, time in (("start", start), ("end", end)):
            if time is not None:
                raise InvalidFieldError(field, "window_needs_custom")
    retries: int = values.get("retries", 0)
    if not 0 <= retries <= MOST_RETRIES:
        raise InvalidFieldError(
            "retries",
            "retries_out_of_range",
            minimum="0",
            maximum=str(MOST_RETRIES),
        )
    return Policy(execution=execution, start=start, end=end, retries=retries)


def _whole_seconds(time: Any) -> datetime | None:
    """Return a time in UTC as exact as the platform takes it."""
    if time is None:
        return None
    aware: datetime = time
    return aware.astimezone(UTC).replace(microsecond=0)


def _check_window(start: datetime | None, end: datetime | None, now: datetime) -> None:
    if start is None:
        raise InvalidFieldError("start", "window_missing")
    if end is None:
        raise InvalidFieldError("end", "window_missing")
    if start < now.replace(microsecond=0):
        raise InvalidFieldError("start", "window_past")
    if end - start <= SHORTEST_WINDOW:
        minutes = int(SHORTEST_WINDOW.total_seconds() // 60)
        raise InvalidFieldError("end", "window_too_short", minutes=str(minutes))


def is_result(prepared: PreparedCreate, task: UpgradeTask) -> bool:
    """Whether a task is what a creation asked for.

    Null, absent and default are the same; targets are sets. What the platform may
    fill in or leave out by itself counts only where both sides have it.
    """
    request = prepared.request
    wanted, targets = request.targets, task.targets
    return (
        task.kind is request.kind
        and _agree(task.version, prepared.version)
        and set(targets.device_groups) == set(wanted.device_groups)
        and set(targets.devices) == set(wanted.devices)
        and _agree(targets.device_type, wanted.device_type)
        and _agree(targets.model, wanted.model)
        and _agree(targets.manufacturer, wanted.manufacturer)
        and _plain(task.policy) == _plain(request.policy)
    )


def _agree(one: str | None, two: str | None) -> bool:
    return one is None or two is None or one == two


def _plain(policy: Policy) -> Policy:
    """Return a policy without what only a window has."""
    if policy.execution is Execution.CUSTOM:
        return policy
    return structs.replace(policy, start=None, end=None)


CREATE_ACTIONS = tuple(
    CreateAction(
        name=f"create_{kind}_upgrade_task", fields=FIELDS, build=partial(build, kind)
    )
    for kind in UpgradeKind
)
