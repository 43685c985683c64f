"""What falls due on a platform, and when: in device time and in the clock's time.

Nothing runs in the background. Whatever is planned has a place in one of two queues,
one in device time (the steps of the devices) and one in the time of the platform's
clock (windows); `run` does all that is due by now, in its order, and tells each
action the time at which it was due.
"""

from collections.abc import Callable
import heapq
import itertools
from typing import NamedTuple

from .clock import Clock


class Moment(NamedTuple):
    """When something happens, in both readings of the clock."""

    now: float
    steps: float


type Action = Callable[[Moment], None]
type Queue = list[tuple[float, int, Action]]


class Agenda:
    """What is planned, by both readings of one clock."""

    def __init__(self, clock: Clock) -> None:
        """Start with nothing planned."""
        self._clock = clock
        self._steps: Queue = []
        self._walls: Queue = []
        self._order = itertools.count()
        self._seen = self.here()

    @property
    def empty(self) -> bool:
        """Tell whether nothing is planned."""
        return not (self._steps or self._walls)

    def here(self) -> Moment:
        """Return the present moment."""
        return Moment(self._clock.now(), self._clock.steps())

    def at_step(self, steps: float, action: Action) -> None:
        """Plan an action for a moment of device time."""
        heapq.heappush(self._steps, (steps, next(self._order), action))

    def at_wall(self, now: float, action: Action) -> None:
        """Plan an action for a moment of the clock's time."""
        heapq.heappush(self._walls, (now, next(self._order), action))

    def run(self) -> None:
        """Do all that is due by now."""
        here = self.here()
        while True:
            step = self._due_step(here)
            wall = self._due_wall(here)
            if step is not None and (wall is None or step.now <= wall.now):
                heapq.heappop(self._steps)[2](step)
            elif wall is not None:
                heapq.heappop(self._walls)[2](wall)
            else:
                break
        self._seen = here

    def _due_step(self, here: Moment) -> Moment | None:
        if not self._steps or (due := self._steps[0][0]) > here.steps:
            return None
        at = here.now - (here.steps - due) / self._clock.rate
        # The clock may have been put to another time since.
        return Moment(min(max(at, self._seen.now), here.now), due)

    def _due_wall(self, here: Moment) -> Moment | None:
        if not self._walls or (due := self._walls[0][0]) > here.now:
            return None
        steps = here.steps - (here.now - due) * self._clock.rate
        return Moment(due, max(steps, self._seen.steps))
