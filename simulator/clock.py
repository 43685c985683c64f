"""The time a simulator lives in: the wall clock with an offset, and device time."""

from collections.abc import Callable
from datetime import UTC, datetime
import time


def _wall() -> float:
    """Return POSIX seconds; unlike time.time() no test tool patches this one."""
    return time.clock_gettime(time.CLOCK_REALTIME)


def _monotonic() -> float:
    """Return seconds that only grow, likewise never patched."""
    return time.clock_gettime(time.CLOCK_MONOTONIC)


class Clock:
    """Two readings of one clock.

    `now` is what the platform calls the time: stamps, windows, tokens, throttle.
    `steps` is how long the devices have been at work: it runs `speed` times as fast,
    and with speed 0 it moves only when the clock is advanced.
    """

    def __init__(self, speed: float = 1.0) -> None:
        """Start at the wall clock's time, with no device time spent."""
        if speed < 0:
            raise ValueError("speed must not be negative")
        self.speed = speed
        self._offset = 0.0
        self._frozen_at: float | None = None
        self._steps = 0.0
        self._ticking_since = _monotonic()

    @property
    def rate(self) -> float:
        """Return the device seconds in one advanced second."""
        return self.speed or 1.0

    def now(self) -> float:
        """Return the time in POSIX seconds."""
        if self._frozen_at is not None:
            return self._frozen_at
        return _wall() + self._offset

    def moment(self) -> datetime:
        """Return the time as an aware datetime in UTC."""
        return datetime.fromtimestamp(self.now(), UTC)

    def steps(self) -> float:
        """Return the device time in seconds since the clock was made."""
        if self._frozen_at is not None:
            return self._steps
        return self._steps + (_monotonic() - self._ticking_since) * self.speed

    def advance(self, seconds: float) -> None:
        """Move both readings forward by this many seconds of the clock."""
        if seconds < 0:
            raise ValueError("a clock is only advanced forward; use set()")
        if self._frozen_at is not None:
            self._frozen_at += seconds
        else:
            self._offset += seconds
        self._steps += seconds * self.rate

    def work(self, seconds: float) -> None:
        """Let this much device time pass, and none of the clock's."""
        if seconds < 0:
            raise ValueError("device time only passes")
        self._steps += seconds

    def set(self, moment: datetime) -> None:
        """Put the time to this moment; device time does not move."""
        if self._frozen_at is not None:
            self._frozen_at = moment.timestamp()
        else:
            self._offset = moment.timestamp() - _wall()

    def freeze(self, moment: datetime | None = None) -> None:
        """Stop both readings, at this moment or where they are; advance still works."""
        self._steps = self.steps()
        self._frozen_at = self.now() if moment is None else moment.timestamp()

    def unfreeze(self) -> None:
        """Let both readings run on from where they stand."""
        if self._frozen_at is None:
            return
        self._offset = self._frozen_at - _wall()
        self._ticking_since = _monotonic()
        self._frozen_at = None


class ClockControl:
    """A running simulator's clock, to be used from another thread."""

    def __init__(
        self,
        call: Callable[[Callable[[], None]], None],
        clock: Callable[[], Clock],
        settle: Callable[[], None],
    ) -> None:
        """Know how to call into the simulator's thread.

        `call` runs a function there, with all that is due done before; `clock` gives
        the present clock; `settle` does what has fallen due.
        """
        self._call = call
        self._clock = clock
        self._settle = settle

    def now(self) -> float:
        """Return the simulator's time in POSIX seconds."""
        return self._clock().now()

    def moment(self) -> datetime:
        """Return the simulator's time as an aware datetime in UTC."""
        return self._clock().moment()

    def advance(self, seconds: float) -> None:
        """Move the time forward, and do all that falls due by that."""

        def advance() -> None:
            self._clock().advance(seconds)
            self._settle()

        self._call(advance)

    def work(self, seconds: float) -> None:
        """Let the devices work for so long, at a moment of the platform's time."""

        def work() -> None:
            self._clock().work(seconds)
            self._settle()

        self._call(work)

    def freeze(self, moment: datetime | None = None) -> None:
        """Stop the time, at a moment or where it is; advance still works."""
        self._call(lambda: self._clock().freeze(moment))

    def unfreeze(self) -> None:
        """Let the time run on."""
        self._call(lambda: self._clock().unfreeze())

    def set(self, moment: datetime) -> None:
        """Put the time to a moment; the devices do not move by that."""
        self._call(lambda: self._clock().set(moment))
