"""A PostgreSQL server to record in: found on this machine, started, ended.

``python -m demo.database`` prints the folder of the programs that would be started.
"""

from collections.abc import Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from .errors import DemoError
from .ports import LOOPBACK, free_port

SECONDS = 60
"""How long a start or an end may take; one or two are usual."""

_USER = "fleet"
_INSTALLED = Path("/usr/lib/postgresql")
"""Where Debian puts each version, none of them on the path."""


def find_server() -> Path | None:
    """Return the folder with PostgreSQL's programs: on the path, or Debian's newest.

    ``$POSTGRESQL_BIN`` names another one.
    """
    if named := os.environ.get("POSTGRESQL_BIN"):
        return Path(named)
    if found := shutil.which("postgres"):
        return Path(found).resolve().parent
    servers = [path for path in _INSTALLED.glob("*/bin/postgres") if _version(path)]
    return max(servers, key=_version).parent if servers else None


def _version(path: Path) -> int:
    """Return the version of one of Debian's servers; 0 where it is none."""
    name = path.parents[1].name
    return int(name) if name.isdecimal() else 0


@contextmanager
def open_database() -> Iterator[str]:
    """Start a server with an empty database, and end it; yield the database's URL.

    It keeps everything in a folder of its own, which is deleted afterwards, and
    listens on loopback only. Raises `DemoError` where there is no server.
    """
    programs = find_server()
    if programs is None:
        raise DemoError("found no PostgreSQL; script/setup --database installs it")
    # Not below a folder that only root may look into: the server runs as another user.
    with tempfile.TemporaryDirectory(prefix="fleet-upgrade-") as name:
        folder = Path(name)
        user = _server_user()
        if user is not None:
            shutil.chown(folder, user)
        password = secrets.token_hex()
        _make(programs, folder, user, password)
        port = free_port()
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [
                    *(programs / "postgres", "-D", folder / "data"),
                    *("-c", f"listen_addresses={LOOPBACK}", "-c", f"port={port}"),
                    # What it writes is deleted in a minute.
                    *("-c", "unix_socket_directories=", "-c", "fsync=off"),
                ],
                cwd=folder,
                user=user,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            _wait(programs, process, port, folder / "log")
            yield f"postgresql://{_USER}:{password}@{LOOPBACK}:{port}/postgres"
        finally:
            # Without waiting for those who are connected.
            process.send_signal(signal.SIGINT)
            try:
                process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _server_user() -> str | None:
    """Return who runs the server: it refuses to be run by root."""
    if os.getuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        return "nobody"


def _make(programs: Path, folder: Path, user: str | None, password: str) -> None:
    """Make an empty database that asks for the password."""
    file = folder / "password"
    file.touch(mode=0o600)
    file.write_text(password)
    if user is not None:
        shutil.chown(file, user)
    made = subprocess.run(
        [
            *(programs / "initdb", "-D", folder / "data", "-U", _USER),
            *("--auth=scram-sha-256", f"--pwfile={file}", "--no-sync"),
            *("--encoding=UTF8", "--locale=C"),
        ],
        cwd=folder,
        user=user,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    if made.returncode:
        raise DemoError(f"PostgreSQL could not make a database: {made.stderr.strip()}")


def _wait(
    programs: Path, process: subprocess.Popen[bytes], port: int, log: Path
) -> None:
    """Wait until the server answers."""
    command = [str(programs / "pg_isready"), "-h", LOOPBACK, "-p", str(port)]
    until = time.monotonic() + SECONDS
    while subprocess.run(command, capture_output=True, check=False).returncode:
        if process.poll() is not None or time.monotonic() > until:
            raise DemoError(f"PostgreSQL did not start: {log.read_text().strip()}")
        time.sleep(0.1)


if __name__ == "__main__":
    found = find_server()
    if found is None:
        sys.exit(1)
    sys.stdout.write(f"{found}\n")
