"""The state of the simulated platform."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
import random

from ..calls import SlidingWindow
from ..clock import Clock
from .delivery import ANSWER_WITHIN, RETRY_PACE
from .engine import Engine
from .model import Device, Group, Kind, Package, Policy, Tally, Targets, Task
from .quirks import Quirks
from .sessions import Sessions
from .subscriptions import Subscriptions

# What an application signs in with unless it is told otherwise.
APP_ID = "simulated-application"
SECRET = "simulated-secret"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a platform is made with; the same on the command line."""

    app_id: str = APP_ID
    secret: str = SECRET
    devices: int = 1000
    groups: int = 8
    tasks: int = 5
    """Finished tasks to start with."""
    speed: float = 1.0
    seed: int = 0
    rate_limit: int = 100
    """Calls that an application may make in 60 seconds."""
    token_life: float = 3600
    push_ca: Path | None = None
    """The CA, in PEM, of the servers that notifications go to over https."""
    push_retry: float = RETRY_PACE
    """Seconds of the clock until a notification is sent again."""
    push_answer: float = ANSWER_WITHIN
    """Seconds of real time within which a notification must be answered."""
    quirks: Quirks = field(default_factory=Quirks)


class Platform:
    """Packages, groups, devices and tasks, and the application that may see them."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Make an empty platform; `seed.populate` fills it."""
        self.settings = settings
        self.quirks = settings.quirks
        self.clock = clock
        self.rng = random.Random(settings.seed)
        # Clients remember tokens and IDs over a restart of the platform: what it
        # gives out as it runs must never be given out again, whatever the seed.
        self._fresh = random.Random()
        self.sessions = Sessions(
            settings.app_id,
            settings.secret,
            clock=clock,
            token_life=settings.token_life,
            rng=self._fresh,
        )
        self.window = SlidingWindow()
        self.packages: dict[str, Package] = {}
        self.groups: dict[str, Group] = {}
        self.devices: dict[str, Device] = {}
        self.deleted_devices: set[str] = set()
        self.tasks: dict[str, Task] = {}
        """In the order of their creation."""
        self.subscriptions = Subscriptions()
        self.engine = Engine(self)

    def seeded_id(self) -> str:
        """Return an ID for what the platform starts with: it follows from the seed."""
        return _id(self.rng)

    def new_id(self) -> str:
        """Return an ID for what is made as the platform runs."""
        return _id(self._fresh)

    def group_named(self, name: str) -> Group | None:
        """Return the group that a task means by this name."""
        for group in self.groups.values():
            if group.name == name:
                return group
        if self.quirks.group_ids_as_targets:
            return self.groups.get(name)
        return None

    def expand(self, groups: Iterable[Group], package: Package) -> tuple[str, ...]:
        """Return the devices of some groups that a package is made for, once each."""
        found: dict[str, None] = {}
        for group in groups:
            for device_id in group.members:
                device = self.devices.get(device_id)
                if device is not None and device.model == package.model:
                    found[device_id] = None
        return tuple(found)

    def create_task(
        self,
        *,
        kind: Kind,
        package: Package,
        targets: Targets,
        policy: Policy,
        device_ids: Sequence[str],
    ) -> Task:
        """Make a task and hand it to the engine."""
        task = Task(
            task_id=self.new_id(),
            kind=kind,
            package=package,
            targets=targets,
            policy=policy,
            created=self.clock.now(),
            device_ids=tuple(device_ids),
            retries_left=policy.retries,
        )
        self.add_task(task)
        self.engine.begin(task)
        return task

    def add_task(self, task: Task) -> None:
        """Take a task into the list; one that has not ended gets its counters."""
        self.tasks[task.task_id] = task
        if task.status.active:
            task.tally = Tally.of(task.subtasks)

    def delete_task(self, task_id: str) -> None:
        """Delete a task; raises KeyError."""
        self.engine.forget(self.tasks.pop(task_id))

    def delete_device(self, device_id: str) -> None:
        """Delete a device, and its membership in groups; raises KeyError."""
        del self.devices[device_id]
        self.deleted_devices.add(device_id)
        for group in self.groups.values():
            if device_id in group.members:
                group.members.remove(device_id)


def _id(rng: random.Random) -> str:
    """Return an ID such as packages, groups and tasks have."""
    return f"{rng.getrandbits(96):024x}"
