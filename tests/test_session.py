"""The session of an account: kept across restarts, given way with, and never told."""

import asyncio
import json
from pathlib import Path
import stat
import time
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import MATCH_ALL
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.storage import Store
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
    async_test_home_assistant,
)
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.fleet_upgrade.clients.oceanconnect import auth
from custom_components.fleet_upgrade.const import DOMAIN
from custom_components.fleet_upgrade.store import SessionStore
from simulator.oceanconnect import OceanConnectSimulator

from .actions import act
from .tiny_platform import TinyFleet, set_up

LOGIN = "/sec/v1.1.0/login"
REFRESH = "/sec/v1.1.0/refreshToken"
CREATE = "create_firmware_upgrade_task"
TOKEN = {"access": "very", "refresh": "secret", "usable_until": 1.5, "holder": "us"}


def file_of(account: MockConfigEntry) -> str:
    """Return the name of the file with an account's session."""
    return f"{DOMAIN}.{account.entry_id}.session"


def contended(registry: ir.IssueRegistry) -> bool:
    """Return whether it is said that another program is in the way."""
    return any(
        domain == DOMAIN and issue.translation_key == "session_contended"
        for (domain, _), issue in registry.issues.items()
    )


async def restart(
    hass: HomeAssistant, account: MockConfigEntry, patches: pytest.MonkeyPatch
) -> None:
    """Set an account up again, as a new process does."""
    await hass.config_entries.async_unload(account.entry_id)
    patches.setattr(auth, "_sessions", {})
    await set_up(hass, account)
    assert account.state is ConfigEntryState.LOADED


async def test_a_restart_does_not_sign_in(
    hass: HomeAssistant,
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever restarts often ends nobody's session."""
    assert oceanconnect.calls.count(LOGIN) == 1
    for _ in range(3):
        await restart(hass, account, monkeypatch)
    assert oceanconnect.calls.count(LOGIN) == 1
    assert oceanconnect.calls.count(REFRESH) == 0


async def test_a_token_fetched_just_before_the_end_is_kept(
    hass: HomeAssistant,
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Unloading waits until it is written, however busy the disk is."""
    delay_save = Store.async_delay_save

    def save_later(store: Any, data: Any, delay: float = 0) -> None:
        delay_save(store, data, delay + 60)

    monkeypatch.setattr(Store, "async_delay_save", save_later)
    oceanconnect.take_token()
    await account.runtime_data.client.verify()
    assert oceanconnect.calls.count(LOGIN) == 2
    await restart(hass, account, monkeypatch)
    assert oceanconnect.calls.count(LOGIN) == 2


@pytest.mark.parametrize("kept", [{"access": 5}, {"odd": True}, TOKEN], ids=str)
async def test_a_kept_session_of_nonsense_is_ignored(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    monkeypatch: pytest.MonkeyPatch,
    kept: dict[str, Any],
) -> None:
    """The account signs in as if nothing had been kept."""
    hass_storage[file_of(account)]["data"] = kept
    await hass.config_entries.async_unload(account.entry_id)
    hass_storage[file_of(account)]["data"] = kept
    monkeypatch.setattr(auth, "_sessions", {})
    await set_up(hass, account)
    assert account.state is ConfigEntryState.LOADED
    assert oceanconnect.calls.count(LOGIN) == 2


async def test_the_session_goes_with_its_account(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
) -> None:
    """A token is good for whatever the application may do."""
    client = account.runtime_data.client
    assert hass_storage[file_of(account)]["data"]["access"]
    await hass.config_entries.async_remove(account.entry_id)
    assert file_of(account) not in hass_storage
    # What is still under way then does not bring it back.
    oceanconnect.take_token()
    await client.verify()
    await hass.async_block_till_done()
    assert file_of(account) not in hass_storage


async def test_only_home_assistant_may_read_the_file(tmp_path: Path) -> None:
    """It is as good as the secret, for an hour."""
    async with async_test_home_assistant(config_dir=str(tmp_path)) as hass:
        store = SessionStore(hass, "account")
        assert await store.async_load() == {}
        await store.async_flush()
        file = tmp_path / ".storage" / f"{DOMAIN}.account.session"
        assert not file.exists()

        store.async_save(TOKEN)
        await asyncio.sleep(0)
        await hass.async_block_till_done()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert await SessionStore(hass, "account").async_load() == TOKEN

        store.async_save(TOKEN | {"access": "later"})
        await store.async_flush()
        kept = await SessionStore(hass, "account").async_load()
        assert kept == TOKEN | {"access": "later"}

        await store.async_remove()
        assert not file.exists()
        await hass.async_stop(force=True)


async def test_a_platform_without_a_session_keeps_none(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
) -> None:
    """There is nothing to be written."""
    await set_up(hass, tiny_entry)
    await hass.config_entries.async_unload(tiny_entry.entry_id)
    assert file_of(tiny_entry) not in hass_storage


class Clock:
    """Both of a computer's clocks, moved by the test."""

    offset = 0.0

    def time(self) -> float:
        """Return POSIX seconds."""
        return time.time() + self.offset

    def monotonic(self) -> float:
        """Return seconds since some moment."""
        return time.monotonic() + self.offset


async def test_another_program_in_the_way_is_told_until_it_is_gone(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A person's actions work meanwhile; polling waits for an hour."""
    clock = Clock()
    monkeypatch.setattr(auth, "time", clock)
    coordinator = account.runtime_data
    for is_told in (False, True):
        assert not contended(issue_registry)
        oceanconnect.take_token()
        await coordinator.async_refresh()
        assert contended(issue_registry) is is_told
        assert coordinator.last_update_success is not is_told
    assert coordinator.last_exception.translation_key == "session_taken"

    await act(hass, "get_packages", config_entry_id=account.entry_id)
    await coordinator.async_refresh()
    assert coordinator.last_update_success
    assert contended(issue_registry)

    clock.offset += 3600  # the session lasts
    await coordinator.async_refresh()
    assert coordinator.last_update_success
    assert not contended(issue_registry)


async def test_no_secret_is_in_the_log_nor_in_anything_that_is_told(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    hass_client: ClientSessionGenerator,
    issue_registry: ir.IssueRegistry,
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither the secret nor a token, whatever happens."""
    caplog.set_level("DEBUG")
    assert await async_setup_component(hass, "diagnostics", {})
    events = async_capture_events(hass, MATCH_ALL)
    file = file_of(account)
    secrets = {oceanconnect.secret}
    package = oceanconnect.packages("firmware")[0]

    def note() -> None:
        kept = hass_storage[file]["data"]
        secrets.update({kept["access"], kept["refresh"], kept["holder"]} - {""})

    note()
    for number in range(2):
        secrets.add(oceanconnect.take_token())
        await act(
            hass,
            CREATE,
            config_entry_id=account.entry_id,
            package=package.file_id,
            devices=[oceanconnect.devices(package)[number].device_id],
        )
        await account.runtime_data.async_refresh()
        await hass.async_block_till_done()
        note()
    oceanconnect.freeze_app()
    await account.runtime_data.async_refresh()
    assert contended(issue_registry)
    assert len(secrets) >= 9

    journal = Path(hass.config.path(".storage", f"{DOMAIN}.{account.entry_id}.journal"))
    told = {
        "log": "\n".join(
            caplog.handler.format(record)
            for record in caplog.records
            # What the tests' own storage writes is what is kept.
            if not record.name.startswith("pytest_")
        ),
        "events": json.dumps([event.as_dict() for event in events], default=str),
        "issues": str(issue_registry.issues),
        "journal": journal.read_text(),
        "response": json.dumps(
            await act(hass, "get_journal", config_entry_id=account.entry_id)
        ),
        "diagnostics": json.dumps(
            await get_diagnostics_for_config_entry(hass, hass_client, account)
        ),
    }
    assert all(told.values())
    assert [
        (place, secret)
        for place, text in told.items()
        for secret in secrets
        if secret in text
    ] == []
