"""Shows when the upgrade tasks of an account run, and when waves are expected."""

import asyncio
from collections.abc import Iterator
from datetime import datetime
from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import Final, override

from homeassistant.components.calendar import (
    CalendarEntity,
    CalendarEntityDescription,
    CalendarEvent,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.translation import async_get_cached_translations
from homeassistant.util import dt as dt_util

from .advice import text_of
from .const import DOMAIN
from .coordinator import SCHEDULE_CONTEXT, FleetConfigEntry
from .entity import AccountEntity, label
from .schedules import TaskWindow, task_windows
from .waves import ExpectedWave, Run

PARALLEL_UPDATES = 0

MAX_EVENTS: Final = 2000
"""Windows in one answer, the earliest first: daily ones never cease."""

AT_ONCE: Final = 100
"""Windows of an answer that are made before anything else may run again."""

WINDOWS = CalendarEntityDescription(key="windows", translation_key="windows")


async def async_setup_entry(
    hass: HomeAssistant,
    entry: FleetConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the account's calendar."""
    async_add_entities([WindowCalendar(entry.runtime_data, WINDOWS)])


class WindowCalendar(AccountEntity, CalendarEntity):
    """The windows of an account's tasks that have a schedule, and expected waves."""

    woken_by = SCHEDULE_CONTEXT

    @property
    @override
    def event(self) -> CalendarEvent | None:
        return next(self._events(dt_util.utcnow()), None)

    @override
    async def async_get_events(
        self, hass: HomeAssistant, start_date: datetime, end_date: datetime
    ) -> list[CalendarEvent]:
        events = []
        for event in islice(self._events(start_date, end_date), MAX_EVENTS):
            events.append(event)
            if len(events) % AT_ONCE == 0:
                await asyncio.sleep(0)
        return events

    def _events(
        self, start: datetime, end: datetime | None = None
    ) -> Iterator[CalendarEvent]:
        """Yield what is open at some time from ``start`` until ``end``."""
        now = dt_util.utcnow()
        found = task_windows(self.coordinator.data.schedules, start, end, now=now)
        waves = (
            self._wave(run, wave)
            for run, wave in self.coordinator.plans.expected()
            # One that should have begun by now is late, nobody knows how much.
            if wave.start > now.timestamp()
            and wave.end > start.timestamp()
            and (end is None or wave.start < end.timestamp())
        )
        return merge(map(self._window, found), waves, key=attrgetter("start"))

    def _wave(self, run: Run, wave: ExpectedWave) -> CalendarEvent:
        """Return a wave, named like its plan."""
        return CalendarEvent(
            start=dt_util.as_local(dt_util.utc_from_timestamp(wave.start)),
            end=dt_util.as_local(dt_util.utc_from_timestamp(wave.end)),
            summary=text_of(
                self.hass,
                "plan_wave_expected",
                plan=run.plan.name,
                wave=str(wave.number),
                waves=str(len(run.targets)),
            ),
            uid=f"{run.run_id}_{wave.number}",
        )

    def _window(self, window: TaskWindow) -> CalendarEvent:
        """Return a window, named like the device of its task."""
        task = window.task
        is_daily = task.policy.repeat_daily
        names = async_get_cached_translations(
            self.hass, self.hass.config.language, "device", DOMAIN
        )
        name = names.get(f"component.{DOMAIN}.device.{task.kind}_task.name", "{task}")
        return CalendarEvent(
            start=dt_util.as_local(window.start),
            end=dt_util.as_local(window.end),
            summary=name.format(task=label(task)),
            description=task.task_id,
            uid=task.task_id,
            recurrence_id=window.start.strftime("%Y%m%dT%H%M%SZ") if is_daily else None,
            rrule="FREQ=DAILY" if is_daily else None,
        )
