"""What may be asked of a new job, and what is refused."""

from typing import Any

import pytest

from simulator.enos import EnosSimulator
from simulator.enos.model import Device

from .caller import Caller


def partial(**scope: Any) -> dict[str, Any]:
    """Return the part of a body that says for which devices it is."""
    return {"upgradeScope": {"type": "partial"} | scope}


async def keys(caller: Caller, **body: Any) -> set[str]:
    """Create a job and return the device keys of its OTA tasks."""
    job_id = (await caller.create(**body)).data["jobId"]
    return {task.device_key for task in caller.sim.tasks(job_id)}


def candidates(sim: EnosSimulator) -> list[Device]:
    """Return the devices that the newest verified firmware can be installed on."""
    return sim.devices(sim.firmware(verified=True)[0])


async def test_all_devices_on_some_versions(caller: Caller) -> None:
    """Of the firmware's product."""
    found = await keys(
        caller, upgradeScope={"type": "total", "versionNumbers": ["1.0"]}
    )
    assert found == {
        device.device_key
        for device in candidates(caller.sim)
        if device.version == "1.0"
    }


async def test_devices_by_their_keys(caller: Caller) -> None:
    """With from-versions; one that does not fit is left out."""
    devices = candidates(caller.sim)[:6]
    names = [device.device_key for device in devices]
    found = await keys(caller, **partial(deviceKeys=names, versionNumbers=["1.1"]))
    assert found == {device.device_key for device in devices if device.version == "1.1"}


async def test_devices_by_their_asset_ids(caller: Caller) -> None:
    """Which are unique in the organisation."""
    devices = candidates(caller.sim)[:3]
    found = await keys(
        caller, **partial(assetIds=[device.asset_id for device in devices])
    )
    assert found == {device.device_key for device in devices}


async def test_devices_by_attributes_and_tags(caller: Caller) -> None:
    """All keys have to match, with one of their values each; 5 is "5" here."""
    found = await keys(
        caller, **partial(attributes={"ratedPower": [5, "10"], "phase": ["A"]})
    )
    assert found == {
        device.device_key
        for device in candidates(caller.sim)
        if device.attributes["ratedPower"] in (5, 10)
        and device.attributes["phase"] == "A"
    }
    caller.sim.reset()
    await caller.signed_in()
    found = await keys(caller, **partial(tags={"region": ["north", "west"]}))
    assert found == {
        device.device_key
        for device in candidates(caller.sim)
        if device.tags["region"] in ("north", "west")
    }


@pytest.mark.parametrize("spelling", ["includedNodes", "includedNotes"])
async def test_devices_by_asset_trees(caller: Caller, spelling: str) -> None:
    """Below some nodes of a tree, as a vendor's sample misspells them too."""
    (tree,) = caller.sim.trees()
    node = next(node for node in tree.nodes.values() if node.name.default == "North")
    below = {each.asset_id for each in tree.below(node.asset_id)}
    found = await keys(
        caller,
        **partial(assetTrees=[{"treeId": tree.tree_id, spelling: [node.asset_id]}]),
    )
    everyone = caller.sim.devices()
    assert found
    assert {d.asset_id for d in everyone if d.device_key in found} < below


async def test_devices_of_a_whole_tree(caller: Caller) -> None:
    """Nodes that are left out, or empty, mean all."""
    (tree,) = caller.sim.trees()
    scope = partial(assetTrees=[{"treeId": tree.tree_id, "includedNodes": ""}])
    assert await keys(caller, **scope) == {
        device.device_key for device in candidates(caller.sim)
    }


async def test_devices_of_groups(caller: Caller) -> None:
    """Several groups are one scope."""
    first, second = caller.sim.groups(caller.sim.firmware(verified=True)[0])[:2]
    found = await keys(caller, **partial(deviceGroupIds=[first.group_id]))
    more = await keys(
        caller, **partial(deviceGroupIds=[first.group_id, second.group_id])
    )
    assert found
    assert more
    # Those of the first group are in a job already.
    assert not found & more


async def test_numbers_and_flags_may_be_text(caller: Caller) -> None:
    """As the vendor's samples send some; and fields of old are ignored."""
    job_id = (
        await caller.create(
            enableUpgradeRequest="true",
            upgradeTimeout="600",
            maximumConcurrency="10",
            retryPolicy={
                "enableRetry": True,
                "retryInterval": "10",
                "retryCount": "5",
            },
            schedulePolicy={
                "isRepeatDaily": True,
                "startTimestamp": "1790000000000",
                "endTimestamp": 1790010800000,
                "timezoneOffsetInMinutes": 60,
            },
            startSchedule=0,
            endSchedule=86399,
        )
    ).data["jobId"]
    job = await caller.job(job_id)
    assert job["enableUpgradeRequest"] is True
    assert (job["upgradeTimeout"], job["maximumConcurrency"]) == (600, 10)
    assert job["retryPolicy"] == {
        "enableRetry": True,
        "retryInterval": 10,
        "retryCount": 5,
    }
    assert job["schedulePolicy"] == {
        "isRepeatDaily": True,
        "startTimestamp": 1790000000000,
        "endTimestamp": 1790010800000,
    }


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"type": None}, "type"),
        ({"type": "downgrade"}, "type"),
        ({"name": "Autumn"}, "name"),
        ({"name": {"defaultValue": "x", "i18nValue": []}}, "name"),
        ({"upgradePolicy": None}, "upgradePolicy"),
        ({"upgradePolicy": "dynamic"}, "upgradePolicy"),
        ({"enableUpgradeRequest": None}, "enableUpgradeRequest"),
        ({"enableUpgradeRequest": 1}, "enableUpgradeRequest"),
        ({"upgradeTimeout": 299}, "upgradeTimeout"),
        ({"upgradeTimeout": 172_801}, "upgradeTimeout"),
        ({"upgradeTimeout": "soon"}, "upgradeTimeout"),
        ({"maximumConcurrency": 0}, "maximumConcurrency"),
        ({"retryPolicy": 5}, "retryPolicy"),
        ({"retryPolicy": {"enableRetry": True, "retryCount": 1}}, "retryInterval"),
        ({"retryPolicy": {"enableRetry": True, "retryInterval": 1}}, "retryCount"),
        (
            {
                "retryPolicy": {
                    "enableRetry": True,
                    "retryInterval": 86_401,
                    "retryCount": 1,
                }
            },
            "retryInterval",
        ),
        (
            {
                "retryPolicy": {
                    "enableRetry": True,
                    "retryInterval": 0,
                    "retryCount": 6,
                }
            },
            "retryCount",
        ),
        ({"schedulePolicy": {"startTimestamp": 1}}, "endTimestamp"),
        (
            {"schedulePolicy": {"startTimestamp": 0, "endTimestamp": 1_799_999}},
            "endTimestamp",
        ),
        ({"upgradeScope": None}, "upgradeScope"),
        ({"upgradeScope": {}}, "type"),
        ({"upgradeScope": {"type": "some"}}, "type"),
        ({"upgradeScope": {"type": "total"}}, "versionNumbers"),
        (
            {
                "upgradeScope": {
                    "type": "total",
                    "versionNumbers": ["1.0"],
                    "deviceKeys": ["x"],
                }
            },
            "deviceKeys",
        ),
        (partial(), "upgradeScope"),
        (partial(deviceKeys=["x"], assetIds=["y"]), "upgradeScope"),
        (partial(deviceKeys=[]), "deviceKeys"),
        (partial(deviceKeys=[1]), "deviceKeys"),
        (partial(attributes={}), "attributes"),
        (partial(tags={"region": "north"}), "tags"),
        (partial(assetTrees=[]), "assetTrees"),
        (partial(assetTrees=[{"treeId": "x"}] * 6), "assetTrees"),
        (partial(assetTrees=[{}]), "assetTrees"),
        (partial(assetIds=["x"], versionNumbers=["2.0"]), "versionNumbers"),
        (partial(assetIds=["x"], productKey=5), "productKey"),
    ],
)
async def test_what_is_wrong_is_an_invalid_argument(
    caller: Caller, body: dict[str, Any], name: str
) -> None:
    """The message says which one; nothing is created."""
    before = len(caller.sim.jobs())
    answer = await caller.create(**body)
    assert answer.code == 99400
    assert answer.json["msg"].startswith(f"Invalid Argument {name}:{name} ")
    assert len(caller.sim.jobs()) == before


@pytest.mark.parametrize(
    "scope",
    [
        partial(deviceKeys=["nobody"]),
        partial(assetIds=["nobody"]),
        partial(deviceGroupIds=["none"]),
        partial(assetTrees={"treeId": "none"}),
        partial(assetIds=["x"], productKey="none"),
    ],
)
async def test_what_does_not_exist_is_not_found(
    caller: Caller, scope: dict[str, Any]
) -> None:
    """Rather than quietly left out."""
    answer = await caller.create(**scope)
    assert (answer.code, answer.json["msg"]) == (99404, "object does not exist")


async def test_firmware_has_to_exist(caller: Caller) -> None:
    """And to be named."""
    answer = await caller.create(firmware_id="none")
    assert (answer.code, answer.json["msg"]) == (24404, "Firmware not found")
    assert (await caller.create(firmware_id="")).code == 99400


async def test_firmware_has_to_be_verified_first(caller: Caller) -> None:
    """Where its verification is switched on."""
    (firmware,) = caller.sim.firmware(verified=False)
    group = caller.sim.groups(firmware)[0]
    body = partial(deviceGroupIds=[group.group_id])
    answer = await caller.create(firmware_id=firmware.firmware_id, **body)
    assert answer.code == 24610
    assert "firmware is not verified" in answer.json["msg"]


async def test_firmware_without_a_product_needs_one_for_device_keys(
    caller: Caller,
) -> None:
    """Since the keys are unique within a product only."""
    firmware = next(each for each in caller.sim.firmware() if not each.product_key)
    device = caller.sim.devices(firmware)[0]
    scope = {"type": "partial", "deviceKeys": [device.device_key]}
    answer = await caller.create(firmware_id=firmware.firmware_id, upgradeScope=scope)
    assert answer.json["msg"] == "Invalid Argument productKey:productKey is missing"
    scope["productKey"] = device.product.product_key
    assert await keys(caller, firmware_id=firmware.firmware_id, upgradeScope=scope) == {
        device.device_key
    }


async def test_a_verification_has_few_devices(caller: Caller) -> None:
    """Not all of them, no groups, and no more than the firmware allows."""
    (firmware,) = caller.sim.firmware(verified=False)
    names = [device.device_key for device in caller.sim.devices(firmware)]

    async def verify(**scope: Any) -> Any:
        return (
            await caller.create(
                firmware_id=firmware.firmware_id,
                type="verify",
                upgradeScope={"type": "partial"} | scope,
            )
        ).json

    answer = await verify(deviceKeys=names[:6])
    assert answer["code"] == 24612
    assert answer["msg"] == "Exceeded max verification deviceKeys, max[5]"
    assert (await verify(tags={"region": ["north"]}))["code"] == 24612
    total = await verify(type="total", versionNumbers=["1.0"])
    assert total["code"] == 24611
    group = caller.sim.groups()[0]
    assert (await verify(deviceGroupIds=[group.group_id]))["code"] == 99400
    job = await caller.job((await verify(deviceKeys=names[:5]))["data"]["jobId"])
    assert job["type"] == "verify"
    assert job["enableUpgradeRequest"] is False
    for name in (
        "upgradePolicy",
        "retryPolicy",
        "schedulePolicy",
        "maximumConcurrency",
    ):
        assert job[name] is None
