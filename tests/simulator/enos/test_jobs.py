"""OTA jobs and OTA tasks over the wire."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from simulator.enos.model import Task

from .caller import JOBS, Caller

TASK_FIELDS = {
    "taskId",
    "orgId",
    "assetId",
    "productKey",
    "deviceKey",
    "jobId",
    "fromVersion",
    "toVersion",
    "progress",
    "desc",
    "status",
    "updateTime",
}


async def created(caller: Caller, **body: Any) -> str:
    """Create a job and return its ID."""
    return str((await caller.create(**body)).data["jobId"])


async def test_a_job_is_created_started(caller: Caller) -> None:
    """With all that was asked for, and null for what was not."""
    order = caller.order()
    job_id = await created(caller, name={"defaultValue": "Autumn", "i18nValue": {}})
    firmware = caller.sim.firmware(verified=True)[0]
    job = await caller.job(job_id)
    schedule = job.pop("schedulePolicy")
    assert schedule["isRepeatDaily"] is True
    assert schedule["endTimestamp"] - schedule["startTimestamp"] == 86_399_000
    assert abs(job.pop("createTime") / 1000 - caller.sim.clock.now()) < 5
    scope = dict.fromkeys(
        (
            "versionNumbers",
            "productKey",
            "deviceKeys",
            "attributes",
            "tags",
            "assetTrees",
            "assetIds",
        )
    )
    assert job == {
        "orgId": caller.sim.org_id,
        "productKey": firmware.product_key,
        "jobId": job_id,
        "name": {"defaultValue": "Autumn", "i18nValue": {}},
        "firmwareId": firmware.firmware_id,
        "firmwareVersion": firmware.version,
        "firmwareName": {
            "defaultValue": firmware.name.default,
            "i18nValue": firmware.name.translated,
        },
        "type": "upgrade",
        "enableUpgradeRequest": False,
        "upgradePolicy": "snapshot",
        "upgradeScope": scope | order["upgradeScope"],
        "upgradeTimeout": 7200,
        "retryPolicy": {
            "enableRetry": False,
            "retryInterval": None,
            "retryCount": None,
        },
        "maximumConcurrency": 300,
        "status": "started",
    }


async def test_a_deployment_may_create_jobs_stopped(caller: Caller) -> None:
    """Then nothing moves before somebody starts them."""
    caller.sim.quirks = replace(caller.sim.quirks, created_as="stopped")
    job_id = await created(caller)
    caller.sim.clock.work(1500)
    assert {task.status for task in caller.sim.tasks(job_id)} == {"init"}
    assert (await caller.call(JOBS, "start", jobId=job_id)).data is None
    caller.sim.clock.work(1500)
    assert {task.status for task in caller.sim.tasks(job_id)} == {"succeeded"}


async def test_jobs_are_found_newest_first(caller: Caller) -> None:
    """With the total, page by page; ten a page where no size is asked for."""
    sim = caller.sim
    for index in range(12):
        sim.add_job(name=f"Round {index}", devices=[])
    answer = await caller.call(JOBS, "search")
    assert answer.json["pagination"] == {
        "sortedBy": None,
        "pageNo": 1,
        "pageSize": 10,
        "totalSize": 15,
    }
    times = [job["createTime"] for job in answer.data]
    assert len(times) == 10
    assert times == sorted(times, reverse=True)
    second = await caller.call(
        JOBS, "search", {"pagination": {"pageNo": "2", "pageSize": "12"}}
    )
    assert len(second.data) == 3
    beyond = await caller.call(JOBS, "search", {"pagination": {"pageNo": 9}})
    assert (beyond.data, beyond.total) == ([], 15)


async def test_jobs_are_found_by_what_they_are(caller: Caller) -> None:
    """With the fields and operators that the page names."""
    sim = caller.sim
    firmware = sim.firmware(verified=True)[0]
    mine = sim.add_job(name="Harbour, autumn", stopped=True)
    for expression in (
        f"firmwareId = '{firmware.firmware_id}' and status = 'stopped'",
        f"firmwareVersion in ('{firmware.version}') and "
        f"productKey = '{firmware.product_key}'",
        "name like 'autumn'",
        "name.defaultValue like 'Harbour'",
        "type='upgrade' and firmwareName like '2.0'",
    ):
        answer = await caller.call(JOBS, "search", {"expression": expression})
        assert [job["jobId"] for job in answer.data] == [mine], expression
    answer = await caller.call(JOBS, "search", {"expression": "jobId = 'x'"})
    assert answer.code == 99400


async def test_a_task_has_its_fields(caller: Caller) -> None:
    """One for each device, with the versions and how far it is."""
    job_id = await created(caller)
    caller.sim.clock.work(20)
    task: Task = caller.sim.tasks(job_id)[0]
    answer = await caller.tasks(
        f"jobId = '{job_id}' and deviceKey = '{task.device_key}'"
    )
    (row,) = answer.data
    assert set(row) == TASK_FIELDS
    assert row["fromVersion"] == task.from_version
    assert row["toVersion"] == "2.0"
    assert row["status"] == "upgrading"
    assert 0 < row["progress"] < 100
    assert abs(row["updateTime"] / 1000 - caller.sim.clock.now()) < 5


async def test_tasks_of_several_jobs_are_found_together(caller: Caller) -> None:
    """By job, status, version or reason."""
    sim = caller.sim
    old, new = (job.job_id for job in sim.jobs()[:2])
    both = len(sim.tasks(old)) + len(sim.tasks(new))
    answer = await caller.tasks(f"jobId in ('{old}', '{new}')", pageSize=200)
    assert answer.total == len(answer.data) == both
    failed = await caller.tasks(f"jobId in ('{old}','{new}') and status = 'failed'")
    assert 0 < failed.total < 3
    for row in failed.data:
        assert row["progress"] < 0
        named = await caller.tasks(f"desc = '{row['desc']}'")
        assert row in named.data
    finished = await caller.tasks("desc in ('upgrading firmware finished')", pageSize=1)
    assert len(finished.data) == 1
    assert finished.total > both / 2


async def test_tasks_come_in_no_certain_order(caller: Caller) -> None:
    """What moved last comes first, or the order is another one in each answer."""
    job_id = await created(caller)

    async def keys() -> list[str]:
        rows = (await caller.tasks(f"jobId = '{job_id}'", pageSize=200)).data
        return [row["deviceKey"] for row in rows]

    caller.sim.quirks = replace(caller.sim.quirks, task_order="created")
    in_order = [task.device_key for task in caller.sim.tasks(job_id)]
    assert await keys() == in_order
    caller.sim.quirks = replace(caller.sim.quirks, task_order="unordered")
    assert await keys() != in_order
    assert sorted(await keys()) == sorted(in_order)
    caller.sim.quirks = replace(caller.sim.quirks, task_order="updated")
    caller.sim.clock.advance(1)
    last = {"deviceKeys": in_order[-1:]}
    assert (await caller.call(JOBS, "cancelTask", last, jobId=job_id)).code == 0
    assert await keys() == [in_order[-1], *in_order[:-1]]


async def test_a_search_may_come_without_pagination(caller: Caller) -> None:
    """Which is not documented for these."""
    caller.sim.quirks = replace(caller.sim.quirks, ota_pagination=False)
    for action in ("search", "searchTask"):
        assert "pagination" not in (await caller.call(JOBS, action)).json


@pytest.mark.parametrize(
    "pagination",
    [
        {"pageNo": 0},
        {"pageSize": 0},
        {"pageSize": 201},
        {"pageNo": "x"},
        {"pageSize": 1.5},
        {"pageSize": True},
        [],
    ],
)
async def test_a_page_has_its_limits(caller: Caller, pagination: object) -> None:
    """Beyond them is an invalid argument."""
    answer = await caller.call(JOBS, "searchTask", {"pagination": pagination})
    assert answer.code == 99400


async def test_an_expression_is_text(caller: Caller) -> None:
    """Of the query language."""
    assert (await caller.call(JOBS, "search", {"expression": 5})).code == 99400
    assert (await caller.tasks("jobId like 'a'")).code == 99400


async def test_a_job_is_started_and_stopped_once(caller: Caller) -> None:
    """What it is already is refused, and a running one is not deleted."""
    job_id = await created(caller)
    codes = [
        (await caller.call(JOBS, action, jobId=job_id)).code
        for action in (
            *("start", "delete", "stop", "stop"),
            *("start", "start", "stop", "delete"),
            "get",
        )
    ]
    assert codes == [24615, 24618, 0, 24616, 0, 24615, 0, 0, 24404]
    assert (await caller.tasks(f"jobId = '{job_id}'")).total == 0


@pytest.mark.parametrize(
    "action", ["get", "start", "stop", "delete", "cancelTask", "retryTask"]
)
async def test_a_job_that_is_not_there_is_not_found(
    caller: Caller, action: str
) -> None:
    """And one that is not named is an invalid argument."""
    answer = await caller.call(JOBS, action, {"deviceKeys": ["x"]}, jobId="x")
    assert (answer.code, answer.json["msg"]) == (24404, "Job not found")
    answer = await caller.call(JOBS, action, {"deviceKeys": ["x"]})
    assert answer.json["msg"] == "Invalid Argument jobId:jobId is missing"


async def test_tasks_are_cancelled_before_they_begin(caller: Caller) -> None:
    """They fail by that, and can be tried again."""
    job_id = await created(caller)
    keys = [task.device_key for task in caller.sim.tasks(job_id)][:2]
    body = {"deviceKeys": keys}
    assert (await caller.call(JOBS, "retryTask", body, jobId=job_id)).code == 24621
    assert (await caller.call(JOBS, "cancelTask", body, jobId=job_id)).data is None
    cancelled = await caller.tasks("desc = 'Cancelled by user'")
    assert {row["deviceKey"] for row in cancelled.data} == set(keys)
    assert {row["status"] for row in cancelled.data} == {"failed"}
    assert (await caller.call(JOBS, "cancelTask", body, jobId=job_id)).code == 24620
    assert (await caller.call(JOBS, "retryTask", body, jobId=job_id)).data is None
    assert (await caller.tasks("desc = 'Cancelled by user'")).total == 0
    caller.sim.clock.work(1500)
    assert {task.status for task in caller.sim.tasks(job_id)} == {"succeeded"}


async def test_a_list_is_done_as_a_whole_or_not_at_all(caller: Caller) -> None:
    """Unless this deployment does the part that can be done."""
    job_id = await created(caller)
    first, second = [task.device_key for task in caller.sim.tasks(job_id)][:2]
    one, both = {"deviceKeys": [first]}, {"deviceKeys": [first, second]}
    assert (await caller.call(JOBS, "cancelTask", one, jobId=job_id)).code == 0
    assert (await caller.call(JOBS, "cancelTask", both, jobId=job_id)).code == 24620
    assert caller.sim.tasks(job_id)[1].status == "init"
    caller.sim.quirks = replace(caller.sim.quirks, mixed_lists="some")
    assert (await caller.call(JOBS, "cancelTask", both, jobId=job_id)).code == 0
    assert caller.sim.tasks(job_id)[1].status == "failed"
    assert (await caller.call(JOBS, "cancelTask", both, jobId=job_id)).code == 24620


@pytest.mark.parametrize("action", ["cancelTask", "retryTask"])
async def test_tasks_of_a_stopped_job_are_left_alone(
    caller: Caller, action: str
) -> None:
    """And so are those of devices that are not in it, or not named."""
    job_id = await created(caller)
    key = caller.sim.tasks(job_id)[0].device_key

    async def code(body: object) -> int:
        return (await caller.call(JOBS, action, body, jobId=job_id)).code

    wrong: list[dict[str, object]]
    wrong = [{}, {"deviceKeys": []}, {"deviceKeys": "x"}, {"deviceKeys": [1]}]
    for body in wrong:
        assert await code(body) == 99400
    assert await code({"deviceKeys": [key, "nobody"]}) == 99404
    caller.sim.stop_job(job_id)
    assert await code({"deviceKeys": [key]}) == 24617


async def test_what_was_written_is_found_after_a_lag(caller: Caller) -> None:
    """A job is there at once; searches find it, and its tasks, a moment later."""
    caller.sim.reset(index_lag=2.0)
    await caller.signed_in()
    caller.sim.clock.freeze(datetime(2026, 12, 1, tzinfo=UTC))
    await caller.signed_in()
    job_id = await created(caller)

    async def seen() -> tuple[int, int]:
        jobs = (await caller.call(JOBS, "search")).data
        tasks = await caller.tasks(f"jobId = '{job_id}' and status = 'init'")
        return sum(job["jobId"] == job_id for job in jobs), tasks.total

    assert (await caller.job(job_id))["status"] == "started"
    assert await seen() == (0, 0)
    caller.sim.clock.advance(1.9)
    assert await seen() == (0, 0)
    caller.sim.clock.advance(0.2)
    count = len(caller.sim.tasks(job_id))
    assert await seen() == (1, count)
    caller.sim.clock.work(1500)
    assert await seen() == (1, count)
    caller.sim.clock.advance(2)
    assert await seen() == (1, 0)
    caller.sim.delete_job(job_id)
    assert await seen() == (1, 0)
    caller.sim.clock.advance(2)
    assert await seen() == (0, 0)


async def test_times_are_milliseconds(caller: Caller) -> None:
    """Of the platform's own clock."""
    created_at = datetime(2025, 5, 5, tzinfo=UTC)
    job_id = caller.sim.add_job(created=created_at, devices=[])
    assert (await caller.job(job_id))["createTime"] == created_at.timestamp() * 1000
    later = caller.sim.clock.moment() - created_at
    assert later > timedelta(days=1)
