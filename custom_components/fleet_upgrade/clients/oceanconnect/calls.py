"""Calls with a token: alone, page by page, and writes that are never doubled."""

from collections.abc import AsyncGenerator, Callable, Mapping
from functools import partial
from urllib.parse import quote

from ..budget import Priority
from ..errors import (
    Advice,
    AmbiguousError,
    MalformedError,
    NotFoundError,
    RejectedError,
    SessionTakenError,
    ThrottledError,
    UnreachableError,
)
from ..transport import Transport
from .auth import Session
from .exchange import JSON, TokenRefusedError, checked, send, to_json
from .poll import PAGE_SIZE, is_last_page
from .wire import Reply, Rows, decode, decode_page

type Query = Mapping[str, str | int]


def item_path(path: str, item_id: str) -> str:
    """Return the path of one of the things at a path.

    Raises `NotFoundError` for an ID that would make it the path of something else.
    """
    if item_id in {"", ".", ".."}:
        raise NotFoundError("", item_id, Advice.OBJECT_MISSING, status=404)
    return f"{path}/{quote(item_id, safe='')}"


class Calls:
    """Makes the calls of one application on one platform."""

    def __init__(self, transport: Transport, session: Session) -> None:
        """Use a transport and a session for all calls of the application."""
        self._transport = transport
        self._session = session

    async def read[ReplyT: Reply](
        self, path: str, into: type[ReplyT], *, priority: Priority = Priority.ACTION
    ) -> ReplyT:
        """Read one object."""
        return await self.make("GET", path, priority, partial(decode, into=into))

    async def write[ReplyT: Reply](
        self,
        method: str,
        path: str,
        into: type[ReplyT],
        *,
        query: Query | None = None,
        body: Mapping[str, object] | None = None,
    ) -> ReplyT:
        """Change something on the platform.

        A refusal means that nothing was done. A lost answer is an `AmbiguousError`,
        and the change is never sent again: not even a deletion, as somebody may have
        made the same thing anew in between.
        """
        return await self.make(
            method,
            path,
            Priority.ACTION,
            partial(decode, into=into),
            query=query,
            body=body,
            is_write=True,
        )

    async def pages(
        self, path: str, query: Query, *, size: int = PAGE_SIZE
    ) -> AsyncGenerator[Rows]:
        """Read a listing page by page; page number and size are always sent."""
        number = read = 0
        while True:
            rows = await self.make(
                "GET",
                path,
                Priority.LISTING,
                decode_page,
                query={**query, "pageNo": number, "pageSize": size},
            )
            yield rows
            number += 1
            read += rows.length
            if is_last_page(rows.length, read, rows.total, size):
                return

    async def make[ReplyT: Reply](
        self,
        method: str,
        path: str,
        priority: Priority,
        read: Callable[[bytes], ReplyT],
        *,
        query: Query | None = None,
        body: Mapping[str, object] | None = None,
        is_write: bool = False,
        patient: bool = True,
    ) -> ReplyT:
        """Make an authenticated call and read its answer.

        A refused token, or a throttle on what a person asked for, means that nothing
        was done: the call is made once more, after signing in or after the pause (if
        ``patient``).
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
                return checked(self._transport, read(answer.body), answer.status)
            except TokenRefusedError as err:
                self._session.refused(headers)
                if not may_sign_in_again:
                    raise SessionTakenError from err
                may_sign_in_again = False
            except ThrottledError as err:
                if not (may_wait and err.by_platform):
                    raise
                may_wait = False
            except (UnreachableError, MalformedError, RejectedError) as err:
                if is_write and _may_have_worked(err):
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


def given(**values: str | None) -> dict[str, str]:
    """Return what there is of a query's values."""
    return {key: value for key, value in values.items() if value is not None}


def _may_have_worked(err: UnreachableError | MalformedError | RejectedError) -> bool:
    """Whether a write that ended so may have been done."""
    match err:
        case UnreachableError():
            return err.sent
        case RejectedError():
            return err.status >= 500
        case MalformedError():
            return err.status is None or err.status < 400
