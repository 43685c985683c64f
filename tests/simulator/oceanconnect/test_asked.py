"""Orders for upgrade tasks: what is made of a good one, and how a bad one is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from simulator.oceanconnect import Quirks

from ..northbound import OPERATIONS, Northbound

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


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
