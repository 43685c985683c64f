"""Registering, changing and deleting devices."""

from dataclasses import replace
from typing import Any
import uuid

from .. import codes
from ..asked import json_object
from ..codes import Refusal
from ..model import Device, Model
from .base import Asked, Reply, check_application
from .devices import find_device

REGISTRATIONS = "/iocm/app/reg/v1.1.0/deviceCredentials"

_LIFE = 180  # seconds in which a registered device has to connect
_TEXTS = (
    "name",
    "location",
    "mute",
    "deviceType",
    "model",
    "manufacturerName",
    "manufacturerId",
)


def register_device(asked: Asked) -> Reply:
    """POST a new device; it is inactive until it is first heard of."""
    check_application(asked, "appId")
    content = json_object(asked.body, codes.DEVICE_INPUT)
    node_id = content.get("nodeId")
    timeout = content.get("timeout", _LIFE)
    if not isinstance(node_id, str) or not node_id or not isinstance(timeout, int):
        raise Refusal(codes.DEVICE_INPUT)
    platform = asked.platform
    if any(device.node_id == node_id for device in platform.devices.values()):
        raise Refusal(codes.NODE_USED)
    info = _texts(content.get("deviceInfo", {}))
    now = platform.clock.now()
    device = Device(
        device_id=str(uuid.uuid4()),
        node_id=node_id,
        name=str(content.get("deviceName", node_id)),
        model=_model(Model("", "", "", ""), info),
        status="INACTIVE",
        software="",
        firmware="",
        created=now,
        modified=now,
        wakes_after=float("inf"),
    )
    platform.devices[device.device_id] = device
    return Reply(
        {
            "deviceId": device.device_id,
            "verifyCode": content.get("verifyCode", node_id),
            "timeout": timeout,
            "psk": content.get("psk", uuid.uuid4().hex),
        }
    )


def modify_device(asked: Asked) -> Reply:
    """PUT other values; what is absent stays as it is."""
    device = find_device(asked)
    info = _texts(json_object(asked.body, codes.DEVICE_INPUT))
    if info.get("mute") not in (None, "TRUE", "FALSE"):
        raise Refusal(codes.DEVICE_INPUT)
    device.name = info.get("name", device.name)
    device.location = info.get("location", device.location)
    device.mute = info.get("mute", device.mute)
    device.model = _model(device.model, info)
    device.modified = asked.platform.clock.now()
    return Reply(None, 204)


def delete_device(asked: Asked) -> Reply:
    """DELETE a device; it leaves its groups, and an upgrade of it fails."""
    asked.platform.delete_device(find_device(asked).device_id)
    return Reply(None, 204)


def _texts(content: Any) -> dict[str, str]:
    if not isinstance(content, dict):
        raise Refusal(codes.DEVICE_INPUT)
    texts = {key: content[key] for key in _TEXTS if key in content}
    if not all(isinstance(text, str) for text in texts.values()):
        raise Refusal(codes.DEVICE_INPUT)
    return texts


def _model(model: Model, info: dict[str, str]) -> Model:
    return replace(
        model,
        device_type=info.get("deviceType", model.device_type),
        model=info.get("model", model.model),
        manufacturer=info.get("manufacturerName", model.manufacturer),
        manufacturer_id=info.get("manufacturerId", model.manufacturer_id),
    )
