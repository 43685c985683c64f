"""The schema and the values of create actions, built from what platforms declare."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from unittest.mock import Mock
from zoneinfo import ZoneInfo

import pytest
import voluptuous as vol

from custom_components.fleet_upgrade.action_schema import create_schema
from custom_components.fleet_upgrade.clients.platform import (
    CreateAction,
    Field,
    FieldKind,
)

BERLIN = ZoneInfo("Europe/Berlin")


def action(*fields: Field) -> CreateAction:
    """Declare an action with fields."""
    return CreateAction(name="create_task", fields=fields, build=Mock())


def checked(field: Field, value: Any) -> Any:
    """Return a value as the schema of one field lets it through."""
    schema = create_schema([action(field)])
    return schema({"config_entry_id": "one", field.key: value})[field.key]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (" pkg-1 ", "pkg-1"),
        ("007", "007"),
        pytest.param(12345, "12345", id="an ID of digits, from a template"),
    ],
)
def test_a_text_loses_the_blanks_around_it(given: Any, expected: str) -> None:
    """What was meant arrives."""
    assert checked(Field(key="package"), given) == expected


@pytest.mark.parametrize(
    "given",
    [
        "",
        "  ",
        None,
        True,
        ["pkg-1"],
        {"id": "pkg-1"},
        pytest.param(1.1, id="a version 1.10 that lost its zero"),
    ],
)
def test_what_is_not_clearly_a_text_is_refused(given: Any) -> None:
    """A guess could install another version."""
    with pytest.raises(vol.Invalid, match="package"):
        checked(Field(key="package"), given)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["north", " south "], ["north", "south"]),
        ("north, east", ["north, east"]),
        (12345, ["12345"]),
        ([], []),
    ],
)
def test_a_single_text_stands_for_a_list_of_one(
    given: Any, expected: list[str]
) -> None:
    """It is not taken apart: names may hold commas."""
    assert checked(Field(key="groups", kind=FieldKind.TEXTS), given) == expected


@pytest.mark.parametrize("given", [[["north"]], [1.5], [None], {"north": 1}])
def test_a_list_holds_nothing_but_texts(given: Any) -> None:
    """Neither a list in the list nor a number with a fraction."""
    with pytest.raises(vol.Invalid, match="groups"):
        checked(Field(key="groups", kind=FieldKind.TEXTS), given)


@pytest.mark.parametrize(("given", "expected"), [(3, 3), (3.0, 3), (-1, -1)])
def test_an_integer_may_come_as_a_float(given: float, expected: int) -> None:
    """Number selectors hand over floats; limits are checked later."""
    value = checked(Field(key="retries", kind=FieldKind.INTEGER), given)
    assert value == expected
    assert type(value) is int


@pytest.mark.parametrize(
    "given", [3.5, True, "3", None, float("inf"), float("nan"), [3]]
)
def test_what_is_not_a_whole_number_is_refused(given: Any) -> None:
    """It is never rounded."""
    with pytest.raises(vol.Invalid, match="retries"):
        checked(Field(key="retries", kind=FieldKind.INTEGER), given)


def test_a_choice_is_one_of_those_declared() -> None:
    """Written as declared."""
    field = Field(key="execution", kind=FieldKind.CHOICE, choices=("now", "later"))
    assert checked(field, "later") == "later"
    for wrong in ("Later", "never", None, ["now"]):
        with pytest.raises(vol.Invalid, match="execution"):
            checked(field, wrong)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2026-12-01 22:00:00", datetime(2026, 12, 1, 22)),
        ("2026-12-01T22:00", datetime(2026, 12, 1, 22)),
        (
            "2026-12-01T22:00:00+01:00",
            datetime(2026, 12, 1, 22, tzinfo=timezone(timedelta(hours=1))),
        ),
        ("2026-12-01T22:00:00Z", datetime(2026, 12, 1, 22, tzinfo=UTC)),
        (datetime(2026, 12, 1, 22), datetime(2026, 12, 1, 22)),
    ],
)
def test_a_time_may_have_an_offset(given: Any, expected: datetime) -> None:
    """Without one it is local, which is settled after the schema."""
    moment = checked(Field(key="start", kind=FieldKind.LOCAL_TIME), given)
    assert moment == expected
    assert (moment.tzinfo is None) is (expected.tzinfo is None)


@pytest.mark.parametrize(
    "given",
    [
        "tonight",
        "22:00",
        "2026-02-30 22:00",
        "2026-12-01",
        "2026-12",
        date(2026, 12, 1),
        20261201,
        None,
    ],
)
def test_a_time_needs_a_date_and_a_time_of_day(given: Any) -> None:
    """A date alone would mean midnight, which nobody said."""
    with pytest.raises(vol.Invalid, match="start"):
        checked(Field(key="start", kind=FieldKind.LOCAL_TIME), given)


def test_each_action_has_an_account_and_a_dry_run() -> None:
    """The account has to be named; to create is the default."""
    schema = create_schema([action(Field(key="package", required=True))])
    assert schema({"config_entry_id": "one", "package": "pkg-1"}) == {
        "config_entry_id": "one",
        "dry_run": False,
        "force": False,
        "allow_downgrade": False,
        "package": "pkg-1",
    }
    with pytest.raises(vol.Invalid, match="config_entry_id"):
        schema({"package": "pkg-1"})
    with pytest.raises(vol.Invalid, match="package"):
        schema({"config_entry_id": "one"})


def test_an_unknown_field_is_refused() -> None:
    """A slip of the pen must not be taken for nothing."""
    schema = create_schema([action(Field(key="device_groups", kind=FieldKind.TEXTS))])
    with pytest.raises(vol.Invalid, match="device_group'"):
        schema({"config_entry_id": "one", "device_group": ["north"]})


def test_platforms_share_the_fields_of_an_action() -> None:
    """A field is required only where all platforms need it."""
    schema = create_schema(
        [
            action(
                Field(key="package", required=True),
                Field(key="execution", kind=FieldKind.CHOICE, choices=("now", "a")),
                Field(key="product", required=True),
            ),
            action(
                Field(key="package", required=True),
                Field(key="execution", kind=FieldKind.CHOICE, choices=("now", "b")),
            ),
        ]
    )
    required = {str(key) for key in schema.schema if isinstance(key, vol.Required)}
    assert required == {"config_entry_id", "package"}
    for choice in ("now", "a", "b"):
        given = {"config_entry_id": "one", "package": "pkg-1", "execution": choice}
        assert schema(given)["execution"] == choice


def test_platforms_agree_on_what_a_field_is() -> None:
    """Two kinds under one name would be two meanings."""
    with pytest.raises(ValueError, match="start"):
        create_schema(
            [
                action(Field(key="start", kind=kind))
                for kind in (FieldKind.TEXT, FieldKind.LOCAL_TIME)
            ]
        )


@pytest.mark.parametrize("kind", [FieldKind.SECRET, FieldKind.PORT, FieldKind.PEM_FILE])
def test_an_action_holds_no_secret(kind: FieldKind) -> None:
    """What an automation says is stored in the clear."""
    with pytest.raises(ValueError, match=kind):
        create_schema([action(Field(key="key", kind=kind))])
