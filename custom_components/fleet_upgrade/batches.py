"""Creations that take several tasks: one batch, made to its end or finished later.

A batch has its parts in the journal. Asked for again with the same targets, it is
finished where parts are missing, and refused where none is.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import timedelta

from homeassistant.util import dt as dt_util, ulid as ulid_util

from .askers import Asker
from .clients.errors import InvalidFieldError, PlatformError
from .clients.model import PreparedCreate, Reach
from .creation import Creator
from .guard import is_repeated, refuse_what_is_open, repeated
from .writes import CreateEntry, Part, WriteState, is_for, write_key

RESUMABLE = timedelta(days=7)
"""How long a batch with missing parts is finished instead of begun anew."""

type Parts = dict[int, CreateEntry]
"""The last entry of each part of a batch, by its number."""


class AccountUnloadedError(PlatformError):
    """The account was unloaded before all was done."""

    key = "account_unloaded"


class BatchIncompleteError(PlatformError):
    """Some parts of a batch exist, and one could not be created; ``cause`` says why."""

    key = "batch_incomplete"

    def __init__(
        self,
        done: int,
        count: int,
        existing: str,
        missing: str,
        cause: PlatformError | None = None,
    ) -> None:
        """Say which parts there are; the reason is for whoever has its text."""
        super().__init__(
            self.key,
            done=str(done),
            count=str(count),
            existing=existing,
            missing=missing,
            reason="",
        )
        self.cause = cause


class BatchCreator:
    """Creates what takes several tasks on the platform.

    ``settle`` looks for a part whose answer was lost, ``is_wanted`` says whether to
    go on with the next part.
    """

    def __init__(
        self,
        creator: Creator,
        account: str,
        *,
        guard_time: timedelta,
        settle: Callable[[CreateEntry], Awaitable[None]],
        is_wanted: Callable[[], bool],
    ) -> None:
        """Create for the account with this unique ID."""
        self._creator = creator
        self._journal = creator.journal
        self._account = account
        self._guard_time = guard_time
        self._settle = settle
        self._is_wanted = is_wanted

    async def async_create(
        self,
        whole: PreparedCreate,
        parts: Sequence[PreparedCreate],
        asker: Asker,
        *,
        force: bool = False,
        origin: str | None = None,
        reach: Reach | None = None,
    ) -> list[CreateEntry]:
        """Create the parts that are missing; return the entries of all of them.

        Raises `InvalidFieldError` when nothing is missing, `BatchIncompleteError`
        when a part could not be created, and what the client raises before that.
        """
        key = write_key(self._account, whole.request)
        if key in self._journal.batches_under_way:
            raise InvalidFieldError("force", "batch_under_way")
        self._journal.batches_under_way.add(key)
        try:
            return await self._async_create(
                key, whole, parts, asker, force=force, origin=origin, reach=reach
            )
        finally:
            self._journal.batches_under_way.discard(key)

    async def _async_create(
        self,
        key: str,
        whole: PreparedCreate,
        parts: Sequence[PreparedCreate],
        asker: Asker,
        *,
        force: bool,
        origin: str | None,
        reach: Reach | None,
    ) -> list[CreateEntry]:
        batch_id, known = self._latest(key)
        done = _done(known)
        is_complete = len(done) == len(parts)
        newest = max(known.values(), key=lambda entry: entry.asked_time, default=None)
        if newest is not None and is_complete and not force:
            if is_repeated(newest, origin, dt_util.utcnow() - self._guard_time):
                raise repeated(newest, self._guard_time)
        for entry in known.values():
            refuse_what_is_open(entry.key, [entry])
        if newest is None or is_complete or _is_too_old(newest, origin):
            batch_id, done = ulid_util.ulid_now(), {}
        seen = await self._creator.async_look_around(
            whole, force=force, own={entry.task_id or "" for entry in done.values()}
        )
        if not done:
            targets = whole.request.targets.in_order()
            await self._journal.async_keep_targets(batch_id, targets)
        start = 0
        for number, prepared in enumerate(parts, 1):
            stop = start + prepared.request.targets.count
            part = Part(
                batch_id=batch_id,
                key=key,
                number=number,
                of=len(parts),
                start=start,
                stop=stop,
            )
            start = stop
            if number not in done:
                if not self._is_wanted():
                    raise _incomplete(len(parts), done, AccountUnloadedError())
                try:
                    done[number] = await self._async_create_part(
                        prepared,
                        part,
                        seen,
                        asker,
                        force=force,
                        origin=origin,
                        reach=reach,
                    )
                except PlatformError as err:
                    raise _incomplete(len(parts), done, err) from err
        return [entry for _, entry in sorted(done.items())]

    async def _async_create_part(
        self,
        prepared: PreparedCreate,
        part: Part,
        seen: Collection[str],
        asker: Asker,
        *,
        force: bool,
        origin: str | None,
        reach: Reach | None,
    ) -> CreateEntry:
        """Create a part; look for it if its answer was lost."""
        entry = await self._creator.async_create_part(
            prepared, part, seen, asker, force=force, origin=origin, reach=reach
        )
        if entry.is_open:
            await self._settle(entry)
        return self._creator.current(entry)

    def _latest(self, key: str) -> tuple[str, Parts]:
        """Return the newest batch with a key, and its parts."""
        batches: defaultdict[str, Parts] = defaultdict(dict)
        for entry in self._journal.all_of(CreateEntry):
            if entry.part is not None and entry.part.key == key:
                batches[entry.part.batch_id][entry.part.number] = entry
        if not batches:
            return "", {}
        return list(batches.items())[-1]


def _done(parts: Parts) -> Parts:
    return {
        number: entry
        for number, entry in parts.items()
        if entry.state is WriteState.DONE
    }


def _incomplete(of: int, done: Parts, cause: PlatformError) -> BatchIncompleteError:
    numbers = range(1, of + 1)
    return BatchIncompleteError(
        len(done),
        of,
        _ranges([number for number in numbers if number in done]),
        _ranges([number for number in numbers if number not in done]),
        cause,
    )


def _is_too_old(newest: CreateEntry, origin: str | None) -> bool:
    """Whether a batch is begun anew; never for the same wave of a plan's run."""
    return not is_for(newest, origin) and newest.asked_at < dt_util.utcnow() - RESUMABLE


def _ranges(numbers: Sequence[int]) -> str:
    """Return numbers in short: 1, 3-7."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    texts = [str(first) if first == last else f"{first}-{last}" for first, last in runs]
    return ", ".join(texts) or "-"
