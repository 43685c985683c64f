"""Makes many calls to wake up into few polls."""

from collections.abc import Awaitable, Callable
from datetime import datetime
import time
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later

DEBOUNCE: Final = 0.5
"""Seconds that a poll waits for more to come."""

SHORTEST_GAP: Final = 2.0
"""Seconds between the starts of the first two polls."""

LONGEST_GAP: Final = 30.0
"""Seconds between the starts of polls when it goes on and on."""

QUIET: Final = 60.0
"""Seconds without a poll after which the gap is the shortest again."""

SHARE: Final = 4
"""Times its own length from the start of a poll to that of the next, at least."""


class Waker:
    """Polls soon after it is asked to, at most once at a time.

    Who asks all the time is answered less and less often: each poll takes calls
    from the account's budget.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        poll: Callable[[], Awaitable[None]],
    ) -> None:
        """Poll so for as long as the entry is loaded."""
        self._hass = hass
        self._entry = entry
        self._poll = poll
        self._job = HassJob(
            self._begin, f"{entry.title} - pushed poll", cancel_on_shutdown=True
        )
        self._cancel: Callable[[], None] | None = None
        self._is_wanted = False
        self._is_polling = False
        self._is_stopped = False
        self._gap = SHORTEST_GAP
        self._last = float("-inf")
        """When the last poll began, in monotonic seconds, as the next."""
        self._free_at = self._last
        """When the next poll may begin."""

    @callback
    def wake(self) -> None:
        """Ask for a poll that begins after this."""
        self._is_wanted = not self._is_stopped
        if self._is_wanted and self._cancel is None and not self._is_polling:
            delay = max(DEBOUNCE, self._free_at - time.monotonic())
            self._cancel = async_call_later(self._hass, delay, self._job)

    @callback
    def stop(self) -> None:
        """Begin no poll any more."""
        self._is_stopped = True
        self._is_wanted = False
        if self._cancel is not None:
            self._cancel()
            self._cancel = None

    @callback
    def _begin(self, _now: datetime) -> None:
        self._cancel = None
        self._is_wanted = False
        self._is_polling = True
        self._entry.async_create_background_task(
            self._hass, self._async_poll(), f"{self._entry.title} - pushed poll"
        )

    async def _async_poll(self) -> None:
        began = time.monotonic()
        was_quiet = began - self._last > QUIET
        self._gap = SHORTEST_GAP if was_quiet else min(2 * self._gap, LONGEST_GAP)
        self._last = began
        try:
            await self._poll()
        finally:
            self._is_polling = False
            took = time.monotonic() - began
            self._free_at = began + max(self._gap, SHARE * took)
        if self._is_wanted:
            self.wake()
