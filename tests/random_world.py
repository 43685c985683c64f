"""Where random lives are lived: Home Assistant, a platform, clocks, the count of calls."""

from collections import deque
from collections.abc import Awaitable
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
import time
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    device_registry as dr,
    entity_registry as er,
    issue_registry as ir,
)
import pytest

from custom_components.fleet_upgrade import creation
from custom_components.fleet_upgrade.clients import budget
from custom_components.fleet_upgrade.clients.budget import AdaptiveBudget, CallBudget
from custom_components.fleet_upgrade.const import DOMAIN
from custom_components.fleet_upgrade.journal import DATA_JOURNALS
from simulator.calls import Call, CallLog

from .random_platform import RandomPlatform

WINDOW = 0.1
"""Seconds that a call counts for: the minute of these tests."""

LIMIT = 10
"""Calls per `WINDOW`."""


class World:
    """What all lives share: one Home Assistant, one simulated platform."""

    def __init__(
        self,
        hass: HomeAssistant,
        platform: RandomPlatform[Any],
        storage: dict[str, Any],
        patches: pytest.MonkeyPatch,
    ) -> None:
        """Use a Home Assistant whose loop does not run unless something is done."""
        self.hass = hass
        self.platform = platform
        self.storage = storage
        self.arrivals: deque[float] = deque()
        self.worst = 0
        """The most calls that the platform counted within `WINDOW`."""
        self.failures: list[str] = []
        """What went wrong in which life, the first as it came."""
        self._offset = 0.0
        self._lives = 0
        real_time, add = time.time, CallLog.add

        def count(log: CallLog, call: Call) -> None:
            now = time.clock_gettime(time.CLOCK_MONOTONIC)
            while self.arrivals and now - self.arrivals[0] >= WINDOW:
                self.arrivals.popleft()
            self.arrivals.append(now)
            self.worst = max(self.worst, len(self.arrivals))
            add(log, call)

        patches.setattr(creation, "LOOKS", (0.0, 0.02, 0.05))
        platform.hurry(patches)
        patches.setattr(CallLog, "add", count)
        patches.setattr(budget, "WINDOW", WINDOW)
        patches.setattr(
            "homeassistant.util.dt.utcnow",
            lambda: datetime.fromtimestamp(real_time() + self._offset, UTC),
        )

    def run[T](self, awaitable: Awaitable[T]) -> T:
        """Do something, and all that follows from it."""

        async def do() -> T:
            result = await awaitable
            await self.hass.async_block_till_done(wait_background_tasks=True)
            return result

        return self.hass.loop.run_until_complete(do())

    def jump(self, seconds: float) -> None:
        """Let the clock of Home Assistant jump, within a day to either side."""
        self._offset = max(-86_400.0, min(86_400.0, self._offset + seconds))

    def begin(self) -> tuple[int, str]:
        """Let all be as new; return the number of this life, and how it begins."""
        self._lives += 1
        self._offset = 0.0
        self.worst = 0
        return self._lives, self.platform.begin(self._lives)

    def restart(self, entry_id: str, *, is_killed: bool) -> None:
        """Unload an account and set it up, with what is on disk now if it is killed."""
        journal = self._journal_of(entry_id)
        written = journal.read_bytes() if journal.exists() else None
        storage = deepcopy(self.storage)
        self.run(self.hass.config_entries.async_unload(entry_id))
        if is_killed:
            self.storage.clear()
            self.storage.update(storage)
            journal.unlink(missing_ok=True)
            if written is not None:
                journal.write_bytes(written)
        self.hass.data.pop(DATA_JOURNALS, None)
        self.run(self.hass.config_entries.async_setup(entry_id))

    def check_that_nothing_is_left(self, entry_id: str) -> None:
        """Look for what an account that is gone would leave behind."""
        assert self.hass.states.async_entity_ids() == []
        assert not er.async_get(self.hass).entities
        assert not dr.async_get(self.hass).devices
        assert not ir.async_get(self.hass).issues
        assert not list(self._journal_of(entry_id).parent.glob(f"*{entry_id}*"))

    def _journal_of(self, entry_id: str) -> Path:
        return Path(self.hass.config.path(".storage", f"{DOMAIN}.{entry_id}.journal"))


def hurry_calls(calls: CallBudget) -> None:
    """Let a budget allow `LIMIT` calls at most, and pause for moments only."""
    calls.limit = min(calls.limit, LIMIT)
    calls.pause = 0.01
    if isinstance(calls, AdaptiveBudget):
        calls._most = LIMIT  # noqa: SLF001
