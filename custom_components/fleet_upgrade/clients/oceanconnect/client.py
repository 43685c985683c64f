"""OceanConnect's calls.

Source: "Device Upgrade", "Device Group Management" and "Device Management" in the
Northbound API Reference. Pages count from 0.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import override
from urllib.parse import quote

import msgspec
from msgspec import structs

from ..budget import Priority
from ..errors import (
    AmbiguousError,
    InvalidFieldError,
    MalformedError,
    SessionTakenError,
    ThrottledError,
    UnreachableError,
)
from ..model import (
    CreateRequest,
    Device,
    DeviceGroup,
    Package,
    Page,
    Poll,
    PreparedCreate,
    Subtask,
    TaskStatus,
    UpgradeKind,
    UpgradeTask,
)
from ..platform import PlatformClient
from ..transport import Transport
from .auth import Session, Token
from .create import is_result
from .exchange import JSON, TokenRefusedError, checked, send, to_json
from .poll import PAGE_SIZE, Poller, is_last_page
from .wire import (
    FILE_TYPE,
    OPERATE_TYPE,
    STATUS_WORD,
    SUBTASK_STATUS_WORD,
    CreatedReply,
    DeviceRow,
    GroupRow,
    PackageRow,
    Reply,
    Rows,
    SubtaskRow,
    TaskPage,
    TaskRow,
    create_body,
    decode,
    decode_task_rows,
    readable_rows,
    task_page,
    values,
)

UPGRADE = "/iodm/northbound/v1.5.0"
OPERATIONS = f"{UPGRADE}/operations"
CATEGORY = f"{UPGRADE}/category"
GROUPS = "/iocm/app/devgroup/v1.3.0/devGroups"
MEMBERS = "/iocm/app/dm/v1.2.0/devices/ids"
DEVICES = "/iocm/app/dm/v1.4.0/devices"
CREATE = {
    UpgradeKind.FIRMWARE: f"{OPERATIONS}/firmwareUpgrade",
    UpgradeKind.SOFTWARE: f"{OPERATIONS}/softwareUpgrade",
}

type Query = dict[str, str | int]


class OceanConnectClient(PlatformClient):
    """One application on one OceanConnect platform."""

    def __init__(self, transport: Transport, session: Session) -> None:
        """Use a transport and a session for all calls of the application."""
        self.budget = transport.budget
        self._transport = transport
        self._session = session
        self._poller = Poller(self._read_task_page, self._read_task)

    @property
    @override
    def is_contended(self) -> bool:
        return self._session.is_contended

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
        await self._read_task_page(0, {}, Priority.ACTION, page_size=1, patient=False)

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
        return await self._read_task(task_id, Priority.ACTION)

    @override
    async def list_tasks(
        self, *, kind: UpgradeKind | None = None, status: TaskStatus | None = None
    ) -> AsyncIterator[Page[UpgradeTask]]:
        query: Query = {}
        if kind is not None:
            query["operationType"] = OPERATE_TYPE[kind]
        if status is not None:
            query["operationStatus"] = STATUS_WORD[status]
        async for page in self._poller.pages(query, Priority.LISTING):
            yield page

    @override
    async def list_subtasks(
        self, task_id: str, *, status: TaskStatus | None = None
    ) -> AsyncIterator[Page[Subtask]]:
        query: Query = {}
        if status is not None:
            query["subOperationStatus"] = SUBTASK_STATUS_WORD[status]
        async for rows in self._pages(
            f"{OPERATIONS}/{quote(task_id, safe='')}/subOperations", query
        ):
            yield Page(
                items=values(readable_rows(rows.data, SubtaskRow), SubtaskRow.value),
                total=rows.total,
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
        query = _given(
            fileType=FILE_TYPE[kind] if kind is not None else None,
            deviceType=device_type,
            model=model,
            manufacturerName=manufacturer,
            version=version,
        )
        async for rows in self._pages(CATEGORY, query):
            yield Page(
                items=values(readable_rows(rows.data, PackageRow), PackageRow.value),
                total=rows.total,
            )

    @override
    async def list_device_groups(
        self, *, name: str | None = None
    ) -> AsyncIterator[Page[DeviceGroup]]:
        async for rows in self._pages(GROUPS, _given(name=name)):
            yield Page(
                items=values(readable_rows(rows.list_, GroupRow), GroupRow.value),
                total=rows.total,
            )

    @override
    async def list_devices(
        self, *, group: str | None = None
    ) -> AsyncIterator[Page[Device]]:
        if group is not None:
            async for rows in self._pages(MEMBERS, {"devGroupId": group}):
                yield Page(
                    items=tuple(Device(device_id=key) for key in rows.device_ids or ()),
                    total=rows.total,
                )
            return
        async for rows in self._pages(DEVICES, {}):
            yield Page(
                items=values(readable_rows(rows.devices, DeviceRow), DeviceRow.value),
                total=rows.total,
            )

    @override
    async def prepare_create(self, request: CreateRequest) -> PreparedCreate:
        package = await self._read_package(request.package_id)
        if package.kind not in (None, request.kind):
            raise InvalidFieldError(
                "package",
                "package_wrong_kind",
                kind=request.kind,
                package_kind=str(package.kind),
            )
        if request.targets.device_groups:
            request = _with_package_defaults(request, package)
        return PreparedCreate(
            request=request,
            method="POST",
            path=CREATE[request.kind],
            body=create_body(request),
            version=package.version,
        )

    @override
    async def create_task(self, prepared: PreparedCreate) -> str:
        reply = await self._call(
            prepared.method,
            prepared.path,
            Priority.ACTION,
            partial(decode, into=CreatedReply),
            body=prepared.body,
            write=True,
        )
        if not reply.operation_id:
            raise AmbiguousError("an answer without operationId")
        return reply.operation_id

    async def _read_package(self, package_id: str) -> Package:
        path = f"{CATEGORY}/{quote(package_id, safe='')}"
        row = await self._call(
            "GET", path, Priority.ACTION, partial(decode, into=PackageRow)
        )
        return row.value()

    async def _read_task(self, task_id: str, priority: Priority) -> UpgradeTask:
        path = f"{OPERATIONS}/{quote(task_id, safe='')}"
        row = await self._call("GET", path, priority, partial(decode, into=TaskRow))
        return row.value()

    async def _read_task_page(
        self,
        number: int,
        query: Mapping[str, str | int],
        priority: Priority,
        *,
        page_size: int = PAGE_SIZE,
        patient: bool = True,
    ) -> TaskPage:
        rows = await self._call(
            "GET",
            OPERATIONS,
            priority,
            decode_task_rows,
            query={**query, "pageNo": number, "pageSize": page_size},
            patient=patient,
        )
        return task_page(rows)

    async def _pages(
        self, path: str, query: Mapping[str, str | int]
    ) -> AsyncGenerator[Rows]:
        """Read a listing page by page; page number and size are always sent."""
        number = read = 0
        while True:
            rows = await self._call(
                "GET",
                path,
                Priority.LISTING,
                partial(decode, into=Rows),
                query={**query, "pageNo": number, "pageSize": PAGE_SIZE},
            )
            yield rows
            number += 1
            read += rows.length
            if is_last_page(rows.length, read, rows.total):
                return

    async def _call[ReplyT: Reply](
        self,
        method: str,
        path: str,
        priority: Priority,
        read: Callable[[bytes], ReplyT],
        *,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, object] | None = None,
        write: bool = False,
        patient: bool = True,
    ) -> ReplyT:
        """Make an authenticated call and read its answer.

        A refused token, or a throttle on what a person asked for, means that nothing
        was done: the call is made once more, after signing in or after the pause (if
        ``patient``). A write whose answer was lost is an `AmbiguousError` and never made again.
        """
        may_sign_in_again = True
        may_wait = patient and priority is not Priority.POLL
        while True:
            headers = await self._signed_in(priority, may_wait=may_wait)
            try:
                answer = await send(
                    self._transport,
                    method,
                    path,
                    priority=priority,
                    query=query,
                    headers=headers if body is None else {**headers, **JSON},
                    body=None if body is None else to_json(body),
                )
                return checked(self._transport, read(answer.body))
            except TokenRefusedError as err:
                self._session.refused(headers)
                if not may_sign_in_again:
                    raise SessionTakenError from err
                may_sign_in_again = False
            except ThrottledError as err:
                if not (may_wait and err.by_platform):
                    raise
                may_wait = False
            except (UnreachableError, MalformedError) as err:
                if write and _may_have_worked(err):
                    raise AmbiguousError(str(err)) from err
                raise

    async def _signed_in(
        self, priority: Priority, *, may_wait: bool
    ) -> Mapping[str, str]:
        try:
            return await self._session.headers(self._transport, priority)
        except ThrottledError as err:
            if not (may_wait and err.by_platform):
                raise
        return await self._session.headers(self._transport, priority)


def _may_have_worked(err: UnreachableError | MalformedError) -> bool:
    """Whether a write that ended so may have been done."""
    if isinstance(err, UnreachableError):
        return err.sent
    return err.status is None or err.status < 400


def _given(**query: str | None) -> Mapping[str, str]:
    return {key: value for key, value in query.items() if value is not None}


def _with_package_defaults(request: CreateRequest, package: Package) -> CreateRequest:
    """Complete what a group target needs from the package, unless it was given."""
    targets = request.targets
    return structs.replace(
        request,
        targets=structs.replace(
            targets,
            device_type=targets.device_type or package.device_type,
            model=targets.model or package.model,
            manufacturer=targets.manufacturer or package.manufacturer,
        ),
    )
