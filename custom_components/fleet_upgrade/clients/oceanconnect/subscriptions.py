"""What OceanConnect is asked to push, and to which address.

Source: "Subscription Management" in the Northbound API Reference. There are two kinds:
business subscriptions have IDs; management ones, for upgrades, have none when they
are made, and show in the same list afterwards.
"""

from collections.abc import AsyncIterator

from ..answers import rows_of
from ..errors import AmbiguousError, MalformedError
from ..model import Page, Value
from .calls import Calls, given, item_path
from .wire import Reply

PATH = "/iocm/app/sub/v1.2.0/subscriptions"
MANAGEMENT = "/iodm/app/sub/v1.1.0/subscribe"

UPGRADE_NOTIFICATIONS = (
    "swUpgradeStateChangeNotify",
    "swUpgradeResultNotify",
    "fwUpgradeStateChangeNotify",
    "fwUpgradeResultNotify",
)
"""The types that a management subscription may have."""


class Subscription(Value, frozen=True):
    """A type of notification and the address that the platform sends it to."""

    subscription_id: str
    notify_type: str | None = None
    callback_url: str | None = None


class SubscriptionRow(Reply):
    """One subscription, alone or in a list."""

    subscription_id: str | None = None
    notify_type: str | None = None
    callback_url: str | None = None
    callbackurl: str | None = None

    def value(self) -> Subscription:
        """Return the subscription; `MalformedError` without an ID."""
        if not self.subscription_id:
            raise MalformedError("subscription without subscriptionId")
        return Subscription(
            subscription_id=self.subscription_id,
            notify_type=self.notify_type,
            callback_url=self.callback_url or self.callbackurl,
        )


class Subscriptions:
    """The subscriptions of one application."""

    def __init__(self, calls: Calls) -> None:
        """Make all calls through these."""
        self._calls = calls

    async def subscribe(self, notify_type: str, callback_url: str) -> str:
        """Subscribe to business notifications and return the subscription's ID.

        The address needs a port and a path.
        """
        body = {"notifyType": notify_type, "callbackUrl": callback_url}
        row = await self._calls.write("POST", PATH, SubscriptionRow, body=body)
        if not row.subscription_id:
            raise AmbiguousError("an answer without subscriptionId")
        return row.subscription_id

    async def subscribe_to_upgrades(self, notify_type: str, callback_url: str) -> None:
        """Subscribe to one of `UPGRADE_NOTIFICATIONS`; the platform names no ID."""
        # Huawei's clients write the key in lower case, its documents do not.
        body = {"notifyType": notify_type, "callbackurl": callback_url}
        await self._calls.write("POST", MANAGEMENT, Reply, body=body)

    async def pages(
        self, *, notify_type: str | None = None
    ) -> AsyncIterator[Page[Subscription]]:
        """List subscriptions of both kinds."""
        query = given(notifyType=notify_type)
        async for rows in self._calls.pages(PATH, query):
            yield Page(
                items=rows_of(
                    rows.subscriptions, SubscriptionRow, SubscriptionRow.value
                ),
                total=rows.total,
            )

    async def get(self, subscription_id: str) -> Subscription:
        """Read one subscription; `NotFoundError` when there is none."""
        return (await self._calls.read(_path(subscription_id), SubscriptionRow)).value()

    async def delete(self, subscription_id: str) -> None:
        """Delete one subscription; `NotFoundError` when there is none."""
        await self._calls.write("DELETE", _path(subscription_id), Reply)

    async def delete_many(
        self, *, notify_type: str | None = None, callback_url: str | None = None
    ) -> None:
        """Delete those of a type and address; without both, all of the application.

        `NotFoundError` when there is none.
        """
        query = given(notifyType=notify_type, callbackUrl=callback_url)
        await self._calls.write("DELETE", PATH, Reply, query=query)


def _path(subscription_id: str) -> str:
    return item_path(PATH, subscription_id)
