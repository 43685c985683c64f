"""What a poll reads, finds and costs, against a platform on a real socket."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from unittest.mock import Mock

import msgspec
import pytest

from custom_components.fleet_upgrade.clients.budget import Priority
from custom_components.fleet_upgrade.clients.enos import poll as poll_module
from custom_components.fleet_upgrade.clients.enos.client import EnosClient
from custom_components.fleet_upgrade.clients.enos.counting import Counter
from custom_components.fleet_upgrade.clients.enos.counts import GUESS, Tally, plan
from custom_components.fleet_upgrade.clients.enos.newest_end import FIRST_PAGES
from custom_components.fleet_upgrade.clients.enos.poll import FIRST_JOBS
from custom_components.fleet_upgrade.clients.enos.status import RETRY_GRACE
from custom_components.fleet_upgrade.clients.errors import NotFoundError
from custom_components.fleet_upgrade.clients.model import (
    Poll,
    StatusCounts,
    TaskStatus,
    UpgradeTask,
)
from simulator.enos import EnosSimulator, Quirks
from simulator.enos.model import TaskStatus as JobTaskStatus
from simulator.faults import Fault, FaultKind

from ..documents import Document, calculate
from .common import a_creation, actions, sent, week_ago

PAGE = 200


def keys_of(sim: EnosSimulator) -> list[str]:
    """Return the keys of devices that the newest firmware can be installed on."""
    return [device.device_key for device in sim.devices(sim.firmware(verified=True)[0])]


@dataclass
class Watcher:
    """What a coordinator keeps between polls."""

    client: EnosClient
    sim: EnosSimulator
    known: dict[str, UpgradeTask] = field(default_factory=dict)
    memory: dict[str, object] = field(default_factory=dict)
    since: datetime = field(default_factory=week_ago)

    async def poll(self) -> Poll:
        """Poll once and keep what was found."""
        await self.client.verify()  # so that a token is there
        self.sim.calls.clear()
        poll = await self.client.poll(self.known, self.memory, self.since)
        self.known |= {task.task_id: task for task in poll.tasks}
        for task_id in poll.deleted:
            del self.known[task_id]
        self.memory = poll.memory
        return poll

    async def status(self, job_id: str) -> TaskStatus | None:
        """Poll once and return the status of a job."""
        await self.poll()
        return self.known[job_id].status

    @property
    def cost(self) -> int:
        """Calls of the last poll."""
        return len(self.sim.calls)


@pytest.fixture
def sim(enos: EnosSimulator) -> EnosSimulator:
    """Return a platform without jobs."""
    enos.reset(jobs=0)
    return enos


@pytest.fixture
def watcher(client: EnosClient, sim: EnosSimulator) -> Watcher:
    """Return somebody who has never polled."""
    return Watcher(client, sim)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Poll so much later than now, while the platform's time stands still."""

    def later(passed: timedelta) -> None:
        now = datetime.now(UTC) + passed
        monkeypatch.setattr(
            poll_module, "datetime", Mock(wraps=datetime, now=Mock(return_value=now))
        )

    return later


@pytest.mark.parametrize(
    "quirks",
    [
        Quirks(),
        Quirks(numbers_as_text=True),
        Quirks(unset="absent"),
        Quirks(task_order="unordered"),
        Quirks(ota_pagination=False),
    ],
    ids=str,
)
async def test_a_job_is_found_from_its_beginning_to_its_end(
    watcher: Watcher, sim: EnosSimulator, quirks: Quirks
) -> None:
    """Whatever the platform's habits; and woken when devices are retried."""
    sim.quirks = quirks
    await watcher.poll()
    job_id = sim.add_job()
    assert await watcher.status(job_id) is TaskStatus.WAITING
    sim.clock.advance(60)
    assert await watcher.status(job_id) is TaskStatus.PROCESSING
    started = watcher.known[job_id].started
    assert started is not None
    sim.finish_job(job_id, failed=1)
    assert await watcher.status(job_id) is TaskStatus.FAILED
    task = watcher.known[job_id]
    assert task.counts.failed == 1
    assert task.counts.total == len(sim.tasks(job_id))
    assert task.ended is not None
    assert task.started == started
    sim.retry_job(job_id)
    assert await watcher.status(job_id) is TaskStatus.PROCESSING
    assert watcher.known[job_id].counts.waiting == 1
    sim.finish_job(job_id)
    assert await watcher.status(job_id) is TaskStatus.SUCCEEDED


async def test_nothing_to_count_costs_two_calls(
    watcher: Watcher, sim: EnosSimulator
) -> None:
    """The list of jobs, and whether any that sleeps has woken."""
    for key in keys_of(sim)[:5]:
        sim.add_job(status="succeeded", devices=[key])
    await watcher.poll()
    await watcher.poll()
    assert actions(sim) == ["search", "searchTask"]


async def test_jobs_that_are_awake_are_counted_together(
    watcher: Watcher, sim: EnosSimulator
) -> None:
    """Up to one page of OTA tasks takes one call."""
    jobs = [sim.add_job(devices=[key]) for key in keys_of(sim)[:5]]
    await watcher.poll()
    await watcher.poll()
    assert actions(sim) == ["search", "searchTask"]
    assert all(job in sent(sim.calls[1])["expression"] for job in jobs)
    assert {watcher.known[job].counts.total for job in jobs} == {1}


async def test_a_job_of_more_than_a_page_is_counted_by_totals(
    watcher: Watcher, sim: EnosSimulator
) -> None:
    """A page of one row for each status; pages are unordered, so no further rows."""
    sim.reset(jobs=0, devices=900, groups=1)
    job_id = sim.add_job(failed=[], status="published")
    total = len(sim.tasks(job_id))
    assert total > PAGE
    await watcher.poll()
    await watcher.poll()
    assert actions(sim) == ["search", *["searchTask"] * 4]
    assert {sent(call)["pagination"]["pageSize"] for call in list(sim.calls)[1:]} == {1}
    assert watcher.known[job_id].counts == StatusCounts(
        total=total, waiting=total, processing=0, succeeded=0, failed=0
    )
    sim.finish_job(job_id, failed=3)
    assert await watcher.status(job_id) is TaskStatus.FAILED
    assert watcher.known[job_id].counts.failed == 3


async def test_a_page_that_turns_out_too_small_is_split(
    watcher: Watcher, sim: EnosSimulator
) -> None:
    """Jobs that nobody has counted may have any number of OTA tasks."""
    sim.reset(jobs=0, devices=900, groups=4)
    sizes = {}
    for firmware in sim.firmware(verified=True)[:3]:
        job = sim.add_job(firmware=firmware, status="published")
        sizes[job] = len(sim.tasks(job))
    assert sum(sizes.values()) > PAGE
    await watcher.poll()
    assert {job: watcher.known[job].counts.total for job in sizes} == sizes


async def test_counts_that_do_not_make_the_total_end_nothing(
    watcher: Watcher, sim: EnosSimulator
) -> None:
    """An OTA task moved between two calls, and will be found with the next poll."""
    sim.reset(jobs=0, devices=900, groups=1)
    job_id = sim.add_job(status="succeeded")
    total = len(sim.tasks(job_id))
    # The count of those that succeeded comes fifth, after the one page too small.
    sim.faults.add(
        Fault(
            kind=FaultKind.MALFORMED,
            path="action=searchTask",
            after=4,
            rewrite=lambda body: body.replace(
                b'"totalSize":%d' % total, b'"totalSize":%d' % (total - 1)
            ).replace(b'"totalSize": %d' % total, b'"totalSize": %d' % (total - 1)),
        )
    )
    assert await watcher.status(job_id) is TaskStatus.PROCESSING
    assert watcher.known[job_id].counts.total == total
    assert await watcher.status(job_id) is TaskStatus.SUCCEEDED


async def test_a_large_job_without_totals_is_unknown(
    watcher: Watcher, sim: EnosSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Its rows cannot be counted, and that is said once."""
    sim.reset(jobs=0, devices=900, groups=1, quirks=Quirks(ota_pagination=False))
    job_id = sim.add_job(status="succeeded")
    assert await watcher.status(job_id) is None
    await watcher.poll()
    assert watcher.known[job_id].counts == StatusCounts()
    assert caplog.text.count("tells no totals") == 1


async def test_a_job_that_is_stopped_and_started_again_is_followed(
    watcher: Watcher, sim: EnosSimulator
) -> None:
    """What was under way when it was stopped goes on, and is counted on."""
    job_id = sim.add_job(status="upgrading")
    assert await watcher.status(job_id) is TaskStatus.PROCESSING
    sim.stop_job(job_id)
    assert await watcher.status(job_id) is TaskStatus.STOPPED
    assert watcher.known[job_id].counts.processing
    sim.finish_job(job_id)
    assert await watcher.status(job_id) is TaskStatus.STOPPED
    assert watcher.known[job_id].counts.processing == 0
    await watcher.poll()
    assert actions(sim) == ["search"]
    sim.start_job(job_id)
    assert await watcher.status(job_id) is TaskStatus.SUCCEEDED


async def test_a_stopped_job_whose_devices_wait_is_left_alone(
    watcher: Watcher, sim: EnosSimulator
) -> None:
    """They would look unfinished for ever; it is only seen that they still wait."""
    job_id = sim.add_job()
    sim.stop_job(job_id)
    assert await watcher.status(job_id) is TaskStatus.STOPPED
    await watcher.poll()
    assert actions(sim) == ["search", "searchTask"]
    assert "'failed','init','published'" in sent(sim.calls[1])["expression"]


async def test_a_job_that_ended_and_is_stopped_to_be_deleted(
    watcher: Watcher, sim: EnosSimulator
) -> None:
    """The platform's word counts; it is counted once more, as it may have moved."""
    job_id = sim.add_job(status="succeeded")
    await watcher.poll()
    sim.stop_job(job_id)
    assert await watcher.status(job_id) is TaskStatus.STOPPED
    assert actions(sim) == ["search", "searchTask"]
    await watcher.poll()
    assert actions(sim) == ["search"]
    sim.delete_job(job_id)
    poll = await watcher.poll()
    assert poll.deleted == {job_id}


async def test_an_incremental_job_never_ends(
    watcher: Watcher, sim: EnosSimulator
) -> None:
    """Devices that match later are upgraded too."""
    job_id = sim.add_job(incremental=True, status="succeeded")
    assert await watcher.status(job_id) is TaskStatus.PROCESSING
    assert watcher.known[job_id].ended is None
    assert await watcher.status(job_id) is TaskStatus.PROCESSING


async def test_a_failed_job_goes_on_while_retries_remain(
    watcher: Watcher, sim: EnosSimulator, later: Callable[[timedelta], None]
) -> None:
    """It has failed when the platform would have tried again by now."""
    job_id = sim.add_job(status="failed", retries=2, retry_interval=600)
    assert await watcher.status(job_id) is TaskStatus.PROCESSING
    # The platform's clock is known to the second only.
    later(timedelta(seconds=602) + RETRY_GRACE)
    assert await watcher.status(job_id) is TaskStatus.FAILED


async def test_retries_of_a_large_job_remain_from_when_it_fell_quiet(
    watcher: Watcher, sim: EnosSimulator, later: Callable[[timedelta], None]
) -> None:
    """When its rows changed last is not known, but when its counts did."""
    sim.reset(jobs=0, devices=900, groups=1)
    job_id = sim.add_job(status="failed", retries=2, retry_interval=600)
    assert len(sim.tasks(job_id)) > PAGE
    assert await watcher.status(job_id) is TaskStatus.PROCESSING
    later(timedelta(seconds=500))
    assert await watcher.status(job_id) is TaskStatus.PROCESSING
    later(timedelta(seconds=600) + RETRY_GRACE)
    assert await watcher.status(job_id) is TaskStatus.FAILED


async def test_a_large_job_that_moved_falls_quiet_anew(
    watcher: Watcher, sim: EnosSimulator, later: Callable[[timedelta], None]
) -> None:
    """As many devices may fail again, and be retried again."""
    sim.reset(jobs=0, devices=900, groups=1)
    job_id = sim.add_job(status="failed", retries=2, retry_interval=600)
    await watcher.poll()
    sim.retry_job(job_id)
    await watcher.poll()
    sim.finish_job(job_id, failed=1)
    later(timedelta(seconds=700))
    assert await watcher.status(job_id) is TaskStatus.PROCESSING
    later(timedelta(seconds=1400))
    assert await watcher.status(job_id) is TaskStatus.FAILED


async def test_a_deleted_job_is_told_once(watcher: Watcher, sim: EnosSimulator) -> None:
    """Only the platform's own word counts."""
    jobs = [sim.add_job() for _ in range(3)]
    await watcher.poll()
    sim.delete_job(jobs[1])
    sim.faults.add(
        Fault(kind=FaultKind.STATUS, path="action=get", status=404, body=b"{}")
    )
    assert (await watcher.poll()).deleted == set()
    assert (await watcher.poll()).deleted == {jobs[1]}
    assert (await watcher.poll()).deleted == set()


async def test_the_first_poll_reads_back_as_far_as_is_kept(
    watcher: Watcher, sim: EnosSimulator
) -> None:
    """What is older sleeps, and is told of when it wakes."""
    keys = keys_of(sim)
    before = week_ago() - timedelta(days=1)
    old = sim.add_job(status="failed", created=before, devices=keys[:1])
    stopped = sim.add_job(stopped=True, created=before, devices=keys[1:2])
    moving = sim.add_job(status="upgrading", created=before, devices=keys[2:3])
    young = sim.add_job(status="succeeded", devices=keys[3:4])
    await watcher.poll()
    assert watcher.known.keys() == {moving, young}
    sim.retry_job(old)
    await watcher.poll()
    assert watcher.known.keys() == {moving, young, old}
    assert stopped not in watcher.known


async def test_a_job_that_moved_and_ended_again_between_two_polls_is_counted(
    watcher: Watcher, sim: EnosSimulator
) -> None:
    """Nothing of it is unfinished any more when somebody looks."""
    job_id = sim.add_job(status="failed")
    assert await watcher.status(job_id) is TaskStatus.FAILED
    sim.retry_job(job_id)
    sim.finish_job(job_id)
    assert await watcher.status(job_id) is TaskStatus.SUCCEEDED
    assert watcher.known[job_id].counts.failed == 0
    await watcher.poll()
    assert actions(sim) == ["search", "searchTask"]


async def test_a_job_that_was_retried_and_stopped_between_two_polls_is_counted(
    watcher: Watcher, sim: EnosSimulator
) -> None:
    """It waits, though it had ended."""
    job_id = sim.add_job(status="failed")
    await watcher.poll()
    sim.retry_job(job_id)
    sim.stop_job(job_id)
    assert await watcher.status(job_id) is TaskStatus.STOPPED
    counts = watcher.known[job_id].counts
    assert (counts.failed, counts.waiting) == (0, 1)


async def test_a_stopped_job_that_was_started_between_two_polls_is_counted(
    watcher: Watcher, sim: EnosSimulator
) -> None:
    """What began meanwhile goes on, and is counted on."""
    job_id = sim.add_job(stopped=True)
    await watcher.poll()
    sim.start_job(job_id)
    sim.clock.work(20)
    sim.stop_job(job_id)
    assert await watcher.status(job_id) is TaskStatus.STOPPED
    assert watcher.known[job_id].counts.processing
    sim.finish_job(job_id, failed=1)
    assert await watcher.status(job_id) is TaskStatus.STOPPED
    assert watcher.known[job_id].counts.failed == 1


async def test_of_jobs_with_many_failed_devices_a_page_is_looked_at_each_time(
    watcher: Watcher, sim: EnosSimulator
) -> None:
    """One call finds what moved; where devices are too many, by how many they are."""
    sim.reset(jobs=0, devices=1500, groups=1)
    keys = keys_of(sim)
    large, *small = [
        sim.add_job(devices=part, status="failed", failed=part)
        for part in (keys[: PAGE + 1], keys[PAGE + 1 : 2 * PAGE], keys[2 * PAGE :][:9])
    ]
    await watcher.poll()
    for job_id in (large, *small):
        sim.retry_job(job_id, [sim.tasks(job_id)[0].device_key])
        sim.finish_job(job_id)
    polls = 0
    while any(not watcher.known[job_id].counts.succeeded for job_id in (large, *small)):
        await watcher.poll()
        polls += 1
        assert actions(sim).count("get") == 1
    assert polls == 3


async def test_more_failed_devices_than_fit_on_the_page_are_a_move(
    watcher: Watcher, sim: EnosSimulator
) -> None:
    """As after a start and a stop: which job they belong to is told by counting."""
    sim.reset(jobs=0, devices=900, groups=1)
    keys = keys_of(sim)[: PAGE + 50]
    job_id = sim.add_job(devices=keys, status="failed", failed=keys[:1])
    sim.stop_job(job_id)
    await watcher.poll()
    sim.start_job(job_id)
    for task in sim.tasks(job_id)[1:]:
        task.status = JobTaskStatus.FAILED
        sim.platform.task_index.put_at_once(task.task_id, task)
    sim.stop_job(job_id)
    assert await watcher.status(job_id) is TaskStatus.STOPPED
    assert watcher.known[job_id].counts.failed == len(keys)


@pytest.mark.parametrize("has_totals", [True, False])
async def test_a_page_full_of_failed_devices_says_of_itself_what_moved(
    watcher: Watcher, sim: EnosSimulator, has_totals: bool
) -> None:
    """Without a total, too: jobs that have not moved are neither read nor counted."""
    quirks = Quirks(ota_pagination=has_totals)
    sim.reset(jobs=0, devices=900, groups=1, quirks=quirks)
    keys = keys_of(sim)
    small = PAGE // 4
    jobs = [
        sim.add_job(devices=part, status="failed", failed=part[:small])
        for start in range(0, 4 * (small + 1), small + 1)
        if (part := keys[start : start + small + 1])
    ]
    await watcher.poll()
    for _ in range(3):
        await watcher.poll()
        assert actions(sim) == ["search", *["searchTask"] * 2]
    for job_id in (jobs[1], jobs[2]):
        for task in sim.tasks(job_id):
            task.status = JobTaskStatus.FAILED
            sim.platform.task_index.put_at_once(task.task_id, task)
    polls = 0
    while any(watcher.known[job_id].counts.succeeded for job_id in jobs[1:3]):
        await watcher.poll()
        polls += 1
        assert actions(sim).count("get") <= 2
    assert polls <= 4


@pytest.mark.parametrize("end", [JobTaskStatus.FAILED, JobTaskStatus.SUCCEEDED])
async def test_of_a_large_stopped_job_each_move_is_seen(
    watcher: Watcher, sim: EnosSimulator, end: JobTaskStatus
) -> None:
    """As many are left when all that waited have failed."""
    sim.reset(jobs=0, devices=900, groups=1)
    keys = keys_of(sim)[: PAGE + 1]
    job_id = sim.add_job(devices=keys, stopped=True)
    await watcher.poll()
    sim.start_job(job_id)
    for task in sim.tasks(job_id)[1:]:
        task.status = end
        sim.platform.task_index.put_at_once(task.task_id, task)
    sim.stop_job(job_id)
    for _ in range(2):
        await watcher.poll()
    assert watcher.known[job_id].counts.waiting == 1
    await watcher.poll()
    assert actions(sim).count("searchTask") == 1


async def test_a_job_that_ended_with_failures_and_is_gone_is_deleted(
    watcher: Watcher, sim: EnosSimulator
) -> None:
    """Its OTA tasks are not found any more."""
    job_id = sim.add_job(status="failed")
    await watcher.poll()
    sim.stop_job(job_id)
    sim.delete_job(job_id)
    assert (await watcher.poll()).deleted == {job_id}
    assert (await watcher.poll()).deleted == set()


@pytest.mark.parametrize("others", [0, 1, 2 * PAGE])
async def test_a_new_job_may_seem_older_than_one_that_is_known(
    watcher: Watcher, sim: EnosSimulator, others: int
) -> None:
    """The platform's clock was put back, or is not the same on all of its servers."""
    keys = keys_of(sim)
    for minutes in range(others):
        sim.add_job(
            status="failed",
            devices=keys[:1],
            created=datetime.now(UTC) - timedelta(minutes=2 + minutes),
        )
    sim.add_job(devices=keys[1:2])
    await watcher.poll()
    late = sim.add_job(
        status="succeeded",
        devices=keys[2:3],
        created=datetime.now(UTC) - timedelta(minutes=1),
    )
    assert await watcher.status(late) is TaskStatus.SUCCEEDED
    assert len(watcher.known) == min(others, FIRST_JOBS - 1) + 2


async def test_an_account_with_a_long_past_is_not_counted_through(
    watcher: Watcher, sim: EnosSimulator
) -> None:
    """The newest jobs are told of; of the others, those that move."""
    keys = keys_of(sim)
    moving = sim.add_job(status="upgrading", devices=keys[:1])
    for _ in range(PAGE * (FIRST_PAGES + 1)):
        sim.add_job(status="failed", devices=keys[1:2])
    await watcher.poll()
    assert len(watcher.known) == FIRST_JOBS
    assert actions(sim).count("search") == FIRST_PAGES
    await watcher.poll()
    assert actions(sim) == ["search", "searchTask", "searchTask"]
    # It stood further down than the pages that were read.
    assert moving not in watcher.known


async def test_a_woken_job_further_down_than_was_read_is_looked_at(
    watcher: Watcher, sim: EnosSimulator
) -> None:
    """By its ID, and one that is gone is forgotten."""
    keys = keys_of(sim)
    first = sim.add_job(status="failed", devices=keys[:1])
    await watcher.poll()
    for _ in range(2 * PAGE):
        sim.add_job(status="failed", devices=keys[1:2])
    await watcher.poll()
    sim.retry_job(first)
    assert await watcher.status(first) is TaskStatus.WAITING
    assert actions(sim) == ["search", "searchTask", "get", *["searchTask"] * 2]
    assert await watcher.status(first) is TaskStatus.WAITING
    assert sorted(actions(sim)) == ["get", "search", *["searchTask"] * 3]


async def test_a_woken_job_whose_answer_was_mangled_is_looked_at_again(
    watcher: Watcher, sim: EnosSimulator
) -> None:
    """One that nobody knew before, too: it is told of a poll later."""
    keys = keys_of(sim)
    first = sim.add_job(status="failed", devices=keys[:1])
    for _ in range(2 * PAGE):
        sim.add_job(status="failed", devices=keys[1:2])
    await watcher.poll()
    assert first not in watcher.known
    sim.retry_job(first)
    sim.faults.add(
        Fault(kind=FaultKind.MALFORMED, path="action=get", body=b'{"code":0,"data":1}')
    )
    await watcher.poll()
    assert first not in watcher.known
    assert await watcher.status(first) is TaskStatus.WAITING


async def test_many_jobs_far_down_are_read_by_the_page(
    watcher: Watcher, sim: EnosSimulator
) -> None:
    """That is cheaper than one by one."""
    keys = keys_of(sim)
    for key in keys[:10]:
        sim.add_job(devices=[key])
    await watcher.poll()
    for _ in range(PAGE):
        sim.add_job(status="failed", devices=[keys[-1]])
    await watcher.poll()
    await watcher.poll()
    assert actions(sim).count("search") == 2
    assert actions(sim).count("get") == 0


async def test_a_job_on_which_nothing_has_changed_is_what_is_known(
    watcher: Watcher, sim: EnosSimulator
) -> None:
    """The same object, so that comparing it costs nothing; after a restart, too."""
    keys = keys_of(sim)
    job_id = sim.add_job(status="failed", devices=keys[:1])
    sim.add_job(devices=keys[1:2])
    await watcher.poll()
    watcher.known = msgspec.convert(
        msgspec.to_builtins(watcher.known), dict[str, UpgradeTask]
    )
    kept = watcher.known[job_id]
    for _ in range(2):
        found = {task.task_id: task for task in (await watcher.poll()).tasks}
        assert found[job_id] is kept
    sim.stop_job(job_id)
    await watcher.poll()
    assert watcher.known[job_id] == msgspec.structs.replace(
        kept, status=TaskStatus.STOPPED, ended=None
    )


async def test_a_row_that_cannot_be_read_is_dropped_alone(
    watcher: Watcher, sim: EnosSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    """The others are what they are."""
    keys = keys_of(sim)
    bad, good = (sim.add_job(devices=[key]) for key in keys[:2])
    sim.faults.add(
        Fault(
            kind=FaultKind.MALFORMED,
            path="action=search&",
            after=1,
            rewrite=lambda body: body.replace(b'"%s"' % bad.encode(), b"[]"),
        )
    )
    await watcher.poll()
    assert watcher.known.keys() == {good}
    assert "Unusable rows" in caplog.text


@dataclass
class Counted:
    """What a poll counts: the last known sizes of jobs, by ID."""

    sizes: dict[str, int | None] = field(default_factory=dict)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """Note what is counted."""
    counted = Counted()
    count = Counter.count

    async def note(
        counter: Counter, sizes: Mapping[str, int | None], priority: Priority
    ) -> dict[str, Tally]:
        counted.sizes |= sizes
        return await count(counter, sizes, priority)

    monkeypatch.setattr(Counter, "count", note)
    return counted


def rests_otherwise(sim: EnosSimulator, known: UpgradeTask) -> bool:
    """Whether a job was at rest and is so again, with other counts, or is gone."""
    was_stopped = known.status is TaskStatus.STOPPED
    if known.is_active or known.counts.processing:
        return False
    jobs = {job.job_id: job for job in sim.jobs()}
    if (job := jobs.get(known.task_id)) is None:
        return not was_stopped and bool(known.counts.failed)
    counts = job.counts()
    waiting = counts["init"] + counts["published"]
    if job.started is was_stopped or (job.started and waiting + counts["upgrading"]):
        return False
    return (counts["failed"], waiting) != (known.counts.failed, known.counts.waiting)


def terms_of(
    sim: EnosSimulator, before: dict[str, UpgradeTask], new: int, counted: Counted
) -> dict[str, int]:
    """Return the terms of the bound, from what is on the platform."""
    newest = sorted(sim.jobs(), key=lambda job: -job.created)
    pages = {job.job_id for job in newest[: PAGE * (1 + new // PAGE)]}
    ended = {TaskStatus.SUCCEEDED, TaskStatus.FAILED}
    far = {key for key, task in before.items() if task.status not in ended} - pages
    woken = {
        job.job_id
        for job in newest
        if job.job_id not in far
        and any(task.status.open for task in sim.tasks(job.job_id))
    } - pages
    moved = {key for key, task in before.items() if rests_otherwise(sim, task)}
    actual = {key: len(sim.tasks(key)) for key in counted.sizes}
    small = {key: size for key, size in counted.sizes.items() if (size or 0) <= PAGE}
    return {
        "new": new,
        "far": len(far),
        "woken": len(woken | moved),
        "S": sum(size or GUESS for size in small.values()),
        "grown": sum(
            len(page)
            for page in plan(small).together
            if sum(actual[key] for key in page) > PAGE
        ),
        "large": sum(size > PAGE for size in actual.values()),
    }


@pytest.mark.parametrize("seed", range(6))
async def test_a_poll_never_costs_more_than_its_bound(
    watcher: Watcher, sim: EnosSimulator, counted: Counted, seed: int
) -> None:
    """The formula in the document and in the module's docstring, over a random week."""
    formula = Document("enos.md").formula()
    assert formula in str(poll_module.__doc__)
    random = Random(seed)
    sim.reset(jobs=0, devices=700, groups=6, seed=seed)
    firmware = sim.firmware(verified=True)
    keys = keys_of(sim)
    for key in keys[:8]:
        sim.add_job(devices=[key], status="upgrading")
    for _ in range(PAGE - 15):
        sim.add_job(devices=keys[8:9], status="failed")
    await watcher.poll()
    terms: list[dict[str, int]] = []
    for _ in range(12):
        new = random.choice([0, 1, 4, PAGE // 4])
        for _ in range(new):
            chosen = random.choice(firmware)
            devices = [device.device_key for device in sim.devices(chosen)]
            count = random.choice([1, 1, 30, len(devices)]) if new < 5 else 1
            sim.add_job(
                firmware=chosen,
                devices=devices[:count],
                incremental=random.random() < 0.2,
                retries=random.choice([0, 2]),
                status=random.choice([None, "upgrading", "succeeded", "failed"]),
            )
        jobs = sim.jobs()
        for job in [*jobs[:8], *random.sample(jobs, 12)]:
            match random.randrange(8):
                case 0:
                    sim.finish_job(job.job_id, failed=random.randint(0, 1))
                case 1:
                    sim.retry_job(job.job_id)
                case 2 if job.started:
                    sim.stop_job(job.job_id)
                case 3 if not job.started:
                    sim.start_job(job.job_id)
                case 4 if random.random() < 0.3 and job.job_id in {
                    each.job_id for each in sim.jobs()
                }:
                    sim.delete_job(job.job_id)
        sim.clock.work(random.choice([0, 30, 600]))
        before = dict(watcher.known)
        counted.sizes.clear()
        await watcher.poll()
        terms.append(terms_of(sim, before, new, counted))
        assert watcher.cost <= calculate(formula, terms[-1]), terms[-1]
        for job in sim.jobs():
            if (task := watcher.known.get(job.job_id)) is not None:
                assert task.counts.total == len(sim.tasks(job.job_id))
    # Waking so far down is rare.
    assert all(
        sum(each[name] for each in terms) for name in terms[0].keys() - {"woken"}
    )


async def test_deleted_jobs_far_down_cost_no_more_than_the_bound(
    watcher: Watcher, sim: EnosSimulator, counted: Counted
) -> None:
    """They are looked for by the page, in vain, before each is asked for."""
    keys = keys_of(sim)
    for _ in range(3 * PAGE):
        sim.add_job(devices=keys[-1:], status="failed")
    far = [sim.add_job(devices=[key]) for key in keys[:3]]
    await watcher.poll()
    for job_id in far:
        sim.delete_job(job_id)
    before = dict(watcher.known)
    counted.sizes.clear()
    assert (await watcher.poll()).deleted == set(far)
    assert actions(sim) == [*["search"] * 3, *["get"] * 3, *["searchTask"] * 2]
    terms = terms_of(sim, before, 0, counted)
    assert watcher.cost <= calculate(Document("enos.md").formula(), terms)


async def test_what_others_create_meanwhile_is_read_before_a_creation(
    watcher: Watcher, sim: EnosSimulator, client: EnosClient
) -> None:
    """Counted, so that what runs is told from what is over; the rest is known."""
    keys = keys_of(sim)
    sim.add_job(status="succeeded", devices=keys[:1])
    sim.add_job(status="upgrading", devices=keys[1:2])
    before = week_ago() - timedelta(days=1)
    sim.add_job(status="succeeded", created=before, devices=keys[2:3])
    await watcher.poll()
    assert await client.read_newest(watcher.memory, (), week_ago()) == ()
    running = sim.add_job(devices=keys[3:4], status="upgrading")
    over = sim.add_job(devices=keys[4:5], status="failed")
    newest = await client.read_newest(watcher.memory, (), week_ago())
    assert {task.task_id: task.status for task in newest} == {
        running: TaskStatus.PROCESSING,
        over: TaskStatus.FAILED,
    }
    newest = await client.read_newest(watcher.memory, (running,), week_ago())
    assert [task.task_id for task in newest] == [over]


async def test_a_lost_creation_is_found_again(
    watcher: Watcher, sim: EnosSimulator, client: EnosClient
) -> None:
    """By firmware, name, scope and policy."""
    await watcher.poll()
    creation = await a_creation(client, sim)
    job_id = await client.create_task(creation)
    sim.add_job(name="another", retries=1)
    newest = await client.read_newest(watcher.memory, (), week_ago())
    assert len(newest) == 2
    assert [task.task_id for task in newest if client.is_result(creation, task)] == [
        job_id
    ]
    await watcher.poll()
    assert [
        task.task_id
        for task in watcher.known.values()
        if client.is_result(creation, task)
    ] == [job_id]


async def test_memory_of_another_version_is_forgotten(
    watcher: Watcher, sim: EnosSimulator
) -> None:
    """The next poll is like a first one."""
    job_id = sim.add_job()
    watcher.memory = {"frontier": 3}
    await watcher.poll()
    assert job_id in watcher.known


async def test_a_job_whose_ota_tasks_are_not_indexed_yet_waits(
    watcher: Watcher, sim: EnosSimulator
) -> None:
    """Searches lag behind what was created."""
    sim.reset(jobs=0, index_lag=30)
    await watcher.poll()
    job_id = sim.add_job()
    sim.clock.advance(0)
    task = await watcher.client.get_task(job_id)
    assert task.status is TaskStatus.WAITING
    assert task.counts.total == 0


async def test_a_job_that_is_not_there_cannot_be_read(client: EnosClient) -> None:
    """And that is all that it means."""
    with pytest.raises(NotFoundError):
        await client.get_task("5ee1a91029b990001b9c188e")
