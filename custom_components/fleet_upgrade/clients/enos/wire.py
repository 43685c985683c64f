"""What all of EnOS's JSON has in common: replies, pages, rows, names, times, counts.

Unset fields may be null or absent, numbers may come as strings, and unknown fields are
ignored. Times are milliseconds since 1970.
"""

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from .. import answers
from ..errors import MalformedError


class Wire(msgspec.Struct, rename="camel", kw_only=True):
    """Base of what comes in."""


class I18n(Wire):
    """A name in several languages."""

    default_value: str | None = None
    i18n_value: dict[str, str | None] | None = None


type WireName = I18n | str | None


class Pagination(Wire):
    """Where a page stands among all pages."""

    total_size: int | None = None


class Reply(Wire):
    """Any answer: of a service, of the token service, or of the gateway alone."""

    code: int | str | None = None
    status: int | str | None = None
    """The token service's word for ``code``."""
    msg: str | None = None
    message: str | None = None
    """All that the gateway says."""
    data: msgspec.Raw = msgspec.Raw(b"null")
    pagination: Pagination | None = None

    @property
    def result(self) -> str | None:
        """The code, ``"0"`` when all is well, ``None`` when there is none."""
        code = self.code if self.code is not None else self.status
        return None if code is None else str(code)

    @property
    def detail(self) -> str:
        """The platform's text on the error."""
        return self.msg or self.message or ""

    def read[DataT](self, into: type[DataT]) -> DataT:
        """Read what the answer is about; `MalformedError` when it is not that."""
        return answers.decoded(self.data, into)


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """A page of any listing, its rows not yet read."""

    data: list[msgspec.Raw]
    total: int | None = None

    @property
    def length(self) -> int:
        """Rows on the page, readable or not."""
        return len(self.data)


def decode(body: bytes) -> Reply:
    """Read an answer; `MalformedError` when it is not one."""
    return answers.decoded(body, Reply)


def page_of(reply: Reply) -> Rows:
    """Return a page; `MalformedError` when it says nothing of rows nor of a total.

    Nothing at all is not the same as no rows: who looks for a task must not believe
    that there is none.
    """
    total = None
    if reply.pagination is not None:
        total = count_of(reply.pagination.total_size)
    if bytes(reply.data) != b"null":
        rows = reply.read(list[msgspec.Raw])
        answers.check_length(len(rows))
        return Rows(data=rows, total=total)
    if total is None:
        raise MalformedError("a page without rows and total")
    return Rows(data=[], total=total)


def rows_of[RowT, ValueT](
    page: Rows, into: type[RowT], value: Callable[[RowT], ValueT]
) -> tuple[ValueT, ...]:
    """Return the values of a page's rows; unusable ones are dropped and logged."""
    return answers.rows_of(page.data, into, value)


def name_of(given: WireName) -> str | None:
    """Read a name: the default one, else that of any language."""
    match given:
        case I18n():
            names = (given.default_value, *(given.i18n_value or {}).values())
            return next((name for name in names if name), None)
        case _:
            return given or None


def time_of(given: int | None) -> datetime | None:
    """Read a time; ``None`` when there is none or it is not one."""
    if not given or given < 0:
        return None
    try:
        return datetime.fromtimestamp(given / 1000, UTC)
    except OverflowError, ValueError, OSError:
        return None


def milliseconds(time: datetime) -> int:
    """Return an aware time as the platform writes it."""
    return round(time.timestamp() * 1000)


def count_of(given: int | None) -> int | None:
    """Read a count; ``None`` when there is none or it cannot be one."""
    return given if given is not None and 0 <= given < 2**63 else None
