"""The platform that tests start: a server in a thread, and how to script it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
import ssl
import tempfile
from typing import Any, Self

from aiohttp import web

from ..calls import CallLog
from ..clock import ClockControl
from ..faults import FaultControl
from ..running import ServerThread, bind
from ..tls import ServerCertificate, TlsFolder
from . import scripting
from .causes import UPDATE_FAILED
from .delivery import Push
from .model import Device, Group, Package, Task
from .platform import APP_ID, SECRET, Platform, Settings
from .quirks import Quirks
from .server import Simulation


class OceanConnectSimulator:
    """A simulated platform on a free port of the loopback interface.

    Everything here may be used from any thread but the server's own: what touches
    the platform runs in the server's loop, and is done when the method returns.
    """

    def __init__(
        self,
        *,
        app_id: str = APP_ID,
        secret: str = SECRET,
        devices: int = 60,
        groups: int = 4,
        tasks: int = 3,
        speed: float = 0.0,
        seed: int = 1,
        rate_limit: int = 100,
        token_life: float = 3600,
        tls_dir: Path | None = None,
        quirks: Quirks | None = None,
    ) -> None:
        """Prepare a platform; nothing runs before `start`.

        With speed 0 the devices move only when the clock is advanced. Without a
        folder for certificates they are made in a temporary one.
        """
        self._defaults = Settings(
            app_id=app_id,
            secret=secret,
            devices=devices,
            groups=groups,
            tasks=tasks,
            speed=speed,
            seed=seed,
            rate_limit=rate_limit,
            token_life=token_life,
            quirks=quirks or Quirks(),
        )
        self.app_id = app_id
        self.secret = secret
        self.host = "127.0.0.1"
        self.port = 0
        self._tls_dir = tls_dir
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._thread = ServerThread("oceanconnect-simulator")
        self._context: ssl.SSLContext
        self._simulation: Simulation
        self.tls: TlsFolder
        self.clock = ClockControl(
            self.call,
            lambda: self._simulation.clock,
            lambda: self._simulation.settle(),
        )
        self.faults = FaultControl(self.call, lambda: self._simulation.faults)

    # Life

    def start(self) -> Self:
        """Start the server; returns when it accepts connections."""
        folder = self._tls_dir
        if folder is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="oceanconnect-")
            folder = Path(self._temporary.name)
        self.tls = TlsFolder(folder)
        self._context = self.tls.server_context()
        listener = bind(self.host, 0)
        self.port = listener.getsockname()[1]

        async def application() -> web.Application:
            self._simulation = Simulation(self._defaults)
            return self._simulation.application()

        self._thread.start(application, listener, self._context)
        return self

    def stop(self) -> None:
        """Stop the server and its thread; does nothing when it does not run."""
        self._thread.stop()
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        """Stop."""
        self.stop()

    @property
    def url(self) -> str:
        """Return the address."""
        return f"https://{self.host}:{self.port}"

    def call[T](self, function: Callable[[], T]) -> T:
        """Run a function in the server's loop, with all that is due done before."""

        def run() -> T:
            self._simulation.settle()
            return function()

        return self._thread.call(run)

    def reset(self, **overrides: Any) -> None:
        """Start over with a freshly seeded platform.

        Faults, calls, throttle, tokens, clock, quirks and certificate are as at the
        start; the overrides are settings as the constructor takes them, and hold
        until the next reset.
        """
        settings = replace(self._defaults, **overrides)
        self.app_id, self.secret = settings.app_id, settings.secret

        def reset() -> None:
            self._simulation.reset(settings)
            self.tls.present(self._context, "good")

        self._thread.call(reset)

    # What there is

    @property
    def platform(self) -> Platform:
        """Return the state as it is by now: to read, not to keep over a reset."""
        return self.call(lambda: self._simulation.platform)

    @property
    def calls(self) -> CallLog:
        """Return the calls received since the start, the last reset or clear."""
        return self._simulation.calls

    @property
    def pushes(self) -> list[Push]:
        """Return the attempts to deliver notifications, oldest first."""
        return self.call(lambda: list(self._simulation.delivery.log))

    def is_invalid(self, callback_url: str) -> bool:
        """Tell whether an address has failed so often that it is only probed."""
        return self.call(lambda: self._simulation.delivery.is_invalid(callback_url))

    @property
    def quirks(self) -> Quirks:
        """Return how the deployment behaves."""
        return self._simulation.platform.quirks

    @quirks.setter
    def quirks(self, quirks: Quirks) -> None:
        self.call(lambda: setattr(self._simulation.platform, "quirks", quirks))

    def packages(self, kind: str | None = None) -> list[Package]:
        """Return the packages (`software` or `firmware` ones), newest first."""
        packages = [
            package
            for package in self.platform.packages.values()
            if kind in (None, package.kind)
        ]
        return sorted(packages, key=lambda package: -package.uploaded)

    def groups(self) -> list[Group]:
        """Return the device groups."""
        return list(self.platform.groups.values())

    def devices(self, package: Package | None = None) -> list[Device]:
        """Return the devices (those that a package is made for)."""
        return [
            device
            for device in self.platform.devices.values()
            if package is None or device.model == package.model
        ]

    def tasks(self) -> list[Task]:
        """Return the tasks, oldest first."""
        return list(self.platform.tasks.values())

    def task(self, task_id: str) -> Task:
        """Return a task; raises KeyError."""
        return self.platform.tasks[task_id]

    # Tasks, as somebody else makes, ends or deletes them

    def add_task(self, **new: Any) -> str:
        """Make a task, and return its ID; the arguments are those of NewTask."""
        wanted = scripting.NewTask(**new)
        return self.call(lambda: scripting.add_task(self._simulation.platform, wanted))

    def finish_task(
        self,
        task_id: str,
        *,
        failed: Sequence[str] | int = (),
        cause: str = UPDATE_FAILED,
    ) -> None:
        """End a task: its open subtasks succeed, but for the failed devices.

        `failed` names devices, or says how many; the platform does not retry them.
        """
        self.call(
            lambda: scripting.finish_task(
                self._simulation.platform, task_id, failed, cause
            )
        )

    def retry_task(self, task_id: str) -> None:
        """Make a failed task active again, as the platform's own retries do.

        Raises ValueError for a task that has not failed.
        """
        self.call(lambda: self._simulation.platform.engine.retry(self._task(task_id)))

    def stop_task(self, task_id: str) -> None:
        """Stop a task, as the platform's portal can."""
        self.call(lambda: self._simulation.platform.engine.stop(self._task(task_id)))

    def delete_task(self, task_id: str) -> None:
        """Delete a task, as the platform's portal can."""
        self.call(lambda: self._simulation.platform.delete_task(task_id))

    def set_task(self, task_id: str, **fields: Any) -> None:
        """Give a task other values: attributes of Task, `counts` or `timeouts`.

        `counts` maps the words of subtask statuses to numbers; counters set so stand
        until one of the task's subtasks moves.
        """
        self.call(
            lambda: scripting.set_task(self._simulation.platform, task_id, fields)
        )

    def _task(self, task_id: str) -> Task:
        return self._simulation.platform.tasks[task_id]

    # The application, its devices, its network

    def take_token(self) -> str:
        """Let another program sign in with the same application ID."""
        return self.call(
            lambda: str(
                self._simulation.platform.sessions.issue(self.quirks)["accessToken"]
            )
        )

    def drop_token(self) -> None:
        """Let the living token and its refresh token die."""
        self.call(lambda: self._simulation.platform.sessions.drop())

    def expire_token(self) -> None:
        """Let the living token run out before its time; it can be refreshed."""
        self.call(lambda: self._simulation.platform.sessions.expire())

    def freeze_app(self, frozen: bool = True) -> None:
        """Freeze the application (100247), or thaw it."""
        self.call(lambda: setattr(self._simulation.platform.sessions, "frozen", frozen))

    def delete_app(self) -> None:
        """Delete the application on the platform (100203)."""
        self.call(lambda: setattr(self._simulation.platform.sessions, "deleted", True))

    def change_secret(self, secret: str) -> None:
        """Give the application another secret on the platform, until the reset."""
        self.call(lambda: setattr(self._simulation.platform.sessions, "secret", secret))

    def delete_device(self, device_id: str) -> None:
        """Delete a device."""
        self.call(lambda: self._simulation.platform.delete_device(device_id))

    def drop_connections(self) -> None:
        """Close all connections, as servers do with those that idle too long."""
        self._thread.drop_connections()

    def present_certificate(self, certificate: ServerCertificate) -> None:
        """Show this server certificate from the next connection on."""
        self.call(lambda: self.tls.present(self._context, certificate))
