"""Where the platform pushes to: begun, kept, moved and ended, whatever goes wrong."""

import asyncio
import logging
from pathlib import Path
import stat
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_test_home_assistant,
)

from custom_components.fleet_upgrade import push_subscriptions
from custom_components.fleet_upgrade.clients.oceanconnect.subscriptions import (
    MANAGEMENT,
    PATH,
    UPGRADE_NOTIFICATIONS,
)
from custom_components.fleet_upgrade.const import (
    CONF_PUSH_ADDRESS,
    CONF_READ_ONLY,
    DOMAIN,
)
from custom_components.fleet_upgrade.push_subscriptions import PushStore, push_address
from simulator.oceanconnect import (
    Fault,
    FaultKind,
    OceanConnectSimulator,
    codes,
    refusal,
)
from simulator.oceanconnect.subscriptions import Subscription

from .common_push import address_of, push_issues, subscribed, until
from .slow_disk import SlowDisk
from .tiny_platform import set_up

HERE = "https://home.example.com:8123"
ELSEWHERE = "https://home.example.com:8443"
THEIRS = "http://billing.example.com:9000/told/in/secret"
LOGIN = "/sec/v1.1.0/login"


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again after a moment, not after a minute."""
    monkeypatch.setattr(push_subscriptions, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(push_subscriptions, "LONGEST_PAUSE", 0.1)


def switch(hass: HomeAssistant, entry: MockConfigEntry, base: str | None) -> None:
    """Set the option."""
    options = {} if base is None else {CONF_PUSH_ADDRESS: base}
    hass.config_entries.async_update_entry(entry, options=options)


@pytest.fixture
async def account(hass: HomeAssistant, entry: MockConfigEntry) -> MockConfigEntry:
    """Return an account whose platform pushes here."""
    switch(hass, entry, HERE)
    await set_up(hass, entry)
    return entry


def is_mine(oceanconnect: OceanConnectSimulator, base: str) -> bool:
    """Return whether everything is pushed to one address of ours."""
    found = subscribed(oceanconnect)
    return (
        found.keys() == {*UPGRADE_NOTIFICATIONS}
        and len({*found.values()}) == 1
        and address_of(oceanconnect).startswith(f"{base}/api/webhook/")
    )


def take(oceanconnect: OceanConnectSimulator, *notify_types: str) -> None:
    """Let the operator have subscribed to some types."""
    for notify_type in notify_types:
        subscription = Subscription(f"id of {notify_type}", notify_type, THEIRS)
        oceanconnect.platform.subscriptions.add(subscription)


def free(oceanconnect: OceanConnectSimulator) -> None:
    """Let the operator delete those again."""
    for one in oceanconnect.platform.subscriptions:
        if one.callback_url == THEIRS:
            oceanconnect.platform.subscriptions.delete(one.subscription_id)


def told(caplog: pytest.LogCaptureFixture) -> str:
    """Return what the integration has logged."""
    name = f"custom_components.{DOMAIN}"
    return "\n".join(r.message for r in caplog.records if r.name.startswith(name))


# Begun and kept


async def test_nothing_is_subscribed_to_without_an_address(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    entry: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
) -> None:
    """Nor is anything asked or stored."""
    await set_up(hass, entry)
    assert entry.runtime_data.push is None
    assert oceanconnect.calls.count("/sub/") == 0
    assert f"{DOMAIN}.{entry.entry_id}.push" not in hass_storage


@pytest.mark.usefixtures("account")
async def test_with_an_address_all_four_types_are_pushed_to_it(
    oceanconnect: OceanConnectSimulator,
) -> None:
    """One call to look, four to subscribe."""
    assert is_mine(oceanconnect, HERE)
    assert oceanconnect.calls.count("/sub/") == 5


async def test_the_set_up_does_not_wait_for_it(
    hass: HomeAssistant, entry: MockConfigEntry, oceanconnect: OceanConnectSimulator
) -> None:
    """Whatever the platform does with the subscriptions."""
    oceanconnect.faults.add(
        Fault(kind=FaultKind.DELAY, path=PATH, delay=10.0, count=None)
    )
    switch(hass, entry, HERE)
    async with asyncio.timeout(9):
        await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED
    assert subscribed(oceanconnect) == {}
    assert await hass.config_entries.async_unload(entry.entry_id)


async def test_a_restart_makes_only_what_is_missing(
    hass: HomeAssistant, account: MockConfigEntry, oceanconnect: OceanConnectSimulator
) -> None:
    """The address stays the same, so nothing is made anew."""
    before = address_of(oceanconnect)
    for missing in range(2):
        for one in list(oceanconnect.platform.subscriptions)[:missing]:
            oceanconnect.platform.subscriptions.delete(one.subscription_id)
        await hass.config_entries.async_unload(account.entry_id)
        oceanconnect.calls.clear()
        await set_up(hass, account)
        assert oceanconnect.calls.count(MANAGEMENT) == missing
        assert is_mine(oceanconnect, HERE)
        assert address_of(oceanconnect) == before


async def test_what_fails_is_tried_again_until_it_works(
    hass: HomeAssistant, entry: MockConfigEntry, oceanconnect: OceanConnectSimulator
) -> None:
    """A lost answer among it, which is never sent twice: the list tells."""
    oceanconnect.faults.add(
        Fault(kind=FaultKind.STATUS, path=PATH, status=500, count=2)
    )
    oceanconnect.faults.add(Fault(kind=FaultKind.RESET_AFTER, path=MANAGEMENT))
    switch(hass, entry, HERE)
    await set_up(hass, entry)
    await until(lambda: entry.runtime_data.push.diagnostics["subscribed"])
    assert is_mine(oceanconnect, HERE)
    assert oceanconnect.calls.count(MANAGEMENT) == 4


async def test_who_is_locked_out_does_not_knock_all_the_time(
    hass: HomeAssistant,
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Once an hour; new credentials begin anew anyway."""
    monkeypatch.setattr(push_subscriptions, "LONGEST_PAUSE", 3600.0)
    oceanconnect.change_secret("another")
    oceanconnect.drop_token()
    oceanconnect.calls.clear()
    account.runtime_data.push._subscriber.start()  # noqa: SLF001
    await until(lambda: oceanconnect.calls.count(LOGIN) == 1)
    await asyncio.sleep(0.3)
    assert oceanconnect.calls.count(LOGIN) == 1


async def test_unloading_ends_the_trying(
    hass: HomeAssistant, entry: MockConfigEntry, oceanconnect: OceanConnectSimulator
) -> None:
    """Nothing is sent for an account that is switched off."""
    oceanconnect.faults.add(
        Fault(kind=FaultKind.STATUS, path=PATH, status=500, count=None)
    )
    switch(hass, entry, HERE)
    await set_up(hass, entry)
    await hass.config_entries.async_unload(entry.entry_id)
    oceanconnect.calls.clear()
    await asyncio.sleep(0.3)
    assert len(oceanconnect.calls) == 0


# Moved and ended


async def test_at_another_address_the_old_one_is_taken_back(
    hass: HomeAssistant, account: MockConfigEntry, oceanconnect: OceanConnectSimulator
) -> None:
    """Also when Home Assistant was not running in between."""
    await hass.config_entries.async_unload(account.entry_id)
    switch(hass, account, ELSEWHERE)
    await set_up(hass, account)
    assert is_mine(oceanconnect, ELSEWHERE)
    assert oceanconnect.calls.count(PATH, "DELETE") == 4


async def test_without_an_address_any_more_all_is_taken_back(
    hass: HomeAssistant, account: MockConfigEntry, oceanconnect: OceanConnectSimulator
) -> None:
    """And a later start has nothing to do."""
    take(oceanconnect, "deviceAdded")
    switch(hass, account, None)
    await hass.config_entries.async_reload(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert subscribed(oceanconnect) == {"deviceAdded": THEIRS}
    assert account.runtime_data.push is None
    oceanconnect.calls.clear()
    await hass.config_entries.async_reload(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert oceanconnect.calls.count("/sub/") == 0


async def test_what_could_not_be_taken_back_is_taken_back_later(
    hass: HomeAssistant, account: MockConfigEntry, oceanconnect: OceanConnectSimulator
) -> None:
    """The next start remembers it, and says nothing about it."""
    oceanconnect.faults.add(
        refusal(codes.NOT_AUTHORISED, path=PATH, method="DELETE", count=None)
    )
    switch(hass, account, None)
    await hass.config_entries.async_reload(account.entry_id)
    await until(lambda: oceanconnect.calls.count(PATH, "DELETE") > 1)
    assert push_issues(ir.async_get(hass)) == {}
    await hass.config_entries.async_unload(account.entry_id)
    assert is_mine(oceanconnect, HERE)
    oceanconnect.faults.clear()
    await set_up(hass, account)
    assert subscribed(oceanconnect) == {}


async def test_an_account_that_is_removed_takes_its_subscriptions_along(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
) -> None:
    """And leaves those of others."""
    take(oceanconnect, "deviceAdded")
    assert f"{DOMAIN}.{account.entry_id}.push" in hass_storage
    await hass.config_entries.async_remove(account.entry_id)
    assert subscribed(oceanconnect) == {"deviceAdded": THEIRS}
    assert f"{DOMAIN}.{account.entry_id}.push" not in hass_storage
    assert oceanconnect.calls.count(LOGIN) == 1


@pytest.mark.parametrize("is_silent", [False, True])
async def test_an_account_is_removed_though_its_platform_is_out_of_reach(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    is_silent: bool,
) -> None:
    """The log says what is left on the platform, but not where it leads."""
    monkeypatch.setattr(push_subscriptions, "TAKE_BACK_WITHIN", 0.2)
    secret = address_of(oceanconnect).rpartition("/")[2]
    oceanconnect.faults.add(
        Fault(
            kind=FaultKind.DELAY if is_silent else FaultKind.RESET_BEFORE,
            delay=1.0,
            path=PATH,
            count=None,
        )
    )
    await hass.config_entries.async_remove(account.entry_id)
    assert hass.config_entries.async_entries(DOMAIN) == []
    assert f"{DOMAIN}.{account.entry_id}.push" not in hass_storage
    assert "still has the subscriptions" in told(caplog)
    assert secret not in told(caplog)


async def test_an_account_with_an_expired_certificate_is_removed_too(
    hass: HomeAssistant, account: MockConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    """It cannot even try."""
    await hass.config_entries.async_unload(account.entry_id)
    data = {**account.data, "ca": "no certificate"}
    hass.config_entries.async_update_entry(account, data=data)
    await hass.config_entries.async_remove(account.entry_id)
    assert hass.config_entries.async_entries(DOMAIN) == []
    assert "still has the subscriptions" in caplog.text


async def test_an_account_that_nothing_is_pushed_for_is_removed_in_silence(
    hass: HomeAssistant, entry: MockConfigEntry, oceanconnect: OceanConnectSimulator
) -> None:
    """Nothing is asked of the platform."""
    await set_up(hass, entry)
    oceanconnect.calls.clear()
    await hass.config_entries.async_remove(entry.entry_id)
    assert len(oceanconnect.calls) == 0


# An account that only reads


@pytest.mark.parametrize("base", [HERE, ELSEWHERE, None])
async def test_an_account_that_only_reads_leaves_subscriptions_as_they_are(
    hass: HomeAssistant,
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    caplog: pytest.LogCaptureFixture,
    base: str | None,
) -> None:
    """Whatever the address; what it does not take back the log says in the end."""
    before = subscribed(oceanconnect)
    oceanconnect.calls.clear()
    switch(hass, account, base)
    hass.config_entries.async_update_entry(
        account, options={**account.options, CONF_READ_ONLY: True}
    )
    await hass.config_entries.async_reload(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    push = account.runtime_data.push
    assert (push is None) == (base is None)
    assert push is None or not push.diagnostics["subscribed"]
    await hass.config_entries.async_remove(account.entry_id)
    assert subscribed(oceanconnect) == before
    assert oceanconnect.calls.count("/sub/") == 0
    assert "still has the subscriptions" in told(caplog)
    assert "(account_read_only)" in told(caplog)


# In the way


async def test_a_subscription_of_the_operator_is_told_of_and_left_alone(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    entry: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
) -> None:
    """By its host, as its path may be a secret; the others are made."""
    taken = UPGRADE_NOTIFICATIONS[:2]
    take(oceanconnect, *taken)
    switch(hass, entry, HERE)
    await set_up(hass, entry)
    assert push_issues(issue_registry) == {
        "push_address_taken": {
            "account": entry.title,
            "count": "2",
            "others": "billing.example.com:9000",
        }
    }
    await asyncio.sleep(0.3)  # however often it is looked at
    found = subscribed(oceanconnect)
    assert {name for name, url in found.items() if url == THEIRS} == {*taken}
    assert len(found) == 4
    assert entry.runtime_data.push.diagnostics["subscribed"] is False

    free(oceanconnect)
    await until(lambda: push_issues(issue_registry) == {})
    assert is_mine(oceanconnect, HERE)


@pytest.mark.parametrize("end", ["emptied", "unloaded", "removed"])
async def test_the_issue_goes_when_nothing_is_to_be_pushed_any_more(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    entry: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    end: str,
) -> None:
    """In each of the ways in which that may come about."""
    take(oceanconnect, *UPGRADE_NOTIFICATIONS)
    switch(hass, entry, HERE)
    await set_up(hass, entry)
    assert push_issues(issue_registry).keys() == {"push_address_taken"}
    if end == "emptied":
        switch(hass, entry, None)
        await hass.config_entries.async_reload(entry.entry_id)
    elif end == "unloaded":
        await hass.config_entries.async_unload(entry.entry_id)
    else:
        await hass.config_entries.async_remove(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert push_issues(issue_registry) == {}
    assert set(subscribed(oceanconnect).values()) == {THEIRS}


async def test_an_address_that_the_platform_refuses_is_told_of(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    entry: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With the code, and without the secret that the platform's text may repeat."""
    caplog.set_level(logging.DEBUG)
    oceanconnect.faults.add(refusal(codes.CALLBACK_ILLEGAL, path=MANAGEMENT, count=2))
    switch(hass, entry, HERE)
    await set_up(hass, entry)
    assert push_issues(issue_registry) == {
        "push_refused": {
            "account": entry.title,
            "code": "100222",
            "host": "home.example.com:8123",
        }
    }
    await until(lambda: push_issues(issue_registry) == {})
    assert is_mine(oceanconnect, HERE)
    secret = address_of(oceanconnect).rpartition("/")[2]
    assert "rejected_callback_invalid 100222" in told(caplog)
    assert secret not in told(caplog)


async def test_a_refusal_without_a_code_is_told_of_by_its_status(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    entry: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
) -> None:
    """Some gateways have none."""
    oceanconnect.faults.add(
        Fault(
            kind=FaultKind.STATUS,
            path=MANAGEMENT,
            status=405,
            body=b'{"message":"no"}',
            count=None,
        )
    )
    switch(hass, entry, HERE)
    await set_up(hass, entry)
    issue = push_issues(issue_registry)["push_refused"]
    assert issue is not None
    assert issue["code"] == "405"


async def test_a_platform_that_is_busy_is_no_reason_for_an_issue(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    entry: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
) -> None:
    """It says itself that it is to be asked again."""
    oceanconnect.faults.add(refusal(codes.CONGESTION, path=MANAGEMENT))
    switch(hass, entry, HERE)
    await set_up(hass, entry)
    assert push_issues(issue_registry) == {}
    await until(lambda: is_mine(oceanconnect, HERE))


# What is stored


async def test_what_is_stored_is_for_this_user_alone(tmp_path: Path) -> None:
    """It holds the one secret of the address."""
    async with async_test_home_assistant(config_dir=str(tmp_path)) as hass:
        store = PushStore(hass, "account")
        state = await store.async_load_or_make()
        assert await store.async_load_or_make() == state
        file = tmp_path / ".storage" / f"{DOMAIN}.account.push"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        await store.async_remove()
        assert not file.exists()
        await hass.async_stop(force=True)


async def test_what_cannot_be_read_begins_anew(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    entry: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
) -> None:
    """With another secret."""
    key = f"{DOMAIN}.{entry.entry_id}.push"
    hass_storage[key] = {"version": 1, "key": key, "data": {"webhook_id": 7}}
    switch(hass, entry, HERE)
    await set_up(hass, entry)
    assert is_mine(oceanconnect, HERE)
    assert address_of(oceanconnect).endswith(hass_storage[key]["data"]["webhook_id"])


@pytest.mark.parametrize(
    ("base", "full"),
    [
        ("https://home.example.com", "https://home.example.com:443/x"),
        ("http://home.example.com:8123/", "http://home.example.com:8123/x"),
        ("ftp://home.example.com", "ftp://home.example.com/x"),
        ("http://home.example.com:port", "http://home.example.com:port/x"),
        ("", "/x"),
    ],
)
def test_an_address_is_completed_or_left_to_the_platforms_rules(
    base: str, full: str
) -> None:
    """Which say what is wrong with it."""
    assert push_address(base, "/x") == full


async def test_a_file_that_is_being_written_does_not_come_back(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    slow_disk: SlowDisk,
    entry: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
) -> None:
    """The account is removed while it still subscribes."""
    file = f"{DOMAIN}.{entry.entry_id}.push"
    slow_disk.hold_up(lambda data: data["key"] == file and "addresses" in data["data"])
    switch(hass, entry, HERE)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await slow_disk.begun.wait()
    removal = hass.async_create_task(hass.config_entries.async_remove(entry.entry_id))
    await asyncio.sleep(0.1)
    slow_disk.goes_on.set()
    await removal
    await asyncio.sleep(0.1)
    assert file not in hass_storage
    assert subscribed(oceanconnect) == {}
