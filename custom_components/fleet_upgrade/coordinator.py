"""Polls one account, keeps its state and tells what happened."""

from collections.abc import Callable
from datetime import timedelta
from random import uniform
from types import MappingProxyType
from typing import Final, override

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import CALLBACK_TYPE, CoreState, HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed
from homeassistant.util import dt as dt_util
import msgspec

from .account import AccountData, AccountState, TaskEvent, advance
from .clients.errors import AuthenticationError, PlatformError, ThrottledError, let_go
from .clients.platform import Platform, PlatformClient
from .const import (
    ACTIVE_INTERVAL,
    CONF_RETENTION_DAYS,
    DEFAULT_RETENTION_DAYS,
    DOMAIN,
    IDLE_INTERVAL,
    LOGGER,
    MAX_INTERVAL,
)
from .early_warning import limits_of
from .issues import async_load_journal, async_sync_access
from .plans import Plans
from .polls import PollLog
from .push import Push
from .store import AccountStore, SessionStore
from .writer import Writer

ACCOUNT_CONTEXT: Final = object()
"""Context of listeners that show an account's overview; others have a task's ID."""

SCHEDULE_CONTEXT: Final = object()
"""Context of listeners that show when tasks run."""

POLL_CONTEXT: Final = object()
"""Context of listeners that show something of each poll, whatever it found."""

type FleetConfigEntry = ConfigEntry[FleetCoordinator]


class FleetCoordinator(DataUpdateCoordinator[AccountData]):
    """The state of one account.

    A listener with a task's ID as context is woken when that task changed, one with
    `ACCOUNT_CONTEXT` when the overview changed, one with `SCHEDULE_CONTEXT` when a
    window or a wave did, one with `POLL_CONTEXT` by each poll, one without by any change.
    """

    config_entry: FleetConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        entry: FleetConfigEntry,
        platform: Platform,
        client: PlatformClient,
    ) -> None:
        """Coordinate the account of an entry."""
        super().__init__(
            hass,
            LOGGER,
            config_entry=entry,
            name=entry.title,
            update_interval=IDLE_INTERVAL,
            always_update=False,
        )
        self.platform = platform
        self.client = client
        self.polls = PollLog(client.budget)
        self.push: Push | None = None
        """What is pushed, while that is switched on."""
        self.data = AccountData(MappingProxyType({}))
        self._shown = (self.last_update_success, self.data)
        self._retention = timedelta(
            days=entry.options.get(CONF_RETENTION_DAYS, DEFAULT_RETENTION_DAYS)
        )
        self._limits = limits_of(entry.options)
        self._store = AccountStore(hass, entry.entry_id)
        self._state: AccountState | None = None
        self._failures = 0
        self._session_store = SessionStore(hass, entry.entry_id)
        self.writer = Writer(
            hass,
            entry,
            client,
            state=lambda: self._state or AccountState(),
            refresh=self.async_refresh,
        )
        self.plans = Plans(
            hass,
            entry,
            platform,
            client,
            self.writer,
            tasks=lambda: {} if self._state is None else self._state.tasks,
            changed=self._async_plans_changed,
        )
        self._expected = self.plans.expected()
        self._tell: Callable[[TaskEvent], None] | None = None
        self._events_wanted = True

    @override
    async def _async_setup(self) -> None:
        self._state = await self._store.async_load()
        try:
            await async_load_journal(self.hass, self.config_entry, self.writer.journal)
        except OSError as err:
            # Without it, nobody knows what must not be sent again.
            raise UpdateFailed(
                translation_domain=DOMAIN, translation_key="journal_unreadable"
            ) from err
        try:
            await self.plans.async_load()
        except OSError as err:
            # Without it, nobody knows which plans are under way.
            raise UpdateFailed(
                translation_domain=DOMAIN, translation_key="plan_runs_unreadable"
            ) from err
        self.client.keep_session(
            await self._session_store.async_load(), self._session_store.async_save
        )

    @override
    async def _async_update_data(self) -> AccountData:
        try:
            with self.polls.watch():
                return await self._async_poll()
        finally:
            # A poll that unloading cuts off must not bring back what unloading ended.
            if self.config_entry.state is not ConfigEntryState.UNLOAD_IN_PROGRESS:
                async_sync_access(self.hass, self.config_entry, self.client)

    async def _async_poll(self) -> AccountData:
        state = self._state or AccountState()
        now = dt_util.utcnow()
        try:
            poll = await self.client.poll(
                state.tasks, state.memory, now - self._retention
            )
        except AuthenticationError as err:
            let_go(err)
            raise ConfigEntryAuthFailed(
                translation_domain=DOMAIN,
                translation_key=err.key,
                translation_placeholders=err.placeholders,
            ) from err
        except PlatformError as err:
            let_go(err)  # as the last error is kept, whatever comes after it
            pause = err.retry_after if isinstance(err, ThrottledError) else 0
            self.update_interval = max(self._next_backoff(), timedelta(seconds=pause))
            raise UpdateFailed(
                translation_domain=DOMAIN,
                translation_key=err.key,
                translation_placeholders=err.placeholders,
            ) from err

        self._failures = 0
        before = self._state
        state = advance(
            before, poll, now, self._retention, self._limits, self.writer.batches
        )
        if not self._events_wanted:
            state = msgspec.structs.replace(state, outbox=())
        self._state = state
        if before is None or state.outbox != before.outbox:
            # Before anything is told, so that a restart does not tell it again.
            await self._store.async_save(state)
        else:
            self._store.async_save_later(state)
        await self.writer.async_settle_from_poll(state)
        data = AccountData.of(state)
        self.update_interval = ACTIVE_INTERVAL if data.has_active else IDLE_INTERVAL
        return data

    def _next_backoff(self) -> timedelta:
        """Return a longer interval after each failure, never the same for all."""
        # The exponent is bounded because a timedelta is.
        interval = min(ACTIVE_INTERVAL * (1 << min(self._failures, 10)), MAX_INTERVAL)
        self._failures += 1
        return interval * uniform(0.75, 1)

    @callback
    @override
    def async_update_listeners(self) -> None:
        """Wake the listeners that show something that has changed."""
        was_available, before = self._shown
        self._shown = (self.last_update_success, self.data)
        is_for_all = was_available != self.last_update_success
        changed: set[object] = {
            None,
            *(
                task_id
                for task_id in self.data.tracked
                if self.data.tasks[task_id] != before.tasks.get(task_id)
            ),
        }
        if self.data.overview != before.overview:
            changed.add(ACCOUNT_CONTEXT)
        if self.data.schedules != before.schedules:
            changed.add(SCHEDULE_CONTEXT)
        self._async_wake(None if is_for_all else changed)
        # Last, so that whoever hears of a change also sees it.
        self._async_tell_soon()

    @callback
    @override
    def _async_refresh_finished(self) -> None:
        self._async_wake({POLL_CONTEXT})

    @callback
    def _async_plans_changed(self) -> None:
        """Wake what shows plans, and when their waves are expected."""
        before, self._expected = self._expected, self.plans.expected()
        changed = set() if before == self._expected else {SCHEDULE_CONTEXT}
        self._async_wake({None, *changed})

    @callback
    def _async_wake(self, contexts: set[object] | None) -> None:
        """Wake the listeners with one of these contexts; ``None`` stands for all."""
        woken = [
            (listener_id, update)
            for listener_id, (update, context) in self._listeners.items()
            if contexts is None or context in contexts
        ]
        for listener_id, update in woken:
            # One listener may have removed another, with its device.
            if listener_id not in self._listeners:
                continue
            try:
                update()
            except Exception:
                self.logger.exception(
                    "Unexpected error updating a listener of %s", self.name
                )

    @override
    async def async_shutdown(self) -> None:
        """Stop polling and write what has not been written yet."""
        await super().async_shutdown()
        self.plans.waves.async_end()
        self.client.keep_session({}, None)
        await self._session_store.async_flush()
        await self._store.async_flush()

    @callback
    def async_subscribe_events(
        self, tell: Callable[[TaskEvent], None]
    ) -> CALLBACK_TYPE:
        """Hear what happens to tasks; there is one subscriber, the event entity.

        Events wait until Home Assistant has started, and in between two runs of the
        entry. While the entity is disabled they are not kept.
        """
        self._tell = tell
        self._events_wanted = True
        self._async_tell_soon()

        @callback
        def unsubscribe() -> None:
            self._tell = None
            if self.config_entry.state is ConfigEntryState.LOADED:
                self._events_wanted = False

        return unsubscribe

    @callback
    def async_start_telling(self, _hass: HomeAssistant) -> None:
        """Tell what has waited for the start of Home Assistant."""
        if self._tell is None:
            self._events_wanted = False
        self._async_tell_soon()

    @callback
    def async_start_plans(self, _hass: HomeAssistant) -> None:
        """Go on with the plans of waves, now and after each poll."""

        @callback
        def go_on() -> None:
            if self.last_update_success:
                self.plans.waves.async_go_on()

        self.config_entry.async_on_unload(self.async_add_listener(go_on, POLL_CONTEXT))
        go_on()

    @property
    def _can_tell(self) -> bool:
        return self._tell is not None and self.hass.state is CoreState.running

    @callback
    def _async_tell_soon(self) -> None:
        if self._can_tell and self._state is not None and self._state.outbox:
            # Not at once: the entity may be about to be added, and unable to tell.
            self.config_entry.async_create_task(
                self.hass,
                self._async_tell(),
                f"{self.name} - tell events",
                eager_start=False,
            )

    async def _async_tell(self) -> None:
        """Tell what is in the outbox.

        It is written down as told before it is told: what is killed in between loses
        an event, but never repeats one.
        """
        if (state := self._state) is None or not (events := state.outbox):
            return
        self._state = msgspec.structs.replace(state, outbox=())
        await self._store.async_save(self._state)
        if self._tell is None or not self._can_tell:
            # Unloaded or stopped meanwhile: the next run tells it.
            state = self._state
            self._state = msgspec.structs.replace(state, outbox=events + state.outbox)
            await self._store.async_save(self._state)
            return
        for event in events:
            self._tell(event)
