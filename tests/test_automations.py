"""What docs/automations.md promises: each of its automations does what it says."""

from datetime import timedelta
from functools import cache
from pathlib import Path
import re
from typing import Any
from unittest.mock import patch

from homeassistant.components.automation.config import async_validate_config_item
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from homeassistant.util.yaml import parse_yaml
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.fleet_upgrade.clients.registry import PLATFORMS
from custom_components.fleet_upgrade.const import CONF_PLATFORM, DOMAIN
from simulator.enos import EnosSimulator
from simulator.faults import Fault, FaultKind
from simulator.oceanconnect import OceanConnectSimulator
from simulator.oceanconnect.model import Package, Task

from .automations import AUTOMATION, Messages, look, running, trigger
from .enos_account import answers_for

PAGE = (Path(__file__).parents[1] / "docs" / "automations.md").read_text()

ACCOUNT = "01JABCDEF0123456789ABCDEFG"
PACKAGE = "5b7f1c3a9d2e4f60"
GROUPS = ("Meters north", "Meters south")

WRITES = re.compile(rf"{DOMAIN}\.(?!get_)\w+")


@cache
def examples() -> dict[str, str]:
    """Return the examples as YAML, by the heading that they stand under."""
    under_heading = r"^## ([^\n]+)\n(?:(?!^## ).)*?```yaml\n(.*?)```"
    return dict(re.findall(under_heading, PAGE, re.DOTALL | re.MULTILINE))


def example(heading: str, **yours: str) -> dict[str, Any]:
    """Return an example with what is yours in place of what it names."""
    text = examples()[heading]
    for name, replacement in yours.items():
        name = {"package": PACKAGE, "north": GROUPS[0], "south": GROUPS[1]}.get(
            name, name
        )
        text = text.replace(name, replacement)
    parsed: dict[str, Any] = parse_yaml(text)  # type: ignore[assignment]
    return parsed


def automations() -> list[dict[str, Any]]:
    """Return all examples that are automations, not cards."""
    return [
        config for heading in examples() if "actions" in (config := example(heading))
    ]


def make_entry(hass: HomeAssistant, credentials: dict[str, Any]) -> MockConfigEntry:
    """Return an account with the name and the ID that the examples have."""
    platform = PLATFORMS[credentials[CONF_PLATFORM]]
    entry = MockConfigEntry(
        domain=DOMAIN,
        entry_id=ACCOUNT,
        title=platform.name.split()[-1],
        unique_id=f"{platform.key}_{platform.account_id(credentials)}",
        data=credentials,
    )
    entry.add_to_hass(hass)
    return entry


@pytest.fixture
def entry(hass: HomeAssistant, credentials: dict[str, Any]) -> MockConfigEntry:
    """Return the account of OceanConnect."""
    return make_entry(hass, credentials)


@pytest.fixture
def messages(hass: HomeAssistant) -> Messages:
    """Return the messages that are sent."""
    return Messages(hass)


# All of them


@pytest.mark.parametrize("config", automations(), ids=lambda config: config["alias"])
async def test_each_automation_is_valid(
    hass: HomeAssistant, config: dict[str, Any]
) -> None:
    """In the syntax of the Home Assistant that the tests run on."""
    assert await async_setup_component(hass, AUTOMATION, {})
    validated = await async_validate_config_item(hass, "docs", config)
    assert validated is not None
    assert validated.validation_error is None
    assert {"triggers", "actions", "mode"} <= config.keys()


def test_each_automation_that_writes_waits_for_its_turn() -> None:
    """A second run must not cut the first one off while it sends."""
    writing = {
        config["alias"]: config["mode"]
        for config in automations()
        if WRITES.search(str(config)) and "dry_run" not in str(config)
    }
    assert len(writing) > 1
    assert set(writing.values()) == {"queued"}


def test_there_are_enough_of_them() -> None:
    """A page with few examples answers few questions."""
    assert len(automations()) >= 8
    assert len({config["alias"] for config in automations()}) == len(automations())


# OceanConnect


def firmware_and_groups(simulator: OceanConnectSimulator) -> tuple[Package, list[str]]:
    """Return a firmware package, and two groups with devices for it."""
    for package in simulator.packages("firmware"):
        model = package.model
        groups = [
            group.name
            for group in simulator.groups()
            if any(
                simulator.platform.devices[device_id].model == model
                for device_id in group.members
            )
        ]
        if len(groups) > 1:
            return package, groups[:2]
    raise AssertionError("the platform has no two groups for one package")


@pytest.fixture
def yours(oceanconnect: OceanConnectSimulator) -> dict[str, str]:
    """Return the package and the groups of the platform at hand; nothing runs."""
    oceanconnect.reset(tasks=0)
    package, (north, south) = firmware_and_groups(oceanconnect)
    return {"package": package.file_id, "north": north, "south": south}


def new_task(simulator: OceanConnectSimulator) -> Task:
    """Return the one task of the platform."""
    (task,) = simulator.tasks()
    return task


async def test_upgrade_every_night(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    yours: dict[str, str],
    account: MockConfigEntry,
) -> None:
    """A task for the group, with a window and retries."""
    config = example("Upgrade every night", **yours)
    begin = dt_util.utcnow()
    async with running(hass, config) as entity_id:
        await trigger(hass, entity_id)
    task = new_task(oceanconnect)
    assert task.targets.groups == (yours["north"],)
    assert task.policy.retries == 2
    assert task.policy.start is not None
    assert task.policy.end is not None
    assert (task.policy.start - begin.timestamp()) == pytest.approx(600, abs=30)
    assert (task.policy.end - begin.timestamp()) == pytest.approx(14400, abs=30)


async def test_tell_why_an_upgrade_failed(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    yours: dict[str, str],
    account: MockConfigEntry,
    messages: Messages,
) -> None:
    """Each reason with its devices."""
    task_id = oceanconnect.add_task(status="processing")
    await look(hass, account)
    async with running(hass, example("Tell why an upgrade failed", **yours)):
        oceanconnect.finish_task(task_id, failed=2)
        await look(hass, account)
    lines = messages.lines()
    assert "2 devices failed:" in lines
    failed = [
        subtask
        for subtask in oceanconnect.task(task_id).subtasks
        if subtask.status == "fail"
    ]
    assert len(failed) == 2
    assert f"- **2 × {failed[0].detail}**" in lines
    devices = ", ".join(subtask.device_id for subtask in failed)
    assert f"  Devices: {devices}" in lines


async def test_tell_that_an_upgrade_is_in_trouble(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    yours: dict[str, str],
    account: MockConfigEntry,
    messages: Messages,
) -> None:
    """While it runs: first that it fails, a day later that nothing moves."""
    task_id = oceanconnect.add_task(status="processing")
    await look(hass, account)
    config = example("Tell that an upgrade is in trouble", **yours)
    async with running(hass, config):
        counts = {"wait": 20, "processing": 10, "success": 27, "fail": 3}
        oceanconnect.set_task(task_id, counts=counts, timeouts=1)
        await look(hass, account)
        version = oceanconnect.task(task_id).package.version
        title, share, advice = messages.lines()
        assert title == f"Upgrade to {version} is failing"
        assert share == "10.0 % of 30 devices failed."
        assert "stop it there" in advice

        messages.sent.clear()
        later = dt_util.utcnow() + timedelta(hours=26)
        with patch("homeassistant.util.dt.utcnow", return_value=later):
            await look(hass, account)
        title, share, advice = messages.lines()
        assert title == f"Upgrade to {version} is stalled"
        assert share == "No device has moved on for 26 hours."
        assert "online" in advice


async def test_try_it_before_the_night(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    yours: dict[str, str],
    account: MockConfigEntry,
    messages: Messages,
) -> None:
    """The request is shown; nothing is created."""
    software = oceanconnect.packages("software")[0]
    config = example(
        "Try it before the night", **(yours | {"package": software.file_id})
    )
    async with running(hass, config) as entity_id:
        await trigger(hass, entity_id)
    assert oceanconnect.tasks() == []
    title, reached, _, versions, request = messages.lines()
    assert title == f"Upgrade to {software.version} tonight"
    assert re.match(r"[1-9]\d* devices\.", reached)
    assert re.fullmatch(r'    {("[\d.]+":\d+,?)+}', versions)
    assert software.file_id in request


@pytest.mark.parametrize("failed", [0, 1])
async def test_upgrade_the_rest_after_a_pilot_group(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    yours: dict[str, str],
    account: MockConfigEntry,
    failed: int,
) -> None:
    """Only if the pilot group succeeded in full, and only once."""
    package = next(
        package
        for package in oceanconnect.packages()
        if package.file_id == yours["package"]
    )
    pilot = oceanconnect.add_task(
        package=package, groups=[yours["north"]], status="processing"
    )
    await look(hass, account)
    config = example(
        "Upgrade the rest after a pilot group", **yours, **{"V2.1": package.version}
    )
    async with running(hass, config) as entity_id:
        oceanconnect.finish_task(pilot, failed=failed)
        await look(hass, account)
        rest = [task for task in oceanconnect.tasks() if task.task_id != pilot]
        state = hass.states.get(entity_id)
        assert state is not None
        if failed:
            assert rest == []
            assert state.state == "on"
        else:
            (task,) = rest
            assert task.targets.groups == (yours["south"],)
            assert task.policy.execute_type == "device_online"
            assert state.state == "off"


async def test_report_the_versions_each_week(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    yours: dict[str, str],
    account: MockConfigEntry,
    messages: Messages,
) -> None:
    """How many devices run which firmware, and what there is to install."""
    async with running(
        hass, example("Report the versions each week", **yours)
    ) as entity_id:
        await trigger(hass, entity_id)
    lines = messages.lines()
    devices = oceanconnect.devices()
    assert f"{len(devices)} of {len(devices)} devices:" in lines
    for version in {device.firmware for device in devices}:
        count = sum(device.firmware == version for device in devices)
        assert f"- {version}: {count}" in lines
    for package in oceanconnect.packages("firmware"):
        assert f"- {package.name}, version {package.version}" in lines


async def test_tell_when_the_platform_has_been_silent_for_an_hour(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    yours: dict[str, str],
    account: MockConfigEntry,
    messages: Messages,
) -> None:
    """Not before."""
    config = example("Tell when the platform has been silent for an hour", **yours)
    async with running(hass, config):
        oceanconnect.faults.add(Fault(kind=FaultKind.RESET_BEFORE, count=None))
        await look(hass, account)
        lost = dt_util.utcnow()
        async_fire_time_changed(hass, lost + timedelta(minutes=59))
        await hass.async_block_till_done(wait_background_tasks=True)
        assert messages.sent == []
        async_fire_time_changed(hass, lost + timedelta(minutes=61))
        await hass.async_block_till_done(wait_background_tasks=True)
        clock = dt_util.as_local(lost).strftime("%H:")
        assert f"since {clock}" in " ".join(messages.lines())


async def test_stop_an_upgrade_that_fails_too_often(
    hass: HomeAssistant, enos: EnosSimulator, messages: Messages
) -> None:
    """It is stopped on the platform, while other devices would go on."""
    enos.reset(jobs=0, index_lag=0, speed=0)
    job_id = enos.add_job(status="upgrading")
    account = make_entry(hass, {CONF_PLATFORM: "enos", **answers_for(enos)})
    assert await hass.config_entries.async_setup(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)

    async with running(hass, example("Stop an upgrade that fails too often")):
        assert enos.job(job_id).started
        enos.finish_job(job_id, failed=9)
        failed = [
            task.device_key for task in enos.tasks(job_id) if task.status == "failed"
        ]
        enos.retry_job(job_id, failed[:1])
        await look(hass, account)
    assert not enos.job(job_id).started
    title, share = messages.lines()
    assert title.endswith("stopped")
    assert share.endswith("% of the devices failed.")


async def test_retry_in_the_morning_what_failed_in_the_night(
    hass: HomeAssistant, enos: EnosSimulator
) -> None:
    """The devices that failed in the last twelve hours, and no others."""
    enos.reset(jobs=0)
    now = dt_util.utcnow()
    enos.clock.set(now - timedelta(hours=13))
    old = enos.add_job(status="failed")
    enos.clock.set(now)
    recent = enos.add_job(status="failed", groups=[enos.groups()[1].group_id])
    assert count_failed(enos, old) == count_failed(enos, recent) == 1
    account = make_entry(hass, {CONF_PLATFORM: "enos", **answers_for(enos)})
    assert await hass.config_entries.async_setup(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)

    config = example("Retry in the morning what failed in the night")
    async with running(hass, config) as entity_id:
        await trigger(hass, entity_id)
    assert count_failed(enos, old) == 1
    assert count_failed(enos, recent) == 0


def count_failed(simulator: EnosSimulator, job_id: str) -> int:
    """Return on how many devices a job failed."""
    return sum(task.status == "failed" for task in simulator.tasks(job_id))


async def test_sum_up_the_month(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    yours: dict[str, str],
    account: MockConfigEntry,
    messages: Messages,
) -> None:
    """What ended in the month before, and nothing of this month."""
    config = example("Sum up the month", **yours)
    config["conditions"] = []  # it is another day than the first of the month
    yesterday = dt_util.now() - timedelta(days=1)
    recent = oceanconnect.add_task(status="failed")
    oceanconnect.set_task(recent, stopped=yesterday)
    older = oceanconnect.add_task(status="success")
    oceanconnect.set_task(older, stopped=yesterday - timedelta(days=32))
    async with running(hass, config) as entity_id:
        await trigger(hass, entity_id)
    title, task, devices = messages.lines()
    package = oceanconnect.task(recent).package
    assert title == f"Upgrades in {yesterday:%Y-%m}: 1"
    assert task == f"- {yesterday:%Y-%m-%d}: firmware {package.version}, failed"
    assert devices.strip().endswith("devices)")


async def test_show_the_month_on_a_dashboard(
    hass: HomeAssistant, account: MockConfigEntry
) -> None:
    """The card's entities are there, and have statistics."""
    card = example("Show the month on a dashboard")
    for entity_id in card["entities"]:
        state = hass.states.get(entity_id)
        assert state is not None
        assert state.attributes["state_class"] == "measurement"
