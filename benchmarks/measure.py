"""What something takes: time, processor time, the longest stall, memory."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
import time
from typing import Any
from unittest.mock import patch


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """What one go of something took, in seconds."""

    wall: float
    cpu: float


async def took(what: Callable[[], Awaitable[object]]) -> Took:
    """Do something and say what it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    await what()
    return Took(wall=time.perf_counter() - wall, cpu=time.process_time() - cpu)


def middle(each: list[Took]) -> Took:
    """Return the median of several goes."""
    return Took(
        wall=median(one.wall for one in each), cpu=median(one.cpu for one in each)
    )


class Stalls:
    """The longest that one callback kept the event loop busy, in seconds.

    In processor time: what else the machine does is no part of it.
    """

    longest = 0.0


@contextmanager
def watched_loop() -> Iterator[Stalls]:
    """Watch each callback of the event loop."""
    stalls = Stalls()
    run = asyncio.Handle._run  # noqa: SLF001

    def timed(handle: Any) -> None:
        began = time.thread_time()
        run(handle)
        stalls.longest = max(stalls.longest, time.thread_time() - began)

    with patch.object(asyncio.Handle, "_run", timed):
        yield stalls


def memory() -> int:
    """Return this process's memory in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "VmRSS":
            return int(value.split()[0]) * 1024
    raise LookupError("VmRSS")
