"""Creating, changing and deleting device groups, and who is in them."""

from typing import Any

import pytest

from simulator.oceanconnect import OceanConnectSimulator, Quirks
from simulator.oceanconnect.model import Group
from simulator.oceanconnect.northbound.base import OTHER_APPLICATION

from ..northbound import (
    ADD_MEMBERS,
    GROUPS,
    JSON_TYPE,
    MEMBERS,
    REMOVE_MEMBERS,
    Northbound,
)

CHANGED_KEYS = {
    "name",
    "description",
    "id",
    "appId",
    "maxDevNum",
    "curDevNum",
    "deviceIds",
}


@pytest.fixture
def group(oceanconnect: OceanConnectSimulator) -> Group:
    """A group that is there, with more than ten devices in it."""
    return oceanconnect.groups()[0]


@pytest.fixture
def single(oceanconnect: OceanConnectSimulator) -> str:
    """A device that is in no group."""
    members = {one for group in oceanconnect.groups() for one in group.members}
    return next(
        device.device_id
        for device in oceanconnect.devices()
        if device.device_id not in members
    )


# Creating


async def test_a_created_group_is_told_with_its_members(
    northbound: Northbound, single: str
) -> None:
    """It has the documented fields, and can be listed and upgraded from now on."""
    answer = await northbound.post(
        GROUPS,
        {
            "name": "Quay9",
            "description": "The new quay",
            "maxDevNum": 5,
            "deviceIds": [single, single],
        },
    )
    assert answer.status == 200
    assert answer.headers["Content-Type"] == JSON_TYPE
    group = answer.json
    assert set(group) == CHANGED_KEYS
    assert group == {
        "name": "Quay9",
        "description": "The new quay",
        "id": group["id"],
        "appId": northbound.sim.app_id,
        "maxDevNum": 5,
        "curDevNum": 1,
        "deviceIds": [single],
    }
    listed = (await northbound.get(GROUPS, name="Quay9")).json["list"]
    assert [one["id"] for one in listed] == [group["id"]]
    assert (await northbound.get(f"{GROUPS}/{group['id']}")).json["creator"]
    members = await northbound.get(MEMBERS, devGroupId=group["id"])
    assert members.json["deviceIds"] == [single]


async def test_a_created_group_may_be_answered_with_201(northbound: Northbound) -> None:
    """So one sample has it."""
    northbound.sim.quirks = Quirks(group_create_status=201)
    assert (await northbound.post(GROUPS, {"name": "Quay9"})).status == 201


async def test_what_a_group_is_not_given_may_be_null(northbound: Northbound) -> None:
    """As Huawei's Python SDK sends it."""
    unset = ("description", "appId", "maxDevNum", "deviceIds", "id")
    answer = await northbound.post(GROUPS, {"name": "Quay9"} | dict.fromkeys(unset))
    assert answer.status == 200
    group = answer.json
    assert (group["maxDevNum"], group["curDevNum"], group["deviceIds"]) == (0, 0, [])


async def test_a_group_may_be_given_an_id(northbound: Northbound) -> None:
    """But none that another one has."""
    answer = await northbound.post(GROUPS, {"name": "Quay9", "id": "test01d2"})
    assert answer.json["id"] == "test01d2"
    answer = await northbound.post(GROUPS, {"name": "Quay10", "id": "test01d2"})
    assert answer.error == (400, "50400")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="no name"),
        pytest.param({"name": None}, id="null"),
        pytest.param({"name": ""}, id="empty"),
        pytest.param({"name": "x" * 51}, id="too long"),
        pytest.param({"name": "North Gate"}, id="blank"),
        pytest.param({"name": "Süd"}, id="other letters"),
        pytest.param({"name": 7}, id="number"),
        pytest.param({"name": "Quay9", "description": "x" * 1025}, id="description"),
        pytest.param({"name": "Quay9", "maxDevNum": -1}, id="below zero"),
        pytest.param({"name": "Quay9", "maxDevNum": "5"}, id="limit as text"),
        pytest.param({"name": "Quay9", "maxDevNum": True}, id="limit as truth"),
        pytest.param({"name": "Quay9", "deviceIds": ["none"]}, id="unknown device"),
        pytest.param({"name": "Quay9", "deviceIds": "none"}, id="no list"),
        pytest.param({"name": "Quay9", "deviceIds": ["x"] * 1001}, id="1001 devices"),
        pytest.param({"name": "Quay9", "id": "x" * 51}, id="long ID"),
        pytest.param(["Quay9"], id="no object"),
    ],
)
async def test_a_wrong_group_is_not_created(northbound: Northbound, body: Any) -> None:
    """The input is invalid."""
    assert (await northbound.post(GROUPS, body)).error == (400, "50400")
    assert len(northbound.sim.groups()) == 4


async def test_the_longest_values_are_allowed(northbound: Northbound) -> None:
    """50 letters, 1024 characters."""
    body = {"name": "x" * 50, "description": "ü " * 512}
    assert (await northbound.post(GROUPS, body)).json["description"] == "ü " * 512


async def test_a_name_is_used_once(northbound: Northbound, group: Group) -> None:
    """An error with status 200, as the group pages document it."""
    answer = await northbound.post(GROUPS, {"name": group.name})
    assert answer.error == (200, "100602")


async def test_a_group_takes_no_more_devices_than_its_limit(
    northbound: Northbound,
) -> None:
    """Told as too many devices when it is created."""
    device_ids = [device.device_id for device in northbound.sim.devices()[:3]]
    body = {"name": "Quay9", "maxDevNum": 2, "deviceIds": device_ids}
    assert (await northbound.post(GROUPS, body)).error == (400, "100609")


async def test_a_licence_limits_the_number_of_groups(northbound: Northbound) -> None:
    """Whatever it is."""
    northbound.sim.quirks = Quirks(group_limit=5)
    assert (await northbound.post(GROUPS, {"name": "Quay9"})).status == 200
    answer = await northbound.post(GROUPS, {"name": "Quay10"})
    assert answer.error == (200, "100607")


# Changing


async def test_only_what_is_named_changes(northbound: Northbound, group: Group) -> None:
    """Null and absent leave it as it is."""
    path = f"{GROUPS}/{group.group_id}"
    before = (await northbound.get(path)).json
    answer = await northbound.put(path, {"name": "Quay9", "description": None})
    assert answer.status == 200
    assert set(answer.json) == CHANGED_KEYS
    assert answer.json["deviceIds"] == group.members
    assert (await northbound.get(path)).json == before | {"name": "Quay9"}
    await northbound.put(path, {"description": "x", "maxDevNum": 500})
    changed = {"name": "Quay9", "description": "x", "maxDevNum": 500}
    assert (await northbound.get(path)).json == before | changed
    # What Huawei's Java SDK sends beside every name.
    await northbound.put(path, {"name": "Quay10", "maxDevNum": 0})
    assert (await northbound.get(path)).json["maxDevNum"] == 0


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"name": "North Gate"}, (400, "50400")),
        ({"description": "x" * 1025}, (400, "50400")),
        ({"maxDevNum": 1.5}, (400, "50400")),
        ({"maxDevNum": 3}, (200, "100601")),
        ([], (400, "50400")),
    ],
)
async def test_a_wrong_change_is_refused(
    northbound: Northbound, group: Group, body: Any, error: tuple[int, str]
) -> None:
    """A limit below the number of members too; nothing has changed then."""
    path = f"{GROUPS}/{group.group_id}"
    before = (await northbound.get(path)).json
    assert (await northbound.put(path, body)).error == error
    assert (await northbound.get(path)).json == before


async def test_a_group_cannot_take_anothers_name(
    northbound: Northbound, group: Group
) -> None:
    """But keep its own."""
    path = f"{GROUPS}/{group.group_id}"
    other = northbound.sim.groups()[1].name
    assert (await northbound.put(path, {"name": other})).error == (200, "100602")
    assert (await northbound.put(path, {"name": group.name})).status == 200


# Deleting


@pytest.mark.parametrize("status", [200, 204])
async def test_a_deleted_group_is_gone(northbound: Northbound, status: Any) -> None:
    """Its devices stay, and a task that upgrades them goes on."""
    sim = northbound.sim
    sim.quirks = Quirks(group_void_status=status)
    task_id = sim.add_task()
    (name,) = sim.task(task_id).targets.groups or ()
    (group,) = (one for one in sim.groups() if one.name == name)
    path = f"{GROUPS}/{group.group_id}"
    answer = await northbound.delete(path)
    assert (answer.status, answer.body) == (status, b"")
    assert answer.headers["Content-Type"] == JSON_TYPE
    assert (await northbound.get(path)).error == (200, "100603")
    assert (await northbound.delete(path)).error == (200, "100603")
    assert (await northbound.put(path, {"name": "x"})).error == (200, "100603")
    assert group.members[0] in sim.platform.devices
    sim.clock.advance(1800)
    assert (await northbound.task(task_id))["status"] in ("success", "failed")


async def test_a_deleted_group_cannot_be_upgraded(northbound: Northbound) -> None:
    """A task for its name is refused."""
    order = northbound.order()
    (name,) = order["targets"]["deviceGroups"]
    (group,) = (one for one in northbound.sim.groups() if one.name == name)
    await northbound.delete(f"{GROUPS}/{group.group_id}")
    answer = await northbound.create(targets=order["targets"])
    assert answer.error == (404, "123002")


# Members


async def test_devices_join_a_group(
    northbound: Northbound, group: Group, single: str
) -> None:
    """The answer echoes them; one that is in it already does no harm."""
    before = list(group.members)
    body = {
        "devGroupId": group.group_id,
        "deviceIds": [before[0], single],
        "accessAppId": None,
    }
    answer = await northbound.post(ADD_MEMBERS, body)
    assert answer.status == 200
    assert answer.json == {
        "devGroupId": group.group_id,
        "deviceIds": [before[0], single],
    }
    path = f"{GROUPS}/{group.group_id}"
    assert (await northbound.get(path)).json["curDevNum"] == len(before) + 1
    assert group.members == [*before, single]


@pytest.mark.parametrize("status", [200, 204])
async def test_devices_leave_a_group(
    northbound: Northbound, group: Group, single: str, status: Any
) -> None:
    """The answer is empty; one that is not in it does no harm."""
    northbound.sim.quirks = Quirks(group_void_status=status)
    first, *rest = group.members
    body = {"devGroupId": group.group_id, "deviceIds": [first, single]}
    answer = await northbound.post(REMOVE_MEMBERS, body)
    assert (answer.status, answer.body) == (status, b"")
    assert group.members == rest


@pytest.mark.parametrize("path", [ADD_MEMBERS, REMOVE_MEMBERS])
@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"deviceIds": ["x"]}, (400, "50400")),
        ({"devGroupId": 7, "deviceIds": ["x"]}, (400, "50400")),
        ({"devGroupId": "none", "deviceIds": ["x"]}, (200, "100603")),
        ({"devGroupId": "one"}, (400, "100604")),
        ({"devGroupId": "one", "deviceIds": []}, (400, "100604")),
        ({"devGroupId": "one", "deviceIds": [""]}, (400, "100604")),
        ({"devGroupId": "one", "deviceIds": ["none"]}, (400, "100604")),
        ({"devGroupId": "one", "deviceIds": "none"}, (400, "50400")),
        ({"devGroupId": "one", "deviceIds": ["x"] * 1001}, (400, "50400")),
    ],
)
async def test_wrong_members_are_refused(
    northbound: Northbound, path: str, body: Any, error: tuple[int, str]
) -> None:
    """No group, an unknown one, no device, an unknown one, too many."""
    await northbound.post(GROUPS, {"name": "Quay9", "id": "one"})
    assert (await northbound.post(path, body)).error == error


async def test_a_full_group_takes_no_more_members(
    northbound: Northbound, group: Group, single: str
) -> None:
    """Not even some of them."""
    path = f"{GROUPS}/{group.group_id}"
    await northbound.put(path, {"maxDevNum": len(group.members)})
    body = {"devGroupId": group.group_id, "deviceIds": [single]}
    assert (await northbound.post(ADD_MEMBERS, body)).error == (200, "100601")
    await northbound.put(path, {"maxDevNum": len(group.members) + 1})
    assert (await northbound.post(ADD_MEMBERS, body)).status == 200


async def test_a_device_may_be_in_several_groups_or_in_one(
    northbound: Northbound, group: Group
) -> None:
    """The documents' two editions disagree."""
    sim = northbound.sim
    taken = sim.groups()[1].members[0]
    body = {"devGroupId": group.group_id, "deviceIds": [taken, group.members[0]]}
    sim.quirks = Quirks(one_group_per_device=True)
    assert (await northbound.post(ADD_MEMBERS, body)).error == (400, "100604")
    new = {"name": "Quay9", "deviceIds": [taken]}
    assert (await northbound.post(GROUPS, new)).error == (400, "50400")
    sim.quirks = Quirks()
    assert (await northbound.post(ADD_MEMBERS, body)).status == 200
    assert (await northbound.post(GROUPS, new)).status == 200


# Applications


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", f"{GROUPS}/none"),
        ("DELETE", f"{GROUPS}/none"),
        ("POST", ADD_MEMBERS),
        ("POST", REMOVE_MEMBERS),
    ],
)
async def test_foreign_applications_change_no_groups(
    northbound: Northbound, method: str, path: str
) -> None:
    """Named in the query, as in the group pages, with status 200."""
    for app_id, code in (("none", "100203"), (OTHER_APPLICATION, "100217")):
        query = {"accessAppId": app_id}
        answer = await northbound.call(method, path, params=query, json={})
        assert answer.error == (200, code)


async def test_a_group_is_not_created_for_a_foreign_application(
    northbound: Northbound,
) -> None:
    """Named in the body; the own one may be named."""
    for app_id, code in (("none", "100203"), (OTHER_APPLICATION, "100217")):
        answer = await northbound.post(GROUPS, {"name": "Quay9", "appId": app_id})
        assert answer.error == (200, code)
    own = {"name": "Quay9", "appId": northbound.sim.app_id}
    assert (await northbound.post(GROUPS, own)).status == 200
