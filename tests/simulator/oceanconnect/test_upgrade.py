"""Packages, upgrade tasks and subtasks on the wire."""

from datetime import UTC, datetime, timedelta
import json
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


# Creating tasks


async def test_a_created_task_is_told_as_it_was_asked_for(
    northbound: Northbound,
) -> None:
    """The answer to a create call holds its ID and nothing else."""
    northbound.sim.clock.freeze(NOON)
    await northbound.login()
    order = northbound.order("software")
    answer = await northbound.create("software")
    assert answer.status == 200
    assert set(answer.json) == {"operationId"}
    task = await northbound.task(answer.json["operationId"])
    total = task["staResult"]["total"]
    assert total > 0
    assert task == {
        "operationId": answer.json["operationId"],
        "createTime": "20261201T120000Z",
        "startTime": None,
        "stopTime": None,
        "operateType": "software_upgrade",
        "targets": order["targets"] | {"devices": None},
        "policy": {
            "executeType": "now",
            "startTime": None,
            "endTime": None,
            "retryType": False,
            "retryTimes": None,
        },
        "status": "wait",
        "staResult": {
            "total": total,
            "wait": total,
            "processing": 0,
            "success": 0,
            "fail": 0,
            "stop": 0,
            "timeout": 0,
        },
        "extendPara": {"fileVersion": "1.6.0"},
    }


@pytest.mark.parametrize("policy", [{"policy": None}, {}])
async def test_a_policy_may_be_null_or_absent(
    northbound: Northbound, policy: dict[str, None]
) -> None:
    """Then the task runs now and is not retried; nulls elsewhere are absent, too."""
    order = northbound.order()
    targets = order["targets"] | {"devices": None}
    answer = await northbound.post(
        f"{OPERATIONS}/firmwareUpgrade",
        {"fileId": order["fileId"], "targets": targets} | policy,
    )
    assert answer.status == 200
    task = await northbound.task(answer.json["operationId"])
    assert (task["policy"]["executeType"], task["policy"]["retryType"]) == (
        "now",
        False,
    )


async def test_devices_are_a_target_too(northbound: Northbound) -> None:
    """One named twice counts once; the product need not be said."""
    package = northbound.sim.packages("firmware")[0]
    ids = [device.device_id for device in northbound.sim.devices(package)[:3]]
    answer = await northbound.create(
        fileId=package.file_id, targets={"devices": [*ids, ids[0]]}
    )
    task = await northbound.task(answer.json["operationId"])
    assert task["staResult"]["total"] == 3
    assert task["targets"]["deviceGroups"] is None
    rows = await northbound.subtasks(answer.json["operationId"])
    assert [row["deviceId"] for row in rows] == ids


async def test_a_group_means_its_members_of_the_product_at_that_moment(
    northbound: Northbound,
) -> None:
    """Members of other products, and those that join later, are not upgraded."""
    sim = northbound.sim
    order = northbound.order()
    package = sim.packages("firmware")[0]
    (name,) = order["targets"]["deviceGroups"]
    group = next(group for group in sim.groups() if group.name == name)
    fitting = [
        device.device_id
        for device in sim.devices(package)
        if device.device_id in group.members
    ]
    assert 0 < len(fitting) < len(group.members)
    answer = await northbound.create()
    group.members.append(
        next(
            device.device_id
            for device in sim.devices(package)
            if device.device_id not in group.members
        )
    )
    rows = await northbound.subtasks(answer.json["operationId"])
    assert {row["deviceId"] for row in rows} == set(fitting)


async def test_groups_may_also_be_meant_by_their_ids(northbound: Northbound) -> None:
    """The documents speak of names; whether IDs work is not said."""
    sim = northbound.sim
    order = northbound.order()
    (name,) = order["targets"]["deviceGroups"]
    group = next(group for group in sim.groups() if group.name == name)
    targets = order["targets"] | {"deviceGroups": [group.group_id]}
    assert (await northbound.create(targets=targets)).error == (404, "123002")
    sim.quirks = Quirks(group_ids_as_targets=True)
    assert (await northbound.create(targets=targets)).status == 200
    assert (await northbound.create()).status == 200


def targets_of(northbound: Northbound, **changes: Any) -> dict[str, Any]:
    """Return good group targets, with changes."""
    targets = northbound.order()["targets"] | changes
    return {key: value for key, value in targets.items() if value is not ...}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"fileId": None}, (400, "120015")),
        ({"fileId": ""}, (400, "120015")),
        ({"fileId": 7}, (400, "120015")),
        ({"fileId": "none"}, (404, "123002")),
        ({"targets": "all"}, (400, "120015")),
        ({"targets": None}, (400, "123022")),
        ({"targets": {}}, (400, "123022")),
        ({"targets": {"devices": [], "deviceGroups": []}}, (400, "123022")),
        ({"targets": {"devices": "one"}}, (400, "120015")),
        ({"targets": {"devices": [1]}}, (400, "120015")),
        ({"targets": {"devices": ["none"]}}, (404, "123002")),
        ({"targets": {"devices": ["x"] * 257}}, (400, "123024")),
        ({"policy": "now"}, (400, "120015")),
        ({"policy": {}}, (400, "123025")),
        ({"policy": {"executeType": None}}, (400, "123025")),
        ({"policy": {"executeType": "later"}}, (400, "123025")),
        ({"policy": {"executeType": 1}}, (400, "123025")),
        ({"policy": {"executeType": ["now"]}}, (400, "123025")),
        ({"policy": {"executeType": "now", "retryType": "yes"}}, (400, "120015")),
        ({"policy": {"executeType": "now", "retryType": True}}, (400, "123028")),
    ],
)
async def test_a_wrong_order_is_refused(
    northbound: Northbound, changes: dict[str, Any], error: tuple[int, str]
) -> None:
    """With the documented code of its fault, and without making a task."""
    before = len(northbound.sim.tasks())
    assert (await northbound.create(**changes)).error == error
    assert len(northbound.sim.tasks()) == before


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"devices": ["x"]}, (400, "123023")),
        ({"deviceGroups": ["x"] * 257}, (400, "123024")),
        ({"deviceGroups": ["none"]}, (404, "123002")),
        ({"manufacturerName": ...}, (400, "123019")),
        ({"manufacturerName": ""}, (400, "123019")),
        ({"deviceType": None}, (400, "123020")),
        ({"model": ...}, (400, "123021")),
        ({"model": 4}, (400, "120015")),
        ({"model": "other"}, (400, "123016")),
        ({"deviceType": "other"}, (400, "123016")),
        ({"manufacturerName": "other"}, (400, "123016")),
    ],
)
async def test_wrong_group_targets_are_refused(
    northbound: Northbound, changes: dict[str, Any], error: tuple[int, str]
) -> None:
    """The product is required with groups, and has to be the package's."""
    answer = await northbound.create(targets=targets_of(northbound, **changes))
    assert answer.error == error


async def test_256_targets_are_allowed(northbound: Northbound) -> None:
    """The limit itself is not beyond it."""
    northbound.sim.reset(devices=2000)
    await northbound.login()
    package = northbound.sim.packages("firmware")[0]
    ids = [device.device_id for device in northbound.sim.devices(package)]
    answer = await northbound.create(
        fileId=package.file_id, targets={"devices": ids[:256]}
    )
    assert answer.status == 200
    answer = await northbound.create(
        fileId=package.file_id, targets={"devices": ids[:257]}
    )
    assert answer.error == (400, "123024")


async def test_a_package_must_match_its_devices(northbound: Northbound) -> None:
    """Devices of another product, a group without any, a package of the other kind."""
    sim = northbound.sim
    package = sim.packages("firmware")[0]
    other = next(device for device in sim.devices() if device.model != package.model)
    answer = await northbound.create(targets={"devices": [other.device_id]})
    assert answer.error == (400, "123016")
    group = sim.groups()[0]
    group.members[:] = [other.device_id]
    answer = await northbound.create(
        targets=targets_of(northbound, deviceGroups=[group.name])
    )
    assert answer.error == (400, "123016")
    software = sim.packages("software")[0].file_id
    assert (await northbound.create(fileId=software)).error == (400, "123016")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"text"'])
async def test_a_body_must_be_a_json_object(
    northbound: Northbound, body: bytes
) -> None:
    """Anything else is a bad request."""
    answer = await northbound.call("POST", f"{OPERATIONS}/softwareUpgrade", data=body)
    assert answer.error == (400, "120015")


async def test_a_deployment_may_take_a_policy_without_its_type(
    northbound: Northbound,
) -> None:
    """The documents call the type mandatory and give it a default."""
    northbound.sim.quirks = Quirks(execute_type_required=False)
    answer = await northbound.create(policy={"retryType": True, "retryTimes": 2})
    task = await northbound.task(answer.json["operationId"])
    assert task["policy"]["executeType"] == "now"
    assert (task["policy"]["retryType"], task["policy"]["retryTimes"]) == (True, 2)


@pytest.mark.parametrize(
    ("times", "allowed"),
    [(0, False), (1, True), (5, True), (6, False), ("3", False), (True, False)],
)
async def test_retries_are_from_one_to_five(
    northbound: Northbound, times: Any, allowed: bool
) -> None:
    """Beyond that it is 123028, but only where retries are asked for."""
    policy = {"executeType": "now", "retryTimes": times}
    answer = await northbound.create(policy=policy | {"retryType": True})
    assert answer.status == 200 if allowed else answer.error == (400, "123028")
    assert (await northbound.create(policy=policy)).status == 200


@pytest.mark.parametrize(
    ("start", "end", "error"),
    [
        (None, "20261201T130000Z", "123026"),
        ("20261201T120000Z", None, "123026"),
        ("2026-12-01T12:00:00Z", "20261201T130000Z", "123026"),
        ("20261201T120000+0000", "20261201T130000Z", "123026"),
        (1796126400, "20261201T130000Z", "123026"),
        ("20261201T130001Z", "20261201T130000Z", "123032"),
        ("20261201T115959Z", "20261201T130000Z", "123033"),
        ("20261201T130000Z", "20261201T130000Z", "123034"),
        ("20261201T130000Z", "20261201T130500Z", "123034"),
        ("20261201T120000Z", "20261201T120501Z", None),
    ],
)
async def test_a_window_has_rules(
    northbound: Northbound, start: Any, end: Any, error: str | None
) -> None:
    """It lies ahead, and is longer than five minutes; times are UTC."""
    # In the middle of the second: the wire cannot say the present more exactly.
    northbound.sim.clock.freeze(NOON + timedelta(milliseconds=600))
    await northbound.login()
    policy = {"executeType": "custom", "startTime": start, "endTime": end}
    answer = await northbound.create(policy=policy)
    if error:
        assert answer.error == (400, error)
        return
    task = await northbound.task(answer.json["operationId"])
    assert (task["policy"]["startTime"], task["policy"]["endTime"]) == (start, end)


async def test_times_mean_nothing_without_a_window(northbound: Northbound) -> None:
    """They are neither checked nor kept."""
    policy = {"executeType": "device_online", "startTime": "never"}
    answer = await northbound.create(policy=policy)
    task = await northbound.task(answer.json["operationId"])
    assert task["policy"]["executeType"] == "device_online"
    assert task["policy"]["startTime"] is None


# Reading tasks


@pytest.mark.parametrize("path", ["none", "none/subOperations"])
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


# Quirks


async def test_the_total_of_the_task_list_may_have_the_java_sdks_name(
    northbound: Northbound,
) -> None:
    """Only that list's."""
    northbound.sim.quirks = Quirks(task_total="totalSize")
    page = (await northbound.get(OPERATIONS)).json
    assert page["totalSize"] == 3
    assert "totalCount" not in page
    assert "totalCount" in (await northbound.get(CATEGORY)).json


async def test_counts_may_be_texts(northbound: Northbound) -> None:
    """All of a task's counters."""
    northbound.sim.quirks = Quirks(counts_as_text=True)
    task = (await northbound.get(OPERATIONS)).json["data"][0]
    assert task["staResult"]["total"].isdigit()
    assert all(isinstance(count, str) for count in task["staResult"].values())


async def test_unset_fields_may_be_absent(northbound: Northbound) -> None:
    """On every floor of an object."""
    task_id = northbound.sim.add_task(status="processing")
    northbound.sim.quirks = Quirks(unset="absent")
    answer = await northbound.get(f"{OPERATIONS}/{task_id}")
    assert b"null" not in answer.body
    assert "stopTime" not in answer.json
    assert "devices" not in answer.json["targets"]


@pytest.mark.parametrize(
    ("shape", "value"),
    [
        ("object", {"fileVersion": "V2.0.0"}),
        ("text", json.dumps({"fileVersion": "V2.0.0"}, separators=(",", ":"))),
        ("null", None),
    ],
)
async def test_extend_para_may_have_other_types(
    northbound: Northbound, shape: Any, value: Any
) -> None:
    """The documents say a JSON string, the Java SDK needs an object."""
    sim = northbound.sim
    sim.quirks = Quirks(extend_para=shape)
    task_id = sim.add_task(package=sim.packages("firmware")[0])
    assert (await northbound.task(task_id))["extendPara"] == value


async def test_timeouts_stand_inside_or_beside_the_failed(
    northbound: Northbound,
) -> None:
    """Beside them, the counters differ from the total by the timeouts."""
    sim = northbound.sim
    task_id = sim.add_task(status="failed")
    sim.set_task(task_id, counts={"success": 4, "fail": 3}, timeouts=2)
    counts = (await northbound.task(task_id))["staResult"]
    assert (counts["total"], counts["fail"], counts["timeout"]) == (7, 3, 2)
    sim.quirks = Quirks(timeouts="beside")
    counts = (await northbound.task(task_id))["staResult"]
    assert (counts["total"], counts["fail"], counts["timeout"]) == (7, 1, 2)


def test_the_simulator_serves_ten_thousand_tasks(
    oceanconnect: OceanConnectSimulator,
) -> None:
    """A history of that length is made at once; nobody looks at its subtasks."""
    oceanconnect.reset(devices=1000, groups=8, tasks=10_000)
    tasks = oceanconnect.tasks()
    assert len(tasks) == 10_000
    assert not any("subtasks" in vars(task) for task in tasks)
