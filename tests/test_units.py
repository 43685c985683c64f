"""The tasks of a batch, shown as one."""

from datetime import timedelta
from typing import Any

import pytest

from custom_components.fleet_upgrade.clients.model import (
    StatusCounts,
    Targets,
    TaskStatus,
)
from custom_components.fleet_upgrade.units import as_units, members, merged

from .tiny_platform import NOW, make_task

WAITING = TaskStatus.WAITING
PROCESSING = TaskStatus.PROCESSING
SUCCEEDED = TaskStatus.SUCCEEDED
FAILED = TaskStatus.FAILED
STOPPED = TaskStatus.STOPPED


@pytest.mark.parametrize(
    ("statuses", "status"),
    [
        ((WAITING, WAITING), WAITING),
        ((WAITING, SUCCEEDED), PROCESSING),
        ((PROCESSING, FAILED), PROCESSING),
        ((SUCCEEDED, SUCCEEDED), SUCCEEDED),
        ((SUCCEEDED, FAILED, STOPPED), FAILED),
        ((SUCCEEDED, STOPPED), STOPPED),
        ((SUCCEEDED, None), None),
        ((None, WAITING), PROCESSING),
    ],
)
def test_a_batch_runs_until_its_last_task_has_ended(
    statuses: tuple[TaskStatus | None, ...], status: TaskStatus | None
) -> None:
    """And has failed if one of them has."""
    parts = [make_task(str(number), each) for number, each in enumerate(statuses)]
    assert merged("batch", parts).status is status


@pytest.mark.parametrize(
    ("values", "others", "both"),
    [
        (
            {"counts": StatusCounts(total=3, failed=1)},
            {"counts": StatusCounts(total=4, failed=None)},
            {"counts": StatusCounts(total=7)},
        ),
        (
            {"created": NOW, "started": NOW},
            {"created": NOW + timedelta(1), "started": None},
            {"created": NOW, "started": NOW},
        ),
        ({"ended": NOW}, {"ended": NOW + timedelta(1)}, {"ended": NOW + timedelta(1)}),
        ({"ended": NOW}, {"ended": None}, {"ended": None}),
        (
            {"targets": Targets(devices=("b",), model="M")},
            {"targets": Targets(devices=("a",), model="M")},
            {"targets": Targets(devices=("a", "b"), model="M")},
        ),
    ],
)
def test_a_batch_has_what_its_tasks_have_together(
    values: dict[str, Any], others: dict[str, Any], both: dict[str, Any]
) -> None:
    """What one of them does not tell is unknown of all."""
    batch = merged(
        "batch",
        [make_task("1", SUCCEEDED, **values), make_task("2", SUCCEEDED, **others)],
    )
    assert {name: getattr(batch, name) for name in both} == both


def test_an_active_task_leaves_its_batch_without_an_end() -> None:
    """However many have ended."""
    parts = [make_task("1", SUCCEEDED), make_task("2", PROCESSING, ended=None)]
    assert merged("batch", parts).ended is None


def test_tasks_without_a_batch_stay_as_they_are() -> None:
    """Those of one are replaced by it; one that is not there any more is left out."""
    tasks = {name: make_task(name) for name in ("one", "two", "three")}
    batches = {"two": "x", "three": "x", "gone": "x", "other": "y"}
    units = as_units(tasks, batches)
    assert set(units) == {"one", "batch_x"}
    assert units["one"] is tasks["one"]
    assert units["batch_x"].counts.total == 16
    assert members(batches) == {
        "batch_x": ["two", "three", "gone"],
        "batch_y": ["other"],
    }
    assert as_units(tasks, {}) is tasks
