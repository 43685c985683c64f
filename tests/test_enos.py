"""EnOS beside OceanConnect: the same form, entities and actions, over real HTTP."""

from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import voluptuous as vol

from custom_components.fleet_upgrade.const import CONF_PLATFORM
from custom_components.fleet_upgrade.diagnostics import (
    async_get_config_entry_diagnostics,
)
from simulator.enos import EnosSimulator
from simulator.faults import Fault, FaultKind

from .actions import act
from .enos_account import (
    CREATE,
    Data,
    answers_for,
    fill_in,
    groups_of,
    states_of,
    upgrade_of_a_free_group,
    with_one_job,
)


@pytest.fixture
def sim(enos: EnosSimulator) -> EnosSimulator:
    """Return a platform with a job that has not ended, whose searches do not lag."""
    return with_one_job(enos)


@pytest.fixture
def answers(sim: EnosSimulator) -> Data:
    """Return what a person enters in the form."""
    return answers_for(sim)


@pytest.fixture
def credentials(answers: Data) -> Data:
    """Return the data of an account on the simulated platform."""
    return {CONF_PLATFORM: "enos", **answers}


@pytest.fixture
def group_upgrade(account: MockConfigEntry, sim: EnosSimulator) -> Data:
    """Return the least that an upgrade of a device group needs.

    The group is not the one that is being upgraded already.
    """
    return upgrade_of_a_free_group(account, sim)


async def test_an_account_is_added_and_shows_its_tasks(
    hass: HomeAssistant,
    sim: EnosSimulator,
    answers: Data,
    entity_registry_enabled_by_default: None,
) -> None:
    """From the form to the devices of an upgrade task and their counts."""
    result = await fill_in(hass, answers)
    await hass.async_block_till_done(wait_background_tasks=True)

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == f"EnOS {sim.org_id}"
    assert result["data"] == {CONF_PLATFORM: "enos", **answers}
    account = result["result"]
    assert account.unique_id == f"enos_{sim.org_id}_{sim.access_key}"
    assert account.state is ConfigEntryState.LOADED
    [job] = sim.jobs()
    count = str(len(sim.tasks(job.job_id)))
    shown = states_of(hass, account, job.job_id)
    assert shown["status"] == "processing"
    assert shown["devices_total"] == shown["devices_processing"] == count
    # EnOS counts none of these.
    assert shown["devices_stopped"] == shown["devices_timed_out"] == "unknown"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"secret_key": "wrong"}, {"base": "invalid_auth"}),
        ({"access_key": "wrong"}, {"base": "application_unknown"}),
        ({"org_id": "o1"}, {"base": "organization_denied"}),
        ({"address": "http://127.0.0.1/path"}, {"address": "address_invalid"}),
    ],
)
async def test_a_wrong_answer_is_told_and_repaired(
    hass: HomeAssistant, answers: Data, changes: Data, says: Data
) -> None:
    """Each has a message of its own, and the form goes on."""
    result = await fill_in(hass, answers | changes)
    assert result["type"] is FlowResultType.FORM
    assert result["errors"] == says

    result = await hass.config_entries.flow.async_configure(result["flow_id"], answers)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_too_many_calls_are_told_in_the_form(
    hass: HomeAssistant, sim: EnosSimulator, answers: Data
) -> None:
    """The form goes on when the platform allows calls again."""
    sim.faults.add(Fault(kind=FaultKind.THROTTLE, path="/token/get", count=None))
    result = await fill_in(hass, answers)
    assert result["errors"] == {"base": "throttled"}
    assert int((result["description_placeholders"] or {})["seconds"]) > 0


async def test_a_group_is_upgraded_and_its_sensors_appear(
    hass: HomeAssistant,
    account: MockConfigEntry,
    sim: EnosSimulator,
    group_upgrade: Data,
) -> None:
    """The task is there at once, and its counts run to the end."""
    answer = await act(hass, CREATE, **group_upgrade)
    await hass.async_block_till_done(wait_background_tasks=True)

    job = sim.job(answer["task_id"])
    assert groups_of(sim, job.job_id) == group_upgrade["device_groups"]
    states = states_of(hass, account, job.job_id)
    assert states["status"] in ("waiting", "processing")

    sim.finish_job(job.job_id, failed=1)
    await account.runtime_data.async_refresh()
    await hass.async_block_till_done(wait_background_tasks=True)
    states = states_of(hass, account, job.job_id)
    count = len(sim.tasks(job.job_id))
    assert states["status"] == "failed"
    assert states["progress"] == "100.0"
    assert states["devices_total"] == str(count)
    assert states["devices_succeeded"] == str(count - 1)
    assert states["devices_failed"] == "1"


async def test_a_dry_run_sends_nothing(
    hass: HomeAssistant, sim: EnosSimulator, group_upgrade: Data
) -> None:
    """It answers with the exact request."""
    answer = await act(hass, CREATE, **group_upgrade, dry_run=True)
    assert answer["task_id"] is None
    assert answer["request"]["query"] == {
        "action": "create",
        "firmwareId": group_upgrade["package"],
    }
    assert len(sim.jobs()) == 1


async def test_a_group_may_be_given_by_name(
    hass: HomeAssistant, sim: EnosSimulator, group_upgrade: Data
) -> None:
    """It is the same upgrade as one by ID, so it is not made twice."""
    [group_id] = group_upgrade["device_groups"]
    [name] = [each.name.default for each in sim.groups() if each.group_id == group_id]
    answer = await act(hass, CREATE, **group_upgrade | {"device_groups": [name]})
    assert answer["targets"]["device_groups"] == [group_id]
    assert groups_of(sim, answer["task_id"]) == [group_id]
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, CREATE, **group_upgrade)
    assert raised.value.translation_key == "create_repeated"


async def test_names_with_values_choose_devices(
    hass: HomeAssistant, group_upgrade: Data
) -> None:
    """As many as are given, each with one value or several."""
    del group_upgrade["device_groups"]
    answer = await act(
        hass,
        CREATE,
        **group_upgrade,
        tags={"site": ["north", "south"], 7: "b"},
        dry_run=True,
    )
    assert answer["targets"]["tags"] == {"site": ["north", "south"], "7": ["b"]}


@pytest.mark.parametrize(
    "tags", ["site", {"site": [["a"]]}, {"7": "a", 7: "b"}, {"site": float("nan")}]
)
async def test_what_is_no_mapping_is_refused(
    hass: HomeAssistant, sim: EnosSimulator, group_upgrade: Data, tags: Any
) -> None:
    """Before anything is sent."""
    del group_upgrade["device_groups"]
    with pytest.raises(vol.Invalid):
        await act(hass, CREATE, **group_upgrade, tags=tags)
    assert len(sim.jobs()) == 1


@pytest.mark.parametrize(
    ("scope", "again", "other"),
    [
        (
            {"tags": {"site": ["b", "a", "a"]}},
            {"tags": {"site": ["a", "b"]}},
            {"tags": {"site": ["c"]}},
        ),
        (
            {"attributes": {"power": [5, 7], "phase": [True]}},
            {"attributes": {"phase": [True], "power": [7, 5]}},
            {"attributes": {"power": ["9"], "phase": [True]}},
        ),
    ],
)
async def test_the_same_is_not_asked_for_twice_whatever_the_scope(
    hass: HomeAssistant,
    sim: EnosSimulator,
    group_upgrade: Data,
    scope: Data,
    again: Data,
    other: Data,
) -> None:
    """The order of values does not matter; other values are another upgrade."""
    del group_upgrade["device_groups"]
    await act(hass, CREATE, **group_upgrade, **scope)
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, CREATE, **group_upgrade, **again)
    assert raised.value.translation_key == "create_repeated"
    await act(hass, CREATE, **group_upgrade, **other)
    assert len(sim.jobs()) == 3


async def test_a_group_that_is_being_upgraded_is_not_upgraded_again(
    hass: HomeAssistant, sim: EnosSimulator, group_upgrade: Data
) -> None:
    """Whoever created the running task."""
    group_upgrade["device_groups"] = groups_of(sim, sim.jobs()[0].job_id)
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, CREATE, **group_upgrade)
    assert raised.value.translation_key == "targets_busy"
    assert len(sim.jobs()) == 1


async def test_unverified_firmware_is_refused(
    hass: HomeAssistant, sim: EnosSimulator, group_upgrade: Data
) -> None:
    """With a message of its own."""
    group_upgrade["package"] = sim.firmware(verified=False)[0].firmware_id
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, CREATE, **group_upgrade)
    assert raised.value.translation_key == "package_not_verified"


async def test_too_many_calls_are_told(
    hass: HomeAssistant, sim: EnosSimulator, group_upgrade: Data
) -> None:
    """Nothing is created, and the account goes on."""
    sim.faults.add(Fault(kind=FaultKind.THROTTLE, path="ota-jobs", count=None))
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, CREATE, **group_upgrade)
    assert raised.value.translation_key == "throttled"
    assert len(sim.jobs()) == 1


async def test_diagnostics_name_neither_application_nor_devices(
    hass: HomeAssistant, sim: EnosSimulator, account: MockConfigEntry
) -> None:
    """A bug report can be published."""
    told = str(await async_get_config_entry_diagnostics(hass, account))
    [job] = sim.jobs()
    assert [
        word
        for word in (
            sim.access_key,
            sim.secret_key,
            sim.org_id,
            job.job_id,
            *groups_of(sim, job.job_id),
            *(task.device_key for task in sim.tasks(job.job_id)),
        )
        if word in told
    ] == []
    assert "'status': 'processing'" in told


async def test_oceanconnects_action_is_not_for_enos(
    hass: HomeAssistant, group_upgrade: Data
) -> None:
    """A platform has the actions that it declares."""
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, "create_firmware_upgrade_task", **group_upgrade)
    assert raised.value.translation_key == "action_unsupported"
