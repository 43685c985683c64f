"""What a poll takes, and the set-up of an account, at some number of tasks."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
import gc
from itertools import islice
import time
import tracemalloc
from typing import Any
from unittest.mock import patch

import aiohttp
from homeassistant.components.recorder.db_schema import States
from homeassistant.const import EVENT_STATE_CHANGED, EVENT_STATE_REPORTED
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.recorder import get_instance, session_scope
from sqlalchemy import func, select

from custom_components.fleet_upgrade.clients.budget import Priority
from custom_components.fleet_upgrade.clients.transport import Answer, Transport
from custom_components.fleet_upgrade.coordinator import FleetCoordinator
from custom_components.fleet_upgrade.entity import task_id_of

from .home_assistant import add, home_assistant, new_entry
from .measure import Took, middle, took, watched_loop
from .others import Floor, one_by_one
from .platform import Call, Platform

ROUNDS = 9
MOST_ONE_BY_ONE = 300
"""Tasks that are read one by one; for more, what these take is multiplied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Polls:
    """What polls of an account took; times in seconds, memory in bytes."""

    platform: str
    tasks: int
    targets: str
    """What the tasks are for, in words."""
    bytes: int
    calls: int
    calls_one_by_one: int
    active: int
    ours: Took
    floor: Took
    one_by_one: Took
    stall: float
    floor_stall: float
    peak: int
    floor_peak: int
    known: int
    after: float
    """Processor time of a quiet poll after its pages were read."""
    quiet_writes: int
    quiet_rows: int
    account_writes: int
    task_writes: int
    other_writes: int
    setup: Took
    setup_pages: Took
    first_poll: float
    entities: int

    @property
    def kind(self) -> str:
        """Whose tasks, and what for."""
        return f"{self.platform}: tasks for {self.targets}"


async def measure(platform: Platform, tasks: int, targets: str) -> Polls:
    """Measure at so many tasks."""
    async with home_assistant("recorder") as hass:
        await _warm_up(hass, platform)
        platform.fill(tasks, targets)
        entry = new_entry(platform.place)
        with _watched_pages() as first_pages:
            setup = await took(lambda: add(hass, entry))
        coordinator: FleetCoordinator = entry.runtime_data
        assert coordinator.polls.last is not None
        first_poll = coordinator.polls.last.seconds
        entities = len(er.async_get(hass).entities)
        if not platform.finds_all_at_once:
            await hass.config_entries.async_remove(entry.entry_id)
            coordinator = await _there_before(hass, platform, tasks, targets)
        await coordinator.async_refresh()
        async with aiohttp.ClientSession() as session:
            floor = Floor(session, platform.place, platform.token())
            setup_pages = middle(
                [await took(lambda: floor.read(first_pages.pages)) for _ in range(3)]
            )
            measured = await _polls(hass, platform, coordinator, floor)
            return Polls(
                platform=platform.place.name,
                tasks=tasks,
                targets=next(
                    each.text for each in platform.targets if each.key == targets
                ),
                setup=setup,
                setup_pages=setup_pages,
                first_poll=first_poll,
                entities=entities,
                **measured,
            )


async def _polls(
    hass: HomeAssistant,
    platform: Platform,
    coordinator: FleetCoordinator,
    floor: Floor,
) -> dict[str, Any]:
    await get_instance(hass).async_block_till_done()
    platform.count()
    with _watched_pages() as seen:
        await coordinator.async_refresh()
    calls = platform.count()
    pages = list(seen.pages)
    ours, floors = [], []
    for _ in range(ROUNDS):
        ours.append(await took(coordinator.async_refresh))
        floors.append(await took(lambda: floor.read(pages)))

    stalls, floor_stalls = [], []
    for _ in range(ROUNDS):
        with watched_loop() as stall:
            await coordinator.async_refresh()
        stalls.append(stall.longest)
        with watched_loop() as stall:
            await floor.read(pages)
        floor_stalls.append(stall.longest)

    peak = await _peak(coordinator.async_refresh)
    floor_peak = await _peak(lambda: floor.read(pages))
    after, quiet = await _quiet(hass, coordinator)
    changed = await _changed(hass, platform, coordinator)
    one, count = await _one_by_one(hass, platform)
    return {
        "bytes": seen.bytes,
        "calls": calls,
        "calls_one_by_one": count,
        "active": sum(task.is_active for task in coordinator.data.tasks.values()),
        "ours": middle(ours),
        "floor": middle(floors),
        "one_by_one": one,
        "stall": sorted(stalls)[ROUNDS // 2],
        "floor_stall": sorted(floor_stalls)[ROUNDS // 2],
        "peak": peak,
        "floor_peak": floor_peak,
        "known": len(coordinator.data.tasks),
        "after": after,
        "quiet_writes": quiet[0],
        "quiet_rows": quiet[1],
        "account_writes": changed["account"],
        "task_writes": changed["task"],
        "other_writes": changed["others"],
    }


async def _warm_up(hass: HomeAssistant, platform: Platform) -> None:
    """Set an account up once, so that all is imported, and remove it."""
    platform.fill(10, "group")
    entry = new_entry(platform.place)
    await add(hass, entry)
    await hass.config_entries.async_remove(entry.entry_id)
    await hass.async_block_till_done()


async def _there_before(
    hass: HomeAssistant, platform: Platform, tasks: int, targets: str
) -> FleetCoordinator:
    """Return an account that has seen all tasks come."""
    platform.fill(0, targets)
    coordinator = await add(hass, new_entry(platform.place))
    platform.fill(tasks, targets)
    await coordinator.async_refresh()
    await hass.async_block_till_done()
    assert len(coordinator.data.tasks) == tasks
    return coordinator


async def _peak(what: Callable[[], Awaitable[object]]) -> int:
    """Return how many bytes more than before there were, at most, meanwhile."""
    await what()
    gc.collect()
    tracemalloc.start()
    await what()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


async def _quiet(
    hass: HomeAssistant, coordinator: FleetCoordinator
) -> tuple[float, tuple[int, int]]:
    """Poll while nothing moves; return what follows the pages, writes and rows."""
    client_poll = coordinator.client.poll
    read_at = 0.0

    async def poll(*args: Any) -> Any:
        nonlocal read_at
        found = await client_poll(*args)
        read_at = time.thread_time()
        return found

    spent = []
    rows = await _rows(hass)
    with (
        patch.object(coordinator.client, "poll", poll),
        _watched_states(hass) as written,
    ):
        for _ in range(ROUNDS):
            await coordinator.async_refresh()
            spent.append(time.thread_time() - read_at)
        await hass.async_block_till_done()
    return sorted(spent)[ROUNDS // 2], (len(written), await _rows(hass) - rows)


async def _changed(
    hass: HomeAssistant, platform: Platform, coordinator: FleetCoordinator
) -> Counter[str]:
    """Poll after one device moved on; return the states written, by whose they are."""
    task_id = platform.change()
    assert task_id in coordinator.data.tracked
    with _watched_states(hass) as written:
        await coordinator.async_refresh()
        await hass.async_block_till_done()
    return Counter(
        {None: "account", task_id: "task"}.get(
            _task_of(hass, coordinator, entity_id), "others"
        )
        for entity_id in written
    )


def _task_of(
    hass: HomeAssistant, coordinator: FleetCoordinator, entity_id: str
) -> str | None:
    """Return the upgrade task that an entity shows; none for the account's."""
    entity = er.async_get(hass).async_get(entity_id)
    assert entity is not None
    assert entity.device_id is not None
    device = dr.async_get(hass).async_get(entity.device_id)
    assert device is not None
    return task_id_of(coordinator.config_entry, device)


async def _one_by_one(hass: HomeAssistant, platform: Platform) -> tuple[Took, int]:
    task_ids = platform.task_ids()
    some = list(islice(task_ids, MOST_ONE_BY_ONE))
    token = platform.token()
    spent = await took(
        lambda: hass.async_add_executor_job(one_by_one, platform.place, token, some)
    )
    times = len(task_ids) / len(some)
    return Took(wall=spent.wall * times, cpu=spent.cpu * times), len(task_ids)


async def _rows(hass: HomeAssistant) -> int:
    """Return how many states the recorder has written."""
    instance = get_instance(hass)
    await instance.async_block_till_done()

    def count() -> int:
        with session_scope(hass=hass, read_only=True) as session:
            return session.execute(select(func.count(States.state_id))).scalar() or 0

    return await instance.async_add_executor_job(count)


@contextmanager
def _watched_states(hass: HomeAssistant) -> Iterator[list[str]]:
    """Take down the entities whose states are written."""
    written: list[str] = []

    @callback
    def take_down(event: Event[Any]) -> None:
        written.append(event.data["entity_id"])

    stop = hass.bus.async_listen(EVENT_STATE_CHANGED, take_down)
    stop_reported = hass.bus.async_listen(
        EVENT_STATE_REPORTED, take_down, event_filter=callback(lambda _data: True)
    )
    try:
        yield written
    finally:
        stop()
        stop_reported()


class _Pages:
    def __init__(self) -> None:
        self.pages: list[Call] = []
        self.bytes = 0


@contextmanager
def _watched_pages() -> Iterator[_Pages]:
    """Take down the pages that are read."""
    seen = _Pages()
    exchange = Transport.exchange

    async def watched(
        transport: Transport, method: str, path: str, **more: Any
    ) -> Answer:
        answer = await exchange(transport, method, path, **more)
        if more["priority"] is not Priority.SIGN_IN:
            query, body = more.get("query") or {}, more.get("body")
            seen.pages.append(Call(method, path, query, body))
            seen.bytes += len(answer.body)
        return answer

    with patch.object(Transport, "exchange", watched):
        yield seen
