"""What was measured as a page of the documentation."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from .events import Delays
from .goals import goals
from .month import Month
from .page import PAGE
from .polls import Polls
from .words import milliseconds, table, times

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """All that was measured in one run."""

    polls: list[Polls]
    delays: Delays
    month: Month
    minutes: float
    """How long it took."""


def as_markdown(results: Results) -> str:
    """Return the page."""
    return PAGE.format(
        minutes=f"{results.minutes:.0f}",
        goals=table(
            ["Goal: at most", "Wanted", "Measured", ""],
            (
                [goal.text, goal.say(goal.wanted), goal.say(goal.found), goal.verdict]
                for goal in goals(results.polls)
            ),
        ),
        polls="\n\n".join(
            f"### {kind}\n\n{_polls(list(polls))}"
            for kind, polls in groupby(results.polls, lambda each: each.kind)
        ),
        quiet=_quiet(results.polls),
        setup=_setup(results.polls),
        entities=f"{max(each.entities for each in results.polls):,}",
        delays=_delays(results.delays),
        month=_month(results.month),
    )


def _polls(polls: Sequence[Polls]) -> str:
    return table(
        [
            "Tasks",
            "Calls",
            "One by one",
            "Of the active ones",
            "Read",
            "Processor time / floor",
            "Time / floor",
            "Processor time / one by one",
            "Longest stall",
            "The floor's",
            "Memory / floor",
        ],
        (
            [
                f"{each.tasks:,}",
                f"{each.calls}",
                f"{each.calls_one_by_one:,}",
                f"{each.active:,}",
                f"{each.bytes / MEGABYTE:.2f} MB",
                times(each.ours.cpu, each.floor.cpu),
                times(each.ours.wall, each.floor.wall),
                f"{each.ours.cpu / each.one_by_one.cpu:.4f}",
                milliseconds(each.stall),
                milliseconds(each.floor_stall),
                times(each.peak, each.floor_peak),
            ]
            for each in polls
        ),
    )


def _quiet(polls: Sequence[Polls]) -> str:
    return table(
        [
            "Platform",
            "Tasks",
            "For",
            "Known",
            "After the pages",
            "Of the poll",
            "Writes",
            "Rows",
            "One moved on: its writes",
            "The account's",
            "Others'",
        ],
        (
            [
                each.platform,
                f"{each.tasks:,}",
                each.targets,
                f"{each.known:,}",
                milliseconds(each.after),
                f"{each.after / each.ours.cpu:.0%}",
                f"{each.quiet_writes}",
                f"{each.quiet_rows}",
                f"{each.task_writes}",
                f"{each.account_writes}",
                f"{each.other_writes}",
            ]
            for each in polls
        ),
    )


def _setup(polls: Sequence[Polls]) -> str:
    return table(
        ["Platform", "Tasks", "For", "Set-up / its pages", "First poll / its pages"],
        (
            [
                each.platform,
                f"{each.tasks:,}",
                each.targets,
                times(each.setup.wall, each.setup_pages.wall),
                times(each.first_poll, each.setup_pages.wall),
            ]
            for each in polls
        ),
    )


def _delays(delays: Delays) -> str:
    return table(
        ["", "Median", "99th percentile"],
        [
            ["Push", f"{delays.pushed:.1f} s", f"{delays.pushed_worst:.1f} s"],
            ["Polling", f"{delays.polled:.0f} s", f"{delays.polled_worst:.0f} s"],
            [
                "Push / polling",
                times(delays.pushed, delays.polled),
                times(delays.pushed_worst, delays.polled_worst),
            ],
        ],
    )


def _month(month: Month) -> str:
    rows: list[tuple[str, Any]] = [
        ("Days, upgrades", f"{month.days}, {month.upgrades}"),
        ("Polls", f"{month.polls:,}"),
        ("Calls for each poll", f"{month.calls / month.polls:.2f}"),
        ("Rows of states", f"{month.rows:,}"),
        (
            "Of what it were if each poll wrote each entity",
            f"{month.rows / month.rows_at_most:.2%}",
        ),
        ("Growth of the database", f"{month.bytes / MEGABYTE:.1f} MB"),
        (
            "Memory at the end, of that after a fifth",
            times(month.late_memory, month.early_memory),
        ),
    ]
    return table(["", ""], rows)
