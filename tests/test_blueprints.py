"""What the blueprints promise: each is loaded, filled in and run."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
import json
from pathlib import Path
import shutil
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from homeassistant.components.automation.helpers import async_get_blueprints
from homeassistant.components.blueprint.importer import _get_github_import_url
from homeassistant.components.blueprint.models import Blueprint
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.fleet_upgrade.const import CONF_PLATFORM, DOMAIN
from simulator.enos import EnosSimulator
from simulator.faults import Fault, FaultKind
from simulator.oceanconnect import OceanConnectSimulator

from .actions import act
from .automations import AUTOMATION, Messages, look, running, trigger
from .enos_account import answers_for
from .translations import INTEGRATION

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "blueprints" / AUTOMATION / DOMAIN
BERLIN = ZoneInfo("Europe/Berlin")

type Config = dict[str, Any]


def fill_in(name: str, **inputs: Any) -> Config:
    """Return the automation that a person makes of a blueprint."""
    return {
        "alias": name,
        "use_blueprint": {"path": f"{DOMAIN}/{name}", "input": inputs},
    }


@pytest.fixture(autouse=True)
async def imported(hass: HomeAssistant) -> None:
    """Put the blueprints where an import puts them."""
    shutil.copytree(FOLDER, hass.config.path("blueprints", AUTOMATION, DOMAIN))


@pytest.fixture
def messages(hass: HomeAssistant) -> Messages:
    """Return the messages that are sent."""
    return Messages(hass)


# What each says of itself


@pytest.fixture
async def blueprints(hass: HomeAssistant) -> dict[str, Blueprint]:
    """Return all blueprints as Home Assistant loads them."""
    assert await async_setup_component(hass, AUTOMATION, {})
    loaded = await async_get_blueprints(hass).async_get_blueprints()
    return {
        Path(path).name: blueprint
        for path, blueprint in loaded.items()
        if isinstance(blueprint, Blueprint) and path.startswith(DOMAIN)
    }


async def test_home_assistant_takes_each_blueprint(
    blueprints: dict[str, Blueprint],
) -> None:
    """Its own code loads them; they ask for what the integration asks for."""
    oldest = json.loads((ROOT / "hacs.json").read_text())["homeassistant"]
    assert sorted(blueprints) == [
        "nightly_upgrade.yaml",
        "notify_on_failure.yaml",
        "retry_next_night.yaml",
    ]
    for blueprint in blueprints.values():
        assert blueprint.validate() is None
        assert blueprint.metadata["homeassistant"]["min_version"] == oldest


async def test_each_input_is_explained(blueprints: dict[str, Blueprint]) -> None:
    """A form without names and selectors is a riddle."""
    for blueprint in blueprints.values():
        assert blueprint.metadata["description"]
        for given in blueprint.inputs.values():
            assert {"name", "description", "selector"} <= given.keys()


async def test_each_is_imported_from_where_it_is(
    blueprints: dict[str, Blueprint],
) -> None:
    """The address is that of the repository, and the documentation links to it."""
    repository = json.loads((INTEGRATION / "manifest.json").read_text())[
        "documentation"
    ]
    page = (ROOT / "docs" / "automations.md").read_text()
    for name, blueprint in blueprints.items():
        url = f"{repository}/blob/main/{(FOLDER / name).relative_to(ROOT)}"
        assert blueprint.metadata["source_url"] == url
        assert _get_github_import_url(url).startswith("https://raw.github")
        link = "https://my.home-assistant.io/redirect/blueprint_import/?blueprint_url="
        assert f"({link}{quote(url, safe='')})" in page


# Tell why an upgrade failed


@pytest.fixture
def event(account: MockConfigEntry) -> str:
    """Return the event entity of the account."""
    return "event.oceanconnect_fleet_test_upgrade_task"


async def fail(
    hass: HomeAssistant,
    simulator: OceanConnectSimulator,
    account: MockConfigEntry,
    config: Config,
    count: int = 2,
) -> str:
    """Let an upgrade task fail on so many devices while an automation runs."""
    task_id = simulator.add_task(status="processing")
    await look(hass, account)
    async with running(hass, config):
        simulator.finish_task(task_id, failed=count)
        await look(hass, account)
    return task_id


async def test_a_failure_is_told_with_the_reasons(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    account: MockConfigEntry,
    event: str,
    messages: Messages,
) -> None:
    """Counted, with what to do, and the devices."""
    config = fill_in("notify_on_failure.yaml", upgrade_events=[event])
    task = oceanconnect.task(await fail(hass, oceanconnect, account, config))
    failed = [subtask for subtask in task.subtasks if subtask.status == "fail"]
    assert len(failed) == 2
    assert task.targets.groups is not None
    assert messages.lines() == [
        f"Firmware upgrade to {task.package.version} failed",
        f"{account.title}, {task.targets.groups[0]}: 2 of {task.tally.total} devices failed.",
        "",
        f"- **2 × {failed[0].detail}**",
        "  The device could not install the package. Check in its log why, and that "
        "the package is meant for its model and the version that it runs.",
        f"  Devices: {failed[0].device_id}, {failed[1].device_id}",
    ]


async def test_a_long_list_of_devices_is_cut_short(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    account: MockConfigEntry,
    event: str,
    messages: Messages,
) -> None:
    """A phone shows no thousand lines."""
    config = fill_in("notify_on_failure.yaml", upgrade_events=[event], most_devices=1)
    await fail(hass, oceanconnect, account, config, 3)
    assert len(messages.lines()) == 6
    assert messages.lines()[-1].endswith(", and 2 more")


async def test_few_failures_need_no_message(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    account: MockConfigEntry,
    event: str,
    messages: Messages,
) -> None:
    """In a large fleet there is always one."""
    config = fill_in("notify_on_failure.yaml", upgrade_events=[event], least_failed=3)
    await fail(hass, oceanconnect, account, config)
    assert messages.sent == []


async def test_a_failure_is_told_even_if_the_reasons_cannot_be_read(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    account: MockConfigEntry,
    event: str,
    messages: Messages,
) -> None:
    """With what the poll knew."""
    oceanconnect.faults.add(
        Fault(kind=FaultKind.RESET_BEFORE, path="subOperations", count=None)
    )
    config = fill_in("notify_on_failure.yaml", upgrade_events=[event])
    task = oceanconnect.task(await fail(hass, oceanconnect, account, config))
    assert messages.lines()[1:] == [
        f"{account.title}, {task.targets.groups[0]}: 2 of {task.tally.total} devices failed."  # type: ignore[index]
    ]


async def test_the_message_goes_where_it_is_wanted(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    account: MockConfigEntry,
    event: str,
    messages: Messages,
) -> None:
    """By any action, with title and message as variables."""
    config = fill_in(
        "notify_on_failure.yaml",
        upgrade_events=[event],
        message_actions=[
            {
                "action": "notify.persistent_notification",
                "data": {"title": "Oh no", "message": "{{ title }}: {{ message }}"},
            }
        ],
    )
    await fail(hass, oceanconnect, account, config)
    assert messages.lines()[0] == "Oh no"
    assert messages.lines()[1].startswith("Firmware upgrade to")


# Upgrade in a nightly window


type SetClock = Callable[[datetime], None]


@pytest.fixture
async def set_clock(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """Return what puts Home Assistant's clock, in Berlin, to a local time.

    Only what asks for the time by its helpers is told it: the rest needs time to pass.
    """
    await hass.config.async_set_time_zone("Europe/Berlin")

    def set_clock(moment: datetime) -> None:
        utc = moment.astimezone(UTC)
        monkeypatch.setattr(dt_util, "utcnow", lambda: utc)
        monkeypatch.setattr(
            dt_util, "now", lambda zone=None: utc.astimezone(zone or BERLIN)
        )
        async_fire_time_changed(hass, utc)

    return set_clock


@pytest.fixture
def night(oceanconnect: OceanConnectSimulator, account: MockConfigEntry) -> Config:
    """Return what a person enters in the form."""
    oceanconnect.reset(tasks=0)
    package = oceanconnect.packages("firmware")[0]
    group = next(
        group
        for group in oceanconnect.groups()
        if any(
            oceanconnect.platform.devices[device_id].model == package.model
            for device_id in group.members
        )
    )
    return {
        "account": account.entry_id,
        "upgrade": "firmware",
        "package": package.file_id,
        "device_groups": [group.name],
    }


async def pass_night(
    hass: HomeAssistant,
    simulator: OceanConnectSimulator,
    set_clock: SetClock,
    inputs: Config,
    begin: datetime,
    hours: float,
) -> list[datetime]:
    """Let time pass by two minutes; return when tasks were created, local time."""
    created = []
    set_clock(begin)
    simulator.clock.freeze(begin)
    async with running(hass, fill_in("nightly_upgrade.yaml", **inputs)):
        for minute in range(0, int(hours * 60), 2):
            moment = (begin.astimezone(UTC) + timedelta(minutes=minute)).astimezone(
                BERLIN
            )
            simulator.clock.freeze(moment)
            before = len(simulator.tasks())
            set_clock(moment)
            await hass.async_block_till_done()
            if len(simulator.tasks()) > before:
                created.append(moment)
    return created


def window(simulator: OceanConnectSimulator) -> tuple[str, str]:
    """Return the window of the one task, in local time."""
    (task,) = simulator.tasks()
    assert task.policy.execute_type == "custom"
    assert task.policy.start is not None
    assert task.policy.end is not None
    start, end = (
        datetime.fromtimestamp(time, BERLIN).isoformat(" ", "minutes")
        for time in (task.policy.start, task.policy.end)
    )
    return start, end


@pytest.mark.parametrize(
    ("start", "hours", "begin", "created", "opens", "closes"),
    [
        pytest.param(
            "23:30:00",
            4,
            "2027-01-15 23:00",
            "2027-01-15 23:20",
            "2027-01-15 23:30+01:00",
            "2027-01-16 03:30+01:00",
            id="beyond midnight",
        ),
        pytest.param(
            "00:00:00",
            2,
            "2027-01-15 23:30",
            "2027-01-15 23:50",
            "2027-01-16 00:00+01:00",
            "2027-01-16 02:00+01:00",
            id="from midnight on",
        ),
        pytest.param(
            "00:05:30",
            2,
            "2027-01-15 23:30",
            "2027-01-15 23:56",
            "2027-01-16 00:05+01:00",
            "2027-01-16 02:05+01:00",
            id="created the day before",
        ),
        pytest.param(
            "02:30:00",
            4,
            "2027-03-28 01:00",
            "2027-03-28 03:20",
            "2027-03-28 03:30+02:00",
            "2027-03-28 07:30+02:00",
            id="a time that the clocks skip",
        ),
        pytest.param(
            "02:00:00",
            4,
            "2027-03-28 01:00",
            "2027-03-28 01:50",
            "2027-03-28 03:00+02:00",
            "2027-03-28 07:00+02:00",
            id="the moment at which the clocks skip an hour",
        ),
        pytest.param(
            "23:30:00",
            4,
            "2027-03-27 23:00",
            "2027-03-27 23:20",
            "2027-03-27 23:30+01:00",
            "2027-03-28 04:30+02:00",
            id="the clocks skip an hour within the window",
        ),
        pytest.param(
            "02:30:00",
            4,
            "2027-10-31 01:30",
            "2027-10-31 02:20",
            "2027-10-31 02:30+02:00",
            "2027-10-31 05:30+01:00",
            id="a time that comes twice",
        ),
    ],
)
async def test_a_task_is_created_with_the_window_once(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    set_clock: SetClock,
    night: Config,
    start: str,
    hours: int,
    begin: str,
    created: str,
    opens: str,
    closes: str,
) -> None:
    """Ten minutes before it opens, whatever midnight and the clocks do."""
    begins = datetime.fromisoformat(begin).replace(tzinfo=BERLIN)
    night |= {"window_start": start, "window_hours": hours}
    moments = await pass_night(hass, oceanconnect, set_clock, night, begins, 2.5)
    assert [f"{moment:%Y-%m-%d %H:%M}" for moment in moments] == [created]
    assert window(oceanconnect) == (opens, closes)


async def test_the_task_is_what_was_entered(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    night: Config,
    account: MockConfigEntry,
) -> None:
    """The package, the groups and the retries."""
    software = oceanconnect.packages("software")[0]
    night |= {"upgrade": "software", "package": software.file_id, "retries": 3}
    async with running(hass, fill_in("nightly_upgrade.yaml", **night)) as entity_id:
        await trigger(hass, entity_id)
    (task,) = oceanconnect.tasks()
    assert task.package == software
    assert task.targets.groups == tuple(night["device_groups"])
    assert task.policy.retries == 3


@pytest.mark.parametrize(("days", "count"), [(["sat"], 1), (["fri", "sun"], 0)])
async def test_the_window_begins_on_the_days_chosen(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    set_clock: SetClock,
    night: Config,
    days: list[str],
    count: int,
) -> None:
    """On Saturday at midnight: the task is created on Friday."""
    friday = datetime(2027, 1, 15, 23, 45, tzinfo=BERLIN)
    night |= {"window_start": "00:00:00", "days": days}
    moments = await pass_night(hass, oceanconnect, set_clock, night, friday, 0.5)
    assert len(moments) == count


async def test_a_refusal_is_told(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    night: Config,
    messages: Messages,
) -> None:
    """Otherwise nobody would know in the morning."""
    night |= {"package": "gone"}
    async with running(hass, fill_in("nightly_upgrade.yaml", **night)) as entity_id:
        await trigger(hass, entity_id)
    assert oceanconnect.tasks() == []
    assert messages.lines()[0] == "No upgrade tonight"


async def test_a_success_is_not_told_as_a_refusal(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    night: Config,
    messages: Messages,
) -> None:
    """The event entity tells of it."""
    async with running(hass, fill_in("nightly_upgrade.yaml", **night)) as entity_id:
        await trigger(hass, entity_id)
    assert len(oceanconnect.tasks()) == 1
    assert messages.sent == []


@pytest.mark.parametrize("retries", [0, 2])
async def test_it_upgrades_on_enos_too(
    hass: HomeAssistant, enos: EnosSimulator, retries: int
) -> None:
    """By the same form, with groups by their names."""
    enos.reset(jobs=0)
    account = MockConfigEntry(
        domain=DOMAIN,
        unique_id="enos",
        data={CONF_PLATFORM: "enos", **answers_for(enos)},
    )
    account.add_to_hass(hass)
    assert await hass.config_entries.async_setup(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    firmware = enos.firmware(verified=True)[0]
    group = enos.groups(firmware)[0]
    start = dt_util.now() + timedelta(hours=2)
    config = fill_in(
        "nightly_upgrade.yaml",
        account=account.entry_id,
        upgrade="ota",
        package=firmware.firmware_id,
        device_groups=[group.name.default],
        window_start=f"{start:%H:%M:%S}",
        window_hours=1.5,
        retries=retries,
    )
    async with running(hass, config) as entity_id:
        await trigger(hass, entity_id)
    (job,) = enos.jobs()
    assert job.firmware == firmware
    assert job.scope.group_ids == (group.group_id,)
    assert job.retry.enabled is bool(retries)
    assert job.schedule is not None
    assert job.schedule.start == int(start.timestamp())
    assert job.schedule.end - job.schedule.start == 5400


# Retry the failed devices the next night


@pytest.fixture
def again(oceanconnect: OceanConnectSimulator, account: MockConfigEntry) -> Config:
    """Return what a person enters in the form."""
    oceanconnect.reset(tasks=0, speed=0)
    return {"account": account.entry_id}


async def fail_some(
    hass: HomeAssistant,
    simulator: OceanConnectSimulator,
    account: MockConfigEntry,
    failed: int = 1,
    of: int = 4,
    **policy: Any,
) -> list[str]:
    """Create a task that fails on some of its devices, and return these."""
    package = simulator.packages("firmware")[0]
    busy = {each for task in simulator.tasks() for each in task.device_ids}
    free = [
        device.device_id
        for device in simulator.devices(package)
        if device.device_id not in busy
    ]
    created = await act(
        hass,
        "create_firmware_upgrade_task",
        config_entry_id=account.entry_id,
        package=package.file_id,
        devices=free[:of],
        **policy,
    )
    await look(hass, account)
    simulator.finish_task(created["task_id"], failed=failed)
    return free[:failed]


async def retry_in_a_night(
    hass: HomeAssistant, account: MockConfigEntry, inputs: Config
) -> None:
    """See the automation through once."""
    await look(hass, account)
    async with running(hass, fill_in("retry_next_night.yaml", **inputs)) as entity_id:
        await trigger(hass, entity_id)
    await look(hass, account)


async def test_the_failed_devices_are_retried_night_after_night_until_enough(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    account: MockConfigEntry,
    again: Config,
    messages: Messages,
) -> None:
    """Only these, each in one task, and in no more nights than wanted."""
    failed = await fail_some(hass, oceanconnect, account, failed=2)
    inputs = again | {"most_failed": 100}
    async with running(hass, fill_in("retry_next_night.yaml", **inputs)) as entity_id:
        for count in (2, 3, 3):
            await trigger(hass, entity_id)
            tasks = oceanconnect.tasks()
            assert len(tasks) == count
            assert sorted(tasks[-1].device_ids) == sorted(failed)
            assert tasks[-1].policy.execute_type == "custom"
            oceanconnect.finish_task(tasks[-1].task_id, failed=2)
            await look(hass, account)
    assert [each["title"] for each in messages.sent] == ["Retried tonight"] * 2
    version = oceanconnect.tasks()[0].package.version
    assert messages.sent[0]["message"] == f"- Firmware {version}: 2 of 4 devices"


async def test_the_window_is_as_long_as_wanted(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    account: MockConfigEntry,
    again: Config,
) -> None:
    """From ten minutes after the time on."""
    await fail_some(hass, oceanconnect, account)
    before = dt_util.now().timestamp() + 600
    await retry_in_a_night(hass, account, again | {"window_hours": 1.5})
    policy = oceanconnect.tasks()[-1].policy
    assert policy.start is not None
    assert policy.end is not None
    assert before - 1 <= policy.start <= before + 60
    assert policy.end - policy.start == 5400


async def test_it_may_begin_at_once(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    account: MockConfigEntry,
    again: Config,
) -> None:
    """Whatever the execution of the task was."""
    await fail_some(hass, oceanconnect, account, execution="when_online")
    await retry_in_a_night(hass, account, again | {"how": "now"})
    assert oceanconnect.tasks()[-1].policy.execute_type == "now"


@pytest.mark.parametrize(("days", "count"), [(3, 2), (7, 3)])
async def test_a_task_that_is_old_or_hopeless_is_left_alone(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    account: MockConfigEntry,
    again: Config,
    messages: Messages,
    days: int,
    count: int,
) -> None:
    """The package may be at fault, or somebody has dealt with it long ago."""
    await fail_some(hass, oceanconnect, account, failed=3)
    await fail_some(hass, oceanconnect, account)
    old = oceanconnect.tasks()[-1].task_id
    oceanconnect.set_task(old, stopped=dt_util.utcnow() - timedelta(days=4))
    await retry_in_a_night(hass, account, again | {"days_back": days})
    assert len(oceanconnect.tasks()) == count
    assert len(messages.sent) == count - 2


async def test_one_that_is_refused_is_in_no_others_way(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    account: MockConfigEntry,
    again: Config,
    messages: Messages,
) -> None:
    """The log says why."""
    theirs = oceanconnect.add_task(status="failed", devices=["unknown device"])
    assert oceanconnect.task(theirs).status == "failed"
    failed = await fail_some(hass, oceanconnect, account)
    oceanconnect.faults.add(
        Fault(kind=FaultKind.STATUS, path=f"{theirs}/subOperations", status=500)
    )
    await retry_in_a_night(hass, account, again | {"most_failed": 100})
    assert list(oceanconnect.tasks()[-1].device_ids) == failed
    assert len(messages.lines()) == 2


async def test_on_enos_the_same_task_tries_again(
    hass: HomeAssistant, enos: EnosSimulator
) -> None:
    """With the same form."""
    enos.reset(jobs=0, index_lag=0, speed=0)
    job_id = enos.add_job(status="upgrading")
    enos.finish_job(job_id, failed=2)
    account = MockConfigEntry(
        domain=DOMAIN,
        unique_id="enos",
        data={CONF_PLATFORM: "enos", **answers_for(enos)},
    )
    account.add_to_hass(hass)
    assert await hass.config_entries.async_setup(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    inputs = {"account": account.entry_id, "how": "same", "most_failed": 100}
    await retry_in_a_night(hass, account, inputs)
    assert not [task for task in enos.tasks(job_id) if task.status == "failed"]
