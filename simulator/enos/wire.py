"""What the platform's objects look like in JSON."""

from collections.abc import Sequence

import orjson

from .model import (
    AssetTree,
    Device,
    Firmware,
    Group,
    Job,
    JobType,
    Node,
    Product,
    Schedule,
    Scope,
    Task,
    Text,
)
from .quirks import Quirks

type Json = dict[str, object]

_DAY = 24 * 3600


def encode(content: object) -> bytes:
    """Return compact JSON, as the platform sends it."""
    return orjson.dumps(content)


def millis(at: float | None) -> int | None:
    """Return a time as milliseconds."""
    return None if at is None else int(at * 1000)


def text(content: Text | None) -> Json | None:
    """Return a StringI18n."""
    if content is None:
        return None
    return {"defaultValue": content.default, "i18nValue": dict(content.translated)}


def _as_text(content: object) -> object:
    """Return JSON with its numbers as strings."""
    match content:
        case bool():
            return content
        case int() | float():
            return str(content)
        case dict():
            return {key: _as_text(value) for key, value in content.items()}
        case list():
            return [_as_text(value) for value in content]
    return content


def _without_nulls(content: object) -> object:
    match content:
        case dict():
            return {
                key: _without_nulls(value)
                for key, value in content.items()
                if value is not None
            }
        case list():
            return [_without_nulls(value) for value in content]
    return content


class Wire:
    """Turns objects into JSON, in the way of one deployment."""

    def __init__(self, quirks: Quirks, org_id: str) -> None:
        """Write as this deployment does."""
        self._quirks = quirks
        self._org_id = org_id

    def data(self, content: object) -> object:
        """Return `data` or `pagination` as this deployment sends it."""
        if self._quirks.unset == "absent":
            content = _without_nulls(content)
        return _as_text(content) if self._quirks.numbers_as_text else content

    # OTA

    def job(self, job: Job) -> Json:
        """Return a JobInfo, which has no counters."""
        upgrade = job.kind is JobType.UPGRADE
        firmware = job.firmware
        return {
            "orgId": self._org_id,
            "productKey": firmware.product_key,
            "jobId": job.job_id,
            "name": text(job.name),
            "firmwareId": firmware.firmware_id,
            "firmwareVersion": firmware.version,
            "firmwareName": text(firmware.name),
            "type": job.kind,
            "enableUpgradeRequest": job.on_request,
            "upgradePolicy": (
                None
                if job.incremental is None
                else "incremental"
                if job.incremental
                else "snapshot"
            ),
            "upgradeScope": _scope(job.scope),
            "upgradeTimeout": int(job.timeout),
            "retryPolicy": {
                "enableRetry": job.retry.enabled,
                "retryInterval": (
                    None if job.retry.interval is None else int(job.retry.interval)
                ),
                "retryCount": job.retry.count,
            }
            if upgrade
            else None,
            "schedulePolicy": _schedule(job) if upgrade else None,
            "maximumConcurrency": job.concurrency if upgrade else None,
            "status": job.status,
            "createTime": millis(job.created),
        }

    def task(self, task: Task) -> Json:
        """Return a TaskInfo."""
        return {
            "taskId": task.task_id,
            "orgId": self._org_id,
            "assetId": task.asset_id,
            "productKey": task.product_key,
            "deviceKey": task.device_key,
            "jobId": task.job_id,
            "fromVersion": task.from_version,
            "toVersion": task.to_version,
            "progress": task.progress,
            "desc": task.description,
            "status": task.status,
            "updateTime": millis(task.updated),
        }

    def firmware(self, firmware: Firmware) -> Json:
        """Return a FirmwareInfo."""
        return {
            "orgId": self._org_id,
            "firmwareId": firmware.firmware_id,
            "productKey": firmware.product_key,
            "name": text(firmware.name),
            "version": firmware.version,
            "desc": firmware.description,
            "signMethod": firmware.sign_method,
            "sign": firmware.sign,
            "fileUrl": firmware.file_url,
            "fileSize": firmware.file_size,
            "enableVerification": firmware.must_be_verified,
            "isVerified": firmware.is_verified,
            "createTime": millis(firmware.created),
            "firmwareTags": firmware.tags,
            "maxAllowedForVerification": firmware.max_to_verify,
            "minSuccessForVerified": firmware.min_verified,
        }

    def device_firmware(self, device: Device) -> Json:
        """Return a DeviceFirmware."""
        return {
            "orgId": self._org_id,
            "assetId": device.asset_id,
            "productKey": device.product.product_key,
            "deviceKey": device.device_key,
            "firmwareVersion": device.version,
            "isUpgrading": device.upgrade is not None,
        }

    # The fleet

    def product(self, product: Product) -> Json:
        """Return a Product."""
        return {
            "orgId": self._org_id,
            "productKey": product.product_key,
            "productName": text(product.name),
            "productSecret": None,
            "productDesc": "",
            "productType": product.kind,
            "dataFormat": "Json",
            "productTags": product.tags,
            "modelId": product.model_id,
            "dynamicActiveEnabled": False,
            "biDirectionalAuth": False,
            "createTime": millis(product.created),
            "createBy": "operator",
            "updateTime": millis(product.created),
            "updateBy": "operator",
        }

    def device(self, device: Device) -> Json:
        """Return a Device."""
        active = device.status in ("online", "offline")
        return {
            "orgId": self._org_id,
            "assetId": device.asset_id,
            "modelId": device.product.model_id,
            "modelIdPath": f"/{device.product.model_id}",
            "productKey": device.product.product_key,
            "productName": text(device.product.name),
            "productType": device.product.kind,
            "dataFormat": "Json",
            "deviceKey": device.device_key,
            "deviceName": text(device.name),
            "deviceSecret": None,
            "deviceDesc": "",
            "timezone": "+00:00",
            "deviceAttributes": device.attributes,
            "deviceTags": device.tags,
            "firmwareVersion": device.version,
            "createTime": millis(device.created),
            "status": device.status,
            "activeTime": millis(device.created) if active else None,
            "lastOnlineTime": millis(device.created) if active else None,
            "lastOfflineTime": (
                millis(device.created) if device.status == "offline" else None
            ),
        }

    def group(self, group: Group) -> Json:
        """Return a device group."""
        return {
            "groupId": group.group_id,
            "orgId": self._org_id,
            "name": text(group.name),
            "desc": group.description,
            "type": "STATIC",
            "condition": None,
            "status": "NORMAL",
            "createTime": millis(group.created),
            "updateTime": millis(group.created),
        }

    def tree(self, tree: AssetTree) -> Json:
        """Return an asset tree with its root."""
        return {
            "treeId": tree.tree_id,
            "name": text(tree.name),
            "tags": tree.tags,
            "asset": self.asset(tree.nodes[tree.root]),
        }

    def asset(self, node: Node) -> Json:
        """Return a node of an asset tree."""
        return {
            "assetId": node.asset_id,
            "modelId": node.model_id,
            "modelIdPath": f"/{node.model_id}",
            "name": text(node.name),
            "timezone": "+00:00",
            "description": "",
            "label": "0" if node.device else "1",
            "inValid": False,
            "attributes": {},
            "tags": node.tags,
        }


def _scope(scope: Scope) -> Json:
    """Return an UpgradeScope; what was not asked for is null."""
    return {
        "type": "total" if scope.total else "partial",
        "versionNumbers": _list(scope.versions),
        "productKey": scope.product_key,
        "deviceKeys": _list(scope.device_keys),
        "attributes": _lists(scope.attributes),
        "tags": _lists(scope.tags),
        "assetTrees": (
            None
            if scope.asset_trees is None
            else [
                {"treeId": tree_id, "includedNodes": _list(nodes)}
                for tree_id, nodes in scope.asset_trees
            ]
        ),
        "deviceGroupIds": _list(scope.group_ids),
        "assetIds": _list(scope.asset_ids),
    }


def _list(values: Sequence[object] | None) -> list[object] | None:
    return None if values is None else list(values)


def _lists[T: Sequence[object]](
    values: dict[str, T] | None,
) -> dict[str, list[object]] | None:
    if values is None:
        return None
    return {key: list(each) for key, each in values.items()}


def _schedule(job: Job) -> Json:
    """Return a SchedulePolicy; without one every whole day is open from its begin."""
    midnight = job.created // _DAY * _DAY
    schedule = job.schedule or Schedule(
        daily=True, start=midnight, end=midnight + _DAY - 1
    )
    return {
        "isRepeatDaily": schedule.daily,
        "startTimestamp": millis(schedule.start),
        "endTimestamp": millis(schedule.end),
    }
