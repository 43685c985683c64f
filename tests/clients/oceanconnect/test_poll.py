"""What a poll reads, finds and costs, against a list of tasks kept in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from math import ceil
from random import Random

import pytest

from custom_components.fleet_upgrade.clients.budget import Priority
from custom_components.fleet_upgrade.clients.errors import (
    Advice,
    MalformedError,
    NotFoundError,
    RejectedError,
)
from custom_components.fleet_upgrade.clients.model import (
    Poll,
    TaskStatus,
    UpgradeKind,
    UpgradeTask,
)
from custom_components.fleet_upgrade.clients.oceanconnect.poll import (
    FIRST_PAGES,
    PAGE_SIZE,
    Poller,
    is_last_page,
)
from custom_components.fleet_upgrade.clients.oceanconnect.tasks import (
    STATUS_WORD,
    TaskPage,
)

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
WEEK = timedelta(days=7)
LAST_NUMBER = 2**31 - 1
"""The last number that a page may have."""


@dataclass
class Platform:
    """The tasks of a platform, listed in one of several orders."""

    order: str = "newest_first"
    has_total: bool = True
    total: int | None = None
    """What is told instead of the real total."""
    tasks: dict[str, UpgradeTask] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    numbers: count[int] = field(default_factory=lambda: count(1))

    def add(
        self,
        status: TaskStatus = TaskStatus.WAITING,
        *,
        created: datetime | None = None,
        ended: datetime | None = None,
    ) -> str:
        """Create a task; each is a minute younger than the one before."""
        number = next(self.numbers)
        task_id = f"task-{number:05}"
        self.tasks[task_id] = UpgradeTask(
            task_id=task_id,
            kind=UpgradeKind.SOFTWARE,
            status=status,
            created=created or NOW + timedelta(minutes=number),
            ended=ended,
        )
        return task_id

    def turn(self, task_id: str, status: TaskStatus) -> None:
        """Give a task another status."""
        old = self.tasks[task_id]
        self.tasks[task_id] = UpgradeTask(
            task_id=task_id, kind=old.kind, status=status, created=old.created
        )

    def listed(self) -> list[UpgradeTask]:
        """Return all tasks in the platform's order."""
        tasks = list(self.tasks.values())
        if self.order == "newest_first":
            tasks.reverse()
        elif self.order == "none":
            Random(1).shuffle(tasks)
        return tasks

    async def read_page(
        self, number: int, query: Mapping[str, str | int], priority: Priority
    ) -> TaskPage:
        """Answer a listing."""
        assert priority is Priority.POLL
        word = query.get("operationStatus")
        self.calls.append(f"{word or 'all'} {number}")
        if number > LAST_NUMBER:
            raise RejectedError("123001", "", Advice.PAGE_INVALID)
        tasks = [
            task
            for task in self.listed()
            if word is None or STATUS_WORD[task.status or TaskStatus.FAILED] == word
        ]
        rows = tuple(tasks[number * PAGE_SIZE : (number + 1) * PAGE_SIZE])
        total = len(tasks) if self.has_total else None
        if self.total is not None and word is None:
            total = self.total
        return TaskPage(items=rows, total=total, length=len(rows))

    async def read_task(self, task_id: str, priority: Priority) -> UpgradeTask:
        """Answer a look at one task."""
        assert priority is Priority.POLL
        self.calls.append(task_id)
        if task_id not in self.tasks:
            raise NotFoundError("123009", "", Advice.TASK_MISSING, status=404)
        return self.tasks[task_id]


@dataclass
class Watcher:
    """What a coordinator keeps between polls."""

    platform: Platform
    known: dict[str, UpgradeTask] = field(default_factory=dict)
    memory: dict[str, object] = field(default_factory=dict)
    since: datetime = NOW - WEEK

    async def poll(self) -> Poll:
        """Poll once and keep what was found."""
        self.platform.calls.clear()
        poller = Poller(self.platform.read_page, self.platform.read_task)
        poll = await poller.poll(self.known, self.memory, self.since)
        self.known |= {task.task_id: task for task in poll.tasks}
        for task_id in poll.deleted:
            del self.known[task_id]
        self.memory = poll.memory
        return poll

    @property
    def cost(self) -> int:
        """Calls of the last poll."""
        return len(self.platform.calls)


@pytest.fixture(params=["newest_first", "oldest_first", "none"])
def platform(request: pytest.FixtureRequest) -> Platform:
    """Return a platform in each of the orders that its list may have."""
    return Platform(order=request.param)


@pytest.fixture
def watcher(platform: Platform) -> Watcher:
    """Return somebody who has never polled."""
    return Watcher(platform)


@pytest.mark.parametrize("old", [0, 30, 250])
async def test_every_task_is_found_from_its_beginning_to_its_end(
    platform: Platform, watcher: Watcher, old: int
) -> None:
    """Waiting, processing, over: whatever stands in the list beside it."""
    for _ in range(old):
        platform.add(TaskStatus.SUCCEEDED)
    await watcher.poll()
    assert watcher.known == platform.tasks
    task_id = platform.add(TaskStatus.WAITING)
    for status in (
        TaskStatus.WAITING,
        TaskStatus.PROCESSING,
        TaskStatus.FAILED,
        TaskStatus.PROCESSING,
        TaskStatus.SUCCEEDED,
    ):
        platform.turn(task_id, status)
        await watcher.poll()
        assert watcher.known[task_id].status is status


@pytest.mark.parametrize("old", [0, 99, 100, 101, 250])
@pytest.mark.parametrize("new", [1, 99, 100, 101, 250])
async def test_what_began_and_ended_between_two_polls_is_found(
    platform: Platform, watcher: Watcher, old: int, new: int
) -> None:
    """Home Assistant may have been down for a while."""
    for _ in range(old):
        platform.add(TaskStatus.SUCCEEDED)
    await watcher.poll()
    for _ in range(new):
        platform.add(TaskStatus.STOPPED)
    await watcher.poll()
    assert watcher.known == platform.tasks


async def test_what_others_created_before_our_own_newest_task_is_found(
    platform: Platform, watcher: Watcher
) -> None:
    """A task that we know from its creation is no sign that all before it is known."""
    for _ in range(120):
        platform.add(TaskStatus.SUCCEEDED)
    await watcher.poll()
    for _ in range(120):
        platform.add(TaskStatus.SUCCEEDED)
    own = platform.add()
    watcher.known[own] = platform.tasks[own]
    await watcher.poll()
    assert watcher.known == platform.tasks


async def test_a_task_is_over_only_if_its_own_status_says_so(
    platform: Platform, watcher: Watcher
) -> None:
    """One that slips from one list to the other while both are read is still there."""
    task_id = platform.add(TaskStatus.PROCESSING)
    for _ in range(250):
        platform.add(TaskStatus.SUCCEEDED)
    await watcher.poll()
    read_page = platform.read_page

    async def slip(
        number: int, query: Mapping[str, str | int], priority: Priority
    ) -> TaskPage:
        page = await read_page(number, query, priority)
        if query.get("operationStatus") == "wait":
            platform.turn(task_id, TaskStatus.WAITING)
        return page

    platform.read_page = slip  # type: ignore[method-assign]
    await watcher.poll()
    assert watcher.known[task_id].status is TaskStatus.WAITING


async def test_a_task_that_the_platform_no_longer_has_is_deleted(
    platform: Platform, watcher: Watcher
) -> None:
    """Only its own 404 counts, not its absence from a list."""
    task_id = platform.add(TaskStatus.PROCESSING)
    platform.add(TaskStatus.PROCESSING)
    await watcher.poll()
    del platform.tasks[task_id]
    poll = await watcher.poll()
    assert poll.deleted == {task_id}
    assert task_id in platform.calls


async def test_a_task_that_cannot_be_read_stays_as_it_was(
    platform: Platform, watcher: Watcher, caplog: pytest.LogCaptureFixture
) -> None:
    """One bad row must not end polling, nor the task; the log has it once."""
    task_id = platform.add(TaskStatus.PROCESSING)
    await watcher.poll()
    before = watcher.known[task_id]
    del platform.tasks[task_id]

    async def unreadable(task_id: str, priority: Priority) -> UpgradeTask:
        raise MalformedError("Expected `object` - at `$.staResult`")

    platform.read_task = unreadable  # type: ignore[method-assign]
    poll = await watcher.poll()
    assert poll.deleted == frozenset()
    assert watcher.known[task_id] == before
    await watcher.poll()
    assert watcher.known[task_id] == before
    [warning] = [each for each in caplog.messages if "cannot be read" in each]
    assert task_id in warning


async def test_a_list_grown_shorter_is_read_from_its_new_end() -> None:
    """Somebody deleted old tasks on the platform."""
    platform = Platform(order="oldest_first")
    watcher = Watcher(platform)
    old = [platform.add(TaskStatus.SUCCEEDED) for _ in range(350)]
    await watcher.poll()
    for task_id in old[:200]:
        del platform.tasks[task_id]
    new = platform.add(TaskStatus.SUCCEEDED)
    await watcher.poll()
    assert new in watcher.known


@pytest.mark.parametrize("total", [2**62, 10**400, 10_000, 1])
@pytest.mark.parametrize("order", ["newest_first", "oldest_first"])
async def test_a_total_that_was_nonsense_costs_a_few_calls(
    order: str, total: int
) -> None:
    """What one poll was told, the next one corrects."""
    platform = Platform(order=order)
    watcher = Watcher(platform)
    for _ in range(350):
        platform.add(TaskStatus.SUCCEEDED)
    await watcher.poll()
    watcher.memory["total"] = total
    for _ in range(2):
        platform.add(TaskStatus.SUCCEEDED)
        await watcher.poll()
        assert watcher.known == platform.tasks
    assert watcher.cost == 3


async def test_a_platform_that_goes_on_with_nonsense_is_not_asked_for_ever() -> None:
    """Neither for pages that are refused nor for pages that are empty."""
    platform = Platform(order="oldest_first")
    watcher = Watcher(platform)
    for _ in range(350):
        platform.add(TaskStatus.SUCCEEDED)
    await watcher.poll()
    platform.total = 2**40
    for _ in range(3):
        await watcher.poll()
        assert watcher.cost < 50
    platform.total = None
    platform.add(TaskStatus.SUCCEEDED)
    for _ in range(2):
        await watcher.poll()
    assert watcher.known == platform.tasks
    assert watcher.cost == 3


@pytest.mark.parametrize("order", ["newest_first", "oldest_first"])
@pytest.mark.parametrize("wrong", ["newest_first", "oldest_first", "none", "unknown"])
async def test_an_order_learned_from_nonsense_is_learned_again(
    order: str, wrong: str
) -> None:
    """By the second poll at the latest, new tasks are found."""
    platform = Platform(order=order)
    watcher = Watcher(platform)
    for _ in range(350):
        platform.add(TaskStatus.SUCCEEDED)
    await watcher.poll()
    watcher.memory["order"] = wrong
    for _ in range(2):
        platform.add(TaskStatus.SUCCEEDED)
        await watcher.poll()
    assert watcher.known == platform.tasks


async def test_a_list_without_a_total_is_read_to_its_end(
    platform: Platform, watcher: Watcher
) -> None:
    """Where the newest end may be the last page, nothing else tells where that is."""
    platform.has_total = False
    for _ in range(250):
        platform.add(TaskStatus.SUCCEEDED)
    await watcher.poll()
    for _ in range(3):
        platform.add(TaskStatus.SUCCEEDED)
        await watcher.poll()
    assert watcher.known == platform.tasks


async def test_an_order_that_cannot_be_told_is_none() -> None:
    """All created in one second: then only the total tells of something new."""
    platform = Platform(order="oldest_first")
    watcher = Watcher(platform)
    for _ in range(150):
        platform.add(TaskStatus.SUCCEEDED, created=NOW)
    await watcher.poll()
    new = platform.add(TaskStatus.SUCCEEDED, created=NOW)
    await watcher.poll()
    assert new in watcher.known


async def test_tasks_that_end_together_are_read_from_pages(watcher: Watcher) -> None:
    """Ninety ends deep in the list cost pages, not ninety calls."""
    platform = watcher.platform
    active = [platform.add(TaskStatus.PROCESSING) for _ in range(90)]
    for _ in range(250):
        platform.add(TaskStatus.SUCCEEDED)
    await watcher.poll()
    for task_id in active:
        platform.turn(task_id, TaskStatus.SUCCEEDED)
    await watcher.poll()
    assert watcher.known == platform.tasks
    assert not [call for call in platform.calls if call.startswith("task-")]
    assert watcher.cost <= 7


@pytest.mark.parametrize("order", ["newest_first", "oldest_first"])
@pytest.mark.parametrize(
    ("active", "ended", "new"),
    [(0, 0, 0), (0, 500, 0), (1, 30, 1), (100, 200, 100), (250, 600, 101), (99, 1, 7)],
)
async def test_a_poll_costs_no_more_calls_than_promised(
    order: str, active: int, ended: int, new: int
) -> None:
    """The bound holds whatever the order, in the first quiet poll and with news."""
    platform = Platform(order=order)
    watcher = Watcher(platform)
    for _ in range(ended):
        platform.add(TaskStatus.SUCCEEDED)
    for _ in range(active):
        platform.add(TaskStatus.PROCESSING)
    await watcher.poll()
    await watcher.poll()
    assert watcher.cost <= 2 + max(1, ceil(active / 100))
    for _ in range(new):
        platform.add(TaskStatus.SUCCEEDED)
    await watcher.poll()
    assert watcher.cost <= 2 + max(1, ceil(active / 100)) + ceil(new / 100)
    assert watcher.known == platform.tasks


async def test_a_quiet_poll_of_an_unordered_list_reads_one_page_of_it() -> None:
    """Without an order only the total tells that there is something new."""
    platform = Platform(order="none")
    watcher = Watcher(platform)
    for _ in range(350):
        platform.add(TaskStatus.SUCCEEDED)
    await watcher.poll()
    await watcher.poll()
    assert platform.calls == ["wait 0", "processing 0", "all 0"]


async def test_the_first_poll_does_not_read_history_for_ever() -> None:
    """What is long over concerns nobody, however much of it there is."""
    platform = Platform()
    for age in range(3000, 0, -1):
        platform.add(TaskStatus.FAILED, created=NOW - timedelta(hours=age))
    watcher = Watcher(platform)
    await watcher.poll()
    assert watcher.cost == 2 + 2  # a week has 168 hours
    platform.tasks.clear()
    for minutes in range(PAGE_SIZE * (FIRST_PAGES + 5), 0, -1):
        platform.add(TaskStatus.FAILED, created=NOW - timedelta(minutes=minutes))
    await Watcher(platform).poll()
    assert watcher.cost == 2 + FIRST_PAGES


async def test_what_was_forgotten_does_not_come_back_as_new(
    platform: Platform, watcher: Watcher
) -> None:
    """Retention removes tasks that the platform goes on listing."""
    ended = NOW - WEEK + timedelta(minutes=1)
    for _ in range(20):
        platform.add(TaskStatus.SUCCEEDED, created=ended, ended=ended)
    await watcher.poll()
    assert len(watcher.known) == 20
    watcher.known.clear()
    watcher.since += timedelta(hours=1)
    await watcher.poll()
    assert watcher.known == {}
    watcher.since -= timedelta(days=30)  # a longer retention brings nothing back
    await watcher.poll()
    assert watcher.known == {}


async def test_a_task_that_ended_lately_is_news_however_old_it_is() -> None:
    """Home Assistant was down when it was created, and longer than the retention."""
    platform = Platform()
    watcher = Watcher(platform)
    platform.add(TaskStatus.SUCCEEDED)
    await watcher.poll()
    task_id = platform.add(
        TaskStatus.SUCCEEDED,
        created=NOW - 2 * WEEK,
        ended=NOW - timedelta(hours=1),
    )
    await watcher.poll()
    assert task_id in watcher.known


async def test_memory_of_another_make_is_forgotten(watcher: Watcher) -> None:
    """What an older version left must not stop polling."""
    watcher.platform.add(TaskStatus.PROCESSING)
    watcher.memory = {"order": "sideways", "total": "many"}
    await watcher.poll()
    assert watcher.known == watcher.platform.tasks


@pytest.mark.parametrize(
    ("length", "read", "total", "is_last"),
    [
        (100, 100, 200, False),
        (100, 200, 200, True),
        (100, 100, None, False),
        (99, 199, None, True),
        (0, 100, 200, True),
        (50, 50, 200, False),
    ],
)
def test_a_listing_ends_where_the_total_says_or_a_page_is_short(
    length: int, read: int, total: int | None, is_last: bool
) -> None:
    """A platform that gives smaller pages than asked for loses nothing."""
    assert is_last_page(length, read, total) is is_last
