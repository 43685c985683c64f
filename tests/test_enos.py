"""EnOS beside OceanConnect: the same form, entities and actions, over real HTTP."""

from typing import Any

from homeassistant.config_entries import SOURCE_USER, ConfigEntryState, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import voluptuous as vol

from custom_components.fleet_upgrade.const import CONF_PLATFORM, DOMAIN
from custom_components.fleet_upgrade.diagnostics import (
    async_get_config_entry_diagnostics,
)
from custom_components.fleet_upgrade.entity import task_identifier
from simulator.enos import EnosSimulator
from simulator.faults import Fault, FaultKind

from .actions import act

CREATE = "create_ota_upgrade_task"

type Data = dict[str, Any]


@pytest.fixture
def sim(enos: EnosSimulator) -> EnosSimulator:
    """Return a platform with a job that has not ended, whose searches do not lag."""
    enos.reset(jobs=0, index_lag=0, speed=0)
    enos.add_job(status="upgrading")
    return enos


@pytest.fixture
def answers(sim: EnosSimulator) -> Data:
    """Return what a person enters in the form."""
    return {
        "address": sim.url,
        "access_key": sim.access_key,
        "secret_key": sim.secret_key,
        "org_id": sim.org_id,
    }


@pytest.fixture
def credentials(answers: Data) -> Data:
    """Return the data of an account on the simulated platform."""
    return {CONF_PLATFORM: "enos", **answers}


@pytest.fixture
def group_upgrade(account: MockConfigEntry, sim: EnosSimulator) -> Data:
    """Return the least that an upgrade of a device group needs.

    The group is not the one that is being upgraded already.
    """
    [job] = sim.jobs()
    firmware = sim.firmware(verified=True)[0]
    group = next(
        group
        for group in sim.groups(firmware)
        if group.group_id not in groups_of(sim, job.job_id)
    )
    return {
        "config_entry_id": account.entry_id,
        "package": firmware.firmware_id,
        "device_groups": [group.group_id],
    }


async def fill_in(hass: HomeAssistant, answers: Data) -> ConfigFlowResult:
    """Choose the platform in the first form and fill in the second."""
    flow = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_USER}
    )
    form = await hass.config_entries.flow.async_configure(
        flow["flow_id"], {CONF_PLATFORM: "enos"}
    )
    assert form["step_id"] == "enos"
    return await hass.config_entries.flow.async_configure(form["flow_id"], answers)


def groups_of(sim: EnosSimulator, job_id: str) -> list[str]:
    """Return the IDs of the device groups that a job is for."""
    return list(sim.job(job_id).scope.group_ids or ())


def states_of(hass: HomeAssistant, account: Any, task_id: str) -> dict[str, str]:
    """Return the states of a task's sensors, by what they measure."""
    device = dr.async_get(hass).async_get_device_by_identifier(
        task_identifier(account, task_id), account.entry_id
    )
    assert device is not None
    sensors = er.async_entries_for_device(er.async_get(hass), device.id)
    return {
        str(sensor.translation_key): state.state
        for sensor in sensors
        if (state := hass.states.get(sensor.entity_id))
    }


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
