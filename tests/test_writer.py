"""What holds for whatever is written: an account that only reads writes nothing."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fleet_upgrade.const import CONF_READ_ONLY
from simulator.enos import EnosSimulator
from simulator.oceanconnect import OceanConnectSimulator

from .actions import act
from .enos_account import CREATE, upgrade_of_a_free_group, with_one_job
from .tiny_platform import set_up


@pytest.fixture
async def reader(hass: HomeAssistant, entry: MockConfigEntry) -> MockConfigEntry:
    """Return an account that only reads, and has been running before."""
    await set_up(hass, entry)
    hass.config_entries.async_update_entry(entry, options={CONF_READ_ONLY: True})
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    return entry


async def refused(
    hass: HomeAssistant, account: MockConfigEntry, name: str, **data: Any
) -> None:
    """Expect an action to be refused before anything is written down."""
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, name, **data)
    assert raised.value.translation_key == "account_read_only"
    assert account.title in str(raised.value)
    assert "selects Configure for it and switches Read only off" in str(raised.value)
    assert list(account.runtime_data.writer.journal.entries) == []


async def test_an_account_that_only_reads_creates_nothing(
    hass: HomeAssistant, reader: MockConfigEntry, oceanconnect: OceanConnectSimulator
) -> None:
    """Whoever asks, even by force; a dry run tells what it would be."""
    tasks = len(oceanconnect.tasks())
    data: dict[str, Any] = {
        "config_entry_id": reader.entry_id,
        "package": oceanconnect.packages("firmware")[0].file_id,
        "device_groups": [oceanconnect.groups()[0].name],
    }
    name = "create_firmware_upgrade_task"
    await refused(hass, reader, name, **data)
    await refused(hass, reader, name, **data, force=True)
    await refused(
        hass,
        reader,
        name,
        **data | {"device_groups": [f"Group {number}" for number in range(300)]},
    )
    assert oceanconnect.calls.count("/iodm/", "POST") == 0
    assert len(oceanconnect.tasks()) == tasks

    answer = await act(hass, name, **data, dry_run=True)
    assert answer["request"]["method"] == "POST"

    hass.config_entries.async_update_entry(reader, options={CONF_READ_ONLY: False})
    await hass.config_entries.async_reload(reader.entry_id)
    await act(hass, name, **data)
    assert len(oceanconnect.tasks()) == tasks + 1


class TestWhereTasksCanBeChanged:
    """An account on a platform that can do more than create."""

    @pytest.fixture
    def sim(self, enos: EnosSimulator) -> EnosSimulator:
        """Return a platform with one job."""
        return with_one_job(enos)

    @pytest.fixture
    def credentials(self, sim: EnosSimulator) -> dict[str, Any]:
        """Return the data of an account on it."""
        return {
            "platform": "enos",
            "address": sim.url,
            "access_key": sim.access_key,
            "secret_key": sim.secret_key,
            "org_id": sim.org_id,
        }

    async def test_an_account_that_only_reads_changes_nothing(
        self, hass: HomeAssistant, reader: MockConfigEntry, sim: EnosSimulator
    ) -> None:
        """Neither a task nor its subtasks; what only reads still works."""
        [job] = sim.jobs()
        devices = [task.device_key for task in sim.tasks(job.job_id)][:1]
        data = {"config_entry_id": reader.entry_id, "task_id": job.job_id}
        for name in ("start", "stop", "delete"):
            await refused(hass, reader, f"{name}_upgrade_task", **data)
        for name in ("cancel_subtasks", "retry_subtasks"):
            await refused(hass, reader, name, **data, devices=devices)
        await refused(hass, reader, CREATE, **upgrade_of_a_free_group(reader, sim))
        assert [each.job_id for each in sim.jobs()] == [job.job_id]
        writes = ("create", "start", "stop", "delete", "cancelTask", "retryTask")
        assert not [
            call.path
            for call in sim.calls
            for action in writes
            if f"action={action}&" in f"{call.path}&"
        ]
        answer = await act(hass, "get_upgrade_task", **data)
        assert answer["task"]["task_id"] == job.job_id
