"""The action that tells what was asked for, by whom, and what became of it."""

import json
from typing import Any

from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.fleet_upgrade.action_answers import plain
from custom_components.fleet_upgrade.askers import Asker, AskerKind
from custom_components.fleet_upgrade.clients.model import (
    CreateRequest,
    Execution,
    Policy,
    PreparedCreate,
    Targets,
    UpgradeKind,
)
from custom_components.fleet_upgrade.const import DOMAIN
from custom_components.fleet_upgrade.journal import Journal
from custom_components.fleet_upgrade.writes import CreateEntry, WriteState
from simulator.oceanconnect import OceanConnectSimulator, codes, refusal

from .actions import act
from .tiny_platform import NOW, set_up
from .writes import closed, make_write

LOCAL_NOW = "2026-11-20T02:15:00-08:00"
A_MINUTE_LATER = "2026-11-20T02:16:00-08:00"
CREATE = "create_firmware_upgrade_task"


@pytest.fixture
async def journal(hass: HomeAssistant, tiny_entry: MockConfigEntry) -> Journal:
    """Return the journal of an account that is set up."""
    await set_up(hass, tiny_entry)
    journal: Journal = tiny_entry.runtime_data.writer.journal
    return journal


async def get_journal(
    hass: HomeAssistant, account: MockConfigEntry, **data: Any
) -> Any:
    """Return the response of the action."""
    return await act(hass, "get_journal", config_entry_id=account.entry_id, **data)


async def fill(journal: Journal, *entries: CreateEntry) -> None:
    """Write entries down."""
    for entry in entries:
        await journal.async_change(entry)


async def test_an_account_that_created_nothing_has_an_empty_journal(
    hass: HomeAssistant, tiny_entry: MockConfigEntry, journal: Journal
) -> None:
    """No row, and no error."""
    assert await get_journal(hass, tiny_entry) == {"entries": [], "total": 0}


async def test_a_row_tells_all_that_matters(
    hass: HomeAssistant,
    tiny_entry: MockConfigEntry,
    journal: Journal,
    hass_admin_user: MockUser,
) -> None:
    """In local time, with every key, whatever is known."""
    await fill(
        journal,
        closed(
            make_write(
                asker=Asker(kind=AskerKind.USER, user_id=hass_admin_user.id),
                forced=True,
            )
        ),
        make_write(
            "two",
            prepared=PreparedCreate(
                request=CreateRequest(
                    kind=UpgradeKind.SOFTWARE,
                    package_id="package-2",
                    targets=Targets(devices=("meter-1",), model="M1"),
                    policy=Policy(
                        execution=Execution.CUSTOM, start=NOW, end=NOW, retries=3
                    ),
                ),
                method="POST",
                path="/",
                body={},
            ),
        ),
    )
    assert await get_journal(hass, tiny_entry) == {
        "total": 2,
        "entries": [
            {
                "asked_at": LOCAL_NOW,
                "asked_by": {
                    "kind": "unknown",
                    "user": None,
                    "user_id": None,
                    "entity_id": None,
                    "name": None,
                },
                "action": "create",
                "kind": "software",
                "package": "package-2",
                "version": None,
                "targets": plain(Targets(devices=("meter-1",), model="M1")),
                "policy": plain(Policy(retries=3))
                | {"execution": "custom", "start": LOCAL_NOW, "end": LOCAL_NOW},
                "batch": None,
                "part": None,
                "plan": None,
                "wave": None,
                "reach": None,
                "forced": False,
                "state": "open",
                "task_id": None,
                "closed_at": None,
                "failure": None,
                "code": None,
            },
            {
                "asked_at": LOCAL_NOW,
                "asked_by": {
                    "kind": "user",
                    "user": "Mock User",
                    "user_id": hass_admin_user.id,
                    "entity_id": None,
                    "name": None,
                },
                "action": "create",
                "kind": "firmware",
                "package": "package-1",
                "version": "V2.0",
                "targets": plain(
                    Targets(device_groups=("Meters north", "Meters south"))
                ),
                "policy": plain(Policy()),
                "batch": None,
                "part": None,
                "plan": None,
                "wave": None,
                "reach": None,
                "forced": True,
                "state": "done",
                "task_id": "task-1",
                "closed_at": A_MINUTE_LATER,
                "failure": None,
                "code": None,
            },
        ],
    }


@pytest.mark.parametrize("state", WriteState)
async def test_each_state_has_a_word(
    hass: HomeAssistant,
    tiny_entry: MockConfigEntry,
    journal: Journal,
    state: WriteState,
) -> None:
    """The same as in the file."""
    await fill(journal, make_write(state=state))
    [row] = (await get_journal(hass, tiny_entry))["entries"]
    assert row["state"] == state.value


async def test_the_newest_come_first_and_no_more_than_wanted(
    hass: HomeAssistant, tiny_entry: MockConfigEntry, journal: Journal
) -> None:
    """The total tells that there are more."""
    await fill(
        journal,
        *(closed(make_write(name), task_id=name) for name in ("one", "two", "three")),
    )
    response = await get_journal(hass, tiny_entry, limit=2)
    assert [row["task_id"] for row in response["entries"]] == ["three", "two"]
    assert response["total"] == 3


@pytest.mark.parametrize("limit", [0, 1001])
async def test_a_limit_has_limits(
    hass: HomeAssistant, tiny_entry: MockConfigEntry, journal: Journal, limit: int
) -> None:
    """As in all other actions."""
    with pytest.raises(ServiceValidationError) as err:
        await get_journal(hass, tiny_entry, limit=limit)
    assert err.value.translation_key == "limit_out_of_range"


async def test_a_user_who_is_gone_has_no_name(
    hass: HomeAssistant, tiny_entry: MockConfigEntry, journal: Journal
) -> None:
    """Only the ID is left."""
    await fill(journal, make_write(asker=Asker(kind=AskerKind.USER, user_id="gone")))
    [row] = (await get_journal(hass, tiny_entry))["entries"]
    assert row["asked_by"]["user_id"] == "gone"
    assert row["asked_by"]["user"] is None


# From the call to the row


@pytest.fixture
def creation(
    account: MockConfigEntry, oceanconnect: OceanConnectSimulator
) -> dict[str, Any]:
    """Return what the action needs to create a task."""
    package = oceanconnect.packages("firmware")[0]
    return {
        "config_entry_id": account.entry_id,
        "package": package.file_id,
        "devices": [oceanconnect.devices(package)[0].device_id],
    }


async def test_who_the_users_are_is_for_administrators_to_know(
    hass: HomeAssistant,
    account: MockConfigEntry,
    creation: dict[str, Any],
    hass_admin_user: MockUser,
    hass_read_only_user: MockUser,
) -> None:
    """Anybody else learns what was done, and by what kind of asker."""
    await hass.services.async_call(
        DOMAIN,
        CREATE,
        creation,
        blocking=True,
        context=Context(user_id=hass_admin_user.id),
    )
    for user, name in ((hass_admin_user, "Mock User"), (hass_read_only_user, None)):
        response: Any = await hass.services.async_call(
            DOMAIN,
            "get_journal",
            {"config_entry_id": account.entry_id},
            blocking=True,
            return_response=True,
            context=Context(user_id=user.id),
        )
        asked_by = response["entries"][0]["asked_by"]
        assert asked_by["kind"] == "user"
        assert asked_by["user"] == name
        assert (asked_by["user_id"] is None) is (name is None)


async def test_a_user_and_a_refusal_stand_in_the_journal(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    creation: dict[str, Any],
    hass_admin_user: MockUser,
) -> None:
    """Refused or not, it was asked for; and nothing of it is secret."""
    oceanconnect.faults.add(refusal(codes.VERSION_MISMATCH, path="/operations/firm"))
    context = Context(user_id=hass_admin_user.id)
    with pytest.raises(HomeAssistantError, match="123016"):
        await hass.services.async_call(
            DOMAIN, CREATE, creation, blocking=True, context=context
        )
    created = await hass.services.async_call(
        DOMAIN, CREATE, creation, blocking=True, return_response=True, context=context
    )
    assert created is not None

    response = await get_journal(hass, account)
    done, refused = response["entries"]
    assert done["state"] == "done"
    assert done["task_id"] == created["task_id"]
    assert done["asked_by"]["user"] == "Mock User"
    assert refused["state"] == "refused"
    assert refused["task_id"] is None
    assert refused["failure"] == "rejected_package_mismatch"
    assert refused["code"] == "123016"
    assert refused["targets"]["devices"] == creation["devices"]

    told = json.dumps(response)
    session = hass_storage[f"{DOMAIN}.{account.entry_id}.session"]["data"]
    for secret in (oceanconnect.secret, session["access"], session["refresh"]):
        assert secret
        assert secret not in told


async def test_an_automation_stands_in_the_journal_also_if_it_uses_a_script(
    hass: HomeAssistant, account: MockConfigEntry, creation: dict[str, Any]
) -> None:
    """By the name that its owner gave it."""
    assert await async_setup_component(
        hass,
        "script",
        {
            "script": {
                "upgrade": {
                    "sequence": [{"action": f"{DOMAIN}.{CREATE}", "data": creation}]
                }
            }
        },
    )
    assert await async_setup_component(
        hass,
        "automation",
        {
            "automation": {
                "alias": "Nightly upgrade",
                "triggers": {"trigger": "event", "event_type": "night"},
                "actions": {"action": "script.upgrade"},
            }
        },
    )
    hass.bus.async_fire("night")
    await hass.async_block_till_done(wait_background_tasks=True)
    [row] = (await get_journal(hass, account))["entries"]
    assert row["state"] == "done"
    assert row["asked_by"] == {
        "kind": "automation",
        "user": None,
        "user_id": None,
        "entity_id": "automation.nightly_upgrade",
        "name": "Nightly upgrade",
    }
