"""Products and devices, and what a device reports."""

from collections import Counter

from .. import codes
from ..asked import Asked, Handler, Reply, listed
from ..codes import Refusal
from ..expression import Fields, field
from ..model import Device, Product

_PRODUCT_FIELDS: Fields[Product] = {
    "productKey": field(lambda row: row.product_key, "=", "in"),
    "modelId": field(lambda row: row.model_id, "=", "in"),
    "productTags.": field(lambda row: row.tags, "=", "in", "exists"),
    "productName": field(lambda row: row.name, "like"),
}
DEVICE_FIELDS: Fields[Device] = {
    "modelId": field(lambda row: row.product.model_id, "=", "in"),
    "productKey": field(lambda row: row.product.product_key, "=", "in"),
    "deviceKey": field(lambda row: row.device_key, "=", "in"),
    "assetId": field(lambda row: row.asset_id, "=", "in"),
    "productType": field(lambda row: row.product.kind, "="),
    "deviceName": field(lambda row: row.name, "like"),
    "status": field(lambda row: row.status, "=", "in"),
    "firmwareVersion": field(lambda row: row.version, "=", "in"),
    "deviceAttributes.": field(lambda row: row.attributes, "=", "!=", "in", "exists"),
    "deviceTags.": field(lambda row: row.tags, "=", "!=", "in", "exists"),
}


def search_products(asked: Asked) -> Reply:
    """Return products."""
    page, rows = asked.found(asked.platform.products.values(), _PRODUCT_FIELDS)
    return listed(asked, page, rows, asked.wire.product)


def get_product(asked: Asked) -> Reply:
    """Return one product."""
    product = asked.platform.products.get(asked.parameter("productKey"))
    if product is None:
        raise Refusal(codes.NOT_FOUND)
    return Reply(asked.wire.product(product))


def search_devices(asked: Asked) -> Reply:
    """Return devices."""
    page, rows = asked.found(asked.platform.devices.values(), DEVICE_FIELDS)
    return listed(asked, page, rows, asked.wire.device)


def get_device(asked: Asked) -> Reply:
    """Return one device, by asset ID or by product and device key."""
    if (asset_id := asked.query.get("assetId")) is not None:
        device = asked.platform.devices.get(asset_id)
    else:
        device = asked.platform.device(
            asked.parameter("productKey"), asked.parameter("deviceKey")
        )
    if device is None:
        raise Refusal(codes.NOT_FOUND)
    return Reply(asked.wire.device(device))


def get_statistics(asked: Asked) -> Reply:
    """Return how many devices there are; the names of the fields are a guess."""
    product_key = asked.query.get("productKey")
    counted = Counter(
        device.status
        for device in asked.platform.devices.values()
        if product_key in (None, device.product.product_key)
    )
    return Reply(
        {
            "total": counted.total(),
            "active": counted["online"] + counted["offline"],
            "online": counted["online"],
        }
    )


def report_version(asked: Asked) -> Reply:
    """Let a device run a version, as if it had said so itself."""
    content = asked.content
    version = content.get("version")
    if not isinstance(version, str) or not version:
        raise Refusal(codes.REPORT_INVALID)
    device = None
    if isinstance(asset_id := content.get("assetId"), str):
        device = asked.platform.devices.get(asset_id)
    elif isinstance(device_key := content.get("deviceKey"), str):
        device = asked.platform.device(str(content.get("productKey")), device_key)
    else:
        raise Refusal(codes.REPORT_INVALID)
    if device is None:
        raise Refusal(codes.DEVICE_NOT_FOUND)
    asked.platform.report_version(device, version)
    return Reply()


PRODUCT_ACTIONS: dict[str, Handler] = {"search": search_products, "get": get_product}
DEVICE_ACTIONS: dict[str, Handler] = {
    "search": search_devices,
    "get": get_device,
    "getStats": get_statistics,
}
REPORT_ACTIONS: dict[str, Handler] = {"reportFirmwareVersion": report_version}
