"""Run a simulated platform: `python -m simulator oceanconnect --help`, or `enos`."""

from collections.abc import Sequence
import signal
import sys

from .command_line import CommandError, Parser
from .enos import command as enos
from .oceanconnect import command as oceanconnect

_PLATFORMS = (oceanconnect, enos)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the platform that the arguments name; return the exit code."""
    # Also while certificates are made, which takes a moment: to end is no error.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))
    parser = Parser(prog="simulator", description="Run a simulated platform.")
    platforms = parser.add_subparsers(metavar="PLATFORM", required=True)
    for platform in _PLATFORMS:
        sub = platforms.add_parser(
            platform.NAME, help=platform.SUMMARY, description=platform.SUMMARY
        )
        platform.add_options(sub)
        sub.set_defaults(main=platform.main)
    options = parser.parse_args(arguments)
    try:
        options.main(options, lambda url: print(f"ready {url}", flush=True))
    except CommandError as err:
        print(f"simulator: {err}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
