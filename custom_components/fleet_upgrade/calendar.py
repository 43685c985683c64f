"""Shows when the upgrade tasks of an account run."""

import asyncio
from datetime import datetime
from itertools import islice
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

from .const import DOMAIN
from .coordinator import SCHEDULE_CONTEXT, FleetConfigEntry
from .entity import AccountEntity, label
from .schedules import TaskWindow, task_windows

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
    """The windows of an account's tasks that have a schedule."""

    woken_by = SCHEDULE_CONTEXT

    @property
    @override
    def event(self) -> CalendarEvent | None:
        now = dt_util.utcnow()
        found = task_windows(self.coordinator.data.schedules, now, now=now)
        window = next(found, None)
        return None if window is None else self._event(window)

    @override
    async def async_get_events(
        self, hass: HomeAssistant, start_date: datetime, end_date: datetime
    ) -> list[CalendarEvent]:
        found = task_windows(
            self.coordinator.data.schedules,
            start_date,
            end_date,
            now=dt_util.utcnow(),
        )
        events = []
        for window in islice(found, MAX_EVENTS):
            events.append(self._event(window))
            if len(events) % AT_ONCE == 0:
                await asyncio.sleep(0)
        return events

    def _event(self, window: TaskWindow) -> CalendarEvent:
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
