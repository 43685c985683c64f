"""Lives in the Home Assistant that is soaked: makes it quick, and measures it."""

import asyncio
import ctypes
from dataclasses import dataclass
from datetime import timedelta
import gc
from pathlib import Path
import resource
import sys
from typing import override

from homeassistant.components.recorder.core import Recorder
from homeassistant.components.recorder.tasks import RecorderTask
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
)
from homeassistant.helpers import device_registry as dr, entity_registry as er
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
            get_instance(hass).queue_task(ShrinkCache())
            await get_instance(hass).async_block_till_done()
            gc.collect()
            # What Python has given back stays with the process until somebody asks.
            ctypes.CDLL(None).malloc_trim(0)
        return {
            **await hass.async_add_executor_job(_of_the_process),
            "blocks": sys.getallocatedblocks(),
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
class ShrinkCache(RecorderTask):
    """Let SQLite give back the pages that it keeps, by Home Assistant's wish 16 MiB.

    They fill while the database grows, whoever writes into it.
    """

    @override
    def run(self, instance: Recorder) -> None:
        assert instance.event_session is not None
        instance.event_session.execute(text("PRAGMA shrink_memory"))


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


def _of_the_process() -> dict[str, int]:
    """Return the memory that is resident, in bytes, and the sockets that are open."""
    process = Path("/proc/self")
    pages = int((process / "statm").read_text(encoding="ascii").split()[1])
    sockets = 0
    for link in (process / "fd").iterdir():
        try:
            sockets += str(link.readlink()).startswith("socket:")
        except FileNotFoundError:  # the one that lists them
            continue
    return {"memory": pages * resource.getpagesize(), "sockets": sockets}
