"""The journal: each write of an account, on disk before it is sent.

What was sent and not answered can only be settled by someone who knows that it was
sent, so a write that cannot be written down here is not sent.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from weakref import WeakValueDictionary

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.storage import STORAGE_DIR
from homeassistant.util import dt as dt_util
from homeassistant.util.file import WriteError, write_utf8_file_atomic
from homeassistant.util.hass_dict import HassKey
import msgspec
from msgspec import structs

from .askers import Asker
from .clients.model import CreateRequest, PreparedCreate, Value
from .const import DOMAIN, LOGGER

MOST_CLOSED = 500
"""Closed entries that are kept; open ones always are."""


class WriteState(StrEnum):
    """What is known of a write."""

    OPEN = "open"
    """Written down; perhaps sent, not answered yet."""
    UNSETTLED = "unsettled"
    """The answer was lost, and looking has not told yet whether it was done."""
    DONE = "done"
    REFUSED = "refused"
    """Not done: the platform, or the way there, said so."""
    NOT_DONE = "not_done"
    """Not done: a person said so."""


class Entry(Value, frozen=True):
    """One write.

    ``key`` stands for account, kind, package and targets; ``seen`` holds
    the IDs at the newest end of the platform's list before the write was sent.
    """

    entry_id: str
    key: str
    asked_time: float
    """POSIX seconds."""
    asker: Asker
    prepared: PreparedCreate
    state: WriteState = WriteState.OPEN
    forced: bool = False
    seen: tuple[str, ...] = ()
    task_id: str | None = None
    closed_time: float | None = None
    """POSIX seconds."""
    failure: str | None = None
    """Key of the error's text, for a write that was refused."""
    detail: str | None = None
    """The platform's code, where it gave one."""
    clock_offset: float = 0.0
    """Seconds by which the platform's clock was ahead when it was asked for."""

    @property
    def asked_at(self) -> datetime:
        """When it was asked for."""
        return dt_util.utc_from_timestamp(self.asked_time)

    @property
    def closed_at(self) -> datetime | None:
        """When it became known what became of it."""
        if self.closed_time is None:
            return None
        return dt_util.utc_from_timestamp(self.closed_time)

    @property
    def is_open(self) -> bool:
        """Whether it is not known yet what became of it."""
        return self.state in (WriteState.OPEN, WriteState.UNSETTLED)


_NOT_FURTHER = {"device_groups", "devices", "device_type", "model", "manufacturer"}
"""Targets that stand in a key by themselves, or not at all."""


def write_key(account: str, request: CreateRequest) -> str:
    """Return what two creations share that would do the same twice.

    ``account`` stands for the platform too, as an account's unique ID does. Left out
    are the policy, because the same upgrade an hour later is still the same, and what
    the package is made for, because leaving that to the platform changes nothing.
    """
    targets = request.targets
    parts: tuple[object, ...] = (
        account,
        request.kind,
        request.package_id,
        sorted(set(targets.device_groups)),
        sorted(set(targets.devices)),
    )
    # Only where there is more: what was written before has the same key as ever.
    if further := {
        name: _unordered(value)
        for name, value in structs.asdict(targets).items()
        if name not in _NOT_FURTHER and value
    }:
        parts = (*parts, further)
    return sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()


def _unordered(value: object) -> object:
    """Return the values of a target without order, each once."""
    match value:
        case dict():
            return {name: _unordered(each) for name, each in value.items()}
        case tuple():
            return sorted({msgspec.json.encode(each).decode() for each in value})
        case _:
            return value


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
        self.in_flight: set[str] = set()
        """IDs of entries whose answer is still awaited."""

    @property
    def entries(self) -> Iterable[Entry]:
        """All entries, oldest first."""
        return self._entries.values()

    @property
    def open_entries(self) -> list[Entry]:
        """The entries of which it is not known yet what became of them."""
        return [entry for entry in self.entries if entry.is_open]

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
            LOGGER.error("What became of an upgrade could not be written down")

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
    entries = []
    is_whole = True
    for row in rows:
        try:
            entries.append(msgspec.json.decode(row, type=Entry))
        except ValueError as err:
            LOGGER.error("An entry of the journal could not be read: %s", err)
            is_whole = False
    if not is_whole:
        _put_aside(path, content)
        _write(path, tuple(entries))
    return entries


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
