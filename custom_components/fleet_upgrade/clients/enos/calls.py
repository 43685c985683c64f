"""Signed calls: one at a time, page by page, and writes that are never doubled."""

from collections.abc import AsyncGenerator, Mapping

from ..budget import LONGEST_WAIT, Priority
from ..errors import (
    AmbiguousError,
    MalformedError,
    RejectedError,
    ThrottledError,
    UnreachableError,
)
from ..transport import Transport
from .auth import Session
from .exchange import TokenRefusedError, credentials_refused, send, to_json
from .wire import Reply, Rows, page_of

PAGE_SIZE = 200
"""Rows a page; the most that the OTA searches allow."""

type Query = Mapping[str, str]
type Body = Mapping[str, object]


class Calls:
    """Makes the calls of one application in one organization."""

    def __init__(self, transport: Transport, session: Session, org_id: str) -> None:
        """Use a transport and a session for all calls of the account."""
        self._transport = transport
        self._session = session
        self._org_id = org_id

    async def get(
        self,
        path: str,
        query: Query | None = None,
        *,
        action: str = "get",
        priority: Priority = Priority.ACTION,
    ) -> Reply:
        """Read one object."""
        return await self._make("GET", path, action, priority, query=query)

    async def write(
        self,
        path: str,
        action: str,
        query: Query | None = None,
        *,
        body: Body | None = None,
    ) -> Reply:
        """Change something on the platform.

        A refusal means that nothing was done. A lost answer is an `AmbiguousError`,
        and the change is never sent again: not even a deletion, as somebody may have
        made the same thing anew in between.
        """
        return await self._make(
            "POST",
            path,
            action,
            Priority.ACTION,
            query=query,
            body=body,
            is_write=True,
        )

    async def search(
        self,
        path: str,
        expression: str | None,
        *,
        number: int = 1,
        size: int = PAGE_SIZE,
        action: str = "search",
        query: Query | None = None,
        more: Body | None = None,
        priority: Priority = Priority.LISTING,
        patient: bool = True,
    ) -> Rows:
        """Read one page of what an expression finds; pages count from 1.

        ``more`` goes into the body beside expression and page.
        """
        body: dict[str, object] = dict(more or {})
        if expression is not None:
            body["expression"] = expression
        body["pagination"] = {"pageNo": number, "pageSize": size}
        reply = await self._make(
            "POST", path, action, priority, query=query, body=body, patient=patient
        )
        return page_of(reply)

    async def pages(
        self,
        path: str,
        expression: str | None = None,
        *,
        size: int = PAGE_SIZE,
        action: str = "search",
        query: Query | None = None,
        more: Body | None = None,
        priority: Priority = Priority.LISTING,
    ) -> AsyncGenerator[Rows]:
        """Read all that an expression finds, page by page."""
        number = read = 0
        while True:
            number += 1
            rows = await self.search(
                path,
                expression,
                number=number,
                size=size,
                action=action,
                query=query,
                more=more,
                priority=priority,
            )
            yield rows
            read += rows.length
            if is_last_page(rows, read, size):
                return

    async def _make(
        self,
        method: str,
        path: str,
        action: str,
        priority: Priority,
        *,
        query: Query | None = None,
        body: Body | None = None,
        is_write: bool = False,
        patient: bool = True,
    ) -> Reply:
        """Make a signed call and return its answer.

        A refused token, or a throttle on what a person asked for, means that nothing
        was done: the call is made once more, with a new token or after the pause (if
        ``patient``).
        """
        parameters = {"action": action, "orgId": self._org_id, **(query or {})}
        content = None if body is None else to_json(body)
        may_sign_in_again = True
        may_wait = patient and priority is not Priority.POLL
        while True:
            access = ""
            try:
                access = await self._session.access(self._transport)
                return await self._send_signed(
                    method, path, priority, access, parameters, content, is_write
                )
            except TokenRefusedError as err:
                self._session.refused(access)
                if not may_sign_in_again:
                    raise credentials_refused(self._transport) from err
                may_sign_in_again = False
            except ThrottledError as err:
                if not (may_wait and err.by_platform) or err.retry_after > LONGEST_WAIT:
                    raise
                may_wait = False

    async def _send_signed(
        self,
        method: str,
        path: str,
        priority: Priority,
        access: str,
        query: dict[str, str],
        content: bytes | None,
        is_write: bool,
    ) -> Reply:
        """Send one call; a write whose answer is lost is an `AmbiguousError`."""
        try:
            return await send(
                self._transport,
                method,
                path,
                priority=priority,
                query=query,
                headers=lambda: self._session.headers(access, query, content),
                body=content,
            )
        except (UnreachableError, MalformedError, RejectedError) as err:
            if is_write and _may_have_worked(err):
                raise AmbiguousError(str(err)) from err
            raise


def is_last_page(rows: Rows, read: int, size: int = PAGE_SIZE) -> bool:
    """Whether a listing is over after this page, ``read`` rows in all."""
    if rows.length == 0:
        return True
    return rows.length < size if rows.total is None else read >= rows.total


def _may_have_worked(err: UnreachableError | MalformedError | RejectedError) -> bool:
    """Whether a write that ended so may have been done."""
    match err:
        case UnreachableError():
            return err.sent
        case RejectedError():
            return err.status >= 500
        case MalformedError():
            return err.status is None or err.status < 400
