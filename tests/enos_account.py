"""An account on the simulated EnOS platform: its form, its tasks, an upgrade."""

from typing import Any

from homeassistant.config_entries import SOURCE_USER, ConfigEntry, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er

from custom_components.fleet_upgrade.const import CONF_PLATFORM, DOMAIN
from custom_components.fleet_upgrade.entity import task_identifier
from simulator.enos import EnosSimulator

CREATE = "create_ota_upgrade_task"

type Data = dict[str, Any]


def with_one_job(enos: EnosSimulator) -> EnosSimulator:
    """Leave one job on the platform, which has not ended; searches do not lag."""
    enos.reset(jobs=0, index_lag=0, speed=0)
    enos.add_job(status="upgrading")
    return enos


def answers_for(sim: EnosSimulator) -> Data:
    """Return what a person enters in the form."""
    return {
        "address": sim.url,
        "access_key": sim.access_key,
        "secret_key": sim.secret_key,
        "org_id": sim.org_id,
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


def upgrade_of_a_free_group(account: ConfigEntry, sim: EnosSimulator) -> Data:
    """Return the least that an upgrade of a device group needs.

    The group is not the one that the only job upgrades.
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
