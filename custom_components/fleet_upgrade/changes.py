"""Changes upgrade tasks: each change is written down before it is sent, and sent once.

When the answer is lost, the platform is asked whether it shows the change. A change
that it does not show after a minute was not made and may be asked for again.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from homeassistant.util import dt as dt_util, ulid as ulid_util
from msgspec import structs

from . import creation
from .askers import Asker
from .clients.errors import AmbiguousError, InvalidFieldError, PlatformError
from .clients.model import TaskChange
from .clients.platform import TaskControl
from .const import LOGGER
from .guard import local_time
from .journal import Journal
from .writes import ChangeEntry, Entry, WriteState, change_key, closed


class ChangeNotMadeError(PlatformError):
    """The answer was lost, and the platform does not show the change."""

    key = "change_not_made"


class ChangeUnsettledError(PlatformError):
    """The answer was lost, and the platform could not be asked since."""

    key = "change_unsettled"


class Changer:
    """Changes the upgrade tasks of one account.

    ``changed`` is called with each entry of the journal that changed.
    """

    def __init__(
        self,
        client: TaskControl,
        journal: Journal,
        account: str,
        *,
        changed: Callable[[Entry], None],
    ) -> None:
        """Write for the account with this unique ID."""
        self._client = client
        self._journal = journal
        self._account = account
        self._changed = changed

    async def async_change(self, change: TaskChange, asker: Asker) -> ChangeEntry:
        """Make a change; return the journal's entry, open if the answer was lost.

        Raises `InvalidFieldError` while the same is under way, and what the client
        raises when nothing was changed.
        """
        entry = await self._async_open(change, asker)
        try:
            await self._client.change_task(change)
        except AmbiguousError:
            return entry
        except PlatformError as err:
            await self._async_close(
                entry,
                WriteState.REFUSED,
                failure=err.key,
                detail=err.placeholders.get("code"),
            )
            raise
        except Exception:  # noqa: BLE001 (it may have been sent, whatever it is)
            LOGGER.exception("Unexpected error while changing an upgrade task")
            return entry
        return await self._async_close(entry, WriteState.DONE)

    async def _async_open(self, change: TaskChange, asker: Asker) -> ChangeEntry:
        """Write down that a change is about to be sent."""
        key = change_key(self._account, change)
        async with self._journal.changing:
            for entry in self._journal.open_entries(ChangeEntry):
                if entry.key == key:
                    raise InvalidFieldError(
                        "task_id", "change_under_way", time=local_time(entry)
                    )
            entry = ChangeEntry(
                entry_id=ulid_util.ulid_now(),
                key=key,
                asked_time=dt_util.utcnow().timestamp(),
                asker=asker,
                change=change,
                task_id=change.task_id,
            )
            await self._journal.async_open(entry)
        self._changed(entry)
        return entry

    async def async_settle(self, entry: ChangeEntry) -> None:
        """Look whether a change whose answer was lost was made.

        Raises `ChangeNotMadeError` when it was not, and `ChangeUnsettledError` when
        the platform could not be asked.
        """
        delays = list(creation.LOOKS)
        while delays:
            await asyncio.sleep(delays.pop(0))
            if await self._async_look(entry, is_last=not delays):
                break
        entry = self._current(entry)
        if entry.state is WriteState.OPEN:
            entry = structs.replace(entry, state=WriteState.UNSETTLED)
            await self._async_write(entry)
        if entry.is_open:
            raise ChangeUnsettledError
        if entry.state is WriteState.NOT_DONE:
            raise ChangeNotMadeError

    async def async_settle_unsettled(self) -> None:
        """Ask once more, now that the platform answers again."""
        for entry in self._journal.open_entries(ChangeEntry):
            if entry.state is WriteState.UNSETTLED:
                await self._async_look(entry, is_last=True)

    async def _async_look(self, entry: ChangeEntry, *, is_last: bool) -> bool:
        """Look once; return whether it is known now what became of a change."""
        with suppress(PlatformError):
            is_made = await self._client.is_changed(entry.change)
            entry = self._current(entry)
            if entry.is_open and is_made:
                await self._async_close(entry, WriteState.DONE)
            elif entry.is_open and is_last:
                await self._async_close(entry, WriteState.NOT_DONE)
        return not self._current(entry).is_open

    def _current(self, entry: ChangeEntry) -> ChangeEntry:
        """Return what the journal says now; a poll may be faster than a look."""
        current = self._journal.get(entry.entry_id)
        return current if isinstance(current, ChangeEntry) else entry

    async def _async_close(
        self,
        entry: ChangeEntry,
        state: WriteState,
        *,
        failure: str | None = None,
        detail: str | None = None,
    ) -> ChangeEntry:
        entry = closed(
            entry, state, task_id=entry.task_id, failure=failure, detail=detail
        )
        await self._async_write(entry)
        return entry

    async def _async_write(self, entry: ChangeEntry) -> None:
        await self._journal.async_change(entry)
        self._changed(entry)
