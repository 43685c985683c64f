"""What the platform's objects look like in JSON."""

from collections.abc import Sequence
from datetime import UTC, datetime

import orjson

from .model import Device, Group, Package, Policy, Status, Subtask, Targets, Task
from .quirks import Quirks

type Json = dict[str, object]

_TIME = "%Y%m%dT%H%M%SZ"


def time_text(at: float | None) -> str | None:
    """Return a time as `yyyyMMdd'T'HHmmss'Z'` in UTC."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).strftime(_TIME)


def parse_time(text: str) -> float:
    """Return POSIX seconds of such a time; raises ValueError."""
    return datetime.strptime(text, _TIME).replace(tzinfo=UTC).timestamp()


def encode(content: Json) -> bytes:
    """Return compact JSON, as the platform sends it."""
    return orjson.dumps(content)


class Wire:
    """Turns objects into JSON, in the way of one deployment."""

    def __init__(self, quirks: Quirks, app_id: str) -> None:
        """Write as this deployment does."""
        self._quirks = quirks
        self._app_id = app_id

    def _object(self, content: Json) -> Json:
        """Leave out what is null, where this deployment does."""
        if self._quirks.unset == "null":
            return content
        return {key: value for key, value in content.items() if value is not None}

    def page(
        self,
        rows: Sequence[Json],
        *,
        number: int,
        size: int,
        total: int,
        key: str = "data",
        total_key: str = "totalCount",
    ) -> Json:
        """Return one page of a list."""
        return {key: rows, "pageNo": number, "pageSize": size, total_key: total}

    def package(self, package: Package) -> Json:
        """Return a CategoryInfo."""
        model = package.model
        return self._object(
            {
                "fileId": package.file_id,
                "name": package.name,
                "version": package.version,
                "fileType": package.kind.file_type,
                "deviceType": model.device_type,
                "model": model.model,
                "manufacturerName": model.manufacturer,
                "protocolType": "CoAP",
                "description": package.description,
                "date": package.date,
                "uploadTime": time_text(package.uploaded),
            }
        )

    def task(self, task: Task) -> Json:
        """Return an OperationInfo."""
        return self._object(
            {
                "operationId": task.task_id,
                "createTime": time_text(task.created),
                "startTime": time_text(task.started),
                "stopTime": time_text(task.stopped),
                "operateType": task.kind.operate_type,
                "targets": self._targets(task.targets),
                "policy": self._policy(task.policy),
                "status": task.status,
                "staResult": self._counts(task),
                "extendPara": self._extend_para(task),
            }
        )

    def _targets(self, targets: Targets) -> Json:
        return self._object(
            {
                "deviceGroups": targets.groups,
                "deviceType": targets.device_type,
                "model": targets.model,
                "manufacturerName": targets.manufacturer,
                "devices": targets.devices,
            }
        )

    def _policy(self, policy: Policy) -> Json:
        return self._object(
            {
                "executeType": policy.execute_type,
                "startTime": time_text(policy.start),
                "endTime": time_text(policy.end),
                "retryType": policy.retries > 0,
                "retryTimes": policy.retries or None,
            }
        )

    def _counts(self, task: Task) -> Json:
        counts = task.tally.counts
        timeouts = task.tally.timeouts
        beside = timeouts if self._quirks.timeouts == "beside" else 0
        result = {
            "total": task.tally.total,
            "wait": counts[Status.WAIT],
            "processing": counts[Status.PROCESSING],
            "success": counts[Status.SUCCESS],
            "fail": counts[Status.FAIL] - beside,
            "stop": counts[Status.STOP],
            "timeout": timeouts,
        }
        if self._quirks.counts_as_text:
            return {key: str(value) for key, value in result.items()}
        return dict(result)

    def _extend_para(self, task: Task) -> Json | str | None:
        content: Json = {"fileVersion": task.package.version}
        match self._quirks.extend_para:
            case "object":
                return content
            case "text":
                return encode(content).decode()
            case "null":
                return None

    def subtask(self, subtask: Subtask, task: Task) -> Json:
        """Return a SubOperationInfo; what `extendInfo` holds is documented nowhere."""
        return self._object(
            {
                "subOperationId": subtask.subtask_id,
                "createTime": time_text(subtask.created),
                "startTime": time_text(subtask.started),
                "stopTime": time_text(subtask.stopped),
                "operateType": task.kind.operate_type,
                "deviceId": subtask.device_id,
                "status": subtask.status,
                "detailInfo": subtask.detail,
                "extendInfo": self._object(
                    {
                        "sourceVersion": subtask.source_version,
                        "targetVersion": task.package.version,
                    }
                ),
            }
        )

    def group(self, group: Group) -> Json:
        """Return a device group, as one and in lists."""
        return self._object(
            {
                "id": group.group_id,
                "name": group.name,
                "description": group.description,
                "appId": self._app_id,
                "maxDevNum": group.max_devices,
                "curDevNum": len(group.members),
                "creator": group.creator,
            }
        )

    def device(self, device: Device, *, created: str = "createTime") -> Json:
        """Return a device; one that is directly connected is its own gateway.

        `created` is the key of its time of creation, which older versions spell
        otherwise.
        """
        return self._object(
            {
                "deviceId": device.device_id,
                "gatewayId": device.device_id,
                "nodeType": "GATEWAY",
                created: time_text(device.created),
                "lastModifiedTime": time_text(device.modified),
                "deviceInfo": self._object(
                    {
                        "nodeId": device.node_id,
                        "name": device.name,
                        "description": None,
                        "manufacturerId": device.model.manufacturer_id,
                        "manufacturerName": device.model.manufacturer,
                        "mac": None,
                        "location": device.location,
                        "deviceType": device.model.device_type,
                        "model": device.model.model,
                        "swVersion": device.software or None,
                        "fwVersion": device.firmware or None,
                        "hwVersion": None,
                        "protocolType": "CoAP",
                        "bridgeId": None,
                        "status": device.status,
                        "statusDetail": "NONE" if device.online else "NOT_ACTIVE",
                        "mute": device.mute,
                        "supportedSecurity": None,
                        "isSecurity": None,
                        "signalStrength": None,
                        "sigVersion": None,
                        "serialNumber": None,
                        "batteryLevel": None,
                    }
                ),
                "services": [],
                "alarmInfo": None,
            }
        )
