"""What the activity view says of the journal, through Home Assistant's own logbook."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from msgspec import structs
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
)
from pytest_homeassistant_custom_component.typing import (
    ClientSessionGenerator,
    RecorderInstanceContextManager,
    WebSocketGenerator,
)

from custom_components.fleet_upgrade.askers import Asker, AskerKind
from custom_components.fleet_upgrade.clients.model import (
    ChangeKind,
    Targets,
    TaskChange,
)
from custom_components.fleet_upgrade.const import DOMAIN
from custom_components.fleet_upgrade.entity import account_identifier
from custom_components.fleet_upgrade.journal_news import EVENT_JOURNAL, async_announce
from custom_components.fleet_upgrade.writes import (
    ChangeEntry,
    CreateEntry,
    PlanDeed,
    PlanEntry,
    WriteState,
)

from .tiny_platform import NOW, TinyFleet, set_up
from .writes import PREPARED, REQUEST, closed, make_write

type Row = dict[str, Any]
type Read = Callable[[], Awaitable[list[Row]]]

AUTOMATION = Asker(
    kind=AskerKind.AUTOMATION, entity_id="automation.nightly", name="Nightly upgrade"
)


@pytest.fixture
def mock_recorder_before_hass(
    async_test_recorder: RecorderInstanceContextManager,
) -> None:
    """Prepare the recorder before Home Assistant starts."""


@pytest.fixture
async def account(
    recorder_mock: object,
    hass: HomeAssistant,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
) -> MockConfigEntry:
    """Return an account in a Home Assistant with a logbook."""
    assert await async_setup_component(hass, "logbook", {})
    await set_up(hass, tiny_entry)
    return tiny_entry


@pytest.fixture
def read(
    hass: HomeAssistant, account: MockConfigEntry, hass_client: ClientSessionGenerator
) -> Read:
    """Return what reads all that the logbook says of the journal."""

    async def read() -> list[Row]:
        await async_wait_recording_done(hass)
        client = await hass_client()
        since = dt_util.utcnow() - timedelta(hours=1)
        response = await client.get(f"/api/logbook/{since.isoformat()}")
        assert response.status == 200
        return [row for row in await response.json() if row.get("domain") == DOMAIN]

    return read


def about(**targets: Any) -> CreateEntry:
    """Return a creation for other targets."""
    request = structs.replace(REQUEST, targets=Targets(**targets))
    return make_write(prepared=structs.replace(PREPARED, request=request, version=None))


def named(name: str) -> CreateEntry:
    """Return the creation of a task that has a name of its own."""
    request = structs.replace(REQUEST, name=name)
    return make_write(prepared=structs.replace(PREPARED, request=request))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            make_write(),
            "is sending a firmware upgrade of Meters north (+1) to version V2.0",
        ),
        (
            closed(make_write()),
            "created the firmware upgrade task task-1 of Meters north (+1)"
            " to version V2.0",
        ),
        (
            closed(make_write(), WriteState.REFUSED, failure="throttled"),
            "could not create a firmware upgrade of Meters north (+1) to version V2.0",
        ),
        (
            closed(make_write(), WriteState.NOT_DONE),
            "did not create a firmware upgrade of Meters north (+1)"
            " to version V2.0, as you said",
        ),
        (
            make_write(state=WriteState.UNSETTLED),
            "does not know whether a firmware upgrade of Meters north (+1)"
            " to version V2.0 was created",
        ),
        (
            about(devices=("meter-1",)),
            "is sending a firmware upgrade of meter-1 to version package-1",
        ),
        (
            named("Meters of spring"),
            "is sending a firmware upgrade of Meters of spring to version V2.0",
        ),
        (
            make_write(asker=AUTOMATION),
            "is sending a firmware upgrade of Meters north (+1) to version V2.0,"
            " asked for by Nightly upgrade",
        ),
        (
            make_write(asker=Asker(kind=AskerKind.SCRIPT, entity_id="script.x")),
            "is sending a firmware upgrade of Meters north (+1) to version V2.0,"
            " asked for by script.x",
        ),
    ],
    ids=[
        *WriteState,
        "a device",
        "a name",
        "by an automation",
        "by a script without a name",
    ],
)
async def test_each_change_of_an_entry_is_a_line(
    hass: HomeAssistant,
    account: MockConfigEntry,
    read: Read,
    entry: CreateEntry,
    message: str,
) -> None:
    """It begins with the account's name."""
    async_announce(hass, account, entry)
    [row] = await read()
    assert row["name"] == "Fleet north"
    assert row["message"] == message
    assert row["icon"] == "mdi:notebook-edit-outline"


@pytest.mark.parametrize(
    ("done", "what"),
    [
        (PlanDeed.START, "start the upgrade plan Meters"),
        (PlanDeed.APPROVE, "let the next wave of the upgrade plan Meters begin"),
        (PlanDeed.STOP, "stop the upgrade plan Meters"),
    ],
)
async def test_what_is_done_with_a_plan_of_waves_is_a_line(
    hass: HomeAssistant,
    account: MockConfigEntry,
    read: Read,
    done: PlanDeed,
    what: str,
) -> None:
    """With who did it."""
    entry = PlanEntry(
        entry_id="one",
        key="key",
        asked_time=NOW.timestamp(),
        asker=AUTOMATION,
        state=WriteState.DONE,
        done=done,
        plan="Meters",
        wave=2,
    )
    async_announce(hass, account, entry)
    [row] = await read()
    assert row["message"] == (
        f"was asked to {what}: done, asked for by Nightly upgrade"
    )


@pytest.mark.parametrize(
    ("kind", "state", "message"),
    [
        (ChangeKind.STOP, WriteState.OPEN, "is about to stop the upgrade task task-1"),
        (
            ChangeKind.START,
            WriteState.DONE,
            "was asked to start the upgrade task task-1: done",
        ),
        (
            ChangeKind.DELETE,
            WriteState.REFUSED,
            "was asked to delete the upgrade task task-1: refused",
        ),
        (
            ChangeKind.CANCEL_SUBTASKS,
            WriteState.NOT_DONE,
            "was asked to cancel the upgrade task task-1 on {meter} (+1): not done",
        ),
        (
            ChangeKind.RETRY_SUBTASKS,
            WriteState.UNSETTLED,
            "was asked to retry the upgrade task task-1 on {meter} (+1), and does not"
            " know yet whether it was done",
        ),
    ],
)
async def test_each_change_of_a_task_is_a_line(
    hass: HomeAssistant,
    account: MockConfigEntry,
    read: Read,
    kind: ChangeKind,
    state: WriteState,
    message: str,
) -> None:
    """With the task, and the devices whose subtasks are changed."""
    devices = ("{meter}", "lamp") if "subtasks" in kind else ()
    entry = ChangeEntry(
        entry_id="one",
        key="key",
        asked_time=NOW.timestamp(),
        asker=Asker(),
        change=TaskChange(kind=kind, task_id="task-1", devices=devices),
        task_id="task-1",
        state=state,
    )
    async_announce(hass, account, entry)
    [row] = await read()
    assert row["message"] == message


async def test_a_creation_is_told_from_its_beginning_to_its_end(
    hass: HomeAssistant, account: MockConfigEntry, read: Read
) -> None:
    """As it happens."""
    await account.runtime_data.writer.async_create(PREPARED, AUTOMATION)
    assert [row["message"].partition(" firmware")[0] for row in await read()] == [
        "is sending a",
        "created the",
    ]


async def test_who_asked_is_shown_the_way_home_assistant_shows_users(
    hass: HomeAssistant,
    account: MockConfigEntry,
    read: Read,
    hass_admin_user: MockUser,
) -> None:
    """It knows their names and pictures."""
    asker = Asker(kind=AskerKind.USER, user_id=hass_admin_user.id)
    async_announce(hass, account, make_write(asker=asker))
    [row] = await read()
    assert row["context_user_id"] == hass_admin_user.id
    assert "asked for" not in row["message"]


async def test_the_lines_stand_on_the_page_of_the_accounts_device(
    hass: HomeAssistant,
    device_registry: dr.DeviceRegistry,
    account: MockConfigEntry,
    hass_ws_client: WebSocketGenerator,
) -> None:
    """And in a card that shows this device's activity."""
    device = device_registry.async_get_device_by_identifier(
        account_identifier(account), account.entry_id
    )
    assert device is not None
    async_announce(hass, account, make_write())
    await async_wait_recording_done(hass)
    client = await hass_ws_client()
    await client.send_json_auto_id(
        {
            "type": "logbook/get_events",
            "start_time": (dt_util.utcnow() - timedelta(hours=1)).isoformat(),
            "device_ids": [device.id],
        }
    )
    response = await client.receive_json()
    messages = [row.get("message", "") for row in response["result"]]
    assert [text for text in messages if text.startswith("is sending")] == [
        "is sending a firmware upgrade of Meters north (+1) to version V2.0"
    ]


@pytest.mark.parametrize(
    "name", ["{x}", "{0}", "{", "{target.__class__}", "<b>bold</b>", "%s", "\\N{x}"]
)
async def test_names_are_shown_as_they_are(
    hass: HomeAssistant,
    account: MockConfigEntry,
    read: Read,
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    """Whatever a device group or an automation is called."""
    hass.config_entries.async_update_entry(account, title=name)
    entry = about(device_groups=(name,))
    asker = Asker(kind=AskerKind.AUTOMATION, name=name)
    async_announce(hass, account, make_write(asker=asker, prepared=entry.prepared))
    [row] = await read()
    assert row["name"] == name
    assert row["message"] == (
        f"is sending a firmware upgrade of {name} to version package-1,"
        f" asked for by {name}"
    )
    assert "Error with fleet_upgrade describe event" not in caplog.text


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"state": "done"}, "created the  upgrade task  of  to version "),
        ({"state": "{x}"}, "{x}"),
        (
            {"state": "done", "target_count": "many", "target": 5},
            "created the  upgrade task  of 5 to version ",
        ),
        ({}, ""),
    ],
)
async def test_events_of_other_versions_are_lines_too(
    hass: HomeAssistant,
    read: Read,
    caplog: pytest.LogCaptureFixture,
    data: dict[str, Any],
    message: str,
) -> None:
    """The recorder keeps them through updates and downgrades."""
    hass.bus.async_fire(EVENT_JOURNAL, data)
    [row] = await read()
    assert row["message"] == message
    assert "Error with fleet_upgrade describe event" not in caplog.text


@pytest.fixture
def in_danish(hass: HomeAssistant) -> None:
    """Let Home Assistant speak a language that this integration does not."""
    hass.config.language = "da"


@pytest.mark.usefixtures("in_danish")
async def test_what_is_not_translated_is_told_in_english(
    hass: HomeAssistant, account: MockConfigEntry, read: Read
) -> None:
    """Better than nothing."""
    async_announce(hass, account, make_write())
    [row] = await read()
    assert row["message"].startswith("is sending a firmware upgrade of Meters north")


async def test_a_logbook_card_of_the_event_entity_shows_the_journal(
    hass: HomeAssistant, account: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    """A card takes entities, and the journal has none of its own."""
    async_announce(hass, account, make_write())
    await async_wait_recording_done(hass)
    (entity_id,) = hass.states.async_entity_ids("event")
    client = await hass_client()
    since = dt_util.utcnow() - timedelta(hours=1)
    response = await client.get(
        f"/api/logbook/{since.isoformat()}", params={"entity": entity_id}
    )
    rows = [row for row in await response.json() if row.get("domain") == DOMAIN]
    assert [row["entity_id"] for row in rows] == [entity_id]
    assert rows[0]["message"].startswith("is sending a firmware upgrade")
