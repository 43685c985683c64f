"""What all of OceanConnect's JSON has in common: replies, pages, rows, times, counts.

Unset fields may be null or absent, numbers may come as strings, and unknown fields are
ignored.
"""

from datetime import UTC, datetime

import msgspec

from ..answers import check_length, decoded
from ..errors import MalformedError
from ..model import UpgradeKind

TIME_FORMAT = "%Y%m%dT%H%M%SZ"

LARGEST_COUNT = 2**63 - 1
"""The platform counts in 64 bits; what is beyond them is no count."""

type WireTime = str | int | float | None
"""Documented as text; whatever else comes is no time, and no reason to drop a row."""


class Wire(msgspec.Struct, rename="camel", kw_only=True):
    """Base of what comes in."""


class Reply(Wire):
    """Any answer: it may be an error in either of the platform's two shapes."""

    error_code: str | int | None = msgspec.field(default=None, name="error_code")
    error_desc: str | None = msgspec.field(default=None, name="error_desc")
    resultcode: str | int | None = None
    resultmsg: str | None = None
    message: str | None = None
    """Only newer gateways answer so, and without a code."""

    @property
    def code(self) -> str:
        """The error code, empty when there is none; 0 says that all is well."""
        code = self.error_code if self.error_code is not None else self.resultcode
        return "" if code in (None, 0, "0") else str(code)

    @property
    def detail(self) -> str:
        """The platform's text on the error."""
        return self.error_desc or self.resultmsg or self.message or ""


class TokenReply(Reply):
    """Answer to login and refresh; ``expires_in`` in seconds."""

    access_token: str | None = None
    refresh_token: str | None = None
    expires_in: int | None = None


class PageReply(Reply):
    """A page of any listing."""

    total_count: int | None = None
    total_size: int | None = None

    @property
    def total(self) -> int | None:
        """Rows on all pages, under either of its names."""
        given = self.total_count if self.total_count is not None else self.total_size
        return count_of(given)


class Rows(PageReply):
    """A page, its rows not yet read; each listing has a key of its own for them."""

    data: list[msgspec.Raw] | None = None
    list_: list[msgspec.Raw] | None = msgspec.field(default=None, name="list")
    devices: list[msgspec.Raw] | None = None
    device_ids: list[msgspec.Raw] | None = None
    subscriptions: list[msgspec.Raw] | None = None

    @property
    def rows(self) -> list[msgspec.Raw] | None:
        """The rows, under whichever key they came."""
        keys = (self.data, self.list_, self.devices, self.device_ids)
        return next((rows for rows in keys if rows is not None), self.subscriptions)

    @property
    def length(self) -> int:
        """Rows on the page, readable or not."""
        return len(self.rows or ())


def decode[ReplyT: Reply](body: bytes, into: type[ReplyT]) -> ReplyT:
    """Read an answer; `MalformedError` when it is not one."""
    if not body.strip():
        return into()  # writes answer an empty 200, 201 or 204
    return decoded(body, into)


def decode_page(body: bytes) -> Rows:
    """Read a page; `MalformedError` without rows, unless its total says none.

    Nothing at all is not the same as no rows: who looks for a task must not believe
    that there is none.
    """
    page = decode(body, Rows)
    check_length(page.length)
    if page.rows is None and page.total != 0 and not page.code:
        raise MalformedError("a page without rows and total")
    return page


def time_text(time: datetime) -> str:
    """Return an aware time as the platform writes it: UTC, whole seconds."""
    return time.astimezone(UTC).strftime(TIME_FORMAT)


def time_of(given: WireTime) -> datetime | None:
    """Read a time; ``None`` when there is none or it is not one.

    Digits alone are refused, or seconds since 1970 would be read as a date.
    """
    if not isinstance(given, str) or given.isdecimal():
        return None
    try:
        time = datetime.fromisoformat(given)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except ValueError, OverflowError:
        return None


def count_of(given: int | None) -> int | None:
    """Read a count; ``None`` when there is none or it cannot be one."""
    return given if given is not None and 0 <= given <= LARGEST_COUNT else None


def kind_of(word: str | None) -> UpgradeKind | None:
    """Read an operation or file type, in any of the platform's spellings."""
    word = (word or "").lower()
    for kind in UpgradeKind:
        if word.startswith(kind):
            return kind
    return None
