"""A third platform: one client, one entry in the registry, and its texts.

Set up through the form, polled, and used through actions; nothing else knows it.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import SOURCE_USER, ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import entity_registry as er
import pytest

from custom_components.fleet_upgrade.clients.errors import AmbiguousError
from custom_components.fleet_upgrade.clients.model import (
    ChangeKind,
    CreateRequest,
    Page,
    Subtask,
    Targets,
    TaskChange,
    TaskStatus,
    UpgradeKind,
)
from custom_components.fleet_upgrade.clients.platform import (
    Capability,
    CreateAction,
    Field,
    FieldKind,
    Platform,
)
from custom_components.fleet_upgrade.clients.registry import PLATFORMS
from custom_components.fleet_upgrade.const import CONF_PLATFORM, DOMAIN

from .actions import act
from .tiny_platform import CREDENTIALS, KEY, NOW, TinyFleet, make_task, poll
from .translations import TranslationCheck

CREATE = "create_tiny_upgrade_task"

type Data = dict[str, Any]


def build(values: Mapping[str, Any], now: datetime) -> CreateRequest:
    """Return what is asked for."""
    return CreateRequest(
        kind=UpgradeKind.FIRMWARE,
        package_id=values["package"],
        targets=Targets(
            device_groups=tuple(values.get("device_groups", ())),
            devices=tuple(values.get("devices", ())),
        ),
    )


class ControlledFleet(TinyFleet):
    """A tiny platform whose tasks can be stopped."""

    def as_platform(self) -> Platform:
        """Return the platform with an action of its own."""
        return replace(
            super().as_platform(),
            create_actions=(
                CreateAction(
                    name=CREATE,
                    fields=(
                        Field(key="package", required=True),
                        Field(key="device_groups", kind=FieldKind.TEXTS, required=True),
                    ),
                    build=build,
                ),
                CreateAction(
                    name="create_tiny_single_upgrade_task",
                    fields=(
                        Field(key="package", required=True),
                        Field(key="devices", kind=FieldKind.TEXTS, required=True),
                    ),
                    build=build,
                ),
            ),
            capabilities=frozenset({Capability.STOP}),
        )

    async def list_subtasks(
        self, task_id: str, *, status: TaskStatus | None = None
    ) -> AsyncIterator[Page[Subtask]]:
        """Have failed on one device."""
        failed = Subtask(subtask_id="1", device_id="lamp-1", status=TaskStatus.FAILED)
        yield Page(items=(failed,) if status is TaskStatus.FAILED else ())

    async def change_task(self, change: TaskChange) -> None:
        """Stop a task, and lose the answer."""
        assert change.kind is ChangeKind.STOP
        self.change(change.task_id, status=TaskStatus.STOPPED)
        raise AmbiguousError("lost")

    async def is_changed(self, change: TaskChange) -> bool:
        """Look at the task."""
        return self.tasks[change.task_id].status is TaskStatus.STOPPED


@pytest.fixture
def fleet(
    fleet: TinyFleet,
    monkeypatch: pytest.MonkeyPatch,
    check_translations: TranslationCheck,
) -> ControlledFleet:
    """Register it before Home Assistant loads the integration."""
    controlled = ControlledFleet()
    monkeypatch.setitem(PLATFORMS, KEY, controlled.as_platform())
    return controlled


@pytest.fixture
async def entry(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, fleet: ControlledFleet
) -> ConfigEntry:
    """Return an account that was set up through the form."""
    freezer.move_to(NOW)
    fleet.put(make_task("theirs"))
    flow = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_USER}
    )
    form = await hass.config_entries.flow.async_configure(
        flow["flow_id"], {CONF_PLATFORM: KEY}
    )
    assert form["step_id"] == KEY
    result = await hass.config_entries.flow.async_configure(
        form["flow_id"], CREDENTIALS
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done(wait_background_tasks=True)
    created: ConfigEntry = result["result"]
    return created


def state(hass: HomeAssistant, entry: ConfigEntry, key: str) -> str:
    """Return the state of a sensor."""
    entity_id = er.async_get(hass).async_get_entity_id(
        "sensor", DOMAIN, f"{entry.entry_id}_{key}"
    )
    assert entity_id is not None
    shown = hass.states.get(entity_id)
    assert shown is not None
    return shown.state


async def test_its_tasks_are_followed_like_any_others(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    fleet: ControlledFleet,
    entry: ConfigEntry,
) -> None:
    """From the form to a task's end."""
    assert state(hass, entry, "theirs_status") == "processing"
    fleet.end("theirs", TaskStatus.SUCCEEDED, NOW)
    await poll(hass, freezer)
    assert state(hass, entry, "theirs_status") == "succeeded"
    assert state(hass, entry, "tasks_succeeded") == "1"


async def test_its_actions_create_list_and_stop(
    hass: HomeAssistant, fleet: ControlledFleet, entry: ConfigEntry
) -> None:
    """With journal, guard and the look for a lost answer, as on every platform."""
    account: Data = {"config_entry_id": entry.entry_id}
    upgrade = {**account, "package": "V2.0", "device_groups": ["Lamps"]}
    assert (await act(hass, CREATE, **upgrade, dry_run=True))["request"]["path"] == "/"
    assert fleet.created == []
    task_id = (await act(hass, CREATE, **upgrade))["task_id"]
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, CREATE, **upgrade)
    assert raised.value.translation_key == "create_repeated"
    listed = await act(hass, "get_upgrade_tasks", **account)
    assert {row["task_id"] for row in listed["tasks"]} == {"theirs", task_id}
    task = {**account, "task_id": task_id}
    assert await act(hass, "stop_upgrade_task", **task) == {"task_id": task_id}
    assert (await act(hass, "get_upgrade_task", **task))["task"]["status"] == "stopped"
    journal = await act(hass, "get_journal", **account)
    assert [(row["action"], row["state"]) for row in journal["entries"]] == [
        ("stop", "done"),
        ("create", "done"),
    ]


async def test_its_failed_devices_are_retried_by_a_new_task(
    hass: HomeAssistant, fleet: ControlledFleet, entry: ConfigEntry
) -> None:
    """With the package that it tells, and what its action for devices takes."""
    fleet.put(make_task("ended", TaskStatus.FAILED, package_id="V2.0"))
    answer = await act(
        hass, "retry_failed_devices", config_entry_id=entry.entry_id, task_id="ended"
    )
    assert answer["creation"]["task_id"] == "created-1"
    [created] = fleet.created
    assert created.request.package_id == "V2.0"
    assert created.request.targets == Targets(devices=("lamp-1",))


@pytest.mark.parametrize(
    ("action", "more", "key"),
    [
        ("start_upgrade_task", {"task_id": "theirs"}, "start_unsupported"),
        ("delete_upgrade_task", {"task_id": "theirs"}, "delete_unsupported"),
        (
            "cancel_subtasks",
            {"task_id": "theirs", "devices": ["meter-1"]},
            "cancel_subtasks_unsupported",
        ),
        (
            "retry_subtasks",
            {"task_id": "theirs", "devices": ["meter-1"]},
            "retry_subtasks_unsupported",
        ),
        ("retry_failed_devices", {"task_id": "other"}, "retry_unsupported"),
        ("get_devices", {}, "devices_unsupported"),
        ("get_device_groups", {}, "device_groups_unsupported"),
        (
            "create_firmware_upgrade_task",
            {"package": "V2.0", "device_groups": ["Lamps"]},
            "action_unsupported",
        ),
    ],
)
async def test_what_it_lacks_is_said_in_its_name(
    hass: HomeAssistant,
    fleet: ControlledFleet,
    entry: ConfigEntry,
    action: str,
    more: Data,
    key: str,
) -> None:
    """Not more than it declares is offered."""
    fleet.put(
        make_task("other", TaskStatus.FAILED, kind=UpgradeKind.SOFTWARE, package_id="1")
    )
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, action, config_entry_id=entry.entry_id, **more)
    assert raised.value.translation_key == key
    placeholders = raised.value.translation_placeholders
    assert placeholders is not None
    assert placeholders["platform"] == "Tiny IoT"
