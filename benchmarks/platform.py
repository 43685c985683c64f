"""A simulated platform in a process of its own, with as many tasks as wanted.

What differs between the platforms stands in a module for each: where it is and how it
is called without anything of Fleet Upgrade's (`Place`), and how it is filled with
tasks (`Served`).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
import multiprocessing
from multiprocessing.connection import Connection
import ssl
from typing import Any, ClassVar, NamedTuple

from simulator.calls import CallLog

SIZES = (10, 100, 1000, 10_000)
"""Tasks in an account."""
ACTIVE_EACH = 10
"""Of so many tasks, one has not ended."""
APART = 30.0
"""Seconds between the creations of two tasks; the newest 10,000 took half a week."""
NO_LIMIT = 1_000_000
"""Calls a minute: what the platform allows is no part of what is measured."""

CONTEXT = multiprocessing.get_context("spawn")


class Call(NamedTuple):
    """What is sent, but for what lets it in."""

    method: str
    path: str
    query: Mapping[str, str | int] = {}
    body: bytes | None = None


class Targets(NamedTuple):
    """What tasks are for."""

    key: str
    text: str
    most: int = SIZES[-1]
    """Tasks of this kind that are measured at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place(ABC):
    """Where a platform is, and what lets an application in."""

    key: ClassVar[str]
    name: ClassVar[str]
    application: ClassVar[str]
    """Whose calls are counted."""

    url: str
    credentials: dict[str, Any]
    """As the form asks for them."""
    ca_pem: bytes

    def context(self) -> ssl.SSLContext:
        """Return what connects to it."""
        context = ssl.create_default_context(cadata=self.ca_pem.decode())
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context

    @abstractmethod
    def headers(self, token: str, call: Call) -> dict[str, str]:
        """Return what lets a call in that is sent now."""

    @abstractmethod
    def read_task(self, task_id: str) -> Call:
        """Return the call that reads one task."""


class Served(ABC):
    """A simulated platform in its process: what another process may ask for."""

    def __init__(self, calls: CallLog) -> None:
        """Count the calls that the simulator logs."""
        self._calls = calls

    @property
    @abstractmethod
    def place(self) -> Place:
        """Where it is."""

    @abstractmethod
    def fill(self, tasks: int, targets: str) -> None:
        """Start over with so many tasks; who has signed in goes on."""

    @abstractmethod
    def change(self) -> str:
        """Let one device of an active task succeed; return the task's ID."""

    @abstractmethod
    def token(self) -> str:
        """Return the living token."""

    def count(self) -> int:
        """Return the calls since the last count."""
        count = len(self._calls)
        self._calls.clear()
        return count

    @abstractmethod
    def task_ids(self) -> list[str]:
        """Return the IDs of all tasks."""


class Platform(ABC):
    """A platform, from another process; each method is done when it returns."""

    targets: ClassVar[tuple[Targets, ...]]
    finds_all_at_once: ClassVar[bool] = True
    """Whether the set-up of an account finds each active task, however old."""

    def __init__(self, pipe: Connection) -> None:
        """Talk to it through a pipe."""
        self._pipe = pipe
        self.place: Place = pipe.recv()

    @staticmethod
    @abstractmethod
    def served() -> AbstractContextManager[Served]:
        """Run it, in the other process."""

    def fill(self, tasks: int, targets: str) -> None:
        """Start over with so many tasks."""
        self.ask("fill", tasks, targets)

    def change(self) -> str:
        """Let one device of an active task succeed; return the task's ID."""
        return str(self.ask("change"))

    def token(self) -> str:
        """Return the living token."""
        return str(self.ask("token"))

    def count(self) -> int:
        """Return the calls since the last count."""
        return int(self.ask("count"))

    def task_ids(self) -> list[str]:
        """Return the IDs of all tasks."""
        return list(self.ask("task_ids"))

    def ask(self, name: str, *arguments: Any) -> Any:
        """Ask the other process for something."""
        self._pipe.send((name, arguments))
        return self._pipe.recv()


@contextmanager
def running[KindT: Platform](platform: type[KindT]) -> Iterator[KindT]:
    """Run a platform."""
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=_serve, args=(theirs, platform), daemon=True)
    process.start()
    try:
        yield platform(ours)
    finally:
        ours.send(None)
        process.join(10)


def _serve(pipe: Connection, platform: type[Platform]) -> None:
    """Run a simulator until told to end."""
    with platform.served() as served:
        pipe.send(served.place)
        while (asked := pipe.recv()) is not None:
            name, arguments = asked
            pipe.send(getattr(served, name)(*arguments))
