"""Device groups and their members on the wire."""

from typing import Any

import pytest

from simulator.oceanconnect import Quirks
from simulator.oceanconnect.northbound.base import OTHER_APPLICATION

from ..northbound import GROUPS, MEMBERS, Northbound


async def test_the_group_list_shows_one_unless_asked_for_more(
    northbound: Northbound,
) -> None:
    """Its documented default page size is 1, and its key is `list`."""
    page = (await northbound.get(GROUPS)).json
    assert (page["pageNo"], page["pageSize"], page["totalCount"]) == (0, 1, 4)
    assert len(page["list"]) == 1
    assert "data" not in page
    page = (await northbound.get(GROUPS, pageSize=500)).json
    assert len(page["list"]) == 4
    second = (await northbound.get(GROUPS, pageNo=1, pageSize=3)).json
    assert second["list"] == page["list"][3:]


async def test_a_deployment_may_have_another_default_page(
    northbound: Northbound,
) -> None:
    """As one edition of the documents has it."""
    northbound.sim.quirks = Quirks(group_page_size=10)
    assert len((await northbound.get(GROUPS)).json["list"]) == 4


async def test_a_group_has_the_documented_fields(northbound: Northbound) -> None:
    """The same alone and in the list."""
    group = (await northbound.get(GROUPS)).json["list"][0]
    assert set(group) == {
        "id",
        "name",
        "description",
        "appId",
        "maxDevNum",
        "curDevNum",
        "creator",
    }
    assert group["appId"] == northbound.sim.app_id
    assert (await northbound.get(f"{GROUPS}/{group['id']}")).json == group


async def test_groups_can_be_found_by_name(northbound: Northbound) -> None:
    """The whole name."""
    wanted = northbound.sim.groups()[2]
    page = (await northbound.get(GROUPS, name=wanted.name)).json
    assert [group["id"] for group in page["list"]] == [wanted.group_id]
    assert (await northbound.get(GROUPS, name="Nowhere")).json["totalCount"] == 0


@pytest.mark.parametrize(
    "query", [{"pageNo": -1}, {"pageSize": 501}, {"pageSize": "x"}]
)
async def test_group_pages_have_limits(northbound: Northbound, query: Any) -> None:
    """The input is invalid beyond them."""
    assert (await northbound.get(GROUPS, **query)).error == (400, "50400")


async def test_an_unknown_group_is_an_error_with_status_200(
    northbound: Northbound,
) -> None:
    """So the group pages document it."""
    assert (await northbound.get(f"{GROUPS}/none")).error == (200, "100603")


async def test_members_are_ids_only(northbound: Northbound) -> None:
    """Page by page, all of them and each once."""
    group = northbound.sim.groups()[0]
    page = (await northbound.get(MEMBERS, devGroupId=group.group_id)).json
    assert set(page) == {"totalCount", "pageNo", "pageSize", "deviceIds"}
    assert (page["pageNo"], page["pageSize"]) == (0, 10)
    assert page["totalCount"] == len(group.members) > 10
    second = (await northbound.get(MEMBERS, devGroupId=group.group_id, pageNo=1)).json
    assert page["deviceIds"] + second["deviceIds"] == group.members[:20]


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({}, (400, "107001")),
        ({"devGroupId": "none"}, (400, "107002")),
        ({"devGroupId": "none", "pageSize": 1001}, (400, "50400")),
    ],
)
async def test_members_of_no_group_are_refused(
    northbound: Northbound, query: Any, error: tuple[int, str]
) -> None:
    """No group, one that does not exist, a page that cannot be."""
    assert (await northbound.get(MEMBERS, **query)).error == error


@pytest.mark.parametrize(
    ("path", "key", "status"),
    [
        (GROUPS, "accessAppId", 200),
        (f"{GROUPS}/none", "accessAppId", 200),
        (MEMBERS, "accessAppId", 403),
        (MEMBERS, "appId", 403),
    ],
)
async def test_foreign_applications_show_no_groups(
    northbound: Northbound, path: str, key: str, status: int
) -> None:
    """One that does not exist, and one that has given no leave."""
    answer = await northbound.get(path, **{key: "none"})
    assert answer.error == (status, "100203")
    answer = await northbound.get(path, **{key: OTHER_APPLICATION})
    assert answer.error == (status, "100217")


async def test_the_own_application_may_be_named(northbound: Northbound) -> None:
    """It makes no difference."""
    answer = await northbound.get(GROUPS, accessAppId=northbound.sim.app_id)
    assert answer.json == (await northbound.get(GROUPS)).json
