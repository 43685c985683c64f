"""Builds the expressions of EnOS's searches, so that no value can change a query.

How a quote inside a value is written is documented nowhere, but a value may stand in
either kind of quotes. So each value gets the kind that it does not hold, and one that
holds both, or a backslash (which may or may not escape), is refused.

Source: "Expression" in the EnOS API FAQs.
"""

from collections.abc import Iterable

from ..errors import InvalidFieldError


def equals(field: str, value: str) -> str:
    """Return the condition that a field has a value."""
    return f"{field} = {_quoted(field, value)}"


def is_true(field: str, value: bool) -> str:
    """Return the condition that a field is true, or that it is false."""
    return f"{field} = {value}"


def one_of(field: str, values: Iterable[str]) -> str:
    """Return the condition that a field has one of some values, at least one."""
    quoted = [_quoted(field, value) for value in values]
    if not quoted:
        raise ValueError(f"{field} can have none of no values")
    if len(quoted) == 1:
        return f"{field} = {quoted[0]}"
    return f"{field} in ({','.join(quoted)})"


def contains(field: str, text: str) -> str:
    """Return the condition that a text of a field contains another."""
    return f"{field} like {_quoted(field, text)}"


def all_of(*conditions: str | None) -> str | None:
    """Return the condition that all of those given hold; ``None`` for none."""
    given = [condition for condition in conditions if condition is not None]
    return " and ".join(given) or None


def _quoted(field: str, value: str) -> str:
    for quote in "'\"":
        if quote not in value and "\\" not in value and value.isprintable():
            return f"{quote}{value}{quote}"
    raise InvalidFieldError(field, "value_not_searchable", value=value)
