"""OceanConnect, simulated: how it is filled with tasks, and called."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
import ssl
import tempfile
import time
from typing import ClassVar, override

from simulator.oceanconnect import OceanConnectSimulator
from simulator.oceanconnect.model import (
    Policy,
    Status,
    Tally,
    Targets as TaskTargets,
    Task,
    TaskStatus,
)

from .platform import (
    ACTIVE_EACH,
    APART,
    NO_LIMIT,
    Call,
    Place,
    Platform,
    Served,
    Targets,
)

APP_ID = "fleet-benchmark"
SECRET = "a secret of the benchmarks"
TASKS = "/iodm/northbound/v1.5.0/operations"
DEVICES = 256
"""As many as a task can name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OceanConnectPlace(Place):
    """Where it is, and what lets an application in."""

    key: ClassVar[str] = "oceanconnect"
    name: ClassVar[str] = "OceanConnect"
    application: ClassVar[str] = APP_ID

    client_pem: bytes
    client_key: bytes

    @override
    def context(self) -> ssl.SSLContext:
        context = Place.context(self)
        with tempfile.NamedTemporaryFile() as both:
            both.write(self.client_pem + self.client_key)
            both.flush()
            context.load_cert_chain(both.name)
        return context

    @override
    def headers(self, token: str, call: Call) -> dict[str, str]:
        return {"app_key": APP_ID, "Authorization": f"Bearer {token}"}

    @override
    def read_task(self, task_id: str) -> Call:
        return Call("GET", f"{TASKS}/{task_id}")


class OceanConnectServed(Served):
    """What the other process may ask for."""

    def __init__(self, simulator: OceanConnectSimulator) -> None:
        """Ask a simulator that runs."""
        super().__init__(simulator.calls)
        self._sim = simulator
        self._begun = 0

    @property
    @override
    def place(self) -> OceanConnectPlace:
        tls = self._sim.tls
        return OceanConnectPlace(
            url=f"https://127.0.0.1:{self._sim.port}",
            credentials={
                "platform": "oceanconnect",
                "host": self._sim.host,
                "port": self._sim.port,
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

    @override
    def fill(self, tasks: int, targets: str) -> None:
        # The token stays: who has signed in goes on.
        platform = self._sim.platform
        devices = list(platform.devices)
        groups = list(platform.groups.values())
        packages = list(platform.packages.values())
        ids = tuple(
            f"{number:08x}-0000-4000-8000-00000000beef" for number in range(DEVICES)
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
                    targets=TaskTargets(devices=ids)
                    if targets == "devices"
                    else TaskTargets(
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

    @override
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

    @override
    def token(self) -> str:
        return self._sim.platform.sessions._access  # noqa: SLF001

    @override
    def task_ids(self) -> list[str]:
        return list(self._sim.platform.tasks)

    def begin(self) -> str:
        """Start an upgrade of a device; return its ID."""
        self._begun += 1
        package = self._sim.packages("firmware")[0]
        devices = [device.device_id for device in self._sim.devices(package)]
        device = devices[self._begun % len(devices)]
        return self._sim.add_task(
            package=package, devices=[device], status="processing"
        )

    def end(self, task_id: str) -> float:
        """End an upgrade; return when that was, in POSIX seconds."""
        self._sim.finish_task(task_id)
        return time.time()

    def restart(self) -> None:
        """Start over without any task, by a clock that stands still."""
        self._sim.platform.tasks.clear()
        self._sim.clock.freeze()

    def upgrade(self, devices: int) -> None:
        """Upgrade so many devices, as they go."""
        self._begun += 1
        packages = self._sim.packages()
        package = packages[self._begun % len(packages)]
        of_package = [each.device_id for each in self._sim.devices(package)]
        self._sim.add_task(
            kind=package.kind, package=package, devices=of_package[:devices], retries=2
        )

    def advance(self, seconds: float) -> None:
        """Let the platform's time pass."""
        self._sim.clock.advance(seconds)


class OceanConnect(Platform):
    """OceanConnect, from another process; beside the rest what upgrades begin and end."""

    targets = (Targets("group", "a group"), Targets("devices", f"{DEVICES} devices"))

    @staticmethod
    @override
    @contextmanager
    def served() -> Iterator[OceanConnectServed]:
        with OceanConnectSimulator(
            app_id=APP_ID,
            secret=SECRET,
            devices=400,
            rate_limit=NO_LIMIT,
            token_life=10**7,
        ) as simulator:
            yield OceanConnectServed(simulator)

    def begin(self) -> str:
        """Start an upgrade of a device; return its ID."""
        return str(self.ask("begin"))

    def end(self, task_id: str) -> float:
        """End an upgrade; return when that was, in POSIX seconds."""
        return float(self.ask("end", task_id))

    def restart(self) -> None:
        """Start over without any task, by a clock that stands still."""
        self.ask("restart")

    def upgrade(self, devices: int) -> None:
        """Upgrade so many devices, as they go."""
        self.ask("upgrade", devices)

    def advance(self, seconds: float) -> None:
        """Let the platform's time pass."""
        self.ask("advance", seconds)


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
