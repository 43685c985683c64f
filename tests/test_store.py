"""What is kept of an account across restarts, and when it is written."""

import asyncio
from datetime import timedelta
from pathlib import Path
import stat
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import msgspec
import pytest
from pytest_homeassistant_custom_component.common import (
    async_fire_time_changed,
    async_test_home_assistant,
)

from custom_components.fleet_upgrade.account import (
    AccountState,
    TaskEvent,
    TaskEventType,
)
from custom_components.fleet_upgrade.clients.model import (
    Execution,
    Policy,
    StatusCounts,
    Targets,
    TaskStatus,
    UpgradeKind,
)
from custom_components.fleet_upgrade.const import STORE_DELAY
from custom_components.fleet_upgrade.early_warning import Watch
from custom_components.fleet_upgrade.store import AccountStore

from .slow_disk import SlowDisk
from .tiny_platform import NOW, make_task

KEY = "fleet_upgrade.account"
STATE = AccountState(
    tasks={
        "one": make_task("one", TaskStatus.WAITING),
        "two": make_task(
            "two",
            None,
            kind=UpgradeKind.SOFTWARE,
            version=None,
            created=None,
            counts=StatusCounts(),
            targets=Targets(devices=("meter-1",), model="M1"),
            policy=Policy(
                execution=Execution.CUSTOM,
                start=NOW,
                end=NOW + timedelta(hours=1),
                retries=3,
            ),
        ),
    },
    memory={"order": "newest_first", "seen": ["one", "two"]},
    inactive_since={"two": NOW.timestamp()},
    watches={
        "one": Watch(moved=NOW.timestamp(), is_stalled=True),
        "two": Watch(moved=0.5, is_failing=True),
    },
    outbox=(
        TaskEvent(
            type=TaskEventType.CREATED,
            task_id="one",
            kind=UpgradeKind.FIRMWARE,
            counts=StatusCounts(total=8),
        ),
    ),
)


@pytest.fixture
def store(hass: HomeAssistant) -> AccountStore:
    """Return the store of an account."""
    return AccountStore(hass, "account")


async def test_a_new_account_has_no_state(store: AccountStore) -> None:
    """That is how its first poll is told from all others."""
    assert await store.async_load() is None
    await store.async_flush()


async def test_a_state_is_read_as_it_was_written(
    hass: HomeAssistant, store: AccountStore
) -> None:
    """Times, unknown values and the client's memory included."""
    await store.async_save(STATE)
    assert await AccountStore(hass, "account").async_load() == STATE


async def test_an_empty_state_is_a_state(
    hass: HomeAssistant, store: AccountStore
) -> None:
    """An account without tasks has been polled all the same."""
    await store.async_save(AccountState())
    assert await AccountStore(hass, "account").async_load() == AccountState()


async def test_a_row_that_cannot_be_read_is_left_out(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    store: AccountStore,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The others are used."""
    await store.async_save(STATE)
    data = hass_storage[KEY]["data"]
    data["tasks"][0]["kind"] = "hardware"
    data["outbox"][0] = {"type": "created"}
    state = await AccountStore(hass, "account").async_load()
    assert state is not None
    assert state.tasks == {"two": STATE.tasks["two"]}
    assert state.outbox == ()
    assert state.memory == STATE.memory
    assert "A stored upgrade task cannot be read" in caplog.text
    assert "A stored event cannot be read" in caplog.text


async def test_times_that_cannot_be_read_are_left_out(
    hass: HomeAssistant, hass_storage: dict[str, Any], store: AccountStore
) -> None:
    """A task is then kept a little longer, no more."""
    await store.async_save(STATE)
    hass_storage[KEY]["data"]["inactive_since"]["two"] = "some time"
    hass_storage[KEY]["data"]["watches"]["two"] = {"moved": "some time"}
    state = await AccountStore(hass, "account").async_load()
    assert state is not None
    assert state.tasks == STATE.tasks
    assert state.inactive_since == {}
    assert state.watches.keys() == {"one"}


async def test_a_state_of_an_older_version_is_read(
    hass: HomeAssistant, hass_storage: dict[str, Any], store: AccountStore
) -> None:
    """It remembered nothing to warn by."""
    await store.async_save(STATE)
    del hass_storage[KEY]["data"]["watches"]
    state = await AccountStore(hass, "account").async_load()
    assert state == msgspec.structs.replace(STATE, watches={})


async def test_a_state_that_did_not_change_is_not_written_again(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    store: AccountStore,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Flash memory wears out."""
    await store.async_save(STATE)
    del hass_storage[KEY]
    await store.async_save(STATE)
    store.async_save_later(STATE)
    await store.async_flush()
    freezer.tick(STORE_DELAY + 1)
    async_fire_time_changed(hass)
    await hass.async_block_till_done()
    assert KEY not in hass_storage


async def test_what_can_wait_is_written_later(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    store: AccountStore,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Counts change with every poll."""
    store.async_save_later(STATE)
    await hass.async_block_till_done()
    assert KEY not in hass_storage
    freezer.tick(STORE_DELAY + 1)
    async_fire_time_changed(hass)
    await hass.async_block_till_done()
    assert KEY in hass_storage


async def test_what_waits_is_written_when_the_account_is_unloaded(
    hass_storage: dict[str, Any], store: AccountStore
) -> None:
    """Else the next set-up would read an old state, and this one overwrite it."""
    store.async_save_later(STATE)
    await store.async_flush()
    assert [row["task_id"] for row in hass_storage[KEY]["data"]["tasks"]] == [
        "one",
        "two",
    ]


async def test_a_write_under_way_is_waited_for_when_the_account_is_unloaded(
    hass_storage: dict[str, Any], slow_disk: SlowDisk, store: AccountStore
) -> None:
    """Whoever asked for it is cancelled then, but its thread goes on."""
    slow_disk.hold_up(lambda data: data["key"] == KEY)
    saving = asyncio.create_task(store.async_save(STATE))
    await slow_disk.begun.wait()
    saving.cancel()
    flushing = asyncio.create_task(store.async_flush())
    await asyncio.sleep(0.01)
    assert not flushing.done()
    slow_disk.goes_on.set()
    await flushing
    assert KEY in hass_storage
    await store.async_remove()
    await asyncio.sleep(0.01)
    assert KEY not in hass_storage


async def test_a_removed_account_leaves_no_file(
    hass: HomeAssistant, hass_storage: dict[str, Any], store: AccountStore
) -> None:
    """Nor a write that waits."""
    await store.async_save(STATE)
    await store.async_remove()
    assert KEY not in hass_storage


async def test_only_home_assistant_may_read_the_file(tmp_path: Path) -> None:
    """What a fleet is made of is nobody else's business."""
    async with async_test_home_assistant(config_dir=str(tmp_path)) as hass:
        store = AccountStore(hass, "account")
        await store.async_save(STATE)
        file = tmp_path / ".storage" / KEY
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert await AccountStore(hass, "account").async_load() == STATE
        store.async_save_later(AccountState())
        await store.async_flush()
        assert await AccountStore(hass, "account").async_load() == AccountState()
        await store.async_remove()
        assert not file.exists()
        await hass.async_stop(force=True)
