"""An OceanConnect account as every platform's client shows itself.

Source of the calls on upgrade tasks: "Device Upgrade" in the Northbound API
Reference. Pages count from 0.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
import logging
from typing import override

import msgspec
from msgspec import structs

from ..answers import rows_of
from ..budget import Priority
from ..errors import AmbiguousError, InvalidFieldError
from ..known_rows import KnownRows
from ..model import (
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
    TaskStatus,
    UpgradeKind,
    UpgradeTask,
)
from ..platform import PlatformClient, PushControl
from ..transport import Transport
from .auth import Session, Token
from .calls import Calls, Query, item_path
from .create import MOST_TARGETS, is_result
from .devices import Devices
from .groups import DeviceGroups
from .packages import Packages
from .poll import PAGE_SIZE, Poller
from .push import read_push, subscribe, unsubscribe
from .reach import list_reached, reach
from .subscriptions import Subscriptions
from .tasks import (
    OPERATE_TYPE,
    STATUS_WORD,
    SUBTASK_STATUS_WORD,
    CreatedReply,
    SubtaskRow,
    TaskPage,
    TaskRow,
    add_up,
    create_body,
    read_row,
    task_page,
)
from .wire import decode_page

_LOGGER = logging.getLogger(__name__)

OPERATIONS = "/iodm/northbound/v1.5.0/operations"
CREATE = {
    UpgradeKind.FIRMWARE: f"{OPERATIONS}/firmwareUpgrade",
    UpgradeKind.SOFTWARE: f"{OPERATIONS}/softwareUpgrade",
}


class OceanConnectClient(PlatformClient, PushControl):
    """One application on one OceanConnect platform.

    Beside what every platform's client can do, `packages`, `device_groups`,
    `devices` and `subscriptions` hold the calls that only this platform has.
    """

    def __init__(self, transport: Transport, session: Session) -> None:
        """Use a transport and a session for all calls of the application."""
        self.budget = transport.budget
        self._transport = transport
        self._session = session
        self._calls = Calls(transport, session)
        self.packages = Packages(self._calls)
        self.device_groups = DeviceGroups(self._calls)
        self.devices = Devices(self._calls)
        self.subscriptions = Subscriptions(self._calls)
        self._rows = KnownRows(read_row)
        self._poller = Poller(self._read_task_page, self._read_task)
        self._odd_counts_are_told = False

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
        with self._rows.poll():
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
        query = {}
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
        query = {}
        if status is not None:
            query["subOperationStatus"] = SUBTASK_STATUS_WORD[status]
        async for rows in self._calls.pages(f"{_path(task_id)}/subOperations", query):
            yield Page(
                items=rows_of(rows.data, SubtaskRow, SubtaskRow.value),
                total=rows.total,
            )

    @override
    def list_packages(
        self,
        *,
        kind: UpgradeKind | None = None,
        device_type: str | None = None,
        model: str | None = None,
        manufacturer: str | None = None,
        version: str | None = None,
    ) -> AsyncIterator[Page[Package]]:
        return self.packages.pages(
            kind=kind,
            device_type=device_type,
            model=model,
            manufacturer=manufacturer,
            version=version,
        )

    @override
    def list_device_groups(
        self, *, name: str | None = None
    ) -> AsyncIterator[Page[DeviceGroup]]:
        return self.device_groups.pages(name=name)

    @override
    def list_devices(self, *, group: str | None = None) -> AsyncIterator[Page[Device]]:
        if group is not None:
            return self.device_groups.members(group)
        return self.devices.pages()

    @override
    async def prepare_create(self, request: CreateRequest) -> PreparedCreate:
        package = await self.packages.get(request.package_id)
        if package.kind not in (None, request.kind):
            raise InvalidFieldError("package", "package_wrong_kind")
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
    async def reach(self, prepared: PreparedCreate) -> Reach:
        return await reach(prepared, self.device_groups, self.devices)

    @override
    async def list_reached(self, prepared: PreparedCreate) -> tuple[str, ...]:
        return await list_reached(prepared, self.device_groups, self.devices)

    @override
    def split(self, prepared: PreparedCreate) -> tuple[PreparedCreate, ...]:
        if prepared.request.targets.count <= MOST_TARGETS:
            return (prepared,)
        targets = prepared.request.targets.in_order()
        requests = [
            structs.replace(
                prepared.request, targets=targets.part(start, start + MOST_TARGETS)
            )
            for start in range(0, targets.count, MOST_TARGETS)
        ]
        return tuple(
            structs.replace(prepared, request=request, body=create_body(request))
            for request in requests
        )

    @override
    async def create_task(self, prepared: PreparedCreate) -> str:
        reply = await self._calls.write(
            prepared.method, prepared.path, CreatedReply, body=prepared.body
        )
        if not reply.operation_id:
            raise AmbiguousError("an answer without operationId")
        return reply.operation_id

    @override
    async def subscribe(self, address: str, *, is_made: bool) -> tuple[str | None, ...]:
        return await subscribe(self.subscriptions, address, is_made=is_made)

    @override
    async def unsubscribe(self, address: str) -> None:
        await unsubscribe(self.subscriptions, address)

    @override
    def read_push(self, body: bytes) -> Pushed:
        return read_push(body, self._session.app_id)

    async def _read_task(self, task_id: str, priority: Priority) -> UpgradeTask:
        row = await self._calls.read(_path(task_id), TaskRow, priority=priority)
        return row.value()

    async def _read_task_page(
        self,
        number: int,
        query: Query,
        priority: Priority,
        *,
        page_size: int = PAGE_SIZE,
        patient: bool = True,
    ) -> TaskPage:
        rows = await self._calls.make(
            "GET",
            OPERATIONS,
            priority,
            decode_page,
            query={**query, "pageNo": number, "pageSize": page_size},
            patient=patient,
        )
        page = task_page(
            rows, self._rows.read if priority is Priority.POLL else read_row
        )
        self._tell_odd_counts(page)
        return page

    def _tell_odd_counts(self, page: TaskPage) -> None:
        """Log once that this platform counts in a way that nobody knows."""
        if self._odd_counts_are_told:
            return
        for task in page.items:
            if not add_up(task.counts):
                self._odd_counts_are_told = True
                _LOGGER.warning(
                    "The counts of an upgrade task do not make its total: %s",
                    task.counts,
                )
                return


def _path(task_id: str) -> str:
    return item_path(OPERATIONS, task_id)


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
