"""What a simulator was asked: the log of calls, and the throttle's window."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

WINDOW = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Call:
    """One call as it was received."""

    method: str
    path: str
    query: dict[str, str]
    body: bytes
    """What was sent; empty for calls that carry a secret."""
    at: float
    """When, in POSIX seconds of the simulator's clock."""
    application: str
    """The application that called; empty where the call names none."""


class SlidingWindow:
    """Counts what happened within the last `seconds`."""

    def __init__(self, seconds: float = WINDOW) -> None:
        """Start empty."""
        self._seconds = seconds
        self._times: deque[float] = deque()

    def count(self, now: float) -> int:
        """Return how many times are still within the window; a time leaves at its end."""
        while self._times and now - self._times[0] >= self._seconds:
            self._times.popleft()
        return len(self._times)

    def wait(self, now: float) -> float:
        """Return in how many seconds the oldest time leaves; 0 if there is none."""
        return self._times[0] + self._seconds - now if self.count(now) else 0.0

    def add(self, now: float) -> int:
        """Count one more, and return how many there are with it."""
        self._times.append(now)
        return self.count(now)


@dataclass(slots=True)
class CallLog:
    """The calls received since it was last cleared, oldest first."""

    worst_minute: int = 0
    """The most calls of one application within any 60 seconds."""
    throttled: int = 0
    """Calls that were refused because there were too many."""
    _calls: list[Call] = field(default_factory=list)
    _windows: dict[str, SlidingWindow] = field(default_factory=dict)

    def add(self, call: Call) -> None:
        """Note a call."""
        self._calls.append(call)
        window = self._windows.setdefault(call.application, SlidingWindow())
        self.worst_minute = max(self.worst_minute, window.add(call.at))

    def count(self, path: str = "", method: str | None = None) -> int:
        """Return how many calls have this text in their path (and this method)."""
        return len(self.matching(path, method))

    def matching(self, path: str = "", method: str | None = None) -> list[Call]:
        """Return the calls with this text in their path (and this method)."""
        return [
            call
            for call in list(self._calls)
            if path in call.path and method in (None, call.method)
        ]

    def clear(self) -> None:
        """Forget all calls."""
        self._calls.clear()
        self._windows.clear()
        self.worst_minute = self.throttled = 0

    def __len__(self) -> int:
        """Return how many calls there were."""
        return len(self._calls)

    def __iter__(self) -> Iterator[Call]:
        """Walk over the calls, oldest first."""
        return iter(list(self._calls))

    def __getitem__(self, index: int) -> Call:
        """Return one call."""
        return self._calls[index]
