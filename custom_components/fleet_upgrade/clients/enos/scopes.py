"""What a scope of EnOS is made of: device groups, products, devices, asset trees.

Source: "Device group" (V2.5), "Product" and "Device" (V2.1) and "Asset tree" (V2.1) in
the EnOS API documentation.
"""

from collections.abc import AsyncIterator, Collection, Mapping

from ..budget import Priority
from ..errors import MalformedError
from ..model import Device, DeviceGroup, Page, Value
from .calls import Calls
from .expression import all_of, contains, equals, one_of
from .wire import Wire, WireName, name_of, rows_of

GROUPS = "/connect-service/v2.5/deviceGroups"
PRODUCTS = "/connect-service/v2.1/products"
DEVICES = "/connect-service/v2.1/devices"
TREES = "/asset-tree-service/v2.1/asset-trees"
NODES = "/asset-tree-service/v2.1/asset-nodes"


class Product(Value, frozen=True):
    """A kind of device."""

    product_key: str
    name: str | None = None


class AssetTree(Value, frozen=True):
    """A tree of places and devices."""

    tree_id: str
    name: str | None = None


class AssetNode(Value, frozen=True):
    """A place or device in an asset tree."""

    asset_id: str
    name: str | None = None
    is_device: bool = False


class GroupRow(Wire):
    """One device group in a list."""

    group_id: str | None = None
    name: WireName = None
    desc: str | None = None

    def value(self) -> DeviceGroup:
        """Return the group; `MalformedError` without an ID."""
        if not self.group_id:
            raise MalformedError("device group without groupId")
        return DeviceGroup(
            group_id=self.group_id,
            name=name_of(self.name) or self.group_id,
            description=self.desc or None,
        )


class DeviceRow(Wire):
    """One device in a list."""

    device_key: str | None = None
    device_name: WireName = None
    status: str | None = None
    product_key: str | None = None
    product_type: str | None = None
    model_id: str | None = None

    def value(self) -> Device:
        """Return the device; `MalformedError` without a key."""
        if not self.device_key:
            raise MalformedError("device without deviceKey")
        return Device(
            device_id=self.device_key,
            name=name_of(self.device_name),
            status=self.status.lower() if self.status else None,
            device_type=self.product_type or None,
            model=self.model_id or None,
            product=self.product_key or None,
        )


class ProductRow(Wire):
    """One product in a list."""

    product_key: str | None = None
    product_name: WireName = None

    def value(self) -> Product:
        """Return the product; `MalformedError` without a key."""
        if not self.product_key:
            raise MalformedError("product without productKey")
        return Product(product_key=self.product_key, name=name_of(self.product_name))


class TreeRow(Wire):
    """One asset tree in a list."""

    tree_id: str | None = None
    name: WireName = None

    def value(self) -> AssetTree:
        """Return the tree; `MalformedError` without an ID."""
        if not self.tree_id:
            raise MalformedError("asset tree without treeId")
        return AssetTree(tree_id=self.tree_id, name=name_of(self.name))


class NodeRow(Wire):
    """One node of an asset tree in a list; ``label`` is 0 for a device."""

    asset_id: str | None = None
    name: WireName = None
    label: str | int | None = None

    def value(self) -> AssetNode:
        """Return the node; `MalformedError` without an ID."""
        if not self.asset_id:
            raise MalformedError("node without assetId")
        return AssetNode(
            asset_id=self.asset_id,
            name=name_of(self.name),
            is_device=str(self.label) == "0",
        )


class Scopes:
    """What the scopes of one organization's jobs can name."""

    def __init__(self, calls: Calls) -> None:
        """Make all calls through these."""
        self._calls = calls

    async def device_groups(
        self, *, name: str | None = None, priority: Priority = Priority.LISTING
    ) -> AsyncIterator[Page[DeviceGroup]]:
        """List device groups; ``name`` is a part of the name."""
        expression = None if name is None else contains("groupName", name)
        async for rows in self._calls.pages(
            GROUPS, expression, action="searchGroup", priority=priority
        ):
            yield Page(items=rows_of(rows, GroupRow, GroupRow.value), total=rows.total)

    async def members(self, group_id: str) -> AsyncIterator[Page[Device]]:
        """List the devices of a group."""
        async for rows in self._calls.pages(
            GROUPS, action="searchDeviceByDeviceGroup", more={"groupId": group_id}
        ):
            yield Page(
                items=rows_of(rows, DeviceRow, DeviceRow.value), total=rows.total
            )

    async def devices(
        self,
        *,
        product: str | None = None,
        device_key: str | None = None,
        asset_ids: Collection[str] = (),
        tags: Mapping[str, Collection[str]] | None = None,
    ) -> AsyncIterator[Page[Device]]:
        """List devices; ``tags`` holds the values that each tag may have."""
        expression = all_of(
            None if product is None else equals("productKey", product),
            None if device_key is None else equals("deviceKey", device_key),
            one_of("assetId", asset_ids) if asset_ids else None,
            *(one_of(f"deviceTags.{key}", each) for key, each in (tags or {}).items()),
        )
        async for rows in self._calls.pages(DEVICES, expression):
            yield Page(
                items=rows_of(rows, DeviceRow, DeviceRow.value), total=rows.total
            )

    async def products(
        self, *, name: str | None = None
    ) -> AsyncIterator[Page[Product]]:
        """List products; ``name`` is a part of the name."""
        expression = None if name is None else contains("productName", name)
        async for rows in self._calls.pages(PRODUCTS, expression):
            yield Page(
                items=rows_of(rows, ProductRow, ProductRow.value), total=rows.total
            )

    async def asset_trees(self) -> AsyncIterator[Page[AssetTree]]:
        """List asset trees."""
        async for rows in self._calls.pages(TREES):
            yield Page(items=rows_of(rows, TreeRow, TreeRow.value), total=rows.total)

    async def asset_nodes(
        self, tree_id: str, *, below: str | None = None
    ) -> AsyncIterator[Page[AssetNode]]:
        """List the nodes of an asset tree, all or those right below one of them.

        `NotFoundError` when there is no such tree.
        """
        related = {} if below is None else {"isChildOfAssetId": below}
        async for rows in self._calls.pages(
            NODES,
            action="searchRelatedAsset",
            query={"treeId": tree_id},
            more={"filter": related},
        ):
            yield Page(items=rows_of(rows, NodeRow, NodeRow.value), total=rows.total)
