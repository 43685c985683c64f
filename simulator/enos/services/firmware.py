"""Firmware (V2.1): what there is, and which device runs what."""

from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any, NamedTuple

import orjson

from .. import codes
from ..asked import (
    Asked,
    Handler,
    Reply,
    flag,
    i18n,
    identifier,
    listed,
    one_of,
    whole,
    without_nulls,
)
from ..codes import Refusal, invalid
from ..expression import Fields, field
from ..model import Device, Firmware

_FIRMWARE_FIELDS: Fields[Firmware] = {
    "productKey": field(lambda row: row.product_key, "=", "in"),
    "isVerified": field(lambda row: row.is_verified, "="),
    "name": field(lambda row: row.name, "like"),
}
_DEVICE_FIELDS: Fields[Device] = {
    "productKey": field(lambda row: row.product.product_key, "=", "in"),
    "firmwareVersion": field(lambda row: row.version, "=", "in"),
    "isUpgrading": field(lambda row: row.upgrade is not None, "="),
}
_MAX_FILE = 100 * 1024 * 1024
_MAX_DESCRIPTION = 512
_SUFFIXES = (".bin", ".gz", ".zip")


class _Upload(NamedTuple):
    metadata: dict[str, Any]
    file_name: str
    content: bytes


def create(asked: Asked) -> Reply:
    """Take a new firmware with its file."""
    if asked.concurrent:
        raise Refusal(codes.CONCURRENT_CREATE)
    platform = asked.platform
    product_key = asked.query.get("productKey") or None
    if product_key is not None and product_key not in platform.products:
        raise Refusal(codes.NOT_FOUND)
    metadata, file_name, content = _upload(asked)
    name = i18n(metadata, "name")
    version = metadata.get("version")
    description = metadata.get("desc", "")
    if name is None or not isinstance(version, str) or not version:
        raise invalid("metadata", "lacks name or version")
    if not isinstance(description, str) or len(description) > _MAX_DESCRIPTION:
        raise invalid("desc", f"must not be longer than {_MAX_DESCRIPTION}")
    if len(content) > _MAX_FILE or not file_name.endswith(_SUFFIXES):
        raise invalid("file", "is too large, or of a type that is not supported")
    method = one_of(metadata, "signMethod", ("md5", "sha256"))
    # It is for the devices to check; vendor samples send any word.
    sign = identifier(metadata, "sign")
    if not sign:
        raise invalid("sign", "is missing")
    most = whole(
        metadata, "maxAllowedForVerification", low=1, high=2**31 - 1, default=5
    )
    tags = metadata.get("firmwareTags", {})
    if not isinstance(tags, dict):
        raise invalid("firmwareTags", "is not a map")
    firmware = Firmware(
        firmware_id=platform.new_id(),
        product_key=product_key,
        name=name,
        version=version,
        created=platform.clock.now(),
        description=description,
        sign_method=method,
        sign=sign,
        file_size=len(content),
        content=content,
        must_be_verified=flag(metadata, "enableVerification", False),
        tags={str(key): str(value) for key, value in tags.items()},
        max_to_verify=most,
        min_verified=whole(
            metadata, "minSuccessForVerified", low=1, high=most, default=1
        ),
    )
    for other in platform.firmware.values():
        if other.product_key == product_key:
            if other.version == version:
                raise Refusal(codes.VERSION_EXISTS)
            if other.name.default == name.default:
                raise Refusal(codes.NAME_EXISTS)
    suffix = file_name[file_name.rindex(".") :]
    firmware.file_url = f"enos-connect://{firmware.firmware_id}{suffix}"
    platform.firmware[firmware.firmware_id] = firmware
    return Reply({"firmwareId": firmware.firmware_id})


def _upload(asked: Asked) -> _Upload:
    """Return the two parts of a multipart body; raises Refusal."""
    head = f"Content-Type: {asked.content_type}\r\n\r\n".encode()
    message = BytesParser(EmailMessage, policy=HTTP).parsebytes(head + asked.body)
    parts: dict[str, EmailMessage] = {}
    for part in message.iter_parts():
        if isinstance(part, EmailMessage):
            name = part.get_param("name", header="content-disposition")
            parts[str(name)] = part
    if "metadata" not in parts or "file" not in parts:
        raise invalid("file", "is missing, or metadata is")
    try:
        metadata = orjson.loads(_payload(parts["metadata"]))
    except orjson.JSONDecodeError:
        raise invalid("metadata", "is not JSON") from None
    if not isinstance(metadata, dict):
        raise invalid("metadata", "is not an object")
    return _Upload(
        without_nulls(metadata),
        parts["file"].get_filename() or "",
        _payload(parts["file"]),
    )


def _payload(part: EmailMessage) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def get(asked: Asked) -> Reply:
    """Return one firmware."""
    return Reply(asked.wire.firmware(_firmware(asked)))


def search(asked: Asked) -> Reply:
    """Return firmware, the newest first."""
    page, rows = asked.found(asked.platform.firmware.values(), _FIRMWARE_FIELDS)
    rows.sort(key=lambda firmware: -firmware.created)
    reply = listed(asked, page, rows, asked.wire.firmware)
    return reply if asked.platform.quirks.ota_pagination else Reply(reply.data)


def delete(asked: Asked) -> Reply:
    """Delete a firmware.

    Chosen: it cannot be deleted while a job that is started installs it.
    """
    firmware = _firmware(asked)
    if any(
        job.started and job.firmware is firmware for job in asked.platform.jobs.values()
    ):
        raise Refusal(codes.CANNOT_DELETE)
    del asked.platform.firmware[firmware.firmware_id]
    return Reply()


def _firmware(asked: Asked) -> Firmware:
    firmware = asked.platform.firmware.get(asked.parameter("firmwareId"))
    if firmware is None:
        raise Refusal(codes.FIRMWARE_NOT_FOUND)
    return firmware


def list_versions(asked: Asked) -> Reply:
    """Return the versions that the devices of a product have reported."""
    product_key = asked.parameter("productKey")
    versions = {
        device.version: None
        for device in asked.platform.devices.values()
        if device.product.product_key == product_key and device.version is not None
    }
    return Reply(list(versions))


def search_devices(asked: Asked) -> Reply:
    """Return the devices that have reported a version, with it."""
    reported = (
        device
        for device in asked.platform.devices.values()
        if device.version is not None
    )
    page, rows = asked.found(reported, _DEVICE_FIELDS)
    reply = listed(asked, page, rows, asked.wire.device_firmware)
    return reply if asked.platform.quirks.ota_pagination else Reply(reply.data)


def download(asked: Asked) -> Reply:
    """Return the file of a firmware."""
    uri = asked.parameter("fileUri")
    for firmware in asked.platform.firmware.values():
        if firmware.file_url == uri:
            content = firmware.content
            if content is None:
                content = firmware.version.encode().ljust(firmware.file_size, b"\0")
            return Reply(raw=content)
    raise Refusal(codes.NOT_FOUND)


ACTIONS: dict[str, Handler] = {
    "create": create,
    "get": get,
    "search": search,
    "delete": delete,
    "listVersion": list_versions,
    "searchDeviceUpgrade": search_devices,
}
FILE_ACTIONS: dict[str, Handler] = {"download": download}
