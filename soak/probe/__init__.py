"""Lives in the Home Assistant that is soaked: makes it quick, and measures it."""

import asyncio
import ctypes
from dataclasses import dataclass
from datetime import timedelta
import gc
import linecache
from pathlib import Path
import resource
from typing import override

from homeassistant.components.recorder.core import Recorder
from homeassistant.components.recorder.tasks import RecorderTask
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    split_entity_id,
)
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.entity_values import EntityValues
from homeassistant.helpers.recorder import get_instance
from homeassistant.helpers.typing import ConfigType
from homeassistant.util.async_ import get_scheduled_timer_handles
from sqlalchemy import text

from custom_components.fleet_upgrade import coordinator, creation, journal
from custom_components.fleet_upgrade.clients import budget, transport
from custom_components.fleet_upgrade.clients.oceanconnect import auth

DOMAIN = "soak_probe"

POLL_SECONDS = 1.0
"""Seconds between two polls, in place of a minute or more."""

CALLS_A_MINUTE = 600
"""What the simulated platforms allow, in place of 100 and of nobody knows."""

PATIENCE = 5.0
"""Seconds for an answer, in place of a minute."""


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Shorten what takes minutes, and offer the measurement."""
    pace = timedelta(seconds=POLL_SECONDS)
    for module, name, value in (
        (coordinator, "ACTIVE_INTERVAL", pace),
        (coordinator, "IDLE_INTERVAL", pace),
        (coordinator, "MAX_INTERVAL", 4 * pace),
        (creation, "LOOKS", (0.0, 0.5, 1.0, 2.0)),
        (transport, "TOTAL_TIMEOUT", PATIENCE),
        # It is full when it has been used for long, and would else fill all the time.
        (journal, "MOST_CLOSED", 20),
        # Who gives way to another program for an hour has nothing to soak.
        (auth, "HOUR", 0.0),
    ):
        setattr(module, name, value)

    async def measure(call: ServiceCall) -> ServiceResponse:
        for each in budget._budgets.values():  # noqa: SLF001
            each.limit = CALLS_A_MINUTE
            if isinstance(each, budget.AdaptiveBudget):
                each._most = CALLS_A_MINUTE  # noqa: SLF001
        if call.data.get("is_thorough"):
            _forget_deleted(hass)
            get_instance(hass).queue_task(Forget())
            await get_instance(hass).async_block_till_done()
            _forget_names()
            gc.collect()
            # What Python has given back stays with the process until somebody asks.
            LIBC.malloc_trim(0)
        return {
            **await hass.async_add_executor_job(_of_the_process),
            "tasks": len(asyncio.all_tasks()),
            "timers": sum(
                not handle.cancelled()
                for handle in get_scheduled_timer_handles(hass.loop)
            ),
            "devices": len(dr.async_get(hass).devices),
            "entities": len(er.async_get(hass).entities),
            "states": len(hass.states.async_entity_ids()),
        }

    hass.services.async_register(
        DOMAIN, "measure", measure, supports_response=SupportsResponse.ONLY
    )
    return True


@dataclass(slots=True)
class Forget(RecorderTask):
    """Let the recorder forget what it remembers of the entities that it has written.

    So does SQLite, which keeps up to 16 MiB of the database. Both fill while there are
    new entities, whoever makes them.
    """

    @override
    def run(self, instance: Recorder) -> None:
        instance._commit_event_session_or_retry()  # noqa: SLF001
        instance._reopen_event_session()  # noqa: SLF001
        assert instance.event_session is not None
        instance.event_session.execute(text("PRAGMA shrink_memory"))


def _forget_names() -> None:
    """Let Home Assistant forget the names of 16,384 entities that it keeps.

    And Python the lines of code that were ever logged.
    """
    split_entity_id.cache_clear()
    EntityValues.get.cache_clear()
    linecache.clearcache()


def _forget_deleted(hass: HomeAssistant) -> None:
    """Let Home Assistant forget the entities and devices that were deleted.

    It remembers each of them for as long as the account exists, so that they come
    back as they were.
    """
    for deleted in (
        er.async_get(hass).deleted_entities,
        dr.async_get(hass)._deleted_devices,  # noqa: SLF001
    ):
        for key in list(deleted):
            del deleted[key]  # type: ignore[arg-type]


class MallInfo(ctypes.Structure):
    """What glibc's ``mallinfo2`` returns."""

    _fields_ = (
        *((name, ctypes.c_size_t) for name in ("arena", "ordblks", "smblks", "hblks")),
        *((name, ctypes.c_size_t) for name in ("hblkhd", "usmblks", "fsmblks")),
        *((name, ctypes.c_size_t) for name in ("uordblks", "fordblks", "keepcost")),
    )


LIBC = ctypes.CDLL(None)
LIBC.mallinfo2.restype = MallInfo


def _of_the_process() -> dict[str, int]:
    """Return bytes of memory that are in use and resident, and the open sockets.

    In use is what was asked for and not given back, by Python and all libraries, as
    Python is told to ask glibc for each object. What is resident beside that are
    pages on which something is left.
    """
    info = LIBC.mallinfo2()
    process = Path("/proc/self")
    pages = int((process / "statm").read_text(encoding="ascii").split()[1])
    sockets = 0
    for link in (process / "fd").iterdir():
        try:
            sockets += str(link.readlink()).startswith("socket:")
        except FileNotFoundError:  # the one that lists them
            continue
    return {
        "memory": info.uordblks + info.hblkhd,
        "resident": pages * resource.getpagesize(),
        "sockets": sockets,
    }
