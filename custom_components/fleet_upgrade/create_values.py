"""The values of a creation, by what the account's own platform declares.

What the platform lacks, and local times that the clocks skip or repeat, are refused
with a text that names the field.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from .clients.errors import InvalidFieldError
from .clients.platform import CreateAction, FieldKind, Platform


def create_values(
    platform: Platform,
    action: CreateAction,
    given: Mapping[str, Any],
    time_zone: tzinfo,
) -> dict[str, Any]:
    """Return the values of a platform's fields, defaults filled in, times in UTC.

    ``given`` has passed the schema and holds the platform's fields only. Raises
    `InvalidFieldError`.
    """
    fields = {field.key: field for field in action.fields}
    for key in given:
        if key not in fields:
            raise InvalidFieldError(key, "field_unsupported", platform=platform.name)
    values: dict[str, Any] = {}
    for key, field in fields.items():
        if (value := given.get(key, field.default)) is None:
            if field.required:
                raise InvalidFieldError(key, "field_missing", platform=platform.name)
            continue
        if field.choices and value not in field.choices:
            raise InvalidFieldError(
                key, "choice_unsupported", choice=value, platform=platform.name
            )
        if field.kind is FieldKind.LOCAL_TIME:
            value = utc_time(key, value, time_zone)
        values[key] = value
    return values


def utc_time(field: str, value: datetime, time_zone: tzinfo) -> datetime:
    """Return a time in UTC; one without an offset is local.

    Raises `InvalidFieldError` for a local time that the clocks skip or repeat, and
    for one at the edge of the calendar that has no UTC.
    """
    try:
        return _utc_time(field, value, time_zone)
    except OverflowError as error:
        raise InvalidFieldError(
            field, "time_out_of_range", time=_written(value)
        ) from error


def _utc_time(field: str, value: datetime, time_zone: tzinfo) -> datetime:
    if value.tzinfo is not None:
        return value.astimezone(UTC)
    moments = {
        value.replace(tzinfo=time_zone, fold=fold).astimezone(UTC) for fold in (0, 1)
    }
    moment = min(moments)
    if moment.astimezone(time_zone).replace(tzinfo=None) != value:
        rule = "time_nonexistent"
    elif len(moments) > 1:
        rule = "time_ambiguous"
    else:
        return moment
    raise InvalidFieldError(field, rule, time=_written(value), time_zone=str(time_zone))


def _written(value: datetime) -> str:
    """Return a time as a person writes it, with the offset if there is one."""
    return value.isoformat(sep=" ", timespec="minutes")
