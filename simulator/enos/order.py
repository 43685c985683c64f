"""What a job is asked to be: the body of a create call, checked as documented."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from . import codes
from .asked import Asked, flag, i18n, identifier, names, one_of, whole
from .codes import Refusal, invalid
from .model import Device, Firmware, Job, JobType, Retry, Schedule, Scope
from .scope import expand

MIN_TIMEOUT, MAX_TIMEOUT, TIMEOUT = 300, 172_800, 7200
CONCURRENCY = 300
MAX_TREES = 5
_MIN_WINDOW = 1800.0  # seconds
_CHOICES = (
    "deviceKeys",
    "attributes",
    "tags",
    "assetTrees",
    "deviceGroupIds",
    "assetIds",
)


class Order(NamedTuple):
    """A job that may be made."""

    job: Job
    devices: list[Device]


def order(asked: Asked) -> Order:
    """Return what a create call asks for; raises Refusal."""
    content = asked.content
    firmware_id = asked.parameter("firmwareId")
    firmware = asked.platform.firmware.get(firmware_id)
    if firmware is None:
        raise Refusal(codes.FIRMWARE_NOT_FOUND)
    kind = JobType(one_of(content, "type", list(JobType)))
    scope = _scope(asked, content.get("upgradeScope"), firmware, kind)
    job = Job(
        job_id=asked.platform.new_id(),
        firmware=firmware,
        name=i18n(content, "name"),
        kind=kind,
        scope=scope,
        created=asked.platform.clock.now(),
        incremental=None,
        timeout=whole(
            content,
            "upgradeTimeout",
            low=MIN_TIMEOUT,
            high=MAX_TIMEOUT,
            default=TIMEOUT,
        ),
    )
    if kind is JobType.UPGRADE:
        _take_policies(job, content)
        if firmware.must_be_verified and not firmware.is_verified:
            raise Refusal(codes.NOT_VERIFIED)
    devices = expand(asked.platform, firmware, scope)
    if kind is JobType.VERIFY:
        _check_number(scope, devices, firmware)
    return Order(job, devices)


def _take_policies(job: Job, content: Mapping[str, Any]) -> None:
    """Read what only an upgrade has; a verification is sent without them."""
    policy = one_of(content, "upgradePolicy", ("snapshot", "incremental"))
    job.incremental = policy == "incremental"
    job.on_request = flag(content, "enableUpgradeRequest")
    job.retry = _retry(_part(content, "retryPolicy"))
    job.schedule = _schedule(_part(content, "schedulePolicy"))
    job.concurrency = whole(
        content, "maximumConcurrency", low=1, high=2**31 - 1, default=CONCURRENCY
    )


def _check_number(scope: Scope, devices: list[Device], firmware: Firmware) -> None:
    asked_for = len(devices if scope.device_keys is None else scope.device_keys)
    if asked_for > firmware.max_to_verify:
        raise Refusal(
            codes.TOO_MANY_TO_VERIFY,
            codes.TOO_MANY_TO_VERIFY.text % firmware.max_to_verify,
        )


def _part(content: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    value = content.get(name)
    if value is not None and not isinstance(value, dict):
        raise invalid(name, "is not an object")
    return value


def _retry(content: dict[str, Any] | None) -> Retry:
    if content is None or not flag(content, "enableRetry", False):
        return Retry()
    return Retry(
        enabled=True,
        interval=whole(content, "retryInterval", low=0, high=86_400),
        count=whole(content, "retryCount", low=1, high=5),
    )


def _schedule(content: dict[str, Any] | None) -> Schedule | None:
    if content is None:
        return None
    daily = flag(content, "isRepeatDaily", False)
    start, end = (
        whole(content, name, low=0, high=2**53) / 1000
        for name in ("startTimestamp", "endTimestamp")
    )
    if end - start < _MIN_WINDOW:
        raise invalid("endTimestamp", "must be 30 minutes after startTimestamp")
    return Schedule(daily=daily, start=start, end=end)


def _scope(asked: Asked, content: object, firmware: Firmware, kind: JobType) -> Scope:
    if not isinstance(content, dict):
        raise invalid("upgradeScope", "is missing")
    total = one_of(content, "type", ("total", "partial")) == "total"
    if total and kind is JobType.VERIFY:
        raise Refusal(codes.TOTAL_NOT_ALLOWED)
    versions = names(content, "versionNumbers") if content.get("versionNumbers") else ()
    if firmware.version in (versions or ()):
        raise invalid("versionNumbers", "must not contain the version of the firmware")
    chosen = [name for name in _CHOICES if content.get(name) is not None]
    if total:
        if not versions:
            raise invalid("versionNumbers", "is missing")
        if chosen:
            raise invalid(chosen[0], "is not allowed with type total")
    elif len(chosen) != 1:
        raise invalid("upgradeScope", f"needs exactly one of {', '.join(_CHOICES)}")
    if kind is JobType.VERIFY and "deviceGroupIds" in chosen:
        raise invalid("deviceGroupIds", "is for upgrade only")
    product_key = identifier(content, "productKey")
    if product_key is not None and product_key not in asked.platform.products:
        raise Refusal(codes.NOT_FOUND)
    if firmware.product_key is None and "deviceKeys" in chosen and product_key is None:
        raise invalid("productKey", "is missing")
    scope = Scope(
        total=total,
        versions=versions or None,
        product_key=product_key,
        device_keys=names(content, "deviceKeys"),
        attributes=_values(content, "attributes"),
        tags=_values(content, "tags"),
        asset_trees=_trees(content),
        group_ids=names(content, "deviceGroupIds"),
        asset_ids=names(content, "assetIds"),
    )
    _check_existence(asked, scope, firmware)
    return scope


def _values(content: dict[str, Any], name: str) -> dict[str, tuple[Any, ...]] | None:
    values = content.get(name)
    if values is None:
        return None
    if (
        not isinstance(values, dict)
        or not values
        or not all(isinstance(each, list) and each for each in values.values())
    ):
        raise invalid(name, "is not a map of lists")
    return {key: tuple(each) for key, each in values.items()}


def _trees(
    content: dict[str, Any],
) -> tuple[tuple[str, tuple[str, ...] | None], ...] | None:
    trees = content.get("assetTrees")
    if trees is None:
        return None
    # The documents call it a struct, their samples send a list.
    if isinstance(trees, dict):
        trees = [trees]
    if not isinstance(trees, list) or not 1 <= len(trees) <= MAX_TREES:
        raise invalid("assetTrees", f"must have 1 to {MAX_TREES} trees")
    found = []
    for tree in trees:
        if not isinstance(tree, dict) or not isinstance(tree.get("treeId"), str):
            raise invalid("assetTrees", "lacks a treeId")
        # A vendor's sample misspells the second one.
        nodes = tree.get("includedNodes") or tree.get("includedNotes")
        found.append((tree["treeId"], names({"includedNodes": nodes}, "includedNodes")))
    return tuple(found)


def _check_existence(asked: Asked, scope: Scope, firmware: Firmware) -> None:
    """Refuse what names something that does not exist.

    Chosen: the documents do not say what becomes of it; a job that quietly leaves out
    a device would be worse.
    """
    platform = asked.platform
    product_key = firmware.product_key or scope.product_key
    known = (
        all(platform.device(product_key, key) for key in scope.device_keys or ())
        and all(group_id in platform.groups for group_id in scope.group_ids or ())
        and all(asset_id in platform.devices for asset_id in scope.asset_ids or ())
        and all(
            tree_id in platform.trees
            and all(node in platform.trees[tree_id].nodes for node in nodes or ())
            for tree_id, nodes in scope.asset_trees or ()
        )
    )
    if not known:
        raise Refusal(codes.NOT_FOUND)
