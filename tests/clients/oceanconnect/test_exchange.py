"""What an answer means that is no success, or only looks like one."""

from typing import Any

import aiohttp
import pytest

from custom_components.fleet_upgrade.clients.errors import (
    Advice,
    AuthenticationError,
    AuthenticationProblem,
    ConnectionProblem,
    MalformedError,
    NotFoundError,
    RejectedError,
    ThrottledError,
    UnreachableError,
)
from custom_components.fleet_upgrade.clients.oceanconnect.client import (
    OceanConnectClient,
)
from simulator.oceanconnect import Fault, FaultKind, OceanConnectSimulator, Quirks

from .common import CREATE, LOGIN, REFRESH, a_creation, connect


async def test_a_refusal_without_a_code_is_no_creation_either(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """A load balancer answers 403 with HTML."""
    creation = await a_creation(client)
    oceanconnect.faults.add(
        Fault(
            kind=FaultKind.STATUS,
            path=CREATE,
            status=403,
            body=b"<html>Request forbidden by administrative rules.</html>",
            content_type="text/html",
        )
    )
    with pytest.raises(MalformedError) as err:
        await client.create_task(creation)
    assert err.value.foreign
    assert err.value.key == "not_the_platform"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"secret": "wrong"}, AuthenticationProblem.CREDENTIALS),
        ({"app_id": "wrong"}, AuthenticationProblem.UNKNOWN),
    ],
)
async def test_wrong_credentials_are_told_apart(
    session: aiohttp.ClientSession,
    oceanconnect: OceanConnectSimulator,
    changes: dict[str, Any],
    problem: AuthenticationProblem,
) -> None:
    """A wrong secret and an application that is gone."""
    oceanconnect.quirks = Quirks(unknown_application="100203")
    with pytest.raises(AuthenticationError) as err:
        await connect(session, oceanconnect, **changes).verify()
    assert err.value.problem is problem


async def test_a_frozen_application_is_told_apart(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """Only the platform's operator can thaw it."""
    oceanconnect.freeze_app()
    with pytest.raises(AuthenticationError) as err:
        await client.verify()
    assert err.value.problem is AuthenticationProblem.FROZEN


async def test_a_newer_gateway_says_without_a_code_that_an_application_is_gone(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """HTTP 404 on signing in, with a message alone."""
    body = b'{"statusCode": 404, "message": "Application not found"}'
    oceanconnect.faults.add(
        Fault(kind=FaultKind.STATUS, path=LOGIN, status=404, body=body)
    )
    with pytest.raises(AuthenticationError) as err:
        await client.verify()
    assert err.value.problem is AuthenticationProblem.UNKNOWN


@pytest.mark.parametrize("keys", ["error_code", "gateway", "resultcode"])
async def test_refusals_of_the_gateway_are_known_in_both_shapes(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator, keys: Any
) -> None:
    """Token and throttle, whatever the keys are called."""
    oceanconnect.quirks = Quirks(error_keys=keys)
    await client.verify()
    oceanconnect.take_token()
    await client.verify()
    oceanconnect.faults.add(Fault(kind=FaultKind.THROTTLE, path="/operations", count=2))
    with pytest.raises(ThrottledError):
        await client.verify()


async def test_a_throttle_without_a_code_is_a_throttle(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """Some gateways only say it in words."""
    oceanconnect.faults.add(
        Fault(
            kind=FaultKind.STATUS,
            path="/operations",
            status=403,
            body=b"app throttle exceed.",
            count=2,
        )
    )
    with pytest.raises(ThrottledError):
        await client.verify()


async def test_a_refusal_with_a_message_alone_is_a_refusal(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """The platform's words reach the user."""
    oceanconnect.faults.add(
        Fault(
            kind=FaultKind.STATUS,
            path="/operations",
            status=409,
            body=b'{"message": "Come back on Monday"}',
        )
    )
    with pytest.raises(RejectedError) as err:
        await client.verify()
    assert err.value.detail == "Come back on Monday"
    assert err.value.advice is Advice.OTHER


async def test_a_server_error_is_no_answer(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """Reading is tried again with the next poll."""
    body = b'{"error_code": "50252", "error_desc": "Internal server error."}'
    oceanconnect.faults.add(
        Fault(kind=FaultKind.STATUS, path="/operations", status=500, body=body)
    )
    with pytest.raises(UnreachableError) as err:
        await client.verify()
    assert err.value.problem is ConnectionProblem.SERVER
    assert "50252" in str(err.value)


async def test_an_error_in_a_successful_answer_is_an_error(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """Some refusals come with HTTP 200."""
    body = b'{"error_code": "100203", "error_desc": "The application is gone."}'
    oceanconnect.faults.add(
        Fault(kind=FaultKind.STATUS, path="/operations", status=200, body=body)
    )
    with pytest.raises(AuthenticationError) as err:
        await client.verify()
    assert err.value.problem is AuthenticationProblem.UNKNOWN


async def test_an_answer_to_a_login_without_a_token_is_malformed(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """There is nothing to go on with."""
    oceanconnect.faults.add(Fault(kind=FaultKind.MALFORMED, path=LOGIN, body=b"{}"))
    with pytest.raises(MalformedError, match="accessToken"):
        await client.verify()


async def test_an_expired_token_and_a_throttle_are_told_apart_under_one_status(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """Both are HTTP 403: one means sign in again, the other wait."""
    await client.verify()
    oceanconnect.calls.clear()
    oceanconnect.clock.advance(3601)
    await client.verify()
    assert oceanconnect.calls.count("/operations") == 2
    assert oceanconnect.calls.count(REFRESH) == 1
    oceanconnect.calls.clear()
    oceanconnect.faults.add(Fault(kind=FaultKind.THROTTLE, path="/operations"))
    with pytest.raises(ThrottledError):
        await client.verify()
    assert len(oceanconnect.calls) == 1


async def test_a_web_page_in_place_of_a_refusal_is_an_error_and_no_reason_to_sign_in(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """It does not say what it refuses; the token is replaced when it ends."""
    creation = await a_creation(client)
    before = len(oceanconnect.tasks())
    oceanconnect.quirks = Quirks(html_refusals=True)
    oceanconnect.take_token()
    oceanconnect.calls.clear()
    with pytest.raises(MalformedError) as err:
        await client.create_task(creation)
    assert (err.value.key, err.value.status) == ("not_the_platform", 403)
    assert [call.path.rpartition("/")[2] for call in oceanconnect.calls] == [
        "softwareUpgrade"
    ]
    assert len(oceanconnect.tasks()) == before


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (302, b""),
        (400, b""),
        (404, b"<html>Not Found</html>"),
        (405, b"[]"),
        (429, b"slow down"),
    ],
)
async def test_what_refuses_in_another_language_is_not_the_platform(
    client: OceanConnectClient,
    oceanconnect: OceanConnectSimulator,
    status: int,
    body: bytes,
) -> None:
    """A web portal or a proxy: a task that it does not find is not deleted."""
    oceanconnect.faults.add(
        Fault(kind=FaultKind.STATUS, path="/operations", status=status, body=body)
    )
    with pytest.raises(MalformedError) as err:
        await client.get_task("op-1")
    assert err.value.foreign
    assert err.value.status == status


async def test_a_code_may_be_a_number(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """It is documented as text."""
    body = b'{"error_code": 123009, "error_desc": null}'
    oceanconnect.faults.add(
        Fault(kind=FaultKind.STATUS, path="/operations", status=404, body=body)
    )
    with pytest.raises(NotFoundError) as err:
        await client.get_task("op-1")
    assert err.value.code == "123009"
    assert err.value.advice is Advice.TASK_MISSING
