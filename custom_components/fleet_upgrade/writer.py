"""Carries to its end what is asked of an account, whoever waits for it."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant, callback

from .account import AccountState
from .askers import Asker
from .batches import BatchCreator
from .changes import ChangeNotMadeError, Changer, ChangeUnsettledError
from .clients.errors import InvalidFieldError
from .clients.model import PreparedCreate, Reach, TaskChange, UpgradeTask
from .clients.platform import PlatformClient, TaskControl
from .const import CONF_GUARD_MINUTES, CONF_READ_ONLY, DEFAULT_GUARD_MINUTES
from .creation import Creator, UnsettledError
from .issues import async_sync_unsettled
from .journal import async_get_journal
from .journal_news import async_announce
from .reach import async_look, refuse_downgrade
from .writes import ChangeEntry, CreateEntry, Entry, WriteState


class Writer:
    """Creates and changes the upgrade tasks of one account.

    ``state`` returns what the last poll left, ``refresh`` polls the account.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        account: ConfigEntry,
        client: PlatformClient,
        *,
        state: Callable[[], AccountState],
        refresh: Callable[[], Coroutine[Any, Any, None]],
    ) -> None:
        """Write for an account."""
        self._hass = hass
        self._account = account
        self._refresh = refresh
        self.journal = async_get_journal(hass, account.entry_id)
        account_id = account.unique_id or account.entry_id
        self._client = client
        self.guard_time = timedelta(
            minutes=account.options.get(CONF_GUARD_MINUTES, DEFAULT_GUARD_MINUTES)
        )
        self.creator = Creator(
            client,
            self.journal,
            account_id,
            guard_time=self.guard_time,
            state=state,
            changed=self._async_announce,
        )
        self._batches = BatchCreator(
            self.creator,
            account_id,
            guard_time=self.guard_time,
            settle=self._async_settle,
            is_wanted=lambda: account.state is ConfigEntryState.LOADED,
        )
        self._changer = (
            Changer(client, self.journal, account_id, changed=self._async_announce)
            if isinstance(client, TaskControl)
            else None
        )

    @property
    def is_read_only(self) -> bool:
        """Whether the account only reads."""
        return bool(self._account.options.get(CONF_READ_ONLY, False))

    @callback
    def refuse_if_read_only(self) -> None:
        """Refuse a write of an account that only reads; raises `InvalidFieldError`."""
        if self.is_read_only:
            raise InvalidFieldError(
                "config_entry_id", "account_read_only", account=self._account.title
            )

    async def async_create(
        self,
        prepared: PreparedCreate,
        asker: Asker,
        *,
        force: bool = False,
        allow_downgrade: bool = False,
        origin: str | None = None,
    ) -> list[CreateEntry]:
        """Create an upgrade task, or several for very many targets.

        Returns the journal's entries of the new tasks; raises `PlatformError`. Each
        task is sent once, one at a time, and to its end, even when the caller is
        cancelled meanwhile. The account is polled at once, which the answer does not
        wait for. ``origin`` says in the journal what the creation belongs to.

        Before anything is written it is looked at whom it reaches: that takes some
        listing calls at most, and a downgrade is refused unless it is allowed.
        """
        self.refuse_if_read_only()
        reach = await async_look(self._client, prepared)
        if not allow_downgrade:
            refuse_downgrade(prepared, reach)
        parts = self._client.split(prepared)
        if len(parts) > 1:
            return await self._async_to_its_end(
                self._async_create_batch(
                    prepared, parts, asker, force=force, origin=origin, reach=reach
                )
            )
        entry = await self._async_to_its_end(
            self._async_create(prepared, asker, force=force, origin=origin, reach=reach)
        )
        if entry.is_open:
            await self._async_settle(entry)
            self._async_refresh_soon()
        return [self.creator.current(entry)]

    async def _async_create(
        self,
        prepared: PreparedCreate,
        asker: Asker,
        *,
        force: bool,
        origin: str | None,
        reach: Reach,
    ) -> CreateEntry:
        entry = await self.creator.async_create(
            prepared, asker, force=force, origin=origin, reach=reach
        )
        if not entry.is_open:
            self._async_refresh_soon()
        return entry

    async def _async_create_batch(
        self,
        prepared: PreparedCreate,
        parts: Sequence[PreparedCreate],
        asker: Asker,
        *,
        force: bool,
        origin: str | None,
        reach: Reach,
    ) -> list[CreateEntry]:
        try:
            return await self._batches.async_create(
                prepared, parts, asker, force=force, origin=origin, reach=reach
            )
        finally:
            self._async_refresh_soon()

    async def _async_settle(self, entry: CreateEntry) -> None:
        """Look for a creation whose answer was lost; raises `UnsettledError`."""
        looking = await self._async_looked(self.creator.async_settle(entry))
        if looking.cancelled():
            raise UnsettledError(())
        looking.result()

    @property
    def batches(self) -> dict[str, str]:
        """The IDs of the batches of tasks that are part of one, by the tasks' IDs."""
        return {
            entry.task_id: entry.part.batch_id
            for entry in self.journal.all_of(CreateEntry)
            if entry.part is not None and entry.task_id is not None
        }

    async def async_change(self, change: TaskChange, asker: Asker) -> None:
        """Change an upgrade task of a platform that can; raises `PlatformError`.

        Sent once and to its end, as a creation is.
        """
        self.refuse_if_read_only()
        assert self._changer is not None
        entry = await self._async_to_its_end(self._async_change(change, asker))
        if entry.is_open:
            looking = await self._async_looked(self._changer.async_settle(entry))
            if looking.cancelled():
                raise ChangeUnsettledError
            looking.result()
            self._async_refresh_soon()

    async def _async_change(self, change: TaskChange, asker: Asker) -> ChangeEntry:
        assert self._changer is not None
        entry = await self._changer.async_change(change, asker)
        if not entry.is_open:
            self._async_refresh_soon()
        return entry

    async def _async_to_its_end[EntryT](
        self, writing: Coroutine[Any, Any, EntryT]
    ) -> EntryT:
        """Write something, to its end even when the caller is cancelled."""
        return await asyncio.shield(
            self._account.async_create_task(
                self._hass, writing, f"{self._account.title} - write"
            )
        )

    async def _async_looked[ResultT](
        self, settling: Coroutine[Any, Any, ResultT]
    ) -> asyncio.Task[ResultT]:
        """Look for what became of a write, until the account is unloaded."""
        looking = self._account.async_create_background_task(
            self._hass, settling, f"{self._account.title} - settle"
        )
        # Also when nobody waits for it any more.
        looking.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.wait([looking])
        return looking

    async def async_note(self, entry: Entry) -> None:
        """Write down what was done here; raises `HomeAssistantError`."""
        await self.journal.async_open(entry)
        self._async_announce(entry)

    @callback
    def async_start_settling(self) -> None:
        """Look for what was sent and not answered when the last run ended."""
        for entry in self.journal.open_entries(Entry):
            if isinstance(entry, CreateEntry):
                async_sync_unsettled(self._hass, self._account, entry)
            if entry.state is WriteState.OPEN:
                self._account.async_create_background_task(
                    self._hass,
                    self._async_settle_quietly(entry),
                    f"{self._account.title} - settle",
                )

    async def _async_settle_quietly(self, entry: Entry) -> None:
        with suppress(UnsettledError, ChangeNotMadeError, ChangeUnsettledError):
            if isinstance(entry, CreateEntry):
                await self.creator.async_settle(entry)
            elif isinstance(entry, ChangeEntry) and self._changer is not None:
                await self._changer.async_settle(entry)

    async def async_settle_from_poll(self, state: AccountState) -> None:
        """Settle what a poll tells, or what can be asked for since it came."""
        await self.creator.async_settle_from(state.tasks.values())
        if self._changer is not None:
            await self._changer.async_settle_unsettled()

    async def async_answer_unsettled(
        self, entry_id: str, task: UpgradeTask | None
    ) -> None:
        """Settle a creation as a person says: it became this task, or none."""
        await self.creator.async_answer(entry_id, task)
        self._async_refresh_soon()

    @callback
    def _async_refresh_soon(self) -> None:
        """Poll the account at once, while nobody waits for that."""
        self._account.async_create_background_task(
            self._hass, self._refresh(), f"{self._account.title} - refresh"
        )

    @callback
    def _async_announce(self, entry: Entry) -> None:
        async_announce(self._hass, self._account, entry)
        if isinstance(entry, CreateEntry):
            async_sync_unsettled(self._hass, self._account, entry)
