"""A third platform, as small as one can be: its tasks are set by the test.

It shows that nothing but an entry in the registry is needed for one more platform,
and lets a test say what a poll finds, where a server would only be in the way.
"""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import msgspec
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.fleet_upgrade.clients.budget import CallBudget
from custom_components.fleet_upgrade.clients.errors import PlatformError
from custom_components.fleet_upgrade.clients.model import (
    ACTIVE,
    CreateRequest,
    Device,
    DeviceGroup,
    Package,
    Page,
    Poll,
    PreparedCreate,
    Reach,
    StatusCounts,
    Subtask,
    Targets,
    TaskStatus,
    UpgradeKind,
    UpgradeTask,
)
from custom_components.fleet_upgrade.clients.platform import (
    CredentialNotes,
    Field,
    FieldKind,
    Platform,
)
from custom_components.fleet_upgrade.const import CONF_PLATFORM, DOMAIN

KEY = "tiny"
NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
"""The time at which stories begin."""
CREDENTIALS = {"fleet": "north", "password": "very secret"}
TEXTS = {
    f"config.step.{step}.{text}": "Tiny"
    for step in (KEY, f"{KEY}_update")
    for text in (
        "title",
        *(f"data.{field}" for field in CREDENTIALS),
        *(f"data_description.{field}" for field in CREDENTIALS),
    )
}
"""What a new platform adds to the translations."""


def make_task(
    task_id: str, status: TaskStatus | None = TaskStatus.PROCESSING, **values: Any
) -> UpgradeTask:
    """Return a firmware upgrade of a device group, created at `NOW`."""
    return msgspec.structs.replace(
        UpgradeTask(
            task_id=task_id,
            kind=UpgradeKind.FIRMWARE,
            status=status,
            version="V1.3",
            created=NOW,
            started=NOW if status is not TaskStatus.WAITING else None,
            ended=NOW + timedelta(minutes=5) if status not in ACTIVE else None,
            counts=StatusCounts(
                total=8, waiting=2, processing=1, succeeded=4, failed=1
            ),
            targets=Targets(device_groups=("Meters north", "Meters south")),
        ),
        **values,
    )


class TinyFleet:
    """The platform and its client in one: what it has, and what it was asked."""

    def __init__(self) -> None:
        """Start without any task."""
        self.budget = CallBudget()
        self.is_contended = False
        self.clock_offset = timedelta(0)
        self.session: Mapping[str, object] = {}
        """What was kept of the session."""
        self.tasks: dict[str, UpgradeTask] = {}
        self.error: Exception | None = None
        """Raised by the next polls."""
        self.check_error: PlatformError | None = None
        self.notes = CredentialNotes()
        self.polled: list[tuple[set[str], datetime]] = []
        """IDs that were known and the time to read back to, for each poll."""
        self.created: list[PreparedCreate] = []
        self.most_targets = 256
        self.reached: Reach | Exception = Reach()
        """Whom a look finds, or what becomes of it."""
        self.looks = 0
        self.members: dict[str, tuple[str, ...]] = {}
        """Devices of the groups."""
        self.group_ids: dict[str, str] = {}
        """By name, the IDs of groups that go by these."""

    def put(self, *tasks: UpgradeTask) -> None:
        """Let the platform have these tasks, new or changed."""
        self.tasks |= {task.task_id: task for task in tasks}

    def change(self, task_id: str, **values: Any) -> None:
        """Change a task."""
        self.put(msgspec.structs.replace(self.tasks[task_id], **values))

    def end(self, task_id: str, status: TaskStatus, ended: datetime) -> None:
        """End a task."""
        self.change(task_id, status=status, ended=ended)

    def check(self, credentials: Mapping[str, Any]) -> None:
        """Refuse the credentials when the test says so."""
        assert credentials == CREDENTIALS
        if self.check_error is not None:
            raise self.check_error

    async def verify(self) -> None:
        """Let anyone in."""

    async def poll(
        self,
        known: Mapping[str, UpgradeTask],
        memory: Mapping[str, object],
        since: datetime,
    ) -> Poll:
        """Find what is known or has never been seen."""
        self.polled.append((set(known), since))
        if self.error is not None:
            raise self.error
        seen = memory.get("seen", [])
        assert isinstance(seen, Iterable)
        return Poll(
            tasks=tuple(
                task
                for task in self.tasks.values()
                if task.task_id in known or task.task_id not in seen
            ),
            deleted=frozenset(known.keys() - self.tasks.keys()),
            memory={"seen": sorted({*seen, *self.tasks})},
        )

    def keep_session(
        self,
        kept: Mapping[str, object],
        keep: Callable[[Mapping[str, object]], None] | None,
    ) -> None:
        """Go on with what was kept."""
        self.session = kept

    async def read_newest(
        self, memory: Mapping[str, object], seen: Collection[str], since: datetime
    ) -> tuple[UpgradeTask, ...]:
        """Read all tasks."""
        return tuple(self.tasks.values())

    def is_result(self, prepared: PreparedCreate, task: UpgradeTask) -> bool:
        """Tell creations apart by their targets."""
        return task.targets == prepared.request.targets

    async def get_task(self, task_id: str) -> UpgradeTask:
        """Read one task."""
        return self.tasks[task_id]

    async def prepare_create(self, request: CreateRequest) -> PreparedCreate:
        """Find the IDs of groups, where a test says any."""
        groups = request.targets.device_groups
        ids = tuple(self.group_ids.get(group, group) for group in groups)
        request = msgspec.structs.replace(
            request,
            targets=msgspec.structs.replace(request.targets, device_groups=ids),
        )
        return PreparedCreate(request=request, method="POST", path="/", body={})

    async def reach(self, prepared: PreparedCreate) -> Reach:
        """Find what a test says."""
        self.looks += 1
        if isinstance(self.reached, Exception):
            raise self.reached
        return self.reached

    async def list_reached(self, prepared: PreparedCreate) -> tuple[str, ...]:
        """Find the members of the groups, each once; one where a test names none."""
        groups = prepared.request.targets.device_groups
        found = [
            device
            for group in groups
            for device in self.members.get(group, (f"device-of-{group}",))
        ]
        return tuple(dict.fromkeys(found))

    def split(self, prepared: PreparedCreate) -> tuple[PreparedCreate, ...]:
        """Take what a test says at once."""
        targets = prepared.request.targets.in_order()
        if targets.count <= self.most_targets:
            return (prepared,)
        return tuple(
            msgspec.structs.replace(
                prepared,
                request=msgspec.structs.replace(
                    prepared.request,
                    targets=targets.part(start, start + self.most_targets),
                ),
            )
            for start in range(0, targets.count, self.most_targets)
        )

    async def create_task(self, prepared: PreparedCreate) -> str:
        """Create a task that waits."""
        self.created.append(prepared)
        task_id = f"created-{len(self.created)}"
        request = prepared.request
        self.put(
            make_task(
                task_id,
                TaskStatus.WAITING,
                kind=request.kind,
                targets=request.targets,
                policy=request.policy,
            )
        )
        return task_id

    async def list_tasks(
        self, *, kind: UpgradeKind | None = None, status: TaskStatus | None = None
    ) -> AsyncIterator[Page[UpgradeTask]]:
        """List all tasks."""
        yield Page(items=tuple(self.tasks.values()))

    async def list_subtasks(
        self, task_id: str, *, status: TaskStatus | None = None
    ) -> AsyncIterator[Page[Subtask]]:
        """List nothing."""
        yield Page()

    async def list_packages(
        self,
        *,
        kind: UpgradeKind | None = None,
        device_type: str | None = None,
        model: str | None = None,
        manufacturer: str | None = None,
        version: str | None = None,
    ) -> AsyncIterator[Page[Package]]:
        """List nothing."""
        yield Page()

    async def list_device_groups(
        self, *, name: str | None = None
    ) -> AsyncIterator[Page[DeviceGroup]]:
        """List nothing."""
        yield Page()

    async def list_devices(
        self, *, group: str | None = None
    ) -> AsyncIterator[Page[Device]]:
        """List nothing."""
        yield Page()

    def as_platform(self) -> Platform:
        """Return the platform as the registry holds it."""
        return Platform(
            key=KEY,
            name="Tiny IoT",
            form=(
                Field(key="fleet", required=True, identifying=True),
                Field(key="password", kind=FieldKind.SECRET, required=True),
            ),
            account_id=lambda credentials: str(credentials["fleet"]),
            title=lambda credentials: f"Fleet {credentials['fleet']}",
            check=self.check,
            credential_notes=lambda _credentials: self.notes,
            client=lambda _session, _credentials, _context: self,
            create_actions=(),
        )


def make_entry(**options: Any) -> MockConfigEntry:
    """Return an account with IDs that are always the same."""
    return MockConfigEntry(
        domain=DOMAIN,
        entry_id="01TINYFLEET00000000000000A",
        title="Fleet north",
        unique_id="tiny_north",
        minor_version=2,
        data={CONF_PLATFORM: KEY, **CREDENTIALS},
        options=options,
    )


async def set_up(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Set an account up and wait until its entities are there."""
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)


async def poll(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, seconds: float = 61
) -> None:
    """Let time pass, and whatever is due in it happen."""
    freezer.tick(seconds)
    async_fire_time_changed(hass)
    await hass.async_block_till_done(wait_background_tasks=True)
