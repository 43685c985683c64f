"""Rows of pages that were read before, which most rows of a poll were."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec


class KnownRows[ValueT]:
    """Reads rows of pages; one that came before, byte for byte, only once.

    Most rows of a poll are those of the poll before, and taking JSON apart is what a
    poll takes longest for. What has not come in the last poll is forgotten.
    """

    def __init__(self, read: Callable[[msgspec.Raw], ValueT]) -> None:
        """Know none yet; ``read`` reads a row that is new."""
        self._read = read
        self._before: dict[bytes, ValueT] = {}
        self._now: dict[bytes, ValueT] = {}

    @contextmanager
    def poll(self) -> Iterator[None]:
        """Know the rows of the poll before, and from its end on those of this one.

        One that fails changes nothing.
        """
        self._before, self._now = self._now, {}
        is_read = False
        try:
            yield
            is_read = True
        finally:
            if not is_read:
                self._now = self._before
            self._before = {}

    def read(self, row: msgspec.Raw) -> ValueT:
        """Read a row; the same one is the same object."""
        written = bytes(row)
        value = self._now.get(written) or self._before.get(written) or self._read(row)
        self._now[written] = value
        return value
