"""Creates upgrade tasks: never the same twice, and none lost.

A creation is checked against what was asked for before and against what runs on the
platform, written down, sent once, and written down again with its answer. When the
answer is lost it is looked for, never sent again.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from datetime import timedelta

from homeassistant.util import dt as dt_util, ulid as ulid_util
from msgspec import structs

from .account import AccountState
from .askers import Asker
from .clients.errors import AmbiguousError, PlatformError
from .clients.model import PreparedCreate, Reach, UpgradeTask
from .clients.platform import PlatformClient
from .const import LOGGER
from .guard import (
    NAMED,
    refuse_busy_targets,
    refuse_what_is_open,
    refuse_what_was_just_asked_for,
)
from .journal import Journal
from .writes import CreateEntry, Entry, Part, WriteState, closed, write_key

LOOKS = (1.0, 4.0, 10.0, 20.0, 25.0)
"""Seconds before each look for the task of a creation whose answer was lost."""

CLOCK_SLACK = timedelta(minutes=1)
"""How much earlier than sent a task may seem to be created, by the platform's clock."""

READ_BACK = timedelta(days=1)
"""How far a look reads back at most."""


class UnsettledError(PlatformError):
    """It is not known whether a creation was done."""

    def __init__(self, candidates: tuple[str, ...], *, looked: bool = True) -> None:
        """Name the tasks that it may have become, and whether anybody could look."""
        if not looked:
            self.key = "unsettled_unread"
        else:
            self.key = "unsettled_several" if candidates else "unsettled_none"
        super().__init__(self.key, tasks=", ".join(candidates[:NAMED]))


class Creator:
    """Creates the upgrade tasks of one account.

    ``state`` returns what the last poll left, ``changed`` is called with each entry
    that changed.
    """

    def __init__(
        self,
        client: PlatformClient,
        journal: Journal,
        account: str,
        *,
        guard_time: timedelta,
        state: Callable[[], AccountState],
        changed: Callable[[Entry], None],
    ) -> None:
        """Write for the account with this unique ID."""
        self.journal = journal
        self._client = client
        self._account = account
        self._guard_time = guard_time
        self._state = state
        self._changed = changed
        self._lock = journal.creating
        self._in_flight = journal.in_flight

    async def async_create(
        self,
        prepared: PreparedCreate,
        asker: Asker,
        *,
        force: bool = False,
        origin: str | None = None,
        reach: Reach | None = None,
    ) -> CreateEntry:
        """Create a task; return the journal's entry, open if the answer was lost.

        Raises `InvalidFieldError` when it would do the same twice, and what the
        client raises when nothing was created.
        """
        async with self._lock:
            key = write_key(self._account, prepared.request)
            refuse_what_was_just_asked_for(
                key,
                self.journal.entries,
                self._guard_time,
                dt_util.utcnow(),
                force=force,
                origin=origin,
            )
            seen = await self.async_look_around(prepared, force=force)
            return await self._async_write(
                prepared,
                asker,
                key,
                seen,
                force=force,
                origin=origin,
                reach=reach,
            )

    async def async_create_part(
        self,
        prepared: PreparedCreate,
        part: Part,
        seen: Collection[str],
        asker: Asker,
        *,
        force: bool,
        origin: str | None = None,
        reach: Reach | None = None,
    ) -> CreateEntry:
        """Create a part of a batch whose targets were looked at as a whole.

        Returns and raises what `async_create` does, but what was just asked for is
        for the batch to refuse.
        """
        async with self._lock:
            key = write_key(self._account, prepared.request)
            refuse_what_is_open(key, self.journal.entries)
            return await self._async_write(
                prepared,
                asker,
                key,
                seen,
                force=force,
                part=part,
                origin=origin,
                reach=reach,
            )

    async def async_look_around(
        self, prepared: PreparedCreate, *, force: bool, own: Collection[str] = ()
    ) -> Collection[str]:
        """Refuse targets that are being upgraded; return the IDs of known tasks.

        ``own`` are tasks that the creation has become already.
        """
        known, newest = await self.async_known_tasks()
        if not force:
            others = {
                task_id: task for task_id, task in known.items() if task_id not in own
            }
            await refuse_busy_targets(
                self._client, prepared, others, newest, self._drawn_from(others)
            )
        return known.keys()

    def _drawn_from(
        self, tasks: Mapping[str, UpgradeTask]
    ) -> dict[str, tuple[str, ...]]:
        """Return the groups that the devices of tasks were drawn from, where they were.

        Of a creation that is open, for all tasks that it may have become.
        """
        found: dict[str, tuple[str, ...]] = {}
        for entry in self.journal.all_of(CreateEntry):
            if not (groups := entry.prepared.drawn_from):
                continue
            if entry.task_id is not None:
                found[entry.task_id] = groups
            elif entry.is_open:
                for task in self.candidates(entry, tasks.values()):
                    found[task.task_id] = groups
        return found

    async def async_known_tasks(
        self,
    ) -> tuple[dict[str, UpgradeTask], tuple[UpgradeTask, ...]]:
        """Return all known tasks by ID, and the newest of them as they are now."""
        state = self._state()
        newest = await self._client.read_newest(
            state.memory, (), dt_util.utcnow() - READ_BACK
        )
        return state.tasks | {task.task_id: task for task in newest}, newest

    async def _async_write(
        self,
        prepared: PreparedCreate,
        asker: Asker,
        key: str,
        seen: Collection[str],
        *,
        force: bool,
        part: Part | None = None,
        origin: str | None = None,
        reach: Reach | None = None,
    ) -> CreateEntry:
        """Write down that a creation is about to be sent, then send it."""
        entry = CreateEntry(
            entry_id=ulid_util.ulid_now(),
            key=key,
            asked_time=dt_util.utcnow().timestamp(),
            asker=asker,
            prepared=prepared,
            forced=force,
            part=part,
            origin=origin,
            reach=reach,
            seen=tuple(seen),
            clock_offset=self._client.clock_offset.total_seconds(),
        )
        await self.journal.async_open(entry)
        self._changed(entry)
        self._in_flight.add(entry.entry_id)
        try:
            return await self._async_send(entry)
        except AmbiguousError:
            # What is open blocks its key, so others may go on meanwhile.
            return entry
        except PlatformError:
            raise
        except Exception:  # noqa: BLE001 (it may have been sent, whatever it is)
            LOGGER.exception("Unexpected error while creating an upgrade task")
            return entry
        finally:
            self._in_flight.discard(entry.entry_id)

    async def _async_send(self, entry: CreateEntry) -> CreateEntry:
        """Send a creation once, and write down what became of it."""
        try:
            task_id = await self._client.create_task(entry.prepared)
        except AmbiguousError:
            raise
        except PlatformError as err:
            await self._async_close(
                entry,
                WriteState.REFUSED,
                failure=err.key,
                detail=err.placeholders.get("code"),
            )
            raise
        return await self._async_close(entry, WriteState.DONE, task_id=task_id)

    async def async_settle(self, entry: CreateEntry) -> str:
        """Look for the task that a lost answer would have named; return its ID.

        Raises `UnsettledError` when looking for a minute has not told.
        """
        candidates: list[UpgradeTask] = []
        looked = False
        for delay in LOOKS:
            await asyncio.sleep(delay)
            with suppress(PlatformError):
                candidates = await self.async_look(entry.entry_id)
                looked = True
            if not self.current(entry).is_open:
                break
        current = self.current(entry)
        if current.task_id is not None:
            return current.task_id
        if current.state is WriteState.OPEN:
            await self._async_change(
                structs.replace(current, state=WriteState.UNSETTLED)
            )
        raise UnsettledError(tuple(task.task_id for task in candidates), looked=looked)

    async def async_look(self, entry_id: str) -> list[UpgradeTask]:
        """Look once for what an open entry became; adopt the only candidate.

        Returns the candidates that are left, and raises what the client raises.
        """
        entry = self.journal.get(entry_id)
        if not isinstance(entry, CreateEntry) or not entry.is_open:
            return []
        newest = await self._client.read_newest(
            self._state().memory, entry.seen, entry.asked_at - READ_BACK
        )
        async with self._lock:
            entry = self.current(entry)
            if not entry.is_open:
                return []
            tasks = self._state().tasks | {task.task_id: task for task in newest}
            candidates = self.candidates(entry, tasks.values())
            await self._async_adopt_only(entry, candidates)
        return candidates if self.current(entry).is_open else []

    def current(self, entry: CreateEntry) -> CreateEntry:
        """Return what the journal says now; a poll or a person may be faster."""
        current = self.journal.get(entry.entry_id)
        return current if isinstance(current, CreateEntry) else entry

    async def async_settle_from(self, tasks: Iterable[UpgradeTask]) -> None:
        """Settle what a poll tells."""
        tasks = list(tasks)
        for entry in self.journal.open_entries(CreateEntry):
            if entry.entry_id in self._in_flight:
                continue
            await self._async_adopt_only(entry, self.candidates(entry, tasks))

    async def async_answer(self, entry_id: str, task: UpgradeTask | None) -> None:
        """Settle an entry as a person says: it became this task, or none."""
        entry = self.journal.get(entry_id)
        if not isinstance(entry, CreateEntry) or not entry.is_open:
            return
        if task is None:
            await self._async_close(entry, WriteState.NOT_DONE)
        else:
            await self._async_close(entry, WriteState.DONE, task_id=task.task_id)

    def candidates(
        self, entry: CreateEntry, tasks: Iterable[UpgradeTask]
    ) -> list[UpgradeTask]:
        """Return the tasks that a creation may have become."""
        claimed = {each.task_id for each in self.journal.all_of(CreateEntry)}
        seen = set(entry.seen)
        earliest = entry.asked_at + timedelta(seconds=entry.clock_offset) - CLOCK_SLACK
        return [
            task
            for task in tasks
            if task.task_id not in seen
            and task.task_id not in claimed
            and (task.created is None or task.created >= earliest)
            and self._client.is_result(entry.prepared, task)
        ]

    async def _async_adopt_only(
        self, entry: CreateEntry, candidates: list[UpgradeTask]
    ) -> None:
        """Adopt a candidate that is the only one, and fits no other open entry."""
        if not entry.is_open or len(candidates) != 1:
            return
        if not any(
            self.candidates(other, candidates)
            for other in self.journal.open_entries(CreateEntry)
            if other.entry_id != entry.entry_id
        ):
            await self._async_close(
                entry, WriteState.DONE, task_id=candidates[0].task_id
            )

    async def _async_close(
        self,
        entry: CreateEntry,
        state: WriteState,
        *,
        task_id: str | None = None,
        failure: str | None = None,
        detail: str | None = None,
    ) -> CreateEntry:
        entry = closed(
            structs.replace(entry, seen=()),
            state,
            task_id=task_id,
            failure=failure,
            detail=detail,
        )
        await self._async_change(entry)
        return entry

    async def _async_change(self, entry: CreateEntry) -> None:
        await self.journal.async_change(entry)
        self._changed(entry)
