"""The values of creations, by what the account's own platform declares."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from unittest.mock import Mock
from zoneinfo import ZoneInfo

import pytest

from custom_components.fleet_upgrade.clients.errors import InvalidFieldError
from custom_components.fleet_upgrade.clients.platform import (
    CreateAction,
    Field,
    FieldKind,
    Platform,
)
from custom_components.fleet_upgrade.create_values import create_values, utc_time

BERLIN = ZoneInfo("Europe/Berlin")


def action(*fields: Field) -> CreateAction:
    """Declare an action with fields."""
    return CreateAction(name="create_task", fields=fields, build=Mock())


def platform(*actions: CreateAction) -> Platform:
    """Declare a platform with actions."""
    return Platform(
        key="acme",
        name="Acme",
        form=(),
        account_id=Mock(),
        title=Mock(),
        check=Mock(),
        credential_notes=Mock(),
        client=Mock(),
        create_actions=actions,
    )


def values(*fields: Field, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of an action of Acme in Berlin."""
    declared = action(*fields)
    return create_values(platform(declared), declared, given, BERLIN)


def test_defaults_stand_in_for_what_is_not_given() -> None:
    """What has no default stays away."""
    assert values(
        Field(key="package", required=True),
        Field(key="retries", kind=FieldKind.INTEGER, default=0),
        Field(key="execution", kind=FieldKind.CHOICE, choices=("now",), default="now"),
        Field(key="model"),
        given={"package": "pkg-1"},
    ) == {"package": "pkg-1", "retries": 0, "execution": "now"}


@pytest.mark.parametrize(
    ("given", "rule", "placeholders"),
    [
        (
            {"package": "pkg-1", "task_name": "nightly"},
            "field_unsupported",
            {"field": "task_name", "platform": "Acme"},
        ),
        ({}, "field_missing", {"field": "package", "platform": "Acme"}),
        (
            {"package": "pkg-1", "execution": "later"},
            "choice_unsupported",
            {"field": "execution", "choice": "later", "platform": "Acme"},
        ),
    ],
)
def test_what_only_another_platform_has_is_refused_by_name(
    given: dict[str, Any], rule: str, placeholders: dict[str, str]
) -> None:
    """The schema is shared, the platform is not."""
    with pytest.raises(InvalidFieldError) as raised:
        values(
            Field(key="package", required=True),
            Field(key="execution", kind=FieldKind.CHOICE, choices=("now",)),
            given=given,
        )
    assert raised.value.key == rule
    assert raised.value.placeholders == placeholders


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(
            datetime(2026, 12, 1, 22, 0),
            datetime(2026, 12, 1, 21, 0, tzinfo=UTC),
            id="winter",
        ),
        pytest.param(
            datetime(2026, 7, 1, 22, 0),
            datetime(2026, 7, 1, 20, 0, tzinfo=UTC),
            id="summer",
        ),
        pytest.param(
            datetime(2026, 10, 25, 1, 59, 59),
            datetime(2026, 10, 24, 23, 59, 59, tzinfo=UTC),
            id="last second before the repeated hour",
        ),
        pytest.param(
            datetime(2026, 10, 25, 3, 0),
            datetime(2026, 10, 25, 2, 0, tzinfo=UTC),
            id="first second after the repeated hour",
        ),
        pytest.param(
            datetime(2027, 3, 28, 1, 59, 59),
            datetime(2027, 3, 28, 0, 59, 59, tzinfo=UTC),
            id="last second before the skipped hour",
        ),
        pytest.param(
            datetime(2027, 3, 28, 3, 0),
            datetime(2027, 3, 28, 1, 0, tzinfo=UTC),
            id="first second after the skipped hour",
        ),
        pytest.param(
            datetime(2026, 10, 25, 2, 30, tzinfo=timezone(timedelta(hours=1))),
            datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
            id="the repeated hour with its offset",
        ),
        pytest.param(
            datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1),
            datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
            id="the repeated hour, told apart",
        ),
    ],
)
def test_a_local_time_becomes_utc(given: datetime, expected: datetime) -> None:
    """By the rules of Home Assistant's time zone on that day."""
    moment = values(
        Field(key="start", kind=FieldKind.LOCAL_TIME), given={"start": given}
    )
    assert moment["start"] == expected
    assert moment["start"].tzinfo is UTC


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        (datetime(2026, 10, 25, 2, 0), "time_ambiguous"),
        (datetime(2026, 10, 25, 2, 30, fold=1), "time_ambiguous"),
        (datetime(2026, 10, 25, 2, 59, 59), "time_ambiguous"),
        (datetime(2027, 3, 28, 2, 0), "time_nonexistent"),
        (datetime(2027, 3, 28, 2, 59, 59), "time_nonexistent"),
    ],
)
def test_a_local_time_that_the_clocks_skip_or_repeat_is_refused(
    given: datetime, rule: str
) -> None:
    """It says which field, which time and which time zone."""
    with pytest.raises(InvalidFieldError) as raised:
        utc_time("end", given, BERLIN)
    assert raised.value.key == rule
    assert raised.value.placeholders == {
        "field": "end",
        "time": given.strftime("%Y-%m-%d %H:%M"),
        "time_zone": "Europe/Berlin",
    }


@pytest.mark.parametrize(
    ("given", "zone", "time"),
    [
        pytest.param(
            datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5))),
            "Europe/Berlin",
            "9999-12-31 23:00-05:00",
            id="after the last year, with an offset",
        ),
        pytest.param(
            datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=10))),
            "Europe/Berlin",
            "0001-01-01 00:00+10:00",
            id="before the first year, with an offset",
        ),
        pytest.param(
            datetime(9999, 12, 31, 23),
            "America/New_York",
            "9999-12-31 23:00",
            id="after the last year, local",
        ),
        pytest.param(
            datetime(1, 1, 1),
            "Asia/Tokyo",
            "0001-01-01 00:00",
            id="before the first year, local",
        ),
    ],
)
def test_a_time_that_utc_does_not_have_is_refused(
    given: datetime, zone: str, time: str
) -> None:
    """At the edge of the calendar; it says which field and which time."""
    with pytest.raises(InvalidFieldError) as raised:
        utc_time("end", given, ZoneInfo(zone))
    assert raised.value.key == "time_out_of_range"
    assert raised.value.placeholders == {"field": "end", "time": time}
