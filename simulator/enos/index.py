"""What searches see: rows as they were a moment ago."""

from collections import deque
import copy

from ..clock import Clock


class Index[T]:
    """Rows as a search finds them, `lag` seconds behind what they are."""

    def __init__(self, clock: Clock, lag: float) -> None:
        """Start empty."""
        self._clock = clock
        self._lag = lag
        self._rows: dict[str, T] = {}
        self._coming: deque[tuple[float, str, T | None]] = deque()

    def put(self, key: str, row: T) -> None:
        """Let a row be found as it is now, once the lag has passed."""
        self._later(key, copy.copy(row))

    def put_at_once(self, key: str, row: T) -> None:
        """Let a row be found as it has been for long."""
        self._rows[key] = copy.copy(row)

    def drop(self, key: str) -> None:
        """Let a row be found no more, once the lag has passed."""
        self._later(key, None)

    def _later(self, key: str, row: T | None) -> None:
        self._coming.append((self._clock.now() + self._lag, key, row))
        self._catch_up()

    def _catch_up(self) -> None:
        now = self._clock.now()
        while self._coming and self._coming[0][0] <= now:
            _, key, row = self._coming.popleft()
            if row is None:
                self._rows.pop(key, None)
            else:
                self._rows[key] = row

    @property
    def is_behind(self) -> bool:
        """Whether something was written that is not found as it is by now."""
        self._catch_up()
        return bool(self._coming)

    def rows(self) -> list[T]:
        """Return what a search finds, in the order in which it was first there."""
        self._catch_up()
        return list(self._rows.values())
