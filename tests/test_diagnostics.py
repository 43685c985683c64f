"""What a bug report holds of an account, and what it does not."""

import json
from pathlib import Path
from typing import Any

from homeassistant.components.diagnostics import REDACTED
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
from custom_components.fleet_upgrade.clients.model import (
    ChangeKind,
    Targets,
    TaskChange,
    UpgradeKind,
)
from custom_components.fleet_upgrade.const import DOMAIN
from custom_components.fleet_upgrade.journal import DATA_JOURNALS
from custom_components.fleet_upgrade.writes import ChangeEntry, Part, WriteState
from simulator.oceanconnect import OceanConnectSimulator

from .tiny_platform import CREDENTIALS, NOW, TinyFleet, make_entry, make_task, set_up
from .writes import PREPARED, REQUEST, closed, make_write

ALIAS_OF_ONE = "7692c3ad"
"""What stands for the task ``one``."""
ALIAS_OF_BATCH = "b555c428"


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
    assert {"device_groups": 1} in [
        {key: count for key, count in each.items() if count != REDACTED}
        for each in targets
    ]
    assert 3 in [each.get("devices") for each in targets]

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
) -> None:
    """What a developer asks first: settings, what was polled, what is stored."""
    entry = make_entry(retention_days=3, address="https://home.example.org")
    entry.add_to_hass(hass)
    fleet.put(make_task("one", name="Basement of the bank"))
    await set_up(hass, entry)

    assert await get_diagnostics_for_config_entry(hass, hass_client, entry) == {
        "entry": {
            "version": "1.2",
            "state": "loaded",
            "error": None,
            "data": {"platform": "tiny"} | dict.fromkeys(CREDENTIALS, REDACTED),
            "options": {"retention_days": 3, "address": REDACTED},
        },
        "platform": {"name": "Tiny IoT", "capabilities": [], "create_actions": []},
        "stored": {"tasks": 1, "events_to_tell": 0, "memory": {"seen": 1}},
        "plans": [],
        "runs": [],
        "journal": {"states": {}, "entries": []},
        "polled": {
            "last_poll": {
                "ended": "2026-11-20T10:15:00+00:00",
                "age": 0,
                "seconds": 0,
                "calls": 0,
                "error": None,
            },
            "interval": 60.0,
            "session_contended": False,
            "push": None,
            "clock_offset": 0,
            "call_budget": {
                "limit": 100,
                "left": 100,
                "is_crowded": False,
                "made": {"sign_in": 0, "action": 0, "listing": 0, "poll": 0},
            },
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
            "task_statuses": {"processing": 1},
            "tracked": 1,
            "tasks": [
                {
                    "task": ALIAS_OF_ONE,
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
                    "targets": {"device_groups": 2},
                    "parts": [],
                    "is_stalled": False,
                    "is_failing": False,
                }
            ],
        },
    }


async def test_targets_are_counted_and_not_named(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
) -> None:
    """Of each kind that there is, or that there will be."""
    named = Targets(
        device_groups=("Secret 1", "Secret 2"),
        devices=("Secret 3",),
        device_type="Secret 4",
        model="Secret 5",
        manufacturer="Secret 6",
        product="Secret 7",
        asset_ids=("Secret 8", "Secret 9", "Secret 10"),
        asset_trees={"Secret 11": ("Secret 12",), "Secret 13": ()},
        attributes={"Secret 14": (1, "Secret 15", True)},
        tags={"Secret 16": ("Secret 17", "Secret 18")},
        all_devices=True,
        from_versions=("Secret 19",),
    )
    assert all(structs.asdict(named).values()), "a kind of targets is not tried"
    fleet.put(make_task("one", targets=named))
    await set_up(hass, tiny_entry)
    diagnostics: Any = await get_diagnostics_for_config_entry(
        hass, hass_client, tiny_entry
    )
    assert diagnostics["polled"]["tasks"][0]["targets"] == {
        "device_groups": 2,
        "devices": 1,
        "device_type": REDACTED,
        "model": REDACTED,
        "manufacturer": REDACTED,
        "product": REDACTED,
        "asset_ids": 3,
        "asset_trees": {"names": 2, "values": 1},
        "attributes": {"names": 1, "values": 3},
        "tags": {"names": 1, "values": 2},
        "all_devices": True,
        "from_versions": 1,
    }
    assert "Secret" not in json.dumps(diagnostics)


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
    ChangeEntry(
        entry_id="entry-3",
        key="key-3",
        asked_time=NOW.timestamp(),
        asker=Asker(),
        change=TaskChange(
            kind=ChangeKind.CANCEL_SUBTASKS, task_id="one", devices=("meter-1",)
        ),
        task_id="one",
        state=WriteState.DONE,
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
        "targets": {"device_groups": 2},
        "forced": False,
        "task": None,
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
        "targets": {"devices": 1},
        "forced": True,
        "task": None,
        "failure": None,
        "code": None,
    },
    {
        "action": "cancel_subtasks",
        "state": "done",
        "asked_at": "2026-11-20T10:15:00+00:00",
        "closed_at": None,
        "asker": "unknown",
        "targets": {"devices": 1},
        "task": ALIAS_OF_ONE,
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
    assert diagnostics["journal"] == {
        "states": {"done": 1, "refused": 1, "unsettled": 1},
        "entries": WRITTEN,
    }
    assert diagnostics["polled"]["session_contended"] is True
    told = json.dumps(diagnostics)
    hidden = ["user-1", "automation.x", "Nightly", "entry-", "package-1", "meter-1"]
    assert [each for each in (*hidden, "Meters", "earlier") if each in told] == []


async def test_a_part_of_a_batch_says_which_one_it_is(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
) -> None:
    """And the batch, of what it consists."""
    fleet.put(make_task("one"))
    await set_up(hass, tiny_entry)
    part = Part(batch_id="batch-1", key="key", number=2, of=3, start=0, stop=1)
    entry = closed(make_write(part=part), WriteState.DONE, task_id="one")
    await tiny_entry.runtime_data.writer.journal.async_change(entry)
    await tiny_entry.runtime_data.async_refresh()
    diagnostics: Any = await get_diagnostics_for_config_entry(
        hass, hass_client, tiny_entry
    )
    [written] = diagnostics["journal"]["entries"]
    assert (written["batch"], written["part"]) == (ALIAS_OF_BATCH, "2/3")
    [task] = diagnostics["polled"]["tasks"]
    assert (task["task"], task["parts"]) == (ALIAS_OF_BATCH, [ALIAS_OF_ONE])


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
    assert diagnostics["journal"]["entries"] == WRITTEN


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
    assert diagnostics["entry"]["state"] == "setup_retry"
    assert diagnostics["entry"]["error"] == "journal_unreadable"
    assert diagnostics["journal"] == {"states": {}, "entries": []}


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
    assert diagnostics["polled"]["last_poll"]["error"] == "hung_up"
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
    diagnostics: Any = await get_diagnostics_for_config_entry(
        hass, hass_client, tiny_entry
    )
    assert diagnostics["entry"] == {
        "version": "1.2",
        "state": "setup_retry",
        "error": "hung_up",
        "data": {"platform": "tiny"} | dict.fromkeys(CREDENTIALS, REDACTED),
        "options": {},
    }
    assert diagnostics["stored"] is None
    assert diagnostics["polled"] is None


async def test_of_an_unknown_platform_nothing_else_is_told(
    hass: HomeAssistant, hass_client: ClientSessionGenerator
) -> None:
    """Where nobody says which values are secret, all are."""
    entry = MockConfigEntry(
        domain=DOMAIN, data={"platform": "gone", "host": "example.org"}
    )
    entry.add_to_hass(hass)
    await set_up(hass, entry)
    diagnostics: Any = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert diagnostics["entry"]["data"] == {"platform": "gone", "host": REDACTED}
    assert diagnostics["platform"] is None
