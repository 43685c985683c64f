"""The platform that tests start: a server in a thread, and how to script it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
import ssl
import tempfile
from typing import Any, Literal, Self

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from ..calls import CallLog
from ..clock import ClockControl
from ..faults import FaultControl
from ..running import ServerThread, bind
from ..tls import ServerCertificate, TlsFolder
from . import scripting
from .engine import UPGRADE_FAILED
from .model import (
    AssetTree,
    Device,
    Firmware,
    Group,
    Job,
    JobStatus,
    Product,
    Scope,
    Task,
)
from .platform import ACCESS_KEY, ORG_ID, SECRET_KEY, Platform, Settings
from .quirks import Quirks
from .scope import expand
from .server import Simulation


class EnosSimulator:
    """A simulated platform on a free port of the loopback interface.

    Everything here may be used from any thread but the server's own: what touches
    the platform runs in the server's loop, and is done when the method returns.
    """

    def __init__(
        self,
        *,
        access_key: str = ACCESS_KEY,
        secret_key: str = SECRET_KEY,
        org_id: str = ORG_ID,
        devices: int = 200,
        groups: int = 4,
        jobs: int = 3,
        speed: float = 0.0,
        seed: int = 1,
        rate_limit: int | None = None,
        token_life: float = 7200,
        index_lag: float = 0.0,
        sdk_key: RSAPrivateKey | None = None,
        tls: bool = False,
        tls_dir: Path | None = None,
        quirks: Quirks | None = None,
    ) -> None:
        """Prepare a platform; nothing runs before `start`.

        With speed 0 the devices move only when the clock is advanced. It speaks HTTP
        unless `tls` is wanted; without a folder for the certificates they are made
        in a temporary one.
        """
        self._defaults = Settings(
            access_key=access_key,
            secret_key=secret_key,
            org_id=org_id,
            devices=devices,
            groups=groups,
            jobs=jobs,
            speed=speed,
            seed=seed,
            rate_limit=rate_limit,
            token_life=token_life,
            index_lag=index_lag,
            sdk_key=sdk_key,
            quirks=quirks or Quirks(),
        )
        self.access_key = access_key
        self.secret_key = secret_key
        self.org_id = org_id
        self.host = "127.0.0.1"
        self.port = 0
        self._uses_tls = tls or tls_dir is not None
        self._tls_dir = tls_dir
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._thread = ServerThread("enos-simulator")
        self._context: ssl.SSLContext | None = None
        self._simulation: Simulation
        self.tls: TlsFolder | None = None
        """The certificates, if there are any."""
        self.clock = ClockControl(
            self.call,
            lambda: self._simulation.clock,
            lambda: self._simulation.settle(),
        )
        self.faults = FaultControl(self.call, lambda: self._simulation.faults)

    # Life

    def start(self) -> Self:
        """Start the server; returns when it accepts connections."""
        if self._uses_tls:
            folder = self._tls_dir
            if folder is None:
                self._temporary = tempfile.TemporaryDirectory(prefix="enos-")
                folder = Path(self._temporary.name)
            self.tls = TlsFolder(folder)
            self._context = self.tls.server_context(client_certificates=False)
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
        return f"http{'s' if self._uses_tls else ''}://{self.host}:{self.port}"

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
        self.access_key, self.secret_key = settings.access_key, settings.secret_key
        self.org_id = settings.org_id

        def reset() -> None:
            self._simulation.reset(settings)
            if self.tls is not None and self._context is not None:
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
    def quirks(self) -> Quirks:
        """Return how the deployment behaves."""
        return self._simulation.platform.quirks

    @quirks.setter
    def quirks(self, quirks: Quirks) -> None:
        self.call(lambda: setattr(self._simulation.platform, "quirks", quirks))

    def products(self) -> list[Product]:
        """Return the products."""
        return list(self.platform.products.values())

    def firmware(self, *, verified: bool | None = None) -> list[Firmware]:
        """Return the firmware (that is verified, or is not), newest first."""
        return sorted(
            (
                firmware
                for firmware in self.platform.firmware.values()
                if verified in (None, firmware.is_verified)
            ),
            key=lambda firmware: -firmware.created,
        )

    def groups(self, firmware: Firmware | None = None) -> list[Group]:
        """Return the device groups (with devices for a firmware, most of them first)."""
        groups = list(self.platform.groups.values())
        if firmware is None:
            return groups
        sizes = [len(self.devices(firmware, group)) for group in groups]
        return [
            group
            for size, group in sorted(
                zip(sizes, groups, strict=True), key=lambda pair: -pair[0]
            )
            if size
        ]

    def devices(
        self, firmware: Firmware | None = None, group: Group | None = None
    ) -> list[Device]:
        """Return the devices (that a firmware can be installed on; of a group)."""
        platform = self.platform
        devices = list(platform.devices.values())
        if firmware is not None:
            devices = expand(platform, firmware, Scope())
        return [
            device
            for device in devices
            if group is None or device.asset_id in group.members
        ]

    def trees(self) -> list[AssetTree]:
        """Return the asset trees."""
        return list(self.platform.trees.values())

    def jobs(self) -> list[Job]:
        """Return the jobs, oldest first."""
        return list(self.platform.jobs.values())

    def job(self, job_id: str) -> Job:
        """Return a job; raises KeyError."""
        return self.platform.jobs[job_id]

    def tasks(self, job_id: str) -> list[Task]:
        """Return the OTA tasks of a job as they are, whatever a search finds."""
        return list(self.job(job_id).tasks.values())

    @property
    def is_indexed(self) -> bool:
        """Whether searches find all jobs and OTA tasks, as they are."""
        return self.call(
            lambda: (
                not self._simulation.platform.job_index.is_behind
                and not self._simulation.platform.task_index.is_behind
            )
        )

    # Jobs, as somebody else makes, ends or deletes them

    def add_job(self, **new: Any) -> str:
        """Make a job, and return its ID; the arguments are those of NewJob."""
        wanted = scripting.NewJob(**new)
        return self.call(lambda: scripting.add_job(self._simulation.platform, wanted))

    def finish_job(
        self,
        job_id: str,
        *,
        failed: Sequence[str] | int = (),
        cause: str = UPGRADE_FAILED,
    ) -> None:
        """End a job's OTA tasks: those that are open succeed, but for the failed ones.

        `failed` names device keys, or says how many; the platform does not retry them.
        """
        self.call(
            lambda: scripting.finish_job(
                self._simulation.platform, job_id, failed, cause
            )
        )

    def start_job(self, job_id: str) -> None:
        """Start a stopped job, as the platform's console can."""
        self._set_status(job_id, JobStatus.STARTED)

    def stop_job(self, job_id: str) -> None:
        """Stop a started job, as the platform's console can."""
        self._set_status(job_id, JobStatus.STOPPED)

    def _set_status(self, job_id: str, status: JobStatus) -> None:
        self.call(
            lambda: scripting.set_job_status(self._simulation.platform, job_id, status)
        )

    def retry_job(self, job_id: str, device_keys: Sequence[str] | None = None) -> None:
        """Try failed OTA tasks again: those of some devices, or all."""
        self.call(
            lambda: scripting.retry(self._simulation.platform, job_id, device_keys)
        )

    def delete_job(self, job_id: str) -> None:
        """Delete a job, as the platform's console can."""
        self.call(lambda: self._simulation.platform.delete_job(job_id))

    # The application, its devices, its network

    def expire_token(self) -> None:
        """Let the living token run out before its time."""
        self.call(lambda: self._simulation.platform.sessions.expire())

    def drop_token(self) -> None:
        """Let the living token die; not even a refresh takes it."""
        self.call(lambda: self._simulation.platform.sessions.drop())

    def make_sdk_stale(self, which: Literal["short", "both"]) -> None:
        """Let the tokens in the next call of a vendor's SDK be stale."""
        self.call(lambda: self._simulation.platform.sessions.make_sdk_stale(which))

    def change_secret(self, secret_key: str) -> None:
        """Give the application another secret on the platform, until the reset."""
        self.call(
            lambda: setattr(
                self._simulation.platform.sessions, "secret_key", secret_key
            )
        )

    def add_device(self, device_key: str, **fields: Any) -> Device:
        """Add a device like the first one, but for what is given (`groups`: IDs)."""
        return self.call(
            lambda: scripting.add_device(
                self._simulation.platform, device_key, **fields
            )
        )

    def delete_device(self, asset_id: str) -> None:
        """Delete a device."""
        self.call(lambda: self._simulation.platform.delete_device(asset_id))

    def wake_device(self, asset_id: str) -> None:
        """Let a device be online."""

        def wake() -> None:
            platform = self._simulation.platform
            device = platform.devices[asset_id]
            device.status, device.wakes_after = "online", 0.0
            platform.engine.woke(device)

        self.call(wake)

    def report_version(self, asset_id: str, version: str) -> None:
        """Let a device tell which version it runs."""

        def report() -> None:
            platform = self._simulation.platform
            platform.report_version(platform.devices[asset_id], version)

        self.call(report)

    def drop_connections(self) -> None:
        """Close all connections, as servers do with those that idle too long."""
        self._thread.drop_connections()

    def present_certificate(self, certificate: ServerCertificate) -> None:
        """Show this server certificate from the next connection on."""
        tls, context = self.tls, self._context
        if tls is None or context is None:
            raise RuntimeError("a platform without TLS has no certificate")
        self.call(lambda: tls.present(context, certificate))
