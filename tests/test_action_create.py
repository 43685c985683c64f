"""Upgrade tasks are created as asked for, once, or not at all."""

from collections.abc import Iterator
import json
from typing import Any, NamedTuple

from homeassistant.config_entries import SOURCE_REAUTH
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import voluptuous as vol

from custom_components.fleet_upgrade.action_answers import plain
from custom_components.fleet_upgrade.clients.model import Policy, Targets
from custom_components.fleet_upgrade.const import DOMAIN
from custom_components.fleet_upgrade.entity import task_identifier
from simulator.oceanconnect import (
    Fault,
    FaultKind,
    OceanConnectSimulator,
    codes,
    refusal,
)

from .actions import act
from .tiny_platform import set_up

FIRMWARE = "create_firmware_upgrade_task"
SOFTWARE = "create_software_upgrade_task"
OPERATIONS = "/iodm/northbound/v1.5.0/operations"
WINDOW = {
    "execution": "custom",
    "start": "2099-01-10 22:00:00",
    "end": "2099-01-11 04:00:00",
}

type Data = dict[str, Any]


class Offer(NamedTuple):
    """A package and a device group that it is made for."""

    package: str
    version: str
    group: str
    device_type: str
    model: str
    manufacturer: str
    devices: list[str]


def offer(oceanconnect: OceanConnectSimulator, kind: str) -> Offer:
    """Return the newest package of a kind and a group that it is made for."""
    package = oceanconnect.packages(kind)[0]
    devices = [device.device_id for device in oceanconnect.devices(package)]
    group = next(
        group for group in oceanconnect.groups() if set(group.members) & set(devices)
    )
    return Offer(
        package.file_id,
        package.version,
        group.name,
        package.model.device_type,
        package.model.model,
        package.model.manufacturer,
        devices,
    )


@pytest.fixture
def firmware(oceanconnect: OceanConnectSimulator) -> Offer:
    """Return a firmware package and what it is for."""
    return offer(oceanconnect, "firmware")


@pytest.fixture
def group_upgrade(account: MockConfigEntry, firmware: Offer) -> Data:
    """Return the least that a firmware upgrade of a device group needs."""
    return {
        "config_entry_id": account.entry_id,
        "package": firmware.package,
        "device_groups": [firmware.group],
    }


@pytest.fixture
async def berlin(hass: HomeAssistant) -> None:
    """Let Home Assistant be in Berlin."""
    await hass.config.async_set_time_zone("Europe/Berlin")


def writes(oceanconnect: OceanConnectSimulator) -> list[Data]:
    """Return what was sent to create upgrade tasks."""
    return [
        json.loads(call.body)
        for call in oceanconnect.calls.matching(OPERATIONS, "POST")
    ]


async def test_an_automation_upgrades_a_group_and_its_sensors_appear(
    hass: HomeAssistant,
    device_registry: dr.DeviceRegistry,
    entity_registry: er.EntityRegistry,
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    firmware: Offer,
    group_upgrade: Data,
) -> None:
    """Nothing has to be reloaded."""
    before = {task.task_id for task in oceanconnect.tasks()}
    assert await async_setup_component(
        hass,
        "automation",
        {
            "automation": {
                "alias": "Nightly upgrade",
                "triggers": {"trigger": "event", "event_type": "night"},
                "actions": {"action": f"{DOMAIN}.{FIRMWARE}", "data": group_upgrade},
            }
        },
    )
    await hass.async_block_till_done()
    hass.bus.async_fire("night")
    await hass.async_block_till_done(wait_background_tasks=True)

    [task] = [task for task in oceanconnect.tasks() if task.task_id not in before]
    assert task.package.file_id == firmware.package
    assert task.targets.groups == (firmware.group,)
    device = device_registry.async_get_device_by_identifier(
        task_identifier(account, task.task_id), account.entry_id
    )
    assert device is not None
    sensors = er.async_entries_for_device(entity_registry, device.id)
    assert sensors
    [status] = [
        state
        for sensor in sensors
        if sensor.unique_id.endswith("_status")
        and (state := hass.states.get(sensor.entity_id))
    ]
    assert status.state in ("waiting", "processing")


async def test_the_response_tells_what_was_created(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    firmware: Offer,
    group_upgrade: Data,
) -> None:
    """In common words, with what was filled in from the package."""
    answer = await act(hass, FIRMWARE, **group_upgrade)
    task = oceanconnect.tasks()[-1]
    reach = answer.pop("reach")
    assert reach["devices"] == sum(reach["versions"].values()) > 0
    assert reach["versions_checked"]
    assert answer == {
        "task_id": task.task_id,
        "kind": "firmware",
        "package": firmware.package,
        "version": firmware.version,
        "targets": plain(
            Targets(
                device_groups=(firmware.group,),
                device_type=firmware.device_type,
                model=firmware.model,
                manufacturer=firmware.manufacturer,
            )
        ),
        "policy": plain(Policy()),
        "parts": [{"task_id": task.task_id, "targets": 1}],
        "downgrade": None,
        "dry_run": False,
    }


async def test_a_single_device_gets_software(
    hass: HomeAssistant, account: MockConfigEntry, oceanconnect: OceanConnectSimulator
) -> None:
    """Written without a list, as people do."""
    software = offer(oceanconnect, "software")
    answer = await act(
        hass,
        SOFTWARE,
        config_entry_id=account.entry_id,
        package=software.package,
        devices=software.devices[0],
        execution="when_online",
    )
    task = oceanconnect.task(answer["task_id"])
    assert (task.kind, task.device_ids) == ("software", (software.devices[0],))
    assert task.policy.execute_type == "device_online"


async def test_a_number_from_a_form_is_a_float(
    hass: HomeAssistant, oceanconnect: OceanConnectSimulator, group_upgrade: Data
) -> None:
    """The platform gets a whole number."""
    answer = await act(hass, FIRMWARE, **group_upgrade, retries=3.0)
    assert answer["policy"]["retries"] == 3
    assert oceanconnect.task(answer["task_id"]).policy.retries == 3


@pytest.mark.usefixtures("berlin")
async def test_local_times_go_out_as_utc(
    hass: HomeAssistant, oceanconnect: OceanConnectSimulator, group_upgrade: Data
) -> None:
    """And come back as local ones, with their offset."""
    answer = await act(hass, FIRMWARE, **group_upgrade, **WINDOW)
    assert answer["policy"] == plain(Policy()) | {
        "execution": "custom",
        "start": "2099-01-10T22:00:00+01:00",
        "end": "2099-01-11T04:00:00+01:00",
    }
    [sent] = writes(oceanconnect)
    assert sent["policy"]["startTime"] == "20990110T210000Z"
    assert sent["policy"]["endTime"] == "20990111T030000Z"


@pytest.mark.usefixtures("berlin")
async def test_a_time_with_an_offset_is_taken_at_its_word(
    hass: HomeAssistant, oceanconnect: OceanConnectSimulator, group_upgrade: Data
) -> None:
    """As templates with now() give it."""
    await act(
        hass,
        FIRMWARE,
        **group_upgrade,
        **WINDOW | {"start": "2099-01-10T22:00:00-03:00"},
    )
    [sent] = writes(oceanconnect)
    assert sent["policy"]["startTime"] == "20990111T010000Z"


@pytest.mark.usefixtures("berlin")
async def test_a_dry_run_says_what_would_be_sent_and_sends_nothing(
    hass: HomeAssistant, oceanconnect: OceanConnectSimulator, group_upgrade: Data
) -> None:
    """What is sent without it is the same to the letter."""
    tasks = len(oceanconnect.tasks())
    data = group_upgrade | WINDOW | {"retries": 2}
    dry = await act(hass, FIRMWARE, **data, dry_run=True)
    assert {call.method for call in oceanconnect.calls.matching("/iodm/")} == {"GET"}
    assert len(oceanconnect.tasks()) == tasks

    wet = await act(hass, FIRMWARE, **data)
    request = dry.pop("request")
    [call] = oceanconnect.calls.matching(OPERATIONS, "POST")
    assert request == {
        "method": "POST",
        "path": call.path,
        "query": {},
        "body": json.loads(call.body),
    }
    unsent = {"task_id": None, "targets": 1}
    assert dry == wet | {"task_id": None, "parts": [unsent], "dry_run": True}


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(
    ("change", "key", "parts"),
    [
        pytest.param(
            {"devices": ["device-1"]}, "targets_both", ["devices"], id="both targets"
        ),
        pytest.param(
            {"device_groups": []},
            "targets_missing",
            ["device_groups", "Give device groups or devices"],
            id="no target",
        ),
        pytest.param(
            {"device_groups": ["north", " "]},
            "targets_empty_value",
            ["device_groups"],
            id="an empty target",
        ),
        pytest.param(
            {"start": WINDOW["start"]},
            "window_needs_custom",
            ["start"],
            id="a start without custom",
        ),
        pytest.param(
            {"execution": "when_online", "end": WINDOW["end"]},
            "window_needs_custom",
            ["end"],
            id="an end without custom",
        ),
        pytest.param(
            {"execution": "custom", "end": WINDOW["end"]},
            "window_missing",
            ["start"],
            id="custom without start",
        ),
        pytest.param(
            {"execution": "custom", "start": WINDOW["start"]},
            "window_missing",
            ["end"],
            id="custom without end",
        ),
        pytest.param(
            WINDOW | {"start": "2026-01-10 22:00:00"},
            "window_past",
            ["start"],
            id="a start in the past",
        ),
        pytest.param(
            WINDOW | {"end": "2099-01-10 22:05:00"},
            "window_too_short",
            ["end", "5 minutes"],
            id="a window of five minutes",
        ),
        pytest.param(
            WINDOW | {"end": "2099-01-10 21:00:00"},
            "window_too_short",
            ["end", "5 minutes"],
            id="an end before the start",
        ),
        pytest.param(
            WINDOW | {"start": "2026-10-25 02:30:00"},
            "time_ambiguous",
            ["start", "2026-10-25 02:30", "Europe/Berlin"],
            id="a start that comes twice",
        ),
        pytest.param(
            WINDOW | {"end": "2027-03-28 02:30:00"},
            "time_nonexistent",
            ["end", "2027-03-28 02:30", "Europe/Berlin"],
            id="an end that does not exist",
        ),
        pytest.param(
            WINDOW | {"start": "9999-12-31T23:00:00-05:00"},
            "time_out_of_range",
            ["start", "9999-12-31 23:00-05:00"],
            id="a start after the last year",
        ),
        pytest.param(
            WINDOW | {"start": "0001-01-01T00:00:00+10:00"},
            "time_out_of_range",
            ["start", "0001-01-01 00:00+10:00"],
            id="a start before the first year",
        ),
        pytest.param(
            {"retries": 6}, "retries_out_of_range", ["retries", "0", "5"], id="retries"
        ),
        pytest.param(
            {"retries": -1.0},
            "retries_out_of_range",
            ["retries", "0", "5"],
            id="fewer than no retries",
        ),
    ],
)
async def test_what_breaks_a_rule_is_refused_before_anything_is_sent(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    group_upgrade: Data,
    change: Data,
    key: str,
    parts: list[str],
) -> None:
    """The text names the field and the limit."""
    calls = len(oceanconnect.calls)
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, FIRMWARE, **group_upgrade | change)
    assert raised.value.translation_key == key
    assert all(part in str(raised.value) for part in parts), str(raised.value)
    assert len(oceanconnect.calls) == calls


async def test_what_is_of_the_wrong_type_is_refused_before_anything_is_sent(
    hass: HomeAssistant, oceanconnect: OceanConnectSimulator, group_upgrade: Data
) -> None:
    """By the schema, which names the field."""
    calls = len(oceanconnect.calls)
    for field, value in (
        ("package", ""),
        ("package", 1.5),
        ("device_groups", [["north"]]),
        ("execution", "tonight"),
        ("start", "tonight"),
        ("retries", 2.5),
        ("dry_run", "perhaps"),
        ("device_group", ["north"]),
    ):
        with pytest.raises(vol.Invalid, match=field):
            await act(hass, FIRMWARE, **group_upgrade | {field: value})
    assert len(oceanconnect.calls) == calls


async def test_software_is_not_sent_as_firmware(
    hass: HomeAssistant, oceanconnect: OceanConnectSimulator, group_upgrade: Data
) -> None:
    """What a package holds is read before anything is sent."""
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, SOFTWARE, **group_upgrade)
    assert raised.value.translation_key == "package_wrong_kind"
    assert "of the other kind" in str(raised.value)
    assert writes(oceanconnect) == []


async def test_a_platform_without_the_action_says_so(
    hass: HomeAssistant, tiny_entry: MockConfigEntry
) -> None:
    """The action is there for accounts on other platforms."""
    await set_up(hass, tiny_entry)
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, FIRMWARE, config_entry_id=tiny_entry.entry_id, package="pkg-1")
    assert raised.value.translation_key == "action_unsupported"
    assert "Tiny IoT" in str(raised.value)


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (codes.BAD_REQUEST, "bad_request"),
        (codes.VERSION_MISMATCH, "package_mismatch"),
        (codes.MANUFACTURER_NULL, "manufacturer_missing"),
        (codes.DEVICE_TYPE_NULL, "device_type_missing"),
        (codes.MODEL_NULL, "model_missing"),
        (codes.TARGETS_NULL, "targets_missing"),
        (codes.TARGETS_BOTH, "targets_both"),
        (codes.TARGETS_TOO_MANY, "targets_too_many"),
        (codes.EXECUTE_TYPE, "policy_invalid"),
        (codes.TIME_NULL, "window_invalid"),
        (codes.RETRY_TIMES, "retries_invalid"),
        (codes.START_AFTER_END, "window_order"),
        (codes.START_IN_PAST, "window_past"),
        (codes.WINDOW_TOO_SHORT, "window_short"),
        (codes.NOT_FOUND, "package_or_device_missing"),
        (codes.NOT_AUTHORISED, "not_authorized"),
        (codes.Code("999999", 400, "Something new."), "other"),
    ],
    ids=lambda value: value.code if isinstance(value, codes.Code) else None,
)
async def test_a_refusal_comes_back_with_its_code_and_advice(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    group_upgrade: Data,
    code: codes.Code,
    advice: str,
) -> None:
    """And nothing was created, nor is sent again."""
    tasks = len(oceanconnect.tasks())
    oceanconnect.faults.add(refusal(code, method="POST", path=OPERATIONS))
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, FIRMWARE, **group_upgrade)
    assert raised.value.translation_key == f"rejected_{advice}"
    assert code.code in str(raised.value)
    assert len(writes(oceanconnect)) == 1
    assert len(oceanconnect.tasks()) == tasks


@pytest.mark.parametrize(
    ("change", "advice", "sent"),
    [
        pytest.param(
            {"package": "0123456789ab"},
            "package_or_device_missing",
            0,
            id="a package that is not there",
        ),
        pytest.param(
            {"device_groups": ["Nowhere"]},
            "package_or_device_missing",
            1,
            id="a group that is not there",
        ),
        pytest.param(
            {"model": "Abacus"}, "package_mismatch", 1, id="another model's package"
        ),
    ],
)
async def test_what_only_the_platform_knows_it_refuses_itself(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    group_upgrade: Data,
    change: Data,
    advice: str,
    sent: int,
) -> None:
    """Names and IDs are not checked here."""
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, FIRMWARE, **group_upgrade | change)
    assert raised.value.translation_key == f"rejected_{advice}"
    assert len(writes(oceanconnect)) == sent


@pytest.mark.parametrize("kind", [FaultKind.RESET_AFTER, FaultKind.CUT])
async def test_a_lost_answer_is_looked_for_and_nothing_is_repeated(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    group_upgrade: Data,
    kind: FaultKind,
) -> None:
    """The task exists, and is found as if nothing had happened."""
    tasks = len(oceanconnect.tasks())
    oceanconnect.faults.add(Fault(kind=kind, method="POST", path=OPERATIONS))
    answer = await act(hass, FIRMWARE, **group_upgrade)
    assert len(writes(oceanconnect)) == 1
    assert len(oceanconnect.tasks()) == tasks + 1
    assert answer["task_id"] == oceanconnect.tasks()[-1].task_id


@pytest.fixture
def short_lived(oceanconnect: OceanConnectSimulator) -> Iterator[OceanConnectSimulator]:
    """Serve a twin of the platform that the test may stop."""
    with OceanConnectSimulator(
        app_id=oceanconnect.app_id,
        secret=oceanconnect.secret,
        tls_dir=oceanconnect.tls.folder,
    ) as platform:
        yield platform


async def test_a_platform_out_of_reach_is_told(
    hass: HomeAssistant, credentials: Data, short_lived: OceanConnectSimulator
) -> None:
    """A connection that is refused means that nothing was created."""
    entry = MockConfigEntry(
        domain=DOMAIN, data=credentials | {"port": short_lived.port}
    )
    entry.add_to_hass(hass)
    await set_up(hass, entry)
    upgrade = offer(short_lived, "firmware")
    await hass.async_add_executor_job(short_lived.stop)
    with pytest.raises(HomeAssistantError) as raised:
        await act(
            hass,
            FIRMWARE,
            config_entry_id=entry.entry_id,
            package=upgrade.package,
            device_groups=[upgrade.group],
        )
    assert raised.value.translation_key == "cannot_connect"


async def test_credentials_that_ran_out_are_asked_for_again(
    hass: HomeAssistant,
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    group_upgrade: Data,
) -> None:
    """The action fails, and a form waits for the new secret."""
    oceanconnect.change_secret("another secret")
    oceanconnect.drop_token()
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, FIRMWARE, **group_upgrade)
    await hass.async_block_till_done()
    assert raised.value.translation_key == "invalid_auth"
    assert writes(oceanconnect) == []
    [flow] = hass.config_entries.flow.async_progress()
    assert flow["context"]["source"] == SOURCE_REAUTH
    assert flow["context"]["entry_id"] == account.entry_id
