"""Measures in a process of its own, so that nothing is left of what was before."""

import asyncio
from collections.abc import Callable, Coroutine
from multiprocessing.connection import Connection
import sys
import time
from typing import Any

from .platform import CONTEXT, Platform


def alone[ResultT](
    measure: Callable[..., Coroutine[Any, Any, ResultT]],
    platform: Platform,
    *arguments: Any,
) -> ResultT:
    """Measure in a process of its own, and say on screen how long it took."""
    began = time.monotonic()
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=_run, args=(theirs, measure, platform, arguments))
    process.start()
    theirs.close()
    try:
        result: ResultT = ours.recv()
    except EOFError:
        sys.exit(f"{measure.__module__} failed")
    process.join()
    what = " ".join(str(argument) for argument in arguments)
    print(
        f"{measure.__module__} {what}: {time.monotonic() - began:.0f} s",
        file=sys.stderr,
    )
    return result


def _run(
    pipe: Connection,
    measure: Callable[..., Coroutine[Any, Any, Any]],
    platform: Platform,
    arguments: tuple[Any, ...],
) -> None:
    pipe.send(asyncio.run(measure(platform, *arguments)))
