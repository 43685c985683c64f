"""Builds the schema of create actions from what platforms declare.

The schema checks types. What an account's own platform lacks is refused afterwards,
by `create_values`, with a text that names the field.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from math import isfinite
from typing import Any

from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.helpers import config_validation as cv
import voluptuous as vol

from .clients.platform import CreateAction, Field, FieldKind

ATTR_DRY_RUN = "dry_run"
ATTR_FORCE = "force"
ATTR_ALLOW_DOWNGRADE = "allow_downgrade"

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
    schema: dict[vol.Marker, Any] = {
        vol.Required(ATTR_CONFIG_ENTRY_ID): cv.string,
        vol.Optional(ATTR_DRY_RUN, default=False): cv.boolean,
        vol.Optional(ATTR_FORCE, default=False): cv.boolean,
        vol.Optional(ATTR_ALLOW_DOWNGRADE, default=False): cv.boolean,
    }
    for key, fields in _declared(actions).items():
        required = [field.required for field in fields]
        marker = (
            vol.Required(key)
            if all(required) and len(required) == len(actions)
            else vol.Optional(key)
        )
        schema[marker] = _validator_of(key, fields)
    return vol.Schema(schema)


def optional_fields(
    actions: Iterable[CreateAction], keys: Iterable[str]
) -> dict[vol.Marker, Any]:
    """Return some fields of create actions, none of them required."""
    declared = _declared(actions)
    return {
        vol.Optional(key): _validator_of(key, declared[key])
        for key in keys
        if key in declared
    }


def _declared(actions: Iterable[CreateAction]) -> dict[str, list[Field]]:
    """Return the fields that actions declare, by key."""
    declared: defaultdict[str, list[Field]] = defaultdict(list)
    for action in actions:
        for field in action.fields:
            declared[field.key].append(field)
    return dict(declared)


def _validator_of(key: str, fields: list[Field]) -> Any:
    """Return what checks the type of a field that several actions may declare."""
    kind = fields[0].kind
    if any(field.kind is not kind for field in fields):
        raise ValueError(f"Platforms disagree on what {key} is")
    choices = [str(choice) for field in fields for choice in field.choices]
    return _validator(kind, list(dict.fromkeys(choices)))
