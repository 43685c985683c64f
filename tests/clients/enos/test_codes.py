"""Each code and HTTP status that is documented, and what a user is told."""

import pytest

from custom_components.fleet_upgrade.clients.enos.client import EnosClient
from custom_components.fleet_upgrade.clients.errors import (
    Advice,
    AmbiguousError,
    AuthenticationError,
    AuthenticationProblem,
    ConnectionProblem,
    MalformedError,
    NotFoundError,
    PlatformError,
    RejectedError,
    ThrottledError,
    UnreachableError,
)
from simulator.enos import EnosSimulator, codes, gateway_refusal, refusal
from simulator.enos.codes import Code
from simulator.faults import Fault, FaultKind

from .common import GET_TOKEN, JOBS, change

REFUSALS = {
    codes.INVALID_ARGUMENT: Advice.BAD_REQUEST,
    codes.DENIED: Advice.NOT_AUTHORIZED,
    codes.VERSION_EXISTS: Advice.PACKAGE_VERSION_TAKEN,
    codes.NAME_EXISTS: Advice.PACKAGE_NAME_TAKEN,
    codes.CONCURRENT_CREATE: Advice.PACKAGE_CONCURRENT,
    codes.CANNOT_DELETE: Advice.PACKAGE_IN_USE,
    codes.NOT_VERIFIED: Advice.PACKAGE_NOT_VERIFIED,
    codes.TOTAL_NOT_ALLOWED: Advice.VERIFICATION_OF_ALL,
    codes.TOO_MANY_TO_VERIFY: Advice.VERIFICATION_TOO_MANY,
    codes.JOB_STARTED: Advice.TASK_STARTED,
    codes.JOB_STOPPED: Advice.TASK_STOPPED,
    codes.JOB_NOT_RUNNING: Advice.TASK_NOT_RUNNING,
    codes.JOB_RUNNING: Advice.TASK_RUNNING,
    codes.NOT_CANCELABLE: Advice.SUBTASKS_NOT_CANCELLABLE,
    codes.NOT_RETRIABLE: Advice.SUBTASKS_NOT_RETRIABLE,
    codes.REPORT_INVALID: Advice.BAD_REQUEST,
    **{
        Code(number, "Device group"): Advice.GROUP_INVALID for number in range(900, 907)
    },
}
MISSING = {
    codes.NOT_FOUND: Advice.OBJECT_MISSING,
    codes.JOB_NOT_FOUND: Advice.TASK_MISSING,
    codes.FIRMWARE_NOT_FOUND: Advice.PACKAGE_MISSING,
    codes.GROUP_NOT_FOUND: Advice.GROUP_MISSING,
    codes.TREE_NOT_FOUND: Advice.ASSET_TREE_MISSING,
}
FAULTS = (codes.INTERNAL, codes.OTA_INTERNAL, Code(500, "Internal error"))
TOKENS = {
    codes.TOKEN_UNKNOWN_KEY: "application_unknown",
    codes.TOKEN_BAD_ENCRYPTION: "invalid_auth",
    codes.TOKEN_INVALID_PARAMETER: "rejected_bad_request",
    codes.TOKEN_EMPTY: "rejected_bad_request",
    codes.TOKEN_INTERNAL: "server_error",
    codes.TOKEN_EXPIRED: "rejected_try_later",
    codes.TOKEN_REFRESH_FAILED: "rejected_try_later",
    codes.TOKEN_REPEATED: "rejected_try_later",
}
GATEWAY: dict[int, tuple[type[PlatformError], str]] = {
    400: (RejectedError, "rejected_bad_request"),
    401: (AuthenticationError, "invalid_auth"),
    403: (RejectedError, "rejected_address_denied"),
    404: (RejectedError, "rejected_other"),
    413: (RejectedError, "rejected_request_too_large"),
    429: (ThrottledError, "throttled"),
    500: (UnreachableError, "server_error"),
    503: (UnreachableError, "server_error"),
}


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("code", [*REFUSALS, *MISSING], ids=lambda code: str(code.code))
async def test_a_refusal_says_what_to_do_whatever_its_http_status(
    client: EnosClient, enos: EnosSimulator, code: Code, status: int
) -> None:
    """Nothing was done: a write that is refused may be corrected and sent again."""
    fault = refusal(code, path="action=stop")
    fault.status = status
    enos.faults.add(fault)
    with pytest.raises(RejectedError) as err:
        await change(client, "stop", "job")
    assert err.value.advice is (REFUSALS | MISSING)[code]
    assert err.value.code == str(code.code)
    assert err.value.detail == code.text
    assert isinstance(err.value, NotFoundError) is (code in MISSING)


@pytest.mark.parametrize("code", FAULTS, ids=lambda code: str(code.code))
async def test_a_fault_of_the_platforms_own_leaves_a_write_open(
    client: EnosClient, enos: EnosSimulator, code: Code
) -> None:
    """It may have happened after the work."""
    enos.faults.add(refusal(code, path="action=stop"))
    with pytest.raises(AmbiguousError):
        await change(client, "stop", "job")
    enos.faults.add(refusal(code, path="action=search"))
    with pytest.raises(UnreachableError) as err:
        await client.verify()
    assert err.value.problem is ConnectionProblem.SERVER
    assert str(code.code) in str(err.value)


async def test_a_code_that_nobody_knows_is_a_refusal(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """Told in the platform's own words; with HTTP 500 it may be anything."""
    code = Code(24613, "Not documented")
    fault = refusal(code, path="action=stop")
    enos.faults.add(fault)
    with pytest.raises(RejectedError) as err:
        await change(client, "stop", "job")
    assert err.value.advice is Advice.OTHER
    assert err.value.detail == "Not documented"
    fault = refusal(code, path="action=stop")
    fault.status = 500
    enos.faults.add(fault)
    with pytest.raises(AmbiguousError):
        await change(client, "stop", "job")


@pytest.mark.parametrize(
    "body", [b'{"status": 404, "error": "Not Found"}', b'{"code": 404, "msg": "No"}']
)
async def test_a_proxy_that_finds_nothing_does_not_delete_a_task(
    client: EnosClient, enos: EnosSimulator, body: bytes
) -> None:
    """Only the platform knows what it has."""
    enos.faults.add(
        Fault(kind=FaultKind.STATUS, path="action=get", status=404, body=body)
    )
    with pytest.raises((RejectedError, MalformedError)) as err:
        await client.get_task("job")
    assert not isinstance(err.value, NotFoundError)


async def test_an_organization_that_is_not_ours_is_told_apart(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """The same code stands for a permission that is missing."""
    code = Code(99403, "Denied resource: orgId o1")
    enos.faults.add(refusal(code, path=JOBS))
    with pytest.raises(AuthenticationError) as err:
        await client.verify()
    assert err.value.problem is AuthenticationProblem.ORGANIZATION


@pytest.mark.parametrize(
    ("code", "key"),
    TOKENS.items(),
    ids=lambda value: str(value.code) if isinstance(value, Code) else "",
)
async def test_the_token_service_has_codes_of_its_own(
    client: EnosClient, enos: EnosSimulator, code: Code, key: str
) -> None:
    """In another field of another envelope."""
    enos.faults.add(refusal(code, path=GET_TOKEN, count=None))
    with pytest.raises(PlatformError) as err:
        await client.verify()
    assert err.value.key == key
    assert err.value.placeholders.get("code", str(code.code)) == str(code.code)


@pytest.mark.parametrize("status", GATEWAY)
async def test_the_gateway_speaks_in_http_statuses(
    client: EnosClient, enos: EnosSimulator, status: int
) -> None:
    """With a message, and without a code."""
    enos.faults.add(gateway_refusal(status, path=JOBS, count=None))
    error, key = GATEWAY[status]
    with pytest.raises(error) as err:
        await client.verify()
    assert err.value.key == key


async def test_a_request_that_is_too_large_is_known_without_words(
    client: EnosClient, enos: EnosSimulator
) -> None:
    """A proxy before the gateway answers HTML."""
    enos.faults.add(Fault(kind=FaultKind.STATUS, path=JOBS, status=413, body=b"<html>"))
    with pytest.raises(RejectedError) as err:
        await client.verify()
    assert err.value.advice is Advice.REQUEST_TOO_LARGE
