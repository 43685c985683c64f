"""What was to be reached, and whether it was."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from .polls import Polls
from .words import milliseconds


@dataclass(frozen=True, slots=True)
class Goal:
    """Something that was to be at most so much."""

    text: str
    found: float
    wanted: float
    say: Callable[[float], str]

    @property
    def verdict(self) -> str:
        """Whether it was reached, or by how much it was missed."""
        if self.found <= self.wanted:
            return "reached"
        if not self.wanted:
            return "missed"
        return f"missed by {self.found / self.wanted - 1:.0%}"


def goals(polls: Sequence[Polls]) -> Iterator[Goal]:
    """Yield what there was to reach."""
    for each in polls:
        yield from _goals_of(each)
    count = "{:.0f}".format
    yield Goal(
        "State writes, and rows, of polls that find nothing",
        sum(each.quiet_writes + each.quiet_rows for each in polls),
        0,
        count,
    )
    yield Goal(
        "State writes to other tasks when a device of one moves on",
        sum(each.other_writes for each in polls),
        0,
        count,
    )


def _goals_of(polls: Polls) -> Iterator[Goal]:
    """Yield what there is to reach at some number of tasks."""
    at = f"{polls.platform}, {polls.tasks:,} tasks for {polls.targets}"
    ratio = "{:.2f}".format
    if polls.tasks < 1000:
        return
    yield Goal(
        f"Calls of a poll, of those of one by one; {at}",
        polls.calls / polls.calls_one_by_one,
        1 / 50,
        _part,
    )
    yield Goal(
        f"Processor time of a poll, of the floor's; {at}",
        polls.ours.cpu / polls.floor.cpu,
        1,
        ratio,
    )
    yield Goal(
        f"After the pages of a poll that finds nothing, for 1,000 tasks; {at}",
        polls.after * 1000 / polls.tasks,
        0.001,
        milliseconds,
    )
    if polls.tasks < 10_000:
        return
    yield Goal(f"Longest stall; {at}", polls.stall, 0.005, milliseconds)
    yield Goal(
        f"Set-up, of its pages; {at}",
        polls.setup.wall / polls.setup_pages.wall,
        1.3,
        ratio,
    )


def _part(value: float) -> str:
    """Say a part as one of so many."""
    return f"1/{1 / value:.0f}" if value <= 0.1 else f"1/{1 / value:.1f}"
