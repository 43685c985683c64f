"""Whom a creation reaches, as actions and the journal say it, and downgrades."""

import asyncio
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fleet_upgrade import reach
from custom_components.fleet_upgrade.askers import Asker
from custom_components.fleet_upgrade.clients.errors import (
    ConnectionProblem,
    InvalidFieldError,
    UnreachableError,
)
from custom_components.fleet_upgrade.clients.model import (
    CreateRequest,
    PreparedCreate,
    Reach,
    Targets,
    UpgradeKind,
)
from custom_components.fleet_upgrade.coordinator import FleetCoordinator
from custom_components.fleet_upgrade.reach import Downgrade, downgrade_of
from simulator.enos import EnosSimulator
from simulator.oceanconnect import Fault, FaultKind, OceanConnectSimulator

from .actions import act
from .enos_account import CREATE, with_one_job
from .tiny_platform import TinyFleet, set_up

FIRMWARE = "create_firmware_upgrade_task"
LISTS = "/iocm/app/"

type Data = dict[str, Any]


def creation(version: str | None = "1.2", count: int = 2) -> PreparedCreate:
    """Return a creation that installs a version on some devices."""
    return PreparedCreate(
        request=CreateRequest(
            kind=UpgradeKind.FIRMWARE,
            package_id="pkg-1",
            targets=Targets(
                devices=tuple(f"meter-{number}" for number in range(count))
            ),
        ),
        method="POST",
        path="/",
        body={},
        version=version,
    )


def running(**versions: int) -> Reach:
    """Return devices by their versions, in which an underscore is a dot."""
    counts = {version.replace("_", "."): count for version, count in versions.items()}
    return Reach(devices=sum(counts.values()), versions=counts)


async def journal_of(hass: HomeAssistant, account: MockConfigEntry) -> list[Data]:
    """Return what the journal says, newest first."""
    answer = await act(hass, "get_journal", config_entry_id=account.entry_id)
    entries: list[Data] = answer["entries"]
    return entries


# What is a downgrade


def test_later_versions_alone_are_a_downgrade() -> None:
    """The same, older ones and those that do not compare are none."""
    runs = Reach(devices=15, versions={"V9.1": 1, "V9.2": 2, "V10.0": 4, "beta": 8})
    found = downgrade_of(creation("V9.2"), runs)
    assert found == Downgrade(devices=4, versions={"V10.0": 4})


def test_where_a_version_is_unknown_there_is_no_downgrade() -> None:
    """Neither that of the package nor those of devices can be guessed."""
    assert downgrade_of(creation(None), running(v2=1)) is None
    assert downgrade_of(creation("1.0"), Reach(devices=5)) is None


# What never stands in the way


@pytest.fixture
async def tiny(hass: HomeAssistant, tiny_entry: MockConfigEntry) -> FleetCoordinator:
    """Return the coordinator of an account on the tiny platform."""
    await set_up(hass, tiny_entry)
    coordinator: FleetCoordinator = tiny_entry.runtime_data
    return coordinator


async def test_only_later_versions_are_counted_and_named(
    tiny: FleetCoordinator, fleet: TinyFleet
) -> None:
    """Nothing is written down or sent, not even by force."""
    fleet.reached = running(v1_0=4, v1_2=1, v1_10=2, v2_0=1)
    for force in (False, True):
        with pytest.raises(InvalidFieldError) as raised:
            await tiny.writer.async_create(creation("v1.2"), Asker(), force=force)
        assert raised.value.key == "downgrade_refused"
        assert raised.value.placeholders == {
            "field": "allow_downgrade",
            "count": "3",
            "versions": "v1.10, v2.0",
            "version": "v1.2",
        }
    assert list(tiny.writer.journal.entries) == []
    [entry] = await tiny.writer.async_create(
        creation("v1.2"), Asker(), allow_downgrade=True
    )
    assert entry.reach == fleet.reached
    assert len(fleet.created) == 1


async def test_a_refusal_names_no_more_versions_than_can_be_read(
    tiny: FleetCoordinator, fleet: TinyFleet
) -> None:
    """All of their devices count."""
    fleet.reached = running(**{f"v1_{number}": 1 for number in range(10, 40)})
    with pytest.raises(InvalidFieldError) as raised:
        await tiny.writer.async_create(creation("v1.2"), Asker())
    assert raised.value.placeholders["count"] == "30"
    assert raised.value.placeholders["versions"] == (
        "v1.10, v1.11, v1.12, v1.13, v1.14, v1.15, v1.16, v1.17, v1.18, v1.19, …"
    )


async def test_a_batch_is_looked_at_once_as_a_whole(
    hass: HomeAssistant,
    tiny: FleetCoordinator,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
) -> None:
    """Each of its parts says so in the journal."""
    fleet.most_targets = 2
    fleet.reached = running(v1_0=5)
    parts = await tiny.writer.async_create(creation("v1.2", 5), Asker())
    assert [entry.reach for entry in parts] == [fleet.reached] * 3
    assert fleet.looks == 1
    assert {str(row["reach"]) for row in await journal_of(hass, tiny_entry)} == {
        "{'devices': 5, 'versions': {'v1.0': 5}, 'versions_checked': True}"
    }


@pytest.mark.parametrize(
    "error", [UnreachableError(ConnectionProblem.CONNECT), ValueError("a mistake")]
)
async def test_a_look_that_fails_stops_no_creation(
    tiny: FleetCoordinator, fleet: TinyFleet, error: Exception
) -> None:
    """Whatever went wrong."""
    fleet.reached = error
    [entry] = await tiny.writer.async_create(creation(), Asker())
    assert entry.reach == Reach()
    assert len(fleet.created) == 1


async def test_a_look_that_takes_too_long_is_given_up(
    tiny: FleetCoordinator, fleet: TinyFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The creation waits no longer than that."""

    async def never(_prepared: PreparedCreate) -> Reach:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(reach, "LOOK_WITHIN", 0.01)
    monkeypatch.setattr(fleet, "reach", never)
    [entry] = await tiny.writer.async_create(creation(), Asker())
    assert entry.reach == Reach()


# On the platforms


async def test_a_dry_run_and_the_journal_say_whom_it_reaches(
    hass: HomeAssistant, account: MockConfigEntry, oceanconnect: OceanConnectSimulator
) -> None:
    """In the same words; each look takes at most ten calls."""
    package = oceanconnect.packages("firmware")[0]
    devices = oceanconnect.devices(package)[:3]
    for device, version in zip(devices, ("V1.2.0", "V1.2.0", "V1.3.1"), strict=True):
        device.firmware = version
    data: Data = {
        "config_entry_id": account.entry_id,
        "package": package.file_id,
        "devices": [device.device_id for device in devices],
    }
    oceanconnect.calls.clear()
    dry = await act(hass, FIRMWARE, **data, dry_run=True)
    assert oceanconnect.calls.count(LISTS) <= 10
    assert dry["reach"] == {
        "devices": 3,
        "versions": {"V1.2.0": 2, "V1.3.1": 1},
        "versions_checked": True,
    }
    assert dry["downgrade"] is None
    assert await journal_of(hass, account) == []

    oceanconnect.calls.clear()
    assert (await act(hass, FIRMWARE, **data))["reach"] == dry["reach"]
    assert oceanconnect.calls.count(LISTS) <= 10
    [row] = await journal_of(hass, account)
    assert row["reach"] == dry["reach"]


async def test_a_downgrade_is_named_refused_and_allowed(
    hass: HomeAssistant, account: MockConfigEntry, oceanconnect: OceanConnectSimulator
) -> None:
    """A person decides."""
    new, *_, old = [
        package
        for package in oceanconnect.packages("firmware")
        if package.model == oceanconnect.packages("firmware")[0].model
    ]
    assert (old.version, new.version) == ("V1.2.0", "V2.0.0")
    devices = oceanconnect.devices(old)[:3]
    devices[0].firmware, devices[1].firmware, devices[2].firmware = (
        new.version,
        new.version,
        old.version,
    )
    data: Data = {
        "config_entry_id": account.entry_id,
        "package": old.file_id,
        "devices": [device.device_id for device in devices],
    }
    dry = await act(hass, FIRMWARE, **data, dry_run=True)
    assert dry["downgrade"] == {"devices": 2, "versions": {"V2.0.0": 2}}
    for force in (False, True):
        with pytest.raises(ServiceValidationError) as raised:
            await act(hass, FIRMWARE, **data, force=force)
        assert raised.value.translation_key == "downgrade_refused"
        text = str(raised.value)
        assert all(part in text for part in ("2 devices", "V2.0.0", "V1.2.0"))
        assert "allow_downgrade" in text
    assert oceanconnect.calls.count("/iodm/", "POST") == 0
    assert await journal_of(hass, account) == []

    answer = await act(hass, FIRMWARE, **data, allow_downgrade=True)
    assert answer["downgrade"] == dry["downgrade"]
    assert oceanconnect.task(answer["task_id"]).device_ids == tuple(data["devices"])


async def test_lists_that_fail_stop_no_creation(
    hass: HomeAssistant, account: MockConfigEntry, oceanconnect: OceanConnectSimulator
) -> None:
    """Nobody knows then whom it reaches."""
    oceanconnect.faults.add(
        Fault(kind=FaultKind.RESET_BEFORE, path=LISTS, method="GET", count=None)
    )
    answer = await act(
        hass,
        FIRMWARE,
        config_entry_id=account.entry_id,
        package=oceanconnect.packages("firmware")[0].file_id,
        device_groups=[oceanconnect.groups()[0].name],
    )
    assert answer["task_id"] is not None
    assert answer["reach"] == {
        "devices": None,
        "versions": None,
        "versions_checked": False,
    }


class TestByJobs:
    """On a platform with a listing of what devices run."""

    @pytest.fixture
    def sim(self, enos: EnosSimulator) -> EnosSimulator:
        """Return a platform with one job."""
        return with_one_job(enos)

    @pytest.fixture
    def credentials(self, sim: EnosSimulator) -> Data:
        """Return the data of an account on it."""
        return {
            "platform": "enos",
            "address": sim.url,
            "access_key": sim.access_key,
            "secret_key": sim.secret_key,
            "org_id": sim.org_id,
        }

    async def test_a_downgrade_is_named_refused_and_allowed(
        self, hass: HomeAssistant, account: MockConfigEntry, sim: EnosSimulator
    ) -> None:
        """As on any other."""
        firmware = next(
            each for each in sim.firmware(verified=True) if each.version == "1.1"
        )
        busy = {task.device_key for job in sim.jobs() for task in sim.tasks(job.job_id)}
        devices = [
            device
            for device in sim.devices()
            if device.product.product_key == firmware.product_key
            and device.device_key not in busy
            and device.version is not None
        ][:2]
        sim.report_version(devices[0].asset_id, "1.0")
        sim.report_version(devices[1].asset_id, "2.0")
        data: Data = {
            "config_entry_id": account.entry_id,
            "package": firmware.firmware_id,
            "devices": [device.device_key for device in devices],
        }
        dry = await act(hass, CREATE, **data, dry_run=True)
        assert dry["reach"]["versions"] == {"1.0": 1, "2.0": 1}
        assert dry["downgrade"] == {"devices": 1, "versions": {"2.0": 1}}
        with pytest.raises(ServiceValidationError) as raised:
            await act(hass, CREATE, **data)
        assert raised.value.translation_key == "downgrade_refused"
        assert len(sim.jobs()) == 1
        answer = await act(hass, CREATE, **data, allow_downgrade=True)
        assert answer["task_id"] in {job.job_id for job in sim.jobs()}
        [row] = await journal_of(hass, account)
        assert row["reach"] == dry["reach"]
