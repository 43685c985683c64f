"""An account that comes and goes leaves nothing behind, however often it does."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from datetime import timedelta
import gc
import logging
from pathlib import Path
import sys
import threading
from types import FunctionType
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.util import dt as dt_util
from homeassistant.util.async_ import get_scheduled_timer_handles
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
    async_test_home_assistant,
)

from custom_components.fleet_upgrade.clients import budget
from custom_components.fleet_upgrade.const import (
    CONF_PLATFORM,
    CONF_PUSH_ADDRESS,
    DOMAIN,
)
from simulator.enos import EnosSimulator
from simulator.oceanconnect import OceanConnectSimulator

from .enos_account import answers_for

TIMES = 50
WARM = 10
"""Rounds until all that is made once and kept has been made."""

FEW = 20
"""Blocks of memory that a round may keep; a task's sensor alone has more."""

OURS = "custom_components."

type Census = dict[str, Counter[str]]


@pytest.fixture
async def hass(tmp_path: Path) -> AsyncGenerator[HomeAssistant]:
    """Run a Home Assistant that writes real files, and keeps no record of it."""
    async with async_test_home_assistant(config_dir=str(tmp_path)) as hass:
        yield hass
        await hass.async_stop(force=True)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Let nobody wait for the call budget, nor keep what is logged."""
    monkeypatch.setattr(budget, "WINDOW", 0.001)
    caplog.set_level(logging.CRITICAL)
    for name in ("homeassistant", "asyncio"):
        caplog.set_level(logging.CRITICAL, name)


async def come_and_go(
    hass: HomeAssistant, data: dict[str, Any], options: dict[str, Any]
) -> None:
    """Add an account, reload, unload and remove it.

    Its ID is always the same, as Home Assistant remembers what was deleted.
    """
    account = MockConfigEntry(
        domain=DOMAIN,
        entry_id="01LEAKS000000000000000000A",
        title="Leaks",
        data=data,
        options=options,
    )
    entries = hass.config_entries
    await entries.async_add(account)
    assert account.state is ConfigEntryState.LOADED
    assert await entries.async_reload(account.entry_id)
    assert account.state is ConfigEntryState.LOADED
    assert len(hass.states.async_all()) > 20
    assert await entries.async_unload(account.entry_id)
    await entries.async_remove(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)


def census(hass: HomeAssistant) -> Census:
    """Count what there is of all that an account could leave behind."""
    loop = asyncio.get_running_loop()
    gc.collect()
    return {
        "tasks": Counter(task.get_name() for task in asyncio.all_tasks(loop)),
        # Pools have as many threads as they like.
        "threads": Counter(
            {thread.name.rstrip("0123456789_") for thread in threading.enumerate()}
        ),
        "descriptors": Counter(descriptors()),
        "timers": Counter(timers(loop)),
        "listeners": Counter(
            {str(event): count for event, count in hass.bus.async_listeners().items()}
        ),
        "data": Counter(map(str, hass.data)),
        "webhooks": Counter(hass.data.get("webhook", ())),
        "states": Counter(hass.states.async_entity_ids()),
        "files": Counter(
            str(path) for path in Path(hass.config.config_dir).rglob(f"*{DOMAIN}*")
        ),
        "objects": Counter(filter(None, map(what, gc.get_objects()))),
    }


def timers(loop: asyncio.AbstractEventLoop) -> list[str]:
    """Return what will be called later."""
    handles: list[Any] = get_scheduled_timer_handles(loop)
    return [
        str(getattr(handle._callback, "__qualname__", handle))  # noqa: SLF001
        for handle in handles
        if not handle.cancelled()
    ]


def descriptors() -> list[str]:
    """Return the kinds of all open files and sockets of this process."""
    kinds = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the one that lists them
            kinds.append(str(link.readlink()).split(":")[0])
    return kinds


def what(thing: object) -> str | None:
    """Return what an object of ours is; nested functions are objects as well."""
    kind = thing if isinstance(thing, FunctionType) else type(thing)
    name = f"{kind.__module__}.{kind.__qualname__}"
    return name if name.startswith(OURS) else None


def added(before: Census, now: Census) -> Census:
    """Return what there is now that was not there before."""
    return {key: more for key in before if (more := now[key] - before[key])}


@pytest.mark.usefixtures("quick")
async def test_an_account_that_comes_and_goes_leaves_nothing_behind(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    credentials: dict[str, Any],
) -> None:
    """No task, timer, socket, thread, file or listener; memory is flat."""
    await come_and_go_often(
        hass,
        lambda: oceanconnect.reset(rate_limit=sys.maxsize, tasks=1),
        credentials,
        {CONF_PUSH_ADDRESS: "https://home.example.com:8123"},
    )


@pytest.mark.usefixtures("quick")
async def test_an_account_on_the_other_platform_leaves_nothing_behind_either(
    hass: HomeAssistant, enos: EnosSimulator
) -> None:
    """No task, timer, socket, thread, file or listener; memory is flat."""
    data = {CONF_PLATFORM: "enos", **answers_for(enos)}
    await come_and_go_often(hass, lambda: enos.reset(jobs=1), data, {})


async def come_and_go_often(
    hass: HomeAssistant,
    start_over: Callable[[], None],
    *account: dict[str, Any],
) -> None:
    """Let an account come and go, and compare what there is before and after.

    ``start_over`` lets the platform, which is in this process too, forget all calls.
    """
    asyncio.get_running_loop().set_debug(False)
    # Connections that idle are Home Assistant's, and end by themselves, but later.
    connector: Any = async_get_clientsession(hass).connector
    connector._keepalive_timeout = 0.01  # noqa: SLF001

    async def settled() -> int:
        """Wait until all is done that Home Assistant puts off; return the memory."""
        async_fire_time_changed(hass, dt_util.utcnow() + timedelta(hours=2))
        await hass.async_block_till_done(wait_background_tasks=True)
        await asyncio.sleep(0.5)
        start_over()
        gc.collect()
        return sys.getallocatedblocks()

    start_over()
    for _ in range(WARM):
        await come_and_go(hass, *account)
    before = census(hass)
    blocks = await settled()
    for _ in range(TIMES - WARM):
        await come_and_go(hass, *account)
    grown = await settled() - blocks

    for _ in range(50):
        if not added(before, census(hass)):
            break
        await asyncio.sleep(0.1)
    assert added(before, census(hass)) == {}
    assert grown < FEW * (TIMES - WARM)
