"""When an active upgrade task is stalled or failing, and how often that is told."""

from datetime import datetime, timedelta
from random import Random

import msgspec
import pytest

from custom_components.fleet_upgrade.account import (
    AccountData,
    AccountState,
    TaskEvent,
    advance,
)
from custom_components.fleet_upgrade.clients.model import (
    Execution,
    Policy,
    Poll,
    StatusCounts,
    TaskStatus,
    UpgradeTask,
)
from custom_components.fleet_upgrade.clients.windows import is_open
from custom_components.fleet_upgrade.early_warning import Limits, limits_of

from .tiny_platform import NOW, make_task

WAITING, PROCESSING, FAILED = (
    TaskStatus.WAITING,
    TaskStatus.PROCESSING,
    TaskStatus.FAILED,
)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WEEK = timedelta(days=7)
LIMITS = Limits()


class Story:
    """An account whose task is polled again and again."""

    def __init__(self, *, is_new: bool = False, limits: Limits = LIMITS) -> None:
        """Begin at `NOW`; the first poll of a new account has not been made yet."""
        self.state = None if is_new else AccountState()
        self.now = NOW
        self.limits = limits

    def poll(
        self, *tasks: UpgradeTask, after: timedelta = timedelta(0)
    ) -> tuple[TaskEvent, ...]:
        """Poll some time later; return the warnings that come of it."""
        self.now += after
        state = advance(self.state, Poll(tasks=tasks), self.now, WEEK, self.limits)
        told = tuple(each for each in state.outbox if each.type in WARNINGS)
        # As a restart would find it.
        stored = msgspec.json.encode(msgspec.structs.replace(state, outbox=()))
        self.state = msgspec.json.decode(stored, type=AccountState)
        return told

    def warned(self, *tasks: UpgradeTask, after: timedelta = timedelta(0)) -> list[str]:
        """Return the types of the warnings that a poll brings."""
        return [event.type.value for event in self.poll(*tasks, after=after)]

    def has_problem(self) -> bool:
        """Whether the account has a task that is stalled or failing."""
        assert self.state is not None
        overview = AccountData.of(self.state).overview
        return overview.stalled + overview.failing > 0


WARNINGS = ("stalled", "failing")


def counted(succeeded: int = 0, failed: int = 0, **values: int) -> StatusCounts:
    """Return the counts of a task of a thousand devices, most of which wait."""
    ended = succeeded + failed + values.get("stopped", 0) + values.pop("beside", 0)
    return StatusCounts(
        **{
            "total": 1000,
            "waiting": 1000 - ended,
            "processing": 0,
            "succeeded": succeeded,
            "failed": failed,
            **values,
        }
    )


def custom(
    start: datetime, end: datetime | None = None, *, daily: bool = False
) -> Policy:
    """Return a policy with a time window."""
    return Policy(execution=Execution.CUSTOM, start=start, end=end, repeat_daily=daily)


def test_a_task_is_stalled_when_no_count_has_moved_for_the_hours() -> None:
    """Not a second before, and with what is known of it."""
    story = Story()
    task = make_task("one")
    assert story.warned(task) == []
    assert story.warned(task, after=26 * HOUR - timedelta(seconds=1)) == []
    assert not story.has_problem()
    (event,) = story.poll(task, after=timedelta(seconds=1))
    assert event.type == "stalled"
    assert event.task_id == "one"
    assert event.counts == task.counts
    assert event.hours_without_progress == 26.0
    assert (event.failed_share, event.ended_devices) == (None, None)
    assert story.has_problem()


def test_a_task_that_stays_stalled_is_told_of_once_until_a_count_moves() -> None:
    """However long it lasts; then the hours begin anew."""
    story = Story()
    first, second = (make_task("one", counts=counted(n)) for n in (1, 2))
    story.poll(first)
    assert story.warned(first, after=30 * HOUR) == ["stalled"]
    assert [story.warned(first, after=DAY) for _ in range(5)] == [[]] * 5
    assert story.has_problem()
    assert story.warned(second, after=HOUR) == []
    assert not story.has_problem()
    assert story.warned(second, after=25 * HOUR) == []
    assert story.warned(second, after=HOUR) == ["stalled"]


def test_a_change_of_something_else_is_no_progress() -> None:
    """Only counts tell that devices are being upgraded."""
    story = Story()
    story.poll(make_task("one", WAITING))
    story.poll(make_task("one", PROCESSING), after=20 * HOUR)
    assert story.warned(make_task("one", name="Odd"), after=6 * HOUR) == ["stalled"]


def test_what_moved_while_nobody_looked_is_seen_by_the_next_poll() -> None:
    """Home Assistant was down for days: that alone stalls no task."""
    story = Story()
    story.poll(make_task("one", counts=counted(1)))
    assert story.warned(make_task("one", counts=counted(2)), after=WEEK) == []
    assert story.warned(make_task("one", counts=counted(2)), after=WEEK) == ["stalled"]


def test_a_task_that_an_older_version_knew_starts_with_all_hours() -> None:
    """Nobody knows when its counts have moved."""
    story = Story()
    task = make_task("one")
    story.state = AccountState(tasks={"one": task})
    assert story.warned(task) == []
    assert story.warned(task, after=26 * HOUR) == ["stalled"]


@pytest.mark.parametrize(
    "counts",
    [
        StatusCounts(),
        StatusCounts(total=100, failed=90),
        StatusCounts(total=100, waiting=10, failed=90),
        StatusCounts(waiting=1, processing=1, failed=90),
    ],
)
def test_unknown_counts_warn_of_nothing(counts: StatusCounts) -> None:
    """Who does not know what moves cannot say that nothing does."""
    story = Story()
    task = make_task("one", counts=counts)
    assert [story.warned(task, after=DAY) for _ in range(5)] == [[]] * 5


def test_a_count_that_is_unknown_for_a_while_changes_nothing() -> None:
    """Neither does it end a warning, nor is it told again."""
    story = Story()
    bad = make_task("one", counts=counted(succeeded=20, failed=5))
    assert story.warned(bad) == ["failing"]
    assert story.warned(make_task("one", counts=StatusCounts()), after=HOUR) == []
    assert story.has_problem()
    assert story.warned(make_task("one", None, counts=StatusCounts()), after=HOUR) == []
    assert not story.has_problem()
    assert story.warned(bad, after=HOUR) == []
    assert story.has_problem()


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (counted(5, waiting=0, processing=0), []),
        (counted(waiting=0, total=0), []),
        (counted(5), ["stalled"]),
        (counted(5, waiting=0, processing=3), ["stalled"]),
    ],
)
def test_an_open_ended_task_with_no_device_to_upgrade_has_nothing_to_do(
    counts: StatusCounts, expected: list[str]
) -> None:
    """Unlike one whose devices wait."""
    story = Story()
    task = make_task("one", counts=counts, policy=Policy(is_incremental=True))
    story.poll(task)
    assert story.warned(task, after=2 * DAY) == expected


@pytest.mark.parametrize(
    ("policy", "hours", "stalls_after"),
    [
        pytest.param(Policy(), 26, 26, id="no window"),
        pytest.param(Policy(start=NOW + WEEK), 26, 26, id="start of no meaning"),
        pytest.param(custom(NOW + WEEK), 26, 7 * 24 + 26, id="begins in a week"),
        pytest.param(custom(NOW - WEEK), 26, 26, id="has begun"),
        pytest.param(
            custom(NOW + 3 * HOUR, NOW + 7 * HOUR), 26, 29, id="window is over"
        ),
        pytest.param(custom(NOW + 3 * HOUR, NOW + 7 * HOUR), 2, 5, id="in the window"),
        pytest.param(custom(NOW - DAY, NOW - 5 * HOUR), 26, 26, id="left behind"),
        pytest.param(
            custom(NOW + 3 * HOUR, NOW + 7 * HOUR, daily=True), 2, 5, id="daily, brief"
        ),
        pytest.param(
            custom(NOW + 3 * HOUR, NOW + 7 * HOUR, daily=True),
            26,
            29,
            id="daily, a whole window",
        ),
        pytest.param(
            custom(NOW - 3 * HOUR, NOW + HOUR, daily=True), 2, 22, id="daily, closes"
        ),
        pytest.param(
            custom(NOW - 3 * HOUR, NOW + HOUR, daily=True), 12, 24, id="daily, again"
        ),
        pytest.param(
            custom(NOW - 10 * HOUR, NOW - 6 * HOUR, daily=True), 6, 18, id="daily, shut"
        ),
        pytest.param(custom(NOW, NOW + DAY, daily=True), 26, 26, id="all day"),
    ],
)
def test_a_task_cannot_stall_outside_its_window(
    policy: Policy, hours: int, stalls_after: int
) -> None:
    """Before it nothing counts; a daily one must have been open long enough."""
    story = Story(limits=Limits(stall_hours=hours))
    task = make_task("one", policy=policy)
    story.poll(task)
    for hour in range(1, stalls_after):
        assert story.warned(task, after=HOUR) == [], hour
    assert story.warned(task, after=HOUR) == ["stalled"]


def test_hours_before_the_window_are_not_told() -> None:
    """Nothing could move then."""
    story = Story()
    task = make_task("one", policy=custom(NOW + WEEK))
    story.poll(task)
    (event,) = story.poll(task, after=WEEK + 27 * HOUR)
    assert event.hours_without_progress == 27.0


def test_daily_windows_of_any_kind_are_added_up() -> None:
    """As counting the hours in which they were open says."""
    random = Random(26)
    for _ in range(300):
        length = random.randint(1, 24)
        start = NOW + random.randint(-100, 100) * HOUR
        policy = custom(start, start + length * HOUR, daily=True)
        hours = random.randint(1, 60)
        story = Story(limits=Limits(stall_hours=hours))
        task = make_task("one", policy=policy)
        story.poll(task)
        could_move = max(NOW, start)
        hour = is_open_for = 0
        while True:
            begins = NOW + hour * HOUR
            is_open_for += begins >= could_move and is_open(policy, begins)
            hour += 1
            ends = begins + HOUR
            expected = ends - could_move >= hours * HOUR and is_open_for >= min(
                hours, length
            )
            told = story.warned(task, after=HOUR)
            assert told == (["stalled"] if expected else []), (policy, hours, hour)
            if expected:
                break


@pytest.mark.parametrize(
    ("counts", "share"),
    [
        (counted(succeeded=19), None),
        (counted(failed=19), None),
        (counted(failed=20), 100.0),
        (counted(succeeded=19, failed=1), None),
        (counted(succeeded=18, failed=2), 10.0),
        (counted(succeeded=95, failed=5), None),
        (counted(succeeded=94, failed=6), 6.0),
        # Devices that timed out stand among the failed ones, or beside them.
        (counted(succeeded=94, failed=6, timed_out=6), 6.0),
        (counted(succeeded=94, timed_out=6, beside=6), 6.0),
        (counted(succeeded=94, failed=3, timed_out=3, beside=3), 6.0),
        (counted(succeeded=94, stopped=6, timed_out=6), None),
        (counted(succeeded=30, failed=3, processing=900, waiting=67), 9.1),
    ],
)
def test_a_task_is_failing_above_the_share_of_enough_devices(
    counts: StatusCounts, share: float | None
) -> None:
    """More than 5 % of at least 20, with what is known of it."""
    story = Story()
    told = story.poll(make_task("one", counts=counts))
    assert [(event.type.value, event.failed_share) for event in told] == (
        [] if share is None else [("failing", share)]
    )
    assert [event.ended_devices for event in told] == [counts.ended] * len(told)
    assert story.has_problem() == bool(told)


def test_a_task_that_is_over_is_not_failing() -> None:
    """Its end says how it went."""
    story = Story()
    assert story.warned(make_task("one", FAILED, counts=counted(1, 999))) == []
    assert not story.has_problem()


def test_a_task_that_keeps_failing_is_told_of_once() -> None:
    """Until the share has fallen to half of the limit, and risen above it again."""
    story = Story()
    told = [
        story.warned(make_task("one", counts=counted(succeeded, failed)))
        for succeeded, failed in (
            (18, 2),
            (17, 3),
            (96, 4),  # below the limit
            (94, 6),  # above it, but it was told
            (190, 10),
            (195, 5),  # half of the limit: over
            (188, 12),  # above it anew
        )
    ]
    assert told == [["failing"], [], [], [], [], [], ["failing"]]


def test_a_share_that_moves_about_the_limit_is_told_a_few_times_at_most() -> None:
    """Each time takes twice as many devices as the time before."""
    random = Random(5)
    story = Story()
    told = succeeded = failed = 0
    for _ in range(5000):
        failed_now = random.random() < 0.05
        failed, succeeded = failed + failed_now, succeeded + (not failed_now)
        counts = StatusCounts(
            total=10_000,
            waiting=10_000 - succeeded - failed,
            processing=0,
            succeeded=succeeded,
            failed=failed,
        )
        told += len(story.poll(make_task("one", counts=counts)))
    assert told < 8  # log2(5000 / 20)


def test_devices_that_are_tried_again_do_not_repeat_a_warning() -> None:
    """Fewer than the minimum have ended meanwhile."""
    story = Story()
    assert story.warned(make_task("one", counts=counted(18, 2))) == ["failing"]
    assert story.warned(make_task("one", counts=counted(18, 1))) == []
    assert story.warned(make_task("one", counts=counted(18, 2))) == []


def test_a_task_that_is_restarted_may_be_warned_of_anew() -> None:
    """It is another attempt."""
    story = Story()
    counts = counted(succeeded=10, failed=10)
    assert story.warned(make_task("one", counts=counts)) == ["failing"]
    assert story.warned(make_task("one", FAILED, counts=counts), after=HOUR) == []
    assert not story.has_problem()
    assert story.warned(make_task("one", counts=counts), after=HOUR) == ["failing"]


def test_a_task_may_be_stalled_and_failing() -> None:
    """Both are told, each for itself."""
    story = Story()
    task = make_task("one", counts=counted(succeeded=10, failed=10))
    assert story.warned(task) == ["failing"]
    assert story.warned(task, after=2 * DAY) == ["stalled"]


def test_the_first_poll_of_an_account_warns_of_nothing() -> None:
    """What was so before is shown, not told; what stalls from then on is news."""
    story = Story(is_new=True)
    task = make_task("one", counts=counted(succeeded=10, failed=10))
    assert story.warned(task) == []
    assert story.has_problem()
    assert story.warned(task, after=2 * DAY) == ["stalled"]


def test_a_poll_that_warns_of_nothing_new_leaves_the_state_as_it_is() -> None:
    """So that nothing is written; time that passes is no change."""
    story = Story()
    task = make_task("one", counts=counted(succeeded=10, failed=10))
    story.poll(task)
    before = story.state
    story.poll(task, after=HOUR)
    assert story.state == before
    story.poll(task, after=2 * DAY)
    before = story.state
    story.poll(task, after=2 * DAY)
    assert story.state == before


def test_nothing_is_remembered_of_a_task_that_is_over_or_gone() -> None:
    """The store does not grow."""
    story = Story()
    story.poll(make_task("one"), make_task("two"))
    assert story.state is not None
    assert story.state.watches.keys() == {"one", "two"}
    state = advance(
        story.state,
        Poll(tasks=(make_task("one", FAILED),), deleted=frozenset({"two"})),
        NOW,
        WEEK,
        LIMITS,
    )
    assert state.watches == {}


def test_the_limits_are_those_of_the_options() -> None:
    """Or the defaults, of an account that is older than they are."""
    assert limits_of({}) == Limits(stall_hours=26, failing_share=5, failing_minimum=20)
    options = {"stall_hours": 2, "failing_share": 50, "failing_minimum": 1}
    limits = limits_of(options)
    assert limits == Limits(**options)
    story = Story(limits=limits)
    half, more = (make_task("one", counts=counted(2, n)) for n in (2, 3))
    assert [story.warned(half), story.warned(more)] == [[], ["failing"]]
    assert story.warned(more, after=2 * HOUR) == ["stalled"]


def test_a_limit_of_all_devices_is_none() -> None:
    """More than all of them cannot fail."""
    story = Story(limits=Limits(failing_share=100))
    assert story.warned(make_task("one", counts=counted(failed=1000))) == []
