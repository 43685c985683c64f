"""Subscriptions: made, listed and deleted, in either of their two kinds."""

import json

import pytest

from custom_components.fleet_upgrade.clients.errors import (
    AmbiguousError,
    NotFoundError,
    RejectedError,
)
from custom_components.fleet_upgrade.clients.oceanconnect.client import (
    OceanConnectClient,
)
from custom_components.fleet_upgrade.clients.oceanconnect.subscriptions import (
    MANAGEMENT,
    PATH,
    UPGRADE_NOTIFICATIONS,
    Subscription,
)
from simulator.oceanconnect import Fault, FaultKind, OceanConnectSimulator, Quirks

from .common import all_of

HERE = "http://127.0.0.1:9999/told"
THERE = "https://127.0.0.1:9998/told"


async def listed(client: OceanConnectClient) -> dict[str | None, str | None]:
    """Return the address of each type that is subscribed to."""
    found = await all_of(client.subscriptions.pages())
    return {one.notify_type: one.callback_url for one in found}


async def test_a_business_subscription_is_made_read_and_deleted(
    client: OceanConnectClient,
) -> None:
    """It has an ID from the beginning."""
    subscription_id = await client.subscriptions.subscribe("deviceAdded", HERE)
    assert await client.subscriptions.get(subscription_id) == Subscription(
        subscription_id=subscription_id, notify_type="deviceAdded", callback_url=HERE
    )
    await client.subscriptions.delete(subscription_id)
    with pytest.raises(NotFoundError) as err:
        await client.subscriptions.get(subscription_id)
    assert err.value.code == "100225"
    with pytest.raises(NotFoundError):
        await client.subscriptions.delete(subscription_id)


async def test_all_upgrade_notifications_can_be_subscribed_to_and_are_listed(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """Their call names no ID, the list does."""
    for notify_type in UPGRADE_NOTIFICATIONS:
        await client.subscriptions.subscribe_to_upgrades(notify_type, HERE)
    found = await all_of(client.subscriptions.pages())
    assert [one.notify_type for one in found] == list(UPGRADE_NOTIFICATIONS)
    assert len({one.subscription_id for one in found}) == 4
    narrowed = client.subscriptions.pages(notify_type=UPGRADE_NOTIFICATIONS[0])
    assert await all_of(narrowed) == found[:1]
    await client.subscriptions.delete(found[0].subscription_id)
    assert len(await all_of(client.subscriptions.pages())) == 3


async def test_the_address_goes_out_under_the_key_that_vendors_write(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """Lower case for upgrades, whatever the documents' table says."""
    await client.subscriptions.subscribe_to_upgrades(UPGRADE_NOTIFICATIONS[0], HERE)
    await client.subscriptions.subscribe("deviceAdded", HERE)
    sent = {
        call.path: json.loads(call.body) for call in oceanconnect.calls if call.body
    }
    assert sent == {
        MANAGEMENT: {"notifyType": UPGRADE_NOTIFICATIONS[0], "callbackurl": HERE},
        PATH: {"notifyType": "deviceAdded", "callbackUrl": HERE},
    }


async def test_many_are_deleted_by_type_by_address_or_all_at_once(
    client: OceanConnectClient,
) -> None:
    """To change an address, those of the old one go first."""
    subscriptions = client.subscriptions
    await subscriptions.subscribe("deviceAdded", THERE)
    await subscriptions.subscribe("deviceDeleted", HERE)
    for notify_type in UPGRADE_NOTIFICATIONS[:2]:
        await subscriptions.subscribe_to_upgrades(notify_type, HERE)
    await subscriptions.delete_many(notify_type="deviceDeleted")
    assert "deviceDeleted" not in await listed(client)
    await subscriptions.delete_many(callback_url=HERE)
    assert await listed(client) == {"deviceAdded": THERE}
    await subscriptions.delete_many()
    assert await listed(client) == {}


@pytest.mark.parametrize("code", ["200001", "100225"])
async def test_deleting_none_at_all_is_not_found(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator, code: str
) -> None:
    """Two codes are documented for it."""
    oceanconnect.quirks = Quirks(nothing_subscribed=code)  # type: ignore[arg-type]
    with pytest.raises(NotFoundError) as err:
        await client.subscriptions.delete_many(callback_url=HERE)
    assert err.value.code == code


@pytest.mark.parametrize("url", ["http://127.0.0.1/told", "https://127.0.0.1:9999"])
async def test_an_address_needs_a_port_and_a_path(
    client: OceanConnectClient, url: str
) -> None:
    """100222 for both kinds."""
    with pytest.raises(RejectedError) as err:
        await client.subscriptions.subscribe("deviceAdded", url)
    assert err.value.code == "100222"
    with pytest.raises(RejectedError) as err:
        await client.subscriptions.subscribe_to_upgrades(UPGRADE_NOTIFICATIONS[0], url)
    assert err.value.code == "100222"


async def test_what_is_subscribed_to_already_is_a_conflict(
    client: OceanConnectClient,
) -> None:
    """100227 for both kinds; the earlier subscription stays."""
    await client.subscriptions.subscribe("deviceAdded", HERE)
    await client.subscriptions.subscribe_to_upgrades(UPGRADE_NOTIFICATIONS[0], HERE)
    with pytest.raises(RejectedError) as err:
        await client.subscriptions.subscribe("deviceAdded", THERE)
    assert (err.value.code, err.value.status) == ("100227", 409)
    with pytest.raises(RejectedError) as err:
        await client.subscriptions.subscribe_to_upgrades(
            UPGRADE_NOTIFICATIONS[0], THERE
        )
    assert err.value.code == "100227"
    assert set((await listed(client)).values()) == {HERE}


async def test_what_is_no_notification_is_refused(client: OceanConnectClient) -> None:
    """100228, and the other kind's types count as none."""
    with pytest.raises(RejectedError) as err:
        await client.subscriptions.subscribe(UPGRADE_NOTIFICATIONS[0], HERE)
    assert err.value.code == "100228"
    with pytest.raises(RejectedError) as err:
        await client.subscriptions.subscribe_to_upgrades("deviceAdded", HERE)
    assert err.value.code == "100228"


async def test_the_address_is_read_under_either_of_its_keys(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """The vendor's clients and documents disagree about it."""
    body = b'{"subscriptionId": "1", "notifyType": "t", "callbackurl": "u"}'
    oceanconnect.faults.add(
        Fault(kind=FaultKind.STATUS, path=PATH, status=200, body=body)
    )
    found = await client.subscriptions.get("1")
    assert found.callback_url == "u"


async def test_a_new_subscription_without_an_id_may_exist(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """The list tells."""
    oceanconnect.faults.add(
        Fault(kind=FaultKind.MALFORMED, path=PATH, method="POST", body=b"{}")
    )
    with pytest.raises(AmbiguousError):
        await client.subscriptions.subscribe("deviceAdded", HERE)
    assert await listed(client) == {"deviceAdded": HERE}
