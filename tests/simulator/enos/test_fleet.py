"""What a scope is chosen from: products, devices, groups and asset trees."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from simulator.enos.model import Device

from .caller import DEVICES, GROUPS, NODES, PRODUCTS, TREES, Answer, Caller


async def search(
    caller: Caller, path: str, expression: str = "", **body: Any
) -> Answer:
    """Search with an expression; all rows on one page."""
    action = "searchGroup" if path == GROUPS else "search"
    content = {"expression": expression, "pagination": {"pageSize": 200}} | body
    return await caller.call(path, action, content)


@pytest.mark.parametrize("version", ["v2.1", "v2.4"])
async def test_products(caller: Caller, version: str) -> None:
    """Found by key, model, tag or name, or fetched by key."""
    path = PRODUCTS.replace("v2.1", version)
    products = caller.sim.products()
    assert [row["productKey"] for row in (await search(caller, path)).data] == [
        product.product_key for product in products
    ]
    key = products[1].product_key
    for expression in (
        f"productKey = '{key}'",
        "modelId in ('Battery_Model')",
        "productTags.line = 'battery'",
        "productName like '电池'",
    ):
        (row,) = (await search(caller, path, expression)).data
        assert row["productKey"] == key
        assert row["productSecret"] is None
    got = await caller.call(path, "get", method="GET", productKey=key)
    assert got.data == row
    assert (await caller.call(path, "get", productKey="x")).code == 99404


@pytest.mark.parametrize("version", ["v2.1", "v2.4"])
async def test_devices(caller: Caller, version: str) -> None:
    """Found by nearly everything, or fetched by either of their names."""
    path = DEVICES.replace("v2.1", version)
    everyone = caller.sim.devices()
    assert (await search(caller, path)).total == len(everyone) == 200
    device = everyone[7]
    for expression in (
        f"deviceKey = '{device.device_key}'",
        f"assetId in ('{device.asset_id}', 'x')",
        f"deviceName.en_US like '{device.name.default}'",
    ):
        assert (await search(caller, path, expression)).data[0]["assetId"] == (
            device.asset_id
        )
    conditions: list[tuple[str, Callable[[Device], bool]]] = [
        ("status = 'online'", lambda d: d.status == "online"),
        ("firmwareVersion = '1.0'", lambda d: d.version == "1.0"),
        (
            "deviceTags.region != 'north' and deviceAttributes.ratedPower in (5, 10)",
            lambda d: (
                d.tags["region"] != "north" and d.attributes["ratedPower"] in (5, 10)
            ),
        ),
        ("not exists(deviceTags.year) and productType = 'Device'", lambda _: False),
    ]
    for expression, wanted in conditions:
        found = await search(caller, path, expression)
        assert found.total == sum(wanted(each) for each in everyone)
    by_id = await caller.call(path, "get", assetId=device.asset_id)
    product_key, device_key = device.key
    by_key = await caller.call(
        path, "get", productKey=product_key, deviceKey=device_key
    )
    assert by_id.data == by_key.data
    assert by_id.data["deviceTags"] == device.tags
    assert (await caller.call(path, "get", assetId="x")).code == 99404
    assert (await caller.call(path, "get", productKey=product_key)).code == 99400


async def test_a_projection_leaves_fields_out(caller: Caller) -> None:
    """Those that it does not name."""
    answer = await search(caller, DEVICES, projection=["assetId", "status", "colour"])
    assert set(answer.data[0]) == {"assetId", "status"}


async def test_devices_are_counted(caller: Caller) -> None:
    """All, or those of a product."""
    total = (await caller.call(DEVICES, "getStats")).data["total"]
    parts = [
        (await caller.call(DEVICES, "getStats", productKey=each.product_key)).data
        for each in caller.sim.products()
    ]
    assert total == sum(part["total"] for part in parts) == 200
    for part in parts:
        assert 0 < part["online"] < part["active"] <= part["total"]


async def test_groups(caller: Caller) -> None:
    """Found by ID or name, with GET as with POST; up to 1000 a page."""
    groups = caller.sim.groups()
    answer = await search(caller, GROUPS, pagination={"pageSize": 1000})
    assert [row["groupId"] for row in answer.data] == [
        group.group_id for group in groups
    ]
    assert (await caller.call(GROUPS, "searchGroup", method="GET")).data == answer.data
    for expression in (
        f"groupId = '{groups[2].group_id}'",
        "groupName like 'Harb' and groupType = 'STATIC'",
        "groupName = 'Harbour'",
    ):
        (row,) = (await search(caller, GROUPS, expression)).data
        assert row["groupId"] == groups[2].group_id
    got = await caller.call(GROUPS, "getGroup", groupId=row["groupId"])
    assert got.data == row
    assert (await caller.call(GROUPS, "getGroup", groupId="x")).code == 404


async def test_members_of_groups(caller: Caller) -> None:
    """The devices of a group, and the groups of a device."""
    group = caller.sim.groups()[1]
    body: dict[str, Any] = {"groupId": group.group_id, "pagination": {"pageSize": 1000}}
    answer = await caller.call(GROUPS, "searchDeviceByDeviceGroup", body)
    assert [row["assetId"] for row in answer.data] == group.members
    body["expression"] = "firmwareVersion = '1.0'"
    some = await caller.call(GROUPS, "searchDeviceByDeviceGroup", body)
    assert 0 < some.total < answer.total
    of_device = await caller.call(
        GROUPS, "searchDeviceGroupByDevice", {"assetId": group.members[0]}
    )
    assert [row["groupId"] for row in of_device.data] == [group.group_id]
    for action in ("searchDeviceByDeviceGroup", "searchDeviceGroupByDevice"):
        answer = await caller.call(GROUPS, action, {"groupId": "x", "assetId": "x"})
        assert answer.code == 404


async def test_a_group_can_be_made(caller: Caller) -> None:
    """With devices that exist, and a name of its own."""
    device = caller.sim.devices()[0]
    body = {"name": {"defaultValue": "Pilot"}, "assetIds": [device.asset_id]}
    group_id = (await caller.call(GROUPS, "createGroup", body)).data["groupId"]
    members = await caller.call(
        GROUPS, "searchDeviceByDeviceGroup", {"groupId": group_id}
    )
    assert members.total == 1
    assert (await caller.call(GROUPS, "createGroup", body)).code == 902
    assert (await caller.call(GROUPS, "createGroup", {})).code == 99400
    body = {"name": {"defaultValue": "Other"}, "assetIds": ["x"]}
    assert (await caller.call(GROUPS, "createGroup", body)).code == 404


async def test_later_versions_have_no_groups(caller: Caller) -> None:
    """Nobody answers there then."""
    caller.sim.quirks = replace(caller.sim.quirks, device_groups=False)
    answer = await search(caller, GROUPS)
    assert answer.refused == (404, "no Route matched with those values")


async def test_asset_trees(caller: Caller) -> None:
    """Found, or fetched by their ID."""
    (tree,) = caller.sim.trees()
    for expression in ("", "tags.kind = 'site'", "name like '站点'"):
        (row,) = (await search(caller, TREES, expression)).data
        assert row["treeId"] == tree.tree_id
        assert row["asset"]["assetId"] == tree.root
    assert (await caller.call(TREES, "get", treeId=tree.tree_id)).data == row
    assert (await caller.call(TREES, "get", treeId="x")).code == 17404


async def test_nodes_of_a_tree(caller: Caller) -> None:
    """All, or those in one relation to another one; 100 a page by default."""
    (tree,) = caller.sim.trees()

    async def nodes(**wanted: Any) -> list[str]:
        body = {"filter": wanted, "pagination": {"pageSize": 1000}}
        answer = await caller.call(
            NODES, "searchRelatedAsset", body, treeId=tree.tree_id
        )
        return [row["assetId"] for row in answer.data]

    default = await caller.call(NODES, "searchRelatedAsset", treeId=tree.tree_id)
    assert (len(default.data), default.total) == (100, len(tree.nodes))
    regions = await nodes(isChildOfAssetId=tree.root)
    assert [tree.nodes[each].name.default for each in regions] == ["North", "South"]
    below = await nodes(isDescendantOfAssetId=regions[0])
    site = next(each for each in below if not tree.nodes[each].device)
    assert 50 < len(below) < 150
    assert await nodes(isParentOfAssetId=site) == [regions[0]]
    assert await nodes(isAncestorOfAssetId=site) == [regions[0], tree.root]
    assert await nodes(isParentOfAssetId=tree.root) == []
    assert await nodes(assetIds=[site, "x"]) == [site]
    assert len(await nodes(modelIds=["Site"])) == 7
    assert await nodes(nameLike="North") == [regions[0], site]
    for wanted, code in (
        ({"isChildOfAssetId": "x"}, 99404),
        ({"isChildOfAssetId": site, "isParentOfAssetId": site}, 99400),
        ("x", 99400),
    ):
        answer = await caller.call(
            NODES, "searchRelatedAsset", {"filter": wanted}, treeId=tree.tree_id
        )
        assert answer.code == code


async def test_nodes_of_all_trees(caller: Caller) -> None:
    """Found by tree, device key and more."""
    (tree,) = caller.sim.trees()
    device = caller.sim.devices()[3]
    product_key, device_key = device.key
    expression = (
        f"treeId = '{tree.tree_id}' and productKey = '{product_key}' "
        f"and deviceKey = '{device_key}' and exists(tags.region)"
    )
    (row,) = (await caller.call(NODES, "searchAsset", {"expression": expression})).data
    assert (row["assetId"], row["label"]) == (device.asset_id, "0")
    answer = await caller.call(NODES, "searchAsset", {"expression": "modelId = 'Site'"})
    assert {row["label"] for row in answer.data} == {"1"}
    assert answer.total == 7
