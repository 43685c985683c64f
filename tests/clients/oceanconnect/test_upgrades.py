"""What the platform does with an upgrade, as an account's client tells it."""

from datetime import UTC, datetime, timedelta

from msgspec import structs
import pytest

from custom_components.fleet_upgrade.clients.model import (
    CreateRequest,
    Execution,
    Policy,
    StatusCounts,
    Targets,
    TaskStatus,
    UpgradeKind,
    UpgradeTask,
)
from custom_components.fleet_upgrade.clients.oceanconnect.client import (
    OceanConnectClient,
)
from simulator.oceanconnect import Fault, FaultKind, OceanConnectSimulator, Quirks
from simulator.oceanconnect.model import Device, Flaw

from .common import all_of

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SINCE = NOON - timedelta(days=7)


@pytest.fixture
def sim(oceanconnect: OceanConnectSimulator) -> OceanConnectSimulator:
    """A platform at noon, whose devices move only when the clock does."""
    oceanconnect.clock.freeze(NOON)
    return oceanconnect


@pytest.fixture
def devices(sim: OceanConnectSimulator) -> list[Device]:
    """Three devices in good health."""
    devices = sim.devices(sim.packages("firmware")[0])[:3]
    for device in devices:
        device.status, device.wakes_after, device.flaw = "ONLINE", 0.0, None
    return devices


async def begin(
    client: OceanConnectClient,
    sim: OceanConnectSimulator,
    devices: list[Device],
    policy: Policy = Policy(),
) -> str:
    """Upgrade devices, and return the task's ID."""
    request = CreateRequest(
        kind=UpgradeKind.FIRMWARE,
        package_id=sim.packages("firmware")[0].file_id,
        targets=Targets(devices=tuple(device.device_id for device in devices)),
        policy=policy,
    )
    return await client.create_task(await client.prepare_create(request))


def plain(task: UpgradeTask) -> tuple[TaskStatus | None, datetime | None]:
    """Return what can be asked of a task again and again."""
    return task.status, task.started


async def test_a_version_that_is_there_already_ends_a_task_at_once(
    client: OceanConnectClient, sim: OceanConnectSimulator, devices: list[Device]
) -> None:
    """It is a success, and each device says why."""
    for device in devices:
        device.firmware = sim.packages("firmware")[0].version
    task_id = await begin(client, sim, devices)
    sim.clock.advance(2)
    task = await client.get_task(task_id)
    assert task.status is TaskStatus.SUCCEEDED
    assert task.started == task.ended
    assert task.counts.succeeded == task.counts.total == task.counts.ended == 3
    reasons = {each.reason for each in await all_of(client.list_subtasks(task_id))}
    assert reasons == {"The current version is the same as the target version"}


async def test_a_window_is_kept_as_it_was_asked_for(
    client: OceanConnectClient, sim: OceanConnectSimulator, devices: list[Device]
) -> None:
    """Nothing moves before its start, and what has not begun by its end is stopped."""
    devices[2].wakes_after = 20 * 3600.0
    policy = Policy(
        execution=Execution.CUSTOM, start=NOON + HOUR, end=NOON + 3 * HOUR, retries=0
    )
    task_id = await begin(client, sim, devices, policy)
    sim.clock.advance(3599)
    task = await client.get_task(task_id)
    assert plain(task) == (TaskStatus.WAITING, None)
    assert task.policy == policy
    sim.clock.advance(1)
    task = await client.get_task(task_id)
    assert plain(task) == (TaskStatus.PROCESSING, NOON + HOUR)
    sim.clock.advance(2 * 3600)
    task = await client.get_task(task_id)
    assert task.ended == NOON + 3 * HOUR
    assert (task.counts.succeeded, task.counts.stopped) == (2, 1)


async def test_a_task_for_devices_that_come_online_waits_for_them(
    client: OceanConnectClient, sim: OceanConnectSimulator, devices: list[Device]
) -> None:
    """It is found among the waiting ones as long as that takes."""
    for device in devices:
        device.status, device.wakes_after = "OFFLINE", 2 * 3600.0
    policy = Policy(execution=Execution.WHEN_ONLINE)
    task_id = await begin(client, sim, devices, policy)
    sim.clock.advance(2 * 3600)
    poll = await client.poll({}, {}, SINCE)
    task = {task.task_id: task for task in poll.tasks}[task_id]
    assert plain(task) == (TaskStatus.WAITING, None)
    assert task.policy == policy
    sim.clock.advance(3600)
    task = await client.get_task(task_id)
    assert task.status is TaskStatus.SUCCEEDED


async def test_a_task_that_the_platform_tries_again_is_active_again(
    client: OceanConnectClient, sim: OceanConnectSimulator, devices: list[Device]
) -> None:
    """Its end is taken back, and only its own status says so."""
    client.budget.limit = 1000  # the platform's clock runs faster than ours
    devices[0].flaw = Flaw("downloading", "Connection lost", attempts=1)
    task_id = await begin(client, sim, devices, Policy(retries=1))
    known: dict[str, UpgradeTask] = {}
    memory: dict[str, object] = {}
    seen: list[tuple[TaskStatus | None, bool]] = []
    for _ in range(40):
        sim.clock.advance(20)
        poll = await client.poll(known, memory, SINCE)
        known |= {task.task_id: task for task in poll.tasks}
        memory = poll.memory
        task = known[task_id]
        if seen[-1:] != [(task.status, task.ended is not None)]:
            seen.append((task.status, task.ended is not None))
    assert seen == [
        (TaskStatus.PROCESSING, False),
        (TaskStatus.FAILED, True),
        (TaskStatus.PROCESSING, False),
        (TaskStatus.SUCCEEDED, True),
    ]
    assert known[task_id].policy.retries == 1


async def test_failed_tasks_and_failed_subtasks_are_asked_for_in_their_own_words(
    client: OceanConnectClient, sim: OceanConnectSimulator
) -> None:
    """The platform refuses each other's word."""
    task_id = sim.add_task(status="failed")
    failed = await all_of(client.list_tasks(status=TaskStatus.FAILED))
    assert task_id in {task.task_id for task in failed}
    subtasks = client.list_subtasks(task_id, status=TaskStatus.FAILED)
    [subtask] = await all_of(subtasks)
    assert subtask.status is TaskStatus.FAILED
    queries = [call.query for call in sim.calls if call.query]
    assert queries == [
        {"operationStatus": "failed", "pageNo": "0", "pageSize": "100"},
        {"subOperationStatus": "fail", "pageNo": "0", "pageSize": "100"},
    ]


async def test_a_kind_is_asked_for_under_another_name_than_it_has_in_a_task(
    client: OceanConnectClient, sim: OceanConnectSimulator
) -> None:
    """The query says operationType, the row operateType."""
    await all_of(client.list_tasks(kind=UpgradeKind.FIRMWARE))
    assert sim.calls[-1].query["operationType"] == "firmware_upgrade"


async def test_why_a_device_failed_is_told_word_for_word(
    client: OceanConnectClient, sim: OceanConnectSimulator, devices: list[Device]
) -> None:
    """What else a subtask says of itself is left alone."""
    devices[0].flaw = Flaw("downloading", "Not enough storage for the new package")
    task_id = await begin(client, sim, devices)
    sim.clock.advance(3600)
    subtasks = await all_of(client.list_subtasks(task_id))
    reasons = {each.device_id: each.reason for each in subtasks}
    assert reasons[devices[0].device_id] == "Not enough storage for the new package"
    assert (await client.get_task(task_id)).counts == StatusCounts(
        total=3,
        waiting=0,
        processing=0,
        succeeded=2,
        failed=1,
        stopped=0,
        timed_out=0,
    )


@pytest.mark.parametrize(
    ("where", "failed"), [("inside", 3), ("beside", 1)], ids=["inside", "beside"]
)
async def test_timeouts_may_stand_inside_or_beside_the_failed_devices(
    client: OceanConnectClient,
    sim: OceanConnectSimulator,
    caplog: pytest.LogCaptureFixture,
    where: str,
    failed: int,
) -> None:
    """The total is what counts, so that both come to the same."""
    sim.quirks = Quirks(timeouts=where)  # type: ignore[arg-type]
    task_id = sim.add_task(status="failed")
    sim.set_task(task_id, counts={"success": 4, "fail": 3, "wait": 1}, timeouts=2)
    task = await client.get_task(task_id)
    assert (task.counts.failed, task.counts.timed_out) == (failed, 2)
    assert (task.counts.total, task.counts.ended) == (8, 7)
    await client.poll({}, {}, SINCE)
    assert "counts" not in caplog.text


async def test_counts_that_nobody_understands_are_told_once_and_used_all_the_same(
    client: OceanConnectClient,
    sim: OceanConnectSimulator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A platform may count in a way that no page documents."""
    task_id = sim.add_task()

    def one_more(body: bytes) -> bytes:
        return body.replace(b'"total":', b'"total":9')

    sim.faults.add(
        Fault(
            kind=FaultKind.MALFORMED, path="/operations", count=None, rewrite=one_more
        )
    )
    for _ in range(3):
        poll = await client.poll({}, {}, SINCE)
        task = {task.task_id: task for task in poll.tasks}[task_id]
        assert (task.counts.total or 0) > 89
    assert caplog.text.count("do not make its total") == 1


async def test_an_unreadable_row_costs_a_poll_one_call_and_no_task(
    client: OceanConnectClient,
    sim: OceanConnectSimulator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is dropped and logged, the rest of the page is used, the task asked for."""
    bad, good = sim.add_task(), sim.add_task()
    first = await client.poll({}, {}, SINCE)
    known = {task.task_id: task for task in first.tasks}
    sim.calls.clear()

    def spoil(body: bytes) -> bytes:
        return body.replace(
            b'{"operationId":"' + bad.encode(), b'{"status":[],"operationId":"'
        )

    sim.faults.add(
        Fault(kind=FaultKind.MALFORMED, path="/operations", count=3, rewrite=spoil)
    )
    second = await client.poll(known, first.memory, SINCE)
    assert {bad, good} <= {task.task_id for task in second.tasks}
    assert second.deleted == frozenset()
    assert len(sim.calls) == 4
    assert "Unusable rows" in caplog.text


async def test_an_unknown_word_for_a_status_neither_ends_nor_loses_a_task(
    client: OceanConnectClient, sim: OceanConnectSimulator
) -> None:
    """It is neither active nor over until the platform says something known."""
    task_id = sim.add_task()
    first = await client.poll({}, {}, SINCE)
    known = {task.task_id: task for task in first.tasks}

    def dream(body: bytes) -> bytes:
        return body.replace(b'"status":"wait"', b'"status":"dreaming"')

    sim.faults.add(
        Fault(kind=FaultKind.MALFORMED, path="/operations", count=None, rewrite=dream)
    )
    second = await client.poll(known, first.memory, SINCE)
    task = {task.task_id: task for task in second.tasks}[task_id]
    assert task == structs.replace(known[task_id], status=None)
    assert not (task.is_active or task.has_ended)
