"""Counts the OTA tasks of jobs with as few calls as `counts.plan` finds."""

from collections.abc import Iterable, Mapping
import logging

from ..budget import Priority
from ..model import StatusCounts, TaskStatus
from .calls import PAGE_SIZE, Calls
from .counts import Tally, halves, plan, tally
from .expression import all_of, equals, one_of
from .jobs import PATH, SUBTASK_WORDS, UNFINISHED, OtaTaskRow
from .wire import Rows, rows_of

WAITING = SUBTASK_WORDS[TaskStatus.WAITING]

LEFT = (*SUBTASK_WORDS[TaskStatus.FAILED], *WAITING)
"""What an OTA task of a job at rest is when it has not succeeded."""

type Words = tuple[str, ...]

_LOGGER = logging.getLogger(__name__)


class Counter:
    """Counts the OTA tasks of one account's jobs."""

    def __init__(self, calls: Calls) -> None:
        """Make all calls through these."""
        self._calls = calls
        self._lack_is_told = False
        self._looks = 0
        self._looked: dict[tuple[str, Words], int] = {}
        """At which look for what moved a job at rest had its turn last, by what."""

    async def count(
        self, sizes: Mapping[str, int | None], priority: Priority
    ) -> dict[str, Tally]:
        """Count jobs whose last known sizes are given.

        A job is missing in the answer where the platform does not tell totals.
        """
        found: dict[str, Tally] = {}
        planned = plan(sizes)
        pages = list(planned.together)
        alone = dict.fromkeys(planned.alone)
        while pages:
            jobs = pages.pop()
            rows = await self._search(one_of("jobId", jobs), PAGE_SIZE, priority)
            if _holds_all(rows):
                found |= tally(rows_of(rows, OtaTaskRow, lambda row: row), jobs)
            elif len(jobs) > 1:
                pages.extend(halves(jobs))
            else:
                alone[jobs[0]] = rows.total
        for job, total in alone.items():
            size = total if total is not None else sizes[job]
            if (counted := await self._count_alone(job, size, priority)) is not None:
                found[job] = counted
        return found

    async def unfinished(self, jobs: Iterable[str], priority: Priority) -> set[str]:
        """Return which of some jobs have OTA tasks that have not ended.

        Rows of one job may crowd out those of others: these are found once that one
        is not asked for any more.
        """
        expression = all_of(one_of("jobId", jobs), one_of("status", UNFINISHED))
        rows = await self._search(expression, PAGE_SIZE, priority)
        return {
            row.job_id
            for row in rows_of(rows, OtaTaskRow, lambda row: row)
            if row.job_id
        }

    async def moved(
        self, at_rest: Mapping[str, StatusCounts], priority: Priority
    ) -> set[str]:
        """Return jobs at rest of which not as many devices failed or wait as before.

        No other count goes down when devices are retried, or pushed to. With one call
        as many jobs are looked at as fit on a page; the others have their turn later.
        So has a job that is too large for one: its devices that failed or wait are
        counted together, and in another turn those that wait, as these may have failed.
        """
        sizes = {
            job: size
            for job, counts in at_rest.items()
            if (size := (counts.failed or 0) + (counts.waiting or 0))
        }
        planned = plan(sizes, PAGE_SIZE - 1)  # on a full page there are more than were
        looks = [(page, LEFT) for page in planned.together]
        looks += [((job,), LEFT) for job in planned.alone]
        looks += [((job,), WAITING) for job in planned.alone if at_rest[job].waiting]
        if not looks:
            return set()
        looked = {
            (job, words): self._looked.get((job, words), 0)
            for jobs, words in looks
            for job in jobs
        }
        jobs, words = min(
            looks, key=lambda look: min(looked[job, look[1]] for job in look[0])
        )
        self._looks += 1
        self._looked = looked | {(job, words): self._looks for job in jobs}
        expression = all_of(one_of("jobId", jobs), one_of("status", words))
        if jobs[0] in planned.alone:
            known = sizes[jobs[0]] if words == LEFT else at_rest[jobs[0]].waiting
            rows = await self._search(expression, 1, priority)
            return set(jobs) if rows.total not in (None, known) else set()
        rows = await self._search(expression, PAGE_SIZE, priority)
        counted = tally(rows_of(rows, OtaTaskRow, lambda row: row), jobs)
        if not _holds_all(rows):
            # Some have more than they had, and may have crowded out others.
            return {job for job in jobs if counted[job].total > sizes[job]}
        return {
            job
            for job in jobs
            if (counted[job].failed, counted[job].waiting)
            != (at_rest[job].failed, at_rest[job].waiting)
        }

    async def _count_alone(
        self, job: str, total: int | None, priority: Priority
    ) -> Tally | None:
        """Count each status of a job by itself.

        OTA tasks move meanwhile. In the order in which they are read, one that goes
        on is counted twice rather than not at all; where the counts do not make the
        total, the total is read once more, and until they do nothing has ended.
        """
        counts: dict[TaskStatus, int] = {}
        for status, words in SUBTASK_WORDS.items():
            expression = all_of(equals("jobId", job), one_of("status", words))
            rows = await self._search(expression, 1, priority)
            if rows.total is None:
                self._tell_lack()
                return None
            counts[status] = rows.total
        if total != sum(counts.values()):
            rows = await self._search(equals("jobId", job), 1, priority)
            total = rows.total
        return Tally(
            total=total if total is not None else sum(counts.values()),
            waiting=counts[TaskStatus.WAITING],
            processing=counts[TaskStatus.PROCESSING],
            succeeded=counts[TaskStatus.SUCCEEDED],
            failed=counts[TaskStatus.FAILED],
        )

    async def _search(
        self, expression: str | None, size: int, priority: Priority
    ) -> Rows:
        return await self._calls.search(
            PATH, expression, size=size, action="searchTask", priority=priority
        )

    def _tell_lack(self) -> None:
        """Log once that large jobs cannot be counted on this platform."""
        if not self._lack_is_told:
            self._lack_is_told = True
            _LOGGER.warning("The platform tells no totals of OTA tasks")


def _holds_all(rows: Rows) -> bool:
    """Whether a page holds all rows that there are."""
    if rows.total is None:
        return rows.length < PAGE_SIZE
    return rows.length >= rows.total
