"""The services of the platform: their paths, and what each action does."""

from ..asked import Handler
from . import assets, firmware, fleet, groups, jobs

GROUPS = groups.PATH
FILES = "/connect-service/v2.1/files"
ACTIONS: dict[str, dict[str, Handler]] = {
    "/connect-service/v2.1/ota-jobs": jobs.ACTIONS,
    "/connect-service/v2.1/ota-firmwares": firmware.ACTIONS,
    FILES: firmware.FILE_ACTIONS,
    "/connect-service/v2.1/products": fleet.PRODUCT_ACTIONS,
    "/connect-service/v2.4/products": fleet.PRODUCT_ACTIONS,
    "/connect-service/v2.1/devices": fleet.DEVICE_ACTIONS,
    "/connect-service/v2.4/devices": fleet.DEVICE_ACTIONS,
    "/connect-service/v2.5/devices": fleet.REPORT_ACTIONS,
    GROUPS: groups.ACTIONS,
    "/asset-tree-service/v2.1/asset-trees": assets.TREE_ACTIONS,
    "/asset-tree-service/v2.1/asset-nodes": assets.NODE_ACTIONS,
}
