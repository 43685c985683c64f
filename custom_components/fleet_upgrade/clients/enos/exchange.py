"""One call of EnOS's API: what its answer means."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
import json
import logging

from ..budget import Priority
from ..errors import (
    Advice,
    AuthenticationError,
    AuthenticationProblem,
    ClockError,
    ClockProblem,
    ConnectionProblem,
    MalformedError,
    NotFoundError,
    PlatformError,
    RejectedError,
    UnreachableError,
)
from ..transport import Answer, Late, Transport
from .codes import (
    ADVICE,
    AUTHENTICATION,
    DENIED,
    FAULTS,
    FIRMWARE_TEXT,
    GATEWAY_ADVICE,
    NOT_FOUND,
    ORGANIZATION_TEXT,
    REPEATED,
    SIGNED_WRONGLY,
)
from .wire import Reply, decode

_LOGGER = logging.getLogger(__name__)

JSON = {"Content-Type": "application/json;charset=UTF-8"}

CLOCK_TOLERANCE = timedelta(seconds=60)
"""How far clocks may be apart before that is what a refusal is put down to."""


class TokenRefusedError(PlatformError):
    """The gateway accepts neither the token nor what is signed with it."""

    key = "session_taken"


class RepeatedError(PlatformError):
    """The token service has seen the same request before."""

    key = "rejected_try_later"

    def __init__(self) -> None:
        """Keep the code for the user's text."""
        super().__init__(code=REPEATED)


async def send(
    transport: Transport,
    method: str,
    path: str,
    *,
    priority: Priority,
    query: Mapping[str, str] | None = None,
    headers: Late[Mapping[str, str]] | None = None,
    body: Late[bytes] | None = None,
) -> Reply:
    """Send one call and return its answer if it is a success.

    Headers and body may be functions, called when the call's turn has come. Raises what the answer means otherwise; an HTTP 5xx is an `UnreachableError` that
    was sent.
    """
    answer = await transport.exchange(
        method, path, priority=priority, query=query, headers=headers, body=body
    )
    action = (query or {}).get("action", "")
    _LOGGER.debug("%s %s %s: %d", method, path, action, answer.status)
    if answer.status >= 300:
        raise _failure(transport, answer)
    reply = decode(answer.body)
    if reply.result is None:
        raise MalformedError("an answer without a code", status=answer.status)
    if reply.result != "0":
        raise _refusal(transport, reply, answer.status)
    return reply


def to_json(body: Mapping[str, object]) -> bytes:
    """Return a request's body."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def clock_error(transport: Transport) -> ClockError | None:
    """Return what is wrong with our clock, if anything, by the platform's own."""
    offset = transport.clock_offset
    if abs(offset) <= CLOCK_TOLERANCE:
        return None
    problem = ClockProblem.BEHIND if offset > timedelta() else ClockProblem.AHEAD
    return ClockError(problem, round(abs(offset) / timedelta(minutes=1)))


def credentials_refused(transport: Transport) -> AuthenticationError | ClockError:
    """Say why a token that was just fetched is not accepted."""
    return clock_error(transport) or AuthenticationError(
        AuthenticationProblem.CREDENTIALS, "401"
    )


def _failure(transport: Transport, answer: Answer) -> PlatformError:
    """Say what an answer means whose HTTP status is no success."""
    try:
        reply = decode(answer.body)
    except MalformedError:
        reply = Reply()
    # Proxies repeat the HTTP status in a field that the token service has for codes.
    has_code = reply.code is not None or reply.result != str(answer.status)
    if has_code and reply.result not in (None, "0"):
        return _refusal(transport, reply, answer.status)
    match answer.status:
        case 401:
            return TokenRefusedError(transport.without_secrets(reply.detail))
        case 429:
            return transport.budget.throttled(_retry_after(answer))
        case status if status >= 500:
            if (pause := _retry_after(answer)) is not None:
                transport.budget.throttled(pause, for_calls=False)
            return _server_error(status, reply)
    if not reply.detail and answer.status != 413:
        return MalformedError(
            f"HTTP {answer.status} without an error code",
            foreign=True,
            status=answer.status,
        )
    advice = GATEWAY_ADVICE.get(answer.status, Advice.OTHER)
    detail = transport.without_secrets(reply.detail)
    return RejectedError("", detail, advice, status=answer.status)


def _refusal(transport: Transport, reply: Reply, status: int) -> PlatformError:
    """Say what a code means that is not 0."""
    code = str(reply.result)
    if code == REPEATED:
        return RepeatedError()
    if code in SIGNED_WRONGLY and (error := clock_error(transport)) is not None:
        return error
    if code == DENIED and ORGANIZATION_TEXT in reply.detail:
        return AuthenticationError(AuthenticationProblem.ORGANIZATION, code)
    if code in AUTHENTICATION:
        return AuthenticationError(AUTHENTICATION[code], code)
    advice = ADVICE.get(code, Advice.OTHER)
    if code in FAULTS or (status >= 500 and advice is Advice.OTHER):
        return _server_error(status, reply)
    if advice is Advice.TASK_MISSING and reply.detail.startswith(FIRMWARE_TEXT):
        advice = Advice.PACKAGE_MISSING
    # What only repeats its HTTP status may come from a proxy that knows nothing.
    is_missing = code in NOT_FOUND and code != str(status)
    error_type = NotFoundError if is_missing else RejectedError
    # Whatever HTTP status it came with: a code says that nothing was done.
    detail = transport.without_secrets(reply.detail)
    return error_type(code, detail, advice, status=400)


def _server_error(status: int, reply: Reply) -> UnreachableError:
    return UnreachableError(
        ConnectionProblem.SERVER,
        f"HTTP {status} {reply.result or ''}".strip(),
        sent=True,
    )


def _retry_after(answer: Answer) -> float | None:
    """Return after how many seconds the gateway wants to be called again."""
    given = answer.headers.get("Retry-After", "").strip()
    if given.isdecimal():
        return float(given)
    with suppress(ValueError):
        time = parsedate_to_datetime(given)
        if time.tzinfo is not None:
            return max(0.0, (time - datetime.now(UTC)).total_seconds())
    return None
