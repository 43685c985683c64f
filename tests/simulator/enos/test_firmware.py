"""Firmware over the wire, and which device runs what."""

import asyncio
from dataclasses import replace
import json
from typing import Any

import aiohttp
import pytest

from simulator.enos import Fault, FaultKind

from .caller import FILES, FIRMWARE, JOBS, REPORT, Answer, Caller, address

METADATA = {
    "name": {"defaultValue": "Winter", "i18nValue": {"zh_CN": "冬"}},
    "version": "4.0",
    "signMethod": "md5",
    "sign": "0f343b0931126a20f133d67c2b018a3b",
    "desc": "Warmer",
}


async def upload(
    caller: Caller,
    metadata: object = None,
    *,
    name: str | None = "winter.bin",
    content: bytes = b"\r\n\x00--x",
    product_key: str | None = None,
) -> Answer:
    """Send a firmware with its file; a signature over it leaves the body out."""
    form = aiohttp.FormData(default_to_multipart=True)
    text = json.dumps(METADATA if metadata is None else metadata)
    form.add_field("metadata", text)
    if name is not None:
        form.add_field("file", content, filename=name)
    query = {"action": "create", "orgId": caller.sim.org_id}
    if product_key is not None:
        query["productKey"] = product_key
    return await caller.raw(
        "POST", address(FIRMWARE, query), data=form, headers=caller.headers(query, "")
    )


async def test_firmware_is_found_newest_first(caller: Caller) -> None:
    """With all its fields."""
    answer = await caller.call(FIRMWARE, "search", {"pagination": {"pageSize": 200}})
    assert answer.total == len(answer.data) == len(caller.sim.firmware())
    times = [row["createTime"] for row in answer.data]
    assert times == sorted(times, reverse=True)
    row = answer.data[0]
    got = await caller.call(FIRMWARE, "get", method="GET", firmwareId=row["firmwareId"])
    assert got.data == row
    assert set(row) == {
        "orgId",
        "firmwareId",
        "productKey",
        "name",
        "version",
        "desc",
        "signMethod",
        "sign",
        "fileUrl",
        "fileSize",
        "enableVerification",
        "isVerified",
        "createTime",
        "firmwareTags",
        "maxAllowedForVerification",
        "minSuccessForVerified",
    }


async def test_firmware_is_found_by_what_it_is(caller: Caller) -> None:
    """Its product, its name, whether it is verified."""
    product_key = caller.sim.products()[0].product_key

    async def versions(expression: str) -> list[str]:
        answer = await caller.call(FIRMWARE, "search", {"expression": expression})
        return [row["version"] for row in answer.data]

    assert await versions("isVerified = False") == ["3.0-beta"]
    assert await versions(f"productKey in ('{product_key}') and isVerified = True") == [
        "2.0",
        "1.1",
        "1.0",
    ]
    assert await versions("name.default like 'bootloader'") == ["9.0"]
    caller.sim.quirks = replace(caller.sim.quirks, ota_pagination=False)
    answer = await caller.call(FIRMWARE, "search")
    assert "pagination" not in answer.json


@pytest.mark.parametrize("action", ["get", "delete"])
async def test_firmware_that_is_not_there_is_not_found(
    caller: Caller, action: str
) -> None:
    """With the code of a job that is not there."""
    answer = await caller.call(FIRMWARE, action, firmwareId="x")
    assert (answer.code, answer.json["msg"]) == (24404, "Firmware not found")


async def test_firmware_in_use_cannot_be_deleted(caller: Caller) -> None:
    """A job that installs it keeps it while it is started."""
    firmware = caller.sim.firmware(verified=True)[0]
    job_id = caller.sim.add_job(firmware=firmware)
    firmware_id = firmware.firmware_id
    assert (await caller.call(FIRMWARE, "delete", firmwareId=firmware_id)).code == 24604
    caller.sim.stop_job(job_id)
    assert (await caller.call(FIRMWARE, "delete", firmwareId=firmware_id)).data is None
    assert (await caller.call(FIRMWARE, "get", firmwareId=firmware_id)).code == 24404
    job = await caller.call(JOBS, "get", jobId=job_id)
    assert job.data["firmwareVersion"] == firmware.version


async def test_firmware_can_be_uploaded(caller: Caller) -> None:
    """And fetched again, byte by byte."""
    product_key = caller.sim.products()[1].product_key
    more: dict[str, Any] = {
        "enableVerification": True,
        "maxAllowedForVerification": "3",
        "minSuccessForVerified": 2,
        "firmwareTags": {"season": "winter"},
    }
    answer = await upload(caller, METADATA | more, product_key=product_key)
    firmware_id = answer.data["firmwareId"]
    row = (await caller.call(FIRMWARE, "get", firmwareId=firmware_id)).data
    assert row["productKey"] == product_key
    assert row["name"] == METADATA["name"]
    assert row["fileSize"] == 6
    assert row["fileUrl"].endswith(".bin")
    assert (row["enableVerification"], row["isVerified"]) == (True, False)
    assert (row["maxAllowedForVerification"], row["minSuccessForVerified"]) == (3, 2)
    file = await caller.call(FILES, "download", method="GET", fileUri=row["fileUrl"])
    assert file.body == b"\r\n\x00--x"
    gone = await caller.call(FILES, "download", method="GET", fileUri="enos-connect://")
    assert gone.code == 99404


async def test_versions_and_names_are_there_once(caller: Caller) -> None:
    """Within a product, or among firmware without one."""
    assert (await upload(caller)).code == 0
    assert (await upload(caller)).code == 24601
    assert (await upload(caller, METADATA | {"version": "4.1"})).code == 24602
    product_key = caller.sim.products()[0].product_key
    assert (await upload(caller, product_key=product_key)).code == 0
    assert (await upload(caller, product_key="none")).code == 99404


@pytest.mark.parametrize(
    "metadata",
    [
        [],
        METADATA | {"name": None},
        METADATA | {"version": ""},
        METADATA | {"signMethod": "crc"},
        METADATA | {"sign": None},
        METADATA | {"sign": 5},
        METADATA | {"desc": "x" * 513},
        METADATA | {"firmwareTags": []},
        METADATA | {"maxAllowedForVerification": 0},
        METADATA | {"maxAllowedForVerification": 2, "minSuccessForVerified": 3},
    ],
)
async def test_an_upload_is_checked(caller: Caller, metadata: object) -> None:
    """What is wrong is an invalid argument."""
    before = len(caller.sim.firmware())
    assert (await upload(caller, metadata)).code == 99400
    assert len(caller.sim.firmware()) == before


async def test_an_upload_needs_a_file(caller: Caller) -> None:
    """Of a type that is known; and metadata in JSON."""
    assert (await upload(caller, name=None)).code == 99400
    assert (await upload(caller, name="winter.exe")).code == 99400
    form = aiohttp.FormData()
    form.add_field("metadata", "{'name': 1}")
    form.add_field("file", b"x", filename="x.bin")
    query = {"action": "create", "orgId": caller.sim.org_id}
    answer = await caller.raw(
        "POST", address(FIRMWARE, query), data=form, headers=caller.headers(query, "")
    )
    assert answer.code == 99400
    assert (await caller.call(FIRMWARE, "create", {})).code == 99400


async def test_one_upload_at_a_time(caller: Caller) -> None:
    """What comes while another is on its way is refused."""
    caller.sim.faults.add(Fault(kind=FaultKind.DELAY, delay=20, path="action=create"))
    sending = asyncio.create_task(upload(caller))
    while not caller.sim.calls.count("action=create"):
        await asyncio.sleep(0.01)
    assert (await upload(caller, METADATA | {"version": "4.1"})).code == 24603
    caller.sim.faults.clear()
    with pytest.raises(aiohttp.ClientConnectionError):
        await sending
    assert (await upload(caller, METADATA | {"version": "4.1"})).code == 24602


async def test_versions_of_a_product_are_listed(caller: Caller) -> None:
    """Those that its devices have told."""
    product = caller.sim.products()[0]
    device = caller.sim.devices(caller.sim.firmware(verified=False)[0])[0]
    caller.sim.report_version(device.asset_id, "0.9")
    answer = await caller.call(
        FIRMWARE, "listVersion", method="GET", productKey=product.product_key
    )
    assert sorted(answer.data) == ["0.9", "1.0", "1.1"]
    assert (await caller.call(FIRMWARE, "listVersion")).code == 99400


async def test_devices_are_found_with_their_firmware(caller: Caller) -> None:
    """Which is how a scope can be seen before a job is made for it."""
    firmware = caller.sim.firmware(verified=True)[0]

    async def search(expression: str) -> Answer:
        return await caller.call(
            FIRMWARE, "searchDeviceUpgrade", {"expression": expression}
        )

    of_product = f"productKey = '{firmware.product_key}' and firmwareVersion in "
    answer = await search(f"{of_product} ('1.0','1.1')")
    assert answer.total == len(caller.sim.devices(firmware))
    assert set(answer.data[0]) == {
        "orgId",
        "assetId",
        "productKey",
        "deviceKey",
        "firmwareVersion",
        "isUpgrading",
    }
    assert (await search("isUpgrading = True")).total == 0
    job_id = caller.sim.add_job()
    assert (await search("isUpgrading = True")).total == len(caller.sim.tasks(job_id))
    assert (await search("deviceKey = 'x'")).code == 99400


async def test_a_version_can_be_told_for_a_device(caller: Caller) -> None:
    """By asset ID, or by product and device key."""
    device = caller.sim.devices()[0]
    product_key, device_key = device.key
    for version, named in (
        ("5.0", {"assetId": device.asset_id}),
        ("5.1", {"productKey": product_key, "deviceKey": device_key}),
    ):
        body = {"version": version} | named
        answer = await caller.call(REPORT, "reportFirmwareVersion", body)
        assert answer.data is None
        assert device.version == version
    for code, body in (
        (400, {"assetId": device.asset_id}),
        (400, {"version": "5.0"}),
        (404, {"version": "5.0", "assetId": "x"}),
        (404, {"version": "5.0", "deviceKey": device_key}),
    ):
        answer = await caller.call(REPORT, "reportFirmwareVersion", body)
        assert answer.code == code
