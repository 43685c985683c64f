"""The state of the simulated platform."""

from collections.abc import Iterable
from dataclasses import dataclass, field
import random
import uuid

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from ..calls import SlidingWindow
from ..clock import Clock
from .engine import Engine
from .index import Index
from .model import AssetTree, Device, Firmware, Group, Job, JobStatus, Product, Task
from .quirks import Quirks
from .sessions import Sessions

# What an application calls with unless it is told otherwise.
ACCESS_KEY = "5a1f7c02-3b9e-4d48-8c61-9e0d2f6b7a13"
SECRET_KEY = "c8e4d6b0-71fa-4e25-b3a9-0f5d8c1e6247"
ORG_ID = "o15475466766371"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a platform is made with; the same on the command line."""

    access_key: str = ACCESS_KEY
    secret_key: str = SECRET_KEY
    org_id: str = ORG_ID
    devices: int = 200
    groups: int = 4
    jobs: int = 5
    """Finished jobs to start with."""
    speed: float = 1.0
    seed: int = 0
    rate_limit: int | None = None
    """Calls that an application may make in 60 seconds; None: as many as it likes."""
    token_life: float = 7200
    index_lag: float = 2.0
    """Seconds until a search finds what was written."""
    sdk_key: RSAPrivateKey | None = None
    """What opens the header of the vendor's SDKs; None: only its form is checked."""
    quirks: Quirks = field(default_factory=Quirks)


class Platform:
    """All that an organisation has, and the application that may see it."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Make an empty platform; `seed.populate` fills it."""
        self.settings = settings
        self.quirks = settings.quirks
        self.org_id = settings.org_id
        self.clock = clock
        self.rng = random.Random(settings.seed)
        # Clients remember tokens and IDs over a restart of the platform: what it
        # gives out as it runs must never be given out again, whatever the seed.
        self.fresh = random.Random()
        self.sessions = Sessions(
            settings.access_key,
            settings.secret_key,
            clock=clock,
            token_life=settings.token_life,
            rng=self.fresh,
            sdk_key=settings.sdk_key,
        )
        self.window = SlidingWindow()
        self.products: dict[str, Product] = {}
        self.firmware: dict[str, Firmware] = {}
        self.devices: dict[str, Device] = {}
        """By asset ID."""
        self._by_key: dict[tuple[str, str], Device] = {}
        self.groups: dict[str, Group] = {}
        self.trees: dict[str, AssetTree] = {}
        self.jobs: dict[str, Job] = {}
        """In the order of their creation."""
        self.job_index = Index[Job](clock, settings.index_lag)
        self.task_index = Index[Task](clock, settings.index_lag)
        self.engine = Engine(self)

    def seeded_id(self) -> str:
        """Return an ID for what the platform starts with: it follows from the seed."""
        return _id(self.rng)

    def new_id(self) -> str:
        """Return an ID for what is made as the platform runs."""
        return _id(self.fresh)

    def request_id(self) -> str:
        """Return the ID of an answer."""
        return str(uuid.UUID(int=self.fresh.getrandbits(128), version=4))

    def add_device(self, device: Device) -> None:
        """Take a device in."""
        self.devices[device.asset_id] = device
        self._by_key[device.key] = device

    def device(self, product_key: str | None, device_key: str) -> Device | None:
        """Return the device with a key, in one product or in whichever has it first."""
        if product_key is not None:
            return self._by_key.get((product_key, device_key))
        return next(
            (
                device
                for key in self.products
                if (device := self._by_key.get((key, device_key))) is not None
            ),
            None,
        )

    def add_past_job(self, job: Job) -> None:
        """Take a job that was there before the platform began."""
        self.jobs[job.job_id] = job
        self.job_index.put_at_once(job.job_id, job)
        for task in job.tasks.values():
            self.task_index.put_at_once(task.task_id, task)

    def create_job(self, job: Job, devices: Iterable[Device]) -> None:
        """Take a new job and let it begin with these devices."""
        if self.quirks.created_as == "stopped":
            job.status = JobStatus.STOPPED
        self.jobs[job.job_id] = job
        self.job_index.put(job.job_id, job)
        self.engine.begin(job, devices)

    def delete_job(self, job_id: str) -> None:
        """Delete a job with its OTA tasks; raises KeyError."""
        job = self.jobs.pop(job_id)
        self.engine.forget(job)
        self.job_index.drop(job_id)
        for task in job.tasks.values():
            self.task_index.drop(task.task_id)

    def report_version(self, device: Device, version: str) -> None:
        """Let a device tell which version it runs."""
        device.version = version
        self.engine.reported(device)

    def delete_device(self, asset_id: str) -> None:
        """Delete a device; raises KeyError."""
        device = self.devices.pop(asset_id)
        del self._by_key[device.key]
        for group in self.groups.values():
            if asset_id in group.members:
                group.members.remove(asset_id)
        for tree in self.trees.values():
            tree.nodes.pop(asset_id, None)


def _id(rng: random.Random) -> str:
    """Return an ID such as jobs, firmware and assets have."""
    return f"{rng.getrandbits(96):024x}"
