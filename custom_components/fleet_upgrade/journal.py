"""The journal: each write of an account, on disk before it is sent.

What was sent and not answered can only be settled by someone who knows that it was
sent, so a write that cannot be written down here is not sent.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from pathlib import Path
from weakref import WeakValueDictionary

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.storage import STORAGE_DIR
from homeassistant.util import dt as dt_util
from homeassistant.util.file import WriteError, write_utf8_file_atomic
from homeassistant.util.hass_dict import HassKey
import msgspec

from .const import DOMAIN, LOGGER
from .writes import ChangeEntry, CreateEntry, Entry

MOST_CLOSED = 500
"""Closed entries that are kept; open ones always are."""


class _Kind(msgspec.Struct):
    """Of an entry on disk, only whether it says which kind it is."""

    write: str | None = None


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

    async def async_load(self) -> None:
        """Read the file, once; raises `OSError` when it cannot be read.

        Later, what is in memory counts: a creation may be under way.
        """
        async with self._lock:
            if self._is_loaded:
                return
            entries = await self._hass.async_add_executor_job(_read, self._path)
            self._entries = {entry.entry_id: entry for entry in entries}
            self._is_loaded = True

    async def async_open(self, entry: Entry) -> None:
        """Write down what is about to be sent; it is on disk when this returns.

        Raises a translated `HomeAssistantError` when it cannot be written, or when
        Home Assistant stops: then nothing may be sent.
        """
        if self._hass.is_stopping:
            raise HomeAssistantError(
                translation_domain=DOMAIN, translation_key="stopping"
            )
        try:
            is_written = await self._async_to_its_end(self._async_append(entry))
        except asyncio.CancelledError:
            # Nothing is sent, so nothing may stay that blocks its key.
            self._hass.async_create_task(
                self._async_forget(entry.entry_id), "journal: forget"
            )
            raise
        if not is_written:
            raise HomeAssistantError(
                translation_domain=DOMAIN, translation_key="journal_unwritable"
            )

    async def async_change(self, entry: Entry) -> None:
        """Write down what became of an entry.

        A failure to do so is logged and not raised: what is on disk then still says
        open, and the next start settles it by looking.
        """
        self._entries[entry.entry_id] = entry
        closed = [each for each in self.entries if not each.is_open]
        for each in closed[: max(0, len(closed) - MOST_CLOSED)]:
            del self._entries[each.entry_id]
        if not await self._async_to_its_end(self._async_write_all()):
            LOGGER.error("What became of a write could not be written down")

    async def async_remove(self) -> None:
        """Delete the file, for good."""
        self._is_removed = True
        async with self._lock:
            await self._hass.async_add_executor_job(_remove, self._path)

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
            _write, self._path, tuple(entries.values())
        )


def _write(path: Path, entries: tuple[Entry, ...]) -> bool:
    try:
        path.parent.mkdir(exist_ok=True)
        write_utf8_file_atomic(
            str(path), msgspec.json.encode(entries), private=True, mode="wb"
        )
    except (OSError, WriteError) as err:
        LOGGER.error("The journal could not be written: %s", err)
        return False
    return True


def _read(path: Path) -> list[Entry]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    try:
        rows = msgspec.json.decode(content, type=list[msgspec.Raw])
    except ValueError:
        _put_aside(path, content)
        path.unlink()
        return []
    entries: list[Entry] = []
    is_whole = True
    for row in rows:
        try:
            entries.append(_entry(row))
        except ValueError as err:
            LOGGER.error("An entry of the journal could not be read: %s", err)
            is_whole = False
    if not is_whole:
        _put_aside(path, content)
        _write(path, tuple(entries))
    return entries


def _entry(row: msgspec.Raw) -> CreateEntry | ChangeEntry:
    """Return an entry; those of before there were changes do not say their kind."""
    kind = msgspec.json.decode(row, type=_Kind)
    if kind.write is None:
        return msgspec.json.decode(row, type=CreateEntry)
    return msgspec.json.decode(row, type=CreateEntry | ChangeEntry)


def _put_aside(path: Path, content: bytes) -> None:
    """Keep what could not be read: the next write would be the end of it."""
    aside = path.with_name(f"{path.name}.corrupt.{dt_util.utcnow().isoformat()}")
    write_utf8_file_atomic(str(aside), content, private=True, mode="wb")
    LOGGER.error("The journal could not be read whole and was kept as %s", aside)


def _remove(path: Path) -> None:
    """Delete a journal's file, and what was put aside because it was unreadable."""
    path.unlink(missing_ok=True)
    for aside in path.parent.glob(f"{path.name}.corrupt.*"):
        aside.unlink()


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
