"""Signed calls, and writes that are never doubled, on a real socket."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
import json
import time

import aiohttp
import pytest

from custom_components.fleet_upgrade.clients import transport as transport_module
from custom_components.fleet_upgrade.clients.enos.client import EnosClient
from custom_components.fleet_upgrade.clients.errors import (
    AmbiguousError,
    ConnectionProblem,
    RejectedError,
    ThrottledError,
    UnreachableError,
)
from simulator.enos import EnosSimulator, codes, refusal
from simulator.faults import Fault, FaultKind

from .common import (
    CREATE,
    GET_TOKEN,
    JOBS,
    a_creation,
    actions,
    change,
    connect,
    week_ago,
)

GET_TOKEN_PATH = f"/apim-token-service/v2.0{GET_TOKEN}"

WRITES: dict[str, Callable[[EnosClient], Awaitable[None]]] = {
    "start": lambda client: change(client, "start", "job"),
    "stop": lambda client: change(client, "stop", "job"),
    "delete": lambda client: change(client, "delete", "job"),
    "cancelTask": lambda client: change(client, "cancel_subtasks", "job", ["key"]),
    "retryTask": lambda client: change(client, "retry_subtasks", "job", ["key"]),
}


@pytest.mark.parametrize(
    ("fault", "created"),
    [
        (Fault(kind=FaultKind.RESET_BEFORE, path=CREATE), 0),
        (Fault(kind=FaultKind.RESET_AFTER, path=CREATE), 1),
        (Fault(kind=FaultKind.CUT, path=CREATE), 1),
        (Fault(kind=FaultKind.STATUS, path=CREATE, status=500), 0),
        (Fault(kind=FaultKind.STATUS, path=CREATE, status=503, body=b"<html>"), 0),
        (Fault(kind=FaultKind.MALFORMED, path=CREATE, body=b"{"), 1),
        (Fault(kind=FaultKind.MALFORMED, path=CREATE, body=b"{}"), 1),
        (Fault(kind=FaultKind.MALFORMED, path=CREATE, body=b""), 1),
        (Fault(kind=FaultKind.MALFORMED, path=CREATE, body=b'{"code": 0}'), 1),
        (
            Fault(
                kind=FaultKind.MALFORMED, path=CREATE, body=b'{"code": 0, "data": {}}'
            ),
            1,
        ),
        (Fault(kind=FaultKind.DELAY, path=CREATE, delay=5), 1),
    ],
    ids=lambda value: value.kind + str(value.body) if isinstance(value, Fault) else "",
)
async def test_a_creation_whose_answer_was_lost_is_never_sent_again(
    client: EnosClient,
    enos: EnosSimulator,
    session: aiohttp.ClientSession,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    created: int,
) -> None:
    """It may have been created: that has an error of its own."""
    creation = await a_creation(client, enos)
    before = len(enos.jobs())
    enos.calls.clear()
    enos.faults.add(fault)
    monkeypatch.setattr(transport_module, "TOTAL_TIMEOUT", 0.5)
    hasty = connect(session, enos)
    with pytest.raises(AmbiguousError):
        await hasty.create_task(creation)
    assert actions(enos) == ["create"]
    enos.faults.clear()
    assert len(enos.jobs()) == before + created


@pytest.mark.parametrize("action", WRITES)
@pytest.mark.parametrize(
    "kind", [FaultKind.RESET_BEFORE, FaultKind.RESET_AFTER, FaultKind.CUT]
)
async def test_no_other_write_is_sent_again_either(
    client: EnosClient, enos: EnosSimulator, action: str, kind: FaultKind
) -> None:
    """Somebody may have started again in between what was stopped."""
    await client.verify()
    enos.calls.clear()
    enos.faults.add(Fault(kind=kind, path=f"action={action}"))
    with pytest.raises(AmbiguousError):
        await WRITES[action](client)
    assert actions(enos) == [action]


@pytest.mark.parametrize("action", WRITES)
async def test_a_write_that_was_refused_is_not_ambiguous(
    client: EnosClient, enos: EnosSimulator, action: str
) -> None:
    """Nothing was done."""
    with pytest.raises(RejectedError):
        await WRITES[action](client)
    assert enos.calls.count(f"action={action}") == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [(400, b'{"message": "no"}'), (403, b"<html>"), (413, b"")],
)
async def test_a_write_that_the_gateway_refused_is_not_ambiguous(
    client: EnosClient, enos: EnosSimulator, status: int, body: bytes
) -> None:
    """It was not let through."""
    enos.faults.add(Fault(kind=FaultKind.STATUS, path=JOBS, status=status, body=body))
    with pytest.raises(Exception, match=str(status)) as err:
        await change(client, "stop", "job")
    assert not isinstance(err.value, AmbiguousError)


async def test_a_token_lost_on_the_way_to_a_creation_is_not_ambiguous(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """The creation itself was never sent."""
    creation = await a_creation(client, enos)
    enos.drop_token()
    enos.faults.add(Fault(kind=FaultKind.RESET_AFTER, path=GET_TOKEN))
    with pytest.raises(UnreachableError):
        await client.create_task(creation)
    assert enos.calls.count(CREATE) == 1  # refused for its token


async def test_a_creation_with_a_token_that_died_is_made_once(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """It was refused, so it may be sent again."""
    creation = await a_creation(client, enos)
    before = len(enos.jobs())
    enos.drop_token()
    await client.create_task(creation)
    assert enos.calls.count(CREATE) == 2
    assert len(enos.jobs()) == before + 1


async def test_a_connection_never_made_has_done_nothing(
    session: aiohttp.ClientSession, enos: EnosSimulator, unused_tcp_port: int
) -> None:
    """So it is no ambiguous error."""
    client = connect(session, enos, address=f"http://127.0.0.1:{unused_tcp_port}")
    with pytest.raises(UnreachableError) as err:
        await change(client, "stop", "job")
    assert err.value.problem is ConnectionProblem.CONNECT
    assert not err.value.sent


async def test_a_throttled_creation_waits_and_is_sent_once_more(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """A throttle means that nothing was created."""
    creation = await a_creation(client, enos)
    before = len(enos.jobs())
    enos.faults.add(Fault(kind=FaultKind.STATUS, path=CREATE, status=429, body=b"{}"))
    await client.create_task(creation)
    assert enos.calls.count(CREATE) == 2
    assert len(enos.jobs()) == before + 1
    assert client.budget.limit == 500


async def test_a_call_throttled_twice_gives_up(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """The person who asked is told."""
    await client.verify()
    enos.faults.add(
        Fault(kind=FaultKind.STATUS, path=JOBS, status=429, body=b"{}", count=2)
    )
    with pytest.raises(ThrottledError) as err:
        await client.get_task("job")
    assert err.value.by_platform
    assert enos.calls.count("action=get") == 2


async def test_nobody_waits_for_a_throttle_of_minutes(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """Who asked is told when to come back."""
    await client.verify()
    client.budget.pause = 300
    enos.faults.add(Fault(kind=FaultKind.STATUS, path=JOBS, status=429, body=b"{}"))
    with pytest.raises(ThrottledError) as err:
        await client.get_task("job")
    assert err.value.placeholders == {"seconds": "300"}


@pytest.mark.parametrize("path", [GET_TOKEN, JOBS])
async def test_verifying_and_polling_do_not_wait_for_a_throttle_to_pass(
    client: EnosClient, enos: EnosSimulator, path: str
) -> None:
    """Somebody looks at a form, and a poll comes back anyway."""
    for call in (client.verify(), client.poll({}, {}, week_ago())):
        enos.faults.add(Fault(kind=FaultKind.STATUS, path=path, status=429, body=b"{}"))
        with pytest.raises(ThrottledError):
            await call
    assert enos.calls.count(path) == 2


async def test_the_gateway_says_when_to_come_back(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """And until then nobody calls."""
    enos.reset(rate_limit=3)
    for _ in range(3):
        await client.verify()
    with pytest.raises(ThrottledError) as err:
        await client.verify()
    assert 1 < err.value.retry_after <= 60
    assert client.budget.left == 0


@pytest.fixture
def stamps() -> list[float]:
    """Return the times (POSIX seconds) that calls were signed with, as they come."""
    return []


@pytest.fixture
async def session(stamps: list[float]) -> AsyncIterator[aiohttp.ClientSession]:
    """Return a session that notes what calls and requests for a token say."""

    async def note_header(
        _session: object, _context: object, params: aiohttp.TraceRequestStartParams
    ) -> None:
        if (stamp := params.headers.get("apim-timestamp")) is not None:
            stamps.append(int(stamp) / 1000)

    async def note_body(
        _session: object, _context: object, params: aiohttp.TraceRequestChunkSentParams
    ) -> None:
        if params.url.path == GET_TOKEN_PATH:
            stamps.append(json.loads(params.chunk)["timestamp"] / 1000)

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(note_header)
    trace.on_request_chunk_sent.append(note_body)
    async with aiohttp.ClientSession(trace_configs=[trace]) as session:
        yield session


async def test_a_call_is_signed_when_its_turn_has_come(
    client: EnosClient, stamps: list[float]
) -> None:
    """It may have waited for minutes, and the platform accepts no old signature."""
    for signed in (2, 1):  # the request for a token and the call, then the call
        stamps.clear()
        client.budget.throttled(0.3)
        turn = time.time() + 0.3
        await client.verify()
        assert len(stamps) == signed
        assert min(stamps) >= turn - 0.05


async def test_listings_are_read_by_pages_of_200(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """To their end, whether the platform tells a total or not."""
    enos.reset(devices=450)
    devices = [each async for page in client.list_devices() for each in page.items]
    assert len({device.device_id for device in devices}) == 450
    assert actions(enos).count("search") == 3


async def test_calls_at_the_same_time_do_not_disturb_each_other(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """Each is signed by itself."""
    jobs = [job.job_id for job in enos.jobs()]
    tasks = await asyncio.gather(*(client.get_task(job) for job in jobs * 3))
    assert [task.task_id for task in tasks] == jobs * 3


async def test_an_unverified_firmware_is_refused_in_so_many_words(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """Should it have lost its verification after it was looked at."""
    creation = await a_creation(client, enos)
    enos.faults.add(refusal(codes.NOT_VERIFIED, path=CREATE))
    with pytest.raises(RejectedError) as err:
        await client.create_task(creation)
    assert err.value.key == "rejected_package_not_verified"
