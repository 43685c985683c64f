"""An EnOS account as every platform's client shows itself.

Source of the calls on upgrade tasks: "OTA job management" (V2.1) in the EnOS
Connection Service API documentation.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import override

import msgspec
from msgspec import structs

from ..budget import Priority
from ..errors import (
    AmbiguousError,
    InvalidFieldError,
    MalformedError,
    NotFoundError,
    RejectedError,
)
from ..groups import group_ids
from ..model import (
    ChangeKind,
    CreateRequest,
    Device,
    DeviceGroup,
    Package,
    Page,
    Poll,
    PreparedCreate,
    Reach,
    Subtask,
    TaskChange,
    TaskStatus,
    UpgradeKind,
    UpgradeTask,
)
from ..platform import PlatformClient, TaskControl
from ..transport import Transport
from .auth import Session, Token
from .calls import Calls
from .create import is_result, prepare
from .expression import all_of, equals, one_of
from .firmware import Firmware
from .jobs import PATH, STARTED, STOPPED, SUBTASK_WORDS, Job, JobRow, OtaTaskRow
from .poll import Poller
from .reach import list_reached, reach
from .scopes import Scopes
from .wire import Wire, rows_of

CHANGES = {
    ChangeKind.START: "start",
    ChangeKind.STOP: "stop",
    ChangeKind.DELETE: "delete",
    ChangeKind.CANCEL_SUBTASKS: "cancelTask",
    ChangeKind.RETRY_SUBTASKS: "retryTask",
}
"""The platform's words for the changes of a task."""


class CreatedData(Wire):
    """What the creation of a job answers."""

    job_id: str | None = None


class EnosClient(PlatformClient, TaskControl):
    """One application in one organization on one EnOS platform.

    Beside what every platform's client can do, `firmware` and `scopes` hold the calls
    that only this platform has.
    """

    def __init__(self, transport: Transport, session: Session, org_id: str) -> None:
        """Use a transport and a session for all calls of the account."""
        self.budget = transport.budget
        self._transport = transport
        self._session = session
        self._calls = Calls(transport, session, org_id)
        self.firmware = Firmware(self._calls)
        self.scopes = Scopes(self._calls)
        self._poller = Poller(self._calls, self._read_job, lambda: self.clock_offset)

    @property
    @override
    def is_contended(self) -> bool:
        return False  # all who use an application share its token

    @property
    @override
    def clock_offset(self) -> timedelta:
        return self._transport.clock_offset

    @override
    def keep_session(
        self,
        kept: Mapping[str, object],
        keep: Callable[[Mapping[str, object]], None] | None,
    ) -> None:
        with suppress(msgspec.ValidationError):
            self._session.restore(msgspec.convert(kept, Token))
        self._session.on_change = keep and (
            lambda: keep(msgspec.to_builtins(self._session.token))
        )

    @override
    async def verify(self) -> None:
        await self._calls.search(
            PATH, None, size=1, priority=Priority.ACTION, patient=False
        )

    @override
    async def poll(
        self,
        known: Mapping[str, UpgradeTask],
        memory: Mapping[str, object],
        since: datetime,
    ) -> Poll:
        return await self._poller.poll(known, memory, since)

    @override
    async def read_newest(
        self, memory: Mapping[str, object], seen: Collection[str], since: datetime
    ) -> tuple[UpgradeTask, ...]:
        return await self._poller.read_newest(memory, seen, since)

    @override
    def is_result(self, prepared: PreparedCreate, task: UpgradeTask) -> bool:
        return is_result(prepared, task)

    @override
    async def get_task(self, task_id: str) -> UpgradeTask:
        job = await self._read_job(task_id, Priority.ACTION)
        [task] = await self._poller.counted([job], Priority.ACTION, all_of_them=True)
        return task

    @override
    async def list_tasks(
        self, *, kind: UpgradeKind | None = None, status: TaskStatus | None = None
    ) -> AsyncIterator[Page[UpgradeTask]]:
        if kind not in (None, UpgradeKind.FIRMWARE):
            yield Page(total=0)
            return
        expression = None
        if status is not None:
            word = STOPPED if status is TaskStatus.STOPPED else STARTED
            expression = equals("status", word)
        async for page in self._poller.pages(expression, Priority.LISTING):
            tasks = await self._poller.counted(page.items, Priority.LISTING)
            if status in (None, TaskStatus.STOPPED):
                yield Page(items=tasks, total=page.total)
            else:
                # The platform cannot sift by this, so it cannot say how many.
                yield Page(items=tuple(task for task in tasks if task.status is status))

    @override
    async def list_subtasks(
        self, task_id: str, *, status: TaskStatus | None = None
    ) -> AsyncIterator[Page[Subtask]]:
        await self._read_job(task_id, Priority.LISTING)
        if status is not None and status not in SUBTASK_WORDS:
            yield Page(total=0)
            return
        expression = all_of(
            equals("jobId", task_id),
            None if status is None else one_of("status", SUBTASK_WORDS[status]),
        )
        async for rows in self._calls.pages(PATH, expression, action="searchTask"):
            yield Page(
                items=rows_of(rows, OtaTaskRow, OtaTaskRow.value), total=rows.total
            )

    @override
    async def list_packages(
        self,
        *,
        kind: UpgradeKind | None = None,
        device_type: str | None = None,
        model: str | None = None,
        manufacturer: str | None = None,
        version: str | None = None,
    ) -> AsyncIterator[Page[Package]]:
        if kind is UpgradeKind.SOFTWARE or device_type or model or manufacturer:
            yield Page(total=0)  # firmware knows of none of them
            return
        async for page in self.firmware.pages():
            if version is None:
                yield page
            else:
                # The platform cannot sift by this, so it cannot say how many.
                found = [each for each in page.items if each.version == version]
                yield Page(items=tuple(found))

    @override
    def list_device_groups(
        self, *, name: str | None = None
    ) -> AsyncIterator[Page[DeviceGroup]]:
        return self.scopes.device_groups(name=name)

    @override
    def list_devices(self, *, group: str | None = None) -> AsyncIterator[Page[Device]]:
        if group is not None:
            return self.scopes.members(group)
        return self.scopes.devices()

    @override
    async def prepare_create(self, request: CreateRequest) -> PreparedCreate:
        package = await self.firmware.get(request.package_id)
        targets = request.targets
        if targets.device_groups:
            ids = await self._group_ids(targets.device_groups)
            targets = structs.replace(targets, device_groups=ids)
        return prepare(structs.replace(request, targets=targets), package)

    @override
    async def reach(self, prepared: PreparedCreate) -> Reach:
        return await reach(prepared, self.firmware, self.scopes)

    @override
    async def list_reached(self, prepared: PreparedCreate) -> tuple[str, ...]:
        return await list_reached(prepared, self.firmware, self.scopes)

    @override
    def split(self, prepared: PreparedCreate) -> tuple[PreparedCreate, ...]:
        return (prepared,)  # no number of targets is documented to be too many

    @override
    async def create_task(self, prepared: PreparedCreate) -> str:
        query = dict(prepared.query)
        reply = await self._calls.write(
            prepared.path, query.pop("action"), query, body=prepared.body
        )
        try:
            job_id = reply.read(CreatedData).job_id
        except MalformedError as err:
            raise AmbiguousError(str(err)) from err
        if not job_id:
            raise AmbiguousError("an answer without jobId")
        return job_id

    @override
    async def change_task(self, change: TaskChange) -> None:
        body: dict[str, object] | None = None
        if change.kind in (ChangeKind.CANCEL_SUBTASKS, ChangeKind.RETRY_SUBTASKS):
            if not change.devices:
                raise InvalidFieldError("devices", "subtasks_missing")
            body = {"deviceKeys": list(dict.fromkeys(change.devices))}
        await self._calls.write(
            PATH, CHANGES[change.kind], {"jobId": change.task_id}, body=body
        )

    @override
    async def is_changed(self, change: TaskChange) -> bool:
        try:
            if change.kind in (ChangeKind.CANCEL_SUBTASKS, ChangeKind.RETRY_SUBTASKS):
                return await self._are_changed(change)
            job = await self._read_job(change.task_id, Priority.ACTION)
        except NotFoundError:
            return change.kind is ChangeKind.DELETE
        return (change.kind, job.status) in (
            (ChangeKind.START, STARTED),
            (ChangeKind.STOP, STOPPED),
        )

    async def _are_changed(self, change: TaskChange) -> bool:
        """Whether subtasks show that they were changed.

        What was cancelled counts as failed, what is tried again does not.
        """
        failed: set[str] = set()
        async for page in self.list_subtasks(change.task_id, status=TaskStatus.FAILED):
            failed |= {subtask.device_id for subtask in page.items}
        if change.kind is ChangeKind.CANCEL_SUBTASKS:
            return failed.issuperset(change.devices)
        return failed.isdisjoint(change.devices)

    async def _group_ids(self, wanted: tuple[str, ...]) -> tuple[str, ...]:
        """Return the IDs of device groups that are given by ID or by name.

        Later releases do not document the list of groups any more. Where there is
        none, what is given is taken for IDs, which the platform checks.
        """
        listing = self.scopes.device_groups(priority=Priority.ACTION)
        try:
            return await group_ids("device_groups", wanted, listing)
        except RejectedError, MalformedError:
            return wanted

    async def _read_job(self, task_id: str, priority: Priority) -> Job:
        reply = await self._calls.get(PATH, {"jobId": task_id}, priority=priority)
        return reply.read(JobRow).value()
