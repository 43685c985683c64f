"""Child processes: started, watched, and ended together with the demo."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
import os
from pathlib import Path
import signal
from typing import Self

from .errors import DemoError

START_SECONDS = 120
"""How long a start may take; a few seconds are usual."""
STOP_SECONDS = 20
"""How long a process may take to end by itself; a second or two are usual."""


class ChildProcess:
    """A process in a session of its own, with its output in a file.

    The session keeps a terminal's Ctrl-C away from it: the demo ends its processes
    itself, in the right order.
    """

    def __init__(
        self, name: str, process: asyncio.subprocess.Process, log: Path
    ) -> None:
        """Hold a process that writes to the log; use `start`."""
        self._name = name
        self._process = process
        self._log = log

    @classmethod
    async def start(
        cls,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        folder: Path,
        environment: Mapping[str, str] | None = None,
    ) -> Self:
        """Start a command in a folder, with an environment on top of our own."""
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                cwd=folder,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
                start_new_session=True,
            )
        return cls(name, process, log)

    @property
    def output(self) -> str:
        """What it has written so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    async def until[_ReadyT](
        self, ready: Callable[[], Awaitable[_ReadyT | None]]
    ) -> _ReadyT:
        """Ask until the answer is not None, and return that.

        Raises `DemoError` when the process ends before, or the time is up.
        """
        try:
            async with asyncio.timeout(START_SECONDS):
                while (answer := await ready()) is None:
                    if self._process.returncode is not None:
                        raise self._ended()
                    await asyncio.sleep(0.1)
        except TimeoutError as err:
            raise DemoError(
                f"{self._name} was not ready in {START_SECONDS} seconds; see {self._log}"
            ) from err
        return answer

    async def run(self, *, again: int | None = None) -> None:
        """Wait until it ends with this exit code; raise `DemoError` on any other."""
        if await self._process.wait() != again:
            raise self._ended()

    async def stop(self) -> None:
        """End it, together with whatever it started if it does not listen."""
        if self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()

    def _ended(self) -> DemoError:
        code = self._process.returncode
        how = (
            f"by {_signal_name(-code)}"
            if code and code < 0
            else f"with exit code {code}"
        )
        return DemoError(f"{self._name} ended {how}; see {self._log}")


def _signal_name(number: int) -> str:
    """Return a signal's name; real-time signals have none."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
