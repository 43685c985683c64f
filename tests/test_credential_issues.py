"""What will fail, or is open to others, is said before it does harm."""

from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import (
    SOURCE_REAUTH,
    ConfigEntryDisabler,
    ConfigEntryState,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fleet_upgrade.clients.errors import (
    AuthenticationError,
    AuthenticationProblem,
    InvalidFieldError,
)
from custom_components.fleet_upgrade.clients.platform import CredentialNotes
from custom_components.fleet_upgrade.const import DOMAIN

from .tiny_platform import NOW, TinyFleet, poll, set_up

DAY = timedelta(days=1).total_seconds()
EXPIRES = NOW + timedelta(days=31, hours=6)
REAUTH = "config_entry_reauth"


@pytest.fixture(autouse=True)
def begin(freezer: FrozenDateTimeFactory) -> None:
    """Begin each story at `NOW`."""
    freezer.move_to(NOW)


def issues(registry: ir.IssueRegistry) -> set[str | None]:
    """Return what is said, by us and by Home Assistant itself."""
    return {issue.translation_key for issue in registry.issues.values()}


async def test_an_expiring_certificate_is_spoken_of_a_month_before_its_end(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Then it has expired, in the hour when it does, and is cured by a new one."""
    fleet.notes = CredentialNotes(expires=EXPIRES)
    await set_up(hass, tiny_entry)
    await poll(hass, freezer, DAY)
    assert issues(issue_registry) == set()

    await poll(hass, freezer, DAY)
    [issue] = issue_registry.issues.values()
    assert issue.translation_key == "certificate_expiring"
    assert issue.severity is ir.IssueSeverity.WARNING
    assert issue.is_fixable
    assert issue.translation_placeholders == {
        "account": "Fleet north",
        "date": "2026-12-21",
    }

    await poll(hass, freezer, 29 * DAY + 6 * 3600 - 1)
    assert issues(issue_registry) == {"certificate_expiring"}
    await poll(hass, freezer, 1)
    [issue] = issue_registry.issues.values()
    assert issue.translation_key == "certificate_expired"
    assert issue.severity is ir.IssueSeverity.ERROR
    assert issue.is_fixable

    fleet.notes = CredentialNotes(expires=EXPIRES + timedelta(days=365))
    await hass.config_entries.async_reload(tiny_entry.entry_id)
    assert issues(issue_registry) == set()


async def test_no_call_is_made_to_know_it(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
) -> None:
    """An account that does not load says it too."""
    fleet.notes = CredentialNotes(expires=NOW + timedelta(days=1))
    fleet.error = AuthenticationError(AuthenticationProblem.CREDENTIALS)
    await set_up(hass, tiny_entry)
    assert tiny_entry.state is ConfigEntryState.SETUP_ERROR
    assert issues(issue_registry) == {"certificate_expiring", REAUTH}


async def test_what_home_assistant_says_is_not_said_twice(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """With a certificate that has expired, set-up ends in reauthentication."""
    fleet.notes = CredentialNotes(expires=NOW + timedelta(hours=1))
    await set_up(hass, tiny_entry)
    await poll(hass, freezer, 3600)
    assert issues(issue_registry) == {"certificate_expired"}

    fleet.check_error = InvalidFieldError(
        "client_certificate", "certificate_expired", date="2026-11-20"
    )
    await hass.config_entries.async_reload(tiny_entry.entry_id)
    await hass.async_block_till_done()
    assert tiny_entry.state is ConfigEntryState.SETUP_ERROR
    assert list(tiny_entry.async_get_active_flows(hass, {SOURCE_REAUTH}))
    assert issues(issue_registry) == {REAUTH}


async def test_while_new_credentials_are_asked_for_nothing_more_is_said(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The platform was the first to refuse them."""
    fleet.notes = CredentialNotes(expires=NOW + timedelta(hours=1))
    await set_up(hass, tiny_entry)
    fleet.error = AuthenticationError(AuthenticationProblem.CREDENTIALS)
    await poll(hass, freezer, 301)
    assert issues(issue_registry) == {"certificate_expiring", REAUTH}
    await poll(hass, freezer, 3600)
    assert issues(issue_registry) == {REAUTH}


async def test_a_server_that_is_not_checked_is_spoken_of(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
) -> None:
    """Until it is."""
    fleet.notes = CredentialNotes(is_server_checked=False)
    await set_up(hass, tiny_entry)
    [issue] = issue_registry.issues.values()
    assert issue.translation_key == "server_unchecked"
    assert issue.severity is ir.IssueSeverity.WARNING
    assert issue.is_fixable
    assert issue.translation_placeholders == {"account": "Fleet north"}

    fleet.notes = CredentialNotes()
    await hass.config_entries.async_reload(tiny_entry.entry_id)
    assert issues(issue_registry) == set()


async def test_what_a_user_ignores_stays_ignored_when_the_account_is_reloaded(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
) -> None:
    """A change of its options is no reason to say it again."""
    fleet.notes = CredentialNotes(is_server_checked=False)
    await set_up(hass, tiny_entry)
    issue_id = f"server_unchecked_{tiny_entry.entry_id}"
    ir.async_ignore_issue(hass, DOMAIN, issue_id, True)
    await hass.config_entries.async_reload(tiny_entry.entry_id)
    issue = issue_registry.async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    assert issue.active
    assert issue.dismissed_version is not None


async def test_nothing_is_said_of_an_account_that_is_disabled_or_removed(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
) -> None:
    """Nor is it looked at any more."""
    fleet.notes = CredentialNotes(
        expires=NOW + timedelta(hours=1), is_server_checked=False
    )
    await set_up(hass, tiny_entry)
    said = {"certificate_expiring", "server_unchecked"}
    assert issues(issue_registry) == said
    await hass.config_entries.async_set_disabled_by(
        tiny_entry.entry_id, ConfigEntryDisabler.USER
    )
    assert issues(issue_registry) == set()

    await hass.config_entries.async_set_disabled_by(tiny_entry.entry_id, None)
    assert issues(issue_registry) == said
    await hass.config_entries.async_remove(tiny_entry.entry_id)
    assert issues(issue_registry) == set()
