"""One HTTP exchange with a platform: TLS, limits of time and size, call budget."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
import ssl

import aiohttp
from yarl import URL

from .budget import CallBudget, Priority
from .errors import AnswerTooLargeError, ConnectionProblem, UnreachableError

CONNECT_TIMEOUT = 15.0
"""Seconds until a connection must stand."""

TOTAL_TIMEOUT = 60.0
"""Seconds until an answer must be complete."""

LARGEST_ANSWER = 16 * 1024 * 1024
"""Bytes that an answer's body may have, once it is unpacked."""

MOST_SECRETS = 8
"""Secrets that are remembered: a token may be replaced while a call carries it."""

HIDDEN = "***"

type Late[ValueT] = ValueT | Callable[[], ValueT]
"""A value, or what makes it at the last moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: any status, the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """Makes HTTP exchanges with one server, each counted in the call budget."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base: URL,
        *,
        context: ssl.SSLContext | None,
        budget: CallBudget,
        secrets: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        """Use a session of the caller's; ``context`` applies to this server only.

        ``secrets`` tells what calls carry that nobody may ever read.
        """
        self.base = base
        self.budget = budget
        self.clock_offset = timedelta()
        """How far the server's clock is ahead of ours, by its last answer."""
        self._secrets = secrets
        self._sent_secrets: deque[str] = deque(maxlen=MOST_SECRETS)
        self._session = session
        self._ssl = context if context is not None else True
        self._timeout = aiohttp.ClientTimeout(
            total=TOTAL_TIMEOUT, sock_connect=CONNECT_TIMEOUT
        )

    async def exchange(
        self,
        method: str,
        path: str,
        *,
        priority: Priority,
        query: Mapping[str, str | int] | None = None,
        headers: Late[Mapping[str, str]] | None = None,
        body: Late[bytes] | None = None,
    ) -> Answer:
        """Send one request and read its answer.

        ``path`` is percent-encoded already. What tells the time, such as a signature,
        is given as a function: it is made when the call's turn has come. Raises `UnreachableError` (with whether
        the request may have arrived), `ThrottledError` when the budget has no room,
        and `AnswerTooLargeError` for a body over `LARGEST_ANSWER` bytes. Redirects are
        answers like any other. A GET whose connection breaks off before its answer
        is sent once more; both count.
        """
        url = self.base.with_path(path, encoded=True).with_query(query)
        may_repeat = method == "GET"
        while True:
            try:
                async with self.budget.call(priority):
                    return await self._send(method, url, headers, body)
            except _BrokenOffError:
                if not may_repeat:
                    raise
                # A connection that had idled for too long, most likely.
                may_repeat = False

    async def _send(
        self,
        method: str,
        url: URL,
        headers: Late[Mapping[str, str]] | None,
        body: Late[bytes] | None,
    ) -> Answer:
        try:
            self._remember_secrets()
            async with self._session.request(
                method,
                url,
                data=body() if callable(body) else body,
                headers=headers() if callable(headers) else headers,
                ssl=self._ssl,
                timeout=self._timeout,
                allow_redirects=False,
                middlewares=(_send_once,),
            ) as response:
                self._compare_clocks(response.headers.get("Date"))
                return Answer(
                    status=response.status,
                    headers=response.headers,
                    body=await _limited_body(response),
                )
        except (aiohttp.ClientError, TimeoutError, OSError) as err:
            raise _unreachable(err) from err

    def without_secrets(self, text: str) -> str:
        """Return what a server says, should it repeat a secret that it was sent."""
        for secret in self._sent_secrets:
            text = text.replace(secret, HIDDEN)
        return text

    def _remember_secrets(self) -> None:
        for secret in self._secrets():
            if secret and secret not in self._sent_secrets:
                self._sent_secrets.append(secret)

    def _compare_clocks(self, date: str | None) -> None:
        if date is None:
            return
        with suppress(ValueError):
            time = parsedate_to_datetime(date)
            if time.tzinfo is not None:
                self.clock_offset = time - datetime.now(UTC)


class _BrokenOffError(UnreachableError):
    """The connection stood, and broke off before an answer began."""


async def _send_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from sending a request again by itself when its answer is lost.

    A PUT or DELETE must not be, and what is, is one more call for the budget.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as err:
        raise _BrokenOffError(
            ConnectionProblem.HUNG_UP, type(err).__name__, sent=True
        ) from err


async def _limited_body(response: aiohttp.ClientResponse) -> bytes:
    """Read a body; aiohttp unpacks what is compressed piece by piece."""
    if (response.content_length or 0) > LARGEST_ANSWER:
        raise AnswerTooLargeError(LARGEST_ANSWER)
    chunks: list[bytes] = []
    length = 0
    async for chunk in response.content.iter_any():
        chunks.append(chunk)
        length += len(chunk)
        if length > LARGEST_ANSWER:
            raise AnswerTooLargeError(LARGEST_ANSWER)
    return b"".join(chunks)


def _unreachable(err: Exception) -> UnreachableError:
    """Say what happened, and whether the request may have arrived all the same."""
    match err:
        case aiohttp.ClientConnectorCertificateError():
            return UnreachableError(_certificate_problem(err.certificate_error))
        case aiohttp.ClientConnectorSSLError():
            return UnreachableError(ConnectionProblem.TLS, str(err.os_error))
        case aiohttp.ClientConnectorError():
            return UnreachableError(ConnectionProblem.CONNECT, str(err.os_error))
        case aiohttp.ConnectionTimeoutError():
            return UnreachableError(ConnectionProblem.TIMEOUT)
        case TimeoutError():
            return UnreachableError(ConnectionProblem.TIMEOUT, sent=True)
        case _:
            # The type alone: a message of aiohttp's may hold parts of the answer.
            return UnreachableError(
                ConnectionProblem.HUNG_UP, type(err).__name__, sent=True
            )


def _certificate_problem(err: Exception) -> ConnectionProblem:
    match getattr(err, "verify_code", None):
        case 62 | 64:  # X509_V_ERR_HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH
            return ConnectionProblem.HOST_NAME
        case 10:  # X509_V_ERR_CERT_HAS_EXPIRED
            return ConnectionProblem.EXPIRED
        case 2 | 7 | 18 | 19 | 20 | 21:
            # no issuer certificate, one of the same name with another key,
            # self-signed, or a chain that ends in neither
            return ConnectionProblem.UNKNOWN_CA
        case _:
            return ConnectionProblem.TLS
