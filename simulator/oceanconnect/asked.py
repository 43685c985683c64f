"""What a caller asked for: queries, and the order for a task.

Null and absent are the same everywhere, and so is an empty value in a query; empty
segments of a query (`?&k=v`, as one of Huawei's SDKs writes them) are ignored.
Which of several errors is told is documented nowhere. Chosen: first the form of the
whole body, then its parts in the order of the documents' table, then whether what
they name exists.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import orjson

from . import codes
from .codes import Code, Refusal
from .model import ExecuteType, Group, Kind, Package, Policy, Targets
from .platform import Platform
from .wire import parse_time

MAX_TARGETS = 256
_MIN_WINDOW = 300.0  # seconds


class Page(NamedTuple):
    """Which part of a list is wanted."""

    number: int
    size: int

    def cut[T](self, rows: list[T]) -> list[T]:
        """Return the rows of this page; none when it is beyond the end."""
        return rows[self.number * self.size : (self.number + 1) * self.size]


class Query:
    """The query of a call."""

    def __init__(self, query: Mapping[str, str]) -> None:
        """Read a query."""
        self._values = {key: value for key, value in query.items() if key and value}

    def __contains__(self, key: str) -> bool:
        """Tell whether there is a value."""
        return key in self._values

    def text(self, *keys: str) -> str | None:
        """Return the value of the first of these keys that has one."""
        for key in keys:
            if key in self._values:
                return self._values[key]
        return None

    def one_of(self, key: str, allowed: Iterable[str], otherwise: Code) -> str | None:
        """Return a value that must be one of these, if there is one."""
        value = self.text(key)
        if value is not None and value not in allowed:
            raise Refusal(otherwise)
        return value

    def time(self, key: str, otherwise: Code) -> float | None:
        """Return a time, if there is one."""
        value = self.text(key)
        if value is None:
            return None
        try:
            return parse_time(value)
        except ValueError:
            raise Refusal(otherwise) from None

    def page(
        self,
        *,
        size: int,
        largest: int,
        beyond: Code,
        malformed: Code,
    ) -> Page:
        """Return the page asked for."""
        return Page(
            self._number("pageNo", 0, 0, 2**31 - 1, beyond, malformed),
            self._number("pageSize", size, 1, largest, beyond, malformed),
        )

    def _number(
        self, key: str, default: int, low: int, high: int, beyond: Code, malformed: Code
    ) -> int:
        text = self.text(key)
        if text is None:
            return default
        try:
            value = int(text)
        except ValueError:
            raise Refusal(malformed) from None
        if not low <= value <= high:
            raise Refusal(beyond)
        return value


def json_object(body: bytes, otherwise: Code) -> dict[str, Any]:
    """Return the JSON object in a body, without its nulls; raises Refusal."""
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refusal(otherwise) from None
    if not isinstance(content, dict):
        raise Refusal(otherwise)
    return _without_nulls(content)


def _without_nulls(content: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _without_nulls(value) if isinstance(value, dict) else value
        for key, value in content.items()
        if value is not None
    }


class TaskOrder(NamedTuple):
    """A task that may be made."""

    package: Package
    targets: Targets
    policy: Policy
    device_ids: tuple[str, ...]


def task_order(platform: Platform, kind: Kind, body: bytes) -> TaskOrder:
    """Return what a create call asks for; raises Refusal with the documented code."""
    content = json_object(body, codes.BAD_REQUEST)
    file_id = content.get("fileId")
    if not isinstance(file_id, str) or not file_id:
        raise Refusal(codes.BAD_REQUEST)
    targets = _targets(content.get("targets", {}))
    policy = _policy(platform, content.get("policy"))
    package = platform.packages.get(file_id)
    if package is None:
        raise Refusal(codes.NOT_FOUND)
    # Chosen: a package of the other kind exists, but does not match.
    if package.kind is not kind or not _fits(targets, package):
        raise Refusal(codes.VERSION_MISMATCH)
    return TaskOrder(package, targets, policy, _device_ids(platform, targets, package))


def _targets(content: object) -> Targets:
    if not isinstance(content, dict):
        raise Refusal(codes.BAD_REQUEST)
    groups, devices = (_names(content, key) for key in ("deviceGroups", "devices"))
    if not groups and not devices:
        raise Refusal(codes.TARGETS_NULL)
    if groups and devices:
        raise Refusal(codes.TARGETS_BOTH)
    if len(groups or devices) > MAX_TARGETS:
        raise Refusal(codes.TARGETS_TOO_MANY)
    device_type, model, manufacturer = (
        _text(content, key) for key in ("deviceType", "model", "manufacturerName")
    )
    if groups:
        if not manufacturer:
            raise Refusal(codes.MANUFACTURER_NULL)
        if not device_type:
            raise Refusal(codes.DEVICE_TYPE_NULL)
        if not model:
            raise Refusal(codes.MODEL_NULL)
    return Targets(
        groups=groups or None,
        devices=devices or None,
        device_type=device_type,
        model=model,
        manufacturer=manufacturer,
    )


def _names(content: dict[str, Any], key: str) -> tuple[str, ...]:
    names = content.get(key, [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Refusal(codes.BAD_REQUEST)
    return tuple(names)


def _text(content: dict[str, Any], key: str) -> str | None:
    value = content.get(key)
    if value is not None and not isinstance(value, str):
        raise Refusal(codes.BAD_REQUEST)
    return value or None


def _policy(platform: Platform, content: object) -> Policy:
    if content is None:
        return Policy()
    if not isinstance(content, dict):
        raise Refusal(codes.BAD_REQUEST)
    execute_type = _execute_type(platform, content)
    start = end = None
    # Chosen: the times mean nothing, and are not kept, without `custom`.
    if execute_type is ExecuteType.CUSTOM:
        start, end = _window(platform, content)
    retry = content.get("retryType", False)
    if not isinstance(retry, bool):
        raise Refusal(codes.BAD_REQUEST)
    return Policy(
        execute_type=execute_type,
        start=start,
        end=end,
        retries=_retry_times(content) if retry else 0,
    )


def _execute_type(platform: Platform, content: dict[str, Any]) -> ExecuteType:
    if "executeType" not in content and not platform.quirks.execute_type_required:
        return ExecuteType.NOW
    word = content.get("executeType", "")
    try:
        return ExecuteType(word)
    except ValueError:
        raise Refusal(codes.EXECUTE_TYPE) from None


def _window(platform: Platform, content: dict[str, Any]) -> tuple[float, float]:
    try:
        start, end = (parse_time(content[key]) for key in ("startTime", "endTime"))
    except KeyError, TypeError, ValueError:
        raise Refusal(codes.TIME_NULL) from None
    if start > end:
        raise Refusal(codes.START_AFTER_END)
    # The wire has whole seconds only: this second is not the past.
    if start < int(platform.clock.now()):
        raise Refusal(codes.START_IN_PAST)
    if end - start <= _MIN_WINDOW:
        raise Refusal(codes.WINDOW_TOO_SHORT)
    return start, end


def _retry_times(content: dict[str, Any]) -> int:
    times = content.get("retryTimes")
    if isinstance(times, bool) or not isinstance(times, int) or not 1 <= times <= 5:
        raise Refusal(codes.RETRY_TIMES)
    return times


def _fits(targets: Targets, package: Package) -> bool:
    """Tell whether the product named is the package's; it need not be named."""
    model = package.model
    return all(
        asked in (None, own)
        for asked, own in (
            (targets.device_type, model.device_type),
            (targets.model, model.model),
            (targets.manufacturer, model.manufacturer),
        )
    )


def _device_ids(
    platform: Platform, targets: Targets, package: Package
) -> tuple[str, ...]:
    """Return the devices; a group's members are those that it has at this moment."""
    if targets.devices is not None:
        devices = [platform.devices.get(device_id) for device_id in targets.devices]
        if not all(devices):
            raise Refusal(codes.NOT_FOUND)
        if any(device and device.model != package.model for device in devices):
            raise Refusal(codes.VERSION_MISMATCH)
        return tuple(dict.fromkeys(targets.devices))
    groups: list[Group] = []
    for name in targets.groups or ():
        group = platform.group_named(name)
        if group is None:
            raise Refusal(codes.NOT_FOUND)
        groups.append(group)
    # Chosen: only the members of the package's product; none at all does not match.
    if not (device_ids := platform.expand(groups, package)):
        raise Refusal(codes.VERSION_MISMATCH)
    return device_ids
