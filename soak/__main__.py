"""Soak a real Home Assistant; see ``script/soak --help``."""

import argparse
import asyncio
import os
from pathlib import Path
import sys
import time
from typing import Any

from demo.errors import DemoError
from demo.folder import demo_folder
from demo.ports import free_port

from .figures import Figures
from .home_assistant import SoakedHomeAssistant
from .platforms import SoakEnos, SoakOceanConnect, SoakPlatform
from .soak import Soak

ALLOCATOR = {
    "PYTHONMALLOC": "malloc",
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "131072",
}
"""Has glibc count each object, and give large blocks back at once."""

DEFAULT_FOLDER = Path(__file__).parents[1] / ".soak"


def main() -> int:
    """Soak, say how it was, and return 0 if all goals held."""
    parser = argparse.ArgumentParser(
        prog="script/soak",
        description="Run a real Home Assistant with both simulated platforms at high"
        " speed, with faults on, and see that nothing grows. The exit code is 0 only"
        " if nothing did.",
    )
    parser.add_argument(
        "--minutes", type=float, default=10.0, help="how long (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=int(time.time()) % 10_000)
    options = parser.parse_args()
    sys.stdout.write(f"soak: {options.minutes:g} minutes, seed {options.seed}\n")
    try:
        with demo_folder(DEFAULT_FOLDER, fresh=True):
            figures = asyncio.run(soak(DEFAULT_FOLDER, options.minutes, options.seed))
    except DemoError as err:
        sys.stderr.write(f"soak: {err}\n")
        return 1
    sys.stdout.write(f"{figures.table()}\n")
    for each in figures.missed():
        sys.stdout.write(f"soak: missed: {each}\n")
    return 1 if figures.missed() else 0


async def soak(folder: Path, minutes: float, seed: int) -> Figures:
    """Start everything, soak, and end everything."""
    os.environ.update(ALLOCATOR)
    tls = folder / "tls"
    tls.mkdir()
    home_assistant = SoakedHomeAssistant(folder / "home-assistant", free_port())
    platforms: list[SoakPlatform[Any]] = []
    try:
        platforms.append(SoakOceanConnect(tls, seed))
        platforms.append(SoakEnos(seed))
        home_assistant.prepare()
        await home_assistant.start()
        return await Soak(home_assistant, platforms, seed).run(60 * minutes)
    finally:
        await home_assistant.stop()
        for platform in platforms:
            platform.stop()


if __name__ == "__main__":
    sys.exit(main())
