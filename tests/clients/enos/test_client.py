"""An EnOS account against a platform on a real socket."""

import pytest

from custom_components.fleet_upgrade.clients.enos import PLATFORM
from custom_components.fleet_upgrade.clients.enos.client import EnosClient
from custom_components.fleet_upgrade.clients.errors import (
    InvalidFieldError,
    NotFoundError,
    RejectedError,
)
from custom_components.fleet_upgrade.clients.model import (
    StatusCounts,
    TaskStatus,
    UpgradeKind,
)
from custom_components.fleet_upgrade.clients.platform import Capability
from simulator.enos import EnosSimulator

from .common import a_creation, actions, all_of, change, sent, week_ago


async def test_verifying_fetches_a_token_and_reads_one_row(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """Two calls tell whether credentials are good."""
    await client.verify()
    assert actions(enos) == ["get", "search"]
    assert sent(enos.calls[1]) == {"pagination": {"pageNo": 1, "pageSize": 1}}
    assert enos.calls[1].query["orgId"] == enos.org_id


def test_what_is_offered_is_declared() -> None:
    """Whoever offers an action asks for the capability."""
    assert PLATFORM.capabilities == set(Capability) - {Capability.PUSH}


async def test_no_program_takes_the_session_of_another(client: EnosClient) -> None:
    """All are given the same token."""
    await client.verify()
    assert not client.is_contended
    assert abs(client.clock_offset.total_seconds()) < 5


async def test_a_created_task_is_there_with_what_was_asked_for(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """One OTA task for each device of the group that the firmware is for."""
    creation = await a_creation(client, enos)
    task_id = await client.create_task(creation)
    task = await client.get_task(task_id)
    assert task.kind is UpgradeKind.FIRMWARE
    assert task.status is TaskStatus.WAITING
    assert task.version == creation.version
    assert task.package_id == creation.request.package_id
    assert task.targets == creation.request.targets
    assert task.policy.time_limit == 7200
    subtasks = await all_of(client.list_subtasks(task_id))
    assert len(subtasks) == task.counts.total == len(enos.tasks(task_id))


@pytest.mark.parametrize(
    ("status", "statuses"),
    [
        (TaskStatus.WAITING, {"init", "published"}),
        (TaskStatus.PROCESSING, {"upgrading"}),
        (TaskStatus.SUCCEEDED, {"succeeded"}),
        (TaskStatus.FAILED, {"failed"}),
        (TaskStatus.STOPPED, set()),
    ],
)
async def test_subtasks_can_be_narrowed_to_a_status(
    client: EnosClient, enos: EnosSimulator, status: TaskStatus, statuses: set[str]
) -> None:
    """In common words; none is ever stopped."""
    enos.reset(jobs=0)
    job_id = enos.add_job(concurrency=5)
    enos.clock.work(400)
    wanted = {task.device_key for task in enos.tasks(job_id) if task.status in statuses}
    found = await all_of(client.list_subtasks(job_id, status=status))
    assert {subtask.device_id for subtask in found} == wanted
    assert {subtask.status for subtask in found} <= {status}


async def test_a_failed_subtask_says_why_and_when(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """In the platform's words."""
    job_id = enos.add_job(status="failed")
    [subtask] = await all_of(client.list_subtasks(job_id, status=TaskStatus.FAILED))
    [task] = [each for each in enos.tasks(job_id) if each.status == "failed"]
    assert subtask.device_id == task.device_key
    assert subtask.reason == task.description
    assert subtask.ended is not None


async def test_a_task_that_is_not_there_has_no_subtasks_to_list(
    client: EnosClient,
) -> None:
    """An empty list would say that it has no devices."""
    for task_id in ("5ee1a91029b990001b9c188e", "' or jobId != '"):
        with pytest.raises(NotFoundError):
            await all_of(client.list_subtasks(task_id))


async def test_tasks_are_listed_in_common_words(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """The platform sifts what it can; the rest is sifted here."""
    enos.reset(jobs=0)
    keys = [
        device.device_key for device in enos.devices(enos.firmware(verified=True)[0])
    ]
    made = {
        TaskStatus.WAITING: enos.add_job(devices=keys[:1]),
        TaskStatus.PROCESSING: enos.add_job(devices=keys[1:2], status="upgrading"),
        TaskStatus.SUCCEEDED: enos.add_job(devices=keys[2:3], status="succeeded"),
        TaskStatus.FAILED: enos.add_job(devices=keys[3:4], status="failed"),
        TaskStatus.STOPPED: enos.add_job(devices=keys[4:5], stopped=True),
    }
    for status, job_id in made.items():
        found = await all_of(client.list_tasks(status=status))
        assert [task.task_id for task in found] == [job_id]
    listed = await all_of(client.list_tasks(kind=UpgradeKind.FIRMWARE))
    assert {task.status: task.task_id for task in listed} == made
    assert all(task.counts.total == 1 for task in listed)
    assert await all_of(client.list_tasks(kind=UpgradeKind.SOFTWARE)) == []
    totals = [page.total async for page in client.list_tasks(status=TaskStatus.FAILED)]
    assert totals == [None]


async def test_what_a_poll_found_asleep_is_listed_without_counting_it_again(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """It has not changed; one task alone is read as it is now."""
    enos.reset(jobs=0)
    job_id = enos.add_job(status="failed")
    await client.poll({}, {}, week_ago())
    enos.calls.clear()
    [listed] = await all_of(client.list_tasks())
    assert actions(enos) == ["search"]
    assert await client.get_task(job_id) == listed


async def test_packages_groups_and_devices_are_listed(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """In one shape for all platforms."""
    packages = await all_of(client.list_packages())
    assert {package.package_id for package in packages} == {
        firmware.firmware_id for firmware in enos.firmware()
    }
    assert all(package.version for package in packages)
    assert {package.product for package in packages} >= {
        product.product_key for product in enos.products()
    }
    [unverified] = [each for each in packages if each.needs_verification]
    assert unverified.package_id == enos.firmware(verified=False)[0].firmware_id
    found = await all_of(client.list_packages(version=packages[0].version))
    assert packages[0] in found
    assert {package.version for package in found} == {packages[0].version}
    for nothing in (
        client.list_packages(kind=UpgradeKind.SOFTWARE),
        client.list_packages(model="M1"),
        client.list_packages(device_type="Meter"),
        client.list_packages(manufacturer="Acme"),
    ):
        assert await all_of(nothing) == []
    groups = await all_of(client.list_device_groups())
    assert {group.group_id for group in groups} == {
        group.group_id for group in enos.groups()
    }
    [named] = await all_of(client.list_device_groups(name=groups[1].name))
    assert named == groups[1]
    members = await all_of(client.list_devices(group=groups[0].group_id))
    assert {member.device_id for member in members} == {
        device.device_key for device in enos.devices(group=enos.groups()[0])
    }
    with pytest.raises(NotFoundError):
        await all_of(client.list_devices(group="nothing"))


async def test_a_task_can_be_stopped_started_and_deleted(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """Each in its turn; what is out of turn is refused with what to do instead."""
    job_id = enos.add_job()
    with pytest.raises(RejectedError, match="24615"):
        await change(client, "start", job_id)
    with pytest.raises(RejectedError) as err:
        await change(client, "delete", job_id)
    assert err.value.key == "rejected_task_running"
    await change(client, "stop", job_id)
    assert (await client.get_task(job_id)).status is TaskStatus.STOPPED
    with pytest.raises(RejectedError, match="24616"):
        await change(client, "stop", job_id)
    with pytest.raises(RejectedError, match="24617"):
        await change(client, "retry_subtasks", job_id, ["any"])
    await change(client, "start", job_id)
    assert (await client.get_task(job_id)).is_active
    await change(client, "stop", job_id)
    await change(client, "delete", job_id)
    with pytest.raises(NotFoundError):
        await client.get_task(job_id)


async def test_subtasks_can_be_cancelled_and_retried(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """A cancelled one has failed, and can be retried."""
    enos.reset(jobs=0)
    job_id = enos.add_job()
    keys = [task.device_key for task in enos.tasks(job_id)][:2]
    total = len(enos.tasks(job_id))
    await change(client, "cancel_subtasks", job_id, [*keys, keys[0]])
    assert sent(enos.calls[-1]) == {"deviceKeys": keys}
    task = await client.get_task(job_id)
    assert task.counts == StatusCounts(
        total=total, waiting=total - 2, processing=0, succeeded=0, failed=2
    )
    with pytest.raises(RejectedError) as err:
        await change(client, "cancel_subtasks", job_id, keys)
    assert err.value.key == "rejected_subtasks_not_cancellable"
    await change(client, "retry_subtasks", job_id, keys)
    with pytest.raises(RejectedError) as err:
        await change(client, "retry_subtasks", job_id, keys)
    assert err.value.key == "rejected_subtasks_not_retriable"


async def test_cancelling_nothing_is_refused_before_it_is_sent(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """What the platform would make of it is not documented."""
    with pytest.raises(InvalidFieldError):
        await change(client, "cancel_subtasks", "job", [])
    assert len(enos.calls) == 0


async def test_a_key_with_a_quote_in_it_is_upgraded_like_any_other(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """From its creation to its retry."""
    enos.reset(jobs=0)
    firmware = enos.firmware(verified=True)[0]
    like = enos.devices(firmware)[0]
    key = 'O\'Hara "1"'
    enos.add_device(key, product=like.product, version=like.version)
    creation = await a_creation(client, enos, devices=[key])
    task_id = await client.create_task(creation)
    assert client.is_result(creation, await client.get_task(task_id))
    await change(client, "cancel_subtasks", task_id, [key])
    await change(client, "retry_subtasks", task_id, [key])
    [subtask] = await all_of(client.list_subtasks(task_id))
    assert subtask.device_id == key
