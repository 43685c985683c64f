"""The calendar of an account."""

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from time import thread_time
from typing import Any
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.calendar import CalendarEntity
from homeassistant.components.calendar.const import (
    DATA_COMPONENT,
    DOMAIN as CALENDAR_DOMAIN,
    SERVICE_GET_EVENTS,
)
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    snapshot_platform,
)
from syrupy.assertion import SnapshotAssertion

from custom_components.fleet_upgrade.calendar import MAX_EVENTS
from custom_components.fleet_upgrade.clients.errors import (
    ConnectionProblem,
    UnreachableError,
)
from custom_components.fleet_upgrade.clients.model import (
    Execution,
    Policy,
    StatusCounts,
    TaskStatus,
    UpgradeKind,
    UpgradeTask,
)
from custom_components.fleet_upgrade.const import CONF_PLATFORM, DOMAIN
from simulator.enos import EnosSimulator
from simulator.enos.model import Schedule
from simulator.oceanconnect import OceanConnectSimulator

from .enos_account import answers_for, with_one_job
from .hearing import states_written
from .tiny_platform import NOW, TinyFleet, make_task, poll, set_up

CALENDAR = "calendar.fleet_north_upgrade_windows"
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def real_time() -> None:
    """Let time go on, as it does on the simulated platforms."""


@pytest.fixture(autouse=True)
def begin(request: pytest.FixtureRequest) -> None:
    """Begin all stories at the same time, but those that real time goes on in."""
    if "real_time" not in request.fixturenames:
        request.getfixturevalue("freezer").move_to(NOW)


def scheduled(
    task_id: str,
    start: timedelta,
    end: timedelta,
    *,
    daily: bool = False,
    **values: Any,
) -> UpgradeTask:
    """Return a task that waits for its window, in times counted from `NOW`."""
    policy = Policy(
        execution=Execution.CUSTOM,
        start=NOW + start,
        end=NOW + end,
        repeat_daily=daily,
    )
    return make_task(task_id, TaskStatus.WAITING, policy=policy, **values)


def entity_of(hass: HomeAssistant, account: MockConfigEntry) -> CalendarEntity:
    """Return the calendar of an account."""
    entity_id = er.async_get(hass).async_get_entity_id(
        CALENDAR_DOMAIN, DOMAIN, f"{account.entry_id}_windows"
    )
    entity = hass.data[DATA_COMPONENT].get_entity(str(entity_id))
    assert entity is not None
    return entity


async def ask(hass: HomeAssistant, start: datetime, end: datetime) -> Any:
    """Return the events in a range, the way an automation asks for them."""
    response = await hass.services.async_call(
        CALENDAR_DOMAIN,
        SERVICE_GET_EVENTS,
        {"entity_id": CALENDAR, "start_date_time": start, "end_date_time": end},
        blocking=True,
        return_response=True,
    )
    assert response is not None
    of_calendar: Any = response[CALENDAR]
    return of_calendar["events"]


async def test_entity(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    snapshot: SnapshotAssertion,
) -> None:
    """What is shown of the next window."""
    fleet.put(
        scheduled("nightly", 15 * HOUR, 19 * HOUR, daily=True, name="Nightly meters"),
        scheduled("once", 40 * HOUR, 44 * HOUR, kind=UpgradeKind.SOFTWARE),
    )
    with patch("custom_components.fleet_upgrade.PLATFORMS", [Platform.CALENDAR]):
        await set_up(hass, tiny_entry)
    await snapshot_platform(hass, entity_registry, snapshot, tiny_entry.entry_id)
    assert await ask(hass, NOW, NOW + 2 * DAY) == snapshot


async def test_the_state_follows_the_windows(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """On while one is open, without any poll in between."""
    fleet.put(scheduled("one", HOUR, 2 * HOUR), scheduled("two", 3 * HOUR, 4 * HOUR))
    hass.config_entries.async_update_entry(tiny_entry, pref_disable_polling=True)
    await set_up(hass, tiny_entry)
    seen = []
    for _ in range(9):
        state = hass.states.get(CALENDAR)
        assert state is not None
        seen.append((state.state, state.attributes.get("start_time")))
        await poll(hass, freezer, 1800)
    assert len(fleet.polled) == 1
    # 10:15 UTC is 02:15 in the tests' home.
    first, second = "2026-11-20 03:15:00", "2026-11-20 05:15:00"
    assert seen == [
        *[(STATE_OFF, first)] * 2,
        *[(STATE_ON, first)] * 2,
        *[(STATE_OFF, second)] * 2,
        *[(STATE_ON, second)] * 2,
        (STATE_OFF, None),
    ]


async def test_only_a_change_of_the_windows_is_written(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Not that of a count."""
    fleet.put(scheduled("one", -HOUR, HOUR))
    await set_up(hass, tiny_entry)
    written = states_written(hass, CALENDAR)
    fleet.change("one", counts=StatusCounts(total=8, succeeded=8), version="V1.4")
    await poll(hass, freezer)
    assert written == []
    fleet.end("one", TaskStatus.SUCCEEDED, NOW + timedelta(seconds=90))
    await poll(hass, freezer)
    assert written == [STATE_OFF]


async def test_without_a_schedule_the_calendar_is_empty(
    hass: HomeAssistant, fleet: TinyFleet, tiny_entry: MockConfigEntry
) -> None:
    """A task that runs at once has no window."""
    fleet.put(make_task("one"))
    await set_up(hass, tiny_entry)
    state = hass.states.get(CALENDAR)
    assert state is not None
    assert state.state == STATE_OFF
    assert "message" not in state.attributes
    assert await ask(hass, NOW - DAY, NOW + DAY) == []


async def test_past_windows_are_shown(
    hass: HomeAssistant, fleet: TinyFleet, tiny_entry: MockConfigEntry
) -> None:
    """Also of a task that has ended, up to its end."""
    task = scheduled("one", -5 * HOUR, -HOUR)
    fleet.put(task)
    fleet.end("one", TaskStatus.FAILED, NOW - 2 * HOUR)
    await set_up(hass, tiny_entry)
    (event,) = await ask(hass, NOW - DAY, NOW)
    assert event["start"] == "2026-11-19T21:15:00-08:00"
    assert event["end"] == "2026-11-20T00:15:00-08:00"


@pytest.mark.parametrize(
    ("opens", "changes"),
    [
        (datetime(2026, 3, 20, 0, 30, tzinfo=UTC), date(2026, 3, 29)),
        (datetime(2026, 10, 20, 0, 30, tzinfo=UTC), date(2026, 10, 25)),
    ],
)
async def test_each_local_day_has_its_window_where_clocks_change(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    opens: datetime,
    changes: date,
) -> None:
    """As the page of the calendar asks, from midnight to midnight."""
    await hass.config.async_set_time_zone("Europe/Berlin")
    freezer.move_to(opens)
    policy = Policy(
        execution=Execution.CUSTOM,
        start=opens,
        end=opens + 2 * HOUR,
        repeat_daily=True,
    )
    fleet.put(make_task("one", TaskStatus.WAITING, policy=policy))
    await set_up(hass, tiny_entry)
    midnights = [
        datetime.combine(changes + n * DAY, time.min, dt_util.get_default_time_zone())
        for n in range(-1, 4)
    ]
    for midnight, next_midnight in pairwise(midnights):
        (event,) = await ask(hass, midnight, next_midnight)
        begins = datetime.fromisoformat(event["start"])
        assert begins.date() == midnight.date()
        assert datetime.fromisoformat(event["end"]) - begins == 2 * HOUR


async def test_an_absurd_range_holds_nobody_up(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Ten years of 300 daily tasks: the first are told, and others run meanwhile."""
    fleet.put(
        *(
            scheduled(f"task {n}", n * HOUR / 60, HOUR + n * HOUR / 60, daily=True)
            for n in range(300)
        )
    )
    await set_up(hass, tiny_entry)
    entity = entity_of(hass, tiny_entry)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    running = hass.async_create_background_task(others(), "others")
    began = thread_time()
    events = await entity.async_get_events(hass, NOW, NOW + 3650 * DAY)
    assert thread_time() - began < 2
    running.cancel()
    assert len(events) == MAX_EVENTS
    assert turns >= MAX_EVENTS / 100
    starts = [event.start for event in events]
    assert starts == sorted(starts)


async def test_the_calendar_is_unavailable_while_the_platform_is_silent(
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Whether a window still stands is not known."""
    fleet.put(scheduled("one", -HOUR, HOUR))
    await set_up(hass, tiny_entry)
    fleet.error = UnreachableError(ConnectionProblem.CONNECT)
    await poll(hass, freezer)
    state = hass.states.get(CALENDAR)
    assert state is not None
    assert state.state == STATE_UNAVAILABLE


async def test_windows_are_named_in_the_language_of_home_assistant(
    hass: HomeAssistant, fleet: TinyFleet, tiny_entry: MockConfigEntry
) -> None:
    """Like the tasks' devices; where texts lack, by what needs none."""
    fleet.put(scheduled("one", HOUR, 2 * HOUR))
    await set_up(hass, tiny_entry)
    with patch(
        "custom_components.fleet_upgrade.calendar.async_get_cached_translations",
        side_effect=[
            {},
            {"component.fleet_upgrade.device.firmware_task.name": "F {task}"},
        ],
    ):
        (nameless,) = await ask(hass, NOW, NOW + DAY)
        (named,) = await ask(hass, NOW, NOW + DAY)
    assert nameless["summary"] == "V1.3 Meters north 2026-11-20 02:15"
    assert named["summary"] == "F V1.3 Meters north 2026-11-20 02:15"


def soon(hours: float) -> datetime:
    """Return a time by the real clock, as exact as the platforms keep it."""
    return datetime.now(UTC).replace(microsecond=0) + hours * HOUR


@pytest.mark.usefixtures("real_time")
async def test_a_window_on_oceanconnect_is_shown(
    hass: HomeAssistant, oceanconnect: OceanConnectSimulator, entry: MockConfigEntry
) -> None:
    """As the platform tells it."""
    start, end = soon(1), soon(2)
    task_id = oceanconnect.add_task(execute_type="custom", start=start, end=end)
    await set_up(hass, entry)
    calendar = entity_of(hass, entry)
    [event] = await calendar.async_get_events(hass, soon(0), soon(72))
    assert (event.uid, event.start, event.end) == (task_id, start, end)
    assert event.rrule is None


@pytest.mark.usefixtures("real_time")
async def test_a_daily_window_on_enos_is_shown_each_day(
    hass: HomeAssistant, enos: EnosSimulator
) -> None:
    """As the platform tells it; a job without a schedule has none."""
    with_one_job(enos)
    start, end = soon(1), soon(2)
    job = enos.add_job(
        schedule=Schedule(daily=True, start=start.timestamp(), end=end.timestamp())
    )
    entry = MockConfigEntry(
        domain=DOMAIN, data={CONF_PLATFORM: "enos", **answers_for(enos)}
    )
    entry.add_to_hass(hass)
    await set_up(hass, entry)
    calendar = entity_of(hass, entry)
    events = await calendar.async_get_events(hass, soon(0), soon(72))
    assert [(event.uid, event.start, event.end) for event in events] == [
        (job, start + n * DAY, end + n * DAY) for n in range(3)
    ]
    assert {event.rrule for event in events} == {"FREQ=DAILY"}
    assert len({event.recurrence_id for event in events}) == 3
