"""How the polls of an account went."""

from collections.abc import Iterator
from contextlib import contextmanager
import time

from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util

from .clients.budget import CallBudget
from .clients.model import Value


class PollReport(Value, frozen=True):
    """How a poll went."""

    time: float
    """When it ended, in POSIX seconds."""
    seconds: float
    calls: int
    """Calls of all accounts that poll with the same application meanwhile."""
    error: str | None = None
    """Key of the error's text; ``None`` when the poll succeeded."""

    @property
    def age(self) -> float:
        """Seconds since it ended."""
        return max(0, dt_util.utcnow().timestamp() - self.time)


class PollLog:
    """Knows how the last poll went; one that was cancelled does not count."""

    def __init__(self, budget: CallBudget) -> None:
        """Watch polls whose calls this budget counts."""
        self.last: PollReport | None = None
        self._budget = budget

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Take down how a poll goes."""
        began, polled = time.monotonic(), self._budget.polled
        try:
            yield
        except Exception as err:
            self._note(began, polled, _key_of(err))
            raise
        self._note(began, polled)

    def _note(self, began: float, polled: int, error: str | None = None) -> None:
        self.last = PollReport(
            time=dt_util.utcnow().timestamp(),
            seconds=time.monotonic() - began,
            calls=self._budget.polled - polled,
            error=error,
        )


def _key_of(err: Exception) -> str:
    """Return the key of an error's text; the name of one that nobody foresaw."""
    key = err.translation_key if isinstance(err, HomeAssistantError) else None
    return key or type(err).__name__
