"""What is written about waves becomes the waves of a plan, or is refused clearly."""

from msgspec import structs
import pytest

from custom_components.fleet_upgrade.clients.errors import InvalidFieldError
from custom_components.fleet_upgrade.plan import Plan, Wave
from custom_components.fleet_upgrade.plan_waves import (
    WaveKind,
    shown_waves,
    wave_kind,
    waves_schema,
    with_waves,
)

PLAN = Plan(
    plan_id="one",
    name="Meters",
    action="create",
    values={"package": "p"},
    device_groups=("North", "South", "East, upper"),
)


def planned(kind: WaveKind, **given: object) -> Plan:
    """Return the plan with what is given in the form, the rest as it is shown."""
    schema = waves_schema(kind)
    shown = {
        key: value for key, value in shown_waves(PLAN).items() if key in schema.schema
    }
    return with_waves(PLAN, kind, schema(shown | given))


@pytest.mark.parametrize("written", ["5, 25, 70", "5 25 70", " 5%;25 %,70% "])
def test_percentages_are_the_shares_of_the_waves(written: str) -> None:
    """However they are separated."""
    plan = planned(WaveKind.SHARES, wave_shares=written)
    assert plan.waves == (Wave(share=5), Wave(share=25), Wave(share=70))


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("", "wave_shares_malformed"),
        ("100", "wave_shares_malformed"),
        ("5, many", "wave_shares_malformed"),
        ("2.5, 97.5", "wave_shares_malformed"),
        ("0, 100", "wave_shares_malformed"),
        ("-5, 105", "wave_shares_malformed"),
        ("5, 25, 100", "wave_shares_not_all"),
        ("5, 25", "wave_shares_not_all"),
        ("999, 1", "wave_shares_not_all"),
    ],
)
def test_percentages_that_are_not_all_devices_are_refused(
    written: str, rule: str
) -> None:
    """Rather than guessed at."""
    with pytest.raises(InvalidFieldError) as refusal:
        planned(WaveKind.SHARES, wave_shares=written)
    assert refusal.value.key == rule
    assert refusal.value.field == "wave_shares"


@pytest.mark.parametrize(
    ("written", "waves"),
    [
        ("North\nSouth\nEast, upper", [("North",), ("South",), ("East, upper",)]),
        (
            "South , North,\n\n East, upper \n",
            [("South", "North"), ("East, upper",)],
        ),
        ("North\nEast, upper, South", [("North",), ("East, upper", "South")]),
        ("South, East, upper\nNorth", [("South", "East, upper"), ("North",)]),
    ],
)
def test_groups_are_divided_line_by_line(
    written: str, waves: list[tuple[str, ...]]
) -> None:
    """A group's name may have commas of its own."""
    plan = planned(WaveKind.GROUPS, wave_groups=written)
    assert [wave.device_groups for wave in plan.waves] == waves


@pytest.mark.parametrize(
    ("written", "rule", "named"),
    [
        ("North, South, East, upper", "wave_groups_single", None),
        ("", "wave_group_left_out", "North, South, East, upper"),
        ("North\nWest\nEast, upper", "wave_group_unknown", "West"),
        ("North\nSouth, North\nEast, upper", "wave_group_twice", "North"),
        ("North\nSouth", "wave_group_left_out", "East, upper"),
    ],
)
def test_each_group_is_in_exactly_one_wave(
    written: str, rule: str, named: str | None
) -> None:
    """The groups that are wrong are named."""
    with pytest.raises(InvalidFieldError) as refusal:
        planned(WaveKind.GROUPS, wave_groups=written)
    assert refusal.value.key == rule
    assert refusal.value.field == "wave_groups"
    assert refusal.value.placeholders.get("groups") == named


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (WaveKind.SHARES, {"wave_shares": "10, 90"}),
        (WaveKind.GROUPS, {"wave_groups": "North, East, upper\nSouth"}),
    ],
)
def test_what_was_stored_is_shown_again(kind: WaveKind, given: dict[str, str]) -> None:
    """So that a plan is changed without writing its waves anew."""
    conditions = {
        "wanted_share": 90,
        "minimum": 20,
        "soak_minutes": 60,
        "needs_approval": True,
    }
    plan = planned(kind, **given, **conditions)
    assert wave_kind(plan) is kind
    shown = shown_waves(plan)
    assert given.items() <= shown.items()
    assert conditions.items() <= shown.items()
    assert with_waves(plan, kind, shown) == plan


def test_at_first_each_group_is_a_wave_of_its_own() -> None:
    """Nobody has to write a name."""
    assert wave_kind(PLAN) is WaveKind.NONE
    assert shown_waves(PLAN)["wave_groups"] == "North\nSouth\nEast, upper"


def test_waves_follow_the_groups_of_the_plan() -> None:
    """A group that has gone from the plan is not shown, one that has come is last."""
    plan = planned(WaveKind.GROUPS, wave_groups="North\nSouth\nEast, upper")
    changed = structs.replace(plan, device_groups=("West", "South", "North"))
    assert shown_waves(changed)["wave_groups"] == "North\nSouth\nWest"
