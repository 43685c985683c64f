"""EnOS, simulated: how it is filled with jobs, and called."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
import re
import time
from typing import ClassVar, override

from simulator.enos import EnosSimulator
from simulator.enos.asked import Asked, Reply
from simulator.enos.index import Index
from simulator.enos.model import Job, JobType, Scope, Task, TaskStatus, Text
from simulator.enos.platform import Platform as World
from simulator.enos.services import ACTIONS, jobs

from .platform import ACTIVE_EACH, APART, Call, Place, Platform, Served, Targets

ACCESS_KEY = "fleet-5a1f-benchmark"
SECRET_KEY = "fleet-c8e4-a secret of the benchmarks"
ORG_ID = "o-benchmark"
JOBS = "/connect-service/v2.1/ota-jobs"
SIZES = {"group": 20, "devices": 256}
"""Devices, and so OTA tasks, of a job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnosPlace(Place):
    """Where it is, and what lets an application in."""

    key: ClassVar[str] = "enos"
    name: ClassVar[str] = "EnOS"
    application: ClassVar[str] = ACCESS_KEY

    @override
    def headers(self, token: str, call: Call) -> dict[str, str]:
        stamp = str(int(time.time() * 1000))
        signed = "".join(f"{key}{call.query[key]}" for key in sorted(call.query))
        text = f"{token}{signed}{(call.body or b'').decode()}{stamp}{SECRET_KEY}"
        return {
            "apim-accesstoken": token,
            "apim-timestamp": stamp,
            "apim-signature": sha256(text.encode()).hexdigest(),
            "Content-Type": "application/json;charset=UTF-8",
        }

    @override
    def read_task(self, task_id: str) -> Call:
        return Call("GET", JOBS, {"action": "get", "jobId": task_id, "orgId": ORG_ID})


class _OtaTasks(Index[Task]):
    """The OTA tasks of the jobs that a search names, without looking at all others."""

    def __init__(self, world: World) -> None:
        super().__init__(world.clock, 0)
        self._world = world
        self._expression = ""

    def search(self, asked: Asked) -> Reply:
        """Search as the simulator does."""
        self._expression = str(asked.content["expression"])
        return jobs.search_tasks(asked)

    @override
    def rows(self) -> list[Task]:
        named = re.findall("[0-9a-f]{24}", self._expression)
        found = (self._world.jobs.get(job_id) for job_id in named)
        return [task for job in found if job for task in job.tasks.values()]


class EnosServed(Served):
    """What the other process may ask for."""

    def __init__(self, simulator: EnosSimulator) -> None:
        """Ask a simulator that runs."""
        super().__init__(simulator.calls)
        self._sim = simulator
        # Else what a search took would grow with all OTA tasks that there ever were.
        self._world = world = simulator.platform
        world.task_index = tasks = _OtaTasks(world)
        ACTIONS[JOBS]["searchTask"] = tasks.search

    @property
    @override
    def place(self) -> EnosPlace:
        assert self._sim.tls is not None
        ca_pem = self._sim.tls.ca_pem
        return EnosPlace(
            url=self._sim.url,
            credentials={
                "platform": "enos",
                "address": self._sim.url,
                "access_key": ACCESS_KEY,
                "secret_key": SECRET_KEY,
                "org_id": ORG_ID,
                "ca": ca_pem.decode(),
            },
            ca_pem=ca_pem,
        )

    @override
    def fill(self, tasks: int, targets: str) -> None:
        world = self._world
        firmware = [each for each in world.firmware.values() if each.product_key]
        groups = list(world.groups)
        keys = tuple(f"SN{number:08d}" for number in range(SIZES[targets]))
        now = time.time()

        def fill() -> None:
            world.jobs.clear()
            world.job_index = Index(world.clock, 0)
            for number in range(tasks):
                job = Job(
                    job_id=world.new_id(),
                    firmware=firmware[number % len(firmware)],
                    name=Text(f"Upgrade {number}"),
                    kind=JobType.UPGRADE,
                    scope=Scope(device_keys=keys)
                    if targets == "devices"
                    else Scope(group_ids=(groups[number % len(groups)],)),
                    created=now - (tasks - number) * APART,
                    incremental=False,
                )
                for key, status in zip(keys, _statuses(number, len(keys)), strict=True):
                    job.tasks[key] = _ota_task(world, job, key, status)
                world.jobs[job.job_id] = job
                world.job_index.put_at_once(job.job_id, job)

        self._sim.call(fill)
        self._sim.calls.clear()

    @override
    def change(self) -> str:
        def change() -> str:
            # The newest, as it is new enough to have a device.
            upgrading = [
                task
                for job in self._world.jobs.values()
                for task in job.tasks.values()
                if task.status is TaskStatus.UPGRADING
            ]
            task = upgrading[-1]
            task.status, task.progress = TaskStatus.SUCCEEDED, 100
            task.updated = time.time()
            return task.job_id

        return self._sim.call(change)

    @override
    def token(self) -> str:
        return self._world.sessions._token  # noqa: SLF001

    @override
    def task_ids(self) -> list[str]:
        return list(self._world.jobs)


class Enos(Platform):
    """EnOS, from another process."""

    targets = (
        Targets("group", f"a group of {SIZES['group']}"),
        # Ten times as many would take hours for one poll: a status is a call.
        Targets("devices", f"{SIZES['devices']} devices", most=1000),
    )
    finds_all_at_once = False

    @staticmethod
    @override
    @contextmanager
    def served() -> Iterator[EnosServed]:
        with EnosSimulator(
            access_key=ACCESS_KEY,
            secret_key=SECRET_KEY,
            org_id=ORG_ID,
            token_life=10**7,
            index_lag=0,
            tls=True,
        ) as simulator:
            yield EnosServed(simulator)


def _ota_task(world: World, job: Job, key: str, status: TaskStatus) -> Task:
    return Task(
        task_id=world.new_id(),
        job_id=job.job_id,
        asset_id=world.new_id(),
        device_key=key,
        product_key=str(job.firmware.product_key),
        from_version="0.9",
        to_version=job.firmware.version,
        updated=job.created + 20,
        status=status,
        progress=0 if status is TaskStatus.INIT else 60 if status.open else 100,
    )


def _statuses(number: int, size: int) -> list[TaskStatus]:
    """Let one in ten be active: half of these wait, half are processing."""
    if number % ACTIVE_EACH != 0:
        failed = size // 40 + 1 if number % 20 == 3 else 0
        rest = [TaskStatus.SUCCEEDED] * (size - failed)
        return [TaskStatus.FAILED] * failed + rest
    if number % (2 * ACTIVE_EACH) != 0:
        return [TaskStatus.INIT] * size
    done = size // 4
    return [TaskStatus.SUCCEEDED] * done + [TaskStatus.UPGRADING] * (size - done)
