"""What was measured as a page of the documentation, and as a drawing."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import log10
from typing import Any

from .events import Delays
from .month import Month
from .platform import TARGETS
from .polls import Polls

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """All that was measured in one run."""

    polls: list[Polls]
    delays: Delays
    month: Month

    def of(self, targets: str) -> list[Polls]:
        """Return the polls of tasks with such targets, the fewest tasks first."""
        return [each for each in self.polls if each.targets == targets]


PAGE = """\
# Benchmarks

`script/benchmark` measures all of this and writes this page; it takes about ten minutes. `script/benchmark --quick` prints a small
one. Each figure is a ratio of two things that were measured in the same run, one by turns with the other, as machines differ and
are never quiet; nothing here is a test that could fail on a slow one.

The simulated OceanConnect runs in a process of its own, without its limit of calls, over TLS. One in ten tasks is active. Tasks are
for a device group (a page of 100 is about 60 kB) or for 256 devices by name (about 1 MB).

- **Fleet Upgrade**: a poll of an account in Home Assistant, from the first call to the last entity.
- **The floor**: the same pages with bare `aiohttp` and `orjson.loads`, and nothing done with them.
- **One by one**: one call for each task after the other with `requests`, as the platforms' own examples do.

![Processor time of a poll](images/benchmarks.svg)

## Goals

{goals}

## A poll

### Tasks for a device group

{group}

### Tasks for 256 devices

{devices}

Processor time counts all threads. A stall is the longest that one callback kept the event loop busy, in processor time and in the
median of nine polls. Memory is the most that was allocated in between, beyond what was there before.

## A poll that finds nothing, and one that finds one device moved on

{quiet}

"After the pages" is the processor time from the last page on: comparing, warnings, entities, the store. Writes are states handed to
Home Assistant; those that are equal to what was there make no row.

## Set-up of an account

{setup}

The pages are those that the set-up itself read. The largest account has {entities} entities.

## From a device's result to the event

{delays}

Push: one result after a quiet minute; of what comes in a row, more is gathered before the next poll. Polling: measured with a poll
each second, and given for one each minute.

## Thirty days

{month}

## What was slow, and why

Profiles (`py-spy record`) of polls with 1,000 and 10,000 tasks said:

| What took the time | Why | What was done | Then |
|---|---|---|---|
| Taking pages apart and making values of them: half of a poll | Nine of ten rows are those of the poll before | A row that came before, byte for byte, is not read again (`KnownRows`) | A page that is known takes a third of what reading it takes, and half of what `orjson` takes |
| What follows the pages: 31 ms with 1,900 known tasks for 256 devices each | Each task was compared device by device, sorted twice, and looked at for warnings and for being over | Known rows are known objects; tasks that are over are passed over; a task cannot have stalled before its hours have passed | 4 ms |
| Counting the values of an answer before it is read: 0.8 ms for 1 MB | It was done for any answer that could hold too many | Only for those twice as large | 0 |
| Waking listeners, 0.16 ms a poll | Each of an account's 500 was looked up before it was known to be meant | Those that are meant are picked first | 0.03 ms |
| Entities that are woken when one device moves on: 22 | All of the task and of the account were written, though most show what they showed | What shows the same is not handed to Home Assistant | Those that changed |

What is left beyond TLS and HTTP, which the floor has as well: a tenth of a millisecond for each call (its turn in the call budget, the
limit of its size, the platform's clock), and a third of one for each 1,000 known tasks (is it over, is it in trouble). Where pages are
small, that is more than what is saved in reading them; where they are large, it is less. A set-up is longer than its pages because
Home Assistant takes a third of a millisecond for each entity, and an account of 50 or more tasks has some six hundred.
"""


def as_markdown(results: Results) -> str:
    """Return the page."""
    last = results.polls[-1]
    return PAGE.format(
        goals=_goals(results),
        group=_polls(results.of("group")),
        devices=_polls(results.of("devices")),
        quiet=_quiet(results.polls),
        setup=_setup(results.polls),
        entities=f"{last.entities:,}",
        delays=_delays(results.delays),
        month=_month(results.month),
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _times(one: float, two: float) -> str:
    return f"{one / two:.2f}" if two else "-"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


@dataclass(frozen=True, slots=True)
class _Goal:
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


def _goals(results: Results) -> str:
    """Say of each goal whether it was reached."""
    return _table(
        ["Goal: at most", "Wanted", "Measured", ""],
        (
            [goal.text, goal.say(goal.wanted), goal.say(goal.found), goal.verdict]
            for goal in (
                *(goal for each in results.polls for goal in _goals_of(each)),
                _Goal(
                    "State writes, and rows, of polls that find nothing",
                    sum(each.quiet_writes + each.quiet_rows for each in results.polls),
                    0,
                    "{:.0f}".format,
                ),
                _Goal(
                    "State writes to other tasks when a device of one moves on",
                    sum(each.other_writes for each in results.polls),
                    0,
                    "{:.0f}".format,
                ),
            )
        ),
    )


def _goals_of(polls: Polls) -> Iterator[_Goal]:
    """Yield what there is to reach at some number of tasks."""
    at = f"{polls.tasks:,} tasks for {_targets(polls)}"
    ratio = "{:.2f}".format
    if polls.tasks < 1000:
        return
    yield _Goal(
        f"Calls of a poll, of those of one by one; {at}",
        polls.calls / polls.calls_one_by_one,
        1 / 50,
        lambda value: f"1/{1 / value:.0f}",
    )
    yield _Goal(
        f"Processor time of a poll, of the floor's; {at}",
        polls.ours.cpu / polls.floor.cpu,
        1,
        ratio,
    )
    yield _Goal(
        f"After the pages of a poll that finds nothing, for 1,000 tasks; {at}",
        polls.after * 1000 / polls.tasks,
        0.001,
        _ms,
    )
    if polls.tasks < 10_000:
        return
    yield _Goal(f"Longest stall; {at}", polls.stall, 0.005, _ms)
    yield _Goal(
        f"Set-up, of its pages; {at}",
        polls.setup.wall / polls.setup_pages.wall,
        1.3,
        ratio,
    )


def _polls(polls: Sequence[Polls]) -> str:
    return _table(
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
                _times(each.ours.cpu, each.floor.cpu),
                _times(each.ours.wall, each.floor.wall),
                f"{each.ours.cpu / each.one_by_one.cpu:.4f}",
                _ms(each.stall),
                _ms(each.floor_stall),
                _times(each.peak, each.floor_peak),
            ]
            for each in polls
        ),
    )


def _quiet(polls: Sequence[Polls]) -> str:
    return _table(
        [
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
                f"{each.tasks:,}",
                _targets(each),
                f"{each.known:,}",
                _ms(each.after),
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
    return _table(
        ["Tasks", "For", "Set-up / its pages", "First poll / its pages"],
        (
            [
                f"{each.tasks:,}",
                _targets(each),
                _times(each.setup.wall, each.setup_pages.wall),
                _times(each.first_poll, each.setup_pages.wall),
            ]
            for each in polls
        ),
    )


def _targets(polls: Polls) -> str:
    return (
        "a group" if polls.targets == "group" else f"{TARGETS[polls.targets]} devices"
    )


def _delays(delays: Delays) -> str:
    return _table(
        ["", "Median", "99th percentile"],
        [
            ["Push", f"{delays.pushed:.1f} s", f"{delays.pushed_worst:.1f} s"],
            ["Polling", f"{delays.polled:.0f} s", f"{delays.polled_worst:.0f} s"],
            [
                "Push / polling",
                _times(delays.pushed, delays.polled),
                _times(delays.pushed_worst, delays.polled_worst),
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
            _times(month.late_memory, month.early_memory),
        ),
    ]
    return _table(["", ""], rows)


# The drawing

WIDTH, HEIGHT, LEFT, BOTTOM = 760, 380, 70, 330
LINES: dict[str, tuple[str, Callable[[Polls], float]]] = {
    "one by one": ("#c0392b", lambda each: each.one_by_one.cpu),
    "the floor": ("#7f8c8d", lambda each: each.floor.cpu),
    "Fleet Upgrade": ("#1f77b4", lambda each: each.ours.cpu),
}


def as_svg(results: Results) -> str:
    """Draw processor time by number of tasks, both in powers of ten."""
    polls = results.of("devices")
    low, high = -3, 2
    first, last = log10(polls[0].tasks), log10(polls[-1].tasks)

    def x(tasks: float) -> float:
        return LEFT + (log10(tasks) - first) / (last - first) * (WIDTH - LEFT - 130)

    def y(seconds: float) -> float:
        return BOTTOM - (log10(seconds) - low) / (high - low) * (BOTTOM - 40)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="13" role="img">',
        "<title>Processor time of a poll by number of tasks</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="22">Processor time of a poll, tasks for 256 devices</text>',
    ]
    for power in range(low, high + 1):
        at = y(10.0**power)
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - 130}" y1="{at:.0f}" y2="{at:.0f}" '
            'stroke="#ddd"/>'
            f'<text x="{LEFT - 8}" y="{at + 4:.0f}" text-anchor="end">'
            f"{_power(power)}</text>"
        )
    parts += [
        f'<text x="{x(each.tasks):.0f}" y="{BOTTOM + 22}" text-anchor="middle">'
        f"{each.tasks:,}</text>"
        for each in polls
    ]
    for name, (colour, value) in LINES.items():
        points = [(x(each.tasks), y(value(each))) for each in polls]
        path = " ".join(f"{one:.0f},{two:.0f}" for one, two in points)
        end_x, end_y = points[-1]
        shift = 16 if name == "Fleet Upgrade" else 0
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" '
            'stroke-width="2.5"/>'
            f'<text x="{end_x + 8:.0f}" y="{end_y + 4 + shift:.0f}" fill="{colour}">'
            f"{name}</text>"
        )
    parts.append(
        f'<text x="{(LEFT + WIDTH - 130) / 2:.0f}" y="{BOTTOM + 42}" '
        'text-anchor="middle">tasks in the account</text></svg>\n'
    )
    return "\n".join(parts)


def _power(power: int) -> str:
    return f"{10**power:,} s" if power >= 0 else f"{10 ** (power + 3):,} ms"
