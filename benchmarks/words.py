"""How figures are written."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def times(one: float, two: float) -> str:
    """Say how many times as much one thing is as another."""
    return f"{one / two:.2f}" if two else "-"


def milliseconds(seconds: float) -> str:
    """Say a time."""
    return f"{seconds * 1000:.1f} ms"
