"""The call budget: how many calls, in whose order, and for how long at most."""

import asyncio

import pytest

from custom_components.fleet_upgrade.clients import budget as budget_module
from custom_components.fleet_upgrade.clients.budget import (
    ADAPTIVE_GROWTH,
    ADAPTIVE_LEAST,
    HOUR,
    KEPT_FREE,
    LONGEST_PAUSE,
    MANY_THROTTLES,
    WINDOW,
    AdaptiveBudget,
    CallBudget,
    Priority,
    shared_budget,
)
from custom_components.fleet_upgrade.clients.errors import ThrottledError


class Clock:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        """Start at no time in particular."""
        self.now = 1000.0

    def __call__(self) -> float:
        """Return seconds."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock at rest."""
    return Clock()


async def make(budget: CallBudget, priority: Priority, count: int = 1) -> None:
    """Make calls that are answered at once."""
    for _ in range(count):
        async with budget.call(priority):
            pass


async def is_refused_a_turn(budget: CallBudget, priority: Priority) -> bool:
    """Whether a call has to wait."""
    try:
        async with asyncio.timeout(0.01):
            await make(budget, priority)
    except TimeoutError:
        return True
    return False


async def test_a_call_leaves_the_window_a_minute_after_its_answer(
    clock: Clock,
) -> None:
    """The platform may count it at any moment until it has answered."""
    budget = CallBudget(1, clock=clock)
    async with budget.call(Priority.ACTION):
        clock.now += 30
    clock.now += WINDOW - 1
    assert budget.left == 0
    clock.now += 1
    assert budget.left == 1


@pytest.mark.parametrize(
    ("priority", "allowed"),
    [
        (Priority.ACTION, 100),
        (Priority.LISTING, 100 - KEPT_FREE),
        (Priority.POLL, 50),
    ],
)
async def test_each_kind_of_call_has_its_share(
    clock: Clock, priority: Priority, allowed: int
) -> None:
    """Polling takes half, listings leave 20 free, an action may take all."""
    budget = CallBudget(100, clock=clock)
    await make(budget, priority, allowed)
    assert await is_refused_a_turn(budget, priority)


async def test_polling_has_less_when_others_were_there_first(clock: Clock) -> None:
    """The limit is the application's, not each kind's."""
    budget = CallBudget(100, clock=clock)
    await make(budget, Priority.ACTION, 90)
    await make(budget, Priority.POLL, 10)
    assert await is_refused_a_turn(budget, Priority.POLL)
    assert budget.left == 0


async def test_an_action_goes_before_a_poll_that_waited_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a person asked for comes first."""
    monkeypatch.setattr(budget_module, "WINDOW", 0.05)
    budget = CallBudget(2)
    order: list[str] = []

    async def call(name: str, priority: Priority) -> None:
        async with budget.call(priority):
            order.append(name)

    async with budget.call(Priority.ACTION), budget.call(Priority.ACTION):
        poll = asyncio.create_task(call("poll", Priority.POLL))
        await asyncio.sleep(0)
        action = asyncio.create_task(call("action", Priority.ACTION))
        await asyncio.sleep(0)
    assert order == []
    async with asyncio.timeout(5):
        await asyncio.gather(poll, action)
    assert order == ["action", "poll"]


async def test_waiting_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits too long is told when it is worth coming back."""
    monkeypatch.setattr(budget_module, "LONGEST_WAIT", 0.05)
    budget = CallBudget(1)
    await make(budget, Priority.ACTION)
    with pytest.raises(ThrottledError) as err:
        await make(budget, Priority.ACTION)
    assert not err.value.by_platform
    assert WINDOW / 2 < err.value.retry_after <= WINDOW


async def test_waiting_can_be_cancelled_and_leaves_nothing_behind(
    clock: Clock,
) -> None:
    """A cancelled action neither counts nor stands in anybody's way."""
    budget = CallBudget(1, clock=clock)
    await make(budget, Priority.ACTION)
    waiting = asyncio.create_task(make(budget, Priority.ACTION))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    clock.now += WINDOW
    await make(budget, Priority.POLL, 0)
    assert budget.left == 1


async def test_a_throttle_by_the_platform_pauses_everybody(clock: Clock) -> None:
    """It says that others use the budget too, so going on would be rude."""
    budget = CallBudget(100, pause=20, clock=clock)
    error = budget.throttled()
    assert error.by_platform
    assert error.retry_after == 20
    assert budget.left == 0
    assert await is_refused_a_turn(budget, Priority.ACTION)
    clock.now += 20
    assert budget.left == 100


async def test_a_waiting_call_starts_when_there_is_room_again() -> None:
    """It does not take a new request to wake it."""
    budget = CallBudget(100, pause=0.05)
    budget.throttled()
    async with asyncio.timeout(2):
        await make(budget, Priority.POLL)


def test_all_users_of_an_application_share_one_budget() -> None:
    """And those of another application do not."""
    first = shared_budget("platform", "one application")
    assert shared_budget("platform", "one application") is first
    assert shared_budget("platform", "another") is not first
    adaptive = shared_budget("platform", "a third", make=AdaptiveBudget)
    assert isinstance(adaptive, AdaptiveBudget)


async def test_a_small_budget_leaves_room_for_listings(clock: Clock) -> None:
    """What they leave free is a share of what there is."""
    budget = CallBudget(10, clock=clock)
    await make(budget, Priority.LISTING, 8)
    assert await is_refused_a_turn(budget, Priority.LISTING)


@pytest.mark.parametrize(
    ("retry_after", "pause"), [(None, 20), (7, 7), (10 * LONGEST_PAUSE, LONGEST_PAUSE)]
)
def test_a_platform_that_says_when_to_come_back_is_believed(
    clock: Clock, retry_after: float | None, pause: float
) -> None:
    """Within reason."""
    budget = CallBudget(100, pause=20, clock=clock)
    assert budget.throttled(retry_after).retry_after == pause
    clock.now += pause - 1
    assert budget.left == 0
    clock.now += 1
    assert budget.left == 100


def test_a_throttle_halves_an_adaptive_budget_once(clock: Clock) -> None:
    """All calls under way may be refused for the same burst."""
    budget = AdaptiveBudget(60, pause=20, clock=clock)
    budget.throttled()
    clock.now += 5
    budget.throttled()
    assert budget.limit == 30
    clock.now += 20
    budget.throttled()
    assert budget.limit == 15


def test_an_adaptive_budget_never_shrinks_to_nothing(clock: Clock) -> None:
    """An account that never calls never finds out that it may call again."""
    budget = AdaptiveBudget(60, pause=20, clock=clock)
    for _ in range(10):
        budget.throttled()
        clock.now += 20
    assert budget.limit == ADAPTIVE_LEAST


async def test_an_adaptive_budget_grows_back_slowly_to_where_it_began(
    clock: Clock,
) -> None:
    """A little with each minute without a throttle."""
    budget = AdaptiveBudget(60, pause=20, clock=clock)
    budget.throttled()
    clock.now += 20 + WINDOW - 1
    assert budget.left == 30
    clock.now += 1
    assert budget.left == 30 + ADAPTIVE_GROWTH
    await make(budget, Priority.ACTION, 30 + ADAPTIVE_GROWTH)
    assert await is_refused_a_turn(budget, Priority.ACTION)
    clock.now += 60 * WINDOW
    assert budget.left == 60


async def throttles(
    budget: CallBudget, clock: Clock, times: int, *, ours: int = 1
) -> None:
    """Let the platform throttle in so many minutes, each with so many calls of ours."""
    for _ in range(times):
        clock.now += WINDOW
        await make(budget, Priority.ACTION, ours)
        budget.throttled()


@pytest.mark.parametrize(
    ("kind", "few"), [(CallBudget, 30), (AdaptiveBudget, ADAPTIVE_LEAST)]
)
async def test_throttles_in_spite_of_few_calls_are_others_doing(
    clock: Clock, kind: type[CallBudget], few: int
) -> None:
    """Once may be chance, three times in an hour is a crowd."""
    budget = kind(60, pause=0, clock=clock)
    await throttles(budget, clock, MANY_THROTTLES - 1, ours=few)
    assert not budget.is_crowded
    await throttles(budget, clock, 1, ours=few)
    assert budget.is_crowded


@pytest.mark.parametrize(
    ("kind", "many"), [(CallBudget, 31), (AdaptiveBudget, ADAPTIVE_LEAST + 1)]
)
async def test_throttles_after_many_calls_are_our_own_doing(
    clock: Clock, kind: type[CallBudget], many: int
) -> None:
    """Where the limit is only guessed at, few is what no platform would refuse."""
    budget = kind(60, pause=0, clock=clock)
    for _ in range(2 * MANY_THROTTLES):
        clock.now += WINDOW
        async with budget.call(Priority.ACTION):
            budget.limit = 60
            await make(budget, Priority.ACTION, many - 1)
            budget.throttled()
    assert not budget.is_crowded


async def test_a_crowd_is_over_after_an_hour_without_throttle(clock: Clock) -> None:
    """Each one prolongs it."""
    budget = CallBudget(60, clock=clock)
    await throttles(budget, clock, MANY_THROTTLES)
    clock.now += HOUR - WINDOW - 1
    await throttles(budget, clock, 1)
    seen = []
    for seconds in (HOUR - 1, 1):
        clock.now += seconds
        seen.append(budget.is_crowded)
    await throttles(budget, clock, MANY_THROTTLES - 1)
    assert [*seen, budget.is_crowded] == [True, False, False]


async def test_throttles_hours_apart_are_no_crowd(clock: Clock) -> None:
    """Somebody ran a report."""
    budget = CallBudget(60, clock=clock)
    for _ in range(2 * MANY_THROTTLES):
        clock.now += HOUR / 2
        budget.throttled()
    assert not budget.is_crowded


async def test_a_burst_counts_once(clock: Clock) -> None:
    """All calls under way may be refused for the same minute of others."""
    budget = CallBudget(60, pause=10, clock=clock)
    clock.now += WINDOW
    for _ in range(2 * MANY_THROTTLES - 1):
        budget.throttled()
        clock.now += 10
    assert not budget.is_crowded


async def test_what_the_process_before_used_up_is_nobody_elses(clock: Clock) -> None:
    """The platform still counts it; so the first minute tells nothing."""
    budget = CallBudget(60, pause=0, clock=clock)
    clock.now += WINDOW - 1
    budget.throttled()
    clock.now -= 1
    await throttles(budget, clock, MANY_THROTTLES - 1)
    assert not budget.is_crowded


async def test_a_server_in_trouble_is_no_crowd(clock: Clock) -> None:
    """It asks for a pause too."""
    budget = AdaptiveBudget(60, pause=20, clock=clock)
    for _ in range(2 * MANY_THROTTLES):
        clock.now += WINDOW
        assert budget.throttled(7, for_calls=False).retry_after == 7
    assert not budget.is_crowded


async def test_calls_are_counted_by_who_made_them(clock: Clock) -> None:
    """For good, and also one that fails; not one that never had its turn."""
    budget = CallBudget(limit=4, clock=clock)
    await make(budget, Priority.ACTION)
    with pytest.raises(RuntimeError):
        async with budget.call(Priority.SIGN_IN):
            raise RuntimeError
    await make(budget, Priority.POLL)
    assert await is_refused_a_turn(budget, Priority.POLL)
    clock.now += WINDOW
    await make(budget, Priority.POLL)
    assert budget.made == {
        Priority.SIGN_IN: 1,
        Priority.ACTION: 1,
        Priority.POLL: 2,
    }
    assert budget.polled == 3
