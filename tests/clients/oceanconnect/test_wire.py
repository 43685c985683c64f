"""What all of OceanConnect's JSON has in common, in all the forms it may come in."""

from datetime import UTC, datetime, timedelta, timezone
import json
from typing import Any

import msgspec
import pytest

from custom_components.fleet_upgrade.clients.answers import rows_of
from custom_components.fleet_upgrade.clients.errors import MalformedError
from custom_components.fleet_upgrade.clients.model import UpgradeKind
from custom_components.fleet_upgrade.clients.oceanconnect.devices import DeviceRow
from custom_components.fleet_upgrade.clients.oceanconnect.groups import GroupRow
from custom_components.fleet_upgrade.clients.oceanconnect.packages import PackageRow
from custom_components.fleet_upgrade.clients.oceanconnect.subscriptions import (
    SubscriptionRow,
)
from custom_components.fleet_upgrade.clients.oceanconnect.tasks import (
    SubtaskRow,
    TaskRow,
    task_page,
)
from custom_components.fleet_upgrade.clients.oceanconnect.wire import (
    Reply,
    Rows,
    decode,
    decode_page,
    kind_of,
    time_of,
    time_text,
)


@pytest.mark.parametrize("key", ["totalCount", "totalSize"])
def test_the_total_has_two_names(key: str) -> None:
    """The documents say totalCount, a vendor's client totalSize."""
    body = json.dumps({"data": [], key: "7"}).encode()
    assert task_page(decode_page(body)).total == 7
    assert decode(body, Rows).total == 7


@pytest.mark.parametrize(
    ("body", "code", "detail"),
    [
        ({"error_code": "123009", "error_desc": "gone"}, "123009", "gone"),
        ({"error_code": 123009}, "123009", ""),
        ({"resultcode": "1010005", "resultmsg": "no"}, "1010005", "no"),
        ({"statusCode": 404, "message": "not here"}, "", "not here"),
        ({"data": []}, "", ""),
        ({"resultcode": "0", "resultmsg": "ok"}, "", "ok"),
        ({"error_code": 0}, "", ""),
    ],
)
def test_errors_have_two_shapes_and_a_third_without_a_code(
    body: dict[str, Any], code: str, detail: str
) -> None:
    """Platform, gateway and newer gateway each have their own."""
    reply = decode(json.dumps(body).encode(), Reply)
    assert (reply.code, reply.detail) == (code, detail)


def test_what_is_not_json_is_not_the_platform() -> None:
    """A wrong port answers with HTML."""
    with pytest.raises(MalformedError) as err:
        decode_page(b"<html>")
    assert err.value.foreign


def test_an_empty_answer_is_no_error() -> None:
    """Writes answer with nothing at all."""
    assert decode(b" ", Reply).code == ""


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"7", b"null"])
def test_json_of_another_shape_is_malformed(body: bytes) -> None:
    """It may be the platform all the same."""
    with pytest.raises(MalformedError) as err:
        decode(body, Reply)
    assert not err.value.foreign


def test_nesting_without_end_is_no_crash(caplog: pytest.LogCaptureFixture) -> None:
    """A row is dropped for it, an answer refused."""
    deep = b"[" * 8_000_000 + b"]" * 8_000_000
    with pytest.raises(MalformedError):
        decode(b'{"moods": ' + deep + b"}", Reply)
    rows = [msgspec.Raw(b'{"id": "1", "name": "north", "a": ' + deep + b"}")]
    assert rows_of(rows, GroupRow, GroupRow.value) == ()
    assert "Unusable rows" in caplog.text


@pytest.mark.parametrize(
    "key", ["data", "list", "devices", "deviceIds", "subscriptions"]
)
def test_each_listing_has_a_key_of_its_own_for_its_rows(key: str) -> None:
    """Rows are counted under each of them, and none is not nothing."""
    assert decode_page(json.dumps({key: ["a", "b"]}).encode()).length == 2
    assert decode_page(json.dumps({key: []}).encode()).length == 0
    with pytest.raises(MalformedError, match="without rows"):
        decode_page(b"{}")


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("firmware_upgrade", UpgradeKind.FIRMWARE),
        ("softwareUpgrade", UpgradeKind.SOFTWARE),
        ("softwarePackage", UpgradeKind.SOFTWARE),
        ("FIRMWARE_UPGRADE", UpgradeKind.FIRMWARE),
        ("hardware", None),
        ("", None),
        (None, None),
    ],
)
def test_kinds_are_known_in_every_spelling(
    word: str | None, kind: UpgradeKind | None
) -> None:
    """Path, field and package speak of the same two kinds in different words."""
    assert kind_of(word) is kind


@pytest.mark.parametrize(
    ("row", "into"),
    [
        ({"operationId": "", "operateType": "firmware_upgrade"}, TaskRow),
        ({"operationId": "1", "operateType": "hardware"}, TaskRow),
        ({"subOperationId": "1"}, SubtaskRow),
        ({"name": "package"}, PackageRow),
        ({"id": "1"}, GroupRow),
        ({"deviceInfo": {}}, DeviceRow),
        ({"notifyType": "deviceAdded"}, SubscriptionRow),
    ],
)
def test_a_row_without_its_essentials_is_no_row(row: dict[str, Any], into: Any) -> None:
    """An ID is what everything else hangs on."""
    rows = decode(json.dumps({"data": [row]}).encode(), Rows)
    assert rows.length == 1
    assert rows_of(rows.data, into, into.value) == ()


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("20151212T121212Z", datetime(2015, 12, 12, 12, 12, 12, tzinfo=UTC)),
        ("2015-12-12T13:12:12+01:00", datetime(2015, 12, 12, 12, 12, 12, tzinfo=UTC)),
        ("2015-12-12 12:12:12", datetime(2015, 12, 12, 12, 12, 12, tzinfo=UTC)),
        ("20151212T131212.5+0100", datetime(2015, 12, 12, 12, 12, 12, 500_000, UTC)),
        ("2015-2-3", None),
        ("20151212121212", None),
        ("1612011600000", None),
        ("9999-12-31T23:59:59-12:00", None),
        (1449922332, None),
        ("", None),
        (None, None),
    ],
)
def test_times_are_read_as_utc(text: Any, time: datetime | None) -> None:
    """What is no time is no time, and no crash."""
    assert time_of(text) == time


def test_times_are_written_in_utc_without_fractions() -> None:
    """The platform refuses offsets."""
    time = datetime(2026, 7, 1, 0, 30, 15, 999, timezone(timedelta(hours=2)))
    assert time_text(time) == "20260630T223015Z"
