"""Calls with a token, and writes that are never doubled, on a real socket."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from custom_components.fleet_upgrade.clients import (
    budget as budget_module,
    transport as transport_module,
)
from custom_components.fleet_upgrade.clients.errors import (
    AmbiguousError,
    ConnectionProblem,
    MalformedError,
    NotFoundError,
    PlatformError,
    RejectedError,
    SessionTakenError,
    ThrottledError,
    UnreachableError,
)
from custom_components.fleet_upgrade.clients.model import (
    CreateRequest,
    PreparedCreate,
    Targets,
    UpgradeKind,
)
from custom_components.fleet_upgrade.clients.oceanconnect.client import (
    OceanConnectClient,
)
from simulator.oceanconnect import (
    Fault,
    FaultKind,
    OceanConnectSimulator,
    Quirks,
    codes,
    refusal,
)

from .common import CREATE, LOGIN, REFRESH, WEEK_AGO, a_creation, all_of, connect


async def test_an_expired_token_is_renewed_and_the_call_made_again(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """The platform says 403, not 401; the refresh token is used before a login is."""
    creation = await a_creation(client)
    oceanconnect.calls.clear()
    oceanconnect.clock.advance(3601)
    await client.create_task(creation)
    assert oceanconnect.calls.count(CREATE) == 2
    assert oceanconnect.calls.count(REFRESH) == 1
    assert oceanconnect.calls.count(LOGIN) == 0


async def test_a_token_is_renewed_before_it_ends(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """No call is spent on a token that is known to have ended."""
    oceanconnect.reset(token_life=1)
    await client.verify()
    await asyncio.sleep(0.6)
    await client.verify()
    assert [call.path.rpartition("/")[2] for call in oceanconnect.calls] == [
        "login",
        "operations",
        "refreshToken",
        "operations",
    ]


async def test_a_failing_refresh_ends_in_a_login(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """How long a refresh token lives is documented as a day and as a month."""
    await client.verify()
    oceanconnect.clock.advance(40 * 24 * 3600)
    oceanconnect.calls.clear()
    await client.verify()
    assert oceanconnect.calls.count(REFRESH) == 1
    assert oceanconnect.calls.count(LOGIN) == 1


async def test_a_token_taken_by_another_program_is_fetched_again(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """And the creation that met it is made exactly once."""
    creation = await a_creation(client)
    before = len(await all_of(client.list_tasks()))
    oceanconnect.take_token()
    await client.create_task(creation)
    assert len(await all_of(client.list_tasks())) == before + 1


async def test_a_token_taken_again_and_again_is_an_error_of_its_own(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """Signing in for ever would throw the other program out for ever."""
    oceanconnect.faults.add(
        Fault(kind=FaultKind.DROP_TOKEN, path="/operations", count=None)
    )
    with pytest.raises(SessionTakenError):
        await client.verify()
    assert oceanconnect.calls.count("/operations") == 2


async def test_many_calls_at_once_sign_in_once(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """Only the token issued last is valid, so logins must not overlap."""
    await asyncio.gather(*(client.verify() for _ in range(8)))
    assert oceanconnect.calls.count(LOGIN) == 1


async def test_a_throttled_creation_waits_and_is_sent_once_more(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """A throttle means that nothing was created."""
    creation = await a_creation(client)
    before = len(await all_of(client.list_tasks()))
    oceanconnect.faults.add(Fault(kind=FaultKind.THROTTLE, path=CREATE))
    await client.create_task(creation)
    assert oceanconnect.calls.count(CREATE) == 2
    assert len(await all_of(client.list_tasks())) == before + 1


async def test_a_creation_throttled_twice_gives_up(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """The person who asked is told, and nothing was created."""
    creation = await a_creation(client)
    oceanconnect.faults.add(Fault(kind=FaultKind.THROTTLE, path=CREATE, count=2))
    with pytest.raises(ThrottledError) as err:
        await client.create_task(creation)
    assert err.value.by_platform
    assert oceanconnect.calls.count(CREATE) == 2


async def test_a_throttled_login_is_made_once_more_for_a_person(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """Signing in counts as a call like any other."""
    oceanconnect.faults.add(Fault(kind=FaultKind.THROTTLE, path=LOGIN))
    await all_of(client.list_device_groups())
    assert oceanconnect.calls.count(LOGIN) == 2


@pytest.mark.parametrize("path", [LOGIN, "/operations"])
async def test_verifying_does_not_wait_for_a_throttle_to_pass(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator, path: str
) -> None:
    """Somebody looks at a form meanwhile."""
    oceanconnect.faults.add(Fault(kind=FaultKind.THROTTLE, path=path))
    with pytest.raises(ThrottledError):
        await client.verify()
    assert oceanconnect.calls.count(path) == 1


async def test_a_throttled_poll_comes_back_later(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """Polling does not insist."""
    await client.verify()
    oceanconnect.calls.clear()
    oceanconnect.faults.add(Fault(kind=FaultKind.THROTTLE, path="/operations"))
    with pytest.raises(ThrottledError):
        await client.poll({}, {}, WEEK_AGO)
    assert len(oceanconnect.calls) == 1


@pytest.mark.parametrize(
    ("fault", "created"),
    [
        (Fault(kind=FaultKind.RESET_BEFORE, path=CREATE), 0),
        (Fault(kind=FaultKind.RESET_AFTER, path=CREATE), 1),
        (Fault(kind=FaultKind.CUT, path=CREATE), 1),
        (Fault(kind=FaultKind.STATUS, path=CREATE, status=302), 0),
        (Fault(kind=FaultKind.STATUS, path=CREATE, status=500), 0),
        (refusal(codes.CONGESTION, path=CREATE), 0),
        (Fault(kind=FaultKind.STATUS, path=CREATE, status=502, body=b"<html>"), 0),
        (Fault(kind=FaultKind.MALFORMED, path=CREATE, body=b"{"), 1),
        (Fault(kind=FaultKind.MALFORMED, path=CREATE, body=b"{}"), 1),
        (Fault(kind=FaultKind.MALFORMED, path=CREATE, body=b""), 1),
        (Fault(kind=FaultKind.DELAY, path=CREATE, delay=5), 1),
    ],
    ids=lambda value: value.kind + str(value.body) if isinstance(value, Fault) else "",
)
async def test_a_creation_whose_answer_was_lost_is_never_sent_again(
    client: OceanConnectClient,
    session: aiohttp.ClientSession,
    oceanconnect: OceanConnectSimulator,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    created: int,
) -> None:
    """It may have been created: that has an error of its own."""
    creation = await a_creation(client)
    before = len(await all_of(client.list_tasks()))
    oceanconnect.faults.add(fault)
    monkeypatch.setattr(transport_module, "TOTAL_TIMEOUT", 0.5)
    hasty = connect(session, oceanconnect)
    with pytest.raises(AmbiguousError):
        await hasty.create_task(creation)
    assert oceanconnect.calls.count(CREATE) == 1
    oceanconnect.faults.clear()
    assert len(await all_of(client.list_tasks())) == before + created


async def test_a_login_lost_on_the_way_to_a_creation_is_not_ambiguous(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """The creation itself was never sent."""
    creation = await a_creation(client)
    oceanconnect.take_token()
    for path in (REFRESH, LOGIN):
        oceanconnect.faults.add(Fault(kind=FaultKind.RESET_AFTER, path=path))
    with pytest.raises(UnreachableError):
        await client.create_task(creation)
    assert oceanconnect.calls.count(CREATE) == 1  # refused for its token


async def test_a_connection_never_made_has_created_nothing(
    session: aiohttp.ClientSession,
    oceanconnect: OceanConnectSimulator,
    unused_tcp_port: int,
) -> None:
    """So it is no ambiguous error."""
    client = connect(session, oceanconnect, port=unused_tcp_port)
    with pytest.raises(UnreachableError) as err:
        await client.create_task(
            PreparedCreate(
                request=CreateRequest(
                    kind=UpgradeKind.SOFTWARE, package_id="p", targets=Targets()
                ),
                method="POST",
                path=CREATE,
                body={},
            )
        )
    assert err.value.problem is ConnectionProblem.CONNECT
    assert not err.value.sent


async def test_a_login_throttled_twice_gives_up(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """Once more is enough."""
    oceanconnect.faults.add(Fault(kind=FaultKind.THROTTLE, path=LOGIN, count=2))
    with pytest.raises(ThrottledError):
        await all_of(client.list_device_groups())
    assert oceanconnect.calls.count(LOGIN) == 2


async def test_a_budget_used_up_by_ourselves_is_not_waited_for_twice(
    client: OceanConnectClient,
    oceanconnect: OceanConnectSimulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The wait for a turn is already as long as it may be."""
    await client.verify()
    monkeypatch.setattr(budget_module, "LONGEST_WAIT", 0.1)
    client.budget.limit = len(oceanconnect.calls)
    with pytest.raises(ThrottledError) as err:
        await client.verify()
    assert not err.value.by_platform
    assert len(oceanconnect.calls) == 2


async def test_an_answer_without_end_is_cut_off(
    client: OceanConnectClient,
    oceanconnect: OceanConnectSimulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Memory is not for the platform to fill."""
    monkeypatch.setattr(transport_module, "LARGEST_ANSWER", 1000)
    oceanconnect.faults.add(
        Fault(kind=FaultKind.MALFORMED, path="/operations", body=b" " * 10_000)
    )
    with pytest.raises(MalformedError, match="more than 1000 bytes"):
        await client.verify()


async def test_no_error_and_no_log_line_holds_a_secret(
    client: OceanConnectClient,
    oceanconnect: OceanConnectSimulator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither the secret nor a token."""
    caplog.set_level("DEBUG")
    await client.verify()
    oceanconnect.freeze_app()
    oceanconnect.take_token()
    with pytest.raises(PlatformError) as err:
        await client.verify()
    texts = caplog.text + repr(err.value) + str(err.value.placeholders)
    assert oceanconnect.secret not in texts
    assert "Bearer" not in texts


async def test_what_a_platform_repeats_of_our_secrets_is_left_out(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """The rest of what it says stays."""
    kept: dict[str, Any] = {}
    client.keep_session({}, kept.update)
    await client.verify()
    said = f"no {oceanconnect.secret} for {kept['access']} of {kept['refresh']}"
    body = json.dumps({"error_code": "987654", "error_desc": said}).encode()
    oceanconnect.faults.add(Fault(kind=FaultKind.STATUS, status=400, body=body))
    with pytest.raises(RejectedError) as err:
        await client.verify()
    assert err.value.detail == "no *** for *** of ***"
    assert str(err.value) == "400 987654: no *** for *** of ***"


async def test_only_calls_with_a_token_carry_one(
    oceanconnect: OceanConnectSimulator,
) -> None:
    """Signing in names the application in its body; JSON is said where there is some."""
    sent: list[aiohttp.TraceRequestHeadersSentParams] = []

    async def note(
        _session: aiohttp.ClientSession,
        _context: SimpleNamespace,
        told: aiohttp.TraceRequestHeadersSentParams,
    ) -> None:
        sent.append(told)

    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(note)
    async with aiohttp.ClientSession(trace_configs=[trace]) as session:
        client = connect(session, oceanconnect)
        creation = await a_creation(client)
        oceanconnect.expire_token()
        await client.create_task(creation)
    key, form, data = (
        oceanconnect.app_id,
        "application/x-www-form-urlencoded",
        "application/json",
    )
    assert [
        (
            told.url.name,
            told.headers.get("app_key"),
            told.headers.get("Authorization", "").partition(" ")[0],
            told.headers.get("Content-Type"),
        )
        for told in sent
    ] == [
        ("login", None, "", form),
        ("category", key, "Bearer", None),
        ("devGroups", key, "Bearer", None),
        (creation.request.package_id, key, "Bearer", None),
        ("softwareUpgrade", key, "Bearer", data),
        ("refreshToken", None, "", data),
        ("softwareUpgrade", key, "Bearer", data),
    ]


@pytest.mark.parametrize("token_type", ["bearer", "Bearer ", ""])
async def test_a_token_is_sent_as_bearer_whatever_the_platform_calls_it(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator, token_type: str
) -> None:
    """The documents' samples spell it in two ways, one with a blank behind it."""
    oceanconnect.quirks = Quirks(token_type=token_type)
    await client.verify()
    assert oceanconnect.calls.count("/operations") == 1


@pytest.mark.parametrize("status", [200, 201, 202])
@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "x"])
async def test_any_success_is_one_whatever_its_content_is_called(
    client: OceanConnectClient,
    oceanconnect: OceanConnectSimulator,
    status: int,
    content_type: str,
) -> None:
    """Only the vendor's own client insists on a content type."""
    creation = await a_creation(client)
    oceanconnect.faults.add(
        Fault(
            kind=FaultKind.STATUS,
            path=CREATE,
            status=status,
            content_type=content_type,
            body=b'{"operationId": "op-1", "mood": "good"}',
        )
    )
    assert await client.create_task(creation) == "op-1"


@pytest.mark.parametrize("body", [b"", b"{}"])
async def test_an_empty_answer_to_a_look_is_not_a_platform_without_tasks(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator, body: bytes
) -> None:
    """A lost creation would be looked for in vain, and be taken for none."""
    oceanconnect.faults.add(
        Fault(kind=FaultKind.MALFORMED, path="/operations", count=None, body=body)
    )
    for look in (
        client.poll({}, {}, WEEK_AGO),
        client.read_newest({}, (), WEEK_AGO),
        all_of(client.list_tasks()),
    ):
        with pytest.raises(MalformedError, match="without rows"):
            await look


async def test_a_read_that_is_made_once_more_counts_twice(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """The platform counts both, so that the budget has to."""
    await client.verify()
    oceanconnect.calls.clear()
    made = client.budget.made.total()
    oceanconnect.faults.add(Fault(kind=FaultKind.RESET_AFTER, path="/operations"))
    await client.verify()
    assert len(oceanconnect.calls) == 2
    assert client.budget.made.total() == made + 2
    oceanconnect.faults.add(
        Fault(kind=FaultKind.RESET_AFTER, path="/operations", count=None)
    )
    with pytest.raises(UnreachableError) as err:
        await client.verify()
    assert err.value.problem is ConnectionProblem.HUNG_UP
    assert len(oceanconnect.calls) == 4
    assert client.budget.made.total() == made + 4


@pytest.mark.parametrize("item_id", ["", ".", ".."])
async def test_no_id_leads_to_something_else(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator, item_id: str
) -> None:
    """A server may take these for the list, or for what is above it."""
    for look in (
        client.get_task(item_id),
        client.devices.get(item_id),
        client.packages.delete(item_id),
        client.device_groups.delete(item_id),
    ):
        with pytest.raises(NotFoundError):
            await look
    assert len(oceanconnect.calls) == 0


async def test_an_id_stays_one_step_of_the_path(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """Whatever else it holds."""
    with pytest.raises(NotFoundError):
        await client.get_task("a?x=1#y%2F z")
    assert oceanconnect.calls[-1].path.endswith("/operations/a?x=1#y%2F z")
    assert oceanconnect.calls[-1].query == {}
