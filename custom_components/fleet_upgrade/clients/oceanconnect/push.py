"""Where OceanConnect pushes to, and what it says there.

Source: "Subscription Management" and "Message Push" in the Northbound API Reference.
A push carries neither signature nor token: only the address keeps strangers out.
"""

from hashlib import blake2b
import re
from urllib.parse import urlsplit

import msgspec

from ..answers import WireId
from ..errors import (
    Advice,
    InvalidFieldError,
    MalformedError,
    NotFoundError,
    RejectedError,
)
from ..model import Pushed
from .subscriptions import UPGRADE_NOTIFICATIONS, Subscription, Subscriptions
from .wire import Wire

_HOST = re.compile(r"[A-Za-z0-9._:-]+")


class UpgradeNotification(Wire):
    """What all four upgrade notifications have in common.

    What else they say is not used: only a poll changes anything.
    """

    notify_type: str
    app_id: str
    device_id: WireId
    operation_id: WireId
    sub_operation_id: WireId


def check_push_address(address: str) -> None:
    """Check by the platform's rules: scheme, host, port and path are all explicit.

    Raises `InvalidFieldError`. Whether the platform can reach it shows only there.
    """
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError as err:
        raise InvalidFieldError("push_address", "push_address_malformed") from err
    if parts.scheme not in ("http", "https"):
        raise InvalidFieldError("push_address", "push_address_scheme")
    if host is None or not _HOST.fullmatch(host):
        raise InvalidFieldError("push_address", "push_address_host")
    if not port:
        raise InvalidFieldError("push_address", "push_address_port")
    is_plain = address.isascii() and not re.search(r"[\s?#@]", address)
    if not is_plain or not parts.path:
        raise InvalidFieldError("push_address", "push_address_malformed")


def read_push(body: bytes, app_id: str) -> Pushed:
    """Read a notification for this application, or raise `MalformedError`.

    The platform sends a message again, byte for byte, until it is answered.
    """
    try:
        said = msgspec.json.decode(body, type=UpgradeNotification)
    except msgspec.ValidationError as err:
        raise MalformedError(str(err)) from err
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise MalformedError("not JSON", foreign=True) from err
    if said.notify_type not in UPGRADE_NOTIFICATIONS:
        raise MalformedError("not an upgrade notification")
    if said.app_id != app_id:
        raise MalformedError("for another application")
    key = blake2b(body, digest_size=16).hexdigest()
    return Pushed(task_id=said.operation_id, key=key)


async def subscribe(
    subscriptions: Subscriptions, address: str, *, is_made: bool
) -> tuple[str | None, ...]:
    """Subscribe to what nobody has subscribed to; return the addresses in the way.

    There is one subscription for each type, and a second one is refused or, on some
    deployments, takes the place of the first. So the list is read before.
    """
    there = await _listed(subscriptions)
    in_the_way: list[str | None] = []
    for notify_type in UPGRADE_NOTIFICATIONS:
        known = [each.callback_url for each in there if each.notify_type == notify_type]
        if known:
            if address not in known:
                in_the_way.append(known[0])
            continue
        try:
            await subscriptions.subscribe_to_upgrades(notify_type, address)
        except RejectedError as err:
            if err.advice is not Advice.ALREADY_SUBSCRIBED:
                raise
            # It is there, though the list does not show it.
            if not is_made:
                in_the_way.append(None)
    return tuple(in_the_way)


async def unsubscribe(subscriptions: Subscriptions, address: str) -> None:
    """Delete the subscriptions with exactly this address, one by one.

    Never many at once: a platform that took no notice of what to delete would delete
    those of other programs.
    """
    for each in await _listed(subscriptions):
        if each.callback_url == address:
            try:
                await subscriptions.delete(each.subscription_id)
            except NotFoundError:
                continue  # somebody was faster


async def _listed(subscriptions: Subscriptions) -> list[Subscription]:
    return [each async for page in subscriptions.pages() for each in page.items]
