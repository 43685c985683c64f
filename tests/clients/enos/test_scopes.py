"""What a scope can be made of."""

import pytest

from custom_components.fleet_upgrade.clients.enos.client import EnosClient
from custom_components.fleet_upgrade.clients.enos.scopes import (
    DeviceRow,
    GroupRow,
    NodeRow,
    ProductRow,
    TreeRow,
)
from custom_components.fleet_upgrade.clients.errors import MalformedError, NotFoundError
from simulator.enos import EnosSimulator

from .common import all_of


async def test_products_and_their_devices_are_listed(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """All, or those with a part of a name."""
    products = await all_of(client.scopes.products())
    assert {product.product_key for product in products} == {
        product.product_key for product in enos.products()
    }
    name = products[0].name
    assert name is not None
    assert products[0] in await all_of(client.scopes.products(name=name[1:]))
    assert await all_of(client.scopes.products(name="no such name")) == []
    devices = await all_of(client.scopes.devices(product=products[0].product_key))
    assert {device.product for device in devices} == {products[0].product_key}
    everything = await all_of(client.scopes.devices())
    assert 0 < len(devices) < len(everything) == len(enos.devices())


async def test_asset_trees_and_their_nodes_are_listed(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """From the top, or right below a node."""
    [tree] = await all_of(client.scopes.asset_trees())
    assert tree.tree_id == enos.trees()[0].tree_id
    nodes = await all_of(client.scopes.asset_nodes(tree.tree_id))
    assert {node.is_device for node in nodes} == {True, False}
    top = nodes[0]
    below = await all_of(client.scopes.asset_nodes(tree.tree_id, below=top.asset_id))
    assert 0 < len(below) < len(nodes)
    assert top not in below


async def test_a_tree_that_is_not_there_is_not_found(client: EnosClient) -> None:
    """With a code of the asset tree service's own."""
    with pytest.raises(NotFoundError) as err:
        await all_of(client.scopes.asset_nodes("nothing"))
    assert err.value.key == "rejected_asset_tree_missing"


@pytest.mark.parametrize(
    "row", [GroupRow(), DeviceRow(), ProductRow(), TreeRow(), NodeRow()]
)
def test_a_row_without_its_essentials_is_no_row(
    row: GroupRow | DeviceRow | ProductRow | TreeRow | NodeRow,
) -> None:
    """An ID is what everything else hangs on."""
    with pytest.raises(MalformedError, match="without"):
        row.value()
