"""How jobs are counted with the fewest calls: a decision, without any call."""

from random import Random

import pytest

from custom_components.fleet_upgrade.clients.enos.counts import (
    GUESS,
    Plan,
    Tally,
    halves,
    plan,
    tally,
)
from custom_components.fleet_upgrade.clients.enos.jobs import OtaTaskRow
from custom_components.fleet_upgrade.clients.model import StatusCounts

from .common import NOW


@pytest.mark.parametrize(
    ("sizes", "planned"),
    [
        ({}, Plan()),
        ({"a": 200}, Plan(together=(("a",),))),
        ({"a": 201}, Plan(alone=("a",))),
        ({"a": 150, "b": 50}, Plan(together=(("a", "b"),))),
        ({"a": 150, "b": 51}, Plan(together=(("a",), ("b",)))),
        ({"a": 60, "b": 5000, "c": 130}, Plan(together=(("c", "a"),), alone=("b",))),
        ({"a": None, "b": 0}, Plan(together=(("a", "b"),))),
    ],
)
def test_small_jobs_share_pages_and_large_ones_are_counted_alone(
    sizes: dict[str, int | None], planned: Plan
) -> None:
    """One page holds 200 OTA tasks, whosever they are."""
    assert plan(sizes) == planned


def test_jobs_that_nobody_has_counted_do_not_crowd_one_page() -> None:
    """They are expected to have some OTA tasks."""
    planned = plan(dict.fromkeys(map(str, range(50))))
    assert len(planned.together) == 50 * GUESS // 200


@pytest.mark.parametrize("seed", range(50))
def test_the_pages_are_never_more_than_their_bound(seed: int) -> None:
    """All but one of them are more than half full."""
    random = Random(seed)
    sizes: dict[str, int | None] = {
        str(job): random.choice([None, 0, random.randint(1, 300)])
        for job in range(random.randint(0, 80))
    }
    planned = plan(sizes)
    small = {job: size or GUESS for job, size in sizes.items() if (size or 0) <= 200}
    assert sorted(job for page in planned.together for job in page) == sorted(small)
    assert sorted([*planned.alone, *small]) == sorted(sizes)
    assert all(sum(small[job] for job in page) <= 200 for page in planned.together)
    assert len(planned.together) <= 1 + sum(small.values()) // 100


def test_a_page_that_does_not_hold_all_is_halved() -> None:
    """Until each half fits, or is a single job."""
    assert halves(("a", "b", "c")) == (("a",), ("b", "c"))


def row(job: str, status: str, minute: int = 0) -> OtaTaskRow:
    """Return an OTA task of a job."""
    time = int(NOW.timestamp() * 1000) + minute * 60_000
    return OtaTaskRow(job_id=job, status=status, update_time=time)


def test_rows_are_counted_in_common_words() -> None:
    """What is pushed but not begun still waits."""
    rows = [
        row("a", "init", 9),
        row("a", "published"),
        row("a", "upgrading", 2),
        row("a", "succeeded", 1),
        row("a", "failed", 3),
        row("b", "succeeded"),
        row("of somebody else", "init"),
    ]
    counted = tally(rows, ("a", "b", "c"))
    assert counted["a"].counts() == StatusCounts(
        total=5, waiting=2, processing=1, succeeded=1, failed=1
    )
    assert (counted["a"].first, counted["a"].newest) == (
        NOW.replace(minute=1),
        NOW.replace(minute=9),
    )
    assert counted["b"].have_all_ended
    assert counted["c"] == Tally()


def test_what_the_platform_does_not_count_is_unknown() -> None:
    """Not 0."""
    counts = Tally(total=3, succeeded=3).counts()
    assert counts.stopped is None
    assert counts.timed_out is None


@pytest.mark.parametrize(
    ("counted", "ended"),
    [
        (Tally(), False),
        (Tally(total=2, succeeded=1, failed=1), True),
        (Tally(total=2, succeeded=1, waiting=1), False),
        (Tally(total=2, succeeded=1, processing=1), False),
        (Tally(total=2, succeeded=1), False),
    ],
)
def test_a_job_has_ended_only_when_each_ota_task_is_accounted_for(
    counted: Tally, ended: bool
) -> None:
    """One that was between two counts, or has a status nobody knows, has not."""
    assert counted.have_all_ended is ended


def test_a_status_that_nobody_knows_is_in_the_total_only() -> None:
    """So that the job does not seem to have ended."""
    counted = tally([row("a", "succeeded"), row("a", "dreaming")], "a")["a"]
    assert counted.total == 2
    assert not counted.have_all_ended
