"""OceanConnect's JSON in all the forms that it may come in, and as we send it."""

from datetime import UTC, datetime, timedelta, timezone
import json
from typing import Any

import pytest

from custom_components.fleet_upgrade.clients.errors import MalformedError
from custom_components.fleet_upgrade.clients.model import (
    CreateRequest,
    Execution,
    Policy,
    StatusCounts,
    Targets,
    TaskStatus,
    UpgradeKind,
    UpgradeTask,
)
from custom_components.fleet_upgrade.clients.oceanconnect.wire import (
    DeviceRow,
    GroupRow,
    PackageRow,
    Reply,
    Rows,
    SubtaskRow,
    TaskRow,
    create_body,
    decode,
    decode_task_rows,
    kind_of,
    readable_rows,
    task_page,
    time_of,
    time_text,
    values,
)

TASK: dict[str, Any] = {
    "operationId": "op-1",
    "createTime": "20261120T101500Z",
    "startTime": "20261120T101501Z",
    "stopTime": "20261120T103000Z",
    "operateType": "firmware_upgrade",
    "targets": {
        "deviceGroups": ["north"],
        "deviceType": "WaterMeter",
        "model": "WM1",
        "manufacturerName": "Hydra",
        "devices": None,
    },
    "policy": {
        "executeType": "custom",
        "startTime": "20261120T220000Z",
        "endTime": "20261121T020000Z",
        "retryType": True,
        "retryTimes": 2,
    },
    "status": "processing",
    "staResult": {
        "total": 5,
        "wait": 1,
        "processing": 2,
        "success": 1,
        "fail": 1,
        "stop": 0,
        "timeout": 0,
    },
    "extendPara": {"fileVersion": "V1.2"},
}


def read(**changes: Any) -> UpgradeTask:
    """Read the task above with changes; a change to ... takes the key away."""
    body = {key: value for key, value in (TASK | changes).items() if value is not ...}
    return decode(json.dumps(body).encode(), TaskRow).value()


def test_a_whole_task_is_read() -> None:
    """Every field of the documented table has its place."""
    assert read() == UpgradeTask(
        task_id="op-1",
        kind=UpgradeKind.FIRMWARE,
        status=TaskStatus.PROCESSING,
        version="V1.2",
        created=datetime(2026, 11, 20, 10, 15, tzinfo=UTC),
        started=datetime(2026, 11, 20, 10, 15, 1, tzinfo=UTC),
        ended=datetime(2026, 11, 20, 10, 30, tzinfo=UTC),
        counts=StatusCounts(
            total=5,
            waiting=1,
            processing=2,
            succeeded=1,
            failed=1,
            stopped=0,
            timed_out=0,
        ),
        targets=Targets(
            device_groups=("north",),
            device_type="WaterMeter",
            model="WM1",
            manufacturer="Hydra",
        ),
        policy=Policy(
            execution=Execution.CUSTOM,
            start=datetime(2026, 11, 20, 22, tzinfo=UTC),
            end=datetime(2026, 11, 21, 2, tzinfo=UTC),
            retries=2,
        ),
    )


@pytest.mark.parametrize("unset", [None, ...], ids=["null", "absent"])
def test_unset_fields_may_be_null_or_absent(unset: Any) -> None:
    """Neither stands in the way of what is there."""
    keys = set(TASK) - {"operationId", "operateType"}
    task = read(**dict.fromkeys(keys, unset))
    assert task == UpgradeTask(task_id="op-1", kind=UpgradeKind.FIRMWARE)


def test_counts_may_come_as_strings_and_with_null_among_them() -> None:
    """Some deployments send numbers as text."""
    task = read(staResult={"total": "3000000000", "wait": "1", "fail": None})
    assert task.counts == StatusCounts(total=3_000_000_000, waiting=1)


@pytest.mark.parametrize(
    ("extend", "version"),
    [
        ({"fileVersion": "V2"}, "V2"),
        ('{"fileVersion": "V2"}', "V2"),
        ("not JSON", None),
        ({}, None),
        (None, None),
    ],
)
def test_the_target_version_stands_in_an_object_or_in_a_string(
    extend: Any, version: str | None
) -> None:
    """The documents say string, the vendor's clients expect an object."""
    assert read(extendPara=extend).version == version


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("wait", TaskStatus.WAITING),
        ("processing", TaskStatus.PROCESSING),
        ("success", TaskStatus.SUCCEEDED),
        ("failed", TaskStatus.FAILED),
        ("fail", TaskStatus.FAILED),
        ("stop", TaskStatus.STOPPED),
        ("hibernating", None),
    ],
)
def test_status_words_are_translated_and_unknown_ones_do_no_harm(
    word: str, status: TaskStatus | None
) -> None:
    """A word that nobody knows is an unknown status, not a crash."""
    task = read(status=word)
    assert task.status is status
    assert not (task.is_active and task.has_ended)


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


def test_retries_count_only_where_the_platform_retries() -> None:
    """A null retryType means no."""
    assert read(policy={"retryType": None, "retryTimes": 3}).policy.retries == 0
    assert read(policy={"retryType": True, "retryTimes": None}).policy.retries == 0
    assert read(policy={"retryType": True, "retryTimes": 3}).policy.retries == 3


def test_an_unreadable_row_is_dropped_and_the_others_are_used(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One bad row must not hide a hundred good ones."""
    rows = [TASK, TASK | {"staResult": "none"}, "row", TASK | {"operationId": None}]
    page = task_page(
        decode_task_rows(json.dumps({"data": rows, "totalCount": 4}).encode())
    )
    assert [task.task_id for task in page.items] == ["op-1"]
    assert page.length == 4
    assert page.total == 4
    assert "Row 1 of a page is unreadable" in caplog.text
    assert "is unusable" in caplog.text


@pytest.mark.parametrize("key", ["totalCount", "totalSize"])
def test_the_total_has_two_names(key: str) -> None:
    """The documents say totalCount, a vendor's client totalSize."""
    body = json.dumps({"data": [], key: "7"}).encode()
    assert task_page(decode_task_rows(body)).total == 7
    assert decode(body, Rows).total == 7


@pytest.mark.parametrize(
    ("body", "code", "detail"),
    [
        ({"error_code": "123009", "error_desc": "gone"}, "123009", "gone"),
        ({"error_code": 123009}, "123009", ""),
        ({"resultcode": "1010005", "resultmsg": "no"}, "1010005", "no"),
        ({"statusCode": 404, "message": "not here"}, "", "not here"),
        ({"data": []}, "", ""),
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
        decode(b"<html>", Reply)
    assert err.value.foreign
    with pytest.raises(MalformedError) as err:
        decode_task_rows(b"<html>")
    assert err.value.foreign
    assert decode(b" ", Reply).code == ""


def test_a_malformed_answer_is_told_with_its_path() -> None:
    """The log says where the answer is wrong."""
    with pytest.raises(MalformedError, match=r"\$\.staResult\.total") as err:
        read(staResult={"total": "many"})
    assert not err.value.foreign


@pytest.mark.parametrize(
    ("row", "into"),
    [
        ({"operationId": "", "operateType": "firmware_upgrade"}, TaskRow),
        ({"operationId": "1", "operateType": "hardware"}, TaskRow),
        ({"subOperationId": "1"}, SubtaskRow),
        ({"name": "package"}, PackageRow),
        ({"id": "1"}, GroupRow),
        ({"deviceInfo": {}}, DeviceRow),
    ],
)
def test_a_row_without_its_essentials_is_no_row(row: dict[str, Any], into: Any) -> None:
    """An ID is what everything else hangs on."""
    rows = decode(json.dumps({"data": [row]}).encode(), Rows)
    good = readable_rows(rows.data, into)
    assert len(good) == 1
    assert values(good, into.value) == ()


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("20151212T121212Z", datetime(2015, 12, 12, 12, 12, 12, tzinfo=UTC)),
        ("2015-12-12T13:12:12+01:00", datetime(2015, 12, 12, 12, 12, 12, tzinfo=UTC)),
        ("2015-12-12 12:12:12", datetime(2015, 12, 12, 12, 12, 12, tzinfo=UTC)),
        ("2015-2-3", None),
        ("", None),
        (None, None),
    ],
)
def test_times_are_read_as_utc(text: str | None, time: datetime | None) -> None:
    """What is no time is no time, and no crash."""
    assert time_of(text) == time


def test_times_are_written_in_utc_without_fractions() -> None:
    """The platform refuses offsets."""
    time = datetime(2026, 7, 1, 0, 30, 15, 999, timezone(timedelta(hours=2)))
    assert time_text(time) == "20260630T223015Z"


def test_a_creation_for_groups_is_written_as_documented() -> None:
    """Unset fields are left out; retryType is always there, as vendors send it."""
    request = CreateRequest(
        kind=UpgradeKind.SOFTWARE,
        package_id="file-1",
        targets=Targets(
            device_groups=("north", "south"),
            device_type="WaterMeter",
            model="WM1",
            manufacturer="Hydra",
        ),
    )
    assert create_body(request) == {
        "fileId": "file-1",
        "targets": {
            "deviceGroups": ["north", "south"],
            "deviceType": "WaterMeter",
            "model": "WM1",
            "manufacturerName": "Hydra",
        },
        "policy": {"executeType": "now", "retryType": False},
    }


def test_a_creation_with_window_and_retries_is_written_as_documented() -> None:
    """Times go out as UTC, retries as a number with its switch."""
    request = CreateRequest(
        kind=UpgradeKind.FIRMWARE,
        package_id="file-1",
        targets=Targets(devices=("d1",)),
        policy=Policy(
            execution=Execution.CUSTOM,
            start=datetime(2026, 11, 20, 22, tzinfo=UTC),
            end=datetime(2026, 11, 21, 2, tzinfo=UTC),
            retries=3,
        ),
    )
    assert create_body(request) == {
        "fileId": "file-1",
        "targets": {"devices": ["d1"]},
        "policy": {
            "executeType": "custom",
            "startTime": "20261120T220000Z",
            "endTime": "20261121T020000Z",
            "retryType": True,
            "retryTimes": 3,
        },
    }
