"""A plan becomes an upgrade task at the press of its button, once, or not at all."""

from collections.abc import Callable
from types import MappingProxyType

from homeassistant.auth.models import User
from homeassistant.components.diagnostics import REDACTED
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import (
    HomeAssistantError,
    ServiceValidationError,
    Unauthorized,
    UnknownUser,
)
from homeassistant.helpers import device_registry as dr, issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.fleet_upgrade import async_remove_config_entry_device
from custom_components.fleet_upgrade.const import (
    CONF_GUARD_MINUTES,
    CONF_PLATFORM,
    DOMAIN,
)
from custom_components.fleet_upgrade.plan_check import CHECK_INTERVAL
from custom_components.fleet_upgrade.plan_entity import plan_identifier
from custom_components.fleet_upgrade.writes import CreateEntry
from simulator.enos import EnosSimulator
from simulator.faults import Fault, FaultKind
from simulator.oceanconnect import OceanConnectSimulator
from simulator.oceanconnect.platform import Platform

from .enos_account import answers_for, upgrade_of_a_free_group, with_one_job
from .planning import Data, add_plan, entities_of, fill_in, open_form, press, shown
from .test_action_create import OPERATIONS, Offer, offer

FIRMWARE = "create_firmware_upgrade_task"


@pytest.fixture
def firmware(oceanconnect: OceanConnectSimulator) -> Offer:
    """Return a firmware package and what it is for."""
    oceanconnect.reset(tasks=0)
    return offer(oceanconnect, "firmware")


@pytest.fixture
async def plan_id(
    hass: HomeAssistant, firmware: Offer, account: MockConfigEntry
) -> str:
    """Make a plan and return its ID."""
    return await add_plan(
        hass,
        account,
        {
            "package": firmware.package,
            "device_groups": [firmware.group],
            "execution": "when_online",
            "retries": 2,
        },
        action=FIRMWARE,
    )


def creations(account: MockConfigEntry) -> list[CreateEntry]:
    """Return what the journal has."""
    entries: list[CreateEntry] = account.runtime_data.writer.journal.all_of(CreateEntry)
    return entries


async def test_a_press_creates_the_upgrade_task(
    hass: HomeAssistant,
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    firmware: Offer,
    plan_id: str,
) -> None:
    """With the plan's package, group and policy; its sensors tell."""
    assert shown(hass, account, plan_id, "plan_last_status") == "unknown"
    assert shown(hass, account, plan_id, "plan_last_run") == "unknown"
    await press(hass, account, plan_id)

    [task] = oceanconnect.tasks()
    assert task.package.file_id == firmware.package
    assert task.targets.groups == (firmware.group,)
    assert task.policy.retries == 2
    [entry] = creations(account)
    assert (entry.origin or "").startswith(f"plan:{plan_id}:")
    assert shown(hass, account, plan_id, "plan_last_status") in (
        "waiting",
        "processing",
    )
    assert (
        shown(hass, account, plan_id, "plan_last_run")
        == entry.asked_at.replace(microsecond=0).isoformat()
    )

    oceanconnect.finish_task(task.task_id)
    await account.runtime_data.async_refresh()
    await hass.async_block_till_done()
    assert shown(hass, account, plan_id, "plan_last_status") in ("succeeded", "failed")


async def test_a_second_press_is_refused_without_advice_that_a_button_cannot_follow(
    hass: HomeAssistant,
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    plan_id: str,
) -> None:
    """A button has no force."""
    await press(hass, account, plan_id)
    last_run = shown(hass, account, plan_id, "plan_last_run")
    with pytest.raises(ServiceValidationError) as refusal:
        await press(hass, account, plan_id)
    assert refusal.value.translation_key == "plan_repeated"
    assert len(oceanconnect.tasks()) == 1
    assert shown(hass, account, plan_id, "plan_last_run") == last_run


async def test_devices_that_are_being_upgraded_are_left_alone(
    hass: HomeAssistant,
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    plan_id: str,
) -> None:
    """Also when the guard's minutes are over."""
    hass.config_entries.async_update_entry(account, options={CONF_GUARD_MINUTES: 0})
    await hass.config_entries.async_reload(account.entry_id)
    await press(hass, account, plan_id)
    with pytest.raises(ServiceValidationError) as refusal:
        await press(hass, account, plan_id)
    assert refusal.value.translation_key == "plan_busy"
    assert len(oceanconnect.tasks()) == 1


async def test_a_plan_takes_no_device_back_to_an_older_version(
    hass: HomeAssistant,
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    firmware: Offer,
    plan_id: str,
) -> None:
    """A button has nothing to allow it with."""
    for device in oceanconnect.devices():
        device.firmware = "V99.0"
    with pytest.raises(ServiceValidationError) as refusal:
        await press(hass, account, plan_id)
    assert refusal.value.translation_key == "plan_downgrade"
    assert "V99.0" in str(refusal.value)
    assert oceanconnect.tasks() == []
    assert creations(account) == []


async def test_a_creation_without_an_answer_blocks_the_next(
    hass: HomeAssistant,
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    plan_id: str,
) -> None:
    """Nothing is asked for twice that may have been done."""
    oceanconnect.faults.add(
        Fault(kind=FaultKind.STATUS, method="POST", path=OPERATIONS, status=503)
    )
    with pytest.raises(HomeAssistantError) as lost:
        await press(hass, account, plan_id)
    assert lost.value.translation_key == "unsettled_none"
    assert shown(hass, account, plan_id, "plan_last_status") == "unknown"
    with pytest.raises(ServiceValidationError) as refusal:
        await press(hass, account, plan_id)
    assert refusal.value.translation_key == "create_unsettled"
    assert oceanconnect.tasks() == []


def lose_package(platform: Platform, offered: Offer) -> None:
    """Delete the package of the plan."""
    del platform.packages[offered.package]


def lose_group(platform: Platform, offered: Offer) -> None:
    """Delete the group of the plan."""
    [group_id] = [
        group.group_id
        for group in platform.groups.values()
        if group.name == offered.group
    ]
    del platform.groups[group_id]


LOSSES = pytest.mark.parametrize(
    ("lose", "key", "named"),
    [
        (lose_package, "plan_package_gone", "package"),
        (lose_group, "plan_group_gone", "groups"),
    ],
    ids=["package", "group"],
)


@LOSSES
async def test_what_is_gone_from_the_platform_is_named_before_anything_is_sent(
    hass: HomeAssistant,
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    firmware: Offer,
    plan_id: str,
    lose: Callable[[Platform, Offer], None],
    key: str,
    named: str,
) -> None:
    """Nothing is written in the journal either."""
    platform = oceanconnect.platform
    oceanconnect.call(lambda: lose(platform, firmware))
    with pytest.raises(ServiceValidationError) as refusal:
        await press(hass, account, plan_id)
    assert refusal.value.translation_key == key
    assert (refusal.value.translation_placeholders or {})[named] in firmware
    assert creations(account) == []
    assert oceanconnect.tasks() == []
    assert shown(hass, account, plan_id, "plan_last_run") == "unknown"


@LOSSES
async def test_what_is_gone_is_told_of_before_anybody_starts_the_plan(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    firmware: Offer,
    plan_id: str,
    lose: Callable[[Platform, Offer], None],
    key: str,
    named: str,
) -> None:
    """By an issue, which ends with its cause; an outage is none."""
    issue_id = f"plans_outdated_{account.entry_id}"

    async def hours_later() -> None:
        async_fire_time_changed(hass, dt_util.utcnow() + CHECK_INTERVAL)
        await hass.async_block_till_done(wait_background_tasks=True)

    assert issue_registry.async_get_issue(DOMAIN, issue_id) is None
    platform = oceanconnect.platform
    oceanconnect.call(lambda: lose(platform, firmware))
    await hours_later()
    issue = issue_registry.async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    gone = firmware.package if named == "package" else firmware.group
    assert issue.translation_placeholders == {
        "account": account.title,
        "missing": f"Nightly meters ({gone})",
    }

    oceanconnect.faults.add(Fault(kind=FaultKind.STATUS, status=503, count=None))
    await hours_later()
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is issue

    oceanconnect.faults.clear()
    hass.config_entries.async_remove_subentry(account, plan_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is None


async def test_an_automation_starts_a_plan_and_the_journal_names_it(
    hass: HomeAssistant,
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    plan_id: str,
) -> None:
    """Whoever triggered it."""
    button = entities_of(hass, account, plan_id)["start_plan"]
    assert await async_setup_component(
        hass,
        "automation",
        {
            "automation": {
                "alias": "Every night",
                "triggers": {"trigger": "event", "event_type": "night"},
                "actions": {"action": "button.press", "target": {"entity_id": button}},
            }
        },
    )
    await hass.async_block_till_done()
    hass.bus.async_fire("night")
    await hass.async_block_till_done(wait_background_tasks=True)

    assert len(oceanconnect.tasks()) == 1
    [entry] = creations(account)
    assert entry.asker.name == "Every night"


async def test_only_an_administrator_starts_a_plan(
    hass: HomeAssistant,
    hass_admin_user: User,
    hass_read_only_user: User,
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    plan_id: str,
) -> None:
    """As the actions that create are for administrators."""
    hass_read_only_user.mock_policy({"entities": True})  # type: ignore[attr-defined]
    for context, error in (
        (Context(user_id=hass_read_only_user.id), Unauthorized),
        (Context(user_id="nobody"), UnknownUser),
    ):
        with pytest.raises(error):
            await press(hass, account, plan_id, context=context)
    assert oceanconnect.tasks() == []

    await press(hass, account, plan_id, context=Context(user_id=hass_admin_user.id))
    [entry] = creations(account)
    assert entry.asker.user_id == hass_admin_user.id


async def test_a_plan_remembers_its_last_run_after_a_restart(
    hass: HomeAssistant,
    account: MockConfigEntry,
    plan_id: str,
) -> None:
    """From the journal."""
    await press(hass, account, plan_id)
    before = [
        shown(hass, account, plan_id, what)
        for what in ("plan_last_run", "plan_last_status")
    ]
    await hass.config_entries.async_reload(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert "unknown" not in before
    assert before == [
        shown(hass, account, plan_id, what)
        for what in ("plan_last_run", "plan_last_status")
    ]


async def test_the_device_leaves_with_the_plan(
    hass: HomeAssistant,
    device_registry: dr.DeviceRegistry,
    account: MockConfigEntry,
    plan_id: str,
) -> None:
    """Nobody can delete it before, and no restart is needed."""
    device = device_registry.async_get_device_by_identifier(
        plan_identifier(plan_id), account.entry_id
    )
    assert device is not None
    assert not await async_remove_config_entry_device(hass, account, device)
    button = entities_of(hass, account, plan_id)["start_plan"]

    hass.config_entries.async_remove_subentry(account, plan_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert device_registry.async_get(device.id) is None
    assert hass.states.get(button) is None
    assert account.runtime_data.plans.all == {}


async def test_a_changed_plan_is_what_is_started(
    hass: HomeAssistant,
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    firmware: Offer,
    plan_id: str,
) -> None:
    """No restart is needed."""
    form = await open_form(hass, account, plan_id)
    form = await fill_in(hass, form, name="Meters", action=FIRMWARE)
    await fill_in(
        hass,
        form,
        package=firmware.package,
        device_groups=[firmware.group],
        execution="now",
        retries=0,
    )
    await press(hass, account, plan_id)
    [task] = oceanconnect.tasks()
    assert task.policy.retries == 0


@pytest.mark.parametrize(
    "data",
    [
        {"action": FIRMWARE, "values": "nonsense", "device_groups": []},
        {"action": "from_the_future", "values": {}, "device_groups": ["North"]},
    ],
)
async def test_a_plan_that_makes_no_sense_is_left_out_and_told_of(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    caplog: pytest.LogCaptureFixture,
    account: MockConfigEntry,
    plan_id: str,
    data: Data,
) -> None:
    """The others work, and so does the account."""
    subentry = ConfigSubentry(
        data=MappingProxyType(data),
        subentry_type="plan",
        title="Odd",
        unique_id=None,
    )
    hass.config_entries.async_add_subentry(account, subentry)
    await hass.async_block_till_done(wait_background_tasks=True)

    assert set(account.runtime_data.plans.all) == {plan_id}
    assert "The upgrade plan Odd" in caplog.text
    issue_id = f"plans_unreadable_{account.entry_id}"
    issue = issue_registry.async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    assert (issue.translation_placeholders or {})["plans"] == "Odd"
    await press(hass, account, plan_id)

    hass.config_entries.async_remove_subentry(account, subentry.subentry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is None


async def test_diagnostics_count_what_a_plan_names(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    account: MockConfigEntry,
    firmware: Offer,
    plan_id: str,
) -> None:
    """Neither the plan nor its groups are named; an odd one is there, too."""
    hass.config_entries.async_add_subentry(
        account,
        ConfigSubentry(
            data=MappingProxyType({}), subentry_type="plan", title="Odd", unique_id=None
        ),
    )
    await hass.async_block_till_done(wait_background_tasks=True)
    diagnostics = await get_diagnostics_for_config_entry(hass, hass_client, account)
    assert diagnostics["plans"] == [
        {
            "action": FIRMWARE,
            "values": {"package": REDACTED, "execution": REDACTED, "retries": 2},
            "device_groups": 1,
            "waves": 0,
        },
        None,
    ]


async def test_a_press_is_never_lost_while_the_platform_does_not_answer(
    hass: HomeAssistant,
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    plan_id: str,
) -> None:
    """Home Assistant would skip a button that is unavailable, without a word."""
    outage = Fault(kind=FaultKind.STATUS, status=503, count=None)
    oceanconnect.faults.add(outage)
    await account.runtime_data.async_refresh()
    await hass.async_block_till_done()
    assert shown(hass, account, plan_id, "plan_last_run") == "unavailable"
    with pytest.raises(HomeAssistantError) as failure:
        await press(hass, account, plan_id)
    assert failure.value.translation_key == "server_error"

    oceanconnect.faults.clear()
    await press(hass, account, plan_id)
    assert len(oceanconnect.tasks()) == 1


class TestOnEnos:
    """The other platform."""

    @pytest.fixture
    def sim(self, enos: EnosSimulator) -> EnosSimulator:
        """Return a platform with a job that has not ended."""
        return with_one_job(enos)

    @pytest.fixture
    def credentials(self, sim: EnosSimulator) -> Data:
        """Return the data of an account on the simulated platform."""
        return {CONF_PLATFORM: "enos", **answers_for(sim)}

    async def test_a_press_creates_the_job(
        self, hass: HomeAssistant, account: MockConfigEntry, sim: EnosSimulator
    ) -> None:
        """For the group of the plan."""
        upgrade = upgrade_of_a_free_group(account, sim)
        del upgrade["config_entry_id"]
        plan_id = await add_plan(hass, account, upgrade | {"name": "Inverters"})
        before = {job.job_id for job in sim.jobs()}
        await press(hass, account, plan_id)

        [job] = [job for job in sim.jobs() if job.job_id not in before]
        assert list(job.scope.group_ids or ()) == upgrade["device_groups"]
        assert shown(hass, account, plan_id, "plan_last_status") != "unknown"
