"""Has a platform push to Home Assistant, and no longer when that is over."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, cast
from urllib.parse import urlsplit

from homeassistant.components.webhook import async_generate_id, async_generate_path
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HassJob, HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.storage import Store
import msgspec
from msgspec import structs

from .clients.errors import (
    Advice,
    AuthenticationError,
    InvalidFieldError,
    PlatformError,
    RejectedError,
)
from .clients.model import Value
from .clients.platform import Credentials, Platform, PushControl
from .const import CONF_READ_ONLY, DOMAIN, LOGGER
from .issues import async_sync_issue
from .store import STORAGE_VERSION

FIRST_PAUSE: Final = 60.0
"""Seconds after which what did not work is tried again; twice as many each time."""

LONGEST_PAUSE: Final = 3600.0

TAKE_BACK_WITHIN: Final = 10.0
"""Seconds that the removal of an account waits for its platform at most."""

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class PushState(Value, frozen=True):
    """What has to be known of pushes after a restart.

    ``webhook_id`` is a secret: who knows it can wake the poller. ``addresses`` are
    those where subscriptions of ours may be, ``made`` the one that has all of them.
    """

    webhook_id: str
    addresses: tuple[str, ...] = ()
    made: str | None = None

    @property
    def path(self) -> str:
        """The path of the webhook."""
        return async_generate_path(self.webhook_id)


class PushStore:
    """The file with what is known of an account's pushes; its content is secret."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Keep what is known of the pushes of the account with this entry ID."""
        self._store = Store[dict[str, Any]](
            hass,
            STORAGE_VERSION,
            f"{DOMAIN}.{entry_id}.push",
            private=True,
            atomic_writes=True,
        )

    async def async_load(self) -> PushState | None:
        """Return what is known; ``None`` when nothing has been pushed yet."""
        try:
            return msgspec.convert(await self._store.async_load(), PushState | None)
        except msgspec.ValidationError as err:
            LOGGER.warning("What is known of pushes cannot be read: %s", err)
            return None

    async def async_load_or_make(self) -> PushState:
        """Return what is known, or make the webhook's ID."""
        state = await self.async_load()
        if state is None:
            state = PushState(webhook_id=async_generate_id())
            await self.async_save(state)
        return state

    async def async_save(self, state: PushState) -> None:
        """Write at once."""
        await self._store.async_save(msgspec.to_builtins(state))

    async def async_remove(self) -> None:
        """Delete the file."""
        await self._store.async_remove()


def push_address(base: str, path: str) -> str:
    """Return the full address of a webhook, with the port that a scheme stands for.

    What is wrong with the base is left as it is, for the platform's rules to find.
    """
    base = base.strip().rstrip("/").removesuffix(path)
    try:
        parts = urlsplit(base)
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
    except KeyError, ValueError:
        return f"{base}{path}"
    if parts.port is None:
        netloc = f"{parts.netloc.rstrip(':')}:{port}"
        parts = parts._replace(netloc=netloc)
    return f"{parts.geturl()}{path}"


class Subscriber:
    """Keeps an account's subscriptions at one address, or at none.

    Whatever goes wrong is tried again, later and later.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        client: PushControl,
        store: PushStore,
        state: PushState,
        address: str | None,
    ) -> None:
        """Have the client subscribe at an address; go on from what is stored."""
        self.is_complete = False
        """Whether the platform pushes everything to the address."""
        self._hass = hass
        self._entry = entry
        self._client = client
        self._store = store
        self._state = state
        self._address = address
        self._failures = 0
        self._is_stopped = False
        self._task: asyncio.Task[None] | None = None
        self._cancel: Callable[[], None] | None = None
        self._job = HassJob(
            self._retry, f"{entry.title} - subscribe", cancel_on_shutdown=True
        )

    @callback
    def start(self) -> None:
        """See in the background that all is as it should be."""
        if self._task is not None and not self._task.done():
            return
        self._cancel_retry()
        self._task = self._entry.async_create_background_task(
            self._hass, self._async_sync(), f"{self._entry.title} - subscribe"
        )

    @callback
    def stop(self) -> None:
        """Try nothing again; the next run tells what is still in the way."""
        self._is_stopped = True
        self._cancel_retry()
        self._tell((), "")

    @callback
    def _cancel_retry(self) -> None:
        if self._cancel is not None:
            self._cancel()
            self._cancel = None

    @callback
    def _retry(self, _now: datetime) -> None:
        self._cancel = None
        self.start()

    async def _async_sync(self) -> None:
        in_the_way: tuple[str | None, ...] = ()
        refusal = ""
        pause = min(FIRST_PAUSE * (1 << min(self._failures, 10)), LONGEST_PAUSE)
        try:
            in_the_way = await self._async_subscribe()
        except PlatformError as err:
            self.is_complete = False
            # Never in the platform's words, which may repeat the address.
            code = err.code if isinstance(err, RejectedError) else ""
            LOGGER.debug("%s: not subscribed: %s %s", self._entry.title, err.key, code)
            if isinstance(err, AuthenticationError):
                pause = LONGEST_PAUSE  # as the poll does, it waits for new ones
            elif isinstance(err, RejectedError) and err.advice is not Advice.TRY_LATER:
                refusal = code or str(err.status)
        else:
            self.is_complete = self._address is not None and not in_the_way
            if not in_the_way:
                self._failures = 0
                pause = 0.0
        if self._is_stopped:
            return
        self._tell(in_the_way, refusal)
        if pause:
            self._failures += 1
            self._cancel = async_call_later(self._hass, pause, self._job)

    @callback
    def _tell(self, in_the_way: tuple[str | None, ...], refusal: str) -> None:
        """Raise the issues about the address, or end them."""
        if self._address is None:
            return
        async_sync_issue(
            self._hass,
            self._entry,
            "push_address_taken",
            bool(in_the_way),
            count=str(len(in_the_way)),
            others=", ".join(sorted({_authority(each) for each in in_the_way})),
        )
        async_sync_issue(
            self._hass,
            self._entry,
            "push_refused",
            bool(refusal),
            code=refusal,
            host=_authority(self._address),
        )

    async def _async_subscribe(self) -> tuple[str | None, ...]:
        """Take back what is elsewhere, then subscribe; return what is in the way."""
        for old in self._state.addresses:
            if old != self._address:
                await self._client.unsubscribe(old)
                await self._async_keep(
                    addresses=tuple(
                        each for each in self._state.addresses if each != old
                    )
                )
        address = self._address
        if address is None:
            return ()
        if not self._state.addresses:
            # Before anything is sent, so that it is taken back whatever happens.
            await self._async_keep(addresses=(address,))
        in_the_way = await self._client.subscribe(
            address, is_made=self._state.made == address
        )
        await self._async_keep(made=None if in_the_way else address)
        return in_the_way

    async def _async_keep(self, **changes: Any) -> None:
        """Remember something, if it is new.

        Unloading waits for the file, which would come back after its end otherwise.
        """
        state = structs.replace(self._state, **changes)
        if state != self._state:
            self._state = state
            await asyncio.shield(
                self._entry.async_create_task(
                    self._hass,
                    self._store.async_save(state),
                    f"{self._entry.title} - keep subscriptions",
                )
            )


def _authority(address: str | None) -> str:
    """Return host and port of an address: its path may be somebody's secret."""
    try:
        return urlsplit(address or "").netloc.rpartition("@")[2] or "?"
    except ValueError:
        return "?"


async def async_take_back(
    hass: HomeAssistant,
    entry: ConfigEntry,
    platform: Platform,
    credentials: Credentials,
) -> None:
    """Take back the subscriptions of an account that is removed, and forget them.

    An account can also be removed when its platform is out of reach, or when it only
    reads; the log says what is left there.
    """
    store = PushStore(hass, entry.entry_id)
    state = await store.async_load()
    if state is None:
        return
    try:
        if state.addresses:
            if entry.options.get(CONF_READ_ONLY, False):
                raise InvalidFieldError(
                    "config_entry_id", "account_read_only", account=entry.title
                )
            async with asyncio.timeout(TAKE_BACK_WITHIN):
                context = await hass.async_add_executor_job(platform.check, credentials)
                session = async_get_clientsession(hass)
                client = platform.client(session, credentials, context)
                for address in state.addresses:
                    await cast(PushControl, client).unsubscribe(address)
    except (PlatformError, TimeoutError) as err:
        key = err.key if isinstance(err, PlatformError) else "timeout"
        LOGGER.warning(
            "The platform still has the subscriptions of %s (%s): delete them there",
            entry.title,
            key,
        )
    await store.async_remove()
