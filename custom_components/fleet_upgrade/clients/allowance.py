"""How many calls a look may cost, so that none is longer than it is worth."""

from collections.abc import AsyncIterator
from math import ceil

from .model import Page, Value

MOST_CALLS = 10
"""Calls of a look at whom a creation reaches."""

UNLIMITED = 1_000_000
"""Calls of what has to be known whatever it costs."""


class Listed[_ItemT](Value, frozen=True):
    """What was read of a listing; ``total`` is unknown where nobody has counted."""

    items: tuple[_ItemT, ...] = ()
    total: int | None = None
    is_whole: bool = False


class Allowance:
    """Calls that are left for a look."""

    def __init__(self, calls: int = MOST_CALLS) -> None:
        """Allow so many calls."""
        self.left = calls

    async def read[ItemT](self, pages: AsyncIterator[Page[ItemT]]) -> Listed[ItemT]:
        """Read a listing, no further once its end is known to be out of reach."""
        items: list[ItemT] = []
        total: int | None = None
        while self.left:
            try:
                page = await anext(pages)
            except StopAsyncIteration:
                return Listed(items=tuple(items), total=len(items), is_whole=True)
            self.left -= 1
            items += page.items
            total = page.total
            if pages_left(len(items), total, len(page.items)) > self.left:
                break
        is_whole = total is not None and len(items) >= total
        return Listed(items=tuple(items), total=total, is_whole=is_whole)


def pages_left(read: int, total: int | None, size: int) -> int:
    """Return how many more pages of a size there are, 0 where nobody has counted."""
    return 0 if total is None else max(0, ceil((total - read) / max(size, 1)))
