"""One call of OceanConnect's API: what its answer means."""

from collections.abc import Mapping
import json
import logging

from ..budget import Priority
from ..errors import (
    Advice,
    AuthenticationError,
    AuthenticationProblem,
    ConnectionProblem,
    MalformedError,
    NotFoundError,
    PlatformError,
    RejectedError,
    UnreachableError,
)
from ..transport import Answer, Transport
from .codes import (
    ADVICE,
    APPLICATION_GONE_TEXT,
    AUTHENTICATION,
    CONGESTED,
    FAULTS,
    NOT_FOUND,
    THROTTLED,
    THROTTLED_TEXT,
    TOKEN_REFUSED,
)
from .wire import Reply, decode

_LOGGER = logging.getLogger(__name__)

JSON = {"Content-Type": "application/json"}


class TokenRefusedError(PlatformError):
    """The access token (or the application ID beside it) is not valid any more."""

    key = "session_taken"


async def send(
    transport: Transport,
    method: str,
    path: str,
    *,
    priority: Priority,
    query: Mapping[str, str | int] | None = None,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> Answer:
    """Send one call and return its answer if it is a success.

    Raises what the answer means otherwise; an HTTP 5xx is an `UnreachableError`
    that was sent.
    """
    answer = await transport.exchange(
        method,
        path,
        priority=priority,
        query=query,
        headers=headers,
        body=body,
    )
    _LOGGER.debug("%s %s: %d", method, path.rpartition("/")[0], answer.status)
    if answer.status >= 300:
        raise _failure(transport, answer)
    return answer


def checked[ReplyT: Reply](
    transport: Transport, reply: ReplyT, status: int = 200
) -> ReplyT:
    """Return a reply unless it holds an error in spite of its HTTP status."""
    if reply.code:
        raise _refusal(transport, reply, status)
    return reply


def to_json(body: Mapping[str, object]) -> bytes:
    """Return a request's body."""
    return json.dumps(body, separators=(",", ":")).encode()


def _failure(transport: Transport, answer: Answer) -> PlatformError:
    """Say what an answer means whose HTTP status is no success."""
    try:
        reply = decode(answer.body, Reply)
    except MalformedError:
        reply = Reply()
        foreign = True
    else:
        foreign = not (reply.code or reply.detail)
    if reply.code:
        return _refusal(transport, reply, answer.status)
    if answer.status >= 500:
        return _server_error(answer.status, reply)
    if THROTTLED_TEXT in answer.body:
        return transport.budget.throttled()
    if reply.detail == APPLICATION_GONE_TEXT:
        return AuthenticationError(AuthenticationProblem.UNKNOWN)
    if foreign:
        return MalformedError(
            f"HTTP {answer.status} without an error code",
            foreign=True,
            status=answer.status,
        )
    detail = transport.without_secrets(reply.detail)
    return RejectedError("", detail, Advice.OTHER, status=answer.status)


def _refusal(transport: Transport, reply: Reply, status: int) -> PlatformError:
    """Say what an error code means."""
    code = reply.code
    if code == TOKEN_REFUSED and status < 500:
        return TokenRefusedError(transport.without_secrets(reply.detail))
    if code == THROTTLED and status < 500:
        return transport.budget.throttled()
    if code in AUTHENTICATION:
        return AuthenticationError(AUTHENTICATION[code], code)
    if code in FAULTS or (status >= 500 and code != CONGESTED):
        return _server_error(status, reply)
    error = NotFoundError if code in NOT_FOUND else RejectedError
    advice = ADVICE.get(code, Advice.OTHER)
    detail = transport.without_secrets(reply.detail)
    return error(code, detail, advice, status=status)


def _server_error(status: int, reply: Reply) -> UnreachableError:
    return UnreachableError(
        ConnectionProblem.SERVER, f"HTTP {status} {reply.code}".strip(), sent=True
    )
