"""The simulated platforms of a soak: busy, and hostile for as long as it is wanted."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from random import Random
import time
from typing import override

from demo.api import Json
from simulator.calls import CallLog
from simulator.enos import EnosSimulator
from simulator.faults import Fault, FaultControl, FaultKind
from simulator.oceanconnect import OceanConnectSimulator

CALLS_A_MINUTE = 600

SETTLED_SECONDS = 4.0
"""How long a task is left alone after something was done to it: until it was polled."""

MOST_VISITORS = 4
"""Tasks at a time that are made to be deleted again while they run."""

MEGABYTE = 1024**2

FAULTS: tuple[Callable[[], Fault], ...] = (
    lambda: Fault(kind=FaultKind.DELAY, delay=0.5),
    lambda: Fault(kind=FaultKind.RESET_BEFORE, count=2),
    lambda: Fault(kind=FaultKind.RESET_AFTER),
    lambda: Fault(kind=FaultKind.CUT),
    lambda: Fault(kind=FaultKind.STATUS, status=503),
    lambda: Fault(kind=FaultKind.STATUS, status=502, body=b"<html>Bad Gateway</html>"),
    lambda: Fault(kind=FaultKind.MALFORMED, body=b'{"code":0,"data":[{'),
    lambda: Fault(kind=FaultKind.MALFORMED, body=b'{"data":' + b"[" * 100_000),
    lambda: Fault(kind=FaultKind.DROP_TOKEN),
)

HEAVY_FAULTS: tuple[Callable[[], Fault], ...] = (
    lambda: Fault(kind=FaultKind.FLOOD, body=b" " * 65_536),
    lambda: Fault(kind=FaultKind.BOMB, size=256 * MEGABYTE),
    lambda: Fault(kind=FaultKind.DRIP, delay=0.2),
    lambda: Fault(kind=FaultKind.MALFORMED, body=b" " * 32 * MEGABYTE),
)


class SoakPlatform[SimT: OceanConnectSimulator | EnosSimulator](ABC):
    """One simulated platform, and what goes on there.

    Some tasks stay for good: they end, and are tried again. Others are made and
    deleted while they run, so that there are never more of them.
    """

    name: str
    values: dict[str, str | int]
    files: dict[str, Path]

    def __init__(self, sim: SimT, seed: int) -> None:
        """Take a simulator that runs; draw all that happens from a seed."""
        self._sim = sim
        self._random = Random(seed)
        self._busy_until: dict[str, float] = {}
        self._visitors: set[str] = set()

    @property
    def faults(self) -> FaultControl:
        """The faults of its connections."""
        return self._sim.faults

    @property
    def calls(self) -> CallLog:
        """The calls that it received."""
        return self._sim.calls

    @abstractmethod
    def task_ids(self) -> set[str]:
        """Return the tasks that there are."""

    @abstractmethod
    def count(self) -> int:
        """Return how many tasks there are that were not stopped for good."""

    @abstractmethod
    def creation(self) -> tuple[str, Json]:
        """Return an action that creates a task, and its data."""

    @abstractmethod
    def add(self) -> str:
        """Let somebody else make a task that runs."""

    @abstractmethod
    def delete(self, task_id: str) -> None:
        """Let somebody else delete a task."""

    @abstractmethod
    def change(self, task_id: str) -> None:
        """Let something happen to a task that stays."""

    @abstractmethod
    def end_all(self) -> None:
        """Let the tasks that stay end, so that nothing moves any more."""

    def stop(self) -> None:
        """End the server."""
        self._sim.stop()

    def begin(self) -> None:
        """Take the tasks that there are for those that stay."""
        self._staying = self.task_ids()

    def tick(self) -> None:
        """Let something happen."""
        now = time.monotonic()
        task_ids = self.task_ids()
        for task_id in task_ids - self._staying - self._visitors:
            # Made by somebody else, just now.
            self._visitors.add(task_id)
            self._busy_until[task_id] = now + SETTLED_SECONDS
        self._visitors &= task_ids
        idle = [
            each for each in sorted(task_ids) if self._busy_until.get(each, 0) < now
        ]
        if idle:
            task_id = self._random.choice(idle)
            self._busy_until[task_id] = now + SETTLED_SECONDS
            if task_id in self._visitors:
                self.delete(task_id)
                self._busy_until.pop(task_id)
            else:
                self.change(task_id)
        if len(self._visitors) < MOST_VISITORS and self._random.random() < 0.2:
            self.add()

    def calm(self) -> None:
        """End all faults; delete the tasks that do not stay, and end those that do."""
        self.faults.clear()
        for task_id in self.task_ids() - self._staying:
            self.delete(task_id)
        self.end_all()

    def break_something(self, *, heavy: bool) -> None:
        """Let one of the next calls go wrong."""
        fault = self._random.choice(HEAVY_FAULTS if heavy else FAULTS)()
        fault.after = self._random.randrange(4)
        self.faults.add(fault)
        if self._random.random() < 0.2:
            self._sim.drop_connections()


class SoakOceanConnect(SoakPlatform[OceanConnectSimulator]):
    """OceanConnect, over TLS."""

    name = "OceanConnect"

    def __init__(self, folder: Path, seed: int) -> None:
        """Start it, with certificates in a folder."""
        sim = OceanConnectSimulator(
            tasks=6, rate_limit=CALLS_A_MINUTE, tls_dir=folder, seed=seed
        )
        super().__init__(sim.start(), seed)
        self.values = {
            "platform": "oceanconnect",
            "host": self._sim.host,
            "port": self._sim.port,
            "app_id": self._sim.app_id,
            "secret": self._sim.secret,
        }
        self.files = {
            "client_certificate": folder / "client.pem",
            "client_key": folder / "client.key",
            "ca": folder / "ca.pem",
        }

    @override
    def task_ids(self) -> set[str]:
        return {task.task_id for task in self._sim.tasks()}

    @override
    def count(self) -> int:
        return sum(task.status != "stop" for task in self._sim.tasks())

    @override
    def creation(self) -> tuple[str, Json]:
        package = self._random.choice(self._sim.packages("software"))
        devices = self._sim.devices(package)
        chosen = self._random.sample(devices, k=min(3, len(devices)))
        return "create_software_upgrade_task", {
            "package": package.file_id,
            "devices": [device.device_id for device in chosen],
        }

    @override
    def add(self) -> str:
        return self._sim.add_task(status="processing")

    @override
    def delete(self, task_id: str) -> None:
        self._sim.delete_task(task_id)

    @override
    def change(self, task_id: str) -> None:
        task = self._sim.task(task_id)
        if task.tally.open:
            self._sim.finish_task(task_id, failed=self._random.randint(1, 3))
        elif task.status == "failed":
            self._sim.retry_task(task_id)

    @override
    def end_all(self) -> None:
        for task in self._sim.tasks():
            if task.tally.open:
                self._sim.finish_task(task.task_id)


class SoakEnos(SoakPlatform[EnosSimulator]):
    """EnOS, over HTTP."""

    name = "EnOS"

    def __init__(self, seed: int) -> None:
        """Start it."""
        sim = EnosSimulator(jobs=6, rate_limit=CALLS_A_MINUTE, seed=seed, devices=100)
        super().__init__(sim.start(), seed)
        self.values = {
            "platform": "enos",
            "address": self._sim.url,
            "access_key": self._sim.access_key,
            "secret_key": self._sim.secret_key,
            "org_id": self._sim.org_id,
        }
        self.files = {}

    @override
    def task_ids(self) -> set[str]:
        return {job.job_id for job in self._sim.jobs()}

    @override
    def count(self) -> int:
        return len(self._sim.jobs())

    @override
    def creation(self) -> tuple[str, Json]:
        firmware = self._random.choice(self._sim.firmware(verified=True))
        devices = self._sim.devices(firmware)
        chosen = self._random.sample(devices, k=min(3, len(devices)))
        return "create_ota_upgrade_task", {
            "package": firmware.firmware_id,
            "devices": [device.device_key for device in chosen],
        }

    @override
    def add(self) -> str:
        return self._sim.add_job(status="upgrading")

    @override
    def delete(self, task_id: str) -> None:
        self._sim.stop_job(task_id)
        self._sim.delete_job(task_id)

    @override
    def change(self, task_id: str) -> None:
        job = self._sim.job(task_id)
        counts = job.counts()
        if not job.started:
            self._sim.start_job(task_id)
        elif counts["init"] + counts["published"] + counts["upgrading"]:
            if self._random.random() < 0.3:
                self._sim.stop_job(task_id)
            else:
                self._sim.finish_job(task_id, failed=self._random.randint(1, 3))
        elif counts["failed"]:
            self._sim.retry_job(task_id)

    @override
    def end_all(self) -> None:
        for job in self._sim.jobs():
            if not job.started:
                self._sim.start_job(job.job_id)
            self._sim.finish_job(job.job_id)
