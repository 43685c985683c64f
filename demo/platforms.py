"""The simulated platforms, and what an account on them is set up with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
import re
import sys

from .ports import LOOPBACK, is_free
from .process import ChildProcess

SPEED = 6
"""How much faster than real ones the devices take their steps."""

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, kw_only=True)
class DemoPlatform:
    """One platform of the demo.

    Attributes:
        key: names it in the simulator's command line and in the set-up form.
        name: its own name.
        account: the name that its account is given.
        options: further options of the simulator.
        values: what the set-up form asks for, less host and port.
        files: the files that it asks for, by the names the simulator gives them.

    """

    key: str
    name: str
    account: str
    options: tuple[str, ...]
    values: Mapping[str, str]
    files: Mapping[str, str] = field(default_factory=dict)


PLATFORMS = (
    DemoPlatform(
        key="oceanconnect",
        name="OceanConnect",
        account="OceanConnect demo",
        # The example automations name a package and groups that this seed gives.
        options=("--app-id", "demo", "--secret", "demo-secret", "--seed", "0"),
        values={"app_id": "demo", "secret": "demo-secret"},
        files={
            "client_certificate": "client.pem",
            "client_key": "client.key",
            "ca": "ca.pem",
        },
    ),
)


class Simulator:
    """A simulated platform on loopback, on the same port at each start if it is free."""

    def __init__(self, platform: DemoPlatform, folder: Path) -> None:
        """Keep certificates, log and port in a folder."""
        self.platform = platform
        self.folder = folder
        self.port = 0
        self._process: ChildProcess | None = None

    @property
    def values(self) -> dict[str, str | int]:
        """What the set-up form asks for."""
        return {
            "platform": self.platform.key,
            "host": LOOPBACK,
            "port": self.port,
            **self.platform.values,
        }

    @property
    def files(self) -> dict[str, Path]:
        """The files that the set-up form asks for."""
        return {
            name: self._certificates / file
            for name, file in self.platform.files.items()
        }

    async def start(self) -> None:
        """Start the process and wait until it is ready."""
        self.folder.mkdir(exist_ok=True)
        self._process = process = await ChildProcess.start(
            f"the {self.platform.name} simulator",
            [
                *(sys.executable, "-m", "simulator", self.platform.key),
                *("--host", LOOPBACK, "--port", str(self._last_port())),
                *("--tls", self._certificates, "--speed", str(SPEED)),
                *self.platform.options,
            ],
            log=self.folder / "simulator.log",
            folder=ROOT,
        )

        async def ready() -> int | None:
            line = re.search(
                r"^ready https://\S+:(\d+)\n", process.output, re.MULTILINE
            )
            return int(line[1]) if line else None

        self.port = await process.until(ready)
        self._port_file.write_text(str(self.port), encoding="utf-8")

    async def run(self) -> None:
        """Wait for its end, which is an error."""
        if self._process:
            await self._process.run()

    async def stop(self) -> None:
        """End the process."""
        if self._process:
            await self._process.stop()

    @property
    def _certificates(self) -> Path:
        return self.folder / "tls"

    @property
    def _port_file(self) -> Path:
        return self.folder / "port"

    def _last_port(self) -> int:
        """Return the port of the last start, or 0 for any that is free."""
        try:
            port = int(self._port_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return 0
        return port if is_free(port) else 0
