"""The simulated platforms, and what an account on them is set up with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
import re
import sys
from typing import Any, Literal

from .ports import LOOPBACK, is_free
from .process import ChildProcess

SPEED = 6
"""How much faster than real ones the devices take their steps."""

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, kw_only=True)
class DemoPlan:
    """An upgrade plan of waves, each a device group.

    Attributes:
        name: its name.
        package: the ID of what is installed.
        groups: the names of the device groups, in the order of their waves.
        end: the state in which it ends.
        last_wave: the wave that it comes to.
        more: what else its form asks for.

    """

    name: str
    package: str
    groups: tuple[str, ...]
    end: Literal["finished", "stopped"]
    last_wave: int
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, Any]:
        """What its form asks for."""
        return {
            **self.more,
            "name": self.name,
            "waves": "groups",
            "package": self.package,
            "device_groups": list(self.groups),
            "wave_groups": "\n".join(self.groups),
            "wanted_share": 95,
            "minimum": 1,
            "soak_minutes": 0,
            "needs_approval": False,
        }


@dataclass(frozen=True, kw_only=True)
class DemoPlatform:
    """One platform of the demo.

    Attributes:
        key: names it in the simulator's command line and in the set-up form.
        name: its own name.
        account: the name that its account is given.
        scheme: ``https`` or ``http``.
        options: further options of the simulator.
        address: what the set-up form calls the place of a port on loopback.
        values: what else it asks for.
        files: the files that it asks for, by the names the simulator gives them.
        pushes: whether it can push to Home Assistant, if it is given the address.
        plan: its upgrade plan, of groups that nothing else upgrades.

    """

    key: str
    name: str
    account: str
    scheme: Literal["https", "http"]
    options: tuple[str, ...]
    address: Callable[[int], Mapping[str, str | int]]
    values: Mapping[str, str]
    files: Mapping[str, str] = field(default_factory=dict)
    pushes: bool = False
    plan: DemoPlan


_ENOS_KEYS = {
    "access_key": "0d5e7a90-de30-4f11-9c2b-6e8a41f3b7d2",
    "secret_key": "7b41c6f8-5ec3-4e7a-8d90-2a5f1c3e9b64",
    "org_id": "demo",
}

# The automations name packages and device groups that these seeds give.
PLATFORMS = (
    DemoPlatform(
        key="oceanconnect",
        name="OceanConnect",
        account="OceanConnect demo",
        scheme="https",
        options=(
            *("--app-id", "demo", "--secret", "demo-secret"),
            *("--seed", "0", "--groups", "12"),
        ),
        address=lambda port: {"host": LOOPBACK, "port": port},
        values={"app_id": "demo", "secret": "demo-secret"},
        files={
            "client_certificate": "client.pem",
            "client_key": "client.key",
            "ca": "ca.pem",
        },
        pushes=True,
        # In good health, in bad, and not reached.
        plan=DemoPlan(
            name="Gas meters",
            package="9148624feac1c14f30e9c5cc",
            groups=("OldTown2", "Airport2", "Riverside2"),
            end="stopped",
            last_wave=2,
            more={"action": "create_software_upgrade_task"},
        ),
    ),
    DemoPlatform(
        key="enos",
        name="EnOS",
        account="EnOS demo",
        scheme="http",
        options=(
            *("--access-key", _ENOS_KEYS["access_key"]),
            *("--secret-key", _ENOS_KEYS["secret_key"]),
            *("--org-id", _ENOS_KEYS["org_id"], "--seed", "7"),
            *("--groups", "8", "--devices", "300"),
        ),
        address=lambda port: {"address": f"http://{LOOPBACK}:{port}"},
        values=_ENOS_KEYS,
        plan=DemoPlan(
            name="Inverters",
            package="d3ac94af0f21ddb66cad4a26",
            groups=("North Field 2", "Harbour 2"),
            end="finished",
            last_wave=2,
        ),
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
            **self.platform.address(self.port),
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
        scheme = self.platform.scheme
        tls = ("--tls", self._certificates) if scheme == "https" else ()
        self._process = process = await ChildProcess.start(
            f"the {self.platform.name} simulator",
            [
                *(sys.executable, "-m", "simulator", self.platform.key),
                *("--host", LOOPBACK, "--port", str(self._last_port())),
                *("--speed", str(SPEED), *tls, *self.platform.options),
            ],
            log=self.folder / "simulator.log",
            folder=ROOT,
        )

        async def ready() -> int | None:
            line = re.search(
                rf"^ready {scheme}://\S+:(\d+)\n", process.output, re.MULTILINE
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
