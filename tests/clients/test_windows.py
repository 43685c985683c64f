"""When the schedule of a task lets it run."""

from datetime import UTC, datetime, timedelta
from itertools import islice
import random
from zoneinfo import ZoneInfo

import pytest

from custom_components.fleet_upgrade.clients.model import Execution, Policy
from custom_components.fleet_upgrade.clients.windows import (
    Window,
    has_windows,
    is_open,
    next_window,
    opening,
    windows,
)

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
BERLIN = ZoneInfo("Europe/Berlin")


def scheduled(
    start: datetime | None, end: datetime | None, *, daily: bool = False
) -> Policy:
    """Return a policy with a schedule."""
    return Policy(execution=Execution.CUSTOM, start=start, end=end, repeat_daily=daily)


ONCE = scheduled(NOW, NOW + 4 * HOUR)
NIGHTLY = scheduled(NOW, NOW + 4 * HOUR, daily=True)


@pytest.mark.parametrize(
    "policy",
    [
        Policy(),
        Policy(execution=Execution.WHEN_ONLINE),
        # What a platform tells beside a task that begins at once is no schedule.
        Policy(start=NOW + HOUR, end=NOW + 2 * HOUR),
        scheduled(None, NOW - HOUR),
        # Nobody knows what this should mean, so it must not look closed.
        scheduled(NOW, NOW - HOUR),
        scheduled(NOW, NOW),
    ],
)
def test_without_a_schedule_a_task_may_always_run(policy: Policy) -> None:
    """And there is no window to show."""
    assert not has_windows(policy)
    assert is_open(policy, NOW)
    assert opening(policy, NOW) == NOW
    assert next_window(policy, NOW) is None
    assert list(windows(policy, NOW, NOW + DAY)) == []


@pytest.mark.parametrize(
    ("passed", "opens_in", "is_there"),
    [
        (-HOUR, HOUR, True),
        (timedelta(), timedelta(), True),
        (4 * HOUR - MINUTE, timedelta(), True),
        (4 * HOUR, None, False),
        (DAY, None, False),
    ],
)
def test_a_window_opens_once(
    passed: timedelta, opens_in: timedelta | None, is_there: bool
) -> None:
    """It holds its first moment, and its last one no longer."""
    now = NOW + passed
    assert opening(ONCE, now) == (None if opens_in is None else now + opens_in)
    assert is_open(ONCE, now) is (opens_in == timedelta())
    window = Window(start=NOW, end=NOW + 4 * HOUR)
    assert next_window(ONCE, now) == (window if is_there else None)


@pytest.mark.parametrize("daily", [False, True])
def test_a_window_without_an_end_stays_open(daily: bool) -> None:
    """From its start on."""
    policy = scheduled(NOW, None, daily=daily)
    assert not is_open(policy, NOW - MINUTE)
    assert is_open(policy, NOW + 1000 * DAY)
    assert list(windows(policy, NOW, NOW + 9 * DAY)) == [Window(start=NOW)]


@pytest.mark.parametrize(
    ("passed", "day"),
    [
        (-99 * DAY, 0),
        (timedelta(), 0),
        (4 * HOUR - MINUTE, 0),
        (4 * HOUR, 1),
        (DAY, 1),
        (9 * DAY + 4 * HOUR, 10),
    ],
)
def test_a_daily_window_comes_again(passed: timedelta, day: int) -> None:
    """Every day from its first day on, and not before."""
    opens = NOW + day * DAY
    assert next_window(NIGHTLY, NOW + passed) == Window(
        start=opens, end=opens + 4 * HOUR
    )


@pytest.mark.parametrize(
    ("length", "of_a_day"),
    [
        (4 * HOUR, 4 * HOUR),
        # Only the times of day count.
        (9 * DAY + 4 * HOUR, 4 * HOUR),
        (DAY, DAY),
        (-20 * HOUR, 4 * HOUR),
        (timedelta(), DAY),
    ],
)
def test_a_daily_window_lasts_from_one_time_of_day_to_another(
    length: timedelta, of_a_day: timedelta
) -> None:
    """However many days lie between its start and its end, midnight or not."""
    policy = scheduled(NOW, NOW + length, daily=True)
    assert list(windows(policy, NOW, NOW + 2 * DAY)) == [
        Window(start=NOW, end=NOW + of_a_day),
        Window(start=NOW + DAY, end=NOW + DAY + of_a_day),
    ]


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        (-DAY, timedelta(), []),
        (-DAY, MINUTE, [0]),
        (timedelta(), timedelta(), []),
        (4 * HOUR - MINUTE, DAY, [0]),
        (4 * HOUR, DAY, []),
        (4 * HOUR, DAY + MINUTE, [1]),
        (HOUR, 3 * DAY + HOUR, [0, 1, 2, 3]),
    ],
)
def test_a_range_has_what_is_open_at_some_time_of_it(
    start: timedelta, end: timedelta, days: list[int]
) -> None:
    """Also when that began before, or ends after it."""
    found = windows(NIGHTLY, NOW + start, NOW + end)
    assert [(window.start - NOW) // DAY for window in found] == days


def test_at_the_end_of_time_there_is_no_later_window() -> None:
    """A platform may answer any number, and a user ask for any year."""
    last = datetime.max.replace(tzinfo=UTC)
    assert len(list(windows(NIGHTLY, last - 3 * DAY, last))) == 3
    late = scheduled(last - HOUR, last, daily=True)
    assert next_window(late, last) is None
    assert is_open(late, last - MINUTE)


@pytest.mark.parametrize(
    ("day", "hours", "local"),
    [
        (datetime(2026, 3, 28, tzinfo=BERLIN), 24, "01:30"),
        (datetime(2026, 3, 29, tzinfo=BERLIN), 23, "01:30"),
        (datetime(2026, 3, 30, tzinfo=BERLIN), 24, "02:30"),
        (datetime(2026, 10, 24, tzinfo=BERLIN), 24, "02:30"),
        (datetime(2026, 10, 25, tzinfo=BERLIN), 25, "02:30"),
        (datetime(2026, 10, 26, tzinfo=BERLIN), 24, "01:30"),
    ],
)
def test_each_local_day_has_its_window_where_clocks_change(
    day: datetime, hours: int, local: str
) -> None:
    """No day has none or two, and all are equally long."""
    policy = scheduled(
        datetime(2026, 1, 1, 0, 30, tzinfo=UTC),
        datetime(2026, 1, 1, 2, 30, tzinfo=UTC),
        daily=True,
    )
    tomorrow = datetime.combine(day.date() + DAY, day.time(), BERLIN)
    assert tomorrow.astimezone(UTC) - day.astimezone(UTC) == hours * HOUR
    (window,) = windows(policy, day, tomorrow)
    assert window.end == window.start + 2 * HOUR
    assert f"{window.start.astimezone(BERLIN):%H:%M}" == local


@pytest.mark.parametrize("seed", range(40))
def test_windows_are_what_looking_every_minute_finds(seed: int) -> None:
    """Whatever the schedule, the range and the clocks."""
    chance = random.Random(seed)
    zone = chance.choice([UTC, BERLIN, ZoneInfo("Australia/Lord_Howe")])
    change = chance.choice([datetime(2026, 3, 29), datetime(2026, 10, 4), NOW])
    asked = change.replace(tzinfo=zone) + chance.randint(-3000, 3000) * MINUTE
    until = (asked.astimezone(UTC) + chance.randint(0, 3000) * MINUTE).astimezone(zone)
    opens = asked.astimezone(UTC) + chance.randint(-9000, 3000) * MINUTE
    length = chance.choice([chance.randint(30, 1440), chance.randint(30, 9000)])
    is_daily = chance.random() < 0.7
    policy = scheduled(opens, opens + length * MINUTE, daily=is_daily)

    def looks_open(minute: datetime) -> bool:
        passed = (minute - opens) // MINUTE
        if is_daily:
            return passed >= 0 and passed % 1440 < (length % 1440 or 1440)
        return 0 <= passed < length

    minutes = []
    minute = asked.astimezone(UTC)
    while minute < until.astimezone(UTC):
        minutes.append(minute)
        minute += MINUTE
    found = list(windows(policy, asked, until))
    assert [
        minute
        for minute in minutes
        if any(
            w.start <= minute and w.end is not None and minute < w.end for w in found
        )
    ] == [minute for minute in minutes if looks_open(minute)]
    assert found == sorted(found, key=lambda window: window.start)
    for minute in minutes[::97]:
        assert is_open(policy, minute) is looks_open(minute)
    for window in found:
        assert window.end is not None
        assert window.start < until
        assert window.end > asked


def test_without_an_end_of_the_range_daily_windows_never_cease() -> None:
    """Whoever asks so takes as many as are needed."""
    starts = [window.start for window in islice(windows(NIGHTLY, NOW), 1000)]
    assert starts == [NOW + day * DAY for day in range(1000)]
