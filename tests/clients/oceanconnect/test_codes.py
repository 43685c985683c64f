"""Every documented error code, on every call that it is documented for."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
import json
from typing import Any

from msgspec import structs
import pytest

from custom_components.fleet_upgrade.clients.errors import (
    Advice,
    AmbiguousError,
    AuthenticationError,
    NotFoundError,
    PlatformError,
    RejectedError,
    ThrottledError,
    UnreachableError,
)
from custom_components.fleet_upgrade.clients.model import PreparedCreate, UpgradeKind
from custom_components.fleet_upgrade.clients.oceanconnect.client import (
    OceanConnectClient,
)
from simulator.oceanconnect import (
    Fault,
    FaultKind,
    OceanConnectSimulator,
    codes,
    refusal,
)
from simulator.oceanconnect.codes import Code

from .common import CREATE, LOGIN, REFRESH, a_creation, all_of

BUSINESS = "deviceAdded"
UPGRADES = "fwUpgradeResultNotify"
CALLBACK = "http://127.0.0.1:9999/told"


class Story:
    """What can be asked of the platform, with things that are there."""

    def __init__(self, client: OceanConnectClient, sim: OceanConnectSimulator) -> None:
        """Ask through a client."""
        self.client = client
        self.sim = sim

    @property
    def group(self) -> str:
        """The ID of a device group."""
        return self.sim.groups()[0].group_id

    @property
    def device(self) -> str:
        """The ID of a device."""
        return self.sim.devices()[0].device_id

    @property
    def package(self) -> str:
        """The ID of a package."""
        return self.sim.packages("firmware")[0].file_id

    @property
    def task(self) -> str:
        """The ID of a task."""
        return self.sim.tasks()[0].task_id

    async def create(self, kind: UpgradeKind) -> object:
        """Create a task for a device group."""
        return await self.client.create_task(await a_creation(self.client, kind))

    async def list_tasks(self) -> object:
        """List the tasks."""
        return await all_of(self.client.list_tasks())

    async def list_subtasks(self) -> object:
        """List the subtasks of a task."""
        return await all_of(self.client.list_subtasks(self.task))

    async def list_packages(self) -> object:
        """List the packages."""
        return await all_of(self.client.list_packages())

    async def list_groups(self) -> object:
        """List the device groups."""
        return await all_of(self.client.list_device_groups())

    async def list_members(self) -> object:
        """List the members of a device group."""
        return await all_of(self.client.list_devices(group=self.group))

    async def list_devices(self) -> object:
        """List the devices."""
        return await all_of(self.client.list_devices())

    async def modify_group(self) -> None:
        """Give a device group another description."""
        group = await self.client.device_groups.get(self.group)
        changed = structs.replace(group, name="valley", description="In the valley")
        await self.client.device_groups.modify(changed)

    async def subscribe(self) -> str:
        """Subscribe to business notifications."""
        return await self.client.subscriptions.subscribe(BUSINESS, CALLBACK)

    async def get_subscription(self) -> object:
        """Read a subscription."""
        return await self.client.subscriptions.get(await self.subscribe())

    async def list_subscriptions(self) -> object:
        """List the subscriptions."""
        return await all_of(self.client.subscriptions.pages())

    async def delete_subscription(self) -> None:
        """Delete a subscription."""
        await self.client.subscriptions.delete(await self.subscribe())

    async def delete_subscriptions(self) -> None:
        """Delete all subscriptions to an address."""
        await self.subscribe()
        await self.client.subscriptions.delete_many(callback_url=CALLBACK)


@dataclass(frozen=True)
class ApiCall:
    """One call of the API: how it is made and what it is documented to refuse."""

    method: str
    path: str
    make: Callable[[Story], Awaitable[object]]
    refuses: tuple[Code, ...]

    @property
    def is_write(self) -> bool:
        """Whether it changes something."""
        return self.method != "GET"

    def refuse(self, sim: OceanConnectSimulator, code: Code) -> None:
        """Let the platform refuse it."""
        sim.faults.add(refusal(code, path=self.path, method=self.method))

    def count(self, sim: OceanConnectSimulator) -> int:
        """Return how often it was made."""
        return sim.calls.count(self.path, self.method)


def with_statuses(code: Code, *statuses: int) -> tuple[Code, ...]:
    """Return a code that is documented with several HTTP statuses."""
    return tuple(replace(code, status=status) for status in statuses)


UNKNOWN = codes.APPLICATION_UNKNOWN
UNAUTHORIZED = codes.NOT_AUTHORISED
TOO_MANY_ROWS = Code("100224", 400, "The resource exceeds 1000.")
FOREIGN = (*with_statuses(UNKNOWN, 403, 500), UNAUTHORIZED)
FOREIGN_WITH_200 = with_statuses(UNKNOWN, 200) + with_statuses(UNAUTHORIZED, 200)
CREATION = (
    codes.BAD_REQUEST,
    codes.NOT_FOUND,
    codes.VERSION_MISMATCH,
    codes.MANUFACTURER_NULL,
    codes.DEVICE_TYPE_NULL,
    codes.MODEL_NULL,
    codes.TARGETS_NULL,
    codes.TARGETS_BOTH,
    codes.TARGETS_TOO_MANY,
    codes.EXECUTE_TYPE,
    codes.TIME_NULL,
    codes.RETRY_TIMES,
    codes.START_AFTER_END,
    codes.START_IN_PAST,
    codes.WINDOW_TOO_SHORT,
)
MEMBERSHIP = (
    codes.GROUP_FULL,
    codes.GROUP_UNKNOWN,
    codes.GROUP_PARAMETER,
    codes.INPUT_INVALID,
    UNKNOWN,
    UNAUTHORIZED,
)
SUBSCRIBING = (
    codes.ILLEGAL_REQUEST,
    codes.CALLBACK_ILLEGAL,
    codes.SUBSCRIPTION_CONFLICT,
    codes.APPLICATION_INPUT,
    codes.CALLBACK_LOOKUP,
    codes.CONGESTION,
    UNKNOWN,
    UNAUTHORIZED,
)
CALLS = {
    "list packages": ApiCall(
        "GET",
        "/category",
        Story.list_packages,
        (codes.BAD_REQUEST, codes.PAGE_LIMIT),
    ),
    "get a package": ApiCall(
        "GET",
        "/category/",
        lambda story: story.client.packages.get(story.package),
        (codes.BAD_REQUEST, codes.NOT_FOUND),
    ),
    "delete a package": ApiCall(
        "DELETE",
        "/category/",
        lambda story: story.client.packages.delete(story.package),
        (codes.BAD_REQUEST, codes.NOT_FOUND),
    ),
    "create a software task": ApiCall(
        "POST",
        "/softwareUpgrade",
        lambda story: story.create(UpgradeKind.SOFTWARE),
        CREATION,
    ),
    "create a firmware task": ApiCall(
        "POST",
        "/firmwareUpgrade",
        lambda story: story.create(UpgradeKind.FIRMWARE),
        CREATION,
    ),
    "get a task": ApiCall(
        "GET",
        "/operations/",
        lambda story: story.client.get_task(story.task),
        (codes.BAD_REQUEST, codes.TASK_UNKNOWN),
    ),
    "list subtasks": ApiCall(
        "GET",
        "/subOperations",
        Story.list_subtasks,
        (codes.BAD_REQUEST, codes.PAGE_LIMIT, codes.TASK_UNKNOWN),
    ),
    "list tasks": ApiCall(
        "GET",
        "/operations",
        Story.list_tasks,
        (codes.BAD_REQUEST, codes.PAGE_LIMIT),
    ),
    "list device groups": ApiCall(
        "GET",
        "/devGroups",
        Story.list_groups,
        (*FOREIGN_WITH_200, codes.INPUT_INVALID),
    ),
    "get a device group": ApiCall(
        "GET",
        "/devGroups/",
        lambda story: story.client.device_groups.get(story.group),
        (*FOREIGN_WITH_200, codes.GROUP_UNKNOWN),
    ),
    "create a device group": ApiCall(
        "POST",
        "/devGroups",
        lambda story: story.client.device_groups.create("valley"),
        (
            *FOREIGN_WITH_200,
            codes.GROUP_NAME_USED,
            codes.GROUPS_TOO_MANY,
            codes.GROUP_DEVICES_TOO_MANY,
            codes.INPUT_INVALID,
        ),
    ),
    "modify a device group": ApiCall(
        "PUT",
        "/devGroups/",
        Story.modify_group,
        (
            *FOREIGN_WITH_200,
            codes.GROUP_FULL,
            codes.GROUP_NAME_USED,
            codes.GROUP_UNKNOWN,
            codes.INPUT_INVALID,
        ),
    ),
    "delete a device group": ApiCall(
        "DELETE",
        "/devGroups/",
        lambda story: story.client.device_groups.delete(story.group),
        (*FOREIGN_WITH_200, codes.GROUP_UNKNOWN),
    ),
    "list members": ApiCall(
        "GET",
        "/devices/ids",
        Story.list_members,
        (
            *FOREIGN,
            codes.GROUP_ID_MISSING,
            codes.GROUP_MEMBERS_UNKNOWN,
            codes.GROUP_MEMBERS_STATE,
        ),
    ),
    "add members": ApiCall(
        "POST",
        "/addDevGroupTagToDevices",
        lambda story: story.client.device_groups.add(story.group, [story.device]),
        MEMBERSHIP,
    ),
    "remove members": ApiCall(
        "POST",
        "/deleteDevGroupTagFromDevices",
        lambda story: story.client.device_groups.remove(story.group, [story.device]),
        MEMBERSHIP,
    ),
    "list devices": ApiCall(
        "GET",
        "/dm/v1.4.0/devices",
        Story.list_devices,
        (
            *FOREIGN,
            codes.DEVICE_INPUT,
            codes.DEVICE_PAGE_MISSING,
            codes.DEVICE_PARAMETER,
        ),
    ),
    "get a device": ApiCall(
        "GET",
        "/dm/v1.4.0/devices/",
        lambda story: story.client.devices.get(story.device),
        (
            *FOREIGN,
            codes.DEVICE_PARAMETER,
            codes.DEVICE_GONE,
            codes.DEVICE_UNKNOWN,
        ),
    ),
    "subscribe": ApiCall("POST", "/subscriptions", Story.subscribe, SUBSCRIBING),
    "subscribe to upgrades": ApiCall(
        "POST",
        "/iodm/app/sub/v1.1.0/subscribe",
        lambda story: story.client.subscriptions.subscribe_to_upgrades(
            UPGRADES, CALLBACK
        ),
        SUBSCRIBING,
    ),
    "get a subscription": ApiCall(
        "GET",
        "/subscriptions/",
        Story.get_subscription,
        (UNAUTHORIZED, codes.SUBSCRIPTION_UNKNOWN),
    ),
    "list subscriptions": ApiCall(
        "GET",
        "/subscriptions",
        Story.list_subscriptions,
        (UNAUTHORIZED, TOO_MANY_ROWS),
    ),
    "delete a subscription": ApiCall(
        "DELETE",
        "/subscriptions/",
        Story.delete_subscription,
        (UNAUTHORIZED, codes.SUBSCRIPTION_UNKNOWN),
    ),
    "delete many subscriptions": ApiCall(
        "DELETE",
        "/subscriptions",
        Story.delete_subscriptions,
        (UNAUTHORIZED, codes.SUBSCRIPTION_UNKNOWN, codes.NOTHING_SUBSCRIBED),
    ),
}

EXPECTED: dict[str, tuple[type[PlatformError], str]] = {
    "100019": (RejectedError, "rejected_bad_request"),
    "100203": (AuthenticationError, "application_unknown"),
    "100208": (AuthenticationError, "invalid_auth"),
    "100216": (RejectedError, "rejected_bad_request"),
    "100217": (RejectedError, "rejected_not_authorized"),
    "100218": (RejectedError, "rejected_page_invalid"),
    "100222": (RejectedError, "rejected_callback_invalid"),
    "100224": (RejectedError, "rejected_bad_request"),
    "100225": (NotFoundError, "rejected_subscription_missing"),
    "100227": (RejectedError, "rejected_already_subscribed"),
    "100228": (RejectedError, "rejected_bad_request"),
    "100247": (AuthenticationError, "application_frozen"),
    "100403": (NotFoundError, "rejected_package_or_device_missing"),
    "100405": (RejectedError, "rejected_bad_request"),
    "100418": (NotFoundError, "rejected_package_or_device_missing"),
    "100449": (AuthenticationError, "application_frozen"),
    "100501": (RejectedError, "rejected_try_later"),
    "100601": (RejectedError, "rejected_group_full"),
    "100602": (RejectedError, "rejected_group_name_taken"),
    "100603": (NotFoundError, "rejected_group_missing"),
    "100604": (RejectedError, "rejected_group_invalid"),
    "100607": (RejectedError, "rejected_groups_too_many"),
    "100609": (RejectedError, "rejected_group_full"),
    "101017": (UnreachableError, "server_error"),
    "102202": (RejectedError, "rejected_bad_request"),
    "102833": (RejectedError, "rejected_bad_request"),
    "107001": (RejectedError, "rejected_group_invalid"),
    "107002": (RejectedError, "rejected_group_invalid"),
    "107003": (RejectedError, "rejected_group_invalid"),
    "120015": (RejectedError, "rejected_bad_request"),
    "123002": (NotFoundError, "rejected_package_or_device_missing"),
    "123009": (NotFoundError, "rejected_task_missing"),
    "123016": (RejectedError, "rejected_package_mismatch"),
    "123019": (RejectedError, "rejected_manufacturer_missing"),
    "123020": (RejectedError, "rejected_device_type_missing"),
    "123021": (RejectedError, "rejected_model_missing"),
    "123022": (RejectedError, "rejected_targets_missing"),
    "123023": (RejectedError, "rejected_targets_both"),
    "123024": (RejectedError, "rejected_targets_too_many"),
    "123025": (RejectedError, "rejected_policy_invalid"),
    "123026": (RejectedError, "rejected_window_invalid"),
    "123028": (RejectedError, "rejected_retries_invalid"),
    "123029": (RejectedError, "rejected_page_invalid"),
    "123032": (RejectedError, "rejected_window_order"),
    "123033": (RejectedError, "rejected_window_past"),
    "123034": (RejectedError, "rejected_window_short"),
    "200001": (NotFoundError, "rejected_subscription_missing"),
    "50252": (UnreachableError, "server_error"),
    "50400": (RejectedError, "rejected_bad_request"),
}


def documented() -> Iterator[Any]:
    """Yield each call with each code that it is documented to refuse with."""
    for name, call in CALLS.items():
        for code in (*call.refuses, codes.INTERNAL):
            yield pytest.param(call, code, id=f"{name}-{code.code}-{code.status}")


@pytest.mark.parametrize(("call", "code"), documented())
async def test_a_call_tells_why_it_was_refused(
    client: OceanConnectClient,
    oceanconnect: OceanConnectSimulator,
    call: ApiCall,
    code: Code,
) -> None:
    """A write that the platform could not finish may have been done all the same."""
    error, key = EXPECTED[code.code]
    if call.is_write and code in (
        codes.INTERNAL,
        codes.CALLBACK_LOOKUP,
        codes.CONGESTION,
    ):
        error, key = AmbiguousError, "answer_lost"
    call.refuse(oceanconnect, code)
    with pytest.raises(PlatformError) as err:
        await call.make(Story(client, oceanconnect))
    assert (type(err.value), err.value.key) == (error, key)
    assert code.code in str(err.value)
    assert call.count(oceanconnect) == 1
    if isinstance(err.value, RejectedError):
        assert err.value.status == code.status
        assert err.value.placeholders == {"code": code.code, "detail": code.text}


SIGN_IN = (
    codes.WRONG_SECRET,
    codes.PARAMETER_EMPTY,
    codes.APPLICATION_FROZEN,
    codes.DEVICE_FROZEN,
    codes.INPUT_INVALID,
    codes.INPUT_INVALID_V3,
    codes.INTERNAL,
    *with_statuses(UNKNOWN, 200, 403, 500),
)


@pytest.mark.parametrize("code", SIGN_IN, ids=lambda code: f"{code.code}-{code.status}")
async def test_a_login_tells_why_it_was_refused(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator, code: Code
) -> None:
    """Wrong credentials, a frozen application and one that is gone are told apart."""
    oceanconnect.faults.add(refusal(code, path=LOGIN))
    with pytest.raises(PlatformError) as err:
        await client.verify()
    assert (type(err.value), err.value.key) == EXPECTED[code.code]
    assert len(oceanconnect.calls) == 1


@pytest.mark.parametrize(
    "code",
    [one for one in SIGN_IN if one is not codes.INTERNAL],
    ids=lambda code: f"{code.code}-{code.status}",
)
async def test_a_refused_refresh_ends_in_a_login_whatever_the_code(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator, code: Code
) -> None:
    """The login then tells what is the matter, if anything is."""
    await client.verify()
    oceanconnect.expire_token()
    oceanconnect.faults.add(refusal(code, path=REFRESH))
    await client.verify()
    assert oceanconnect.calls.count(REFRESH) == 1
    assert oceanconnect.calls.count(LOGIN) == 2


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_a_refused_token_is_replaced_and_the_call_made_once_more(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator, call: ApiCall
) -> None:
    """1010005 on any call, a write included: nothing was done the first time."""
    oceanconnect.faults.add(
        Fault(kind=FaultKind.DROP_TOKEN, path=call.path, method=call.method)
    )
    await call.make(Story(client, oceanconnect))
    assert call.count(oceanconnect) == 2


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_a_throttled_call_is_made_once_more_and_not_a_third_time(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator, call: ApiCall
) -> None:
    """1010009 on any call, a write included: nothing was done."""
    oceanconnect.faults.add(
        Fault(kind=FaultKind.THROTTLE, path=call.path, method=call.method, count=2)
    )
    with pytest.raises(ThrottledError) as err:
        await call.make(Story(client, oceanconnect))
    assert err.value.by_platform
    assert call.count(oceanconnect) == 2


@pytest.mark.parametrize(
    "call",
    [call for call in CALLS.values() if call.is_write],
    ids=[name for name, call in CALLS.items() if call.is_write],
)
@pytest.mark.parametrize("kind", [FaultKind.RESET_BEFORE, FaultKind.RESET_AFTER])
async def test_a_write_whose_answer_was_lost_is_never_made_again(
    client: OceanConnectClient,
    oceanconnect: OceanConnectSimulator,
    call: ApiCall,
    kind: FaultKind,
) -> None:
    """Not even where doing it twice seems harmless: somebody may have undone it."""
    oceanconnect.faults.add(Fault(kind=kind, path=call.path, method=call.method))
    with pytest.raises(AmbiguousError):
        await call.make(Story(client, oceanconnect))
    assert call.count(oceanconnect) == 1


async def test_an_unknown_code_is_told_in_the_platforms_own_words(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """A newer platform may have more codes than its documents."""
    code = Code("987654", 400, "The stars are not right.")
    oceanconnect.faults.add(refusal(code, path="/operations"))
    with pytest.raises(RejectedError) as err:
        await client.verify()
    assert err.value.advice is Advice.OTHER
    assert err.value.placeholders == {"code": code.code, "detail": code.text}


PAST = {"executeType": "custom", "startTime": "20200101T000000Z"}


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
async def test_a_wrong_creation_is_refused_with_code_and_advice(
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
