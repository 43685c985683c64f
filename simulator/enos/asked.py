"""What a caller asked for: the query, the body, and which page of a list.

Null and absent are the same everywhere. Numbers may come as strings, as the vendor's
own samples send some, and fields that nobody knows are ignored. Which of several
errors is told is documented nowhere.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
import re
from typing import Any, NamedTuple

from . import codes
from .codes import Refusal, invalid
from .expression import Fields, parse
from .model import Text
from .platform import Platform
from .wire import Json, Wire

LARGEST_PAGE = 200


class Page(NamedTuple):
    """Which part of a list is wanted."""

    number: int
    size: int

    def cut[T](self, rows: list[T]) -> list[T]:
        """Return the rows of this page; none when it is beyond the end."""
        return rows[(self.number - 1) * self.size : self.number * self.size]


@dataclass(frozen=True, slots=True)
class Asked:
    """One call: the platform it is for, and its parts."""

    platform: Platform
    query: Mapping[str, str]
    content: Mapping[str, Any]
    """The JSON object in the body, without its nulls."""
    body: bytes
    content_type: str
    concurrent: bool = False
    """Whether another firmware was being sent when this call came."""

    @property
    def wire(self) -> Wire:
        """Return what writes the answer."""
        return Wire(self.platform.quirks, self.platform.org_id)

    def parameter(self, name: str) -> str:
        """Return a mandatory parameter of the query; raises Refusal."""
        if not (value := self.query.get(name)):
            raise invalid(name, "is missing")
        return value

    def found[T](
        self,
        rows: Iterable[T],
        fields: Fields[T],
        *,
        default: int = 10,
        largest: int = LARGEST_PAGE,
    ) -> tuple[Page, list[T]]:
        """Return the page asked for and the rows that the expression asks for."""
        expression = self.content.get("expression", "")
        if not isinstance(expression, str):
            raise invalid("expression", "is not a string")
        matches = parse(expression, fields)
        return self.page(default, largest), [row for row in rows if matches(row)]

    def page(self, default: int, largest: int = LARGEST_PAGE) -> Page:
        """Return the page asked for; pages count from 1."""
        pagination = self.content.get("pagination", {})
        if not isinstance(pagination, dict):
            raise invalid("pagination", "is not an object")
        return Page(
            whole(pagination, "pageNo", low=1, high=2**31 - 1, default=1),
            whole(pagination, "pageSize", low=1, high=largest, default=default),
        )


class Reply(NamedTuple):
    """An answer: `data`, and `pagination` if it is a page of a list."""

    data: object = None
    pagination: Json | None = None
    raw: bytes | None = None
    """The content of a file, in place of all else."""


def listed[T](
    asked: Asked, page: Page, rows: list[T], write: Callable[[T], Json]
) -> Reply:
    """Return a page of a list, with the fields that the projection asks for."""
    written = [write(row) for row in page.cut(rows)]
    if (projection := names(asked.content, "projection")) is not None:
        written = [
            {key: value for key, value in row.items() if key in projection}
            for row in written
        ]
    return Reply(
        written,
        {
            "sortedBy": None,
            "pageNo": page.number,
            "pageSize": page.size,
            "totalSize": len(rows),
        },
    )


type Handler = Callable[[Asked], Reply]
"""An action; it may raise Refusal."""


def without_nulls(content: object) -> Any:
    """Return JSON without the fields that are null."""
    if isinstance(content, dict):
        return {
            key: without_nulls(value)
            for key, value in content.items()
            if value is not None
        }
    return content


def whole(
    content: Mapping[str, Any],
    name: str,
    *,
    low: int,
    high: int,
    default: int | None = None,
) -> int:
    """Return a whole number within a range; without a default it is mandatory."""
    value = content.get(name)
    if value is None:
        if default is None:
            raise invalid(name, "is missing")
        return default
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,18}", value, re.ASCII):
        number = int(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    else:
        raise invalid(name, "is not a number")
    if not low <= number <= high:
        raise invalid(name, f"must be between {low} and {high}")
    return number


def flag(content: Mapping[str, Any], name: str, default: bool | None = None) -> bool:
    """Return a boolean; without a default it is mandatory."""
    value = content.get(name, default)
    if value is None:
        raise invalid(name, "is missing")
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise invalid(name, "is not a boolean")
    return value


def one_of(content: Mapping[str, Any], name: str, allowed: Iterable[str]) -> str:
    """Return a word that must be one of these."""
    value = content.get(name)
    if value is None:
        raise invalid(name, "is missing")
    if value not in allowed:
        raise invalid(name, "is not supported")
    return str(value)


def identifier(content: Mapping[str, Any], name: str) -> str | None:
    """Return a string, if there is one."""
    value = content.get(name)
    if value is not None and not isinstance(value, str):
        raise invalid(name, "is not a string")
    return value


def names(content: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    """Return a list of strings, each once, if there is one; it must not be empty."""
    value = content.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise invalid(name, "is not a list of strings")
    if not value:
        raise invalid(name, "is empty")
    return tuple(dict.fromkeys(value))


def i18n(content: Mapping[str, Any], name: str) -> Text | None:
    """Return a StringI18n, if there is one."""
    value = content.get(name)
    if value is None:
        return None
    if not isinstance(value, dict) or not isinstance(value.get("defaultValue"), str):
        raise invalid(name, "is not a StringI18n")
    translated = value.get("i18nValue", {})
    if not isinstance(translated, dict):
        raise invalid(name, "is not a StringI18n")
    return Text(
        value["defaultValue"], {key: str(each) for key, each in translated.items()}
    )


def check_organisation(asked: Asked) -> None:
    """Refuse a call for an organisation that the application may not see."""
    org_id = asked.parameter("orgId")
    if org_id != asked.platform.org_id:
        raise Refusal(codes.DENIED, f"{codes.DENIED.text}: orgId {org_id}")
