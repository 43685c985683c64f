"""The fields of EnOS's create action, their rules, and what a creation becomes.

Source: "Create OTA Job" (V2.1) in the EnOS Connection Service API documentation, and
the limits in "Adding firmware" and "Limitations".
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
import re
from typing import Any

from msgspec import structs

from ..errors import InvalidFieldError
from ..model import (
    CreateRequest,
    Execution,
    Package,
    Policy,
    PreparedCreate,
    Targets,
    UpgradeKind,
    UpgradeTask,
)
from ..platform import CreateAction, Field, FieldKind, Values
from .firmware import MOST_TO_VERIFY
from .jobs import DEFAULT_CONCURRENCY, DEFAULT_TIME_LIMIT, PATH, create_body

TIME_LIMITS = (300, 172_800)
"""Seconds that one device may take, at least and at most."""

RETRY_INTERVALS = (0, 86_400)
"""Seconds between two tries."""

MOST_RETRIES = 5
MOST_AT_ONCE = 2**31 - 1
MOST_TREES = 5
DEVICE_KEY_LENGTHS = (4, 64)
SHORTEST_WINDOW = timedelta(minutes=30)

_TAG_KEY = re.compile(r"[A-Za-z0-9_/-]{1,50}")
LONGEST_TAG_VALUE = 200


class Purpose(StrEnum):
    """What a task is for."""

    UPGRADE = "upgrade"
    VERIFY = "verify"


class Selection(StrEnum):
    """When it is decided which devices match."""

    SNAPSHOT = "snapshot"
    """Once, at the beginning."""
    INCREMENTAL = "incremental"
    """All the time: devices that match later are upgraded too."""


SCOPES = (
    "device_groups",
    "devices",
    "attributes",
    "tags",
    "asset_trees",
    "asset_ids",
    "all_devices",
)
"""The fields of which exactly one says which devices are meant."""

FIELDS = (
    Field(key="package", required=True),
    Field(key="name"),
    Field(
        key="purpose",
        kind=FieldKind.CHOICE,
        choices=tuple(Purpose),
        default=Purpose.UPGRADE,
    ),
    Field(key="device_groups", kind=FieldKind.TEXTS),
    Field(key="devices", kind=FieldKind.TEXTS),
    Field(key="attributes", kind=FieldKind.MAPPING),
    Field(key="tags", kind=FieldKind.MAPPING),
    Field(key="asset_trees", kind=FieldKind.MAPPING),
    Field(key="asset_ids", kind=FieldKind.TEXTS),
    Field(key="all_devices", kind=FieldKind.BOOLEAN, default=False),
    Field(key="from_versions", kind=FieldKind.TEXTS),
    Field(key="product"),
    Field(
        key="selection",
        kind=FieldKind.CHOICE,
        choices=tuple(Selection),
        default=Selection.SNAPSHOT,
    ),
    Field(key="device_request", kind=FieldKind.BOOLEAN, default=False),
    Field(key="time_limit", kind=FieldKind.INTEGER),
    Field(key="retries", kind=FieldKind.INTEGER, default=0),
    Field(key="retry_interval", kind=FieldKind.INTEGER),
    Field(key="start", kind=FieldKind.LOCAL_TIME),
    Field(key="end", kind=FieldKind.LOCAL_TIME),
    Field(key="repeat_daily", kind=FieldKind.BOOLEAN, default=False),
    Field(key="concurrency", kind=FieldKind.INTEGER),
)


def build(values: Values, now: datetime) -> CreateRequest:
    """Check a creation's values against the platform's rules.

    ``now`` is the present time in UTC. Raises `InvalidFieldError`.
    """
    request = CreateRequest(
        kind=UpgradeKind.FIRMWARE,
        package_id=values["package"],
        name=(values.get("name") or "").strip() or None,
        targets=_targets(values),
        policy=_policy(values, now),
    )
    if request.policy.is_verification:
        _check_verification(request)
    return request


def prepare(request: CreateRequest, package: Package) -> PreparedCreate:
    """Check a creation against its firmware, and put it in the platform's form.

    Raises `InvalidFieldError`.
    """
    targets, policy = request.targets, request.policy
    if package.version is not None and package.version in targets.from_versions:
        raise InvalidFieldError(
            "from_versions", "versions_hold_target", version=package.version
        )
    if package.product and targets.product not in (None, package.product):
        raise InvalidFieldError("product", "product_mismatch", product=package.product)
    if targets.devices and not (package.product or targets.product):
        raise InvalidFieldError("product", "product_missing")
    if policy.is_verification:
        _check_number_to_verify(targets, package.most_to_verify or MOST_TO_VERIFY)
    elif package.needs_verification:
        raise InvalidFieldError("package", "package_not_verified")
    body = create_body(request)
    if package.product:
        # The firmware says it already; said again, it would seem another creation.
        request = structs.replace(
            request, targets=structs.replace(targets, product=None)
        )
    return PreparedCreate(
        request=request,
        method="POST",
        path=PATH,
        query={"action": "create", "firmwareId": request.package_id},
        body=body,
        version=package.version,
        product=package.product,
    )


def is_result(prepared: PreparedCreate, task: UpgradeTask) -> bool:
    """Whether a task is what a creation asked for.

    Null, absent and default are the same; targets are sets. What the platform may
    fill in by itself counts only where it was asked for.
    """
    request = prepared.request
    return (
        task.kind is request.kind
        and task.package_id == request.package_id
        and (request.name is None or task.name == request.name)
        and _comparable(task.targets, request.targets)
        == _comparable(request.targets, task.targets)
        and _plain(task.policy) == _plain(request.policy)
    )


def _targets(values: Values) -> Targets:
    given = [key for key in SCOPES if values.get(key)]
    if not given:
        raise InvalidFieldError("device_groups", "scope_missing")
    if len(given) > 1:
        raise InvalidFieldError(given[1], "scope_twice", other=given[0])
    targets = Targets(
        device_groups=_names("device_groups", values),
        devices=_names("devices", values),
        product=values.get("product"),
        attributes=_mapping("attributes", values),
        tags=_mapping("tags", values, text=True),
        asset_trees=_mapping("asset_trees", values, text=True, may_be_empty=True),
        asset_ids=_names("asset_ids", values),
        all_devices=bool(values.get("all_devices")),
        from_versions=_names("from_versions", values),
    )
    if targets.all_devices and not targets.from_versions:
        raise InvalidFieldError("from_versions", "versions_missing")
    if len(targets.asset_trees) > MOST_TREES:
        raise InvalidFieldError(
            "asset_trees",
            "targets_too_many",
            limit=str(MOST_TREES),
            count=str(len(targets.asset_trees)),
        )
    for key in targets.devices:
        if not DEVICE_KEY_LENGTHS[0] <= len(key) <= DEVICE_KEY_LENGTHS[1]:
            raise InvalidFieldError(
                "devices",
                "device_key_invalid",
                device=key,
                minimum=str(DEVICE_KEY_LENGTHS[0]),
                maximum=str(DEVICE_KEY_LENGTHS[1]),
            )
    _check_tags(targets.tags)
    return targets


def _names(field: str, values: Values) -> tuple[str, ...]:
    """Return names or IDs in the order given, each once."""
    names = tuple(dict.fromkeys(name.strip() for name in values.get(field) or ()))
    if "" in names:
        raise InvalidFieldError(field, "targets_empty_value")
    return names


def _mapping(
    field: str, values: Values, *, text: bool = False, may_be_empty: bool = False
) -> dict[str, tuple[Any, ...]]:
    """Return names with their values, each once; one value may stand for a list."""
    given: Mapping[str, Any] = values.get(field) or {}
    mapping = {}
    for name, several in given.items():
        kept = _several(several)
        if text:
            kept = tuple(str(value).strip() for value in kept)
        if not str(name).strip() or "" in kept or None in kept:
            raise InvalidFieldError(field, "targets_empty_value")
        if not kept and not may_be_empty:
            raise InvalidFieldError(field, "values_missing", name=str(name))
        # Of equal values of different types (1 and True) each one stays.
        unique = {(type(value), value): value for value in kept}
        mapping[str(name).strip()] = tuple(unique.values())
    return mapping


def _several(given: Any) -> tuple[Any, ...]:
    """Return a list's values; one value stands for a list of its own."""
    if given is None:
        return ()
    if isinstance(given, str) or not isinstance(given, Iterable):
        return (given,)
    return tuple(given)


def _check_tags(tags: Mapping[str, tuple[str, ...]]) -> None:
    for key, values in tags.items():
        if _TAG_KEY.fullmatch(key) is None:
            raise InvalidFieldError("tags", "tag_invalid", tag=key)
        for value in values:
            if len(value) > LONGEST_TAG_VALUE:
                raise InvalidFieldError(
                    "tags", "tag_too_long", tag=key, limit=str(LONGEST_TAG_VALUE)
                )


def _policy(values: Values, now: datetime) -> Policy:
    retries: int = values.get("retries") or 0
    if not 0 <= retries <= MOST_RETRIES:
        raise InvalidFieldError(
            "retries", "retries_out_of_range", minimum="0", maximum=str(MOST_RETRIES)
        )
    interval = _number("retry_interval", values, *RETRY_INTERVALS)
    if retries and interval is None:
        raise InvalidFieldError("retry_interval", "retry_interval_missing")
    if interval is not None and not retries:
        raise InvalidFieldError("retry_interval", "retry_interval_needs_retries")
    start, end = _window(values, now)
    return Policy(
        execution=Execution.NOW if start is None else Execution.CUSTOM,
        start=start,
        end=end,
        repeat_daily=bool(values.get("repeat_daily")),
        retries=retries,
        retry_interval=interval,
        time_limit=_number("time_limit", values, *TIME_LIMITS),
        concurrency=_number("concurrency", values, 1, MOST_AT_ONCE),
        is_verification=values.get("purpose") == Purpose.VERIFY,
        is_incremental=values.get("selection") == Selection.INCREMENTAL,
        device_request=bool(values.get("device_request")),
    )


def _number(field: str, values: Values, minimum: int, maximum: int) -> int | None:
    number: int | None = values.get(field)
    if number is not None and not minimum <= number <= maximum:
        raise InvalidFieldError(
            field, "number_out_of_range", minimum=str(minimum), maximum=str(maximum)
        )
    return number


def _window(values: Values, now: datetime) -> tuple[datetime | None, datetime | None]:
    """Return when a schedule starts and ends, both or neither."""
    start, end = _moment(values.get("start")), _moment(values.get("end"))
    if start is None and end is None:
        if values.get("repeat_daily"):
            raise InvalidFieldError("start", "schedule_incomplete")
        return None, None
    if start is None:
        raise InvalidFieldError("start", "schedule_incomplete")
    if end is None:
        raise InvalidFieldError("end", "schedule_incomplete")
    if end <= now:
        raise InvalidFieldError("end", "window_past")
    if end - start < SHORTEST_WINDOW:
        minutes = int(SHORTEST_WINDOW.total_seconds() // 60)
        raise InvalidFieldError("end", "schedule_too_short", minutes=str(minutes))
    return start, end


def _moment(given: Any) -> datetime | None:
    """Return a time in UTC as exact as the platform takes it."""
    if given is None:
        return None
    aware: datetime = given
    aware = aware.astimezone(UTC)
    return aware.replace(microsecond=aware.microsecond // 1000 * 1000)


def _check_verification(request: CreateRequest) -> None:
    """Refuse what a verification does not have."""
    targets, policy = request.targets, request.policy
    if targets.all_devices:
        raise InvalidFieldError("all_devices", "verify_not_all")
    if targets.device_groups:
        raise InvalidFieldError("device_groups", "verify_unsupported")
    for field, value in (
        ("selection", policy.is_incremental),
        ("device_request", policy.device_request),
        ("retries", policy.retries),
        ("start", policy.start),
        ("concurrency", policy.concurrency),
    ):
        if value:
            raise InvalidFieldError(field, "verify_unsupported")


def _check_number_to_verify(targets: Targets, most: int) -> None:
    for field in ("devices", "asset_ids"):
        count = len(getattr(targets, field))
        if count > most:
            raise InvalidFieldError(
                field, "verify_too_many", limit=str(most), count=str(count)
            )


def _comparable(targets: Targets, other: Targets) -> dict[str, object]:
    """Return targets as sets; the product counts only where both sides name it."""
    values = structs.asdict(targets)
    if targets.product is None or other.product is None:
        values["product"] = None
    return {key: _as_set(value) for key, value in values.items()}


def _as_set(value: object) -> object:
    """Return a list as a set; numbers may come back as texts."""
    match value:
        case dict():
            return {key: _as_set(each) for key, each in value.items()}
        case tuple():
            return {each if isinstance(each, bool) else str(each) for each in value}
        case _:
            return value


def _plain(policy: Policy) -> Policy:
    """Return a policy with the platform's defaults, for comparing.

    Of a verification only the time limit counts: it has no other policy.
    """
    time_limit = policy.time_limit or DEFAULT_TIME_LIMIT
    if policy.is_verification:
        return Policy(is_verification=True, time_limit=time_limit)
    return structs.replace(
        policy,
        time_limit=time_limit,
        concurrency=policy.concurrency or DEFAULT_CONCURRENCY,
    )


CREATE_ACTIONS = (
    CreateAction(name="create_ota_upgrade_task", fields=FIELDS, build=build),
)
