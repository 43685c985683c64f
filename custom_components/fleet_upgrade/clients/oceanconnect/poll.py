"""Reads what happened on the platform since the last look, page by page.

A poll reads the waiting tasks, then the processing ones, then the newest end of the
whole list back to where the last poll had been. A task that left the first two
lists is over only if its own row says so. The calls of a poll are at most

    2 + max(1, ceil(active / 100)) + ceil(new / 100)

and, for tasks that ended further down the list than the pages read, at most two
calls for each of them, fewer the closer together they stand.
"""

from collections.abc import AsyncGenerator, Callable, Collection, Coroutine, Mapping
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any

import msgspec

from ..answers import warn_of_unread
from ..budget import Priority
from ..errors import MalformedError, NotFoundError, RejectedError
from ..model import Poll, TaskStatus, UpgradeTask
from .tasks import STATUS_WORD, TaskPage

PAGE_SIZE = 100
"""Rows a page; the most that the upgrade calls allow."""

FIRST_PAGES = 10
"""Pages that the first poll of an account reads for tasks that are over."""

FRONTIER = 2 * PAGE_SIZE
"""Tasks remembered at the newest end, by which the next poll knows where to stop."""

type PageReader = Callable[
    [int, Mapping[str, str | int], Priority], Coroutine[Any, Any, TaskPage]
]
type TaskReader = Callable[[str, Priority], Coroutine[Any, Any, UpgradeTask]]


class Order(StrEnum):
    """How the platform orders its list, which no page documents."""

    UNKNOWN = "unknown"
    NEWEST_FIRST = "newest_first"
    OLDEST_FIRST = "oldest_first"
    NONE = "none"


class Memory(msgspec.Struct, kw_only=True):
    """What a poll leaves to the next one.

    ``total`` is ``None`` before the first poll; ``frontier`` holds IDs, newest first.
    """

    order: Order = Order.UNKNOWN
    total: int | None = None
    frontier: list[str] = []


def is_last_page(
    length: int, read: int, total: int | None, size: int = PAGE_SIZE
) -> bool:
    """Whether a listing is over after a page of ``length`` rows, ``read`` in all."""
    if length == 0:
        return True
    return length < size if total is None else read >= total


class Poller:
    """Polls one account."""

    def __init__(self, read_page: PageReader, read_task: TaskReader) -> None:
        """Read pages and single tasks through the given calls."""
        self._read_page = read_page
        self._read_task = read_task

    async def pages(
        self, query: Mapping[str, str | int], priority: Priority
    ) -> AsyncGenerator[TaskPage]:
        """Read a listing of tasks page by page."""
        number = read = 0
        while True:
            page = await self._read_page(number, query, priority)
            yield page
            number += 1
            read += page.length
            if is_last_page(page.length, read, page.total):
                return

    async def poll(
        self,
        known: Mapping[str, UpgradeTask],
        memory: Mapping[str, object],
        since: datetime,
    ) -> Poll:
        """Read what is active, what is new and what has ended."""
        remembered = _recall(memory)
        found: dict[str, UpgradeTask] = {}
        # Waiting first: what begins in between stands in both lists, not in neither.
        for status in (TaskStatus.WAITING, TaskStatus.PROCESSING):
            query = {"operationStatus": STATUS_WORD[status]}
            async for page in self.pages(query, Priority.POLL):
                found |= {task.task_id: task for task in page.items}

        search = _NewestEnd(self._read_page, remembered, since, Priority.POLL)
        await search.read_back_to_known()
        seen = set(remembered.frontier)
        for task in search.tasks.values():
            known_or_active = task.task_id in known or task.task_id in found
            if known_or_active or (task.task_id not in seen and _is_fresh(task, since)):
                found[task.task_id] = task

        left = {
            task_id
            for task_id, task in known.items()
            if not task.has_ended and task_id not in found
        }
        found |= await search.read_on_for(left)
        deleted = set()
        for task_id in sorted(left - found.keys()):
            try:
                found[task_id] = await self._read_task(task_id, Priority.POLL)
            except NotFoundError:
                deleted.add(task_id)
            except (RejectedError, MalformedError) as err:
                warn_of_unread(task_id, err)
        return Poll(
            tasks=tuple(found.values()),
            deleted=frozenset(deleted),
            memory=msgspec.to_builtins(search.memory()),
        )

    async def read_newest(
        self, memory: Mapping[str, object], seen: Collection[str], since: datetime
    ) -> tuple[UpgradeTask, ...]:
        """Read the newest end back to what the last poll or the caller has seen."""
        remembered = _recall(memory)
        remembered.frontier = [*remembered.frontier, *seen]
        search = _NewestEnd(self._read_page, remembered, since, Priority.ACTION)
        await search.read_back_to_known()
        return tuple(search.tasks.values())


class _NewestEnd:
    """Reads the whole list from its newest end, wherever that is."""

    def __init__(
        self,
        read_page: PageReader,
        remembered: Memory,
        since: datetime,
        priority: Priority,
    ) -> None:
        self.tasks: dict[str, UpgradeTask] = {}
        self._read_page = read_page
        self._remembered = remembered
        self._since = since
        self._priority = priority
        self._order = remembered.order
        self._total = remembered.total
        self._next: int | None = 0
        self._read: set[int] = set()

    def memory(self) -> Memory:
        """Return what the next poll needs."""
        newest = sorted(
            self.tasks.values(),
            key=lambda task: task.created or self._since,
            reverse=True,
        )
        frontier = [task.task_id for task in newest]
        frontier += [key for key in self._remembered.frontier if key not in self.tasks]
        return Memory(
            order=self._order, total=self._total or 0, frontier=frontier[:FRONTIER]
        )

    async def read_back_to_known(self) -> None:
        """Read until a page holds something that the last poll has seen."""
        first_poll = self._remembered.total is None
        if self._order is Order.OLDEST_FIRST:
            is_over = await self._read_the_end()
        else:
            page = await self._take(0)
            match self._learn_order(page):
                case Order.OLDEST_FIRST:
                    is_over = await self._read_the_end()
                case Order.NONE:
                    # No order to go by: read on only when tasks came or went.
                    is_over = page.total == self._remembered.total
                case _:
                    is_over = self._is_old(page)
        while not is_over and self._next is not None:
            if first_poll and len(self._read) >= FIRST_PAGES:
                return
            is_over = self._is_old(await self._take(self._next))

    async def read_on_for(self, wanted: set[str]) -> dict[str, UpgradeTask]:
        """Read on while that may be cheaper than one call for each wanted task."""
        missing = set(wanted)
        spent = 0
        while self._next is not None and spent + 1 < len(missing):
            page = await self._take(self._next)
            spent += 1
            missing -= {task.task_id for task in page.items}
        return {key: self.tasks[key] for key in wanted - missing}

    async def _read_the_end(self) -> bool:
        """Read from where the list ended last time to where it ends now.

        The last poll may have been told nonsense of total and order: a page that the
        platform refuses is far beyond the end, and one in another order is no end.
        """
        is_over = False
        number: int | None = _last_page(self._total)
        while number is not None:
            try:
                page = await self._take(number)
            except RejectedError:
                if number == 0:
                    raise
                await self._take(0)
                number = min(_last_page(self._total), number // 2)
                continue
            if self._learn_order(page) is not Order.OLDEST_FIRST:
                return False
            is_over = is_over or (page.length > 0 and self._is_old(page))
            last = _last_page(self._total)
            if page.length == 0:  # tasks were deleted, or there never were so many
                number = last if last < number else None
            else:
                number = number + 1 if number < last else None
        return is_over

    async def _take(self, number: int) -> TaskPage:
        page = await self._read_page(number, {}, self._priority)
        self._read.add(number)
        self._total = page.total
        self.tasks |= {task.task_id: task for task in page.items}
        self._next = self._page_after(number, page)
        return page

    def _learn_order(self, page: TaskPage) -> Order:
        """Learn the order from the first page's times of creation."""
        times = [task.created for task in page.items if task.created is not None]
        if len(set(times)) < 2:
            if self._order is Order.UNKNOWN and self._next is not None:
                self._order = Order.NONE
        elif all(one >= two for one, two in pairwise(times)):
            self._order = Order.NEWEST_FIRST
        elif page.total is not None and all(a <= b for a, b in pairwise(times)):
            self._order = Order.OLDEST_FIRST
        else:
            self._order = Order.NONE
        return self._order

    def _page_after(self, number: int, page: TaskPage) -> int | None:
        """Return the number of the next page towards the old end, if any is unread."""
        if self._order is Order.OLDEST_FIRST:
            if page.length == 0:
                return None  # beyond the end, wherever that is
            below = range(number - 1, -1, -1)
            return next((other for other in below if other not in self._read), None)
        read = number * PAGE_SIZE + page.length
        return None if is_last_page(page.length, read, page.total) else number + 1

    def _is_old(self, page: TaskPage) -> bool:
        """Whether older pages hold nothing new."""
        if self._order is Order.NONE:
            return False
        seen = self._remembered.frontier
        return any(
            task.task_id in seen
            or (task.created is not None and task.created < self._since)
            for task in page.items
        )


def _recall(memory: Mapping[str, object]) -> Memory:
    try:
        return msgspec.convert(memory, Memory)
    except msgspec.ValidationError:
        return Memory()


def _last_page(total: int | None) -> int:
    return max(0, ((total or 0) - 1) // PAGE_SIZE)


def _is_fresh(task: UpgradeTask, since: datetime) -> bool:
    """Whether a task that nobody has seen is not long over."""
    over = task.ended or task.created
    return not task.has_ended or over is None or over >= since
