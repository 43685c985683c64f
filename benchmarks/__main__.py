"""Measure, and write what came out into the documentation: see ``--help``."""

import argparse
from pathlib import Path

from . import events, month, polls, report
from .alone import alone
from .platform import TARGETS, running

ROOT = Path(__file__).parents[1]
SIZES = (10, 100, 1000, 10_000)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="script/benchmark",
        description="Measure polls, set-up, delays and a month, each beside what does "
        "the same with less, and write docs/benchmarks.md.",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="measure little, and print it instead of writing it down",
    )
    quick = parser.parse_args().quick
    sizes = SIZES[:2] if quick else SIZES
    with running() as platform:
        results = report.Results(
            polls=[
                alone(polls.measure, platform, size, targets)
                for targets in TARGETS
                for size in sizes
            ],
            delays=alone(events.measure, platform, 5 if quick else 50),
            month=alone(month.measure, platform, 1 if quick else 30),
        )
    if quick:
        print(report.as_markdown(results))
        return
    (ROOT / "docs" / "benchmarks.md").write_text(report.as_markdown(results))
    (ROOT / "docs" / "images" / "benchmarks.svg").write_text(report.as_svg(results))


if __name__ == "__main__":
    main()
