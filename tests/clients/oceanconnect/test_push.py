"""Pushes: which addresses there may be, whose subscriptions, and what is read."""

import json
from typing import Any

import pytest

from custom_components.fleet_upgrade.clients.errors import (
    InvalidFieldError,
    MalformedError,
    RejectedError,
)
from custom_components.fleet_upgrade.clients.model import Pushed
from custom_components.fleet_upgrade.clients.oceanconnect import PLATFORM
from custom_components.fleet_upgrade.clients.oceanconnect.client import (
    OceanConnectClient,
)
from custom_components.fleet_upgrade.clients.oceanconnect.push import check_push_address
from custom_components.fleet_upgrade.clients.oceanconnect.subscriptions import (
    MANAGEMENT,
    PATH,
    UPGRADE_NOTIFICATIONS,
)
from custom_components.fleet_upgrade.clients.platform import Capability
from simulator.oceanconnect import (
    Fault,
    FaultKind,
    OceanConnectSimulator,
    Quirks,
    codes,
    refusal,
)

from ...common_simulator import APP_ID
from ...simulator.receiver import receiving

OURS = "http://127.0.0.1:9999/api/webhook/secret"
THEIRS = "https://127.0.0.1:9998/told"


def subscribed(oceanconnect: OceanConnectSimulator) -> dict[str, str]:
    """Return the address of each type that is subscribed to."""
    return {
        one.notify_type: one.callback_url for one in oceanconnect.platform.subscriptions
    }


def message(**changes: Any) -> bytes:
    """Return a notification, compact as the platform writes it."""
    said = {
        "notifyType": "swUpgradeResultNotify",
        "deviceId": "meter-7",
        "appId": APP_ID,
        "operationId": "task",
        "subOperationId": "subtask",
        "swUpgradeResult": "SUCCESS",
    }
    said = {key: value for key, value in (said | changes).items() if value is not None}
    return json.dumps(said, separators=(",", ":")).encode()


# Addresses


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:8123/api/webhook/x",
        "https://home.example.com:443/api/webhook/x",
        "https://[2001:db8::1]:8443/x",
        "https://home_1.example.com:8123/a/b",
        "http://host:80/",
    ],
)
def test_an_address_with_all_its_parts_is_fine(address: str) -> None:
    """Also a bare IP address: most platforms of operators have no other."""
    assert PLATFORM.check_push_address is check_push_address
    assert Capability.PUSH in PLATFORM.capabilities
    check_push_address(address)


@pytest.mark.parametrize(
    ("address", "rule"),
    [
        ("", "scheme"),
        ("home.example.com/x", "scheme"),
        ("home.example.com:8123/x", "scheme"),
        ("ftp://home.example.com:21/x", "scheme"),
        ("https:///x", "host"),
        ("https://:443/x", "host"),
        ("https://höme.example.com:443/x", "host"),
        ("https://ho me:443/x", "host"),
        ("https://home.example.com/x", "port"),
        ("https://home.example.com:/x", "port"),
        ("https://home.example.com:0/x", "port"),
        ("https://home.example.com:99999/x", "malformed"),
        ("https://home.example.com:http/x", "malformed"),
        ("https://[::1/x", "malformed"),
        ("https://home.example.com:443", "malformed"),
        ("https://home.example.com:443/x?y=1", "malformed"),
        ("https://home.example.com:443/x#y", "malformed"),
        ("https://me:pass@home.example.com:443/x", "malformed"),
        ("https://home.example.com:443/ x", "malformed"),
        ("https://home.example.com:443/ü", "malformed"),
    ],
)
def test_what_is_wrong_with_an_address_is_said(address: str, rule: str) -> None:
    """Before the platform refuses it with one code for all (100222)."""
    with pytest.raises(InvalidFieldError) as err:
        check_push_address(address)
    assert (err.value.field, err.value.key) == ("push_address", f"push_address_{rule}")


# Subscriptions


async def test_all_four_notifications_go_to_our_address(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """And nobody is in the way."""
    assert await client.subscribe(OURS, is_made=False) == ()
    assert subscribed(oceanconnect) == dict.fromkeys(UPGRADE_NOTIFICATIONS, OURS)


async def test_what_is_there_is_not_made_again(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """After a restart one call tells that nothing is missing."""
    await client.subscribe(OURS, is_made=False)
    missing = UPGRADE_NOTIFICATIONS[2]
    await client.subscriptions.delete_many(notify_type=missing)
    oceanconnect.calls.clear()
    assert await client.subscribe(OURS, is_made=True) == ()
    assert len(oceanconnect.calls.matching(MANAGEMENT)) == 1
    assert subscribed(oceanconnect) == dict.fromkeys(UPGRADE_NOTIFICATIONS, OURS)
    oceanconnect.calls.clear()
    assert await client.subscribe(OURS, is_made=True) == ()
    assert [call.method for call in oceanconnect.calls] == ["GET"]


@pytest.mark.parametrize("resubscription", ["conflict", "replace"])
async def test_a_subscription_of_the_operator_is_in_the_way_and_stays(
    client: OceanConnectClient,
    oceanconnect: OceanConnectSimulator,
    resubscription: Any,
) -> None:
    """Also where a second subscription would take the place of the first."""
    oceanconnect.quirks = Quirks(resubscription=resubscription)
    first, second, *others = UPGRADE_NOTIFICATIONS
    for notify_type in (first, second):
        await client.subscriptions.subscribe_to_upgrades(notify_type, THEIRS)
    assert await client.subscribe(OURS, is_made=False) == (THEIRS, THEIRS)
    expected = {first: THEIRS, second: THEIRS, **dict.fromkeys(others, OURS)}
    assert subscribed(oceanconnect) == expected


@pytest.mark.parametrize(
    ("is_made", "in_the_way"), [(False, (None,) * 4), (True, ())], ids=["new", "made"]
)
async def test_a_list_that_hides_subscriptions_is_no_reason_to_make_them_twice(
    client: OceanConnectClient,
    oceanconnect: OceanConnectSimulator,
    is_made: bool,
    in_the_way: tuple[None, ...],
) -> None:
    """Whose they are is known only if we have made all of them before."""
    await client.subscribe(OURS, is_made=False)
    oceanconnect.faults.add(
        Fault(
            kind=FaultKind.STATUS,
            path=PATH,
            method="GET",
            status=200,
            body=b'{"totalCount":0,"subscriptions":[]}',
        )
    )
    assert await client.subscribe(OURS, is_made=is_made) == in_the_way


async def test_a_refusal_is_handed_on(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """An address that the platform does not like, say."""
    oceanconnect.faults.add(refusal(codes.CALLBACK_ILLEGAL, path=MANAGEMENT))
    with pytest.raises(RejectedError) as err:
        await client.subscribe(OURS, is_made=False)
    assert err.value.key == "rejected_callback_invalid"


async def test_only_what_is_at_our_address_is_taken_back(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """One by one, so that a platform cannot mistake it for all."""
    await client.subscriptions.subscribe("deviceAdded", THEIRS)
    await client.subscriptions.subscribe_to_upgrades(UPGRADE_NOTIFICATIONS[0], THEIRS)
    await client.subscribe(OURS, is_made=False)
    oceanconnect.calls.clear()
    await client.unsubscribe(OURS)
    left = {"deviceAdded": THEIRS, UPGRADE_NOTIFICATIONS[0]: THEIRS}
    assert subscribed(oceanconnect) == left
    deleted = [call.path for call in oceanconnect.calls if call.method == "DELETE"]
    assert len(deleted) == 3
    assert PATH not in deleted
    await client.unsubscribe(OURS)
    assert subscribed(oceanconnect) == left


async def test_what_somebody_else_has_just_deleted_is_taken_back(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """The others are taken back all the same."""
    await client.subscribe(OURS, is_made=False)
    oceanconnect.faults.add(
        refusal(codes.SUBSCRIPTION_UNKNOWN, path=PATH, method="DELETE")
    )
    await client.unsubscribe(OURS)
    assert len(subscribed(oceanconnect)) == 1


# Messages


async def test_what_the_platform_pushes_is_read(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """All four notifications, as the simulated platform writes them."""
    async with receiving() as receiver:
        await client.subscribe(receiver.url, is_made=False)
        tasks: list[str] = []
        for kind in ("firmware", "software"):
            package = oceanconnect.packages(kind)[0]
            device = oceanconnect.devices(package)[len(tasks)]
            device.status, device.wakes_after, device.flaw = "ONLINE", 0.0, None
            ids = [device.device_id]
            tasks.append(oceanconnect.add_task(kind=kind, package=package, devices=ids))
        oceanconnect.clock.advance(1800)
        messages = await receiver.wait_for(10)
        read = [client.read_push(body) for *_, body in receiver.requests]
    assert {each["notifyType"] for each in messages} == {*UPGRADE_NOTIFICATIONS}
    assert {each.task_id for each in read} == {*tasks}
    assert len({each.key for each in read}) == len(read)


def test_the_same_message_has_the_same_key(client: OceanConnectClient) -> None:
    """Another one about the same task has not."""
    read = client.read_push(message())
    assert read == Pushed(task_id="task", key=read.key)
    assert client.read_push(message()) == read
    other = client.read_push(message(swUpgradeResult="FAIL"))
    assert other.task_id == "task"
    assert other.key != read.key


@pytest.mark.parametrize("more", [{"odd": [1, {}]}, {"upgradeTime": 3, "step": 1}])
def test_what_is_not_used_may_be_anything(
    client: OceanConnectClient, more: dict[str, Any]
) -> None:
    """The platform's pages disagree about it."""
    assert client.read_push(message(**more)).task_id == "task"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"ok",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b"[" * 100_000,
        message(appId="someone"),
        message(appId=None),
        message(notifyType="deviceDataChanged"),
        message(notifyType=["swUpgradeResultNotify"]),
        message(operationId=None),
        message(operationId=""),
        message(operationId=5),
        message(operationId="x" * 257),
        message(subOperationId=None),
        message(deviceId={}),
    ],
    ids=str,
)
def test_what_is_not_meant_for_us_is_refused(
    client: OceanConnectClient, body: bytes
) -> None:
    """And nothing of its content is repeated."""
    with pytest.raises(MalformedError) as err:
        client.read_push(body)
    assert "meter-7" not in str(err.value)
    assert "someone" not in str(err.value)
