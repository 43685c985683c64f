"""What can be looked up on a platform, in words common to all of them."""

import re
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import voluptuous as vol

from simulator.oceanconnect import OceanConnectSimulator

from .actions import act
from .tiny_platform import set_up

STATUSES = {
    "wait": "waiting",
    "processing": "processing",
    "success": "succeeded",
    "failed": "failed",
    "stop": "stopped",
}


def ids(rows: list[dict[str, Any]], key: str) -> list[str]:
    """Return the IDs of rows."""
    return [row[key] for row in rows]


async def test_upgrade_tasks_are_listed_as_on_the_platform(
    hass: HomeAssistant, account: MockConfigEntry, oceanconnect: OceanConnectSimulator
) -> None:
    """The newest first, whether they have a device or not."""
    oceanconnect.add_task(status="processing")
    answer = await act(hass, "get_upgrade_tasks", config_entry_id=account.entry_id)
    tasks = oceanconnect.tasks()[::-1]
    assert ids(answer["tasks"], "task_id") == [task.task_id for task in tasks]
    assert [task["status"] for task in answer["tasks"]] == [
        STATUSES[task.status] for task in tasks
    ]
    assert answer["total"] == len(tasks)
    newest = answer["tasks"][0]
    assert newest["counts"]["total"] == len(tasks[0].device_ids)
    assert newest["ended"] is None


async def test_upgrade_tasks_can_be_of_some_statuses(
    hass: HomeAssistant, account: MockConfigEntry, oceanconnect: OceanConnectSimulator
) -> None:
    """One or several, of which the platform takes one at a time."""
    by_status = {
        word: oceanconnect.add_task(status=status) for status, word in STATUSES.items()
    }
    for chosen in ("waiting", ["failed", "processing", "failed"], list(by_status)):
        oceanconnect.calls.clear()
        answer = await act(
            hass,
            "get_upgrade_tasks",
            config_entry_id=account.entry_id,
            status=chosen,
        )
        words = {chosen} if isinstance(chosen, str) else set(chosen)
        assert {task["status"] for task in answer["tasks"]} == words
        assert {by_status[word] for word in words} <= set(
            ids(answer["tasks"], "task_id")
        )
        assert answer["total"] == len(answer["tasks"])
        assert len(oceanconnect.calls) == len(words)


async def test_upgrade_tasks_can_be_of_one_kind(
    hass: HomeAssistant, account: MockConfigEntry, oceanconnect: OceanConnectSimulator
) -> None:
    """Firmware or software."""
    for kind in ("firmware", "software"):
        expected = oceanconnect.add_task(kind=kind)
        answer = await act(
            hass, "get_upgrade_tasks", config_entry_id=account.entry_id, kind=kind
        )
        assert {task["kind"] for task in answer["tasks"]} == {kind}
        assert answer["tasks"][0]["task_id"] == expected


@pytest.fixture
def listings(
    account: MockConfigEntry, oceanconnect: OceanConnectSimulator
) -> dict[str, tuple[int, dict[str, Any]]]:
    """Return the actions that list, how much there is of each, and what each takes."""
    [task, *_] = oceanconnect.tasks()
    entry = {"config_entry_id": account.entry_id}
    return {
        "get_device_groups": (len(oceanconnect.groups()), entry),
        "get_devices": (len(oceanconnect.devices()), entry),
        "get_packages": (len(oceanconnect.packages()), entry),
        "get_subtasks": (len(task.device_ids), entry | {"task_id": task.task_id}),
        "get_upgrade_tasks": (len(oceanconnect.tasks()), entry),
    }


async def test_no_more_rows_than_wanted(
    hass: HomeAssistant, listings: dict[str, tuple[int, dict[str, Any]]]
) -> None:
    """The total tells how many there are."""
    for name, (total, data) in listings.items():
        answer = await act(hass, name, **data, limit=2.0)
        [rows] = [value for value in answer.values() if isinstance(value, list)]
        assert (len(rows), answer["total"]) == (2, total), name


async def test_a_limit_beyond_what_an_answer_holds_is_refused(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    listings: dict[str, tuple[int, dict[str, Any]]],
) -> None:
    """Before anything is sent, the look for the name of a group included."""
    calls = len(oceanconnect.calls)
    cases = [(name, data) for name, (_, data) in listings.items()]
    cases.append(("get_devices", cases[0][1] | {"device_group": "Riverside"}))
    for name, data in cases:
        for limit in (0, -1, 1001):
            with pytest.raises(ServiceValidationError) as raised:
                await act(hass, name, **data, limit=limit)
            assert raised.value.translation_key == "limit_out_of_range"
            assert "limit must be between 1 and 1,000" in str(raised.value)
    assert len(oceanconnect.calls) == calls


async def test_a_query_takes_common_words_only(
    hass: HomeAssistant, account: MockConfigEntry, oceanconnect: OceanConnectSimulator
) -> None:
    """Not the platform's own, nor those of no meaning."""
    calls = len(oceanconnect.calls)
    for wrong in (
        {"status": "wait"},
        {"status": ["waiting", "lost"]},
        {"kind": "module"},
        {"limit": 2.5},
        {"states": ["waiting"]},
    ):
        with pytest.raises(vol.Invalid, match=next(iter(wrong))):
            await act(
                hass, "get_upgrade_tasks", config_entry_id=account.entry_id, **wrong
            )
    assert len(oceanconnect.calls) == calls


@pytest.mark.parametrize(
    ("name", "wrong", "words"),
    [
        ("get_upgrade_tasks", {"status": ["waiting", "lost"]}, set(STATUSES.values())),
        ("get_upgrade_tasks", {"status": [["waiting"]]}, set(STATUSES.values())),
        ("get_upgrade_tasks", {"kind": "module"}, {"firmware", "software"}),
        ("get_subtasks", {"status": "lost"}, set(STATUSES.values())),
        ("get_packages", {"kind": "module"}, {"firmware", "software"}),
    ],
)
async def test_a_wrong_word_is_answered_with_the_right_ones(
    hass: HomeAssistant,
    account: MockConfigEntry,
    name: str,
    wrong: dict[str, Any],
    words: set[str],
) -> None:
    """Nothing but words that a person may use."""
    with pytest.raises(vol.Invalid) as raised:
        await act(hass, name, config_entry_id=account.entry_id, **wrong)
    message, _, place = str(raised.value).partition(" at ")
    assert set(re.findall(r"'(\w+)'", message)) == words
    assert next(iter(wrong)) in place
    assert "TaskStatus" not in message
    assert "UpgradeKind" not in message


async def test_one_upgrade_task_is_read_anew(
    hass: HomeAssistant, account: MockConfigEntry, oceanconnect: OceanConnectSimulator
) -> None:
    """What has happened since the last poll shows."""
    task_id = oceanconnect.add_task(status="processing", retries=2)
    await account.runtime_data.async_refresh()
    oceanconnect.finish_task(task_id, failed=1)
    task = oceanconnect.task(task_id)
    answer = await act(
        hass, "get_upgrade_task", config_entry_id=account.entry_id, task_id=task_id
    )
    found = answer["task"]
    assert found["status"] == "failed"
    assert found["version"] == task.package.version
    assert found["counts"]["failed"] == 1
    assert found["counts"]["succeeded"] == len(task.device_ids) - 1
    assert found["policy"]["retries"] == 2
    assert found["targets"]["device_groups"] == list(task.targets.groups or ())
    assert found["ended"] is not None


@pytest.mark.parametrize("name", ["get_upgrade_task", "get_subtasks"])
async def test_an_upgrade_task_that_is_not_there_is_told(
    hass: HomeAssistant, account: MockConfigEntry, name: str
) -> None:
    """With the platform's code."""
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, name, config_entry_id=account.entry_id, task_id="no-such-task")
    assert raised.value.translation_key == "rejected_task_missing"
    assert "123009" in str(raised.value)


async def test_subtasks_tell_where_an_upgrade_failed_and_why(
    hass: HomeAssistant, account: MockConfigEntry, oceanconnect: OceanConnectSimulator
) -> None:
    """All of them, or those of some statuses."""
    task_id = oceanconnect.add_task(status="processing")
    oceanconnect.finish_task(task_id, failed=1, cause="Integrity check failure")
    devices = oceanconnect.task(task_id).device_ids
    data = {"config_entry_id": account.entry_id, "task_id": task_id}

    everything = await act(hass, "get_subtasks", **data)
    assert everything["task_id"] == task_id
    assert set(ids(everything["subtasks"], "device_id")) == set(devices)
    assert everything["total"] == len(devices)

    failures = await act(hass, "get_subtasks", **data, status="failed")
    [failed] = failures["subtasks"]
    assert failed["device_id"] in devices
    assert failed["status"] == "failed"
    assert failed["reason"] == "Integrity check failure"
    assert failures["total"] == 1

    ended = await act(hass, "get_subtasks", **data, status=["failed", "succeeded"])
    assert ended["total"] == len(devices)


async def test_an_answer_ends_after_a_thousand_rows(
    hass: HomeAssistant, account: MockConfigEntry, oceanconnect: OceanConnectSimulator
) -> None:
    """Its total tells that there is more."""
    oceanconnect.reset(devices=1150, groups=1, tasks=0)
    devices = [device.device_id for device in oceanconnect.devices()]
    task_id = oceanconnect.add_task(devices=devices)
    subtasks = await act(
        hass, "get_subtasks", config_entry_id=account.entry_id, task_id=task_id
    )
    assert len(subtasks["subtasks"]) == 1000
    assert subtasks["total"] == 1150
    fleet = await act(hass, "get_devices", config_entry_id=account.entry_id)
    assert len(fleet["devices"]) == 1000
    assert fleet["total"] == 1150


async def test_packages_can_be_filtered_by_what_they_are_for(
    hass: HomeAssistant, account: MockConfigEntry, oceanconnect: OceanConnectSimulator
) -> None:
    """What an upgrade needs is in the rows."""
    package = oceanconnect.packages("firmware")[0]
    filters = {
        "kind": "firmware",
        "device_type": package.model.device_type,
        "model": package.model.model,
        "manufacturer": package.model.manufacturer,
        "version": package.version,
    }
    everything = await act(hass, "get_packages", config_entry_id=account.entry_id)
    assert everything["total"] == len(oceanconnect.packages())
    for key, value in filters.items():
        some = await act(
            hass, "get_packages", config_entry_id=account.entry_id, **{key: value}
        )
        assert some["packages"] == [
            row for row in everything["packages"] if row[key] == value
        ]
        assert 0 < some["total"] < everything["total"]
    [found] = (
        await act(hass, "get_packages", config_entry_id=account.entry_id, **filters)
    )["packages"]
    assert found["package_id"] == package.file_id
    assert found["name"] == package.name


async def test_device_groups_are_listed_with_their_size(
    hass: HomeAssistant, account: MockConfigEntry, oceanconnect: OceanConnectSimulator
) -> None:
    """All, or the one of a name."""
    groups = oceanconnect.groups()
    everything = await act(hass, "get_device_groups", config_entry_id=account.entry_id)
    assert {
        (row["group_id"], row["name"], row["device_count"])
        for row in everything["device_groups"]
    } == {(group.group_id, group.name, len(group.members)) for group in groups}
    assert everything["total"] == len(groups)
    one = await act(
        hass,
        "get_device_groups",
        config_entry_id=account.entry_id,
        name=groups[1].name,
    )
    assert ids(one["device_groups"], "group_id") == [groups[1].group_id]


async def test_devices_are_listed_with_their_versions(
    hass: HomeAssistant, account: MockConfigEntry, oceanconnect: OceanConnectSimulator
) -> None:
    """What each one runs now."""
    answer = await act(hass, "get_devices", config_entry_id=account.entry_id)
    assert {
        (row["device_id"], row["firmware_version"], row["software_version"])
        for row in answer["devices"]
    } == {
        (device.device_id, device.firmware, device.software)
        for device in oceanconnect.devices()
    }
    assert answer["total"] == len(oceanconnect.devices())


async def test_a_device_group_is_named_by_its_name_or_its_id(
    hass: HomeAssistant, account: MockConfigEntry, oceanconnect: OceanConnectSimulator
) -> None:
    """Its members are the same."""
    group = oceanconnect.groups()[-1]
    for given in (group.name, group.group_id):
        answer = await act(
            hass, "get_devices", config_entry_id=account.entry_id, device_group=given
        )
        assert set(ids(answer["devices"], "device_id")) == set(group.members)
        assert answer["total"] == len(group.members)


async def test_a_device_group_has_to_be_clear(
    hass: HomeAssistant, account: MockConfigEntry, oceanconnect: OceanConnectSimulator
) -> None:
    """One that is not there, or could be two, is refused before its members are read."""
    first, second, *_ = oceanconnect.groups()
    second.name = first.name
    for given, key, parts in (
        ("Nowhere", "group_not_found", ["Nowhere"]),
        (first.name, "group_name_ambiguous", [first.group_id, second.group_id]),
    ):
        with pytest.raises(ServiceValidationError) as raised:
            await act(
                hass,
                "get_devices",
                config_entry_id=account.entry_id,
                device_group=given,
            )
        assert raised.value.translation_key == key
        assert all(part in str(raised.value) for part in ["device_group", *parts])
    assert oceanconnect.calls.count("/devices/ids") == 0
    answer = await act(
        hass,
        "get_devices",
        config_entry_id=account.entry_id,
        device_group=second.group_id,
    )
    assert set(ids(answer["devices"], "device_id")) == set(second.members)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("get_device_groups", "device_groups_unsupported"),
        ("get_devices", "devices_unsupported"),
    ],
)
async def test_a_platform_that_cannot_list_something_says_so(
    hass: HomeAssistant, tiny_entry: MockConfigEntry, name: str, key: str
) -> None:
    """The action is there for accounts on other platforms."""
    await set_up(hass, tiny_entry)
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, name, config_entry_id=tiny_entry.entry_id)
    assert raised.value.translation_key == key
    assert "Tiny IoT" in str(raised.value)
