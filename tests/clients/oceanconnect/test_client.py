"""An OceanConnect account against a platform on a real socket behind real TLS."""

import asyncio

from msgspec import structs
import pytest

from custom_components.fleet_upgrade.clients.errors import InvalidFieldError
from custom_components.fleet_upgrade.clients.model import (
    CreateRequest,
    Targets,
    TaskStatus,
    UpgradeKind,
    UpgradeTask,
)
from custom_components.fleet_upgrade.clients.oceanconnect.client import (
    OceanConnectClient,
)
from simulator.oceanconnect import OceanConnectSimulator, Quirks

from .common import WEEK_AGO, a_creation, all_of


async def test_verifying_signs_in_and_reads_one_page(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """Two calls tell whether credentials are good."""
    await client.verify()
    assert [(call.method, call.path) for call in oceanconnect.calls] == [
        ("POST", "/iocm/app/sec/v1.1.0/login"),
        ("GET", "/iodm/northbound/v1.5.0/operations"),
    ]
    assert oceanconnect.calls[1].query == {"pageNo": "0", "pageSize": "1"}


async def test_everything_on_the_platform_is_listed_to_its_end(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """Pages beyond the first one are read too."""
    oceanconnect.reset(devices=230, groups=7, tasks=120)
    assert len(await all_of(client.list_tasks())) == 120
    assert len(await all_of(client.list_devices())) == 230
    groups = await all_of(client.list_device_groups())
    assert len(groups) == 7
    members = await all_of(client.list_devices(group=groups[0].group_id))
    assert len(members) == groups[0].device_count
    assert {member.name for member in members} == {None}
    packages = await all_of(client.list_packages())
    assert {package.kind for package in packages} == set(UpgradeKind)
    assert all(package.version and package.model for package in packages)


async def test_listings_can_be_narrowed(client: OceanConnectClient) -> None:
    """What the platform can sift, it sifts."""
    packages = await all_of(client.list_packages())
    wanted = packages[0]
    assert wanted.kind is not None
    found = await all_of(
        client.list_packages(
            kind=wanted.kind,
            device_type=wanted.device_type,
            model=wanted.model,
            manufacturer=wanted.manufacturer,
            version=wanted.version,
        )
    )
    assert wanted in found
    assert len(found) < len(packages)
    groups = await all_of(client.list_device_groups())
    found_groups = await all_of(client.list_device_groups(name=groups[1].name))
    assert groups[1] in found_groups
    tasks = await all_of(client.list_tasks())
    kind, status = tasks[0].kind, tasks[0].status
    assert status is not None
    found_tasks = await all_of(client.list_tasks(kind=kind, status=status))
    assert found_tasks == [
        task for task in tasks if task.kind is kind and task.status is status
    ]


@pytest.mark.parametrize("kind", UpgradeKind)
async def test_a_created_task_is_there_with_what_was_asked_for(
    client: OceanConnectClient, kind: UpgradeKind
) -> None:
    """Groups take type, model and manufacturer from the package."""
    creation = await a_creation(client, kind)
    task_id = await client.create_task(creation)
    task = await client.get_task(task_id)
    assert task.kind is kind
    assert task.version == creation.version
    assert task.targets == creation.request.targets
    assert task.targets.device_type
    assert task.targets.model
    assert task.targets.manufacturer
    subtasks = await all_of(client.list_subtasks(task_id))
    assert len(subtasks) == task.counts.total
    assert await all_of(client.list_subtasks(task_id, status=TaskStatus.STOPPED)) == []


async def test_what_was_given_is_not_replaced_by_the_package(
    client: OceanConnectClient,
) -> None:
    """The package only fills what is missing."""
    creation = await a_creation(client)
    request = structs.replace(
        creation.request,
        targets=structs.replace(creation.request.targets, model="Another"),
    )
    prepared = await client.prepare_create(request)
    assert prepared.request.targets.model == "Another"


@pytest.mark.parametrize("field", ["device_groups", "devices"])
@pytest.mark.parametrize(
    ("count", "sizes"), [(256, [256]), (257, [256, 1]), (600, [256, 256, 88])]
)
async def test_what_is_too_much_for_one_task_is_split(
    client: OceanConnectClient, field: str, count: int, sizes: list[int]
) -> None:
    """In the same way in whatever order it is given; each part has its own body."""
    names = [f"name-{number}" for number in range(count)]
    creation = await a_creation(client)
    parts = [
        client.split(
            structs.replace(
                creation,
                request=structs.replace(
                    creation.request,
                    targets=structs.replace(Targets(), **{field: tuple(given)}),
                ),
            )
        )
        for given in (names, names[::-1])
    ]
    assert [[part.request.targets.count for part in each] for each in parts] == [
        sizes
    ] * 2
    if len(sizes) > 1:
        assert parts[0] == parts[1]
        key = {"device_groups": "deviceGroups", "devices": "devices"}[field]
        sent = [part.body["targets"] for part in parts[0]]
        bodies = [targets[key] for targets in sent if isinstance(targets, dict)]
        assert [name for names in bodies for name in names] == sorted(names)


async def test_a_package_of_the_other_kind_is_refused_before_it_is_sent(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """Firmware is not installed as software."""
    packages = await all_of(client.list_packages(kind=UpgradeKind.FIRMWARE))
    request = CreateRequest(
        kind=UpgradeKind.SOFTWARE,
        package_id=packages[0].package_id,
        targets=Targets(devices=("any",)),
    )
    with pytest.raises(InvalidFieldError) as err:
        await client.prepare_create(request)
    assert err.value.key == "package_wrong_kind"
    assert oceanconnect.calls.count("Upgrade") == 0


@pytest.mark.parametrize(
    "quirks",
    [
        Quirks(task_total="totalSize"),
        Quirks(counts_as_text=True),
        Quirks(unset="absent"),
        Quirks(extend_para="text"),
        Quirks(task_order="oldest"),
        Quirks(task_order="unordered"),
        Quirks(timeouts="beside"),
    ],
    ids=str,
)
async def test_a_poll_finds_the_same_whatever_the_platforms_habits(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator, quirks: Quirks
) -> None:
    """Order, nulls, keys and types differ; what they say does not."""
    oceanconnect.reset(tasks=130, quirks=quirks)
    await client.create_task(await a_creation(client))
    poll = await client.poll({}, {}, WEEK_AGO)
    listed = await all_of(client.list_tasks())
    assert {task.task_id for task in poll.tasks} == {
        task.task_id
        for task in listed
        if not task.has_ended or (task.ended or WEEK_AGO) >= WEEK_AGO
    }
    assert all(task.counts.total is not None for task in poll.tasks)
    assert all(task.version for task in poll.tasks)


async def test_polling_never_takes_more_than_half_of_the_budget(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """A person's action finds room even beside a busy poller."""
    known: dict[str, UpgradeTask] = {}
    memory: dict[str, object] = {}
    try:
        async with asyncio.timeout(2):
            while True:
                poll = await client.poll(known, memory, WEEK_AGO)
                known = {task.task_id: task for task in poll.tasks}
                memory = poll.memory
    except TimeoutError:
        pass
    assert oceanconnect.calls.worst_minute == 50
    async with asyncio.timeout(2):
        await client.verify()
