"""How many OTA tasks of a job stand where: what is read, and what that makes.

The platform counts nothing but the rows that a search finds, and does not order them.
Up to one page of rows can be counted by reading them, those of several jobs together;
of a larger job each status is counted by a page of one row, which tells the total.
"""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from operator import itemgetter

from ..model import StatusCounts, TaskStatus, Value
from .calls import PAGE_SIZE
from .jobs import SUBTASK_WORDS, OtaTaskRow
from .wire import time_of

GUESS = 20
"""OTA tasks that a job is expected to have while nobody has counted them."""


class Tally(Value, frozen=True):
    """The OTA tasks of one job, per status.

    ``first`` and ``newest`` say when an OTA task that has begun, or any at all,
    changed; they are known only when all rows were read.
    """

    total: int = 0
    waiting: int = 0
    processing: int = 0
    succeeded: int = 0
    failed: int = 0
    first: datetime | None = None
    newest: datetime | None = None

    @property
    def have_all_ended(self) -> bool:
        """Whether there are OTA tasks, and each is accounted for as ended."""
        return (
            self.total > 0
            and self.waiting == self.processing == 0
            and self.succeeded + self.failed >= self.total
        )

    def counts(self) -> StatusCounts:
        """Return the counts; the platform has none for stopped and timed out."""
        return StatusCounts(
            total=self.total,
            waiting=self.waiting,
            processing=self.processing,
            succeeded=self.succeeded,
            failed=self.failed,
        )


class Plan(Value, frozen=True):
    """Which jobs are counted together on one page, and which one by one."""

    together: tuple[tuple[str, ...], ...] = ()
    alone: tuple[str, ...] = ()


def plan(sizes: Mapping[str, int | None], most: int = PAGE_SIZE) -> Plan:
    """Decide how to count jobs with the fewest calls.

    ``sizes`` says how many OTA tasks each job had when it was counted last. Jobs are
    put on the page where they leave the least room, largest first, so that all pages
    but one are more than half full: with S rows (`GUESS` for a job without any yet)
    there are at most 1 + S // 100 of them. A page is planned for at most ``most`` rows.
    """
    alone = tuple(job for job, size in sizes.items() if (size or 0) > most)
    small = {job: size or GUESS for job, size in sizes.items() if (size or 0) <= most}
    pages: list[list[str]] = []
    rooms: list[tuple[int, int]] = []  # that are left, and on which page
    for job, size in sorted(small.items(), key=itemgetter(1), reverse=True):
        at = bisect_left(rooms, (size,))
        if at < len(rooms):
            room, number = rooms.pop(at)
        else:
            room, number = most, len(pages)
            pages.append([])
        pages[number].append(job)
        insort(rooms, (room - size, number))
    return Plan(together=tuple(tuple(page) for page in pages), alone=alone)


def halves(jobs: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what to read instead of a page that did not hold all rows."""
    middle = len(jobs) // 2
    return jobs[:middle], jobs[middle:]


def tally(rows: Iterable[OtaTaskRow], jobs: Iterable[str]) -> dict[str, Tally]:
    """Count all rows of some jobs; one with a status nobody knows is in the total."""
    by_job: dict[str, list[OtaTaskRow]] = {job: [] for job in jobs}
    for row in rows:
        if row.job_id in by_job:
            by_job[row.job_id].append(row)
    return {job: _tally(of_job) for job, of_job in by_job.items()}


def _tally(rows: list[OtaTaskRow]) -> Tally:
    words = Counter(row.status for row in rows)

    def count(status: TaskStatus) -> int:
        return sum(words[word] for word in SUBTASK_WORDS[status])

    waiting = SUBTASK_WORDS[TaskStatus.WAITING]
    return Tally(
        total=len(rows),
        waiting=count(TaskStatus.WAITING),
        processing=count(TaskStatus.PROCESSING),
        succeeded=count(TaskStatus.SUCCEEDED),
        failed=count(TaskStatus.FAILED),
        first=next(_times(row for row in rows if row.status not in waiting), None),
        newest=next(_times(rows, latest_first=True), None),
    )


def _times(
    rows: Iterable[OtaTaskRow], *, latest_first: bool = False
) -> Iterator[datetime]:
    """Yield when OTA tasks changed, in order."""
    given = {row.update_time for row in rows if row.update_time}
    for each in sorted(given, reverse=latest_first):
        if (time := time_of(each)) is not None:
            yield time
