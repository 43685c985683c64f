"""The token: one, fetched once, refreshed before it ends."""

import asyncio
from collections.abc import Awaitable, Callable
import json
import time
from typing import Any

import aiohttp
from freezegun import freeze_time
import pytest

from custom_components.fleet_upgrade.clients.enos.client import EnosClient
from custom_components.fleet_upgrade.clients.errors import (
    AuthenticationError,
    MalformedError,
    PlatformError,
    RejectedError,
    UnreachableError,
)
from simulator.enos import EnosSimulator, codes, refusal
from simulator.faults import Fault, FaultKind

from .common import GET_TOKEN, JOBS, REFRESH, actions, connect


async def test_many_calls_at_once_ask_for_one_token(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """One at a time, and the others wait for it."""
    await asyncio.gather(*(client.verify() for _ in range(8)))
    assert enos.calls.count(GET_TOKEN) == 1


async def test_organizations_of_one_application_share_its_token_and_its_budget(
    session: aiohttp.ClientSession, enos: EnosSimulator
) -> None:
    """Neither belongs to an organization."""
    one, two = connect(session, enos), connect(session, enos, org_id="o2")
    await one.verify()
    with pytest.raises(AuthenticationError):
        await two.verify()
    assert enos.calls.count(GET_TOKEN) == 1
    assert one.budget is two.budget


def keep(client: EnosClient) -> dict[str, Any]:
    """Return what is kept of a session, now and later."""
    kept: dict[str, Any] = {}
    client.keep_session({}, kept.update)
    return kept


def older(kept: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Return a kept session as if it were so much older."""
    return kept | {key: kept[key] - seconds for key in ("refresh_at", "usable_until")}


async def test_a_token_outlives_a_restart(
    session: aiohttp.ClientSession, enos: EnosSimulator, restart: Callable[[], None]
) -> None:
    """And is shown to nobody but who issued it."""
    first = connect(session, enos)
    kept = keep(first)
    await first.verify()
    assert kept["usable_until"] == pytest.approx(time.time() + 7200, abs=60)
    assert enos.secret_key not in str(kept)
    restart()
    again = connect(session, enos)
    again.keep_session(kept, None)
    await again.verify()
    assert enos.calls.count(GET_TOKEN) == 1
    other = connect(session, enos, secret_key="another")
    other.keep_session(kept, None)
    with pytest.raises(AuthenticationError):
        await other.verify()
    assert enos.calls.count(GET_TOKEN) == 2


async def test_what_was_kept_may_be_anything(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """Such as a file of another version."""
    client.keep_session({"access": 1}, None)
    await client.verify()
    assert enos.calls.count(GET_TOKEN) == 1


type Connected = Callable[[float], Awaitable[EnosClient]]


@pytest.fixture
def connected(
    session: aiohttp.ClientSession, enos: EnosSimulator, restart: Callable[[], None]
) -> Connected:
    """Connect after a restart, with a token that has so many seconds left by now."""

    async def connected(left: float) -> EnosClient:
        first = connect(session, enos)
        kept = keep(first)
        await first.verify()
        enos.calls.clear()
        restart()
        client = connect(session, enos)
        passed = kept["usable_until"] - time.time() - left
        client.keep_session(older(kept, passed), None)
        return client

    return connected


async def test_a_token_is_refreshed_before_it_ends(
    connected: Connected, enos: EnosSimulator
) -> None:
    """No call is spent on one that is known to be at its end."""
    client = await connected(200)
    await asyncio.gather(*(client.verify() for _ in range(4)))
    assert actions(enos) == ["refresh", *["search"] * 4]


async def test_a_token_that_has_ended_is_not_refreshed(
    connected: Connected, enos: EnosSimulator
) -> None:
    """It takes a living one."""
    client = await connected(-1)
    await client.verify()
    assert actions(enos)[0] == "get"


async def test_a_refused_refresh_ends_in_a_new_token(
    connected: Connected, enos: EnosSimulator
) -> None:
    """Somebody else may have refreshed it."""
    client = await connected(200)
    enos.faults.add(refusal(codes.TOKEN_REFRESH_FAILED, path=REFRESH))
    await client.verify()
    assert actions(enos)[:2] == ["refresh", "get"]


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind=FaultKind.RESET_BEFORE, path=REFRESH),
        Fault(kind=FaultKind.THROTTLE, path=REFRESH),
    ],
    ids=lambda fault: fault.kind,
)
async def test_a_refresh_that_does_not_get_through_leaves_what_there_is(
    connected: Connected, enos: EnosSimulator, fault: Fault
) -> None:
    """It is good for some minutes yet."""
    client = await connected(200)
    enos.faults.add(fault)
    await client.verify()
    assert actions(enos) == ["refresh", "search"]


async def test_a_token_of_another_program_near_its_end_is_refreshed_at_once(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """Who asks before the end is given the same one."""
    enos.reset(token_life=100)
    await client.verify()
    assert actions(enos) == ["get", "refresh", "search"]


async def test_such_a_token_is_used_as_it_is_when_it_cannot_be_refreshed(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """It is good for some seconds yet."""
    enos.reset(token_life=100)
    enos.faults.add(refusal(codes.TOKEN_REFRESH_FAILED, path=REFRESH))
    await client.verify()
    assert actions(enos) == ["get", "refresh", "search"]


async def test_a_token_that_died_is_fetched_again_and_the_call_made_once_more(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """A refused token means that nothing was done."""
    await client.verify()
    enos.drop_token()
    enos.calls.clear()
    await client.verify()
    assert actions(enos) == ["search", "get", "search"]


async def test_a_token_refused_twice_means_that_the_secret_is_wrong(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """There is no third attempt."""
    enos.faults.add(
        Fault(
            kind=FaultKind.STATUS,
            path=JOBS,
            status=401,
            body=b'{"message": "Invalid authentication credentials"}',
            count=None,
        )
    )
    with pytest.raises(AuthenticationError):
        await client.verify()
    assert enos.calls.count(JOBS) == 2


async def test_a_token_service_that_refuses_with_401_means_the_same(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """Its statuses are not documented."""
    enos.faults.add(
        Fault(kind=FaultKind.STATUS, path=GET_TOKEN, status=401, body=b"{}")
    )
    with pytest.raises(AuthenticationError):
        await client.verify()


async def test_a_replay_is_asked_for_again_with_another_time(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """Two programs may ask within the same millisecond."""
    enos.faults.add(refusal(codes.TOKEN_REPEATED, path=GET_TOKEN))
    await client.verify()
    assert enos.calls.count(GET_TOKEN) == 2


async def test_one_program_never_asks_twice_with_the_same_time(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """However fast it is."""
    with freeze_time(real_asyncio=True):
        await client.verify()
        enos.drop_token()
        await client.verify()
    assert enos.calls.count(GET_TOKEN) == 2


@pytest.mark.parametrize("body", [b"{}", b'{"status": 0, "data": {"expire": 1}}'])
async def test_an_answer_without_a_token_is_malformed(
    client: EnosClient, enos: EnosSimulator, body: bytes
) -> None:
    """There is nothing to go on with."""
    enos.faults.add(Fault(kind=FaultKind.MALFORMED, path=GET_TOKEN, body=body))
    with pytest.raises(MalformedError):
        await client.verify()


async def test_a_token_without_a_life_is_taken_to_live_as_documented(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """Two hours."""
    kept = keep(client)
    body = b'{"status": 0, "data": {"accessToken": "token"}}'
    enos.faults.add(Fault(kind=FaultKind.MALFORMED, path=GET_TOKEN, body=body))
    await client.verify()
    assert kept["usable_until"] == pytest.approx(time.time() + 7200, abs=60)


async def test_no_error_and_no_log_line_holds_a_secret(
    session: aiohttp.ClientSession,
    enos: EnosSimulator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither the secret key nor a token nor a signature."""
    caplog.set_level("DEBUG")
    client = connect(session, enos)
    kept = keep(client)
    await client.verify()
    token = kept["access"]
    enos.change_secret("another")
    enos.drop_token()
    with pytest.raises(PlatformError) as err:
        await client.verify()
    texts = caplog.text + repr(err.value) + str(err.value.placeholders)
    assert "search" in texts
    assert enos.secret_key not in texts
    assert token not in texts
    assert enos.access_key not in texts


async def test_what_a_platform_repeats_of_our_secrets_is_left_out(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """Also of a token that was replaced while a call carried it."""
    kept = keep(client)
    await client.verify()
    token = kept["access"]
    said = f"no {enos.secret_key} for {token}"
    body = json.dumps({"code": 987654, "msg": said}).encode()
    enos.faults.add(
        Fault(kind=FaultKind.STATUS, status=400, path=JOBS, delay=0.3, body=body)
    )
    waiting = asyncio.create_task(client.verify())
    while len(enos.faults):
        await asyncio.sleep(0.01)
    enos.drop_token()
    await client.verify()
    assert kept["access"] != token
    with pytest.raises(RejectedError) as err:
        await waiting
    assert err.value.detail == "no *** for ***"


async def test_a_token_service_out_of_reach_is_an_error_of_the_connection(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """Not of the credentials."""
    enos.faults.add(Fault(kind=FaultKind.RESET_AFTER, path=GET_TOKEN))
    with pytest.raises(UnreachableError):
        await client.verify()
