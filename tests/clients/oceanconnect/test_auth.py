"""Good manners with the one living token, on a real socket."""

import asyncio
from collections.abc import Callable, Mapping
import time
from typing import Any

import aiohttp
import msgspec
import pytest

from custom_components.fleet_upgrade.clients.errors import (
    AuthenticationError,
    SessionTakenError,
    ThrottledError,
    UnreachableError,
)
from custom_components.fleet_upgrade.clients.model import Poll
from custom_components.fleet_upgrade.clients.oceanconnect import auth
from custom_components.fleet_upgrade.clients.oceanconnect.client import (
    OceanConnectClient,
)
from simulator.oceanconnect import Fault, FaultKind, OceanConnectSimulator

from .common import LOGIN, REFRESH, WEEK_AGO, all_of, connect

MINUTE = 60.0
HOUR = 3600.0

type Kept = Mapping[str, object]
type Restart = Callable[[Kept], OceanConnectClient]


class Clock:
    """Both of a computer's clocks, as the session reads them."""

    def __init__(self) -> None:
        """Start at the present time."""
        self.offset = 0.0

    def time(self) -> float:
        """Return POSIX seconds."""
        return time.time() + self.offset

    def monotonic(self) -> float:
        """Return seconds since some moment."""
        return time.monotonic() + self.offset

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.offset += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock that the session goes by."""
    clock = Clock()
    monkeypatch.setattr(auth, "time", clock)
    return clock


@pytest.fixture
def restart(
    session: aiohttp.ClientSession,
    oceanconnect: OceanConnectSimulator,
    monkeypatch: pytest.MonkeyPatch,
) -> Restart:
    """Return what connects in a new process, with what the old one has kept."""

    def restart(kept: Kept) -> OceanConnectClient:
        monkeypatch.setattr(auth, "_sessions", {})
        client = connect(session, oceanconnect)
        client.keep_session(kept, None)
        oceanconnect.calls.clear()
        return client

    return restart


async def poll(client: OceanConnectClient) -> Poll:
    """Poll for the first time."""
    return await client.poll({}, {}, WEEK_AGO)


def sign_ins(sim: OceanConnectSimulator) -> tuple[int, int]:
    """Return how often was logged in and refreshed."""
    return sim.calls.count(LOGIN), sim.calls.count(REFRESH)


async def kept_by(client: OceanConnectClient) -> dict[str, Any]:
    """Sign in, and return what is kept of that."""
    kept: list[Kept] = []
    client.keep_session({}, kept.append)
    await client.verify()
    client.keep_session({}, None)
    return dict(kept[-1])


# One token for all


async def test_all_that_use_an_application_share_one_sign_in(
    session: aiohttp.ClientSession, oceanconnect: OceanConnectSimulator
) -> None:
    """An account and the form that checks it must not end each other's session."""
    clients = [connect(session, oceanconnect) for _ in range(3)]
    await asyncio.gather(
        *(client.verify() for client in clients), *(poll(client) for client in clients)
    )
    assert sign_ins(oceanconnect) == (1, 0)
    assert not any(client.is_contended for client in clients)


async def test_other_credentials_are_another_session(
    session: aiohttp.ClientSession, oceanconnect: OceanConnectSimulator
) -> None:
    """Or a wrong secret would pass for a right one."""
    client = connect(session, oceanconnect)
    await client.verify()
    with pytest.raises(AuthenticationError):
        await connect(session, oceanconnect, secret="wrong").verify()
    with pytest.raises(AuthenticationError):
        await connect(session, oceanconnect, app_id="other").verify()
    await client.verify()
    assert sign_ins(oceanconnect) == (3, 0)


async def test_calls_refused_together_sign_in_once(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator, clock: Clock
) -> None:
    """And lose the session once, not each for itself."""
    await client.verify()
    oceanconnect.take_token()
    oceanconnect.calls.clear()
    await asyncio.gather(*(client.verify() for _ in range(5)))
    assert sign_ins(oceanconnect) == (1, 1)
    assert not client.is_contended


# Refreshing


async def test_a_token_that_has_lived_its_life_is_refreshed(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator, clock: Clock
) -> None:
    """A minute before its end, and without a login."""
    await client.verify()
    oceanconnect.calls.clear()
    clock.advance(HOUR - MINUTE - 1)
    await client.verify()
    assert sign_ins(oceanconnect) == (0, 0)
    clock.advance(1)
    await client.verify()
    assert sign_ins(oceanconnect) == (0, 1)


async def test_a_refused_refresh_token_is_not_tried_again(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator, clock: Clock
) -> None:
    """How long it lives is not certain, so a login follows at once."""
    await client.verify()
    oceanconnect.drop_token()
    oceanconnect.calls.clear()
    clock.advance(HOUR)
    oceanconnect.faults.add(Fault(kind=FaultKind.RESET_BEFORE, path=LOGIN))
    with pytest.raises(UnreachableError):
        await client.verify()
    await client.verify()
    assert sign_ins(oceanconnect) == (2, 1)


async def test_a_refresh_whose_answer_was_lost_ends_in_a_login(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator, clock: Clock
) -> None:
    """The refresh token is used up then; and one that never works stops nobody."""
    await client.verify()
    oceanconnect.calls.clear()
    clock.advance(HOUR)
    oceanconnect.faults.add(Fault(kind=FaultKind.RESET_AFTER, path=REFRESH))
    with pytest.raises(UnreachableError):
        await client.verify()
    assert sign_ins(oceanconnect) == (0, 1)
    await client.verify()
    assert sign_ins(oceanconnect) == (1, 1)


async def test_a_throttled_refresh_is_made_again(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator, clock: Clock
) -> None:
    """Nothing was done, so the refresh token is as good as before."""
    await client.verify()
    oceanconnect.calls.clear()
    clock.advance(HOUR)
    oceanconnect.faults.add(Fault(kind=FaultKind.THROTTLE, path=REFRESH))
    with pytest.raises(ThrottledError):
        await poll(client)
    await poll(client)
    assert sign_ins(oceanconnect) == (0, 2)


# Another program in the way


async def lose(client: OceanConnectClient, oceanconnect: OceanConnectSimulator) -> None:
    """Let another program take the session, and poll."""
    oceanconnect.take_token()
    await poll(client)


@pytest.fixture
async def contended(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator, clock: Clock
) -> OceanConnectClient:
    """Return a client whose session was just taken the second time."""
    await poll(client)
    await lose(client, oceanconnect)
    assert not client.is_contended
    clock.advance(30 * MINUTE)
    oceanconnect.calls.clear()
    with pytest.raises(SessionTakenError):
        await lose(client, oceanconnect)
    assert sign_ins(oceanconnect) == (0, 0)
    return client


async def test_a_session_taken_twice_in_an_hour_is_contended(
    contended: OceanConnectClient,
) -> None:
    """Each sign-in of ours would end the other's session again."""
    assert contended.is_contended


async def test_sessions_taken_now_and_then_are_not_contended(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator, clock: Clock
) -> None:
    """Somebody may try the application out."""
    await poll(client)
    for _ in range(4):
        await lose(client, oceanconnect)
        clock.advance(HOUR / 2)
        await client.verify()
        clock.advance(HOUR / 2)
    assert not client.is_contended


async def test_a_token_that_ends_in_its_time_was_not_taken(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator, clock: Clock
) -> None:
    """Also when the platform ends it while it is on its way."""

    def end(_answer: bytes) -> bytes:
        clock.advance(HOUR - MINUTE + 1)
        return b'{"error_code":"1010005"}'

    await poll(client)
    for _ in range(4):
        fault = Fault(kind=FaultKind.MALFORMED, path="/operations", rewrite=end)
        oceanconnect.faults.add(fault)
        await poll(client)
    assert len(oceanconnect.faults) == 0
    assert not client.is_contended


async def test_while_contended_polling_signs_in_once_an_hour(
    contended: OceanConnectClient, oceanconnect: OceanConnectSimulator, clock: Clock
) -> None:
    """The hour begins with the sign-in, and each poll before its end says why."""
    for _ in range(3):
        clock.advance(29 * MINUTE)  # half an hour has passed since the sign-in
        with pytest.raises(SessionTakenError):
            await poll(contended)
        assert sign_ins(oceanconnect) == (0, 0)
        clock.advance(MINUTE)
        await poll(contended)
        assert oceanconnect.calls.count(LOGIN) == 1
        assert contended.is_contended
        clock.advance(30 * MINUTE)
        oceanconnect.calls.clear()
        with pytest.raises(SessionTakenError):
            await lose(contended, oceanconnect)
        assert sign_ins(oceanconnect) == (0, 0)


@pytest.mark.parametrize("listing", [True, False])
async def test_while_contended_a_person_may_sign_in(
    contended: OceanConnectClient, oceanconnect: OceanConnectSimulator, listing: bool
) -> None:
    """And polling uses the session for as long as it lasts."""
    if listing:
        await all_of(contended.list_packages())
    else:
        await contended.verify()
    assert oceanconnect.calls.count(LOGIN) == 1
    await poll(contended)
    assert oceanconnect.calls.count(LOGIN) == 1
    with pytest.raises(SessionTakenError):
        await lose(contended, oceanconnect)
    assert oceanconnect.calls.count(LOGIN) == 1
    assert contended.is_contended


async def test_contention_ends_when_a_token_has_lived_its_life(
    contended: OceanConnectClient, oceanconnect: OceanConnectSimulator, clock: Clock
) -> None:
    """The other program has an application of its own now."""
    states = []
    for _ in range(2):
        clock.advance(HOUR)
        await poll(contended)
        states.append(contended.is_contended)
    assert states == [True, False]
    # And one loss alone does not bring it back.
    clock.advance(MINUTE)
    await lose(contended, oceanconnect)
    assert not contended.is_contended


# Across restarts


async def test_a_restart_does_not_sign_in(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator, restart: Restart
) -> None:
    """Else each one would end the session of whoever else is signed in."""
    again = restart(await kept_by(client))
    await again.verify()
    await poll(again)
    assert sign_ins(oceanconnect) == (0, 0)


async def test_a_token_that_ended_meanwhile_is_refreshed(
    client: OceanConnectClient,
    oceanconnect: OceanConnectSimulator,
    restart: Restart,
    clock: Clock,
) -> None:
    """What refreshes it is kept, too."""
    kept = await kept_by(client)
    clock.advance(2 * HOUR)
    again = restart(kept)
    await again.verify()
    assert sign_ins(oceanconnect) == (0, 1)
    assert not again.is_contended


async def test_a_kept_token_that_is_refused_leads_to_one_sign_in(
    client: OceanConnectClient,
    oceanconnect: OceanConnectSimulator,
    restart: Restart,
) -> None:
    """Another program signed in meanwhile."""
    kept = await kept_by(client)
    oceanconnect.take_token()
    again = restart(kept)
    await poll(again)
    await poll(again)
    assert sign_ins(oceanconnect) == (1, 1)
    assert not again.is_contended


@pytest.mark.parametrize(
    "nonsense",
    [
        {},
        {"access": 5},
        {"usable_until": "tomorrow"},
        {"access": ""},
        {"access": None, "refresh": None},
        {"holder": "somebody else"},
        {"holder": ""},
    ],
    ids=str,
)
async def test_a_kept_token_of_nonsense_is_ignored(
    client: OceanConnectClient,
    oceanconnect: OceanConnectSimulator,
    restart: Restart,
    nonsense: dict[str, Any],
) -> None:
    """It is no reason to fail, nor to try it."""
    kept = (await kept_by(client)) | nonsense
    again = restart(kept if nonsense else {})
    await poll(again)
    assert sign_ins(oceanconnect) == (1, 0)
    assert not again.is_contended


async def test_a_token_is_not_used_for_what_a_new_secret_is_asked_for(
    client: OceanConnectClient,
    session: aiohttp.ClientSession,
    oceanconnect: OceanConnectSimulator,
    restart: Restart,
) -> None:
    """Nobody would see that the new secret is wrong."""
    kept = await kept_by(client)
    oceanconnect.change_secret("changed")
    restart({})
    changed = connect(session, oceanconnect, secret="changed")
    changed.keep_session(kept, None)
    await changed.verify()
    assert sign_ins(oceanconnect) == (1, 0)


async def test_a_token_is_shown_to_no_other_platform(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """The account may have been given another address meanwhile."""
    token = msgspec.convert(await kept_by(client), auth.Token)
    here = f"{oceanconnect.host}:{oceanconnect.port}"
    for address, is_used in ((here, True), ("platform.example:8743", False)):
        session = auth.Session(address, oceanconnect.app_id, oceanconnect.secret)
        session.restore(token)
        assert (session.token == token) is is_used


async def test_a_living_session_is_not_replaced_by_a_kept_one(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """An account that is loaded anew goes on with the session that it has."""
    kept = await kept_by(client)
    oceanconnect.take_token()
    await client.verify()
    oceanconnect.calls.clear()
    client.keep_session(kept, None)
    await client.verify()
    assert sign_ins(oceanconnect) == (0, 0)


async def test_each_change_is_kept_until_nobody_keeps_it_any_more(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """What is kept is always what is used, or less."""
    kept: list[Kept] = []
    client.keep_session({}, kept.append)
    assert kept == []
    await client.verify()
    await client.verify()
    assert len(kept) == 1
    oceanconnect.take_token()
    await client.verify()
    accesses = [each.get("access") for each in kept]
    assert accesses[0]
    assert accesses[-1] not in (accesses[0], "")
    assert set(accesses[1:-1]) == {""}

    client.keep_session({}, None)
    oceanconnect.take_token()
    told = len(kept)
    await client.verify()
    assert len(kept) == told
