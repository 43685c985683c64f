"""Plans of waves on the platforms that there are, from the press to the end."""

from types import MappingProxyType
from typing import Any

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fleet_upgrade.const import CONF_PLATFORM, SUBENTRY_PLAN
from custom_components.fleet_upgrade.plan import Plan, Wave, stored_plan
from simulator.enos import EnosSimulator
from simulator.enos.model import JobStatus
from simulator.oceanconnect import OceanConnectSimulator

from .actions import act
from .enos_account import CREATE, answers_for
from .planning import entities_of, press, shown
from .test_action_create import offer

WAVES = (Wave(share=30), Wave(share=70))


async def put_plan(
    hass: HomeAssistant, account: MockConfigEntry, **values: Any
) -> None:
    """Let the account have a plan."""
    plan = Plan(plan_id="plan", name="Meters", **values)
    hass.config_entries.async_add_subentry(
        account,
        ConfigSubentry(
            data=MappingProxyType(stored_plan(plan)),
            subentry_id="plan",
            subentry_type=SUBENTRY_PLAN,
            title="Meters",
            unique_id=None,
        ),
    )
    await hass.async_block_till_done(wait_background_tasks=True)


async def look(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Let the account be polled, and what follows happen."""
    await hass.async_block_till_done(wait_background_tasks=True)
    await account.runtime_data.async_refresh()
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_on_oceanconnect_waves_take_each_meant_device_of_a_mixed_group(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    account: MockConfigEntry,
) -> None:
    """The platform lists IDs only for a group; others of it are left out."""
    firmware = offer(oceanconnect, "firmware")
    [group] = [group for group in oceanconnect.groups() if group.name == firmware.group]
    meant = set(group.members) & set(firmware.devices)
    assert meant < set(group.members)
    before = {task.task_id for task in oceanconnect.tasks()}
    for task in oceanconnect.tasks():
        oceanconnect.finish_task(task.task_id)
    await look(hass, account)
    await put_plan(
        hass,
        account,
        action="create_firmware_upgrade_task",
        values={"package": firmware.package},
        device_groups=(firmware.group,),
        waves=WAVES,
    )
    upgraded: list[str] = []
    for wave in ("1", "2"):
        if wave == "1":
            await press(hass, account, "plan")
        assert shown(hass, account, "plan", "plan_wave") == wave
        [task] = [
            task
            for task in oceanconnect.tasks()
            if task.task_id not in before and task.stopped is None
        ]
        upgraded += task.targets.devices or ()
        oceanconnect.finish_task(task.task_id)
        await look(hass, account)
    assert shown(hass, account, "plan", "plan_state") == "finished"
    assert sorted(upgraded) == sorted(meant)


class TestOnEnos:
    """The other platform, which stops what a failed wave leaves running."""

    @pytest.fixture
    def sim(self, enos: EnosSimulator) -> EnosSimulator:
        """Return a platform without jobs; searches do not lag."""
        enos.reset(jobs=0, index_lag=0, speed=0)
        return enos

    @pytest.fixture
    def credentials(self, sim: EnosSimulator) -> dict[str, Any]:
        """Return the data of an account on the simulated platform."""
        return {CONF_PLATFORM: "enos", **answers_for(sim)}

    async def test_waves_take_each_device_of_the_product(
        self, hass: HomeAssistant, sim: EnosSimulator, account: MockConfigEntry
    ) -> None:
        """One job after the other."""
        meant = await self._start(hass, sim, account)
        upgraded: list[str] = []
        for number in (1, 2):
            assert shown(hass, account, "plan", "plan_wave") == str(number)
            job = sim.jobs()[-1]
            upgraded += job.scope.device_keys or ()
            sim.finish_job(job.job_id)
            await look(hass, account)
            await look(hass, account)
        assert shown(hass, account, "plan", "plan_state") == "finished"
        assert len(sim.jobs()) == 2
        assert sorted(upgraded) == sorted(meant)

    async def test_a_group_chosen_by_name_is_not_upgraded_beside_a_wave_of_it(
        self, hass: HomeAssistant, sim: EnosSimulator, account: MockConfigEntry
    ) -> None:
        """A form offers names, and jobs have IDs."""
        await self._start(hass, sim, account, by_name=True)
        firmware = sim.firmware(verified=True)[0]
        group = sim.groups(firmware)[0]
        for named in (group.group_id, group.name.default):
            with pytest.raises(ServiceValidationError) as raised:
                await act(
                    hass,
                    CREATE,
                    config_entry_id=account.entry_id,
                    package=firmware.firmware_id,
                    device_groups=[named],
                )
            assert raised.value.translation_key == "targets_busy"
        assert len(sim.jobs()) == 1

    async def test_a_plan_that_is_stopped_stops_its_job(
        self, hass: HomeAssistant, sim: EnosSimulator, account: MockConfigEntry
    ) -> None:
        """And no further wave begins."""
        await self._start(hass, sim, account)
        await press(hass, account, "plan", "stop_plan")
        await look(hass, account)
        [job] = sim.jobs()
        assert job.status is JobStatus.STOPPED
        assert shown(hass, account, "plan", "plan_state") == "stopped"
        event = hass.states.get(entities_of(hass, account, "plan")["plan_waves"])
        assert event is not None
        assert event.attributes["reason"] == "by_hand"

    async def _start(
        self,
        hass: HomeAssistant,
        sim: EnosSimulator,
        account: MockConfigEntry,
        *,
        by_name: bool = False,
    ) -> list[str]:
        """Start a plan for a group with devices of several products."""
        firmware = sim.firmware(verified=True)[0]
        group = sim.groups(firmware)[0]
        meant = [device.device_key for device in sim.devices(firmware, group)]
        assert len(group.members) > len(meant)
        await put_plan(
            hass,
            account,
            action=CREATE,
            values={"package": firmware.firmware_id},
            device_groups=(group.name.default if by_name else group.group_id,),
            waves=WAVES,
        )
        await press(hass, account, "plan")
        return meant
