"""How far the list of jobs is read from its newest end, without any platform."""

from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest

from custom_components.fleet_upgrade.clients.enos.jobs import STARTED, Job
from custom_components.fleet_upgrade.clients.enos.newest_end import (
    FIRST_PAGES,
    FRONTIER,
    JobPage,
    NewestEnd,
)

from .common import NOW


class Listing:
    """A list of jobs, ten on a page, and how much of it was read."""

    def __init__(self, pages: int) -> None:
        """Make so many pages."""
        self.ids = [f"job-{number}" for number in range(10 * pages)]
        self.read = 0

    async def pages(self) -> AsyncGenerator[JobPage]:
        """Read page by page."""
        for start in range(0, len(self.ids), 10):
            self.read += 1
            yield JobPage(
                items=tuple(
                    Job(
                        job_id=f"job-{number}",
                        status=STARTED,
                        created=NOW - timedelta(minutes=number),
                    )
                    for number in range(start, start + 10)
                ),
                length=10,
            )


async def end_of(
    listing: Listing, seen: list[str] | None, since: timedelta = timedelta(days=1)
) -> NewestEnd:
    """Read back to what is known."""
    end = NewestEnd(listing.pages(), seen, NOW - since)
    await end.read_back_to_known()
    return end


@pytest.mark.parametrize(
    ("seen", "since", "read"),
    [
        (None, timedelta(days=1), FIRST_PAGES),
        (["job-0"], timedelta(days=1), 1),
        (["job-10"], timedelta(days=1), 2),
        ([], timedelta(days=1), 9),
        ([], timedelta(minutes=25), 3),
    ],
)
async def test_it_is_read_back_to_what_is_known(
    seen: list[str] | None, since: timedelta, read: int
) -> None:
    """Or to what is too old to be told of; the first time so many pages."""
    listing = Listing(9)
    await end_of(listing, seen, since)
    assert listing.read == read


async def test_what_the_next_poll_stops_at_is_what_is_newest() -> None:
    """What this one has not read is older."""
    end = await end_of(Listing(3), ["job-9", "job-20", "job-21"])
    assert end.frontier() == [f"job-{number}" for number in (*range(10), 20, 21)]
    everything = await end_of(Listing(FRONTIER // 10 + 5), [])
    assert len(everything.frontier()) == FRONTIER


async def test_pages_that_hold_wanted_jobs_are_read_to_the_last_one() -> None:
    """None of them costs more than the call for a job that it saves."""
    listing = Listing(9)
    end = await end_of(listing, ["job-0"])
    wanted = {f"job-{page}{job}" for page in range(1, 9) for job in (3, 7)}
    await end.read_on_for(wanted)
    assert listing.read == 9
    assert wanted <= end.jobs.keys()


async def test_pages_without_wanted_jobs_are_not_read_for_ever() -> None:
    """There are fewer of them than of jobs that are still to be found."""
    listing = Listing(9)
    end = await end_of(listing, ["job-0"])
    await end.read_on_for({"job-13", "gone", "deleted", "lost"})
    assert listing.read == 1 + 1 + 2
    await end.read_on_for({"job-85"})
    assert listing.read == 4
