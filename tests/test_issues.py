"""Issues come when a person can do something, and go when it is done."""

from pathlib import Path

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.storage import STORAGE_DIR
import msgspec
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fleet_upgrade.clients.budget import CallBudget
from custom_components.fleet_upgrade.clients.errors import SessionTakenError
from custom_components.fleet_upgrade.const import DOMAIN
from custom_components.fleet_upgrade.issues import async_sync_unsettled
from custom_components.fleet_upgrade.writes import CreateEntry, WriteState

from .tiny_platform import TinyFleet, make_task, poll, set_up
from .writes import closed, make_write

UNSETTLED = make_write(state=WriteState.UNSETTLED)


def issues(registry: ir.IssueRegistry) -> list[str]:
    """Return the IDs of the issues that are there."""
    return [issue_id for domain, issue_id in registry.issues if domain == DOMAIN]


def write_journal(
    hass: HomeAssistant, account: MockConfigEntry, *entries: CreateEntry
) -> None:
    """Let an earlier run of Home Assistant have left these entries."""
    folder = Path(hass.config.path(STORAGE_DIR))
    folder.mkdir(exist_ok=True)
    file = folder / f"{DOMAIN}.{account.entry_id}.journal"
    file.write_bytes(msgspec.json.encode(entries))


async def test_what_is_unsettled_is_asked_about_and_says_what_it_is_about(
    hass: HomeAssistant, issue_registry: ir.IssueRegistry, tiny_entry: MockConfigEntry
) -> None:
    """Who answers may not be who asked for it."""
    async_sync_unsettled(hass, tiny_entry, UNSETTLED)
    issue = issue_registry.async_get_issue(DOMAIN, "unsettled_create_one")
    assert issue is not None
    assert issue.is_fixable
    assert issue.severity is ir.IssueSeverity.ERROR
    assert issue.translation_placeholders == {
        "account": "Fleet north",
        "version": "V2.0",
        "target": "Meters north (+1)",
        "time": "2026-11-20 02:15:00",
    }


@pytest.mark.parametrize(
    "state", [state for state in WriteState if state is not WriteState.UNSETTLED]
)
async def test_what_is_not_unsettled_any_more_is_not_asked_about(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    tiny_entry: MockConfigEntry,
    state: WriteState,
) -> None:
    """Nor what is still looked for."""
    async_sync_unsettled(hass, tiny_entry, make_write(state=state))
    assert issues(issue_registry) == []
    async_sync_unsettled(hass, tiny_entry, UNSETTLED)
    async_sync_unsettled(hass, tiny_entry, make_write("two", state=state))
    assert issues(issue_registry) == ["unsettled_create_one"]
    async_sync_unsettled(hass, tiny_entry, make_write(state=state))
    assert issues(issue_registry) == []


async def test_a_restart_asks_again_about_what_is_unsettled(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
) -> None:
    """Issues do not outlive Home Assistant, but the journal does."""
    write_journal(
        hass,
        tiny_entry,
        UNSETTLED,
        make_write("two"),
        closed(make_write("three")),
        closed(make_write("four"), WriteState.NOT_DONE),
    )
    await set_up(hass, tiny_entry)
    # The open one was looked for in vain meanwhile.
    assert issues(issue_registry) == ["unsettled_create_one", "unsettled_create_two"]


async def test_a_restart_does_not_ask_about_what_it_finds(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
) -> None:
    """The first poll may tell what became of it."""
    write_journal(hass, tiny_entry, UNSETTLED)
    fleet.put(make_task("found", version="V2.0"))
    await set_up(hass, tiny_entry)
    assert issues(issue_registry) == []
    [entry] = tiny_entry.runtime_data.writer.journal.entries
    assert (entry.state, entry.task_id) == (WriteState.DONE, "found")


async def test_while_another_program_is_in_the_way_that_is_said(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Also when it keeps the poll from working."""
    await set_up(hass, tiny_entry)
    assert issues(issue_registry) == []
    fleet.is_contended = True
    await poll(hass, freezer, 301)
    issue_id = f"session_contended_{tiny_entry.entry_id}"
    assert issues(issue_registry) == [issue_id]
    issue = issue_registry.async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    assert not issue.is_fixable
    assert issue.severity is ir.IssueSeverity.WARNING
    assert issue.translation_placeholders == {"account": "Fleet north"}

    fleet.error = SessionTakenError()
    await poll(hass, freezer, 301)
    assert issues(issue_registry) == [issue_id]

    fleet.error = None
    fleet.is_contended = False
    await poll(hass, freezer, 3601)
    assert issues(issue_registry) == []


async def test_an_account_that_does_not_load_says_that_another_is_in_the_way(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
) -> None:
    """This may be why it does not."""
    fleet.is_contended = True
    fleet.error = SessionTakenError()
    await set_up(hass, tiny_entry)
    assert tiny_entry.state is ConfigEntryState.SETUP_RETRY
    assert issues(issue_registry) == [f"session_contended_{tiny_entry.entry_id}"]


async def test_while_others_use_up_the_calls_that_is_said(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """From the third throttle within an hour on, until an hour without one."""
    now = 1000.0
    fleet.budget = CallBudget(100, clock=lambda: now)
    await set_up(hass, tiny_entry)

    async def throttle() -> None:
        nonlocal now
        now += 600
        fleet.error = fleet.budget.throttled()
        await poll(hass, freezer, 601)

    await throttle()
    await throttle()
    assert issues(issue_registry) == []
    await throttle()
    issue_id = f"account_throttled_{tiny_entry.entry_id}"
    assert issues(issue_registry) == [issue_id]
    issue = issue_registry.async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    assert not issue.is_fixable
    assert issue.severity is ir.IssueSeverity.WARNING
    assert issue.translation_placeholders == {"account": "Fleet north"}

    fleet.error = None
    now += 3599
    await poll(hass, freezer, 3599)
    assert issues(issue_registry) == [issue_id]
    now += 1
    await poll(hass, freezer, 3601)
    assert issues(issue_registry) == []


async def test_what_others_do_is_not_said_of_an_account_that_is_unloaded(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
) -> None:
    """Nobody would know when it is over."""
    fleet.is_contended = True
    now = 0.0
    fleet.budget = CallBudget(100, clock=lambda: now)
    for _ in range(3):
        now += 60
        fleet.budget.throttled()
    await set_up(hass, tiny_entry)
    assert issues(issue_registry) == [
        f"session_contended_{tiny_entry.entry_id}",
        f"account_throttled_{tiny_entry.entry_id}",
    ]
    await hass.config_entries.async_unload(tiny_entry.entry_id)
    assert issues(issue_registry) == []


async def test_the_issues_of_an_account_go_with_it(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
) -> None:
    """Those of others stay, and none comes back."""
    write_journal(hass, tiny_entry, UNSETTLED)
    fleet.is_contended = True
    await set_up(hass, tiny_entry)
    other = MockConfigEntry(domain=DOMAIN, title="Fleet south")
    other.add_to_hass(hass)
    async_sync_unsettled(hass, other, make_write("theirs", state=WriteState.UNSETTLED))
    assert len(issues(issue_registry)) == 3

    await hass.config_entries.async_remove(tiny_entry.entry_id)
    assert issues(issue_registry) == ["unsettled_create_theirs"]
    # What was still looked for when it was removed ends too late.
    async_sync_unsettled(hass, tiny_entry, UNSETTLED)
    assert issues(issue_registry) == ["unsettled_create_theirs"]


async def test_an_account_that_is_not_loaded_keeps_its_questions(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
) -> None:
    """They block what they are about until they are answered."""
    write_journal(hass, tiny_entry, UNSETTLED)
    await set_up(hass, tiny_entry)
    await hass.config_entries.async_unload(tiny_entry.entry_id)
    assert issues(issue_registry) == ["unsettled_create_one"]
