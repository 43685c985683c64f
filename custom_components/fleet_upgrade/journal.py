"""The journal: each write of an account, on disk before it is sent.

What was sent and not answered can only be settled by someone who knows that it was
sent, so a write that cannot be written down here is not sent.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from pathlib import Path
from weakref import WeakValueDictionary

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.storage import STORAGE_DIR
from homeassistant.util.hass_dict import HassKey

from .clients.errors import PlatformError
from .clients.model import Targets
from .const import DOMAIN, LOGGER
from .journal_file import (
    read_entries,
    remove_files,
    targets_path,
    write_entries,
    write_file,
)
from .writes import CreateEntry, Entry

MOST_CLOSED = 500
"""Closed writes that are kept, a batch being one; open ones always are."""

MOST_ENTRIES = 5000
"""Entries that are kept at most, unless more than these are open."""


class UnwrittenError(PlatformError):
    """A write could not be written down, so it was not sent."""

    key = "journal_unwritable"


class StoppingError(PlatformError):
    """Home Assistant stops, so nothing is sent any more."""

    key = "stopping"


class Journal:
    """The file with one account's writes.

    Writes of the file follow each other in the order in which they were asked for,
    and go on to their end when who asked is cancelled.
    """

    def __init__(self, hass: HomeAssistant, account_id: str) -> None:
        """Keep the journal of the config entry with this ID."""
        self._hass = hass
        self._path = Path(
            hass.config.path(STORAGE_DIR, f"{DOMAIN}.{account_id}.journal")
        )
        self._entries: dict[str, Entry] = {}
        self._lock = asyncio.Lock()
        self._is_loaded = False
        self._is_removed = False
        self.creating = asyncio.Lock()
        """Held by a creation, so that no two runs of an account create at once."""
        self.changing = asyncio.Lock()
        """Held while the change of a task is checked and written down."""
        self.keeping = asyncio.Lock()
        """Held while the runs of plans are read or written, in a file of their own."""
        self.batches_under_way: set[str] = set()
        """Keys of batches whose parts are being created."""
        self.in_flight: set[str] = set()
        """IDs of entries whose answer is still awaited."""

    @property
    def entries(self) -> Iterable[Entry]:
        """All entries, oldest first."""
        return self._entries.values()

    def all_of[EntryT: Entry](self, kind: type[EntryT]) -> list[EntryT]:
        """Return the entries of a kind, oldest first."""
        return [entry for entry in self.entries if isinstance(entry, kind)]

    def open_entries[EntryT: Entry](self, kind: type[EntryT]) -> list[EntryT]:
        """Return those of a kind of which it is not known yet what became of them."""
        return [entry for entry in self.all_of(kind) if entry.is_open]

    def get(self, entry_id: str) -> Entry | None:
        """Return an entry by its ID."""
        return self._entries.get(entry_id)

    async def async_load(self) -> bool:
        """Read the file, once; return whether nothing in it was lost.

        Later, what is in memory counts: a creation may be under way. Raises `OSError`
        when it cannot be read.
        """
        async with self._lock:
            if self._is_loaded:
                return True
            entries, is_whole = await self._hass.async_add_executor_job(
                read_entries, self._path
            )
            self._entries = {entry.entry_id: entry for entry in entries}
            self._is_loaded = True
            return is_whole

    async def async_open(self, entry: Entry) -> None:
        """Write down what is about to be sent; it is on disk when this returns.

        Raises `UnwrittenError` when it cannot be written, and `StoppingError` when
        Home Assistant stops: then nothing may be sent.
        """
        if self._hass.is_stopping:
            raise StoppingError
        try:
            is_written = await self._async_to_its_end(self._async_append(entry))
        except asyncio.CancelledError:
            # Nothing is sent, so nothing may stay that blocks its key.
            self._hass.async_create_task(
                self._async_forget(entry.entry_id), "journal: forget"
            )
            raise
        if not is_written:
            raise UnwrittenError

    async def async_keep_targets(self, batch_id: str, targets: Targets) -> None:
        """Write down the targets of a batch, once, before the first of its parts.

        Raises `UnwrittenError` when that cannot be done.
        """
        async with self._lock:
            path = targets_path(self._path, batch_id)
            if self._is_removed or not await self._hass.async_add_executor_job(
                write_file, path, targets
            ):
                raise UnwrittenError

    async def async_change(self, entry: Entry) -> None:
        """Write down what became of an entry.

        A failure to do so is logged and not raised: what is on disk then still says
        open, and the next start settles it by looking.
        """
        self._entries[entry.entry_id] = entry
        dropped = self._drop_the_oldest()
        if not await self._async_to_its_end(self._async_write_all()):
            LOGGER.error("What became of a write could not be written down")
        for batch_id in dropped:
            await self._hass.async_add_executor_job(
                targets_path(self._path, batch_id).unlink, True
            )

    def _drop_the_oldest(self) -> set[str]:
        """Forget closed writes that are too many; return the batches among them."""
        writes: dict[str, list[Entry]] = {}
        for entry in self.entries:
            writes.setdefault(_write_of(entry), []).append(entry)
        closed = {
            write: entries
            for write, entries in writes.items()
            if not any(entry.is_open for entry in entries)
        }
        count = len(closed)
        dropped: set[str] = set()
        for write, entries in closed.items():
            if count <= MOST_CLOSED and len(self._entries) <= MOST_ENTRIES:
                break
            count -= 1
            for entry in entries:
                del self._entries[entry.entry_id]
                if isinstance(entry, CreateEntry) and entry.part is not None:
                    dropped.add(write)
        return dropped

    async def async_remove(self) -> None:
        """Delete the file, for good."""
        self._is_removed = True
        async with self._lock:
            await self._hass.async_add_executor_job(remove_files, self._path)

    async def _async_to_its_end(self, job: Coroutine[None, None, bool]) -> bool:
        """Do something that goes on when the caller is cancelled.

        A thread cannot be cancelled: were its write given up, the next one could
        overtake it.
        """
        return await asyncio.shield(self._hass.async_create_task(job, "journal: write"))

    async def _async_append(self, entry: Entry) -> bool:
        """Add an entry once it is on disk; return whether it is."""
        async with self._lock:
            if not await self._async_write({**self._entries, entry.entry_id: entry}):
                return False
            self._entries[entry.entry_id] = entry
            return True

    async def _async_forget(self, entry_id: str) -> None:
        async with self._lock:
            if self._entries.pop(entry_id, None) is not None:
                await self._async_write(self._entries)

    async def _async_write_all(self) -> bool:
        async with self._lock:
            return await self._async_write(self._entries)

    async def _async_write(self, entries: Mapping[str, Entry]) -> bool:
        """Return whether these entries are on disk; the lock is held."""
        return not self._is_removed and await self._hass.async_add_executor_job(
            write_entries, self._path, tuple(entries.values())
        )


def _write_of(entry: Entry) -> str:
    """Return what the entries of one batch share, and no two others do."""
    if isinstance(entry, CreateEntry) and entry.part is not None:
        return entry.part.batch_id
    return entry.entry_id


DATA_JOURNALS: HassKey[WeakValueDictionary[str, Journal]] = HassKey(
    f"{DOMAIN}_journals"
)


@callback
def async_get_journal(hass: HomeAssistant, account_id: str) -> Journal:
    """Return the journal that all users of an account share.

    A creation that is under way while its account is loaded anew still writes to the
    file that the account's next run writes to.
    """
    journals = hass.data.setdefault(DATA_JOURNALS, WeakValueDictionary())
    journal = journals.get(account_id)
    if journal is None:
        journal = journals[account_id] = Journal(hass, account_id)
    return journal
