"""Reads what happened on the platform since the last look.

A poll reads the newest end of the list of jobs (it is ordered by creation, newest
first), back to where the last poll had been, and looks at active or stopped jobs
further down one by one, or page by page where that is cheaper. Jobs never leave
``started`` on the platform, so those whose OTA tasks have all ended are asleep: one
search for unfinished OTA tasks over all of them finds those that move again, and one
for failed and waiting OTA tasks those that have moved and are at rest again, a page of
them at a time. Then the OTA tasks of all jobs that are awake are counted. The calls of
a poll are at most

    1 + new // 200 + 2 * far + woken + 2 + (1 + S // 100) + 2 * grown + 5 * large

for ``new`` jobs since the last poll, ``far`` active or stopped and ``woken`` sleeping
jobs further down than the pages read or at rest again, S OTA tasks of the jobs of at
most 200 (20 for one without any yet), ``grown`` jobs on a page that turns out to need
more than one, and ``large`` jobs of more than 200 OTA tasks. The document on EnOS
explains it. The first poll reads up to `FIRST_PAGES` pages of jobs.
"""

from collections.abc import AsyncGenerator, Callable, Collection, Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from ..answers import values, warn_of_unread
from ..budget import Priority
from ..errors import MalformedError, NotFoundError, RejectedError
from ..known_rows import KnownRows
from ..model import Poll, TaskStatus, UpgradeTask
from .calls import Calls, is_last_page
from .counting import Counter
from .counts import Tally
from .jobs import PATH, STARTED, STOPPED, Job, read_job_row
from .newest_end import FRONTIER, JobPage, NewestEnd
from .status import may_retry, task_as_known, task_of

FIRST_JOBS = 50
"""Jobs that the first poll counts, whether they have ended or not; newest first."""

MOST_ASLEEP = 1000
"""Sleeping jobs that one search asks for: expressions have an end somewhere."""


class Quiet(msgspec.Struct, frozen=True):
    """Since when (POSIX seconds) so many devices of an ended job have failed."""

    failed: int
    since: float


class Memory(msgspec.Struct, kw_only=True):
    """What a poll leaves to the next one; IDs newest first.

    ``frontier`` is ``None`` before the first poll.
    """

    frontier: list[str] | None = None
    asleep: list[str] = []
    quiet: dict[str, Quiet] = {}


class Poller:
    """Polls one account."""

    def __init__(
        self,
        calls: Calls,
        read_job: Callable[[str, Priority], Coroutine[Any, Any, Job]],
        clock_offset: Callable[[], timedelta],
    ) -> None:
        """Read lists through ``calls`` and single jobs through ``read_job``."""
        self._calls = calls
        self._counter = Counter(calls)
        self._read_job = read_job
        self._clock_offset = clock_offset
        self._rows = KnownRows(read_job_row)
        self._jobs: dict[str, Job] = {}
        self._tasks: dict[str, UpgradeTask] = {}
        self._memory = Memory()

    async def pages(
        self,
        expression: str | None,
        priority: Priority,
    ) -> AsyncGenerator[JobPage]:
        """Read jobs page by page, newest first."""
        read_row = self._rows.read if priority is Priority.POLL else read_job_row
        number = read = 0
        while True:
            number += 1
            rows = await self._calls.search(
                PATH, expression, number=number, priority=priority
            )
            yield JobPage(
                items=values(rows.data, read_row),
                total=rows.total,
                length=rows.length,
            )
            read += rows.length
            if is_last_page(rows, read):
                return

    async def poll(
        self,
        known: Mapping[str, UpgradeTask],
        memory: Mapping[str, object],
        since: datetime,
    ) -> Poll:
        """Read what is awake, what is new and what has ended."""
        with self._rows.poll():
            return await self._poll(known, memory, since)

    async def _poll(
        self,
        known: Mapping[str, UpgradeTask],
        memory: Mapping[str, object],
        since: datetime,
    ) -> Poll:
        self._memory = remembered = _recall(memory)
        end = NewestEnd(self.pages(None, Priority.POLL), remembered.frontier, since)
        await end.read_back_to_known()
        watched = {key for key, task in known.items() if not _sleeps(task)}
        await end.read_on_for(watched)
        jobs = end.jobs
        wanted = _new_jobs(jobs, known, remembered, since)
        deleted = await self._look_at(watched - jobs.keys(), jobs)

        asleep = _asleep(jobs, known, remembered, wanted)
        woken: set[str] = set()
        if asleep:
            unfinished = await self._counter.unfinished(asleep, Priority.POLL)
            woken = unfinished.intersection(asleep)
            deleted |= await self._look_at(woken - jobs.keys(), jobs)
        moved = await self._moved(known, jobs, deleted | woken)
        deleted |= await self._look_at(moved, jobs)
        woken |= moved
        gone = deleted | (woken & jobs.keys())  # what could not be read stays
        asleep = [key for key in asleep if key not in gone]

        mine = {
            key: job
            for key, job in jobs.items()
            if key in known or key in wanted or (key in woken and not _is_stopped(job))
        }
        awake = {
            key: job
            for key, job in mine.items()
            if key in woken or _moves(job, known.get(key))
        }
        tasks = await self._counted(awake, known, Priority.POLL)
        tasks += [
            self._as_known(job, known[key])
            for key, job in mine.items()
            if key not in awake
        ]
        asleep = [task.task_id for task in tasks if _sleeps(task)] + asleep
        self._jobs = mine
        self._tasks = dict(known) | {task.task_id: task for task in tasks}
        for key in deleted:
            self._tasks.pop(key, None)
        self._memory = Memory(
            frontier=end.frontier(),
            asleep=list(dict.fromkeys(asleep))[:MOST_ASLEEP],
            quiet={
                task.task_id: quiet
                for task in tasks
                if not _sleeps(task)
                and (quiet := self._memory.quiet.get(task.task_id)) is not None
            },
        )
        return Poll(
            tasks=tuple(tasks),
            deleted=frozenset(deleted.intersection(known)),
            memory=msgspec.to_builtins(self._memory),
        )

    async def read_newest(
        self, memory: Mapping[str, object], seen: Collection[str], since: datetime
    ) -> tuple[UpgradeTask, ...]:
        """Read and count what was created since the last poll.

        What that or the caller has seen is left out: only a count would tell how it
        is by now.
        """
        remembered = _recall(memory)
        remembered.frontier = [*(remembered.frontier or ()), *seen]
        pages = self.pages(None, Priority.ACTION)
        end = NewestEnd(pages, remembered.frontier, since)
        await end.read_back_to_known()
        new = _new_jobs(end.jobs, {}, remembered, since)
        jobs = [job for key, job in end.jobs.items() if key in new]
        return await self.counted(jobs, Priority.ACTION, all_of_them=True)

    async def counted(
        self, jobs: Collection[Job], priority: Priority, *, all_of_them: bool = False
    ) -> tuple[UpgradeTask, ...]:
        """Return jobs with their counts, read now where the last poll lacks them.

        Those that the last poll found asleep are counted again for ``all_of_them``.
        """
        awake = {
            job.job_id: job
            for job in jobs
            if all_of_them or _moves(job, self._tasks.get(job.job_id))
        }
        tasks = {
            task.task_id: task
            for task in await self._counted(awake, self._tasks, priority)
        }
        return tuple(
            tasks.get(job.job_id) or task_as_known(job, self._tasks.get(job.job_id))
            for job in jobs
        )

    def _as_known(self, job: Job, known: UpgradeTask) -> UpgradeTask:
        """Return a job that is not counted; where nothing has changed, what is known.

        What the last poll made of the same row needs no look at all, as most do not.
        """
        key = job.job_id
        if known is self._tasks.get(key) and job is self._jobs.get(key):
            return known
        task = task_as_known(job, known)
        return known if task == known else task

    async def _counted(
        self,
        jobs: Mapping[str, Job],
        known: Mapping[str, UpgradeTask],
        priority: Priority,
    ) -> list[UpgradeTask]:
        """Count the OTA tasks of jobs."""
        if not jobs:
            return []
        sizes = {
            key: task.counts.total if (task := known.get(key)) is not None else None
            for key in jobs
        }
        tallies = await self._counter.count(sizes, priority)
        now = datetime.now(UTC)
        return [
            task_of(
                job,
                known.get(key),
                tally := tallies.get(key),
                may_retry=tally is not None and self._may_retry(job, tally, now),
            )
            for key, job in jobs.items()
        ]

    def _may_retry(self, job: Job, tally: Tally, now: datetime) -> bool:
        """Whether failed devices of a job may yet be retried by the platform."""
        if not (job.policy.retries and tally.failed and tally.have_all_ended):
            self._memory.quiet.pop(job.job_id, None)
            return False
        if tally.newest is not None:
            # By the platform's clock.
            return may_retry(job.policy, tally.newest, now + self._clock_offset())
        quiet = self._memory.quiet.get(job.job_id)
        if quiet is None or quiet.failed != tally.failed:
            quiet = Quiet(tally.failed, now.timestamp())
            self._memory.quiet[job.job_id] = quiet
        return may_retry(job.policy, datetime.fromtimestamp(quiet.since, UTC), now)

    async def _moved(
        self,
        known: Mapping[str, UpgradeTask],
        jobs: Mapping[str, Job],
        others: Collection[str],
    ) -> set[str]:
        """Return the jobs at rest that have moved since they were counted last.

        Such as one that was retried and has ended again before anybody looked.
        """
        at_rest = {
            key: task.counts
            for key, task in known.items()
            if key not in others and _rests(jobs.get(key), task)
        }
        return await self._counter.moved(at_rest, Priority.POLL)

    async def _look_at(self, wanted: Collection[str], jobs: dict[str, Job]) -> set[str]:
        """Read jobs by their IDs; return those that the platform no longer has."""
        deleted = set()
        for key in sorted(wanted):
            try:
                jobs[key] = await self._read_job(key, Priority.POLL)
            except NotFoundError:
                deleted.add(key)
                jobs.pop(key, None)
            except (RejectedError, MalformedError) as err:
                warn_of_unread(key, err)
        return deleted


def _recall(memory: Mapping[str, object]) -> Memory:
    try:
        return msgspec.convert(memory, Memory)
    except msgspec.ValidationError:
        return Memory()


def _sleeps(task: UpgradeTask) -> bool:
    """Whether all OTA tasks of a job have ended, so that it need not be counted."""
    return task.status in (TaskStatus.SUCCEEDED, TaskStatus.FAILED)


def _is_stopped(job: Job | None) -> bool:
    return job is not None and job.status == STOPPED


def _moves(job: Job, known: UpgradeTask | None) -> bool:
    """Whether a job has to be counted, by what is known of it."""
    if known is None or known.counts.total is None:
        return True
    if _is_stopped(job):
        # What was under way when it was stopped goes on.
        was_stopped = known.status is TaskStatus.STOPPED
        return not was_stopped or bool(known.counts.processing)
    return not _sleeps(known)


def _rests(job: Job | None, known: UpgradeTask) -> bool:
    """Whether a job need not be counted; one further down than was read is none."""
    return _sleeps(known) if job is None else not _moves(job, known)


def _new_jobs(
    jobs: Mapping[str, Job],
    known: Mapping[str, UpgradeTask],
    remembered: Memory,
    since: datetime,
) -> set[str]:
    """Return the jobs to be told of that nobody knew.

    What was created since the last poll stands before all that was there then, or
    among it where the platform's clock was put back, or differs between its servers.
    Only where more was there than is remembered, what stands after that is old.
    """
    if remembered.frontier is None:
        return set(
            [key for key, job in jobs.items() if _is_young(job, since)][:FIRST_JOBS]
        )
    frontier = set(remembered.frontier)
    keys = list(jobs)
    if len(frontier) >= FRONTIER:
        places = (place for place, key in enumerate(keys) if key in frontier)
        keys = keys[: max(places, default=len(keys))]
    seen = {*frontier, *remembered.asleep, *known}
    return {key for key in keys if key not in seen and _is_young(jobs[key], since)}


def _is_young(job: Job, since: datetime) -> bool:
    return job.created is None or job.created >= since


def _asleep(
    jobs: Mapping[str, Job],
    known: Mapping[str, UpgradeTask],
    remembered: Memory,
    wanted: set[str],
) -> list[str]:
    """Return the jobs that may only wake: known ones first, then by age."""
    mine = [
        key
        for key, task in known.items()
        if _sleeps(task) and not _is_stopped(jobs.get(key))
    ]
    others = [
        key
        for key, job in jobs.items()
        if key not in known and key not in wanted and job.status == STARTED
    ]
    old = [
        key
        for key in remembered.asleep
        if key not in known and not _is_stopped(jobs.get(key))
    ]
    return list(dict.fromkeys([*mine, *others, *old]))[:MOST_ASLEEP]
