"""Asset trees and their nodes."""

from collections.abc import Iterable
from dataclasses import dataclass

from .. import codes
from ..asked import Asked, Handler, Reply, listed, names
from ..codes import Refusal, invalid
from ..expression import Fields, field
from ..model import AssetTree, Node
from ..wire import Json

_DEFAULT_PAGE, _LARGEST_PAGE = 100, 1000
_RELATIONS = ("isParentOf", "isChildOf", "isAncestorOf", "isDescendantOf")


@dataclass(frozen=True, slots=True)
class _Place:
    """A node in the tree that it is in."""

    tree: AssetTree
    node: Node
    product_key: str | None = None
    device_key: str | None = None


_TREE_FIELDS: Fields[AssetTree] = {
    "treeId": field(lambda row: row.tree_id, "=", "in"),
    "name": field(lambda row: row.name, "like"),
    "tags.": field(lambda row: row.tags, "=", "!=", "in", "exists"),
}
_PLACE_FIELDS: Fields[_Place] = {
    "treeId": field(lambda row: row.tree.tree_id, "=", "in"),
    "assetId": field(lambda row: row.node.asset_id, "=", "in"),
    "modelId": field(lambda row: row.node.model_id, "=", "in"),
    "name": field(lambda row: row.node.name, "like"),
    "productKey": field(lambda row: row.product_key, "=", "in"),
    "deviceKey": field(lambda row: row.device_key, "=", "in"),
    "tags.": field(lambda row: row.node.tags, "=", "!=", "in", "exists"),
}


def search_trees(asked: Asked) -> Reply:
    """Return asset trees."""
    page, rows = asked.found(
        asked.platform.trees.values(),
        _TREE_FIELDS,
        default=_DEFAULT_PAGE,
        largest=_LARGEST_PAGE,
    )
    return listed(asked, page, rows, asked.wire.tree)


def get_tree(asked: Asked) -> Reply:
    """Return one asset tree."""
    return Reply(asked.wire.tree(_tree(asked)))


def search_related(asked: Asked) -> Reply:
    """Return the nodes of a tree, all or those in one relation to another one."""
    tree = _tree(asked)
    wanted = asked.content.get("filter", {})
    if not isinstance(wanted, dict):
        raise invalid("filter", "is not an object")
    nodes = list(_related(tree, wanted))
    if (asset_ids := names(wanted, "assetIds")) is not None:
        nodes = [node for node in nodes if node.asset_id in asset_ids]
    if (model_ids := names(wanted, "modelIds")) is not None:
        nodes = [node for node in nodes if node.model_id in model_ids]
    if isinstance(name := wanted.get("nameLike"), str):
        nodes = [
            node for node in nodes if any(name in text for text in node.name.all())
        ]
    page = asked.page(_DEFAULT_PAGE, _LARGEST_PAGE)
    return listed(asked, page, nodes, asked.wire.asset)


def _related(tree: AssetTree, wanted: dict[str, object]) -> Iterable[Node]:
    relations = [
        (relation, wanted[f"{relation}AssetId"])
        for relation in _RELATIONS
        if f"{relation}AssetId" in wanted
    ]
    if not relations:
        return tree.nodes.values()
    if len(relations) > 1:
        raise invalid("filter", "allows one relation only")
    ((relation, asset_id),) = relations
    node = tree.nodes.get(asset_id) if isinstance(asset_id, str) else None
    if node is None:
        raise Refusal(codes.NOT_FOUND)
    above = list(_above(tree, node))
    match relation:
        case "isParentOf":
            return above[:1]
        case "isAncestorOf":
            return above
        case "isChildOf":
            return [each for each in tree.nodes.values() if each.parent == asset_id]
        case _:
            return tree.below(node.asset_id)[1:]


def _above(tree: AssetTree, node: Node) -> Iterable[Node]:
    while node.parent is not None:
        node = tree.nodes[node.parent]
        yield node


def search_assets(asked: Asked) -> Reply:
    """Return nodes of all trees."""
    page, rows = asked.found(
        _places(asked), _PLACE_FIELDS, default=_DEFAULT_PAGE, largest=_LARGEST_PAGE
    )

    def write(place: _Place) -> Json:
        return asked.wire.asset(place.node)

    return listed(asked, page, rows, write)


def _places(asked: Asked) -> Iterable[_Place]:
    for tree in asked.platform.trees.values():
        for node in tree.nodes.values():
            device = asked.platform.devices.get(node.asset_id)
            if device is None:
                yield _Place(tree, node)
            else:
                yield _Place(tree, node, *device.key)


def _tree(asked: Asked) -> AssetTree:
    tree = asked.platform.trees.get(asked.parameter("treeId"))
    if tree is None:
        raise Refusal(codes.TREE_NOT_FOUND)
    return tree


TREE_ACTIONS: dict[str, Handler] = {"search": search_trees, "get": get_tree}
NODE_ACTIONS: dict[str, Handler] = {
    "searchRelatedAsset": search_related,
    "searchAsset": search_assets,
}
