"""What actions answer: the model's values as plain data, and bounded listings."""

from collections.abc import AsyncIterator, Callable, Iterable
from datetime import datetime
from enum import Enum
from typing import Any

from homeassistant.util import dt as dt_util

from .clients.model import Page, Reach, Value

MAX_ROWS = 1000
"""Rows in one answer; its total says when there are more."""


def plain(value: Any) -> Any:
    """Return a value as JSON-serialisable data in common words.

    Every key is there, with `None` where its value is unknown. Times are Home
    Assistant's local ones, with their offset from UTC.
    """
    match value:
        case Value():
            return {key: plain(getattr(value, key)) for key in value.__struct_fields__}
        case datetime():
            return dt_util.as_local(value).isoformat()
        case Enum():
            return value.value
        case list() | tuple():
            return [plain(item) for item in value]
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case _:
            return value


def reach_answer(reach: Reach | None) -> dict[str, Any] | None:
    """Return whom a creation reached; `None` where nobody has looked."""
    if reach is None:
        return None
    return {**plain(reach), "versions_checked": reach.is_complete}


async def collect[RowT: Value](
    listings: Iterable[AsyncIterator[Page[RowT]]],
    key: Callable[[RowT], str],
    limit: int = MAX_ROWS,
) -> tuple[list[RowT], int | None]:
    """Return the first rows of some listings, and how many rows these have in all.

    No more pages are read than needed, but each listing's first one, for its total;
    that is `None` where a platform does not count and not all was read. Rows move
    while pages are read: the newer reading of a row replaces the earlier one.
    """
    rows: dict[str, RowT] = {}
    total: int | None = 0
    for pages in listings:
        before = len(rows)
        counted: int | None = None
        async for page in pages:
            rows |= {key(row): row for row in page.items}
            counted = page.total
            if len(rows) >= limit:
                break
        else:
            if counted is None:
                counted = len(rows) - before
        total = None if total is None or counted is None else total + counted
    return list(rows.values())[:limit], total
