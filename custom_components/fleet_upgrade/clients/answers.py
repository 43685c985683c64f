"""What an answer says: JSON read within limits, and pages whose bad rows are dropped."""

from collections.abc import Callable, Iterable
from functools import lru_cache
import logging
from typing import Annotated

import msgspec

from .errors import MalformedError, PlatformError

_LOGGER = logging.getLogger(__name__)

MOST_VALUES = 1_000_000
"""Values that an answer may have; a page of tasks with all their devices has a thirtieth.

Small values cost thirty times the memory of their bytes, and each costs time.
"""

type WireId = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
"""What a task is asked for by; an address with a longer one would reach no platform."""

MOST_ROWS = 10_000
"""Rows that a page may have; ten times the largest that is ever asked for."""


def decoded[AnswerT](body: bytes | msgspec.Raw, into: type[AnswerT]) -> AnswerT:
    """Read JSON; `MalformedError` when it is none, or not what it should be."""
    # A value takes two bytes at least, with its comma; counting takes its time, too.
    if memoryview(body).nbytes > 2 * MOST_VALUES < 2 * bytes(body).count(b","):
        raise MalformedError(f"an answer of more than {MOST_VALUES} values")
    try:
        return msgspec.json.decode(body, type=into, strict=False)
    except msgspec.ValidationError as err:
        raise MalformedError(str(err)) from err
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise MalformedError("not JSON", foreign=True) from err


def check_length(rows: int) -> None:
    """Raise `MalformedError` for a page with more rows than any page has."""
    if rows > MOST_ROWS:
        raise MalformedError(f"a page of more than {MOST_ROWS} rows")


def rows_of[RowT, ValueT](
    raw: Iterable[msgspec.Raw] | None, into: type[RowT], value: Callable[[RowT], ValueT]
) -> tuple[ValueT, ...]:
    """Return the values of a page's rows; unusable ones are dropped and logged."""
    return values(raw or (), lambda row: value(decoded(row, into)))


def values[RowT, ValueT](
    rows: Iterable[RowT], value: Callable[[RowT], ValueT]
) -> tuple[ValueT, ...]:
    """Return the rows' values; those that are malformed are dropped and logged."""
    good = []
    flaws = []
    for number, row in enumerate(rows):
        try:
            good.append(value(row))
        except MalformedError as err:
            flaws.append(f"row {number}: {err}")
    if flaws:
        _warn_once(f"Unusable rows on a page: {len(flaws)}; {flaws[0]}")
    return tuple(good)


def warn_of_unread(task_id: str, err: PlatformError) -> None:
    """Log that a task stays as it was, because it cannot be read."""
    _warn_once(f"The upgrade task {task_id} cannot be read: {err}")


@lru_cache(maxsize=256)
def _warn_once(text: str) -> None:
    """Log only the first time what every poll meets again."""
    _LOGGER.warning("%s", text)
