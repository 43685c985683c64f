"""`script/simulator`: its options, its one line of output, its end."""

from collections.abc import Callable, Iterator
import json
import os
from pathlib import Path
import signal
import socket
import subprocess
import sys
from typing import Any
import urllib.request

from cryptography import x509
import pytest

from simulator.__main__ import main
from simulator.command_line import CommandError
from simulator.oceanconnect.platform import Settings
from simulator.tls import TlsFolder

from .northbound import client_context

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(socket_enabled: None) -> Iterator[Callable[..., int]]:
    """Run the program in this process; give back the signals afterwards."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]

    def run(*arguments: object) -> int:
        try:
            return main(["oceanconnect", *map(str, arguments)])
        except SystemExit as err:
            return int(err.code or 0)

    yield run
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


class Program:
    """The program in a process of its own."""

    def __init__(self, *arguments: object) -> None:
        """Start it and wait until it is ready."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "simulator", *map(str, arguments)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.line = self._process.stdout.readline()
        self.url = self.line.removeprefix("ready ").strip()

    def end(self, number: signal.Signals) -> tuple[int, str, str]:
        """End it with a signal; return exit code and what else it wrote."""
        self._process.send_signal(number)
        output, errors = self._process.communicate(timeout=20)
        return self._process.returncode, output, errors


def login(url: str, folder: Path, app_id: str, secret: str) -> dict[str, Any]:
    """Sign in, and return the token object."""
    with urllib.request.urlopen(
        f"{url}/iocm/app/sec/v1.1.0/login",
        data=f"appId={app_id}&secret={secret}".encode(),
        context=client_context(TlsFolder(folder)),
    ) as response:
        token: dict[str, Any] = json.load(response)
    return token


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_is_ready_and_ends_when_told_to(
    tmp_path: Path, socket_enabled: None, number: signal.Signals
) -> None:
    """One line says where, once it accepts connections; the end is no error."""
    program = Program(
        *("oceanconnect", "--port", 0, "--tls", tmp_path),
        *("--app-id", "fleet", "--secret", "hush", "--token-life", 77),
    )
    assert program.line == f"ready {program.url}\n"
    assert program.url.startswith("https://127.0.0.1:")
    assert login(program.url, tmp_path, "fleet", "hush")["expiresIn"] == 77
    assert program.end(number) == (0, "", "")


def test_its_certificates_are_kept(tmp_path: Path, socket_enabled: None) -> None:
    """The second run serves with those of the first."""
    files: list[dict[str, bytes]] = []
    for _ in range(2):
        program = Program("oceanconnect", "--port", "0", "--tls", tmp_path / "new")
        login(
            program.url, tmp_path / "new", "simulated-application", "simulated-secret"
        )
        assert program.end(signal.SIGTERM)[0] == 0
        files.append(
            {path.name: path.read_bytes() for path in (tmp_path / "new").iterdir()}
        )
    assert files[0] == files[1]
    assert {"ca.pem", "server.pem", "client.pem", "client.key"} <= set(files[0])


def test_all_options_reach_the_platform(
    tmp_path: Path,
    run: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each has its place in the settings."""
    seen: list[Settings] = []
    TlsFolder(tmp_path)
    ca = tmp_path / "ca.pem"

    def stop_here(settings: Settings) -> None:
        seen.append(settings)
        raise CommandError("far enough")

    monkeypatch.setattr("simulator.oceanconnect.command.Simulation", stop_here)
    status = run(
        *("--port", 0, "--tls", tmp_path, "--app-id", "a", "--secret", "s"),
        *("--devices", 1, "--groups", 2, "--tasks", 3, "--speed", 4.5),
        *("--seed", 5, "--rate-limit", 6, "--token-life", 7),
        *("--push-ca", ca),
    )
    assert (status, capsys.readouterr().err) == (1, "simulator: far enough\n")
    (settings,) = seen
    assert (settings.app_id, settings.secret) == ("a", "s")
    assert (settings.devices, settings.groups, settings.tasks) == (1, 2, 3)
    assert (settings.speed, settings.seed) == (4.5, 5)
    assert (settings.rate_limit, settings.token_life) == (6, 7)
    assert settings.push_ca == ca


def end_this_program(*_arguments: object, **_options: object) -> None:
    """Send the signal that ends the program."""
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize(
    ("host", "addresses"),
    [
        ("localhost", ["127.0.0.1", "::1"]),
        ("127.0.0.2", ["127.0.0.1", "::1", "127.0.0.2"]),
    ],
)
def test_it_listens_where_it_is_told_to(
    tmp_path: Path,
    run: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    addresses: list[str],
) -> None:
    """With a certificate for that place too, and key identifiers if they are wanted."""
    lines: list[str] = []

    def end_when_ready(line: str, *, flush: bool) -> None:
        assert flush
        lines.append(line)
        end_this_program()

    monkeypatch.setattr("builtins.print", end_when_ready)
    arguments = ("--host", host, "--port", 0, "--tls", tmp_path)
    assert run(*arguments, "--key-identifiers") == 0
    (line,) = lines
    assert line.startswith(f"ready https://{host}:")
    server = x509.load_pem_x509_certificate((tmp_path / "server.pem").read_bytes())
    extension = server.extensions.get_extension_for_class
    names = extension(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == addresses
    assert extension(x509.AuthorityKeyIdentifier).value.key_identifier


def test_it_can_be_ended_before_it_is_ready(
    run: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """While it makes its certificates, which takes a moment."""
    monkeypatch.setattr("simulator.command_line.TlsFolder", end_this_program)
    assert run("--port", 0) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port", "65536"], "--port: '65536' is not a whole number from 0 to 65535"),
        (["--port", "http"], "--port: 'http' is not a whole number from 0 to 65535"),
        (["--devices", "-1"], "--devices: '-1' is not a whole number"),
        (["--groups", "1.5"], "--groups: '1.5' is not a whole number"),
        (
            ["--tasks", "10001"],
            "--tasks: '10001' is not a whole number from 0 to 10000",
        ),
        (["--speed", "-1"], "--speed: '-1' is not a number from 0 up"),
        (["--speed", "inf"], "--speed: 'inf' is not a number from 0 up"),
        (["--speed", "fast"], "--speed: 'fast' is not a number from 0 up"),
        (["--seed", "x"], "--seed: 'x' is not a whole number"),
        (["--rate-limit", "0"], "--rate-limit: '0' is not a whole number from 1"),
        (["--token-life", "0"], "--token-life: '0' is not a whole number from 1"),
        (["--app-id", " "], "--app-id: needs 1 to 256 characters"),
        (["--secret", "x" * 257], "--secret: needs 1 to 256 characters"),
        (["--push-ca", "/none.pem"], "--push-ca: cannot read certificates from"),
        (["--push-ca", "/dev/null"], "--push-ca: cannot read certificates from"),
        (["--colour", "red"], "unrecognized arguments: --colour red"),
    ],
)
def test_wrong_options_are_one_clear_line_each(
    run: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    """Which option, and what it may be."""
    assert run(*arguments) == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors.startswith("simulator: ")
    assert message in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_other_machines_are_not_let_in_by_accident(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str], host: str
) -> None:
    """That has to be asked for."""
    assert run("--host", host) == 1
    assert capsys.readouterr().err == (
        f"simulator: {host} can be reached by other machines; "
        "add --allow-remote if that is what you want\n"
    )


def test_a_port_in_use_is_one_clear_line(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """And no success."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert run("--port", port) == 1
    assert capsys.readouterr().err == (
        f"simulator: port {port} on 127.0.0.1 is in use; choose another one with --port\n"
    )


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (socket.gaierror("no"), "example.org is not an address or a name known here"),
        (PermissionError(13, "No"), "cannot listen on example.org, port 8743: No"),
    ],
)
def test_a_host_that_cannot_be_had_is_one_clear_line(
    run: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: OSError,
    message: str,
) -> None:
    """Whatever the reason."""

    def fail(host: str, port: int) -> socket.socket:
        raise error

    monkeypatch.setattr("simulator.command_line.bind", fail)
    assert run("--host", "example.org", "--allow-remote") == 1
    assert capsys.readouterr().err == f"simulator: {message}\n"


def test_certificates_that_cannot_be_used_are_one_clear_line(
    tmp_path: Path, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """Which folder it is about."""
    (tmp_path / "client.pem").touch()
    assert run("--port", 0, "--tls", tmp_path) == 1
    assert capsys.readouterr().err == (
        f"simulator: client.pem is in {tmp_path}, but client.key is not\n"
    )


def test_a_platform_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    """There will be several."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    with pytest.raises(SystemExit) as caught:
        main([])
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)
    assert caught.value.code == 2
    assert "PLATFORM" in capsys.readouterr().err


def test_certificates_lie_with_the_users_data_by_default(
    monkeypatch: pytest.MonkeyPatch,
    run: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Where the desktop's rules say."""
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    monkeypatch.setenv("COLUMNS", "200")
    assert run("--help") == 0
    assert "/data/fleet-upgrade/simulator/oceanconnect" in capsys.readouterr().out


def test_nothing_of_the_integration_is_imported() -> None:
    """Else one mistake could be on both sides of the wire."""
    loaded = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, simulator.__main__, simulator.oceanconnect; "
            "print([m for m in sys.modules if m.startswith(('custom', 'homeass'))])",
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert loaded.stdout == "[]\n"
    for path in (ROOT / "simulator").rglob("*.py"):
        assert "custom_components" not in path.read_text(encoding="utf-8")
