"""Packages, upgrade tasks and subtasks on the wire."""

from datetime import UTC, datetime
from typing import Any

import pytest

from simulator.oceanconnect import OceanConnectSimulator, Quirks

from ..northbound import CATEGORY, OPERATIONS, Northbound

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
SUBTASK_KEYS = {
    "subOperationId",
    "createTime",
    "startTime",
    "stopTime",
    "operateType",
    "deviceId",
    "status",
    "detailInfo",
    "extendInfo",
}


async def every(northbound: Northbound, path: str, **query: str) -> list[Any]:
    """Return all rows of a list of the upgrade family, read page by page."""
    rows: list[Any] = []
    for number in range(1000):
        answer = await northbound.get(path, pageNo=number, pageSize=100, **query)
        page = answer.json
        assert (page["pageNo"], page["pageSize"]) == (number, 100)
        rows += page["data"]
        if len(page["data"]) < 100:
            assert page["totalCount"] == len(rows)
            break
    return rows


# Packages


async def test_each_model_has_packages_of_both_kinds(northbound: Northbound) -> None:
    """At least three of each kind for each of several models."""
    packages = await every(northbound, CATEGORY)
    count: dict[tuple[str, str], int] = {}
    for package in packages:
        key = package["model"], package["fileType"]
        count[key] = count.get(key, 0) + 1
    assert len({model for model, _ in count}) >= 3
    assert {kind for _, kind in count} == {"softwarePackage", "firmwarePackage"}
    assert min(count.values()) >= 3


async def test_a_package_has_the_documented_fields(northbound: Northbound) -> None:
    """The same alone and in the list; times are UTC in the basic format."""
    package = (await northbound.get(CATEGORY)).json["data"][0]
    assert set(package) == {
        "fileId",
        "name",
        "version",
        "fileType",
        "deviceType",
        "model",
        "manufacturerName",
        "protocolType",
        "description",
        "date",
        "uploadTime",
    }
    assert datetime.strptime(package["uploadTime"], "%Y%m%dT%H%M%SZ")
    alone = await northbound.get(f"{CATEGORY}/{package['fileId']}")
    assert alone.json == package


async def test_packages_can_be_filtered(northbound: Northbound) -> None:
    """By each of the documented keys; one of them is spelled in two ways."""
    wanted = (await northbound.get(CATEGORY)).json["data"][0]
    for key in ("fileType", "deviceType", "model", "manufacturerName", "version"):
        rows = await every(northbound, CATEGORY, **{key: wanted[key]})
        assert wanted in rows
        assert {row[key] for row in rows} == {wanted[key]}
    assert await every(northbound, CATEGORY, model="none") == []
    answer = await northbound.get(CATEGORY, manufactureName=wanted["manufacturerName"])
    assert {row["manufacturerName"] for row in answer.json["data"]} == {
        wanted["manufacturerName"]
    }
    answer = await northbound.get(CATEGORY, fileType="firmware")
    assert answer.error == (400, "120015")


async def test_a_deleted_package_is_gone_but_its_tasks_go_on(
    northbound: Northbound,
) -> None:
    """It can be deleted once; then it cannot be installed any more."""
    order = northbound.order()
    created = await northbound.create()
    path = f"{CATEGORY}/{order['fileId']}"
    assert (await northbound.delete(path)).status == 200
    assert (await northbound.delete(path)).error == (404, "123002")
    assert (await northbound.get(path)).error == (404, "123002")
    assert (await northbound.create(fileId=order["fileId"])).error == (404, "123002")
    northbound.sim.clock.advance(1800)
    task = await northbound.task(created.json["operationId"])
    assert task["status"] == "success"


# Pages


@pytest.mark.parametrize("what", ["packages", "tasks", "subtasks"])
@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"pageNo": -1}, (400, "123029")),
        ({"pageNo": 2**31}, (400, "123029")),
        ({"pageSize": 0}, (400, "123029")),
        ({"pageSize": 101}, (400, "123029")),
        ({"pageNo": "one"}, (400, "120015")),
        ({"pageSize": "1.5"}, (400, "120015")),
    ],
)
async def test_pages_beyond_the_limits_are_refused(
    northbound: Northbound, what: str, query: Any, error: tuple[int, str]
) -> None:
    """123029 beyond the limits, 120015 for what is no number."""
    task_id = northbound.sim.tasks()[0].task_id
    path = {
        "packages": CATEGORY,
        "tasks": OPERATIONS,
        "subtasks": f"{OPERATIONS}/{task_id}/subOperations",
    }[what]
    assert (await northbound.get(path, **query)).error == error


async def test_pages_count_from_zero_and_end_empty(northbound: Northbound) -> None:
    """By default the first ten; a page beyond the end has no rows and no error."""
    northbound.sim.reset(tasks=23)
    await northbound.login()
    first = (await northbound.get(OPERATIONS)).json
    assert (first["pageNo"], first["pageSize"], first["totalCount"]) == (0, 10, 23)
    assert first == (await northbound.get(OPERATIONS, pageNo=0, pageSize=10)).json
    last = (await northbound.get(OPERATIONS, pageNo=2)).json
    assert len(last["data"]) == 3
    beyond = await northbound.get(OPERATIONS, pageNo=3)
    assert (beyond.status, beyond.json["data"]) == (200, [])
    assert beyond.json["totalCount"] == 23


async def test_a_deployment_may_answer_all_without_a_page_number(
    northbound: Northbound,
) -> None:
    """One reading of "if the value is null, pagination query is not performed"."""
    northbound.sim.reset(tasks=123, quirks=Quirks(unpaged_without_number=True))
    await northbound.login()
    assert len((await northbound.get(OPERATIONS)).json["data"]) == 123
    assert len((await northbound.get(OPERATIONS, pageNo=0)).json["data"]) == 10


# Reading tasks


@pytest.mark.parametrize("path", ["none", "n}one", "none/subOperations"])
async def test_an_unknown_task_does_not_exist(
    northbound: Northbound, path: str
) -> None:
    """Neither it nor its subtasks; a page that cannot be is told first."""
    answer = await northbound.get(f"{OPERATIONS}/{path}")
    assert answer.error == (404, "123009")


async def test_a_page_that_cannot_be_is_told_before_an_unknown_task(
    northbound: Northbound,
) -> None:
    """Parameters before existence."""
    answer = await northbound.get(f"{OPERATIONS}/none/subOperations", pageNo=-1)
    assert answer.error == (400, "123029")


async def test_a_deleted_task_does_not_exist(northbound: Northbound) -> None:
    """The portal can delete one; the API only sees that it is gone."""
    task_id = northbound.sim.add_task(status="processing")
    northbound.sim.delete_task(task_id)
    answer = await northbound.get(f"{OPERATIONS}/{task_id}")
    assert answer.error == (404, "123009")
    northbound.sim.clock.advance(1800)
    assert (await northbound.get(OPERATIONS)).json["totalCount"] == 3


async def test_the_list_holds_whole_tasks_newest_first(northbound: Northbound) -> None:
    """Each as it is told alone."""
    sim = northbound.sim
    new = [sim.add_task() for _ in range(3)]
    rows = await every(northbound, OPERATIONS)
    assert [row["operationId"] for row in rows[:3]] == new[::-1]
    times = [row["createTime"] for row in rows]
    assert times == sorted(times, reverse=True)
    assert rows[0] == await northbound.task(new[-1])


async def test_the_list_may_have_another_order(northbound: Northbound) -> None:
    """None is documented. Without one, the pages still fit together."""
    sim = northbound.sim
    sim.reset(tasks=250)
    await northbound.login()
    newest_first = [row["operationId"] for row in await every(northbound, OPERATIONS)]
    sim.quirks = Quirks(task_order="oldest")
    oldest_first = [row["operationId"] for row in await every(northbound, OPERATIONS)]
    assert oldest_first == newest_first[::-1]
    sim.quirks = Quirks(task_order="unordered")
    anyhow = [row["operationId"] for row in await every(northbound, OPERATIONS)]
    assert anyhow not in (newest_first, oldest_first)
    assert sorted(anyhow) == sorted(newest_first)


async def test_the_list_can_be_filtered(northbound: Northbound) -> None:
    """By kind, status, product and device; the kind's key is `operationType`."""
    sim = northbound.sim
    sim.reset(tasks=40)
    await northbound.login()
    sim.add_task(kind="software", status="processing")
    sim.add_task(kind="firmware")
    tasks = sim.tasks()
    wanted = tasks[7]
    model = wanted.package.model
    for query, expected in (
        ({"operationType": "software_upgrade"}, [t.kind == "software" for t in tasks]),
        ({"operationStatus": "failed"}, [t.status == "failed" for t in tasks]),
        ({"operationStatus": "processing"}, [t.status == "processing" for t in tasks]),
        ({"operationStatus": "wait"}, [t.status == "wait" for t in tasks]),
        (
            {
                "deviceType": model.device_type,
                "model": model.model,
                "manufacturerName": model.manufacturer,
            },
            [t.package.model == model for t in tasks],
        ),
        (
            {"deviceId": wanted.device_ids[0]},
            [wanted.device_ids[0] in t.device_ids for t in tasks],
        ),
        ({"deviceId": "none"}, [False] * len(tasks)),
    ):
        rows = await every(northbound, OPERATIONS, **query)
        assert [row["operationId"] for row in rows] == [
            task.task_id
            for task, fits in zip(tasks[::-1], expected[::-1], strict=True)
            if fits
        ]


@pytest.mark.parametrize(
    "query", [{"operationType": "firmware"}, {"operationStatus": "fail"}]
)
async def test_filters_have_their_own_words(
    northbound: Northbound, query: dict[str, str]
) -> None:
    """`failed` is a task's, `fail` a subtask's."""
    assert (await northbound.get(OPERATIONS, **query)).error == (400, "120015")


async def test_subtasks_have_the_documented_fields(northbound: Northbound) -> None:
    """One per device, with a cause where they failed."""
    sim = northbound.sim
    task_id = sim.add_task(status="processing")
    sim.finish_task(task_id, failed=1, cause="Invalid URI")
    rows = await northbound.subtasks(task_id)
    assert len(rows) == len(sim.task(task_id).device_ids)
    assert len({row["subOperationId"] for row in rows}) == len(rows)
    for row in rows:
        assert set(row) == SUBTASK_KEYS
        assert isinstance(row["extendInfo"], dict)
        assert row["operateType"] == "firmware_upgrade"
    (failed,) = [row for row in rows if row["status"] == "fail"]
    assert failed["detailInfo"] == "Invalid URI"


async def test_subtasks_can_be_filtered_by_status(northbound: Northbound) -> None:
    """With `fail`, where the task's own status is `failed`."""
    sim = northbound.sim
    task_id = sim.add_task(status="failed")
    total = len(sim.task(task_id).device_ids)
    assert (await northbound.task(task_id))["status"] == "failed"
    assert len(await northbound.subtasks(task_id, subOperationStatus="fail")) == 1
    rows = await northbound.subtasks(task_id, subOperationStatus="success")
    assert len(rows) == total - 1
    path = f"{OPERATIONS}/{task_id}/subOperations"
    answer = await northbound.get(path, subOperationStatus="failed")
    assert answer.error == (400, "120015")


def test_the_simulator_serves_ten_thousand_tasks(
    oceanconnect: OceanConnectSimulator,
) -> None:
    """A history of that length is made at once; nobody looks at its subtasks."""
    oceanconnect.reset(devices=1000, groups=8, tasks=10_000)
    tasks = oceanconnect.tasks()
    assert len(tasks) == 10_000
    assert not any("subtasks" in vars(task) for task in tasks)
