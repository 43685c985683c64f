"""What an answer means that is no success, or only looks like one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import aiohttp
import pytest

from custom_components.fleet_upgrade.clients.budget import AdaptiveBudget, Priority
from custom_components.fleet_upgrade.clients.enos.client import EnosClient
from custom_components.fleet_upgrade.clients.enos.exchange import send
from custom_components.fleet_upgrade.clients.errors import (
    AuthenticationError,
    AuthenticationProblem,
    ClockError,
    ClockProblem,
    MalformedError,
    ThrottledError,
    UnreachableError,
)
from custom_components.fleet_upgrade.clients.transport import Answer, Transport
from simulator.enos import EnosSimulator, Quirks
from simulator.faults import Fault, FaultKind

from .common import JOBS, connect


class Gateway(Transport):
    """A gateway that gives one answer to all."""

    def __init__(self, answer: Answer) -> None:
        """Give this answer."""
        self.answer = answer
        self.budget = AdaptiveBudget(60)
        self.clock_offset = timedelta()

    async def exchange(self, *_args: object, **_more: object) -> Answer:
        """Answer."""
        return self.answer


def in_five_minutes() -> str:
    """Return a time as HTTP writes it."""
    return format_datetime(datetime.now(UTC) + timedelta(minutes=5), usegmt=True)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (lambda: None, 20),
        (lambda: "7", 7),
        (lambda: "0", 0),
        (lambda: "soon", 20),
        (in_five_minutes, 300),
        (lambda: "Thu, 01 Jan 1970 00:00:00 GMT", 0),
    ],
    ids=["none", "7", "0", "word", "time", "past"],
)
async def test_a_throttle_pauses_for_as_long_as_the_gateway_says(
    header: Callable[[], str | None], seconds: float
) -> None:
    """Or for as long as we think is polite; and it halves the budget."""
    given = header()
    headers = {} if given is None else {"Retry-After": given}
    gateway = Gateway(Answer(status=429, headers=headers, body=b"{}"))
    with pytest.raises(ThrottledError) as err:
        await send(gateway, "GET", "/", priority=Priority.POLL)
    assert err.value.retry_after == pytest.approx(seconds, abs=5)
    assert err.value.by_platform
    assert gateway.budget.limit == 30


async def test_a_busy_gateway_is_left_alone_for_as_long_as_it_says() -> None:
    """But a write may have got through, so it is no throttle."""
    header = {"Retry-After": "7"}
    gateway = Gateway(Answer(status=503, headers=header, body=b"{}"))
    with pytest.raises(UnreachableError) as err:
        await send(gateway, "POST", "/", priority=Priority.ACTION)
    assert err.value.sent
    assert gateway.budget.left == 0


@pytest.mark.parametrize("code", [1004, 1003])
@pytest.mark.parametrize(
    ("hours", "problem"), [(1, ClockProblem.BEHIND), (-1, ClockProblem.AHEAD)]
)
async def test_a_clock_that_is_wrong_by_an_hour_is_named(
    client: EnosClient,
    enos: EnosSimulator,
    code: int,
    hours: int,
    problem: ClockProblem,
) -> None:
    """Whatever the token service says to it."""
    enos.reset(quirks=Quirks(wrong_clock_code=code))  # type: ignore[arg-type]
    enos.clock.set(datetime.now(UTC) + timedelta(hours=hours))
    with pytest.raises(ClockError) as err:
        await client.verify()
    assert err.value.problem is problem
    assert err.value.placeholders == {"minutes": "60"}


@pytest.mark.parametrize(
    ("minutes", "problem"), [(30, ClockProblem.BEHIND), (-30, ClockProblem.AHEAD)]
)
async def test_a_clock_that_goes_wrong_later_is_named_too(
    client: EnosClient, enos: EnosSimulator, minutes: int, problem: ClockProblem
) -> None:
    """When the gateway does not accept a signature any more."""
    await client.verify()
    enos.clock.set(datetime.now(UTC) + timedelta(minutes=minutes))
    with pytest.raises(ClockError) as err:
        await client.verify()
    assert err.value.problem is problem
    assert err.value.placeholders == {"minutes": "30"}


async def test_a_clock_that_is_right_is_not_blamed(
    session: aiohttp.ClientSession, enos: EnosSimulator
) -> None:
    """Then it is the secret key."""
    with pytest.raises(AuthenticationError) as err:
        await connect(session, enos, secret_key="wrong").verify()
    assert err.value.problem is AuthenticationProblem.CREDENTIALS


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"access_key": "wrong"}, AuthenticationProblem.UNKNOWN),
        ({"org_id": "o1"}, AuthenticationProblem.ORGANIZATION),
    ],
)
async def test_wrong_credentials_are_told_apart(
    session: aiohttp.ClientSession,
    enos: EnosSimulator,
    changes: dict[str, str],
    problem: AuthenticationProblem,
) -> None:
    """Key, secret and organization each have words of their own."""
    with pytest.raises(AuthenticationError) as err:
        await connect(session, enos, **changes).verify()
    assert err.value.problem is problem


@pytest.mark.parametrize(
    ("fault", "foreign"),
    [
        (Fault(kind=FaultKind.MALFORMED, path=JOBS, body=b"<html>"), True),
        (Fault(kind=FaultKind.MALFORMED, path=JOBS, body=b""), True),
        (Fault(kind=FaultKind.MALFORMED, path=JOBS, body=b"{}"), False),
        (Fault(kind=FaultKind.MALFORMED, path=JOBS, body=b'{"code": []}'), False),
        (Fault(kind=FaultKind.MALFORMED, path=JOBS, body=b'{"code": 0}'), False),
        (
            Fault(kind=FaultKind.MALFORMED, path=JOBS, body=b'{"code": 0, "data": {}}'),
            False,
        ),
        (
            Fault(kind=FaultKind.STATUS, path=JOBS, status=404, body=b"<html>"),
            True,
        ),
        (Fault(kind=FaultKind.STATUS, path=JOBS, status=302, body=b""), True),
    ],
    ids=lambda value: str(value.body) if isinstance(value, Fault) else "",
)
async def test_an_answer_that_is_none_is_not_taken_for_one(
    client: EnosClient, enos: EnosSimulator, fault: Fault, foreign: bool
) -> None:
    """Nothing at all is not the same as no jobs."""
    enos.faults.add(fault)
    with pytest.raises(MalformedError) as err:
        await client.verify()
    assert err.value.foreign is foreign
