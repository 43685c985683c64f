"""The page about how fast it is, made of what was measured; nothing is timed here."""

from pathlib import Path
import re
from xml.etree import ElementTree as ET

import pytest

from benchmarks.drawing import as_svg
from benchmarks.enos import Enos
from benchmarks.events import Delays
from benchmarks.measure import Took
from benchmarks.month import Month
from benchmarks.oceanconnect import OceanConnect
from benchmarks.platform import SIZES, Platform, running
from benchmarks.polls import Polls
from benchmarks.report import Results, as_markdown

DOCS = Path(__file__).parents[1] / "docs"


def polls(platform: str, tasks: int, targets: str, **other: float | Took) -> Polls:
    """Return what might have been measured."""
    values: dict[str, float | Took] = {
        "bytes": 1024 * 1024,
        "calls": 3,
        "calls_one_by_one": tasks,
        "active": tasks // 10,
        "ours": Took(wall=0.02, cpu=0.01),
        "floor": Took(wall=0.02, cpu=0.02),
        "one_by_one": Took(wall=tasks / 500, cpu=tasks / 1000),
        "stall": 0.004,
        "floor_stall": 0.005,
        "peak": 50,
        "floor_peak": 100,
        "known": tasks,
        "after": 0.001,
        "quiet_writes": 0,
        "quiet_rows": 0,
        "account_writes": 2,
        "task_writes": 3,
        "other_writes": 0,
        "setup": Took(wall=1.2, cpu=1),
        "setup_pages": Took(wall=1, cpu=1),
        "first_poll": 0.5,
        "entities": 619,
    }
    return Polls(
        platform=platform,
        tasks=tasks,
        targets=targets,
        **(values | other),  # type: ignore[arg-type]
    )


def results(**other: float | Took) -> Results:
    """Return a whole run."""
    return Results(
        polls=[
            polls(platform, tasks, targets, **other)
            for platform in ("OceanConnect", "EnOS")
            for targets in ("a group", "256 devices")
            for tasks in SIZES
        ],
        delays=Delays(
            samples=50, polled=30, polled_worst=60, pushed=0.6, pushed_worst=0.9
        ),
        month=Month(
            days=30,
            upgrades=90,
            polls=20_000,
            calls=60_000,
            rows=5_000,
            rows_at_most=500_000,
            bytes=1024 * 1024,
            early_memory=200,
            late_memory=201,
        ),
        minutes=7.4,
    )


def test_each_goal_is_told_with_what_was_measured() -> None:
    """Reached here."""
    page = as_markdown(results())
    goals = page.partition("## Goals")[2].partition("## A poll")[0]
    assert goals.count("| reached |") == goals.count("\n| ") - 2
    assert "| 1/50 | 1/333 | reached |" in goals
    assert "1/3333" in goals


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"calls": 40}, "| 1/50 | 1/25 | missed by 100% |"),
        ({"ours": Took(wall=1, cpu=0.03)}, "| 1.00 | 1.50 | missed by 50% |"),
        ({"stall": 0.006}, "| 5.0 ms | 6.0 ms | missed by 20% |"),
        ({"quiet_rows": 1}, "| 0 | 16 | missed |"),
        ({"setup": Took(wall=2.6, cpu=1)}, "| 1.30 | 2.60 | missed by 100% |"),
    ],
)
def test_a_goal_that_was_missed_is_told_with_by_how_much(
    other: dict[str, float | Took], told: str
) -> None:
    """Nothing is left out."""
    assert told in as_markdown(results(**other))


def test_each_table_is_whole() -> None:
    """With as many cells in each row as in its head."""
    tables = re.findall(r"(?:^\|.*\n)+", as_markdown(results()), re.MULTILINE)
    assert len(tables) == 10
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1


def test_the_drawing_has_a_line_for_each() -> None:
    """Which says what it is, in a panel for each kind of tasks."""
    drawing = ET.fromstring(as_svg(results().polls))  # noqa: S314
    name = "{http://www.w3.org/2000/svg}"
    assert len(list(drawing.iter(f"{name}polyline"))) == 4 * 3
    texts = {each.text for each in drawing.iter(f"{name}text")}
    assert {"one by one", "the floor", "Fleet Upgrade", "10,000"} <= texts


def test_the_documentation_is_a_page_of_this_kind() -> None:
    """Written by the script, not by hand; what was measured has headings below."""

    def headings(page: str) -> list[str]:
        return re.findall(r"^##? .*", page, re.MULTILINE)

    page = (DOCS / "benchmarks.md").read_text()
    assert headings(page) == headings(as_markdown(results()))
    ET.parse(DOCS / "images" / "benchmarks.svg")  # noqa: S314


def test_it_is_told_how_long_the_page_took() -> None:
    """All of it."""
    assert "this page, which took 7 minutes." in as_markdown(results())


@pytest.mark.parametrize("platform_type", [OceanConnect, Enos])
def test_a_platform_has_as_many_tasks_as_wanted(platform_type: type[Platform]) -> None:
    """In a process of its own; one in ten is active."""
    with running(platform_type) as platform:
        for targets in platform.targets:
            platform.fill(20, targets.key)
            task_ids = platform.task_ids()
            assert len(task_ids) == 20
            assert platform.change() in task_ids
            assert platform.count() == 0
