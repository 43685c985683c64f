"""A simulated OceanConnect in a process of its own, with as many tasks as wanted."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
import multiprocessing
from multiprocessing.connection import Connection
import ssl
import tempfile
import time
from typing import Any

from simulator.oceanconnect import OceanConnectSimulator
from simulator.oceanconnect.model import (
    Policy,
    Status,
    Tally,
    Targets,
    Task,
    TaskStatus,
)

APP_ID = "fleet-benchmark"
SECRET = "a secret of the benchmarks"
ACTIVE_EACH = 10
"""Of so many tasks, one has not ended."""
TARGETS = {"group": 1, "devices": 256}
"""What a task names: a device group, or as many devices as it can."""
APART = 30.0
"""Seconds between the creations of two tasks; the newest 10,000 took half a week."""
NO_LIMIT = 1_000_000
"""Calls a minute: what the platform allows is no part of what is measured."""

CONTEXT = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the platform is, and what lets an application in."""

    port: int
    credentials: dict[str, Any]
    client_pem: bytes
    client_key: bytes
    ca_pem: bytes

    @property
    def url(self) -> str:
        """The address."""
        return f"https://127.0.0.1:{self.port}"

    def context(self) -> ssl.SSLContext:
        """Return what connects to it, without anything of Fleet Upgrade's."""
        context = ssl.create_default_context(cadata=self.ca_pem.decode())
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        with tempfile.NamedTemporaryFile() as both:
            both.write(self.client_pem + self.client_key)
            both.flush()
            context.load_cert_chain(both.name)
        return context


class Platform:
    """The platform, from another process; each method is done when it returns."""

    def __init__(self, pipe: Connection) -> None:
        """Talk to it through a pipe."""
        self._pipe = pipe
        self.place: Place = pipe.recv()

    def fill(self, tasks: int, targets: str) -> None:
        """Start over with so many tasks."""
        self._ask("fill", tasks, targets)

    def change(self) -> str:
        """Let one device of an active task succeed; return the task's ID."""
        return str(self._ask("change"))

    def token(self) -> str:
        """Return the living token."""
        return str(self._ask("token"))

    def count(self) -> int:
        """Return the calls since the last count."""
        return int(self._ask("count"))

    def task_ids(self) -> list[str]:
        """Return the IDs of all tasks."""
        return list(self._ask("task_ids"))

    def begin(self) -> str:
        """Start an upgrade of a device; return its ID."""
        return str(self._ask("begin"))

    def restart(self) -> None:
        """Start over without any task, by a clock that stands still."""
        self._ask("restart")

    def upgrade(self, devices: int) -> None:
        """Upgrade so many devices, as they go."""
        self._ask("upgrade", devices)

    def advance(self, seconds: float) -> None:
        """Let the platform's time pass."""
        self._ask("advance", seconds)

    def end(self, task_id: str) -> float:
        """End an upgrade; return when that was, in POSIX seconds."""
        return float(self._ask("end", task_id))

    def _ask(self, name: str, *arguments: Any) -> Any:
        self._pipe.send((name, arguments))
        return self._pipe.recv()


@contextmanager
def running() -> Iterator[Platform]:
    """Run the platform."""
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield Platform(ours)
    finally:
        ours.send(None)
        process.join(10)


def _serve(pipe: Connection) -> None:
    """Run a simulator until told to end."""
    with OceanConnectSimulator(
        app_id=APP_ID,
        secret=SECRET,
        devices=400,
        rate_limit=NO_LIMIT,
        token_life=10**7,
    ) as simulator:
        pipe.send(_place(simulator))
        served = _Served(simulator)
        while (asked := pipe.recv()) is not None:
            name, arguments = asked
            pipe.send(getattr(served, name)(*arguments))


def _place(simulator: OceanConnectSimulator) -> Place:
    tls = simulator.tls
    return Place(
        port=simulator.port,
        credentials={
            "platform": "oceanconnect",
            "host": simulator.host,
            "port": simulator.port,
            "app_id": APP_ID,
            "secret": SECRET,
            "client_certificate": tls.client_pem.decode(),
            "client_key": tls.client_key.decode(),
            "ca": tls.ca_pem.decode(),
            "server_check": "full",
        },
        client_pem=tls.client_pem,
        client_key=tls.client_key,
        ca_pem=tls.ca_pem,
    )


class _Served:
    """What the other process may ask for."""

    def __init__(self, simulator: OceanConnectSimulator) -> None:
        self._sim = simulator
        self._begun = 0

    def fill(self, tasks: int, targets: str) -> None:
        # The token stays: who has signed in goes on.
        platform = self._sim.platform
        devices = list(platform.devices)
        groups = list(platform.groups.values())
        packages = list(platform.packages.values())
        ids = tuple(
            f"{number:08x}-0000-4000-8000-00000000beef" for number in range(256)
        )
        now = time.time()

        def fill() -> None:
            platform.tasks.clear()
            for number in range(tasks):
                created = now - (tasks - number) * APART
                package = packages[number % len(packages)]
                model = package.model
                task = Task(
                    task_id=platform.new_id(),
                    kind=package.kind,
                    package=package,
                    targets=Targets(devices=ids)
                    if targets == "devices"
                    else Targets(
                        groups=(groups[number % len(groups)].name,),
                        device_type=model.device_type,
                        model=model.model,
                        manufacturer=model.manufacturer,
                    ),
                    policy=Policy(),
                    created=created,
                    device_ids=tuple(devices[:8]),
                    started=created + 5,
                )
                _give_status(task, number)
                platform.tasks[task.task_id] = task

        self._sim.call(fill)
        self._sim.calls.clear()

    def change(self) -> str:
        platform = self._sim.platform

        def change() -> str:
            active = [
                task
                for task in platform.tasks.values()
                if task.status is TaskStatus.PROCESSING
            ]
            task = active[-1]  # one that is new enough to have a device
            task.tally.counts[Status.PROCESSING] -= 1
            task.tally.counts[Status.SUCCESS] += 1
            return task.task_id

        return self._sim.call(change)

    def token(self) -> str:
        return self._sim.platform.sessions._access  # noqa: SLF001

    def count(self) -> int:
        count = len(list(self._sim.calls))
        self._sim.calls.clear()
        return count

    def task_ids(self) -> list[str]:
        return list(self._sim.platform.tasks)

    def begin(self) -> str:
        self._begun += 1
        package = self._sim.packages("firmware")[0]
        devices = [device.device_id for device in self._sim.devices(package)]
        device = devices[self._begun % len(devices)]
        return self._sim.add_task(
            package=package, devices=[device], status="processing"
        )

    def restart(self) -> None:
        self._sim.platform.tasks.clear()
        self._sim.clock.freeze()

    def upgrade(self, devices: int) -> None:
        self._begun += 1
        packages = self._sim.packages()
        package = packages[self._begun % len(packages)]
        of_package = [each.device_id for each in self._sim.devices(package)]
        self._sim.add_task(
            kind=package.kind, package=package, devices=of_package[:devices], retries=2
        )

    def advance(self, seconds: float) -> None:
        self._sim.clock.advance(seconds)

    def end(self, task_id: str) -> float:
        self._sim.finish_task(task_id)
        return time.time()


def _give_status(task: Task, number: int) -> None:
    """Let one in ten be active: half of these wait, half are processing."""
    counts = dict.fromkeys(Status, 0)
    task.tally = Tally(counts)
    if number % ACTIVE_EACH == 0:
        is_waiting = number % (2 * ACTIVE_EACH) != 0
        task.status = TaskStatus.WAIT if is_waiting else TaskStatus.PROCESSING
        counts[Status.WAIT if is_waiting else Status.PROCESSING] = 200
        counts[Status.SUCCESS] = 0 if is_waiting else 56
        return
    task.status = TaskStatus.FAILED if number % 20 == 3 else TaskStatus.SUCCESS
    task.stopped = task.created + 3600
    counts[Status.SUCCESS] = 250
    counts[Status.FAIL] = 6 if task.status is TaskStatus.FAILED else 0
