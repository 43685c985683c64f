"""Upgrade tasks in all the forms that they may come in, and as we send them."""

from datetime import UTC, datetime
import json
from typing import Any

import msgspec
import pytest

from custom_components.fleet_upgrade.clients.errors import MalformedError
from custom_components.fleet_upgrade.clients.known_rows import KnownRows
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
from custom_components.fleet_upgrade.clients.oceanconnect.tasks import (
    STATUS_WORD,
    SUBTASK_STATUS_WORD,
    SubtaskRow,
    TaskPage,
    TaskRow,
    add_up,
    create_body,
    read_row,
    task_page,
)
from custom_components.fleet_upgrade.clients.oceanconnect.wire import (
    decode,
    decode_page,
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


def read_page(*rows: Any, **page: Any) -> TaskPage:
    """Read a page with these rows."""
    body = {"data": rows, "totalCount": len(rows)} | page
    return task_page(decode_page(json.dumps(body).encode()))


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


@pytest.mark.parametrize("number", [-1, 2**63, "9" * 30])
def test_a_count_that_cannot_be_one_is_unknown(number: Any) -> None:
    """What does not fit into 64 bits could be stored nowhere."""
    policy = TASK["policy"] | {"retryTimes": number}
    task = read(staResult={"total": number, "wait": 1}, policy=policy)
    assert task.counts == StatusCounts(waiting=1)
    assert task.policy.retries == 0
    assert read_page(TASK, totalCount=number).total is None


def counts(total: int | None, **parts: int | None) -> StatusCounts:
    """Return counts of which two wait, one runs and three succeeded."""
    known = {"waiting": 2, "processing": 1, "succeeded": 3, "failed": 4, "stopped": 0}
    return StatusCounts(total=total, **known | parts)


@pytest.mark.parametrize(
    ("given", "do_they"),
    [
        (counts(10), True),
        (counts(10, timed_out=2), True),
        (counts(12, timed_out=2), True),
        (counts(10, failed=6, timed_out=2), True),
        (counts(11), False),
        (counts(11, timed_out=2), False),
        (counts(13, timed_out=2), False),
        (counts(None), True),
        (counts(11, waiting=None), True),
        (StatusCounts(), True),
    ],
)
def test_counts_that_differ_from_the_total_by_the_timeouts_are_fine(
    given: StatusCounts, do_they: bool
) -> None:
    """Timeouts stand inside or beside the failed ones: no page says which."""
    assert add_up(given) is do_they


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


def test_a_failed_task_is_failed_and_a_failed_subtask_is_fail() -> None:
    """Two words for one thing; each is sent where the platform knows it."""
    subtask = SubtaskRow(sub_operation_id="s", device_id="d", status="fail").value()
    assert subtask.status is read(status="failed").status is TaskStatus.FAILED
    assert STATUS_WORD[TaskStatus.FAILED] == "failed"
    assert SUBTASK_STATUS_WORD[TaskStatus.FAILED] == "fail"


def test_retries_count_only_where_the_platform_retries() -> None:
    """A null retryType means no."""
    assert read(policy={"retryType": None, "retryTimes": 3}).policy.retries == 0
    assert read(policy={"retryType": True, "retryTimes": None}).policy.retries == 0
    assert read(policy={"retryType": True, "retryTimes": 3}).policy.retries == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"createTime": 1763633700000, "stopTime": "1763633700000"},
        {"createTime": "yesterday", "stopTime": "20261120"},
        {"createTime": 1.5, "stopTime": "0001-01-01T00:00:00+14:00"},
    ],
)
def test_a_time_in_an_odd_form_is_unknown_and_loses_no_task(
    changes: dict[str, Any],
) -> None:
    """Better no time than a wrong one, and better no time than no task."""
    [task] = read_page(TASK | changes).items
    assert task.created is None
    assert task.ended is None
    assert task.started == datetime(2026, 11, 20, 10, 15, 1, tzinfo=UTC)


def test_unknown_fields_and_words_do_no_harm() -> None:
    """A newer platform may say more than this client knows."""
    changes = {
        "status": "hibernating",
        "policy": {"executeType": "at_full_moon", "phase": 0.5},
        "targets": {"deviceGroups": ["north"], "regions": ["east"]},
        "staResult": {"total": 1, "dreaming": 1},
        "extendPara": {"fileVersion": "V2", "signature": {"by": "us"}},
        "moods": [1, {"a": None}],
    }
    task = read(**changes)
    assert task.status is None
    assert task.version == "V2"
    assert task.targets == Targets(device_groups=("north",))
    assert task.counts == StatusCounts(total=1)


def test_an_unreadable_row_is_dropped_and_the_others_are_used(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One bad row must not hide a hundred good ones."""
    page = read_page(
        TASK, TASK | {"staResult": "none"}, "row", TASK | {"operationId": None}
    )
    assert [task.task_id for task in page.items] == ["op-1"]
    assert page.length == 4
    assert page.total == 4
    [warning] = caplog.messages
    assert warning.startswith("Unusable rows on a page: 3; row 1: ")


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (b'"processing"', b'"\xc3\x28"'),
        (b'"total": 5', b'"total": ' + b"9" * 5000),
    ],
    ids=["not UTF-8", "long number"],
)
def test_a_row_in_broken_writing_is_dropped_and_the_others_are_used(
    good: bytes, bad: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor must the page be taken for something that is no platform at all."""
    row = json.dumps(TASK).encode()
    broken = row.replace(good, bad)
    body = b'{"data": [' + broken + b"," + row + b"]}"
    page = task_page(decode_page(body))
    assert len(page.items) == 1
    assert page.length == 2
    assert "Unusable rows on a page: 1; row 0: " in caplog.text


@pytest.mark.parametrize("row", [{}, TASK | {"operationId": "x" * 257}])
def test_a_row_that_is_no_task_is_refused_each_time(row: dict[str, Any]) -> None:
    """It is not taken for one that was read; who could ever ask for it by its ID?"""
    rows = KnownRows(read_row)
    for _ in range(2):
        with pytest.raises(MalformedError):
            rows.read(msgspec.Raw(json.dumps(row).encode()))


@pytest.mark.parametrize("body", [b"", b"{}", b'{"data": null}', b'{"pageNo": 0}'])
def test_no_page_is_not_the_same_as_a_page_without_tasks(body: bytes) -> None:
    """Who looks for a task must not believe that there is none."""
    with pytest.raises(MalformedError, match="without rows"):
        decode_page(body)
    assert read_page().items == ()
    assert task_page(decode_page(b'{"totalCount": 0}')).total == 0


def test_a_malformed_answer_is_told_with_its_path() -> None:
    """The log says where the answer is wrong."""
    with pytest.raises(MalformedError, match=r"\$\.staResult\.total") as err:
        read(staResult={"total": "many"})
    assert not err.value.foreign


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
