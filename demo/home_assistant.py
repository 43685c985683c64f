"""Home Assistant: its configuration folder and its process."""

from http import HTTPStatus
import json
import os
from pathlib import Path
import shutil
import sys
from typing import Literal
import zoneinfo

import aiohttp

from .ports import LOOPBACK
from .process import ChildProcess

RESTART_EXIT_CODE = 100
"""With this Home Assistant asks to be started again."""

INTEGRATION = Path(__file__).parents[1] / "custom_components" / "fleet_upgrade"
BLUEPRINTS = Path(__file__).parents[1] / "blueprints"
CONFIGURATION = Path(__file__).parent / "config"
KEPT = "automations.yaml"
"""Copied only once, since Home Assistant's automation editor writes to it."""


class HomeAssistant:
    """A Home Assistant of our own that listens on loopback only."""

    def __init__(
        self, folder: Path, port: int, *, python: str | Path = sys.executable
    ) -> None:
        """Use a folder for everything that it writes; ``python`` has it installed."""
        self.url = f"http://{LOOPBACK}:{port}"
        self._python = python
        self._folder = folder
        self._port = port
        self._process: ChildProcess | None = None

    def prepare(self) -> None:
        """Write the configuration; keep what Home Assistant itself has stored."""
        self._folder.mkdir(exist_ok=True)
        for file in CONFIGURATION.iterdir():
            target = self._folder / file.name
            if file.name != KEPT or not target.exists():
                shutil.copyfile(file, target)
        shutil.copytree(BLUEPRINTS, self._folder / BLUEPRINTS.name, dirs_exist_ok=True)
        self._link_integration()
        # Uploads go to a folder of a fixed name in the temporary folder, which each
        # Home Assistant that starts takes over from the one that runs.
        self._temporary.mkdir(exist_ok=True)
        # In YAML these would be a trial that ends after five minutes.
        self._store("http", 1, {"server_host": [LOOPBACK], "server_port": self._port})
        # Home Assistant's HTTP client listens for multicasts, which a machine without
        # a network cannot do on any adapter that is chosen for it.
        self._store("core.network", 1, {"configured_adapters": ["lo", "lo0"]})
        if not self._storage("onboarding").exists():
            # Only the user is left to do; the other steps set up integrations that
            # want the internet.
            done = ["analytics", "core_config", "integration"]
            self._store("onboarding", 4, {"done": done})
            first_page = {"default_panel": "fleet-upgrades"}
            self._store("frontend.system_data", 1, {"core": first_page})

    async def start(self) -> None:
        """Start the process and wait until it answers."""
        self._process = await ChildProcess.start(
            "Home Assistant",
            [
                *(self._python, "-m", "homeassistant", "--skip-pip"),
                *("--log-no-color", "--config", self._folder),
            ],
            log=self._folder / "console.log",
            folder=self._folder,
            environment={
                "DEMO_TIME_ZONE": local_time_zone(),
                "TMPDIR": str(self._temporary),
            },
        )
        async with aiohttp.ClientSession(self.url) as http:

            async def answers() -> Literal[True] | None:
                try:
                    async with http.get("/manifest.json") as response:
                        return True if response.status == HTTPStatus.OK else None
                except aiohttp.ClientError:
                    return None

            await self._process.until(answers)

    async def run(self) -> None:
        """Wait for its end, which is an error, or start it again if it asks for that."""
        while self._process:
            await self._process.run(again=RESTART_EXIT_CODE)
            await self.start()

    async def stop(self) -> None:
        """End the process."""
        if self._process:
            await self._process.stop()

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return self._process.output if self._process else ""

    @property
    def _temporary(self) -> Path:
        return self._folder / "tmp"

    def _link_integration(self) -> None:
        link = self._folder / "custom_components" / INTEGRATION.name
        link.parent.mkdir(exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(INTEGRATION)

    def _storage(self, key: str) -> Path:
        return self._folder / ".storage" / key

    def _store(self, key: str, version: int, data: dict[str, object]) -> None:
        path = self._storage(key)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.write_text(
            json.dumps({"version": version, "key": key, "data": data}), encoding="utf-8"
        )


def local_time_zone() -> str:
    """Return the name of this machine's time zone, so that all clocks agree."""
    _, _, name = os.path.realpath("/etc/localtime").partition("/zoneinfo/")
    known = zoneinfo.available_timezones()
    return next((zone for zone in (os.getenv("TZ"), name) if zone in known), "UTC")
