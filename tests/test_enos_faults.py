"""Each fault of EnOS ends in words of its own, and nothing else breaks."""

from datetime import UTC, datetime, timedelta
from typing import Protocol

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntry, ConfigEntryState
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import (
    device_registry as dr,
    entity_registry as er,
    issue_registry as ir,
)
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fleet_upgrade.clients.budget import (
    AdaptiveBudget,
    CallBudget,
    shared_budget,
)
from custom_components.fleet_upgrade.clients.registry import PLATFORMS
from custom_components.fleet_upgrade.const import CONF_PLATFORM, DOMAIN, LOGGER
from custom_components.fleet_upgrade.entity import task_identifier
from simulator.enos import EnosSimulator, Quirks, codes, gateway_refusal, refusal
from simulator.enos.codes import Code
from simulator.faults import Fault, FaultKind
from simulator.oceanconnect import OceanConnectSimulator

from .actions import act
from .common_simulator import credentials_for
from .enos_account import (
    CREATE,
    Data,
    answers_for,
    fill_in,
    states_of,
    upgrade_of_a_free_group,
    with_one_job,
)
from .hearing import listen
from .translations import english

JOBS = "/ota-jobs"
CREATION = "action=create"
HOUR = timedelta(hours=1)
DENIED_ORGANIZATION = Code(codes.DENIED.code, f"{codes.DENIED.text}: orgId o1")


class Break(Protocol):
    """What goes wrong on the platform, for calls of some path if it is about calls."""

    def __call__(self, sim: EnosSimulator, path: str = JOBS) -> None:
        """Let it go wrong."""


def refuses(code: Code) -> Break:
    """Refuse calls with a code."""

    def refuse(sim: EnosSimulator, path: str = JOBS) -> None:
        sim.faults.add(refusal(code, path=path, count=None))

    return refuse


def answers_with(status: int) -> Break:
    """Refuse calls at the gateway."""

    def answer(sim: EnosSimulator, path: str = JOBS) -> None:
        sim.faults.add(gateway_refusal(status, path=path, count=None))

    return answer


def throttles(*, says_when: bool, count: int | None = None) -> Break:
    """Throttle calls, with or without saying when to come back."""

    def throttle(sim: EnosSimulator, path: str = JOBS) -> None:
        sim.quirks = Quirks(retry_after=says_when)
        sim.faults.add(Fault(kind=FaultKind.THROTTLE, path=path, count=count))

    return throttle


def differs(by: timedelta) -> Break:
    """Let the platform's clock differ from ours."""

    def differ(sim: EnosSimulator, path: str = JOBS) -> None:
        sim.clock.set(datetime.now(UTC) + by)

    return differ


def changes_the_secret(sim: EnosSimulator, path: str = JOBS) -> None:
    """Give the application another secret."""
    sim.change_secret("another")


def forgets_the_key(sim: EnosSimulator, path: str = JOBS) -> None:
    """Delete the application, its token too."""
    sim.drop_token()
    refuses(codes.TOKEN_UNKNOWN_KEY)(sim, "/token/")


def mend(sim: EnosSimulator) -> None:
    """Let the platform be as it was."""
    sim.faults.clear()
    sim.clock.set(datetime.now(UTC))


FAULTS: dict[str, tuple[Break, str, dict[str, str]]] = {
    "ahead": (differs(-HOUR), "clock_ahead", {"minutes": "60"}),
    "behind": (differs(HOUR), "clock_behind", {"minutes": "60"}),
    "429 with Retry-After": (throttles(says_when=True), "throttled", {"seconds": "1"}),
    "429 without": (throttles(says_when=False), "throttled", {"seconds": "0"}),
    "no permission": (
        refuses(codes.DENIED),
        "rejected_not_authorized",
        {"code": "99403", "detail": codes.DENIED.text},
    ),
    "403": (
        answers_with(403),
        "rejected_address_denied",
        {"code": "403", "detail": codes.GATEWAY[403]},
    ),
    "413": (
        answers_with(413),
        "rejected_request_too_large",
        {"code": "413", "detail": codes.GATEWAY[413]},
    ),
    "500": (answers_with(500), "server_error", {}),
    "503": (answers_with(503), "server_error", {}),
    "99500": (refuses(codes.INTERNAL), "server_error", {}),
}
"""Faults that pass by themselves or are mended on the platform: nobody is asked."""

REFUSED: dict[str, tuple[Break, str]] = {
    "secret": (changes_the_secret, "invalid_auth"),
    "access key": (forgets_the_key, "application_unknown"),
    "organization": (refuses(DENIED_ORGANIZATION), "organization_denied"),
}
"""Faults of the credentials: somebody is asked for new ones."""

each_fault = pytest.mark.parametrize(
    ("cause", "key", "placeholders"), FAULTS.values(), ids=FAULTS
)
each_refusal = pytest.mark.parametrize(("cause", "key"), REFUSED.values(), ids=REFUSED)


def message(key: str, placeholders: dict[str, str]) -> str:
    """Return what a person reads; Home Assistant leaves out the last full stop."""
    return english()[f"exceptions.{key}.message"].format(**placeholders).rstrip(".")


@pytest.fixture
def sim(enos: EnosSimulator) -> EnosSimulator:
    """Return a platform with a job that has not ended, whose searches do not lag."""
    return with_one_job(enos)


@pytest.fixture
def credentials(sim: EnosSimulator) -> Data:
    """Return the data of an account on the simulated platform."""
    return {CONF_PLATFORM: "enos", **answers_for(sim)}


@pytest.fixture(autouse=True)
def budget(sim: EnosSimulator) -> CallBudget:
    """Let nobody pause for long who is throttled."""
    budget = shared_budget("enos", sim.access_key, make=AdaptiveBudget)
    budget.pause = 0.05
    return budget


@pytest.fixture
async def neighbour(
    hass: HomeAssistant, oceanconnect: OceanConnectSimulator
) -> MockConfigEntry:
    """Return an account on another platform that is set up."""
    credentials = credentials_for(oceanconnect)
    platform = PLATFORMS["oceanconnect"]
    entry = MockConfigEntry(
        domain=DOMAIN,
        title=platform.title(credentials),
        unique_id=f"{platform.key}_{platform.account_id(credentials)}",
        data=credentials,
    )
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    return entry


async def poll(hass: HomeAssistant, account: ConfigEntry) -> None:
    """Poll an account once."""
    await account.runtime_data.async_refresh()
    await hass.async_block_till_done(wait_background_tasks=True)


def states(hass: HomeAssistant, account: ConfigEntry, domain: str) -> set[str]:
    """Return the states of an account's entities of one domain."""
    return {
        state.state
        for entity in er.async_entries_for_config_entry(
            er.async_get(hass), account.entry_id
        )
        if entity.domain == domain
        and (state := hass.states.get(entity.entity_id)) is not None
    }


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what the integration told in the log, but to developers."""
    return [
        each.getMessage()
        for each in caplog.records
        if each.name == LOGGER.name and each.levelname != "DEBUG"
    ]


def issues(hass: HomeAssistant) -> set[str | None]:
    """Return what the issues are about."""
    return {each.translation_key for each in ir.async_get(hass).issues.values()}


def is_well(hass: HomeAssistant, account: ConfigEntry) -> bool:
    """Whether an account and its entities are available."""
    return (
        account.state is ConfigEntryState.LOADED
        and STATE_UNAVAILABLE not in states(hass, account, "sensor")
        and STATE_ON in states(hass, account, "binary_sensor")
    )


# In the form


@each_fault
async def test_a_fault_is_told_in_the_form_and_the_form_goes_on(
    hass: HomeAssistant,
    sim: EnosSimulator,
    cause: Break,
    key: str,
    placeholders: dict[str, str],
) -> None:
    """The same answers work once the platform does."""
    cause(sim)
    result = await fill_in(hass, answers_for(sim))
    assert result["errors"] == {"base": key}
    assert (result["description_placeholders"] or {}).items() >= placeholders.items()

    mend(sim)
    result = await hass.config_entries.flow.async_configure(
        result["flow_id"], answers_for(sim)
    )
    await hass.async_block_till_done(wait_background_tasks=True)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert is_well(hass, result["result"])


# In a poll


@each_fault
async def test_a_poll_that_fails_says_why_once_and_the_next_recovers(
    hass: HomeAssistant,
    sim: EnosSimulator,
    account: MockConfigEntry,
    neighbour: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
    cause: Break,
    key: str,
    placeholders: dict[str, str],
) -> None:
    """Its entities are unavailable meanwhile, those of another account are not."""
    assert is_well(hass, account)
    caplog.clear()
    cause(sim)
    for _ in range(2):
        await poll(hass, account)
        assert states(hass, account, "sensor") == {STATE_UNAVAILABLE}
        assert STATE_OFF in states(hass, account, "binary_sensor")
    await poll(hass, neighbour)
    assert is_well(hass, neighbour)
    assert account.state is ConfigEntryState.LOADED
    assert not list(account.async_get_active_flows(hass, {SOURCE_REAUTH}))

    mend(sim)
    await poll(hass, account)
    assert is_well(hass, account)
    assert told(caplog) == [
        f"Error fetching {account.title} data: {message(key, placeholders)}",
        f"Fetching {account.title} data recovered",
    ]


@each_refusal
async def test_credentials_that_are_refused_are_asked_for(
    hass: HomeAssistant,
    sim: EnosSimulator,
    account: MockConfigEntry,
    neighbour: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
    cause: Break,
    key: str,
) -> None:
    """Once, and what is given now is used at once."""
    caplog.clear()
    cause(sim)
    for _ in range(2):
        await poll(hass, account)
        assert states(hass, account, "sensor") == {STATE_UNAVAILABLE}
    assert told(caplog) == [
        f"Authentication failed while fetching {account.title} data: {message(key, {})}"
    ]
    await poll(hass, neighbour)
    assert is_well(hass, neighbour)

    [flow] = account.async_get_active_flows(hass, {SOURCE_REAUTH})
    mend(sim)
    sim.change_secret("the new secret")
    result = await hass.config_entries.flow.async_configure(
        flow["flow_id"], answers_for(sim) | {"secret_key": "the new secret"}
    )
    await hass.async_block_till_done(wait_background_tasks=True)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reauth_successful"
    assert is_well(hass, account)


@each_fault
async def test_an_account_waits_for_a_platform_with_a_fault(
    hass: HomeAssistant,
    sim: EnosSimulator,
    entry: MockConfigEntry,
    cause: Break,
    key: str,
    placeholders: dict[str, str],
) -> None:
    """Home Assistant tries again, and says why until then."""
    cause(sim)
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.reason == message(key, placeholders)

    mend(sim)
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert is_well(hass, entry)


@each_refusal
async def test_an_account_with_wrong_credentials_does_not_start(
    hass: HomeAssistant,
    sim: EnosSimulator,
    entry: MockConfigEntry,
    cause: Break,
    key: str,
) -> None:
    """It asks for the right ones instead."""
    cause(sim)
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert entry.reason == message(key, {})
    assert list(entry.async_get_active_flows(hass, {SOURCE_REAUTH}))


# In an action


@each_fault
async def test_an_action_that_fails_says_why_and_may_be_asked_for_again(
    hass: HomeAssistant,
    sim: EnosSimulator,
    account: MockConfigEntry,
    budget: CallBudget,
    cause: Break,
    key: str,
    placeholders: dict[str, str],
) -> None:
    """Nothing was created; neither the guard nor an issue stands in the way."""
    usual = budget.limit
    upgrade = upgrade_of_a_free_group(account, sim)
    cause(sim)
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, CREATE, **upgrade)
    assert str(raised.value) == message(key, placeholders)
    assert len(sim.jobs()) == 1
    assert is_well(hass, account)

    mend(sim)
    budget.limit = usual  # a throttle halves it for some minutes
    await act(hass, CREATE, **upgrade)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert len(sim.jobs()) == 2


@each_refusal
async def test_an_action_with_refused_credentials_asks_for_new_ones(
    hass: HomeAssistant,
    sim: EnosSimulator,
    account: MockConfigEntry,
    cause: Break,
    key: str,
) -> None:
    """And says so."""
    cause(sim)
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, "get_upgrade_tasks", config_entry_id=account.entry_id)
    assert str(raised.value) == message(key, {})
    assert list(account.async_get_active_flows(hass, {SOURCE_REAUTH}))


@pytest.mark.parametrize("says_when", [True, False])
async def test_an_action_that_is_throttled_once_waits_and_works(
    hass: HomeAssistant, sim: EnosSimulator, account: MockConfigEntry, says_when: bool
) -> None:
    """Nothing was created, so it may be sent once more."""
    upgrade = upgrade_of_a_free_group(account, sim)
    throttles(says_when=says_when, count=1)(sim, CREATION)
    answer = await act(hass, CREATE, **upgrade)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert sim.calls.count(CREATION) == 2
    assert [job.job_id for job in sim.jobs()][1:] == [answer["task_id"]]


@pytest.mark.parametrize(
    ("code", "key"),
    [
        (codes.NOT_VERIFIED, "rejected_package_not_verified"),
        (codes.DENIED, "rejected_not_authorized"),
    ],
    ids=["unverified", "no permission"],
)
async def test_a_creation_that_only_the_platform_refuses_says_why(
    hass: HomeAssistant,
    sim: EnosSimulator,
    account: MockConfigEntry,
    code: Code,
    key: str,
) -> None:
    """What could not be known before: a verification withdrawn, a permission."""
    refuses(code)(sim, CREATION)
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, CREATE, **upgrade_of_a_free_group(account, sim))
    assert str(raised.value) == message(key, {"code": str(code.code)})
    assert sim.calls.count(CREATION) == 1
    assert len(sim.jobs()) == 1
    assert is_well(hass, account)


@pytest.mark.parametrize(
    "cause",
    [answers_with(500), answers_with(503), refuses(codes.INTERNAL)],
    ids=["500", "503", "99500"],
)
async def test_a_creation_that_fails_on_the_platform_is_not_sent_again(
    hass: HomeAssistant, sim: EnosSimulator, account: MockConfigEntry, cause: Break
) -> None:
    """It is looked for, and where it is not found somebody is asked."""
    upgrade = upgrade_of_a_free_group(account, sim)
    cause(sim, CREATION)
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, CREATE, **upgrade)
    assert raised.value.translation_key == "unsettled_none"
    assert sim.calls.count(CREATION) == 1
    assert "unsettled_create" in issues(hass)

    mend(sim)
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, CREATE, **upgrade)
    assert raised.value.translation_key == "create_unsettled"
    assert sim.calls.count(CREATION) == 1
    await poll(hass, account)
    assert is_well(hass, account)


# Jobs that others stop or delete


async def test_a_job_that_is_stopped_on_the_platform_is_told_and_followed(
    hass: HomeAssistant, sim: EnosSimulator, account: MockConfigEntry
) -> None:
    """By its sensors and an event; so is that it goes on."""
    heard = listen(hass)
    [job] = sim.jobs()
    count = str(len(sim.tasks(job.job_id)))
    sim.stop_job(job.job_id)
    await poll(hass, account)
    shown = states_of(hass, account, job.job_id)
    assert shown["status"] == "stopped"
    # What was under way goes on.
    assert shown["devices_processing"] == count
    assert heard == [("stopped", job.job_id)]

    sim.start_job(job.job_id)
    await poll(hass, account)
    assert states_of(hass, account, job.job_id)["status"] == "processing"
    assert heard == [("stopped", job.job_id), ("restarted", job.job_id)]
    assert is_well(hass, account)


async def test_a_job_that_is_deleted_on_the_platform_is_told_and_gone(
    hass: HomeAssistant, sim: EnosSimulator, account: MockConfigEntry
) -> None:
    """Its device goes with it, and who asks for it is told."""
    heard = listen(hass)
    [job] = sim.jobs()
    identifier = task_identifier(account, job.job_id)
    devices = dr.async_get(hass)
    assert devices.async_get_device_by_identifier(identifier, account.entry_id)
    sim.stop_job(job.job_id)
    sim.delete_job(job.job_id)
    await poll(hass, account)
    assert heard == [("deleted", job.job_id)]
    assert not devices.async_get_device_by_identifier(identifier, account.entry_id)
    assert is_well(hass, account)
    for action in ("get_upgrade_task", "get_subtasks", "start_upgrade_task"):
        with pytest.raises(HomeAssistantError) as raised:
            await act(
                hass, action, config_entry_id=account.entry_id, task_id=job.job_id
            )
        assert str(raised.value) == message("rejected_task_missing", {"code": "24404"})
