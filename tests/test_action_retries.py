"""Upgrading the failed ones again: each device once, and none that is upgraded already.

A story on each platform: an upgrade fails on some devices, is tried again on these, and
succeeds.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fleet_upgrade import action_retries, creation, retries
from custom_components.fleet_upgrade.clients.registry import PLATFORMS
from custom_components.fleet_upgrade.const import CONF_PLATFORM, CONF_READ_ONLY
from custom_components.fleet_upgrade.entity import task_identifier
from custom_components.fleet_upgrade.writes import CreateEntry, WriteState
from simulator.enos import EnosSimulator
from simulator.faults import Fault, FaultKind
from simulator.oceanconnect import OceanConnectSimulator
from simulator.oceanconnect.model import Package

from .actions import act
from .enos_account import answers_for

CREATE = "create_firmware_upgrade_task"
RETRY = "retry_failed_devices"

type Data = dict[str, Any]


@pytest.fixture(autouse=True)
async def to_its_end(hass: HomeAssistant) -> AsyncIterator[None]:
    """Let the poll after a creation end: one that is cut off leaves a connection."""
    yield
    await hass.async_block_till_done(wait_background_tasks=True)


async def settled(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Poll, and let all follow that does."""
    await hass.async_block_till_done(wait_background_tasks=True)
    await account.runtime_data.async_refresh()
    await hass.async_block_till_done(wait_background_tasks=True)


async def refused(hass: HomeAssistant, key: str, **data: Any) -> Data:
    """Have a retry refused, and return what its message is filled with."""
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, RETRY, **data)
    assert raised.value.translation_key == key
    return dict(raised.value.translation_placeholders or {})


class TestByANewTask:
    """On OceanConnect, which has no retry of its own."""

    @pytest.fixture
    def sim(self, oceanconnect: OceanConnectSimulator) -> OceanConnectSimulator:
        """Return a platform without any task, on which nothing moves by itself."""
        oceanconnect.reset(tasks=0, speed=0)
        return oceanconnect

    @pytest.fixture
    def package(self, sim: OceanConnectSimulator) -> Package:
        """Return the package that is installed."""
        return sim.packages("firmware")[0]

    @pytest.fixture
    def devices(self, sim: OceanConnectSimulator, package: Package) -> list[str]:
        """Return devices that the package fits."""
        return [device.device_id for device in sim.devices(package)][:5]

    @pytest.fixture
    def upgrade(
        self, account: MockConfigEntry, package: Package, devices: list[str]
    ) -> Data:
        """Return an upgrade of these devices."""
        return {
            "config_entry_id": account.entry_id,
            "package": package.file_id,
            "devices": devices,
        }

    async def fail(
        self,
        hass: HomeAssistant,
        account: MockConfigEntry,
        sim: OceanConnectSimulator,
        upgrade: Data,
        failed: list[str],
    ) -> Data:
        """Let an upgrade fail on some devices; return what names its task."""
        created = await act(hass, CREATE, **upgrade)
        await settled(hass, account)
        sim.finish_task(created["task_id"], failed=failed)
        await settled(hass, account)
        return {
            "config_entry_id": account.entry_id,
            "task_id": created["task_id"],
        }

    @pytest.fixture
    async def task(
        self,
        hass: HomeAssistant,
        account: MockConfigEntry,
        sim: OceanConnectSimulator,
        upgrade: Data,
        devices: list[str],
    ) -> Data:
        """Return a task that failed on two of five devices."""
        return await self.fail(
            hass, account, sim, upgrade | {"retries": 2}, devices[:2]
        )

    async def test_what_runs_a_later_version_by_now_is_not_taken_back_unless_allowed(
        self,
        hass: HomeAssistant,
        sim: OceanConnectSimulator,
        task: Data,
        devices: list[str],
    ) -> None:
        """Somebody may have upgraded it in between."""
        for device in sim.devices():
            if device.device_id == devices[0]:
                device.firmware = "V99.0"
        named = await refused(hass, "downgrade_refused", **task)
        assert (named["count"], named["versions"]) == ("1", "V99.0")
        dry = await act(hass, RETRY, **task, dry_run=True)
        assert dry["creation"]["downgrade"] == {"devices": 1, "versions": {"V99.0": 1}}
        answer = await act(hass, RETRY, **task, allow_downgrade=True)
        assert set(answer["devices"]) == set(devices[:2])

    async def test_the_failed_ones_are_upgraded_again_and_succeed(
        self,
        hass: HomeAssistant,
        account: MockConfigEntry,
        sim: OceanConnectSimulator,
        task: Data,
        devices: list[str],
        package: Package,
    ) -> None:
        """By a task of their own, with package and policy of the first one."""
        answer = await act(hass, RETRY, **task)
        [first, again] = sim.tasks()
        assert answer["task_id"] == first.task_id
        assert answer["creation"]["task_id"] == again.task_id
        assert sorted(answer["devices"]) == sorted(devices[:2])
        assert (answer["left_out"], answer["unchecked"]) == ([], [])
        assert answer["retries_before"] == 0
        assert answer["dry_run"] is False
        assert sorted(again.device_ids) == sorted(devices[:2])
        assert again.package == package
        assert again.policy == first.policy
        await settled(hass, account)
        sim.finish_task(again.task_id)
        await settled(hass, account)
        known = account.runtime_data.data.tasks
        assert known[again.task_id].status == "succeeded"
        assert known[again.task_id].counts.succeeded == 2

    async def test_a_dry_run_sends_nothing(
        self,
        hass: HomeAssistant,
        sim: OceanConnectSimulator,
        task: Data,
        devices: list[str],
    ) -> None:
        """It tells which devices, and shows the request."""
        answer = await act(hass, RETRY, **task, dry_run=True)
        assert sorted(answer["devices"]) == sorted(devices[:2])
        body = answer["creation"]["request"]["body"]
        assert sorted(body["targets"]["devices"]) == sorted(devices[:2])
        assert answer["creation"]["task_id"] is None
        assert answer["dry_run"] is True
        assert len(sim.tasks()) == 1

    async def test_a_repeat_is_refused_whenever_it_comes(
        self,
        hass: HomeAssistant,
        account: MockConfigEntry,
        sim: OceanConnectSimulator,
        task: Data,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Else devices that succeeded in the retry would be upgraded once more."""
        await act(hass, RETRY, **task)
        again = sim.tasks()[-1].task_id
        placeholders = await refused(hass, "retry_all_busy", **task)
        assert placeholders["tasks"] == again
        sim.finish_task(again, failed=1)
        await settled(hass, account)
        placeholders = await refused(hass, "retry_repeated", **task)
        assert placeholders["tasks"] == again
        assert len(sim.tasks()) == 2

    async def test_what_failed_again_is_tried_a_third_time(
        self,
        hass: HomeAssistant,
        account: MockConfigEntry,
        sim: OceanConnectSimulator,
        task: Data,
        devices: list[str],
    ) -> None:
        """By the task of the retry, which knows the count."""
        await act(hass, RETRY, **task)
        again = sim.tasks()[-1].task_id
        sim.finish_task(again, failed=devices[:1])
        await settled(hass, account)
        answer = await act(hass, RETRY, **task | {"task_id": again})
        assert answer["devices"] == devices[:1]
        assert answer["retries_before"] == 1
        third = sim.tasks()[-1].task_id
        sim.finish_task(third, failed=1)
        await settled(hass, account)
        answer = await act(hass, RETRY, **task | {"task_id": third}, dry_run=True)
        assert answer["retries_before"] == 2

    async def test_by_force_what_was_retried_is_retried_again(
        self,
        hass: HomeAssistant,
        account: MockConfigEntry,
        sim: OceanConnectSimulator,
        task: Data,
    ) -> None:
        """As with a creation."""
        await act(hass, RETRY, **task)
        await act(hass, RETRY, **task, force=True)
        assert len(sim.tasks()) == 3

    async def test_two_at_the_same_moment_are_one(
        self, hass: HomeAssistant, sim: OceanConnectSimulator, task: Data
    ) -> None:
        """Two automations, or two fingers."""
        answers = await asyncio.gather(
            *(act(hass, RETRY, **task) for _ in range(2)), return_exceptions=True
        )
        assert len(sim.tasks()) == 2
        [error] = [each for each in answers if isinstance(each, Exception)]
        assert isinstance(error, ServiceValidationError)
        assert error.translation_key == "create_repeated"

    async def test_a_task_that_still_runs_is_not_retried(
        self,
        hass: HomeAssistant,
        account: MockConfigEntry,
        sim: OceanConnectSimulator,
        upgrade: Data,
    ) -> None:
        """The platform itself may try again."""
        created = await act(hass, CREATE, **upgrade)
        task = {"config_entry_id": account.entry_id, "task_id": created["task_id"]}
        placeholders = await refused(hass, "retry_too_early", **task)
        assert placeholders["task"] == created["task_id"]

    @pytest.mark.parametrize(
        ("statuses", "count"),
        [(None, 5), ("stopped", 5), (["failed", "stopped"], 5), ("failed", 0)],
    )
    async def test_which_devices_is_said_by_their_status(
        self,
        hass: HomeAssistant,
        account: MockConfigEntry,
        sim: OceanConnectSimulator,
        upgrade: Data,
        statuses: Any,
        count: int,
    ) -> None:
        """A task that was stopped in the portal has no failed one."""
        created = await act(hass, CREATE, **upgrade)
        sim.stop_task(created["task_id"])
        task = {"config_entry_id": account.entry_id, "task_id": created["task_id"]}
        chosen = {} if statuses is None else {"status": statuses}
        if count == 0:
            await refused(hass, "retry_nothing", **task, **chosen)
            assert len(sim.tasks()) == 1
            return
        answer = await act(hass, RETRY, **task, **chosen)
        assert len(answer["devices"]) == count

    async def test_devices_that_another_task_upgrades_are_left_out(
        self,
        hass: HomeAssistant,
        sim: OceanConnectSimulator,
        account: MockConfigEntry,
        task: Data,
        devices: list[str],
        package: Package,
    ) -> None:
        """And named, with the task: whether it has devices by name or by group."""
        by_name = sim.add_task(devices=devices[:1], status="processing")
        answer = await act(hass, RETRY, **task, dry_run=True)
        assert answer["devices"] == devices[1:2]
        assert answer["left_out"] == [
            {
                "device_id": devices[0],
                "task_id": by_name,
                "reason": "being_upgraded",
            }
        ]
        sim.finish_task(by_name, failed=1)
        [group, *_] = [each for each in sim.groups() if devices[0] in each.members]
        by_group = sim.add_task(
            groups=[group.name], package=package, status="processing"
        )
        among = set(sim.task(by_group).device_ids)
        await settled(hass, account)
        assert among.issuperset(devices[:2])
        placeholders = await refused(hass, "retry_all_busy", **task)
        assert placeholders["tasks"] == by_group

    async def test_a_task_that_ended_meanwhile_is_in_nobodys_way(
        self,
        hass: HomeAssistant,
        sim: OceanConnectSimulator,
        account: MockConfigEntry,
        task: Data,
        devices: list[str],
        package: Package,
    ) -> None:
        """Though the last poll saw it run, or it is gone by now."""
        long_ago = dt_util.utcnow() - timedelta(days=3)
        [group, *_] = [each for each in sim.groups() if devices[0] in each.members]
        others = [
            sim.add_task(devices=devices[:1], status="processing", created=long_ago),
            sim.add_task(devices=devices[1:2], status="processing", created=long_ago),
            sim.add_task(
                groups=[group.name],
                package=package,
                status="processing",
                created=long_ago,
            ),
        ]
        await settled(hass, account)
        assert set(others) <= set(account.runtime_data.data.tasks)
        sim.finish_task(others[0])
        sim.delete_task(others[1])
        sim.delete_task(others[2])
        answer = await act(hass, RETRY, **task)
        assert sorted(answer["devices"]) == sorted(devices[:2])

    async def test_too_many_other_devices_are_not_looked_at(
        self,
        hass: HomeAssistant,
        sim: OceanConnectSimulator,
        account: MockConfigEntry,
        task: Data,
        package: Package,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The answer says at which tasks nobody looked."""
        monkeypatch.setattr(retries, "MOST_PAGES", 1)
        software = sim.add_task(kind="software", status="processing")
        others = [
            sim.add_task(groups=[group.name], status="processing")
            for group in sim.groups()[:2]
        ]
        await settled(hass, account)
        sim.calls.clear()
        answer = await act(hass, RETRY, **task, dry_run=True)
        assert sorted(answer["unchecked"]) == sorted(others)
        read = [
            call
            for call in sim.calls
            if "/subOperations" in call.path and task["task_id"] not in call.path
        ]
        assert len(read) == 1
        assert software not in read[0].path

    async def test_another_package_and_window_may_be_given(
        self,
        hass: HomeAssistant,
        sim: OceanConnectSimulator,
        task: Data,
        package: Package,
    ) -> None:
        """A window makes it a custom execution by itself."""
        other = next(
            each
            for each in sim.packages("firmware")
            if each.model == package.model and each != package
        )
        start = dt_util.now() + timedelta(hours=2)
        await act(
            hass,
            RETRY,
            **task,
            package=other.file_id,
            start=start.isoformat(),
            end=(start + timedelta(hours=1)).isoformat(),
            retries=1,
        )
        again = sim.tasks()[-1]
        assert again.package == other
        assert again.policy.execute_type == "custom"
        assert again.policy.retries == 1
        assert again.policy.start == int(start.timestamp())

    async def test_a_window_that_is_over_has_to_be_given_anew(
        self,
        hass: HomeAssistant,
        account: MockConfigEntry,
        sim: OceanConnectSimulator,
        package: Package,
        devices: list[str],
    ) -> None:
        """One that has not begun yet is used again."""
        now = dt_util.utcnow().replace(microsecond=0)

        def add(start: datetime) -> Data:
            task_id = sim.add_task(
                package=package,
                devices=devices,
                execute_type="custom",
                start=start,
                end=start + timedelta(hours=4),
            )
            sim.stop_task(task_id)
            return {
                "config_entry_id": account.entry_id,
                "task_id": task_id,
                "package": package.file_id,
            }

        over = add(now - timedelta(hours=1))
        placeholders = await refused(hass, "retry_window_over", **over)
        assert placeholders["field"] == "start"
        coming = add(now + timedelta(hours=1))
        await act(hass, RETRY, **coming)
        again = sim.tasks()[-1]
        assert again.policy == sim.task(coming["task_id"]).policy
        await act(hass, RETRY, **over, execution="now", force=True)
        assert sim.tasks()[-1].policy.execute_type == "now"

    # Tasks that somebody else created

    async def test_the_package_of_a_task_created_elsewhere_is_found(
        self,
        hass: HomeAssistant,
        account: MockConfigEntry,
        sim: OceanConnectSimulator,
        package: Package,
    ) -> None:
        """By kind, version, model and manufacturer; a software upgrade likewise."""
        for kind in ("firmware", "software"):
            theirs = sim.packages(kind)[0]
            task_id = sim.add_task(kind=kind, package=theirs, status="failed")
            await act(hass, RETRY, config_entry_id=account.entry_id, task_id=task_id)
            again = sim.tasks()[-1]
            assert (again.kind, again.package) == (kind, theirs)

    async def test_of_several_packages_one_has_to_be_chosen(
        self,
        hass: HomeAssistant,
        account: MockConfigEntry,
        sim: OceanConnectSimulator,
        package: Package,
        devices: list[str],
    ) -> None:
        """A task for devices by name does not tell their model."""
        task_id = sim.add_task(package=package, devices=devices, status="failed")
        task = {"config_entry_id": account.entry_id, "task_id": task_id}
        placeholders = await refused(hass, "retry_package_several", **task)
        assert placeholders["field"] == "package"
        assert placeholders["version"] == package.version
        others = [
            each.file_id
            for each in sim.packages("firmware")
            if each.version == package.version
        ]
        named = [each.split(" ")[0] for each in placeholders["candidates"].split("; ")]
        assert len(named) == 3
        assert set(named) <= set(others)
        await act(hass, RETRY, **task, package=package.file_id)
        assert sim.tasks()[-1].package == package

    async def test_a_package_that_is_gone_has_to_be_replaced(
        self,
        hass: HomeAssistant,
        account: MockConfigEntry,
        sim: OceanConnectSimulator,
        package: Package,
    ) -> None:
        """The message names some that would do."""
        task_id = sim.add_task(package=package, status="failed")
        packages = sim.platform.packages
        sim.call(lambda: packages.pop(package.file_id))
        task = {"config_entry_id": account.entry_id, "task_id": task_id}
        placeholders = await refused(hass, "retry_package_unknown", **task)
        assert placeholders["version"] == package.version
        candidates = placeholders["candidates"].split("; ")
        assert package.model.model in candidates[0]
        assert package.file_id not in placeholders["candidates"]

    # Batches

    async def test_very_many_failed_devices_become_a_batch(
        self,
        hass: HomeAssistant,
        account: MockConfigEntry,
        sim: OceanConnectSimulator,
    ) -> None:
        """Of a batch as well; what failed in its parts is counted once."""
        sim.reset(devices=1300, groups=1, tasks=0, speed=0)
        await settled(hass, account)  # signs in anew
        package = sim.packages("firmware")[0]
        devices = [device.device_id for device in sim.devices(package)][:300]
        created = await act(
            hass,
            CREATE,
            config_entry_id=account.entry_id,
            package=package.file_id,
            devices=devices,
        )
        await settled(hass, account)
        for part in created["parts"]:
            sim.finish_task(part["task_id"], failed=devices)
        await settled(hass, account)
        device = dr.async_get(hass).async_get_device_by_identifier(
            task_identifier(account, created["task_id"]), account.entry_id
        )
        assert device is not None
        answer = await act(hass, RETRY, device_id=device.id)
        assert answer["task_id"] == created["task_id"]
        assert sorted(answer["devices"]) == sorted(devices)
        assert [part["targets"] for part in answer["creation"]["parts"]] == [256, 44]
        assert len(sim.tasks()) == 4
        await settled(hass, account)
        again = answer["creation"]["task_id"]
        assert again.startswith("batch_")
        for part in answer["creation"]["parts"]:
            sim.finish_task(part["task_id"], failed=1)
        await settled(hass, account)
        # What was retried as a whole was retried in each of its parts.
        data = {"config_entry_id": account.entry_id}
        part = created["parts"][0]["task_id"]
        await refused(hass, "retry_repeated", **data, task_id=part)
        answer = await act(hass, RETRY, **data, task_id=again)
        assert len(answer["devices"]) == 2
        assert answer["retries_before"] == 1

    # When something goes wrong

    @pytest.mark.parametrize(
        "kind", [FaultKind.RESET_BEFORE, FaultKind.RESET_AFTER, FaultKind.CUT]
    )
    async def test_a_lost_answer_is_looked_for_and_never_sent_again(
        self,
        hass: HomeAssistant,
        account: MockConfigEntry,
        sim: OceanConnectSimulator,
        task: Data,
        kind: FaultKind,
    ) -> None:
        """What cannot be found blocks each further retry, even by force."""
        sim.faults.add(Fault(kind=kind, path="/firmwareUpgrade", method="POST"))
        if kind is not FaultKind.RESET_BEFORE:
            answer = await act(hass, RETRY, **task)
            assert answer["creation"]["task_id"] == sim.tasks()[-1].task_id
            assert len(sim.tasks()) == 2
            return
        with pytest.raises(HomeAssistantError) as raised:
            await act(hass, RETRY, **task)
        assert raised.value.translation_key == "unsettled_none"
        # A device less makes it another creation, but not another retry.
        sim.add_task(devices=sim.tasks()[0].device_ids[:1], status="processing")
        await refused(hass, "create_unsettled", **task, force=True)
        assert len(sim.tasks()) == 2

    async def test_a_restart_in_the_middle_does_not_double_it(
        self,
        hass: HomeAssistant,
        account: MockConfigEntry,
        sim: OceanConnectSimulator,
        task: Data,
        devices: list[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """What was sent before it is found after it."""
        is_looking = asyncio.Event()

        def looks() -> Iterator[float]:
            is_looking.set()
            yield 60.0

        monkeypatch.setattr(creation, "LOOKS", looks())
        sim.faults.add(
            Fault(kind=FaultKind.RESET_AFTER, path="/firmwareUpgrade", method="POST")
        )
        retrying = hass.async_create_task(act(hass, RETRY, **task))
        await is_looking.wait()
        await hass.config_entries.async_unload(account.entry_id)
        with pytest.raises(HomeAssistantError):
            await retrying
        monkeypatch.setattr(creation, "LOOKS", (0.0,))
        await hass.config_entries.async_setup(account.entry_id)
        await hass.async_block_till_done(wait_background_tasks=True)
        journal = account.runtime_data.writer.journal
        assert [entry.state for entry in journal.all_of(CreateEntry)] == [
            WriteState.DONE
        ] * 2
        again = sim.tasks()[-1].task_id
        sim.finish_task(again)
        await settled(hass, account)
        placeholders = await refused(hass, "retry_repeated", **task)
        assert placeholders["tasks"] == again
        assert len(sim.tasks()) == 2

    async def test_a_batch_that_broke_off_is_finished_by_the_same_call(
        self,
        hass: HomeAssistant,
        account: MockConfigEntry,
        sim: OceanConnectSimulator,
    ) -> None:
        """Its devices are in a task once."""
        sim.reset(devices=1300, groups=1, tasks=0, speed=0)
        await settled(hass, account)
        package = sim.packages("firmware")[0]
        devices = [device.device_id for device in sim.devices(package)][:300]
        task_id = sim.add_task(package=package, devices=devices, status="processing")
        sim.finish_task(task_id, failed=devices)
        task = {
            "config_entry_id": account.entry_id,
            "task_id": task_id,
            "package": package.file_id,
        }
        sim.faults.add(
            Fault(
                kind=FaultKind.STATUS,
                path="/firmwareUpgrade",
                method="POST",
                status=400,
                after=1,
            )
        )
        with pytest.raises(HomeAssistantError) as raised:
            await act(hass, RETRY, **task)
        assert raised.value.translation_key == "batch_incomplete"
        await settled(hass, account)
        answer = await act(hass, RETRY, **task)
        assert len(answer["devices"]) == 44
        assert len(answer["left_out"]) == 256
        retried = [each for made in sim.tasks()[1:] for each in made.device_ids]
        assert sorted(retried) == sorted(devices)

    async def test_an_account_that_only_reads_retries_nothing(
        self,
        hass: HomeAssistant,
        account: MockConfigEntry,
        sim: OceanConnectSimulator,
        task: Data,
    ) -> None:
        """A dry run still tells."""
        hass.config_entries.async_update_entry(account, options={CONF_READ_ONLY: True})
        await hass.config_entries.async_reload(account.entry_id)
        await refused(hass, "account_read_only", **task)
        assert (await act(hass, RETRY, **task, dry_run=True))["devices"]
        assert len(sim.tasks()) == 1


class TestByThePlatform:
    """On EnOS, which tries failed OTA tasks again by itself."""

    @pytest.fixture
    def sim(self, enos: EnosSimulator) -> EnosSimulator:
        """Return a platform without any job, whose searches do not lag."""
        enos.reset(jobs=0, index_lag=0, speed=0)
        return enos

    @pytest.fixture
    def credentials(self, sim: EnosSimulator) -> Data:
        """Return the data of an account on it."""
        return {CONF_PLATFORM: "enos", **answers_for(sim)}

    @pytest.fixture
    def task(self, account: MockConfigEntry, sim: EnosSimulator) -> Data:
        """Return a job that failed on three devices."""
        job_id = sim.add_job(status="upgrading")
        sim.finish_job(job_id, failed=3)
        return {"config_entry_id": account.entry_id, "task_id": job_id}

    def failed(self, sim: EnosSimulator) -> list[str]:
        """Return the devices on which the only job failed."""
        [job] = sim.jobs()
        return sorted(
            task.device_key for task in sim.tasks(job.job_id) if task.status == "failed"
        )

    async def test_the_failed_ones_are_tried_again_and_succeed(
        self,
        hass: HomeAssistant,
        account: MockConfigEntry,
        sim: EnosSimulator,
        task: Data,
    ) -> None:
        """In the same task."""
        failed = self.failed(sim)
        assert (await act(hass, RETRY, **task, dry_run=True))["devices"]
        assert self.failed(sim) == failed
        answer = await act(hass, RETRY, **task)
        assert sorted(answer["devices"]) == failed
        assert answer["creation"] is None
        assert self.failed(sim) == []
        await settled(hass, account)
        sim.finish_job(task["task_id"])
        await settled(hass, account)
        known = account.runtime_data.data.tasks[task["task_id"]]
        assert (known.status, known.counts.failed) == ("succeeded", 0)
        await refused(hass, "retry_nothing", **task)
        [entry] = (await act(hass, "get_journal", config_entry_id=account.entry_id))[
            "entries"
        ]
        assert (entry["action"], entry["state"]) == ("retry_subtasks", "done")

    async def test_what_just_failed_again_is_not_retried_at_once(
        self,
        hass: HomeAssistant,
        account: MockConfigEntry,
        sim: EnosSimulator,
        task: Data,
    ) -> None:
        """Within the minutes in which nothing is done twice, but for force."""
        await act(hass, RETRY, **task)
        sim.finish_job(task["task_id"], failed=3)
        placeholders = await refused(hass, "retry_repeated", **task)
        assert placeholders["tasks"] == task["task_id"]
        answer = await act(hass, RETRY, **task, force=True)
        assert answer["retries_before"] == 1
        assert self.failed(sim) == []

    async def test_it_is_retried_as_it_was_created(
        self, hass: HomeAssistant, sim: EnosSimulator, task: Data
    ) -> None:
        """What the platform cannot change is refused, not left out in silence."""
        for field, value in {"retries": 1, "start": "2030-01-01 01:00:00"}.items():
            placeholders = await refused(
                hass, "retry_as_created", **task, **{field: value}
            )
            assert placeholders["field"] == field
        assert self.failed(sim)

    async def test_devices_that_another_job_upgrades_are_left_out(
        self, hass: HomeAssistant, sim: EnosSimulator, task: Data
    ) -> None:
        """And named, with that job."""
        [first, *others] = self.failed(sim)
        other = sim.add_job(devices=[first], status="upgrading")
        answer = await act(hass, RETRY, **task)
        assert sorted(answer["devices"]) == others
        assert answer["left_out"] == [
            {"device_id": first, "task_id": other, "reason": "being_upgraded"}
        ]

    @pytest.mark.parametrize("kind", [FaultKind.RESET_BEFORE, FaultKind.RESET_AFTER])
    async def test_a_lost_answer_is_told_by_the_devices(
        self,
        hass: HomeAssistant,
        sim: EnosSimulator,
        task: Data,
        kind: FaultKind,
    ) -> None:
        """Done, or not done; and it is sent once."""
        sim.faults.add(Fault(kind=kind, path="action=retryTask"))
        if kind is FaultKind.RESET_AFTER:
            assert (await act(hass, RETRY, **task))["devices"]
        else:
            with pytest.raises(HomeAssistantError) as raised:
                await act(hass, RETRY, **task)
            assert raised.value.translation_key == "change_not_made"
        sent = sum("action=retryTask" in call.path for call in sim.calls)
        assert sent == 1
        assert (self.failed(sim) == []) is (kind is FaultKind.RESET_AFTER)

    async def test_a_job_that_was_stopped_has_to_be_started_first(
        self, hass: HomeAssistant, sim: EnosSimulator, task: Data
    ) -> None:
        """The platform says so."""
        sim.stop_job(task["task_id"])
        with pytest.raises(HomeAssistantError) as raised:
            await act(hass, RETRY, **task)
        assert raised.value.translation_key == "rejected_task_not_running"


def test_what_may_be_other_than_before_are_fields_of_create_actions() -> None:
    """A field that is renamed there cannot be forgotten here."""
    actions = [
        action for platform in PLATFORMS.values() for action in platform.create_actions
    ]
    schema = action_retries.retry_schema(actions).schema
    assert set(action_retries.OVERRIDES) <= {str(key) for key in schema}
