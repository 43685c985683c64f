"""Why an upgrade failed, on either platform: reasons, causes, devices, a text."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fleet_upgrade.const import CONF_PLATFORM, DOMAIN
from custom_components.fleet_upgrade.entity import task_identifier
from simulator.enos import EnosSimulator
from simulator.oceanconnect import OceanConnectSimulator

from .actions import act
from .enos_account import answers_for

REPORT = "get_failure_report"


async def test_a_report_counts_the_reasons_and_says_what_to_do(
    hass: HomeAssistant, account: MockConfigEntry, oceanconnect: OceanConnectSimulator
) -> None:
    """From nothing but the pages of failed devices."""
    task_id = oceanconnect.add_task(status="processing")
    devices = oceanconnect.task(task_id).device_ids
    oceanconnect.finish_task(task_id, failed=2, cause="Task Conflict")
    oceanconnect.calls.clear()
    report = await act(hass, REPORT, config_entry_id=account.entry_id, task_id=task_id)
    assert len(oceanconnect.calls) == 1
    assert oceanconnect.calls[0].query["subOperationStatus"] == "fail"
    assert report["task_id"] == task_id
    assert report["total"] == 2
    [reason] = report["reasons"]
    assert reason == {
        "reason": "Task Conflict",
        "cause": "task_conflict",
        "meaning": "Another task was running on the device.",
        "advice": "Wait until it has ended, then retry the device.",
        "count": 2,
        "devices": list(devices[:2]),
    }
    assert report["markdown"] == (
        "- **2 × Task Conflict**\n"
        "  Another task was running on the device. "
        "Wait until it has ended, then retry the device.\n"
        f"  Devices: {devices[0]}, {devices[1]}"
    )


async def test_a_task_is_named_by_its_device_too(
    hass: HomeAssistant, account: MockConfigEntry, oceanconnect: OceanConnectSimulator
) -> None:
    """One on which nothing failed has no reasons."""
    task_id = oceanconnect.add_task(status="processing")
    await account.runtime_data.async_refresh()
    await hass.async_block_till_done(wait_background_tasks=True)
    device = dr.async_get(hass).async_get_device_by_identifier(
        task_identifier(account, task_id), account.entry_id
    )
    assert device is not None
    assert await act(hass, REPORT, device_id=device.id) == {
        "task_id": task_id,
        "reasons": [],
        "markdown": "No device failed.",
        "total": 0,
    }


async def test_a_report_reads_no_more_than_wanted(
    hass: HomeAssistant, account: MockConfigEntry, oceanconnect: OceanConnectSimulator
) -> None:
    """What it leaves out is told."""
    oceanconnect.reset(devices=250, groups=1, tasks=0)
    devices = [device.device_id for device in oceanconnect.devices()]
    task_id = oceanconnect.add_task(devices=devices, status="processing")
    oceanconnect.finish_task(task_id, failed=devices, cause="Oh | no <b>")
    await account.runtime_data.async_refresh()  # signs in anew
    oceanconnect.calls.clear()
    report = await act(
        hass,
        REPORT,
        config_entry_id=account.entry_id,
        task_id=task_id,
        limit=100,
        most_devices=0,
    )
    assert len(oceanconnect.calls) == 1
    assert report["total"] == 250
    assert [reason["count"] for reason in report["reasons"]] == [100]
    head, _, rest = report["markdown"].splitlines()
    assert head == "- **100 × Oh \\| no \\<b\\>**"
    assert rest.endswith(": 150")


async def test_a_batch_is_one_report(
    hass: HomeAssistant, account: MockConfigEntry, oceanconnect: OceanConnectSimulator
) -> None:
    """Whichever of its tasks a device was in."""
    oceanconnect.reset(devices=1300, groups=1, tasks=0)
    package = oceanconnect.packages("firmware")[0]
    devices = [device.device_id for device in oceanconnect.devices(package)][:300]
    created = await act(
        hass,
        "create_firmware_upgrade_task",
        config_entry_id=account.entry_id,
        package=package.file_id,
        devices=devices,
    )
    await hass.async_block_till_done(wait_background_tasks=True)
    for part in created["parts"]:
        oceanconnect.finish_task(part["task_id"], failed=1, cause="Invalid URI")
    report = await act(
        hass,
        REPORT,
        config_entry_id=account.entry_id,
        task_id=created["task_id"],
    )
    assert report["task_id"] == created["task_id"]
    [reason] = [each for each in report["reasons"] if each["reason"] == "Invalid URI"]
    assert (reason["count"], reason["cause"]) == (2, "package_address")


async def test_the_step_at_which_a_device_failed_tells_the_cause(
    hass: HomeAssistant, enos: EnosSimulator
) -> None:
    """Where the text is the device's own."""
    enos.reset(jobs=0, index_lag=0, speed=0)
    job_id = enos.add_job(status="upgrading")
    account = MockConfigEntry(
        domain=DOMAIN,
        unique_id="enos",
        data={CONF_PLATFORM: "enos", **answers_for(enos)},
    )
    account.add_to_hass(hass)
    assert await hass.config_entries.async_setup(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    enos.finish_job(job_id, failed=3, cause="Failed to upgrade firmware")
    task = next(task for task in enos.tasks(job_id) if task.status == "failed")
    task.progress, task.description = -3, "bad sign 17"
    engine = enos.platform.engine
    enos.call(lambda: engine._touch(task, engine._agenda.here()))  # noqa: SLF001
    report = await act(hass, REPORT, config_entry_id=account.entry_id, task_id=job_id)
    assert report["total"] == 3
    assert [
        (reason["reason"], reason["cause"], reason["count"])
        for reason in report["reasons"]
    ] == [
        ("Failed to upgrade firmware", "install_failed", 2),
        ("bad sign 17", "check_failed", 1),
    ]


@pytest.mark.parametrize("most", [-1, 1001])
async def test_a_number_out_of_range_is_refused(
    hass: HomeAssistant,
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    most: int,
) -> None:
    """Before anything is sent."""
    oceanconnect.calls.clear()
    with pytest.raises(ServiceValidationError) as raised:
        await act(
            hass,
            REPORT,
            config_entry_id=account.entry_id,
            task_id="one",
            most_devices=most,
        )
    assert raised.value.translation_key == "limit_out_of_range"
    assert "most_devices must be between 0 and 1,000" in str(raised.value)
    assert list(oceanconnect.calls) == []


async def test_a_task_that_is_not_there_is_told(
    hass: HomeAssistant, account: MockConfigEntry
) -> None:
    """With the platform's code."""
    data: dict[str, Any] = {"config_entry_id": account.entry_id, "task_id": "gone"}
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, REPORT, **data)
    assert raised.value.translation_key == "rejected_task_missing"
