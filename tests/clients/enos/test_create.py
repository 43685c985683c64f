"""The create action: its rules, what is sent, and how its result is known again."""

from datetime import timedelta
from typing import Any

from msgspec import structs
import pytest

from custom_components.fleet_upgrade.clients.enos import PLATFORM
from custom_components.fleet_upgrade.clients.enos.client import EnosClient
from custom_components.fleet_upgrade.clients.enos.create import (
    SCOPES,
    build,
    is_result,
    prepare,
)
from custom_components.fleet_upgrade.clients.errors import (
    InvalidFieldError,
    NotFoundError,
)
from custom_components.fleet_upgrade.clients.model import (
    Execution,
    Package,
    Policy,
    Targets,
    UpgradeKind,
    UpgradeTask,
)
from simulator.enos import EnosSimulator, Quirks
from simulator.enos.model import Text
from simulator.faults import Fault, FaultKind

from .common import NOW, a_creation, actions

HOUR = timedelta(hours=1)
SCOPE: dict[str, dict[str, Any]] = {
    "device_groups": {"device_groups": ["g1", "g2"]},
    "devices": {"devices": ["key1", "key2"]},
    "attributes": {"attributes": {"power": [5, "5", True]}},
    "tags": {"tags": {"site/a": ["north", "south"]}},
    "asset_trees": {"asset_trees": {"tree": ["n1"], "whole": []}},
    "asset_ids": {"asset_ids": ["a1"]},
    "all_devices": {"all_devices": True, "from_versions": ["1.0"]},
}
GROUP: dict[str, Any] = {"device_groups": ["g1"]}
VERIFY: dict[str, Any] = {"purpose": "verify", "devices": ["key1"]}
PACKAGE = Package(
    package_id="p1", kind=UpgradeKind.FIRMWARE, version="2.0", product="product"
)


def rule_broken_by(**values: Any) -> tuple[str, str, dict[str, str]]:
    """Return field, rule and placeholders of the error that values raise."""
    with pytest.raises(InvalidFieldError) as err:
        prepare(build({"package": "p1", **values}, NOW), PACKAGE)
    assert err.value.placeholders.pop("field") == err.value.field
    return err.value.field, err.value.key, err.value.placeholders


@pytest.mark.parametrize(
    ("values", "broken"),
    [
        ({}, ("device_groups", "scope_missing", {})),
        ({"all_devices": False}, ("device_groups", "scope_missing", {})),
        (
            {"devices": ["key1"], "tags": {"a": ["b"]}},
            ("tags", "scope_twice", {"other": "devices"}),
        ),
        ({"all_devices": True}, ("from_versions", "versions_missing", {})),
        ({"device_groups": ["g", " "]}, ("device_groups", "targets_empty_value", {})),
        ({"tags": {" ": ["a"]}}, ("tags", "targets_empty_value", {})),
        ({"tags": {"a": [""]}}, ("tags", "targets_empty_value", {})),
        ({"attributes": {"a": [None]}}, ("attributes", "targets_empty_value", {})),
        ({"tags": {"a": []}}, ("tags", "values_missing", {"name": "a"})),
        ({"attributes": {"a": None}}, ("attributes", "values_missing", {"name": "a"})),
        ({"tags": {"a b": ["c"]}}, ("tags", "tag_invalid", {"tag": "a b"})),
        ({"tags": {"a" * 51: ["c"]}}, ("tags", "tag_invalid", {"tag": "a" * 51})),
        (
            {"tags": {"a": ["c" * 201]}},
            ("tags", "tag_too_long", {"tag": "a", "limit": "200"}),
        ),
        (
            {"asset_trees": {f"tree{number}": [] for number in range(6)}},
            ("asset_trees", "targets_too_many", {"limit": "5", "count": "6"}),
        ),
        (
            {"devices": ["abc"]},
            (
                "devices",
                "device_key_invalid",
                {"device": "abc", "minimum": "4", "maximum": "64"},
            ),
        ),
        (
            {"devices": ["a" * 65]},
            (
                "devices",
                "device_key_invalid",
                {"device": "a" * 65, "minimum": "4", "maximum": "64"},
            ),
        ),
        *(
            (
                GROUP | {"time_limit": seconds},
                (
                    "time_limit",
                    "number_out_of_range",
                    {"minimum": "300", "maximum": "172800"},
                ),
            )
            for seconds in (299, 172_801)
        ),
        *(
            (
                GROUP | {"retries": retries},
                ("retries", "retries_out_of_range", {"minimum": "0", "maximum": "5"}),
            )
            for retries in (-1, 6)
        ),
        *(
            (
                GROUP | {"retries": 1, "retry_interval": seconds},
                (
                    "retry_interval",
                    "number_out_of_range",
                    {"minimum": "0", "maximum": "86400"},
                ),
            )
            for seconds in (-1, 86_401)
        ),
        (GROUP | {"retries": 1}, ("retry_interval", "retry_interval_missing", {})),
        (
            GROUP | {"retry_interval": 0},
            ("retry_interval", "retry_interval_needs_retries", {}),
        ),
        (
            GROUP | {"concurrency": 0},
            (
                "concurrency",
                "number_out_of_range",
                {"minimum": "1", "maximum": "2147483647"},
            ),
        ),
        (GROUP | {"repeat_daily": True}, ("start", "schedule_incomplete", {})),
        (GROUP | {"start": NOW}, ("end", "schedule_incomplete", {})),
        (GROUP | {"end": NOW + HOUR}, ("start", "schedule_incomplete", {})),
        (GROUP | {"start": NOW - HOUR, "end": NOW}, ("end", "window_past", {})),
        (
            GROUP | {"start": NOW, "end": NOW + timedelta(minutes=29, seconds=59)},
            ("end", "schedule_too_short", {"minutes": "30"}),
        ),
        (
            GROUP | {"from_versions": ["1.0", "2.0"]},
            ("from_versions", "versions_hold_target", {"version": "2.0"}),
        ),
        (
            GROUP | {"product": "another"},
            ("product", "product_mismatch", {"product": "product"}),
        ),
        (
            {"purpose": "verify", "all_devices": True, "from_versions": ["1.0"]},
            ("all_devices", "verify_not_all", {}),
        ),
        (
            {"purpose": "verify", "device_groups": ["g1"]},
            ("device_groups", "verify_unsupported", {}),
        ),
        (
            VERIFY | {"selection": "incremental"},
            ("selection", "verify_unsupported", {}),
        ),
        (
            VERIFY | {"device_request": True},
            ("device_request", "verify_unsupported", {}),
        ),
        (
            VERIFY | {"retries": 1, "retry_interval": 1},
            ("retries", "verify_unsupported", {}),
        ),
        (
            VERIFY | {"start": NOW, "end": NOW + HOUR},
            ("start", "verify_unsupported", {}),
        ),
        (VERIFY | {"concurrency": 1}, ("concurrency", "verify_unsupported", {})),
        (
            VERIFY | {"devices": [f"key{number}" for number in range(6)]},
            ("devices", "verify_too_many", {"limit": "5", "count": "6"}),
        ),
        (
            {"purpose": "verify", "asset_ids": [f"a{number}" for number in range(6)]},
            ("asset_ids", "verify_too_many", {"limit": "5", "count": "6"}),
        ),
    ],
)
def test_what_the_platform_would_refuse_is_refused_before_it_is_sent(
    values: dict[str, Any], broken: tuple[str, str, dict[str, str]]
) -> None:
    """With the field and the limit."""
    assert rule_broken_by(**values) == broken


@pytest.mark.parametrize("one", SCOPES)
@pytest.mark.parametrize("two", SCOPES)
def test_exactly_one_field_says_which_devices_are_meant(one: str, two: str) -> None:
    """Each alone is fine, no two are."""
    if one == two:
        build({"package": "p1", **SCOPE[one]}, NOW)
    else:
        _, rule, _ = rule_broken_by(**(SCOPE[one] | SCOPE[two]))
        assert rule == "scope_twice"


@pytest.mark.parametrize(
    ("values", "scope"),
    [
        (SCOPE["device_groups"], {"deviceGroupIds": ["g1", "g2"]}),
        (SCOPE["devices"], {"deviceKeys": ["key1", "key2"]}),
        (SCOPE["attributes"], {"attributes": {"power": [5, "5", True]}}),
        (SCOPE["tags"], {"tags": {"site/a": ["north", "south"]}}),
        ({"tags": {"a": "b"}}, {"tags": {"a": ["b"]}}),
        ({"tags": {"a": 7}}, {"tags": {"a": ["7"]}}),
        (
            SCOPE["asset_trees"],
            {
                "assetTrees": [
                    {"treeId": "tree", "includedNodes": ["n1"]},
                    {"treeId": "whole"},
                ]
            },
        ),
        ({"asset_trees": {"whole": None}}, {"assetTrees": [{"treeId": "whole"}]}),
        (SCOPE["asset_ids"], {"assetIds": ["a1"]}),
        (SCOPE["all_devices"], {"type": "total", "versionNumbers": ["1.0"]}),
        (
            {"devices": ["key1", " key1 "], "from_versions": ["1.0", "1.0"]},
            {"deviceKeys": ["key1"], "versionNumbers": ["1.0"]},
        ),
        (
            GROUP | {"product": "product"},
            {"deviceGroupIds": ["g1"], "productKey": "product"},
        ),
    ],
)
def test_a_scope_is_sent_in_the_platforms_words(
    values: dict[str, Any], scope: dict[str, Any]
) -> None:
    """What is not given is absent."""
    prepared = prepare(build({"package": "p1", **values}, NOW), PACKAGE)
    assert prepared.body["upgradeScope"] == {"type": "partial"} | scope
    assert prepared.query == {"action": "create", "firmwareId": "p1"}
    assert prepared.version == "2.0"


def test_an_upgrade_with_nothing_else_leaves_the_rest_to_the_platform() -> None:
    """Its defaults are documented."""
    prepared = prepare(build({"package": "p1", **GROUP}, NOW), PACKAGE)
    assert prepared.body == {
        "type": "upgrade",
        "upgradeScope": {"type": "partial", "deviceGroupIds": ["g1"]},
        "upgradePolicy": "snapshot",
        "enableUpgradeRequest": False,
    }


def test_an_upgrade_with_everything() -> None:
    """Times in milliseconds, the rest in seconds."""
    values = GROUP | {
        "name": " Night shift ",
        "selection": "incremental",
        "device_request": True,
        "time_limit": 300,
        "retries": 5,
        "retry_interval": 0,
        "start": NOW,
        "end": NOW + HOUR / 2,
        "repeat_daily": True,
        "concurrency": 10,
    }
    body = prepare(build({"package": "p1", **values}, NOW), PACKAGE).body
    assert body == {
        "name": {"defaultValue": "Night shift", "i18nValue": {}},
        "type": "upgrade",
        "upgradeScope": {"type": "partial", "deviceGroupIds": ["g1"]},
        "upgradePolicy": "incremental",
        "enableUpgradeRequest": True,
        "upgradeTimeout": 300,
        "retryPolicy": {"enableRetry": True, "retryInterval": 0, "retryCount": 5},
        "schedulePolicy": {
            "isRepeatDaily": True,
            "startTimestamp": 1795176000000,
            "endTimestamp": 1795177800000,
        },
        "maximumConcurrency": 10,
    }


def test_a_verification_has_scope_and_time_limit_only() -> None:
    """And the name that the platform's own samples give it."""
    values = VERIFY | {"time_limit": 600, "name": "Try", "from_versions": ["1.0"]}
    body = prepare(build({"package": "p1", **values}, NOW), PACKAGE).body
    assert body == {
        "name": {"defaultValue": "Try", "i18nValue": {}},
        "type": "verify",
        "upgradeScope": {
            "type": "partial",
            "versionNumbers": ["1.0"],
            "deviceKeys": ["key1"],
        },
        "upgradeTimeout": 600,
    }


def test_a_package_that_is_not_verified_may_only_be_verified() -> None:
    """On as many devices as it says."""
    package = structs.replace(PACKAGE, needs_verification=True, most_to_verify=1)
    with pytest.raises(InvalidFieldError) as err:
        prepare(build({"package": "p1", **GROUP}, NOW), package)
    assert (err.value.field, err.value.key) == ("package", "package_not_verified")
    prepare(build({"package": "p1", **VERIFY}, NOW), package)
    two = build({"package": "p1", **VERIFY, "devices": ["key1", "key2"]}, NOW)
    with pytest.raises(InvalidFieldError) as err:
        prepare(two, package)
    assert err.value.placeholders["limit"] == "1"


def test_device_keys_need_a_product_when_the_package_has_none() -> None:
    """Keys are only unique within a product."""
    package = structs.replace(PACKAGE, product=None)
    values: dict[str, Any] = {"package": "p1", "devices": ["key1"]}
    with pytest.raises(InvalidFieldError) as err:
        prepare(build(values, NOW), package)
    assert err.value.key == "product_missing"
    body = prepare(build(values | {"product": "mine"}, NOW), package).body
    assert body["upgradeScope"] == {
        "type": "partial",
        "deviceKeys": ["key1"],
        "productKey": "mine",
    }


def test_a_product_that_the_package_names_makes_no_other_creation() -> None:
    """It is sent as given, but the same devices stay the same devices."""
    values = {"package": "p1", "devices": ["device-1"]}
    plain = prepare(build(values, NOW), PACKAGE)
    named = prepare(build(values | {"product": "product"}, NOW), PACKAGE)
    assert named.request == plain.request
    assert named.body != plain.body


def test_a_request_without_a_schedule_runs_now() -> None:
    """With one, within it."""
    request = build({"package": "p1", **GROUP}, NOW)
    assert request.policy == Policy()
    assert request.kind is UpgradeKind.FIRMWARE
    assert request.name is None
    window = {"start": NOW, "end": NOW + HOUR}
    request = build({"package": "p1", **GROUP, **window}, NOW)
    assert request.policy.execution is Execution.CUSTOM


async def test_device_groups_may_be_given_by_name(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """What is sent, written down and compared are their IDs, for one listing."""
    one, two, *_ = enos.groups()
    prepared = await a_creation(
        client, enos, device_groups=[one.name.default, two.group_id, one.group_id]
    )
    ids = (one.group_id, two.group_id)
    assert prepared.request.targets.device_groups == ids
    assert prepared.body["upgradeScope"] == {
        "type": "partial",
        "deviceGroupIds": list(ids),
    }
    assert actions(enos).count("searchGroup") == 1


async def test_only_device_groups_are_looked_up(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """A scope without them costs no listing."""
    await a_creation(client, enos, tags={"site": ["north"]})
    assert "searchGroup" not in actions(enos)


@pytest.mark.parametrize("name", ["Nowhere", "Twice"])
async def test_a_device_group_that_is_none_or_several_is_refused(
    client: EnosClient, enos: EnosSimulator, name: str
) -> None:
    """Before anything is sent."""
    for group in enos.groups()[:2]:
        group.name = Text("Twice")
    with pytest.raises(InvalidFieldError) as err:
        await a_creation(client, enos, device_groups=[name])
    rule = "group_not_found" if name == "Nowhere" else "group_name_ambiguous"
    assert (err.value.field, err.value.key) == ("device_groups", rule)


@pytest.mark.parametrize("body", [None, b"<html>"])
async def test_without_a_list_of_device_groups_ids_are_sent_as_they_are(
    client: EnosClient, enos: EnosSimulator, body: bytes | None
) -> None:
    """Later releases do not document it any more, and a proxy may answer for it."""
    enos.quirks = Quirks(device_groups=False)
    if body is not None:
        fault = Fault(kind=FaultKind.STATUS, path="searchGroup", status=404, body=body)
        enos.faults.add(fault)
    group = enos.groups()[0].group_id
    prepared = await a_creation(client, enos, device_groups=[group])
    assert prepared.request.targets.device_groups == (group,)
    assert await client.create_task(prepared)


async def test_a_package_that_is_not_there_is_not_found(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """Before anything is written down."""
    [action] = PLATFORM.create_actions
    request = action.build({"package": "nothing", **GROUP}, NOW)
    with pytest.raises(NotFoundError) as err:
        await client.prepare_create(request)
    assert err.value.key == "rejected_package_missing"


RESULTS: list[dict[str, Any]] = [
    {},
    {"name": "Night shift", "time_limit": 300, "concurrency": 7},
    {"selection": "incremental", "device_request": True},
    {"retries": 2, "retry_interval": 60, "from_versions": ["1.0", "1.1"]},
    {"start": NOW + 1e5 * HOUR, "end": NOW + 1e5 * HOUR + HOUR, "repeat_daily": True},
]


@pytest.mark.parametrize("values", RESULTS)
async def test_a_result_is_known_again_with_the_platforms_defaults_in_it(
    client: EnosClient, enos: EnosSimulator, values: dict[str, Any]
) -> None:
    """And is not taken for the result of any other."""
    firmware = enos.firmware(verified=True)[0]
    group = {"device_groups": [enos.groups(firmware)[0].group_id]}
    creation = await a_creation(client, enos, **group, **values)
    task = await client.get_task(await client.create_task(creation))
    assert is_result(creation, task)
    for other in RESULTS:
        if other != values and "name" not in values:
            another = await a_creation(client, enos, **group, **other)
            assert not is_result(another, task)


@pytest.mark.parametrize("scope", ["devices", "tags", "asset_ids", "all_devices"])
async def test_a_result_is_known_again_whatever_its_scope(
    client: EnosClient, enos: EnosSimulator, scope: str
) -> None:
    """Targets are sets."""
    firmware = enos.firmware(verified=True)[0]
    devices = enos.devices(firmware)[:3]
    scopes: dict[str, dict[str, Any]] = {
        "devices": {"devices": [device.device_key for device in devices]},
        "tags": {"tags": {"site": ["north", "south"]}},
        "asset_ids": {"asset_ids": [device.asset_id for device in devices]},
        "all_devices": {"all_devices": True, "from_versions": ["1.0"]},
    }
    creation = await a_creation(client, enos, **scopes[scope])
    task = await client.get_task(await client.create_task(creation))
    assert is_result(creation, task)
    backwards = structs.replace(
        task,
        targets=structs.replace(
            task.targets,
            devices=task.targets.devices[::-1],
            asset_ids=task.targets.asset_ids[::-1],
            tags={key: each[::-1] for key, each in task.targets.tags.items()},
        ),
    )
    assert is_result(creation, backwards)


@pytest.mark.parametrize(
    "changes",
    [
        {"package_id": "another"},
        {"targets": Targets(device_groups=("g2",))},
        {"targets": Targets(device_groups=("g1",), from_versions=("1.0",))},
        {"policy": Policy(retries=1, retry_interval=5)},
        {"policy": Policy(is_verification=True)},
        {"policy": Policy(time_limit=300)},
        {"name": "Another"},
    ],
)
def test_what_differs_in_anything_asked_for_is_not_the_result(
    changes: dict[str, Any],
) -> None:
    """Name, firmware, scope or policy."""
    request = build({"package": "p1", "name": "Mine", **GROUP}, NOW)
    prepared = prepare(request, PACKAGE)
    task = UpgradeTask(
        task_id="one",
        kind=UpgradeKind.FIRMWARE,
        name="Mine",
        package_id="p1",
        targets=Targets(device_groups=("g1",), product="product"),
        policy=Policy(time_limit=7200, concurrency=300),
    )
    assert is_result(prepared, task)
    assert not is_result(prepared, structs.replace(task, **changes))


def test_a_verification_is_known_again_whatever_policy_it_comes_back_with() -> None:
    """It has none of its own."""
    prepared = prepare(build({"package": "p1", **VERIFY}, NOW), PACKAGE)
    task = UpgradeTask(
        task_id="one",
        kind=UpgradeKind.FIRMWARE,
        package_id="p1",
        targets=Targets(devices=("key1",)),
        policy=Policy(is_verification=True, time_limit=7200, device_request=True),
    )
    assert is_result(prepared, task)
