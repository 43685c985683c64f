"""The rules of a creation, checked before anything is sent."""

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import structs
import pytest

from custom_components.fleet_upgrade.clients.errors import InvalidFieldError
from custom_components.fleet_upgrade.clients.model import (
    CreateRequest,
    Execution,
    Policy,
    PreparedCreate,
    Targets,
    UpgradeKind,
    UpgradeTask,
)
from custom_components.fleet_upgrade.clients.oceanconnect.create import (
    CREATE_ACTIONS,
    build,
    is_result,
)

NOW = datetime(2026, 11, 20, 12, 0, 0, 500_000, tzinfo=UTC)
GROUP = {"package": "file-1", "device_groups": ["north"]}
WINDOW = {
    "execution": "custom",
    "start": NOW + timedelta(hours=1),
    "end": NOW + timedelta(hours=2),
}


def created(**values: Any) -> CreateRequest:
    """Build a creation for a group, with more values."""
    return build(UpgradeKind.SOFTWARE, GROUP | values, NOW)


def test_the_least_that_is_needed_is_package_and_target() -> None:
    """Everything else has a default."""
    assert created() == CreateRequest(
        kind=UpgradeKind.SOFTWARE,
        package_id="file-1",
        targets=Targets(device_groups=("north",)),
    )


def test_each_kind_has_an_action_of_its_own() -> None:
    """An automation says what it upgrades."""
    kinds = {action.name: action.build(GROUP, NOW).kind for action in CREATE_ACTIONS}
    assert kinds == {
        "create_firmware_upgrade_task": UpgradeKind.FIRMWARE,
        "create_software_upgrade_task": UpgradeKind.SOFTWARE,
    }


def test_targets_are_trimmed_and_named_once() -> None:
    """A device named twice is one device, in the order given."""
    request = build(
        UpgradeKind.FIRMWARE, {"package": "p", "devices": [" b", "a", "b "]}, NOW
    )
    assert request.targets.devices == ("b", "a")


def test_a_window_is_kept_in_whole_seconds_of_utc() -> None:
    """The platform knows no fractions."""
    assert created(**WINDOW, retries=5).policy == Policy(
        execution=Execution.CUSTOM,
        start=datetime(2026, 11, 20, 13, tzinfo=UTC),
        end=datetime(2026, 11, 20, 14, tzinfo=UTC),
        retries=5,
    )


def test_a_window_may_begin_this_very_second() -> None:
    """Fractions of a second do not make it past."""
    window = WINDOW | {"start": NOW.replace(microsecond=1)}
    assert created(**window).policy.start == NOW.replace(microsecond=0)


@pytest.mark.parametrize(
    ("values", "field", "rule", "placeholders"),
    [
        ({"devices": ["d"]}, "devices", "targets_both", {}),
        ({"device_groups": []}, "device_groups", "targets_missing", {}),
        ({"device_groups": ["a", " "]}, "device_groups", "targets_empty_value", {}),
        ({"start": NOW}, "start", "window_needs_custom", {}),
        (
            {"execution": "when_online", "end": NOW},
            "end",
            "window_needs_custom",
            {},
        ),
        (WINDOW | {"start": None}, "start", "window_missing", {}),
        (WINDOW | {"end": None}, "end", "window_missing", {}),
        (WINDOW | {"start": NOW - timedelta(seconds=1)}, "start", "window_past", {}),
        (
            WINDOW | {"end": NOW + timedelta(hours=1, minutes=5)},
            "end",
            "window_too_short",
            {"minutes": "5"},
        ),
        (WINDOW | {"end": NOW}, "end", "window_too_short", {"minutes": "5"}),
        (
            {"retries": 6},
            "retries",
            "retries_out_of_range",
            {"minimum": "0", "maximum": "5"},
        ),
        (
            {"retries": -1},
            "retries",
            "retries_out_of_range",
            {"minimum": "0", "maximum": "5"},
        ),
    ],
)
def test_a_broken_rule_names_field_and_limit(
    values: dict[str, Any], field: str, rule: str, placeholders: dict[str, str]
) -> None:
    """So that the message says what to change."""
    with pytest.raises(InvalidFieldError) as err:
        created(**values)
    assert err.value.field == field
    assert err.value.key == rule
    assert err.value.placeholders == {"field": field} | placeholders


PREPARED = PreparedCreate(
    request=CreateRequest(
        kind=UpgradeKind.SOFTWARE,
        package_id="file-1",
        targets=Targets(
            device_groups=("north", "south"), device_type="Meter", model="M1"
        ),
    ),
    method="POST",
    path="/create",
    body={},
    version="V2",
)
RESULT = UpgradeTask(
    task_id="op-1",
    kind=UpgradeKind.SOFTWARE,
    version="V2",
    targets=Targets(
        device_groups=("south", "north"),
        device_type="Meter",
        model="M1",
        manufacturer="Hydra",
    ),
)


@pytest.mark.parametrize(
    "task",
    [
        RESULT,
        structs.replace(RESULT, version=None),
        structs.replace(RESULT, policy=Policy(start=NOW, end=NOW)),
        structs.replace(
            RESULT, targets=structs.replace(RESULT.targets, device_type=None)
        ),
    ],
)
def test_a_creation_knows_its_result(task: UpgradeTask) -> None:
    """Targets are sets; what the platform fills in or leaves out does not count."""
    assert is_result(PREPARED, task)


@pytest.mark.parametrize(
    "task",
    [
        structs.replace(RESULT, kind=UpgradeKind.FIRMWARE),
        structs.replace(RESULT, version="V3"),
        structs.replace(RESULT, targets=Targets(device_groups=("north",))),
        structs.replace(RESULT, targets=Targets(devices=("north", "south"))),
        structs.replace(RESULT, targets=structs.replace(RESULT.targets, model="M2")),
        structs.replace(RESULT, policy=Policy(execution=Execution.WHEN_ONLINE)),
        structs.replace(RESULT, policy=Policy(retries=1)),
    ],
)
def test_a_creation_knows_what_is_not_its_result(task: UpgradeTask) -> None:
    """One difference is enough."""
    assert not is_result(PREPARED, task)
