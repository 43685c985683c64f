"""Who wants to be told of what, and where."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

MANAGEMENT_TYPES = (
    "swUpgradeStateChangeNotify",
    "swUpgradeResultNotify",
    "fwUpgradeStateChangeNotify",
    "fwUpgradeResultNotify",
)
BUSINESS_TYPES = (
    "deviceAdded",
    "bindDevice",
    "deviceInfoChanged",
    "deviceDataChanged",
    "deviceDatasChanged",
    "deviceCapabilitiesChanged",
    "deviceCapabilitiesAdded",
    "deviceCapabilitiesDeleted",
    "deviceDeleted",
    "messageConfirm",
    "commandRsp",
    "deviceEvent",
    "serviceInfoChanged",
    "ruleEvent",
    "deviceModelAdded",
    "deviceModelDeleted",
    "deviceDesiredPropertiesModifyStatusChanged",
)
CHANNELS = ("HTTP", "MQTT")

_LONGEST_URL = 256


@dataclass(frozen=True, slots=True)
class Subscription:
    """One type of notification, wanted at one address."""

    subscription_id: str
    notify_type: str
    callback_url: str
    channel: str = "HTTP"


class Subscriptions:
    """The application's subscriptions, one per type of notification.

    Chosen: one per type, whatever the address, since the documents' remark on the
    conflict names the type, and a new address takes a deletion first.
    """

    def __init__(self) -> None:
        """Start without any."""
        self._by_id: dict[str, Subscription] = {}

    def add(self, subscription: Subscription) -> None:
        """Take a subscription in."""
        self._by_id[subscription.subscription_id] = subscription

    def get(self, subscription_id: str) -> Subscription | None:
        """Return one, if it is there."""
        return self._by_id.get(subscription_id)

    def of_type(self, notify_type: str) -> Subscription | None:
        """Return the one to this type of notification, if there is one."""
        return next(
            (one for one in self._by_id.values() if one.notify_type == notify_type),
            None,
        )

    def delete(self, subscription_id: str) -> None:
        """Delete one; raises KeyError."""
        del self._by_id[subscription_id]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._by_id)

    def __iter__(self) -> Iterator[Subscription]:
        """Walk over all, oldest first."""
        return iter(list(self._by_id.values()))


def is_callback(url: str) -> bool:
    """Tell whether the platform pushes to this address.

    It needs http or https, a host, a port that is written out, and a path, be it `/`.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and bool(port)
        and parts.path.startswith("/")
        and len(url) <= _LONGEST_URL
        and not any(character.isspace() for character in url)
    )
