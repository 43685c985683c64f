"""What differs between deployments in the JSON of tasks and lists."""

from datetime import UTC, datetime
import json
from typing import Any

import pytest

from simulator.oceanconnect import Quirks

from ..northbound import CATEGORY, OPERATIONS, Northbound

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


async def test_the_total_of_the_task_list_may_have_the_java_sdks_name(
    northbound: Northbound,
) -> None:
    """Only that list's."""
    northbound.sim.quirks = Quirks(task_total="totalSize")
    page = (await northbound.get(OPERATIONS)).json
    assert page["totalSize"] == 3
    assert "totalCount" not in page
    assert "totalCount" in (await northbound.get(CATEGORY)).json


async def test_counts_may_be_texts(northbound: Northbound) -> None:
    """All of a task's counters."""
    northbound.sim.quirks = Quirks(counts_as_text=True)
    task = (await northbound.get(OPERATIONS)).json["data"][0]
    assert task["staResult"]["total"].isdigit()
    assert all(isinstance(count, str) for count in task["staResult"].values())


async def test_unset_fields_may_be_absent(northbound: Northbound) -> None:
    """On every floor of an object."""
    task_id = northbound.sim.add_task(status="processing")
    northbound.sim.quirks = Quirks(unset="absent")
    answer = await northbound.get(f"{OPERATIONS}/{task_id}")
    assert b"null" not in answer.body
    assert "stopTime" not in answer.json
    assert "devices" not in answer.json["targets"]


@pytest.mark.parametrize(
    ("shape", "value"),
    [
        ("object", {"fileVersion": "V2.0.0"}),
        ("text", json.dumps({"fileVersion": "V2.0.0"}, separators=(",", ":"))),
        ("null", None),
    ],
)
async def test_extend_para_may_have_other_types(
    northbound: Northbound, shape: Any, value: Any
) -> None:
    """The documents say a JSON string, the Java SDK needs an object."""
    sim = northbound.sim
    sim.quirks = Quirks(extend_para=shape)
    task_id = sim.add_task(package=sim.packages("firmware")[0])
    assert (await northbound.task(task_id))["extendPara"] == value


async def test_timeouts_stand_inside_or_beside_the_failed(
    northbound: Northbound,
) -> None:
    """Beside them, the counters differ from the total by the timeouts."""
    sim = northbound.sim
    task_id = sim.add_task(status="failed")
    sim.set_task(task_id, counts={"success": 4, "fail": 3}, timeouts=2)
    counts = (await northbound.task(task_id))["staResult"]
    assert (counts["total"], counts["fail"], counts["timeout"]) == (7, 3, 2)
    sim.quirks = Quirks(timeouts="beside")
    counts = (await northbound.task(task_id))["staResult"]
    assert (counts["total"], counts["fail"], counts["timeout"]) == (7, 1, 2)
