"""Hears what a platform pushes to Home Assistant, and wakes the poller for it.

Whoever knows the address can push anything, so a push is trusted for nothing: it says
when to look, and what there is to see only the poll tells.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from http import HTTPStatus
import time
from typing import Any, Final, cast

from aiohttp import ClientError
from aiohttp.hdrs import ALLOW, METH_GET, METH_POST, METH_PUT
from aiohttp.web import Request, RequestPayloadError, Response
from homeassistant.components import webhook
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator

from .account import AccountData
from .clients.errors import MalformedError
from .clients.model import UpgradeTask
from .clients.platform import Capability, Platform, PlatformClient, PushControl
from .const import CONF_PUSH_ADDRESS, CONF_READ_ONLY, DOMAIN, LOGGER
from .issues import async_sync_issue
from .push_subscriptions import PushStore, Subscriber, push_address
from .waker import Waker

LARGEST_BODY: Final = 8 * 1024
"""Bytes; a message has less than one kilobyte."""

READ_WITHIN: Final = 10.0
"""Seconds that a message may take to come in."""

REMEMBERED_FOR: Final = 900.0
"""Seconds in which the same message counts once; platforms send it again for 600."""

REMEMBERED: Final = 2000
"""Messages that are remembered at most, the newest ones."""

UNHEARD_LIMIT: Final = 10
"""Changes without any push after which an issue says that none arrives."""


class Push:
    """What is pushed for one account: heard, counted, and a reason to poll."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        coordinator: DataUpdateCoordinator[AccountData],
        client: PushControl,
        subscriber: Subscriber,
    ) -> None:
        """Hear for the account that this coordinator polls."""
        self._hass = hass
        self._entry = entry
        self._coordinator = coordinator
        self._client = client
        self._subscriber = subscriber
        self._data = coordinator.data
        self._waker = Waker(hass, entry, self._async_poll)
        self._seen: OrderedDict[str, float] = OrderedDict()
        """When each message came, in monotonic seconds, oldest first."""
        self._announced: set[str] = set()
        """IDs of the tasks that were pushed since the last change."""
        self._heard = 0
        self._duplicates = 0
        self._refused = 0
        self._unheard = 0
        self._heard_at: float | None = None

    @callback
    def start(self, webhook_id: str) -> None:
        """Hear at this webhook until the account is unloaded."""
        entry = self._entry
        # Whoever opens the address in a browser gets an answer from here, as Home
        # Assistant's own answer would write the whole address to its log.
        webhook.async_register(
            self._hass,
            DOMAIN,
            entry.title,
            webhook_id,
            self._async_handle,
            local_only=False,
            allowed_methods=(METH_GET, METH_POST, METH_PUT),
        )
        entry.async_on_unload(lambda: webhook.async_unregister(self._hass, webhook_id))
        entry.async_on_unload(self._waker.stop)
        entry.async_on_unload(lambda: self._tell_unheard(False))
        entry.async_on_unload(self._coordinator.async_add_listener(self._polled))

    @property
    def diagnostics(self) -> dict[str, Any]:
        """What a bug report says of it; times in seconds."""
        heard_at = self._heard_at
        age = None if heard_at is None else round(time.monotonic() - heard_at)
        return {
            "subscribed": self._subscriber.is_complete,
            "heard": self._heard,
            "duplicates": self._duplicates,
            "refused": self._refused,
            "last_heard_ago": age,
            "changes_without_push": self._unheard,
        }

    async def _async_handle(
        self, _hass: HomeAssistant, _webhook_id: str, request: Request
    ) -> Response:
        """Take a message; its sender learns nothing from the answer.

        A platform that gets another answer than 200 sends the message again, and
        after some of them no message at all.
        """
        if request.method != METH_POST:
            return Response(
                status=HTTPStatus.METHOD_NOT_ALLOWED,
                text="405: Method Not Allowed",
                headers={ALLOW: METH_POST},
            )
        body = await _async_read(request)
        if body is None:
            self._refuse("too large, too slow or broken off")
        else:
            self._take(body)
        return Response(text="ok")

    @callback
    def _take(self, body: bytes) -> None:
        try:
            pushed = self._client.read_push(body)
        except MalformedError as err:
            self._refuse(str(err))
            return
        now = self._heard_at = time.monotonic()
        self._heard += 1
        self._unheard = 0
        self._tell_unheard(False)
        if pushed.task_id in self._coordinator.data.tasks:
            self._announced.add(pushed.task_id)
        if self._is_duplicate(pushed.key, now):
            self._duplicates += 1
        else:
            self._waker.wake()

    def _is_duplicate(self, key: str, now: float) -> bool:
        seen = self._seen
        while seen and next(iter(seen.values())) < now - REMEMBERED_FOR:
            seen.popitem(last=False)
        if key in seen:
            return True
        seen[key] = now
        if len(seen) > REMEMBERED:
            seen.popitem(last=False)
        return False

    def _refuse(self, why: str) -> None:
        self._refused += 1
        LOGGER.debug("%s: a pushed message was refused: %s", self._entry.title, why)

    async def _async_poll(self) -> None:
        """Poll, unless the account waits for new credentials: they may be blocked."""
        coordinator = self._coordinator
        if coordinator.last_update_success or not isinstance(
            coordinator.last_exception, ConfigEntryAuthFailed
        ):
            await coordinator.async_refresh()

    @callback
    def _polled(self) -> None:
        """Count what a poll saw and no push announced."""
        before, self._data = self._data, self._coordinator.data
        changed = set(_changed(before, self._data))
        announced, self._announced = self._announced, set()
        if not self._subscriber.is_complete:
            return
        before_this = self._unheard
        self._unheard += len(changed - announced)
        if before_this < UNHEARD_LIMIT <= self._unheard:
            self._tell_unheard(True)
            # Somebody may have deleted the subscriptions.
            self._subscriber.start()

    @callback
    def _tell_unheard(self, is_unheard: bool) -> None:
        async_sync_issue(self._hass, self._entry, "push_unheard", is_unheard)


async def async_start_push(
    hass: HomeAssistant,
    entry: ConfigEntry,
    coordinator: DataUpdateCoordinator[AccountData],
    platform: Platform,
    client: PlatformClient,
) -> Push | None:
    """Hear what the platform pushes for an account, if that is switched on.

    The platform is told in the background, also when it is to push no longer; for an
    account that only reads it is told nothing, and what it pushes anyway is heard.
    """
    if Capability.PUSH not in platform.capabilities:
        return None
    control = cast(PushControl, client)
    base = entry.options.get(CONF_PUSH_ADDRESS)
    store = PushStore(hass, entry.entry_id)
    state = await (store.async_load_or_make() if base else store.async_load())
    if state is None:
        return None
    address = push_address(base, state.path) if base else None
    subscriber = Subscriber(hass, entry, control, store, state, address)
    entry.async_on_unload(subscriber.stop)
    if not entry.options.get(CONF_READ_ONLY, False):
        subscriber.start()
    if address is None:
        return None
    push = Push(hass, entry, coordinator, control, subscriber)
    push.start(state.webhook_id)
    return push


async def _async_read(request: Request) -> bytes | None:
    """Read a body, no further than its limit; ``None`` when there is more to it."""
    stream = request.content  # anew with each look, where a cloud hands it over
    body = b""
    try:
        async with asyncio.timeout(READ_WITHIN):
            while chunk := await stream.read(LARGEST_BODY + 1 - len(body)):
                body += chunk
                if len(body) > LARGEST_BODY:
                    return None
    except TimeoutError, OSError, ClientError, RequestPayloadError:
        return None  # an error would bring the whole address into the log
    return body


def _changed(before: AccountData, after: AccountData) -> Iterator[str]:
    """Yield the IDs of the tasks that have ended on more devices: what is pushed."""
    for task_id, task in after.tasks.items():
        known = before.tasks.get(task_id)
        if known is not None and _ended(task) > _ended(known):
            yield task_id


def _ended(task: UpgradeTask) -> int:
    """Return on how many devices a task has succeeded or failed."""
    return (task.counts.succeeded or 0) + (task.counts.failed or 0)
