"""Upgrade plans are made and changed in the user interface, from live lists."""

from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import cast

from homeassistant.config_entries import ConfigFlowResult, ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, UnknownHandler
from homeassistant.helpers import device_registry as dr
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fleet_upgrade import plan_fields
from custom_components.fleet_upgrade.action_answers import collect
from custom_components.fleet_upgrade.clients.registry import PLATFORMS
from custom_components.fleet_upgrade.const import CONF_PLATFORM
from simulator.enos import EnosSimulator
from simulator.faults import Fault, FaultKind
from simulator.oceanconnect import OceanConnectSimulator

from .enos_account import answers_for, upgrade_of_a_free_group, with_one_job
from .person import suggested
from .planning import Data, add_plan, entities_of, fill_in, open_form
from .test_action_create import Offer, offer
from .tiny_platform import set_up

FIRMWARE = "create_firmware_upgrade_task"


@pytest.fixture
def firmware(oceanconnect: OceanConnectSimulator) -> Offer:
    """Return a firmware package and what it is for."""
    return offer(oceanconnect, "firmware")


@pytest.fixture
def upgrade(firmware: Offer) -> Data:
    """Return what a person enters about the upgrade."""
    return {
        "package": firmware.package,
        "device_groups": [firmware.group],
        "execution": "when_online",
        "retries": 2,
    }


def as_form(form: object) -> ConfigFlowResult:
    """Return a form of a subentry as one that has all that these have in common."""
    return cast(ConfigFlowResult, form)


def options(form: object, field: str) -> dict[str, str]:
    """Return what a field offers: labels by their values."""
    schema = form["data_schema"].schema  # type: ignore[index]
    return {each["value"]: each["label"] for each in schema[field].config["options"]}


async def test_a_plan_is_made_from_what_the_platform_lists(
    hass: HomeAssistant,
    device_registry: dr.DeviceRegistry,
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    firmware: Offer,
    upgrade: Data,
) -> None:
    """It becomes a device below the account, without a restart."""
    form = await open_form(hass, account)
    form = await fill_in(hass, form, name="  Nightly meters ", action=FIRMWARE)

    assert form["step_id"] == "upgrade"
    assert form["errors"] == {}
    packages = options(form, "package")
    assert set(packages) == {
        package.file_id for package in oceanconnect.packages("firmware")
    }
    for part in (firmware.version, firmware.model, firmware.manufacturer):
        assert part in packages[firmware.package]
    assert suggested(as_form(form))["package"] == ""
    assert not takes_other_values(form, "package")
    assert firmware.group in options(form, "device_groups")
    assert takes_other_values(form, "device_groups")
    assert options_of_choice(form, "execution") == ["now", "when_online"]

    result = await fill_in(hass, form, **upgrade)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    [plan_id] = account.subentries
    subentry = account.subentries[plan_id]
    assert subentry.title == "Nightly meters"
    assert subentry.data == {
        "action": FIRMWARE,
        "values": {
            "package": firmware.package,
            "execution": "when_online",
            "retries": 2,
        },
        "device_groups": [firmware.group],
    }
    assert set(entities_of(hass, account, plan_id)) == {
        "start_plan",
        "plan_last_status",
        "plan_last_run",
    }
    [device] = [
        each
        for each in dr.async_entries_for_config_entry(device_registry, account.entry_id)
        if each.name == "Nightly meters"
    ]
    assert device.entry_type is dr.DeviceEntryType.SERVICE
    assert device.via_device_id is not None


def takes_other_values(form: object, field: str) -> bool:
    """Return whether something that is not offered can be entered."""
    config: Data = form["data_schema"].schema[field].config  # type: ignore[index]
    return bool(config["custom_value"])


def options_of_choice(form: object, field: str) -> list[str]:
    """Return what a choice offers."""
    choices: list[str] = form["data_schema"].schema[field].config["options"]  # type: ignore[index]
    return choices


@pytest.mark.parametrize(
    ("first", "error"),
    [({"name": "   "}, "name_missing"), ({"name": "NIGHTLY meters"}, "name_taken")],
)
async def test_a_plan_has_a_name_of_its_own(
    hass: HomeAssistant,
    account: MockConfigEntry,
    upgrade: Data,
    first: Data,
    error: str,
) -> None:
    """The form goes on."""
    await add_plan(hass, account, upgrade, action=FIRMWARE)
    form = await open_form(hass, account)
    form = await fill_in(hass, form, action=FIRMWARE, **first)
    assert form["errors"] == {"name": error}

    form = await fill_in(hass, form, name="Another", action=FIRMWARE)
    result = await fill_in(hass, form, **upgrade)
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"retries": 6}, "retries", "between 0 and 5"),
        ({"device_groups": ["  "]}, "device_groups", "Nothing is chosen"),
        ({"device_groups": ["Atlantis"]}, "device_groups", "Atlantis"),
        ({"package": "gone"}, "package", "package gone"),
        ({"package": " "}, "package", "needs a value"),
    ],
)
async def test_what_the_platform_would_refuse_is_told_in_the_form(
    hass: HomeAssistant,
    account: MockConfigEntry,
    upgrade: Data,
    changes: Data,
    field: str,
    says: str,
) -> None:
    """At the field, and the form goes on."""
    form = await open_form(hass, account)
    form = await fill_in(hass, form, name="Meters", action=FIRMWARE)
    form = await fill_in(hass, form, **upgrade | changes)
    assert form["errors"] == {field: "refused"}
    placeholders = form["description_placeholders"]
    assert placeholders is not None
    assert says in placeholders["refusal"]

    result = await fill_in(hass, form, **upgrade)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_a_package_of_the_other_kind_is_refused(
    hass: HomeAssistant, account: MockConfigEntry, upgrade: Data
) -> None:
    """Going back to the kind is not possible, but to a package that fits."""
    form = await open_form(hass, account)
    form = await fill_in(
        hass, form, name="Meters", action="create_software_upgrade_task"
    )
    assert upgrade["package"] not in options(form, "package")
    form = await fill_in(hass, form, **upgrade)
    assert form["errors"] == {"package": "refused"}
    assert options(form, "package")[upgrade["package"]] == upgrade["package"]


async def test_of_a_long_list_a_package_can_be_entered_by_its_id(
    hass: HomeAssistant,
    account: MockConfigEntry,
    upgrade: Data,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only then, as the frontend shows the ID in place of the name."""
    monkeypatch.setattr(plan_fields, "collect", partial(collect, limit=2))
    form = await open_form(hass, account)
    form = await fill_in(hass, form, name="Meters", action=FIRMWARE)
    assert len(options(form, "package")) == 2
    assert takes_other_values(form, "package")
    result = await fill_in(hass, form, **upgrade)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_a_plan_is_changed_while_the_platform_does_not_answer(
    hass: HomeAssistant,
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    upgrade: Data,
) -> None:
    """The form says so, shows what is stored, and stores what is written by hand."""
    plan_id = await add_plan(hass, account, upgrade, action=FIRMWARE)
    form = await open_form(hass, account, plan_id)
    assert suggested(as_form(form)) == {
        "name": "Nightly meters",
        "action": FIRMWARE,
        "waves": "none",
    }
    oceanconnect.faults.add(Fault(kind=FaultKind.STATUS, status=503, count=None))
    form = await fill_in(hass, form, name="Nightly meters", action=FIRMWARE)

    assert form["errors"] == {"base": "lists_unread"}
    assert suggested(as_form(form)) == upgrade
    assert takes_other_values(form, "package")
    result = await fill_in(hass, form, **upgrade | {"retries": 1})
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"
    assert account.subentries[plan_id].data["values"]["retries"] == 1


async def test_a_plan_is_changed_while_its_account_is_not_loaded(
    hass: HomeAssistant, account: MockConfigEntry, upgrade: Data
) -> None:
    """Rules are checked all the same."""
    plan_id = await add_plan(hass, account, upgrade, action=FIRMWARE)
    await hass.config_entries.async_unload(account.entry_id)
    form = await open_form(hass, account, plan_id)
    form = await fill_in(hass, form, name="Meters at night", action=FIRMWARE)
    assert form["errors"] == {"base": "account_not_loaded"}
    form = await fill_in(hass, form, **upgrade | {"retries": 9})
    assert form["errors"] == {"retries": "refused", "base": "account_not_loaded"}
    result = await fill_in(hass, form, **upgrade)
    assert result["type"] is FlowResultType.ABORT
    assert account.subentries[plan_id].title == "Meters at night"


async def test_a_changed_plan_keeps_its_device_and_entities(
    hass: HomeAssistant, account: MockConfigEntry, upgrade: Data
) -> None:
    """Only what was changed changes."""
    plan_id = await add_plan(hass, account, upgrade, action=FIRMWARE)
    before = entities_of(hass, account, plan_id)
    form = await open_form(hass, account, plan_id)
    form = await fill_in(hass, form, name="Meters", action=FIRMWARE)
    del upgrade["retries"]
    await fill_in(hass, form, **upgrade)

    assert entities_of(hass, account, plan_id) == before
    assert "retries" not in account.subentries[plan_id].data["values"]


async def test_waves_are_made_changed_and_dropped(
    hass: HomeAssistant, account: MockConfigEntry, upgrade: Data
) -> None:
    """What is wrong is told at its field; what was entered is shown again."""
    form = await open_form(hass, account)
    form = await fill_in(hass, form, name="Waves", action=FIRMWARE, waves="shares")
    form = await fill_in(hass, form, **upgrade)
    assert form["step_id"] == "waves"
    conditions = {
        "wanted_share": 80,
        "minimum": 2,
        "soak_minutes": 30,
        "needs_approval": True,
    }
    form = await fill_in(hass, form, wave_shares="10, 20", **conditions)
    assert form["errors"] == {"wave_shares": "refused"}
    placeholders = form["description_placeholders"]
    assert placeholders is not None
    assert "add up to 30" in placeholders["refusal"]
    assert suggested(as_form(form)) == {"wave_shares": "10, 20", **conditions}

    result = await fill_in(hass, form, wave_shares="10, 90", **conditions)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    [plan_id] = account.subentries
    stored = account.subentries[plan_id].data
    assert stored["waves"] == [{"share": 10}, {"share": 90}]
    assert conditions.items() <= stored.items()

    form = await open_form(hass, account, plan_id)
    assert suggested(as_form(form))["waves"] == "shares"
    form = await fill_in(hass, form, name="Waves", action=FIRMWARE, waves="shares")
    form = await fill_in(hass, form, **upgrade)
    assert suggested(as_form(form)) == {"wave_shares": "10, 90", **conditions}

    form = await open_form(hass, account, plan_id)
    form = await fill_in(hass, form, name="Waves", action=FIRMWARE, waves="none")
    result = await fill_in(hass, form, **upgrade)
    assert result["type"] is FlowResultType.ABORT
    assert "waves" not in account.subentries[plan_id].data


async def test_a_stored_plan_that_makes_no_sense_is_asked_for_anew(
    hass: HomeAssistant, account: MockConfigEntry, upgrade: Data
) -> None:
    """Its name stays."""
    subentry = ConfigSubentry(
        data=MappingProxyType({"action": "nonsense", "values": 1}),
        subentry_type="plan",
        title="Odd",
        unique_id=None,
    )
    hass.config_entries.async_add_subentry(account, subentry)
    await hass.async_block_till_done(wait_background_tasks=True)
    form = await open_form(hass, account, subentry.subentry_id)
    assert suggested(as_form(form))["name"] == "Odd"
    form = await fill_in(hass, form, name="Odd", action=FIRMWARE)
    await fill_in(hass, form, **upgrade)
    assert set(entities_of(hass, account, subentry.subentry_id))


async def test_an_account_without_create_actions_has_no_plans(
    hass: HomeAssistant, tiny_entry: MockConfigEntry
) -> None:
    """Home Assistant then offers none."""
    await set_up(hass, tiny_entry)
    assert tiny_entry.supported_subentry_types == {}
    with pytest.raises(UnknownHandler):
        await open_form(hass, tiny_entry)


WAVES: Data = {
    "wave_shares": "10, 90",
    "wanted_share": 80,
    "minimum": 2,
    "soak_minutes": 30,
    "needs_approval": True,
}


class TestOnEnos:
    """The other platform, whose form has other fields."""

    @pytest.fixture
    def sim(self, enos: EnosSimulator) -> EnosSimulator:
        """Return a platform with a job that has not ended."""
        return with_one_job(enos)

    @pytest.fixture
    def credentials(self, sim: EnosSimulator) -> Data:
        """Return the data of an account on the simulated platform."""
        return {CONF_PLATFORM: "enos", **answers_for(sim)}

    @pytest.fixture
    def upgrade(self, account: MockConfigEntry, sim: EnosSimulator) -> Data:
        """Return what a person enters about the upgrade, the group by its name."""
        upgrade = upgrade_of_a_free_group(account, sim)
        del upgrade["config_entry_id"]
        [group_id] = upgrade["device_groups"]
        [name] = [
            group.name.default for group in sim.groups() if group.group_id == group_id
        ]
        return upgrade | {
            "device_groups": [name],
            "name": "Inverters",
            "retries": 2,
            "retry_interval": 600,
            "selection": "snapshot",
            "device_request": False,
        }

    async def test_a_plan_is_made_and_needs_what_the_platform_needs(
        self, hass: HomeAssistant, account: MockConfigEntry, upgrade: Data
    ) -> None:
        """There is one kind only, so nobody is asked for it."""
        form = await open_form(hass, account)
        assert form["data_schema"] is not None
        assert [str(key) for key in form["data_schema"].schema] == ["name", "waves"]
        form = await fill_in(hass, form, name="Inverters")
        assert form["errors"] == {}
        assert upgrade["device_groups"][0] in options(form, "device_groups")
        without = {key: upgrade[key] for key in upgrade if key != "retry_interval"}
        form = await fill_in(hass, form, **without)
        assert form["errors"] == {"retry_interval": "refused"}

        result = await fill_in(hass, form, **upgrade)
        assert result["type"] is FlowResultType.CREATE_ENTRY
        [plan] = account.subentries.values()
        assert plan.data["values"]["device_request"] is False

    async def test_a_wave_cannot_go_on_for_ever(
        self, hass: HomeAssistant, account: MockConfigEntry, upgrade: Data
    ) -> None:
        """A job that takes in whatever matches later has no end to wait for."""
        endless = upgrade | {"selection": "incremental"}
        plan_id = await add_plan(hass, account, endless)
        assert account.subentries[plan_id].data["values"]["selection"] == "incremental"
        form = await open_form(hass, account, plan_id)
        form = await fill_in(hass, form, name="Inverters", waves="shares")
        assert form["data_schema"] is not None
        assert "selection" not in form["data_schema"].schema
        form = await fill_in(
            hass, form, **{key: upgrade[key] for key in upgrade if key != "selection"}
        )
        result = await fill_in(hass, form, **WAVES)
        assert result["type"] is FlowResultType.ABORT
        assert "selection" not in account.subentries[plan_id].data["values"]

    async def test_groups_that_share_a_name_are_offered_by_id(
        self, hass: HomeAssistant, account: MockConfigEntry, sim: EnosSimulator
    ) -> None:
        """A name would be refused as ambiguous."""
        one, two = sim.groups()[:2]

        stored = sim.platform.groups

        def rename() -> None:
            stored[two.group_id] = replace(stored[two.group_id], name=one.name)

        sim.call(rename)
        form = await open_form(hass, account)
        form = await fill_in(hass, form, name="Inverters")
        offered = options(form, "device_groups")
        assert {one.group_id, two.group_id} <= set(offered)
        assert one.name.default not in offered
        assert two.group_id in offered[two.group_id]


def test_both_platforms_have_plans() -> None:
    """Each can create upgrades of device groups."""
    for platform in PLATFORMS.values():
        assert platform.create_actions
