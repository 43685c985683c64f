"""How long it takes from a device's result on the platform to the event about it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
import random
from statistics import median, quantiles
import time
from typing import Any
from unittest.mock import patch

from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import Event, HomeAssistant, callback

from custom_components.fleet_upgrade import coordinator as coordinators, waker
from custom_components.fleet_upgrade.const import ACTIVE_INTERVAL

from .home_assistant import PORT, add, home_assistant, new_entry
from .oceanconnect import OceanConnect

ENDS = ("succeeded", "failed")

INTERVAL = 1.0
"""Seconds between two polls here; a minute in earnest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """From a result to its event, in seconds."""

    samples: int
    polled: float
    polled_worst: float
    pushed: float
    pushed_worst: float


class _Heard:
    """When each task's end was told."""

    def __init__(self, hass: HomeAssistant) -> None:
        self.at: dict[str, float] = {}
        hass.bus.async_listen(EVENT_STATE_CHANGED, self._hear)

    @callback
    def _hear(self, event: Event[Any]) -> None:
        state = event.data["new_state"]
        if state is not None and state.attributes.get("event_type") in ENDS:
            self.at[state.attributes["task_id"]] = time.time()

    async def all_of(self, ended: dict[str, float]) -> list[float]:
        """Wait until all are told; return after how long each was.

        A device may fail by itself before its end.
        """
        async with asyncio.timeout(60):
            while not ended.keys() <= self.at.keys():
                await asyncio.sleep(0.05)
        delays = [self.at[task_id] - at for task_id, at in ended.items()]
        return [delay for delay in delays if delay > 0]


async def measure(platform: OceanConnect, samples: int) -> Delays:
    """Measure with so many results in each way."""
    polled = await _by_polling(platform, samples)
    pushed = await _by_push(platform, max(3, samples // 5))
    return Delays(
        samples=samples,
        # In earnest, the same share of a minute is waited for the poll.
        polled=median(polled) / INTERVAL * ACTIVE_INTERVAL.total_seconds(),
        polled_worst=_worst(polled) / INTERVAL * ACTIVE_INTERVAL.total_seconds(),
        pushed=median(pushed),
        pushed_worst=_worst(pushed),
    )


async def _by_polling(platform: OceanConnect, samples: int) -> list[float]:
    with patch.object(coordinators, "ACTIVE_INTERVAL", timedelta(seconds=INTERVAL)):
        async with _account(platform) as hass:
            heard = _Heard(hass)
            tasks = [platform.begin() for _ in range(samples)]
            await asyncio.sleep(2 * INTERVAL)
            ended = {}
            for task_id in tasks:
                await asyncio.sleep(random.uniform(0, 0.4 * INTERVAL))
                ended[task_id] = platform.end(task_id)
            return await heard.all_of(ended)


async def _by_push(platform: OceanConnect, samples: int) -> list[float]:
    delays: list[float] = []
    # As if each came after a quiet minute: what comes in a row is gathered.
    with patch.object(waker, "QUIET", 0):
        async with _account(platform, push_address=f"http://127.0.0.1:{PORT}") as hass:
            heard = _Heard(hass)
            for _ in range(samples):
                task_id = platform.begin()
                await asyncio.sleep(2 * waker.SHORTEST_GAP)
                delays += await heard.all_of({task_id: platform.end(task_id)})
                await asyncio.sleep(waker.SHORTEST_GAP)
    return delays


@asynccontextmanager
async def _account(
    platform: OceanConnect, **options: Any
) -> AsyncIterator[HomeAssistant]:
    platform.fill(100, "group")
    async with home_assistant("http", "webhook") as hass:
        entry = new_entry(platform.place, **options)
        await add(hass, entry)
        yield hass
        await hass.config_entries.async_remove(entry.entry_id)
        await hass.async_block_till_done()


def _worst(delays: list[float]) -> float:
    """Return the 99th percentile."""
    return quantiles(delays, n=100, method="inclusive")[98]
