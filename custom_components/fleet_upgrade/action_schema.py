"""Builds the schema and the values of create actions from what platforms declare.

The schema checks types. What an account's own platform lacks, and local times that
the clocks skip or repeat, are refused afterwards with a text that names the field.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from math import isfinite
from typing import Any

from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.helpers import config_validation as cv
import voluptuous as vol

from .clients.errors import InvalidFieldError
from .clients.platform import CreateAction, Field, FieldKind, Platform

ATTR_DRY_RUN = "dry_run"
ATTR_FORCE = "force"

DATE_LENGTH = len("2026-12-31")


def text(value: Any) -> str:
    """Return a text without surrounding blanks.

    A template may turn an ID made of digits into an integer, which is undone here;
    what a float was before (version 1.10 is 1.1) nobody can tell.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise vol.Invalid("expected a text, in quotes")
    return value.strip()


def filled_text(value: Any) -> str:
    """Return a text without surrounding blanks that is not empty."""
    if not (value := text(value)):
        raise vol.Invalid("expected a text that is not empty")
    return value


def integer(value: Any) -> int:
    """Return a whole number; number selectors hand over floats."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise vol.Invalid("expected a whole number")
    return value


def mapping(value: Any) -> dict[str, list[Any]]:
    """Return names, each with its values; one value stands for a list of its own."""
    if not isinstance(value, Mapping):
        raise vol.Invalid("expected names, each with a list of values")
    values: dict[str, list[Any]] = {}
    for given, several in value.items():
        name = text(given)
        if name in values:
            raise vol.Invalid(f"the name {name} is given twice")
        values[name] = [_plain_value(each) for each in cv.ensure_list(several)]
    return values


def _plain_value(value: Any) -> str | int | float | bool:
    """Return a text, a number or a truth value."""
    if isinstance(value, str | int) or (isinstance(value, float) and isfinite(value)):
        return value
    raise vol.Invalid("expected a text, a number, true or false")


def date_and_time(value: Any) -> datetime:
    """Return a date with a time of day, aware where an offset was given."""
    if isinstance(value, str) and len(value.strip()) <= DATE_LENGTH:
        raise vol.Invalid("expected a date and a time of day")
    return cv.datetime(value)


def _validator(kind: FieldKind, choices: list[str]) -> Any:
    """Return what checks the type of a field."""
    match kind:
        case FieldKind.TEXT:
            return filled_text
        case FieldKind.TEXTS:
            return vol.All(cv.ensure_list, [text])
        case FieldKind.INTEGER:
            return integer
        case FieldKind.BOOLEAN:
            return cv.boolean
        case FieldKind.MAPPING:
            return mapping
        case FieldKind.CHOICE:
            return vol.In(choices)
        case FieldKind.LOCAL_TIME:
            return date_and_time
        case _:
            raise ValueError(f"An action has no field of kind {kind}")


def create_schema(actions: Iterable[CreateAction]) -> vol.Schema:
    """Return the schema of an action that one or several platforms have.

    A field that several platforms have is of one kind on all of them. It is required
    here if it is on all; `create_values` knows each platform's own demands.
    """
    actions = tuple(actions)
    declared: defaultdict[str, list[Field]] = defaultdict(list)
    for action in actions:
        for field in action.fields:
            declared[field.key].append(field)
    schema: dict[vol.Marker, Any] = {
        vol.Required(ATTR_CONFIG_ENTRY_ID): cv.string,
        vol.Optional(ATTR_DRY_RUN, default=False): cv.boolean,
        vol.Optional(ATTR_FORCE, default=False): cv.boolean,
    }
    for key, fields in declared.items():
        kind = fields[0].kind
        if any(field.kind is not kind for field in fields):
            raise ValueError(f"Platforms disagree on what {key} is")
        required = [field.required for field in fields]
        marker = (
            vol.Required(key)
            if all(required) and len(required) == len(actions)
            else vol.Optional(key)
        )
        choices = [str(choice) for field in fields for choice in field.choices]
        schema[marker] = _validator(kind, list(dict.fromkeys(choices)))
    return vol.Schema(schema)


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
