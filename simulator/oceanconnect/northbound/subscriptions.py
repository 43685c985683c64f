"""Subscriptions: to business data, and to upgrade notifications.

The second kind has a call of its own, which returns no ID; listed and deleted are
both by the calls of the first.
"""

from .. import codes
from ..asked import json_object
from ..codes import Refusal
from ..subscriptions import (
    BUSINESS_TYPES,
    CHANNELS,
    MANAGEMENT_TYPES,
    Subscription,
    is_callback,
)
from ..wire import Json
from .base import Asked, Reply, check_application, check_named_application

SUBSCRIPTIONS = "/iocm/app/sub/v1.2.0/subscriptions"
MANAGEMENT = "/iodm/app/sub/v1.1.0/subscribe"


def subscribe(asked: Asked) -> Reply:
    """POST a subscription to business data."""
    content = json_object(asked.body, codes.ILLEGAL_REQUEST)
    check_named_application(asked, content.get("appId"))
    channel = content.get("channel", "HTTP")
    notify_type = content.get("notifyType")
    if notify_type not in BUSINESS_TYPES or channel not in CHANNELS:
        raise Refusal(codes.APPLICATION_INPUT)
    url = content.get("callbackUrl")
    # Chosen: another channel has addresses of its own kind, and is never pushed to.
    if not isinstance(url, str) or (channel == "HTTP" and not is_callback(url)):
        raise Refusal(codes.CALLBACK_ILLEGAL)
    if asked.platform.subscriptions.of_type(notify_type) is not None:
        raise Refusal(codes.SUBSCRIPTION_CONFLICT)
    subscription = Subscription(asked.platform.new_id(), notify_type, url, channel)
    asked.platform.subscriptions.add(subscription)
    return Reply(_wire(subscription), 201)


def subscribe_management(asked: Asked) -> Reply:
    """POST a subscription to upgrade notifications.

    Huawei's SDKs write `callbackurl`, its documents `callbackUrl`.
    """
    content = json_object(asked.body, codes.ILLEGAL_REQUEST)
    check_named_application(asked, content.get("appId"))
    notify_type = content.get("notifyType")
    if notify_type not in MANAGEMENT_TYPES:
        raise Refusal(codes.APPLICATION_INPUT)
    url = content.get("callbackurl", content.get("callbackUrl"))
    if not isinstance(url, str) or not is_callback(url):
        raise Refusal(codes.CALLBACK_ILLEGAL)
    subscriptions = asked.platform.subscriptions
    if (known := subscriptions.of_type(notify_type)) is not None:
        if asked.platform.quirks.resubscription == "conflict":
            raise Refusal(codes.SUBSCRIPTION_CONFLICT)
        subscriptions.delete(known.subscription_id)
    subscriptions.add(Subscription(asked.platform.new_id(), notify_type, url))
    return Reply(None)


def get_subscription(asked: Asked) -> Reply:
    """GET one subscription."""
    return Reply(_wire(_one(asked)))


def list_subscriptions(asked: Asked) -> Reply:
    """GET the subscriptions; the list's key is `subscriptions`."""
    check_application(asked, "appId")
    page = asked.query.page(
        size=10,
        largest=1000,
        beyond=codes.APPLICATION_INPUT,
        malformed=codes.APPLICATION_INPUT,
    )
    rows = _matching(asked)
    return Reply(
        asked.wire.page(
            [_wire(subscription) for subscription in page.cut(rows)],
            number=page.number,
            size=page.size,
            total=len(rows),
            key="subscriptions",
        )
    )


def delete_subscription(asked: Asked) -> Reply:
    """DELETE one subscription."""
    asked.platform.subscriptions.delete(_one(asked).subscription_id)
    return Reply(None, 204)


def delete_subscriptions(asked: Asked) -> Reply:
    """DELETE all subscriptions, or those of a type, an address, a channel."""
    check_application(asked, "appId")
    rows = _matching(asked)
    if not rows:
        if asked.platform.quirks.nothing_subscribed == codes.NOTHING_SUBSCRIBED.code:
            raise Refusal(codes.NOTHING_SUBSCRIBED)
        raise Refusal(codes.SUBSCRIPTION_UNKNOWN)
    for subscription in rows:
        asked.platform.subscriptions.delete(subscription.subscription_id)
    return Reply(None, 204)


def _one(asked: Asked) -> Subscription:
    check_application(asked, "appId")
    subscription = asked.platform.subscriptions.get(asked.names["subscription_id"])
    if subscription is None:
        raise Refusal(codes.SUBSCRIPTION_UNKNOWN)
    return subscription


def _matching(asked: Asked) -> list[Subscription]:
    query = asked.query
    notify_type = query.one_of(
        "notifyType", BUSINESS_TYPES + MANAGEMENT_TYPES, codes.APPLICATION_INPUT
    )
    channel = query.one_of("channel", CHANNELS, codes.APPLICATION_INPUT)
    url = query.text("callbackUrl", "callbackurl")
    return [
        one
        for one in asked.platform.subscriptions
        if notify_type in (None, one.notify_type)
        and channel in (None, one.channel)
        and url in (None, one.callback_url)
    ]


def _wire(subscription: Subscription) -> Json:
    return {
        "subscriptionId": subscription.subscription_id,
        "notifyType": subscription.notify_type,
        "callbackUrl": subscription.callback_url,
    }
