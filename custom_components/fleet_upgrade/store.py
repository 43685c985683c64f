"""Keeps an account's state across restarts."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.storage import Store
import msgspec

from .account import AccountState, TaskEvent
from .clients.model import UpgradeTask
from .const import DOMAIN, LOGGER, STORE_DELAY
from .early_warning import Watch

STORAGE_VERSION = 1


class AccountStore:
    """The file with one account's state.

    A state equal to the last one given is not written again.
    """

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Keep the state of the account with this entry ID."""
        self._store = Store[dict[str, Any]](
            hass,
            STORAGE_VERSION,
            f"{DOMAIN}.{entry_id}",
            private=True,
            atomic_writes=True,
            # States are never changed, so a thread may read them.
            serialize_in_event_loop=False,
        )
        self._hass = hass
        self._last: AccountState | None = None
        self._is_waiting = False
        self._writing: asyncio.Task[None] | None = None

    async def async_load(self) -> AccountState | None:
        """Return the state; ``None`` when there is none yet."""
        if (data := await self._store.async_load()) is not None:
            self._last = _from_json(data)
        return self._last

    async def async_save(self, state: AccountState) -> None:
        """Write the state now; it is on disk when this returns.

        It goes on when the caller is cancelled, as a thread cannot be.
        """
        if state == self._last and not self._is_waiting:
            return
        self._last = state
        self._is_waiting = False
        self._writing = self._hass.async_create_task(
            self._store.async_save(_to_json(state)), "store: write"
        )
        await asyncio.shield(self._writing)

    @callback
    def async_save_later(self, state: AccountState) -> None:
        """Write the state once it has been quiet for a while, or at shutdown."""
        if state == self._last:
            return
        self._last = state
        self._is_waiting = True
        self._store.async_delay_save(lambda: _to_json(state), STORE_DELAY)

    async def async_flush(self) -> None:
        """Write what still waits to be written; no write comes after this."""
        if self._last is not None and self._is_waiting:
            await self.async_save(self._last)
        elif self._writing is not None:
            await self._writing

    async def async_remove(self) -> None:
        """Delete the file."""
        await self._store.async_remove()


class SessionStore:
    """The file with one account's session; its content is secret."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Keep the session of the account with this entry ID."""
        self._store = Store[dict[str, Any]](
            hass,
            STORAGE_VERSION,
            f"{DOMAIN}.{entry_id}.session",
            private=True,
            atomic_writes=True,
        )
        self._last: dict[str, Any] | None = None

    async def async_load(self) -> dict[str, Any]:
        """Return what was kept last."""
        return await self._store.async_load() or {}

    @callback
    def async_save(self, kept: Mapping[str, object]) -> None:
        """Write at once: a platform may take back what came before."""
        self._last = last = dict(kept)
        self._store.async_delay_save(lambda: last)

    async def async_flush(self) -> None:
        """Write what may still wait to be written; no write comes after this."""
        if self._last is not None:
            await self._store.async_save(self._last)

    async def async_remove(self) -> None:
        """Delete the file."""
        await self._store.async_remove()


def _to_json(state: AccountState) -> dict[str, Any]:
    data: dict[str, Any] = msgspec.to_builtins(state)
    data["tasks"] = list(data.get("tasks", {}).values())
    return data


def _from_json(data: dict[str, Any]) -> AccountState:
    tasks = _readable(data.get("tasks", []), UpgradeTask, "upgrade task")
    times = _readable(data.get("inactive_since", {}).items(), tuple[str, float], "time")
    watches = _readable(data.get("watches", {}).items(), tuple[str, Watch], "watch")
    batches = _readable(data.get("batches", {}).items(), tuple[str, str], "batch")
    return AccountState(
        tasks={task.task_id: task for task in tasks},
        batches=dict(batches),
        memory=data.get("memory", {}),
        inactive_since=dict(times),
        watches=dict(watches),
        outbox=tuple(_readable(data.get("outbox", []), TaskEvent, "event")),
    )


def _readable[_ValueT](
    rows: Iterable[Any], of: type[_ValueT], what: str
) -> list[_ValueT]:
    """Return the rows that can be read; say which cannot."""
    values = []
    for row in rows:
        try:
            values.append(msgspec.convert(row, of))
        except msgspec.ValidationError as err:
            LOGGER.warning("A stored %s cannot be read: %s", what, err)
    return values
