"""What every platform's client keeps to, and how a platform describes itself.

A platform is declared once, as a `Platform`: its form fields and the fields of its
create actions are plain data, so that whoever shows them needs no knowledge of it.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ssl import SSLContext
from typing import Any, Protocol, runtime_checkable

from aiohttp import ClientSession

from .budget import CallBudget
from .model import (
    CreateRequest,
    Device,
    DeviceGroup,
    Package,
    Page,
    Poll,
    PreparedCreate,
    Pushed,
    Reach,
    Subtask,
    TaskChange,
    TaskStatus,
    UpgradeKind,
    UpgradeTask,
)

type Credentials = Mapping[str, Any]
type Values = Mapping[str, Any]


class FieldKind(StrEnum):
    """What a field of a form or of an action holds."""

    TEXT = "text"
    TEXTS = "texts"
    SECRET = "secret"
    PORT = "port"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    MAPPING = "mapping"
    """Names, each with a list of values."""
    CHOICE = "choice"
    PEM_FILE = "pem_file"
    LOCAL_TIME = "local_time"
    """Given as local time; handed to the platform aware and in UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a form or of an action.

    ``choices`` belong to `FieldKind.CHOICE`; ``identifying`` marks values that are
    no secret but do not belong in a bug report either.
    """

    key: str
    kind: FieldKind = FieldKind.TEXT
    required: bool = False
    default: str | int | None = None
    choices: tuple[str, ...] = ()
    identifying: bool = False

    @property
    def is_secret(self) -> bool:
        """Whether the value must never be shown, logged or returned."""
        return self.kind in (FieldKind.SECRET, FieldKind.PEM_FILE)


class Capability(StrEnum):
    """What only some platforms can do."""

    DEVICE_GROUPS = "device_groups"
    DEVICES = "devices"
    START = "start"
    STOP = "stop"
    DELETE = "delete"
    CANCEL_SUBTASKS = "cancel_subtasks"
    RETRY_SUBTASKS = "retry_subtasks"
    PUSH = "push"


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialNotes:
    """What is to be known of good credentials before they fail.

    ``expires`` (UTC) is when they stop being good, where that is known;
    ``is_server_checked`` tells whether nobody else can pass for the platform.
    """

    expires: datetime | None = None
    is_server_checked: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateAction:
    """An action that creates an upgrade task.

    ``build`` checks limits and rules across fields against the given time (UTC) and
    raises `InvalidFieldError`; it sends nothing.
    """

    name: str
    fields: tuple[Field, ...]
    build: Callable[[Values, datetime], CreateRequest]


class PlatformClient(Protocol):
    """One account on one platform.

    Every call raises a `PlatformError`. Listings are async iterators over whole
    pages. Polling takes at most half of the call budget, listings leave some of it
    free, everything else may use all of it.
    """

    budget: CallBudget

    @property
    def is_contended(self) -> bool:
        """Whether another program keeps ending this account's session."""

    @property
    def clock_offset(self) -> timedelta:
        """How far the platform's clock is ahead of ours."""

    def keep_session(
        self,
        kept: Mapping[str, object],
        keep: Callable[[Mapping[str, object]], None] | None,
    ) -> None:
        """Go on with a session kept before a restart; keep each later one.

        What is kept is secret.
        """

    async def verify(self) -> None:
        """Sign in and read one page, so that wrong credentials show at once."""

    async def poll(
        self,
        known: Mapping[str, UpgradeTask],
        memory: Mapping[str, object],
        since: datetime,
    ) -> Poll:
        """Read what is active, what is new and what has ended since the last poll.

        ``known`` are the tasks read before, ``memory`` what the last poll left (empty
        at first). The first poll reads back to tasks created at ``since`` (UTC).
        """

    async def read_newest(
        self, memory: Mapping[str, object], seen: Collection[str], since: datetime
    ) -> tuple[UpgradeTask, ...]:
        """Read the newest tasks, back to one that the last poll or the caller has seen.

        For a creation: what is there before it, and what came after it. Reads no
        further than to tasks created before ``since`` (UTC).
        """

    def is_result(self, prepared: PreparedCreate, task: UpgradeTask) -> bool:
        """Whether a task is what a creation asked for, the platform's defaults in."""

    async def get_task(self, task_id: str) -> UpgradeTask:
        """Read one task; `NotFoundError` when there is none."""

    def list_tasks(
        self, *, kind: UpgradeKind | None = None, status: TaskStatus | None = None
    ) -> AsyncIterator[Page[UpgradeTask]]:
        """List tasks."""

    def list_subtasks(
        self, task_id: str, *, status: TaskStatus | None = None
    ) -> AsyncIterator[Page[Subtask]]:
        """List the subtasks of a task; `NotFoundError` when there is no such task."""

    def list_packages(
        self,
        *,
        kind: UpgradeKind | None = None,
        device_type: str | None = None,
        model: str | None = None,
        manufacturer: str | None = None,
        version: str | None = None,
    ) -> AsyncIterator[Page[Package]]:
        """List packages."""

    def list_device_groups(
        self, *, name: str | None = None
    ) -> AsyncIterator[Page[DeviceGroup]]:
        """List device groups."""

    def list_devices(self, *, group: str | None = None) -> AsyncIterator[Page[Device]]:
        """List devices, all or those of a group given by ID."""

    async def prepare_create(self, request: CreateRequest) -> PreparedCreate:
        """Complete a creation from what the platform knows; sends no write."""

    async def reach(self, prepared: PreparedCreate) -> Reach:
        """Look whom a creation reaches and what that runs, with a few listing calls."""

    async def list_reached(self, prepared: PreparedCreate) -> tuple[str, ...]:
        """Return the IDs of the devices that a creation for groups would upgrade.

        Each once, with as many listing calls as that takes.
        """

    def split(self, prepared: PreparedCreate) -> tuple[PreparedCreate, ...]:
        """Return the tasks that a creation takes: more than one for very many targets.

        Two creations with the same targets are split in the same way, in whatever
        order these are given.
        """

    async def create_task(self, prepared: PreparedCreate) -> str:
        """Create a task and return its ID.

        Raises `AmbiguousError` when the answer was lost; never sends twice what may
        have arrived.
        """


@runtime_checkable
class TaskControl(Protocol):
    """What only some clients can do with a task: a platform's `Capability` tells."""

    async def change_task(self, change: TaskChange) -> None:
        """Start, stop or delete a task, or cancel or retry some of its subtasks.

        What becomes of devices that are under way is the platform's. Raises
        `NotFoundError` when there is no such task, `InvalidFieldError` for values
        that cannot be sent, and, like a creation, `AmbiguousError` when the answer
        was lost; never sends twice what may have arrived.
        """

    async def is_changed(self, change: TaskChange) -> bool:
        """Whether the platform shows that a change was made."""


class PushControl(Protocol):
    """What a client can do whose platform pushes: `Capability.PUSH` tells.

    The platform keeps the subscriptions, those of other programs among them, which
    are never changed. Nothing in a push proves who sent it.
    """

    async def subscribe(self, address: str, *, is_made: bool) -> tuple[str | None, ...]:
        """Have the platform push to an address what it pushes nowhere yet.

        Returns the addresses of the subscriptions that are in the way, one for each
        kind of message, unknown where the platform does not tell. ``is_made`` says
        that this address had all of them before, so that what is not told is ours.
        """

    async def unsubscribe(self, address: str) -> None:
        """Take back all subscriptions at an address; fine when there is none."""

    def read_push(self, body: bytes) -> Pushed:
        """Read what was pushed; `MalformedError` when it is not meant for us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """How a platform presents itself.

    Attributes:
        key: identifies the platform in stored data and translations.
        name: the platform's own name, shown as manufacturer.
        form: the fields of an account's credentials.
        account_id: what tells accounts of this platform apart, whatever the address.
        title: the name of a new account.
        check: checks credentials without any network and returns the TLS context to
            connect with; blocking, raises `InvalidFieldError`.
        credential_notes: tells what is to be known of credentials that were checked;
            blocking.
        client: builds the client of an account.
        create_actions: the actions that create upgrade tasks.
        capabilities: what not every platform can do.
        check_push_address: checks an address that the platform is to push to, where it
            can push; raises `InvalidFieldError`, whose field is ``push_address``.

    """

    key: str
    name: str
    form: tuple[Field, ...]
    account_id: Callable[[Credentials], str]
    title: Callable[[Credentials], str]
    check: Callable[[Credentials], SSLContext | None]
    credential_notes: Callable[[Credentials], CredentialNotes]
    client: Callable[[ClientSession, Credentials, SSLContext | None], PlatformClient]
    create_actions: tuple[CreateAction, ...]
    capabilities: frozenset[Capability] = frozenset()
    check_push_address: Callable[[str], None] | None = None
