"""Thirty days of upgrades, by a clock that runs as fast as it can."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

from homeassistant.core import HomeAssistant
from homeassistant.helpers.recorder import get_instance, session_scope
from homeassistant.util import dt as dt_util
from sqlalchemy import text

from .home_assistant import add, home_assistant, new_entry
from .measure import memory
from .oceanconnect import OceanConnect

UPGRADES_A_DAY = 3
DEVICES = 40
"""In each upgrade."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """What some days took."""

    days: int
    upgrades: int
    polls: int
    calls: int
    rows: int
    rows_at_most: int
    """If each poll had written each entity."""
    bytes: int
    early_memory: int
    late_memory: int


async def measure(platform: OceanConnect, days: int) -> Month:
    """Live through so many days."""
    async with home_assistant("recorder") as hass:
        platform.restart()
        now = datetime.now(UTC)
        entry = new_entry(platform.place)
        coordinator = await add(hass, entry)
        platform.count()
        rows, size = await _recorded(hass)
        end, polls, at_most, upgrades = now + timedelta(days=days), 0, 0, 0
        next_upgrade = now + timedelta(hours=1)
        early = 0
        with patch.object(dt_util, "utcnow", lambda: now):
            while now < end:
                assert coordinator.update_interval is not None
                step = coordinator.update_interval
                if now >= next_upgrade:
                    platform.upgrade(DEVICES)
                    upgrades += 1
                    next_upgrade = now + timedelta(days=1) / UPGRADES_A_DAY
                platform.advance(step.total_seconds())
                now += step
                await coordinator.async_refresh()
                await hass.async_block_till_done()
                polls += 1
                at_most += len(hass.states.async_all())
                if not early and end - now < timedelta(days=days) * 0.8:
                    early = memory()
        written, larger = await _recorded(hass)
        return Month(
            days=days,
            upgrades=upgrades,
            polls=polls,
            calls=platform.count(),
            rows=written - rows,
            rows_at_most=at_most,
            bytes=larger - size,
            early_memory=early,
            late_memory=memory(),
        )


async def _recorded(hass: HomeAssistant) -> tuple[int, int]:
    """Return how many states are in the database, and how large it is."""
    instance = get_instance(hass)
    await instance.async_block_till_done()

    def look() -> tuple[int, int]:
        with session_scope(hass=hass, read_only=True) as session:
            count = session.execute(text("select count(*) from states")).scalar()
            pages = session.execute(text("pragma page_count")).scalar()
            size = session.execute(text("pragma page_size")).scalar()
            return count or 0, (pages or 0) * (size or 0)

    return await instance.async_add_executor_job(look)
