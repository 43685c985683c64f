"""How many API calls a platform still allows, and who may make the next one."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from enum import IntEnum
import time
from typing import override

from .errors import ThrottledError

WINDOW = 60.0
"""Seconds that a call counts for, from its answer on."""

LONGEST_WAIT = 120.0
"""Seconds that a call waits for its turn at most."""

THROTTLED_PAUSE = 20.0
"""Seconds without any call after the platform throttled us, as it names no time."""

LONGEST_PAUSE = 3600.0
"""Seconds without any call at most, whatever the platform says."""

KEPT_FREE = 20
"""Calls a minute that listings leave to others, but at most a fifth of the budget."""

ADAPTIVE_START = 60
"""Calls a minute that are allowed at first where the platform names no limit."""

ADAPTIVE_LEAST = 6
"""Calls a minute that are allowed whatever the platform throttles."""

ADAPTIVE_GROWTH = 2
"""Calls a minute that each minute without a throttle gives back."""


MANY_THROTTLES = 3
"""Minutes with a throttle that is not ours, within `HOUR`, that make a crowd."""

HOUR = 3600.0
"""Seconds; as many without a throttle that is not ours end the crowd."""


class Priority(IntEnum):
    """Who goes first; a lower number wins."""

    SIGN_IN = 0
    """Goes first, as others wait for it, and counts as polling."""
    ACTION = 1
    """What a person or an automation asked for: may use the whole budget."""
    LISTING = 2
    """Long reads: leave `KEPT_FREE` calls a minute free."""
    POLL = 3
    """Polling: at most half of the budget."""


class CallBudget:
    """A sliding window over the calls of one application.

    A call stands in the window from its start until `WINDOW` seconds after its
    answer, because the platform may count it at any moment in between.
    """

    def __init__(
        self,
        limit: int = 100,
        *,
        pause: float = THROTTLED_PAUSE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Allow ``limit`` calls per window; ``pause`` and ``clock`` in seconds."""
        self.limit = limit
        self.pause = pause
        self.made: Counter[Priority] = Counter()
        """Calls so far."""
        self._clock = clock
        self._running: list[Priority] = []
        self._answered: deque[tuple[float, Priority]] = deque()
        self._waiting: list[Priority] = []
        self._closed_until = 0.0
        self._changed = asyncio.Event()
        self._began_at = clock()
        self._not_ours: deque[float] = deque(maxlen=MANY_THROTTLES)
        self._crowded_until = 0.0

    @property
    def left(self) -> int:
        """Calls that could be made now."""
        self._forget_old()
        if self._clock() < self._closed_until:
            return 0
        return max(0, self.limit - len(self._running) - len(self._answered))

    @property
    def polled(self) -> int:
        """Calls so far that were made for polls."""
        return self.made[Priority.POLL] + self.made[Priority.SIGN_IN]

    @property
    def is_crowded(self) -> bool:
        """Whether the platform keeps throttling although few calls are ours."""
        return self._clock() < self._crowded_until

    def throttled(
        self, retry_after: float | None = None, *, for_calls: bool = True
    ) -> ThrottledError:
        """Pause all calls because the platform throttled one; return the error.

        ``retry_after`` is in seconds, where the platform says it; ``for_calls`` is
        false when not the number of calls was the reason.
        """
        if for_calls:
            self._look_for_others()
        pause = self.pause if retry_after is None else min(retry_after, LONGEST_PAUSE)
        self._closed_until = max(self._closed_until, self._clock() + pause)
        return ThrottledError(pause, by_platform=True)

    @asynccontextmanager
    async def call(self, priority: Priority) -> AsyncGenerator[None]:
        """Wait for a turn, then count what happens inside as one call.

        Raises `ThrottledError` when no turn comes within `LONGEST_WAIT` seconds.
        """
        await self._turn(priority)
        try:
            yield
        finally:
            self._running.remove(priority)
            self._answered.append((self._clock(), priority))
            self._wake()

    @property
    def _surely_allowed(self) -> int:
        """Calls per window that the platform throttles for others' sake only."""
        return self.limit // 2

    def _look_for_others(self) -> None:
        """Remember a throttle that our own calls do not explain, once a window."""
        now = self._clock()
        self._forget_old()
        if (
            len(self._running) + len(self._answered) > self._surely_allowed
            # What the process before this one did is still counted by the platform.
            or now - self._began_at < WINDOW
            or (self._not_ours and now - self._not_ours[-1] < WINDOW)
        ):
            return
        self._not_ours.append(now)
        is_many = len(self._not_ours) == MANY_THROTTLES
        if self.is_crowded or (is_many and now - self._not_ours[0] < HOUR):
            self._crowded_until = now + HOUR

    async def _turn(self, priority: Priority) -> None:
        deadline = self._clock() + LONGEST_WAIT
        self._waiting.append(priority)
        try:
            while (wait := self._seconds_to_wait(priority)) > 0:
                left = deadline - self._clock()
                if left <= 0:
                    raise ThrottledError(wait)
                changed = self._changed
                try:
                    async with asyncio.timeout(min(wait, left)):
                        await changed.wait()
                except TimeoutError:
                    continue
            self._running.append(priority)
            self.made[priority] += 1
        finally:
            self._waiting.remove(priority)
            self._wake()

    def _seconds_to_wait(self, priority: Priority) -> float:
        """Return 0 when a call may start, else when to look again."""
        now = self._clock()
        self._forget_old()
        if now < self._closed_until:
            return self._closed_until - now
        if any(other < priority for other in self._waiting):
            return WINDOW
        counted = len(self._running) + len(self._answered)
        match priority:
            case Priority.SIGN_IN | Priority.ACTION:
                free = self.limit - counted
            case Priority.LISTING:
                free = self.limit - min(KEPT_FREE, self.limit // 5) - counted
            case Priority.POLL:
                own = sum(
                    other in (Priority.POLL, Priority.SIGN_IN)
                    for other in (*self._running, *(each for _, each in self._answered))
                )
                free = min(self.limit - counted, self.limit // 2 - own)
        if free > 0:
            return 0
        if not self._answered:
            return WINDOW
        return max(0.001, self._answered[0][0] + WINDOW - now)

    def _forget_old(self) -> None:
        old = self._clock() - WINDOW
        while self._answered and self._answered[0][0] <= old:
            self._answered.popleft()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


class AdaptiveBudget(CallBudget):
    """A budget for a platform that names no limit: found out by its throttles.

    Each burst that the platform throttles halves the limit; each minute without a
    throttle gives some calls back, until the first limit is reached again.
    """

    def __init__(
        self,
        limit: int = ADAPTIVE_START,
        *,
        pause: float = THROTTLED_PAUSE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Allow ``limit`` calls per window at most; times are in seconds."""
        super().__init__(limit, pause=pause, clock=clock)
        self._most = limit
        self._changed_at = clock()

    @override
    def throttled(
        self, retry_after: float | None = None, *, for_calls: bool = True
    ) -> ThrottledError:
        """Pause all calls and halve the limit, once for all calls under way."""
        if self._clock() >= self._closed_until:
            self._recover()
            self.limit = max(self._surely_allowed, self.limit // 2)
        error = super().throttled(retry_after, for_calls=for_calls)
        self._changed_at = self._closed_until
        return error

    @property
    @override
    def _surely_allowed(self) -> int:
        # What is allowed is only guessed at, but no platform allows less than this.
        return min(ADAPTIVE_LEAST, self._most)

    @override
    def _forget_old(self) -> None:
        super()._forget_old()
        self._recover()

    def _recover(self) -> None:
        """Give back what the time since the last throttle allows."""
        minutes = int((self._clock() - self._changed_at) // WINDOW)
        if minutes > 0:
            self._changed_at += minutes * WINDOW
            self.limit = max(
                self.limit, min(self._most, self.limit + minutes * ADAPTIVE_GROWTH)
            )


_budgets: dict[tuple[str, ...], CallBudget] = {}


def shared_budget(*key: str, make: Callable[[], CallBudget] = CallBudget) -> CallBudget:
    """Return the budget that all users of one application share in this process."""
    budget = _budgets.get(key)
    if budget is None:
        budget = _budgets[key] = make()
    return budget
