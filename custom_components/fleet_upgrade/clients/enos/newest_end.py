"""Reads the list of jobs from its newest end, as far as a poll needs it."""

from collections.abc import AsyncGenerator, Collection
from datetime import datetime

from ..model import Page
from .calls import PAGE_SIZE
from .jobs import Job

FIRST_PAGES = 5
"""Pages of jobs that the first poll of an account reads."""

FRONTIER = 2 * PAGE_SIZE
"""Jobs remembered at the newest end, by which the next poll knows where to stop."""


class JobPage(Page[Job], frozen=True):
    """A page of jobs; ``length`` counts its rows, readable or not."""

    length: int = 0


class NewestEnd:
    """Reads the list of jobs from its newest end."""

    def __init__(
        self,
        pages: AsyncGenerator[JobPage],
        seen: Collection[str] | None,
        since: datetime,
    ) -> None:
        """Begin; ``seen`` is what `frontier` was, ``None`` before the first poll.

        What was created before ``since`` was seen, too.
        """
        self.jobs: dict[str, Job] = {}
        self._pages = pages
        self._seen = seen
        self._since = since

    def frontier(self) -> list[str]:
        """Return what the next poll stops at."""
        old = [key for key in self._seen or () if key not in self.jobs]
        newest = sorted(
            self.jobs.values(), key=lambda job: job.created or self._since, reverse=True
        )
        return [*(job.job_id for job in newest), *old][:FRONTIER]

    async def read_back_to_known(self) -> None:
        """Read until a page holds something that the last poll has seen."""
        is_first, read = self._seen is None, 0
        seen = set(self._seen or ())
        while (page := await self._next()) is not None:
            read += 1
            if is_first:
                if read >= FIRST_PAGES:
                    return
            elif any(
                job.job_id in seen
                or (job.created is not None and job.created < self._since)
                for job in page.items
            ):
                return

    async def read_on_for(self, wanted: set[str]) -> None:
        """Read on while that may be cheaper than one call for each wanted job.

        A page that holds one of them costs no more than that call.
        """
        missing = wanted - self.jobs.keys()
        in_vain = 0
        while in_vain + 1 < len(missing):
            if await self._next() is None:
                return
            left = missing - self.jobs.keys()
            in_vain += len(left) == len(missing)
            missing = left

    async def _next(self) -> JobPage | None:
        page = await anext(self._pages, None)
        if page is not None:
            self.jobs |= {job.job_id: job for job in page.items}
        return page
