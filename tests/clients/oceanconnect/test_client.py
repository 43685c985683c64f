"""OceanConnect's calls against a platform on a real socket behind real TLS."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
import json
import ssl
from typing import Any

import aiohttp
from msgspec import structs
import pytest

from custom_components.fleet_upgrade.clients import (
    budget as budget_module,
    transport as transport_module,
)
from custom_components.fleet_upgrade.clients.errors import (
    Advice,
    AmbiguousError,
    AuthenticationError,
    AuthenticationProblem,
    ConnectionProblem,
    InvalidFieldError,
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
    Page,
    PreparedCreate,
    Targets,
    TaskStatus,
    UpgradeKind,
    UpgradeTask,
)
from custom_components.fleet_upgrade.clients.oceanconnect import PLATFORM
from custom_components.fleet_upgrade.clients.oceanconnect.client import (
    OceanConnectClient,
)
from simulator.oceanconnect import Fault, FaultKind, OceanConnectSimulator, Quirks

CREATE = "/operations/softwareUpgrade"
LOGIN = "/sec/v1.1.0/login"
REFRESH = "/sec/v1.1.0/refreshToken"
WEEK_AGO = datetime.now(UTC) - timedelta(days=7)


def credentials_of(sim: OceanConnectSimulator, **changes: Any) -> dict[str, Any]:
    """Return good credentials of the simulated platform, with changes."""
    good = {
        "host": sim.host,
        "port": sim.port,
        "app_id": sim.app_id,
        "secret": sim.secret,
        "client_certificate": sim.tls.client_pem.decode(),
        "client_key": sim.tls.client_key.decode(),
        "ca": sim.tls.ca_pem.decode(),
        "server_check": "full",
    }
    return {key: value for key, value in (good | changes).items() if value is not None}


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Return a session such as a user of the client brings."""
    async with aiohttp.ClientSession() as session:
        yield session


def connect(
    session: aiohttp.ClientSession, sim: OceanConnectSimulator, **changes: Any
) -> OceanConnectClient:
    """Return a client that pauses only briefly when it is throttled."""
    credentials = credentials_of(sim, **changes)
    client = PLATFORM.client(session, credentials, PLATFORM.check(credentials))
    assert isinstance(client, OceanConnectClient)
    client.budget.pause = 0.05
    return client


@pytest.fixture
def client(
    session: aiohttp.ClientSession, oceanconnect: OceanConnectSimulator
) -> OceanConnectClient:
    """Return a client of the simulated platform."""
    return connect(session, oceanconnect)


async def all_of[ItemT](pages: AsyncIterator[Page[ItemT]]) -> list[ItemT]:
    """Read a listing to its end."""
    return [item async for page in pages for item in page.items]


async def a_creation(
    client: OceanConnectClient, kind: UpgradeKind = UpgradeKind.SOFTWARE
) -> PreparedCreate:
    """Prepare a creation for the first device group."""
    packages = await all_of(client.list_packages(kind=kind))
    groups = await all_of(client.list_device_groups())
    return await client.prepare_create(
        CreateRequest(
            kind=kind,
            package_id=packages[0].package_id,
            targets=Targets(device_groups=(groups[0].name,)),
        )
    )


async def test_verifying_signs_in_and_reads_one_page(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """Two calls tell whether credentials are good."""
    await client.verify()
    assert [(call.method, call.path) for call in oceanconnect.calls] == [
        ("POST", "/iocm/app/sec/v1.1.0/login"),
        ("GET", "/iodm/northbound/v1.5.0/operations"),
    ]
    assert oceanconnect.calls[1].query == {"pageNo": "0", "pageSize": "1"}


async def test_everything_on_the_platform_is_listed_to_its_end(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """Pages beyond the first one are read too."""
    oceanconnect.reset(devices=230, groups=7, tasks=120)
    assert len(await all_of(client.list_tasks())) == 120
    assert len(await all_of(client.list_devices())) == 230
    groups = await all_of(client.list_device_groups())
    assert len(groups) == 7
    members = await all_of(client.list_devices(group=groups[0].group_id))
    assert len(members) == groups[0].device_count
    assert {member.name for member in members} == {None}
    packages = await all_of(client.list_packages())
    assert {package.kind for package in packages} == set(UpgradeKind)
    assert all(package.version and package.model for package in packages)


async def test_listings_can_be_narrowed(client: OceanConnectClient) -> None:
    """What the platform can sift, it sifts."""
    packages = await all_of(client.list_packages())
    wanted = packages[0]
    assert wanted.kind is not None
    found = await all_of(
        client.list_packages(
            kind=wanted.kind,
            device_type=wanted.device_type,
            model=wanted.model,
            manufacturer=wanted.manufacturer,
            version=wanted.version,
        )
    )
    assert wanted in found
    assert len(found) < len(packages)
    groups = await all_of(client.list_device_groups())
    found_groups = await all_of(client.list_device_groups(name=groups[1].name))
    assert groups[1] in found_groups
    tasks = await all_of(client.list_tasks())
    kind, status = tasks[0].kind, tasks[0].status
    assert status is not None
    found_tasks = await all_of(client.list_tasks(kind=kind, status=status))
    assert found_tasks == [
        task for task in tasks if task.kind is kind and task.status is status
    ]


@pytest.mark.parametrize("kind", UpgradeKind)
async def test_a_created_task_is_there_with_what_was_asked_for(
    client: OceanConnectClient, kind: UpgradeKind
) -> None:
    """Groups take type, model and manufacturer from the package."""
    creation = await a_creation(client, kind)
    task_id = await client.create_task(creation)
    task = await client.get_task(task_id)
    assert task.kind is kind
    assert task.version == creation.version
    assert task.targets == creation.request.targets
    assert task.targets.device_type
    assert task.targets.model
    assert task.targets.manufacturer
    subtasks = await all_of(client.list_subtasks(task_id))
    assert len(subtasks) == task.counts.total
    assert await all_of(client.list_subtasks(task_id, status=TaskStatus.STOPPED)) == []


async def test_what_was_given_is_not_replaced_by_the_package(
    client: OceanConnectClient,
) -> None:
    """The package only fills what is missing."""
    creation = await a_creation(client)
    request = structs.replace(
        creation.request,
        targets=structs.replace(creation.request.targets, model="Another"),
    )
    prepared = await client.prepare_create(request)
    assert prepared.request.targets.model == "Another"


async def test_a_package_of_the_other_kind_is_refused_before_it_is_sent(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """Firmware is not installed as software."""
    packages = await all_of(client.list_packages(kind=UpgradeKind.FIRMWARE))
    request = CreateRequest(
        kind=UpgradeKind.SOFTWARE,
        package_id=packages[0].package_id,
        targets=Targets(devices=("any",)),
    )
    with pytest.raises(InvalidFieldError) as err:
        await client.prepare_create(request)
    assert err.value.key == "package_wrong_kind"
    assert oceanconnect.calls.count("Upgrade") == 0


def changed(creation: PreparedCreate, **changes: Any) -> PreparedCreate:
    """Return a creation with a body that our own rules would not let through."""
    body = json.loads(json.dumps(creation.body))
    for path, value in changes.items():
        *parents, key = path.split("__")
        part = body
        for parent in parents:
            part = part[parent]
        if value is ...:
            part.pop(key)
        else:
            part[key] = value
    return structs.replace(creation, body=body)


PAST = {"executeType": "custom", "startTime": "20200101T000000Z"}


@pytest.mark.parametrize(
    ("changes", "code", "advice"),
    [
        ({"fileId": "none"}, "123002", Advice.PACKAGE_OR_DEVICE_MISSING),
        ({"targets__model": "Another"}, "123016", Advice.PACKAGE_MISMATCH),
        ({"targets__manufacturerName": ...}, "123019", Advice.MANUFACTURER_MISSING),
        ({"targets__deviceType": ...}, "123020", Advice.DEVICE_TYPE_MISSING),
        ({"targets__model": ...}, "123021", Advice.MODEL_MISSING),
        ({"targets__deviceGroups": ...}, "123022", Advice.TARGETS_MISSING),
        ({"targets__devices": ["d"]}, "123023", Advice.TARGETS_BOTH),
        (
            {"targets__deviceGroups": [str(number) for number in range(257)]},
            "123024",
            Advice.TARGETS_TOO_MANY,
        ),
        ({"policy__executeType": "later"}, "123025", Advice.POLICY_INVALID),
        ({"policy__executeType": "custom"}, "123026", Advice.WINDOW_INVALID),
        ({"policy__retryType": True}, "123028", Advice.RETRIES_INVALID),
        (
            {"policy": PAST | {"endTime": "20200101T010000Z"}},
            "123033",
            Advice.WINDOW_PAST,
        ),
        (
            {
                "policy": {
                    "executeType": "custom",
                    "startTime": "20990101T010000Z",
                    "endTime": "20990101T000000Z",
                }
            },
            "123032",
            Advice.WINDOW_ORDER,
        ),
        (
            {
                "policy": {
                    "executeType": "custom",
                    "startTime": "20990101T000000Z",
                    "endTime": "20990101T000400Z",
                }
            },
            "123034",
            Advice.WINDOW_SHORT,
        ),
    ],
)
async def test_a_refusal_comes_with_code_and_advice_and_creates_nothing(
    client: OceanConnectClient,
    oceanconnect: OceanConnectSimulator,
    changes: dict[str, Any],
    code: str,
    advice: Advice,
) -> None:
    """Each documented code of a creation."""
    creation = changed(await a_creation(client), **changes)
    before = len(await all_of(client.list_tasks()))
    with pytest.raises(RejectedError) as err:
        await client.create_task(creation)
    assert (err.value.code, err.value.advice) == (code, advice)
    assert isinstance(err.value, NotFoundError) is (err.value.status == 404)
    assert err.value.detail
    assert oceanconnect.calls.count(CREATE) == 1
    assert len(await all_of(client.list_tasks())) == before


async def test_a_task_that_is_not_there_is_not_found(
    client: OceanConnectClient,
) -> None:
    """Whatever characters its ID has."""
    for task_id in ("none", "../packages", "a/b?c#d"):
        with pytest.raises(NotFoundError) as err:
            await client.get_task(task_id)
        assert err.value.code == "123009"
        with pytest.raises(NotFoundError):
            await all_of(client.list_subtasks(task_id))


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
        (Fault(kind=FaultKind.STATUS, path=CREATE, status=500), 0),
        (Fault(kind=FaultKind.STATUS, path=CREATE, status=502, body=b"<html>"), 0),
        (Fault(kind=FaultKind.MALFORMED, path=CREATE, body=b"{"), 1),
        (Fault(kind=FaultKind.MALFORMED, path=CREATE, body=b"{}"), 1),
        (Fault(kind=FaultKind.MALFORMED, path=CREATE, body=b""), 1),
        (Fault(kind=FaultKind.DELAY, path=CREATE, delay=5), 1),
    ],
    ids=lambda value: value.kind + str(value.body) if isinstance(value, Fault) else "",
)
async def test_a_creation_whose_answer_was_lost_is_never_sent_again(
    session: aiohttp.ClientSession,
    oceanconnect: OceanConnectSimulator,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    created: int,
) -> None:
    """It may have been created: that has an error of its own."""
    monkeypatch.setattr(transport_module, "TOTAL_TIMEOUT", 0.5)
    client = connect(session, oceanconnect)
    creation = await a_creation(client)
    before = len(await all_of(client.list_tasks()))
    oceanconnect.faults.add(fault)
    with pytest.raises(AmbiguousError):
        await client.create_task(creation)
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


@pytest.mark.parametrize(
    ("certificate", "changes", "problem"),
    [
        ("good", {"ca": None}, ConnectionProblem.UNKNOWN_CA),
        ("wrong_name", {}, ConnectionProblem.HOST_NAME),
        ("expired", {}, ConnectionProblem.EXPIRED),
        (
            "good",
            {"client_certificate": None, "client_key": None},
            ConnectionProblem.HUNG_UP,
        ),
    ],
)
async def test_each_way_in_which_tls_fails_is_told_apart(
    session: aiohttp.ClientSession,
    oceanconnect: OceanConnectSimulator,
    certificate: Any,
    changes: dict[str, Any],
    problem: ConnectionProblem,
) -> None:
    """So that the form can say what to do."""
    oceanconnect.present_certificate(certificate)
    with pytest.raises(UnreachableError) as err:
        await connect(session, oceanconnect, **changes).verify()
    assert err.value.problem is problem


@pytest.mark.parametrize(
    ("certificate", "check"),
    [("wrong_name", "certificate"), ("wrong_name", "none"), ("expired", "none")],
)
async def test_a_server_is_checked_only_as_far_as_the_user_says(
    session: aiohttp.ClientSession,
    oceanconnect: OceanConnectSimulator,
    certificate: Any,
    check: str,
) -> None:
    """Its certificate may not hold the address, or not be good for anything."""
    oceanconnect.present_certificate(certificate)
    await connect(session, oceanconnect, server_check=check).verify()


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


async def test_a_connection_that_is_not_made_in_time_was_never_made(
    client: OceanConnectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unlike an answer that does not come in time."""

    async def never(*_args: Any, **_kwargs: Any) -> Any:
        raise aiohttp.ConnectionTimeoutError

    monkeypatch.setattr(aiohttp.TCPConnector, "_create_connection", never)
    with pytest.raises(UnreachableError) as err:
        await client.verify()
    assert err.value.problem is ConnectionProblem.TIMEOUT
    assert not err.value.sent


async def test_a_port_that_speaks_no_tls_is_a_tls_failure(
    session: aiohttp.ClientSession, oceanconnect: OceanConnectSimulator
) -> None:
    """Something else listens there."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(UnreachableError) as err:
            await connect(session, oceanconnect, port=port).verify()
    assert err.value.problem is ConnectionProblem.TLS
    assert not err.value.sent


async def test_a_certificate_with_another_fault_is_a_tls_failure(
    client: OceanConnectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There are more faults than a form has texts for."""

    async def refuse(*_args: Any, **_kwargs: Any) -> Any:
        key: Any = None
        raise aiohttp.ClientConnectorCertificateError(
            key, ssl.SSLCertVerificationError("revoked")
        )

    monkeypatch.setattr(aiohttp.TCPConnector, "_create_connection", refuse)
    with pytest.raises(UnreachableError) as err:
        await client.verify()
    assert err.value.problem is ConnectionProblem.TLS


@pytest.mark.parametrize("host", ["", " ", "https://host", "user@host", "ho st", "a:b"])
def test_what_is_no_host_is_refused_before_connecting(
    oceanconnect: OceanConnectSimulator, host: str
) -> None:
    """A path or a user name would change where the secret goes."""
    with pytest.raises(InvalidFieldError) as err:
        PLATFORM.check(credentials_of(oceanconnect, host=host))
    assert (err.value.field, err.value.key) == ("host", "host_invalid")


@pytest.mark.parametrize("host", [" 10.0.0.1 ", "platform.example", "::1", "[::1]"])
def test_names_and_addresses_of_both_kinds_are_hosts(
    oceanconnect: OceanConnectSimulator, host: str
) -> None:
    """With or without brackets and blanks."""
    assert PLATFORM.check(credentials_of(oceanconnect, host=host))


def test_an_account_is_known_by_its_application_whatever_the_address(
    oceanconnect: OceanConnectSimulator,
) -> None:
    """So that the address can change."""
    here = credentials_of(oceanconnect)
    there = credentials_of(oceanconnect, host="platform.example")
    assert PLATFORM.account_id(here) == PLATFORM.account_id(there)
    assert oceanconnect.app_id in PLATFORM.title(here)


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


@pytest.mark.parametrize(
    "quirks",
    [
        Quirks(task_total="totalSize"),
        Quirks(counts_as_text=True),
        Quirks(unset="absent"),
        Quirks(extend_para="text"),
        Quirks(task_order="oldest"),
        Quirks(task_order="unordered"),
        Quirks(timeouts="beside"),
    ],
    ids=str,
)
async def test_a_poll_finds_the_same_whatever_the_platforms_habits(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator, quirks: Quirks
) -> None:
    """Order, nulls, keys and types differ; what they say does not."""
    oceanconnect.reset(tasks=130, quirks=quirks)
    await client.create_task(await a_creation(client))
    poll = await client.poll({}, {}, WEEK_AGO)
    listed = await all_of(client.list_tasks())
    assert {task.task_id for task in poll.tasks} == {
        task.task_id
        for task in listed
        if not task.has_ended or (task.ended or WEEK_AGO) >= WEEK_AGO
    }
    assert all(task.counts.total is not None for task in poll.tasks)
    assert all(task.version for task in poll.tasks)


async def test_polling_never_takes_more_than_half_of_the_budget(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """A person's action finds room even beside a busy poller."""
    known: dict[str, UpgradeTask] = {}
    memory: dict[str, object] = {}
    try:
        async with asyncio.timeout(2):
            while True:
                poll = await client.poll(known, memory, WEEK_AGO)
                known = {task.task_id: task for task in poll.tasks}
                memory = poll.memory
    except TimeoutError:
        pass
    assert oceanconnect.calls.worst_minute == 50
    async with asyncio.timeout(2):
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
