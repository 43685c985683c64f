"""What a bug report holds of an account, and what it does not."""

import json
from pathlib import Path
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import STORAGE_DIR
import msgspec
from msgspec import structs
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.fleet_upgrade.askers import Asker, AskerKind
from custom_components.fleet_upgrade.clients.errors import (
    ConnectionProblem,
    UnreachableError,
)
from custom_components.fleet_upgrade.clients.model import Targets, UpgradeKind
from custom_components.fleet_upgrade.const import DOMAIN
from custom_components.fleet_upgrade.journal import DATA_JOURNALS
from custom_components.fleet_upgrade.writes import WriteState
from simulator.oceanconnect import OceanConnectSimulator

from .tiny_platform import CREDENTIALS, NOW, TinyFleet, make_task, set_up
from .writes import PREPARED, REQUEST, closed, make_write


@pytest.fixture
async def account_with_tasks(
    hass: HomeAssistant, oceanconnect: OceanConnectSimulator, entry: MockConfigEntry
) -> MockConfigEntry:
    """An account with a task for a group, and one for some devices."""
    package = oceanconnect.packages("firmware")[0]
    devices = [device.device_id for device in oceanconnect.devices(package)[:3]]
    oceanconnect.add_task(package=package)
    oceanconnect.add_task(package=package, devices=devices)
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED
    return entry


async def test_no_secret_and_no_device_is_told(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    hass_storage: dict[str, Any],
    oceanconnect: OceanConnectSimulator,
    account_with_tasks: MockConfigEntry,
) -> None:
    """Whatever identifies the customer's things stays at home."""
    diagnostics: Any = await get_diagnostics_for_config_entry(
        hass, hass_client, account_with_tasks
    )
    tasks = diagnostics["polled"]["tasks"]
    targets = [task["targets"] for task in tasks if task["status"] == "waiting"]
    assert {"device_groups": 1, "devices": 0} in targets
    assert {"device_groups": 0, "devices": 3} in targets

    told = json.dumps(diagnostics)
    session = hass_storage[f"{DOMAIN}.{account_with_tasks.entry_id}.session"]["data"]
    hidden = [
        session["access"],
        session["refresh"],
        oceanconnect.app_id,
        oceanconnect.secret,
        "PRIVATE KEY",
        "CERTIFICATE",
        *(device.device_id for device in oceanconnect.devices()),
        *(group.name for group in oceanconnect.groups()),
        *(group.group_id for group in oceanconnect.groups()),
        *(task.task_id for task in oceanconnect.tasks()),
    ]
    assert [each for each in hidden if each in told] == []


@pytest.mark.freeze_time(NOW)
async def test_the_state_of_an_account_is_told(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
) -> None:
    """What a developer asks first: settings, what was polled, what is stored."""
    fleet.put(make_task("one"))
    await set_up(hass, tiny_entry)

    assert await get_diagnostics_for_config_entry(hass, hass_client, tiny_entry) == {
        "data": {
            "platform": "tiny",
            "fleet": "**REDACTED**",
            "password": "**REDACTED**",
        },
        "options": {},
        "state": "loaded",
        "stored": {"tasks": 1, "events_to_tell": 0, "memory": {"seen": 1}},
        "journal": [],
        "polled": {
            "last_update_success": True,
            "last_error": None,
            "interval": 60.0,
            "session_contended": False,
            "call_budget": {"limit": 100, "left": 100},
            "overview": {
                "tasks": {
                    "waiting": 0,
                    "processing": 1,
                    "succeeded": 0,
                    "failed": 0,
                    "stopped": 0,
                },
                "devices": {
                    "total": 8,
                    "waiting": 2,
                    "processing": 1,
                    "succeeded": 4,
                    "failed": 1,
                },
            },
            "tasks": [
                {
                    "kind": "firmware",
                    "status": "processing",
                    "version": "V1.3",
                    "created": "2026-11-20T10:15:00Z",
                    "started": "2026-11-20T10:15:00Z",
                    "counts": {
                        "total": 8,
                        "waiting": 2,
                        "processing": 1,
                        "succeeded": 4,
                        "failed": 1,
                    },
                    "targets": {"device_groups": 2, "devices": 0},
                }
            ],
        },
    }


ENTRIES = (
    closed(
        make_write(
            "entry-1",
            asker=Asker(
                kind=AskerKind.AUTOMATION, entity_id="automation.x", name="Nightly"
            ),
        ),
        WriteState.REFUSED,
        failure="rejected_package_mismatch",
        detail="123016",
    ),
    make_write(
        "entry-2",
        state=WriteState.UNSETTLED,
        asker=Asker(kind=AskerKind.USER, user_id="user-1"),
        prepared=structs.replace(
            PREPARED,
            request=structs.replace(
                REQUEST,
                kind=UpgradeKind.SOFTWARE,
                targets=Targets(devices=("meter-1",)),
            ),
            version=None,
        ),
        forced=True,
    ),
)
WRITTEN = [
    {
        "action": "create",
        "state": "refused",
        "asked_at": "2026-11-20T10:15:00+00:00",
        "closed_at": "2026-11-20T10:16:00+00:00",
        "asker": "automation",
        "kind": "firmware",
        "version": "V2.0",
        "targets": {"device_groups": 2, "devices": 0},
        "forced": False,
        "failure": "rejected_package_mismatch",
        "code": "123016",
    },
    {
        "action": "create",
        "state": "unsettled",
        "asked_at": "2026-11-20T10:15:00+00:00",
        "closed_at": None,
        "asker": "user",
        "kind": "software",
        "version": None,
        "targets": {"device_groups": 0, "devices": 1},
        "forced": True,
        "failure": None,
        "code": None,
    },
]
"""What is told of `ENTRIES`."""


def journal_of(hass: HomeAssistant, entry: MockConfigEntry) -> Path:
    """Return the file with an account's journal."""
    folder = Path(hass.config.path(STORAGE_DIR))
    folder.mkdir(exist_ok=True)
    return folder / f"{DOMAIN}.{entry.entry_id}.journal"


async def test_what_was_asked_for_is_told_but_not_by_whom(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
) -> None:
    """Neither users nor automations, and no IDs; and who is in the way is told."""
    await set_up(hass, tiny_entry)
    for entry in ENTRIES:
        await tiny_entry.runtime_data.writer.journal.async_change(entry)
    fleet.is_contended = True
    diagnostics: Any = await get_diagnostics_for_config_entry(
        hass, hass_client, tiny_entry
    )
    assert diagnostics["journal"] == WRITTEN
    assert diagnostics["polled"]["session_contended"] is True
    told = json.dumps(diagnostics)
    hidden = ["user-1", "automation.x", "Nightly", "entry-", "package-1", "meter-1"]
    assert [each for each in (*hidden, "Meters", "earlier") if each in told] == []


async def test_the_journal_is_told_also_of_an_account_that_does_not_load(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
) -> None:
    """As its file has it."""
    fleet.error = UnreachableError(ConnectionProblem.HUNG_UP)
    await set_up(hass, tiny_entry)
    journal_of(hass, tiny_entry).write_bytes(msgspec.json.encode(ENTRIES))
    hass.data.pop(DATA_JOURNALS)  # as after a restart
    diagnostics: Any = await get_diagnostics_for_config_entry(
        hass, hass_client, tiny_entry
    )
    assert diagnostics["journal"] == WRITTEN


async def test_without_a_journal_that_can_be_read_the_rest_is_told(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
) -> None:
    """Its reader is told by the state that something is wrong."""
    journal_of(hass, tiny_entry).mkdir()
    await set_up(hass, tiny_entry)
    diagnostics: Any = await get_diagnostics_for_config_entry(
        hass, hass_client, tiny_entry
    )
    assert diagnostics["state"] == "setup_retry"
    assert diagnostics["journal"] == []


async def test_why_the_last_poll_failed_is_told(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
) -> None:
    """The kind of failure is told, and when the next poll is due."""
    await set_up(hass, tiny_entry)
    fleet.error = UnreachableError(ConnectionProblem.HUNG_UP, "by 192.0.2.1")
    await tiny_entry.runtime_data.async_refresh()

    diagnostics: Any = await get_diagnostics_for_config_entry(
        hass, hass_client, tiny_entry
    )
    assert diagnostics["polled"]["last_update_success"] is False
    assert diagnostics["polled"]["last_error"] == "hung_up"
    assert 45 <= diagnostics["polled"]["interval"] <= 60


async def test_an_account_that_does_not_load_is_told_of_too(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
) -> None:
    """This is when a report is needed most."""
    fleet.error = UnreachableError(ConnectionProblem.HUNG_UP)
    await set_up(hass, tiny_entry)
    assert await get_diagnostics_for_config_entry(hass, hass_client, tiny_entry) == {
        "data": {"platform": "tiny"} | dict.fromkeys(CREDENTIALS, "**REDACTED**"),
        "options": {},
        "state": "setup_retry",
        "stored": None,
        "journal": [],
        "polled": None,
    }


async def test_of_an_unknown_platform_nothing_else_is_told(
    hass: HomeAssistant, hass_client: ClientSessionGenerator
) -> None:
    """Where nobody says which values are secret, all are."""
    entry = MockConfigEntry(
        domain=DOMAIN, data={"platform": "gone", "host": "example.org"}
    )
    entry.add_to_hass(hass)
    await set_up(hass, entry)
    diagnostics = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert diagnostics["data"] == {"platform": "gone", "host": "**REDACTED**"}
