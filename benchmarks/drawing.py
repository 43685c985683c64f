"""What was measured as a drawing."""

from collections.abc import Callable, Sequence
from itertools import groupby
from math import log10

from .platform import SIZES
from .polls import Polls

WIDTH, HEIGHT, LEFT, BOTTOM = 760, 380, 70, 330
LINES: dict[str, tuple[str, Callable[[Polls], float]]] = {
    "one by one": ("#c0392b", lambda each: each.one_by_one.cpu),
    "the floor": ("#7f8c8d", lambda each: each.floor.cpu),
    "Fleet Upgrade": ("#1f77b4", lambda each: each.ours.cpu),
}


def as_svg(polls: Sequence[Polls]) -> str:
    """Draw processor time by number of tasks, a panel for each kind of tasks."""
    kinds = [list(kind) for _, kind in groupby(polls, lambda each: each.kind)]
    panels = [
        f'<g transform="translate(0 {number * HEIGHT})">{_panel(kind)}</g>'
        for number, kind in enumerate(kinds)
    ]
    height = HEIGHT * len(panels)
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            'font-family="sans-serif" font-size="13" role="img">',
            "<title>Processor time of a poll by number of tasks</title>",
            f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
            *panels,
            "</svg>\n",
        )
    )


def _panel(polls: list[Polls]) -> str:
    """Draw both axes in powers of ten."""
    low, high = -3, 2
    first, last = log10(SIZES[0]), log10(SIZES[-1])

    def x(tasks: float) -> float:
        return LEFT + (log10(tasks) - first) / (last - first) * (WIDTH - LEFT - 130)

    def y(seconds: float) -> float:
        return BOTTOM - (log10(seconds) - low) / (high - low) * (BOTTOM - 40)

    parts = [
        f'<text x="{LEFT}" y="22">Processor time of a poll, {polls[0].kind}</text>',
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
        'text-anchor="middle">tasks in the account</text>'
    )
    return "\n".join(parts)


def _power(power: int) -> str:
    return f"{10**power:,} s" if power >= 0 else f"{10 ** (power + 3):,} ms"
