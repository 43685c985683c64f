"""What a call is: a plain function from what was asked to a reply."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from .. import codes
from ..asked import Query
from ..codes import Refusal
from ..platform import Platform
from ..wire import Json, Wire

# An application that exists, and has given nobody leave to see its devices.
OTHER_APPLICATION = "another-application"


@dataclass(frozen=True, slots=True)
class Asked:
    """One call: the platform it is for, and its parts."""

    platform: Platform
    query: Query
    body: bytes
    names: Mapping[str, str]
    """The variable parts of the path."""

    @property
    def wire(self) -> Wire:
        """Return what writes the answer."""
        return Wire(self.platform.quirks, self.platform.sessions.app_id)


class Reply(NamedTuple):
    """An answer: JSON, or nothing, with its status."""

    content: Json | None
    status: int = 200


type Handler = Callable[[Asked], Reply]
"""A call; it may raise Refusal."""


def matches(wanted: tuple[str | None, ...], own: tuple[str, ...]) -> bool:
    """Tell whether a row has all the values that a filter names."""
    return all(
        value is None or value == mine for value, mine in zip(wanted, own, strict=True)
    )


def check_application(asked: Asked, key: str, status: int | None = None) -> None:
    """Refuse a foreign application in a query."""
    check_named_application(asked, asked.query.text(key), status)


def check_named_application(
    asked: Asked, app_id: object, status: int | None = None
) -> None:
    """Refuse a foreign application; the group pages document it with status 200."""
    if app_id in (None, asked.platform.sessions.app_id):
        return
    if app_id == OTHER_APPLICATION:
        raise Refusal(codes.NOT_AUTHORISED, status)
    raise Refusal(codes.APPLICATION_UNKNOWN, status)
