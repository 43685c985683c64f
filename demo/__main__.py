"""Run the demo until Ctrl-C; see ``script/demo --help``."""

import argparse
import asyncio
from pathlib import Path
import sys

from .demo import Demo
from .errors import DemoError
from .folder import demo_folder
from .home_assistant import HomeAssistant
from .platforms import PLATFORMS, Simulator
from .ports import require_free

DEFAULT_FOLDER = Path(__file__).parents[1] / ".demo"


def main() -> int:
    """Run the demo; return its exit code."""
    options = parse_arguments()
    try:
        require_free(options.port)
        with demo_folder(options.folder, fresh=options.fresh):
            demo = Demo(
                HomeAssistant(options.folder / "home-assistant", options.port),
                [Simulator(each, options.folder / each.key) for each in PLATFORMS],
            )
            asyncio.run(demo.run(options.exit_after))
    except DemoError as err:
        sys.stderr.write(f"demo: {err}\n")
        return 1
    return 0


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="script/demo",
        description="Start a real Home Assistant with Fleet Upgrade, set up for"
        " simulated platforms. Ctrl-C ends it; the next start goes on with what is"
        " there.",
    )
    parser.add_argument(
        "--port", type=port, default=8123, help="Home Assistant's port (%(default)s)"
    )
    parser.add_argument(
        "--fresh", action="store_true", help="delete what is there and start over"
    )
    parser.add_argument(
        "--exit-after",
        type=seconds,
        metavar="SECONDS",
        help="end after this time, with exit code 0 only if Home Assistant was up and"
        " every account and an upgrade task of each had states, and no upgrade plan ended"
        " otherwise than it should",
    )
    parser.add_argument(
        "--folder",
        type=lambda text: Path(text).resolve(),
        default=DEFAULT_FOLDER,
        help="where everything is kept (.demo)",
    )
    return parser.parse_args()


def port(text: str) -> int:
    """Read the number of a port."""
    number = int(text)
    if not 0 < number < 65536:
        raise argparse.ArgumentTypeError("a port is a number from 1 to 65535")
    return number


def seconds(text: str) -> float:
    """Read a time to wait."""
    number = float(text)
    if not number > 0:
        raise argparse.ArgumentTypeError("a time is more than 0 seconds")
    return number


if __name__ == "__main__":
    sys.exit(main())
