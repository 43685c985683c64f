"""Measure, and write what came out into the documentation: see ``--help``."""

import argparse
from collections.abc import Iterator
from pathlib import Path
import time

from . import drawing, events, month, polls, report
from .alone import alone
from .enos import Enos
from .oceanconnect import OceanConnect
from .platform import SIZES, Platform, running

ROOT = Path(__file__).parents[1]


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
    began = time.monotonic()
    sizes = SIZES[:2] if quick else SIZES
    with running(OceanConnect) as oceanconnect, running(Enos) as enos:
        results = report.Results(
            polls=[
                found
                for platform in (oceanconnect, enos)
                for found in _polls(platform, sizes)
            ],
            delays=alone(events.measure, oceanconnect, 5 if quick else 50),
            month=alone(month.measure, oceanconnect, 1 if quick else 30),
            minutes=(time.monotonic() - began) / 60,
        )
    if quick:
        print(report.as_markdown(results))
        return
    (ROOT / "docs" / "benchmarks.md").write_text(report.as_markdown(results))
    (ROOT / "docs" / "images" / "benchmarks.svg").write_text(
        drawing.as_svg(results.polls)
    )


def _polls(platform: Platform, sizes: tuple[int, ...]) -> Iterator[polls.Polls]:
    for targets in platform.targets:
        for size in sizes:
            if size <= targets.most:
                yield alone(polls.measure, platform, size, targets.key)


if __name__ == "__main__":
    main()
