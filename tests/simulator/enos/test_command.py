"""`script/simulator enos`: its options."""

from collections.abc import Callable, Iterator
import json
from pathlib import Path
import signal
import urllib.request

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
import pytest

from simulator.__main__ import main
from simulator.command_line import CommandError
from simulator.enos.platform import Settings

from ..test_command_line import Program
from .caller import TOKEN, sha256

KEYS = ("--access-key", "5-a-1", "--secret-key", "6-b-2")


@pytest.fixture
def run(socket_enabled: None) -> Iterator[Callable[..., int]]:
    """Run the program in this process; give back the signals afterwards."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]

    def run(*arguments: object) -> int:
        try:
            return main(["enos", *map(str, arguments)])
        except SystemExit as err:
            return int(err.code or 0)

    yield run
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    """Return a private key in PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize("tls", [False, True])
def test_it_is_ready_and_ends_when_told_to(
    tmp_path: Path, socket_enabled: None, tls: bool
) -> None:
    """It speaks HTTP, or HTTPS with a folder for certificates."""
    more = ("--tls", tmp_path) if tls else ()
    program = Program("enos", "--port", 0, *KEYS, "--token-life", 77, *more)
    assert program.line == f"ready {program.url}\n"
    scheme = "https" if tls else "http"
    assert program.url.startswith(f"{scheme}://127.0.0.1:")
    assert (tmp_path / "ca.pem").exists() == tls
    if not tls:
        body = {
            "appKey": "5-a-1",
            "encryption": sha256("5-a-116-b-2"),
            "timestamp": 1,
        }
        with urllib.request.urlopen(
            f"{program.url}{TOKEN}/get", data=json.dumps(body).encode()
        ) as response:
            # The keys are right, the time is not.
            assert json.load(response)["status"] == 1004
    assert program.end(signal.SIGTERM) == (0, "", "")


def test_all_options_reach_the_platform(
    tmp_path: Path,
    run: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each has its place in the settings."""
    seen: list[Settings] = []
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (tmp_path / "sdk.pem").write_bytes(pem(key))

    def stop_here(settings: Settings) -> None:
        seen.append(settings)
        raise CommandError("far enough")

    monkeypatch.setattr("simulator.enos.command.Simulation", stop_here)
    status = run(
        *("--port", 0, *KEYS, "--org-id", "o5", "--sdk-key", tmp_path / "sdk.pem"),
        *("--devices", 1, "--groups", 2, "--tasks", 3, "--speed", 4.5),
        *("--seed", 5, "--rate-limit", 6, "--token-life", 7, "--index-lag", 0.5),
    )
    assert (status, capsys.readouterr().err) == (1, "simulator: far enough\n")
    (settings,) = seen
    assert (settings.access_key, settings.secret_key) == ("5-a-1", "6-b-2")
    assert settings.org_id == "o5"
    assert (settings.devices, settings.groups, settings.jobs) == (1, 2, 3)
    assert (settings.speed, settings.seed) == (4.5, 5)
    assert (settings.rate_limit, settings.token_life) == (6, 7)
    assert settings.index_lag == 0.5
    assert settings.sdk_key is not None
    assert settings.sdk_key.private_numbers() == key.private_numbers()


def test_the_defaults_are_those_of_a_demo() -> None:
    """200 devices, and a search that lags behind by two seconds."""
    settings = Settings()
    assert (settings.devices, settings.index_lag) == (200, 2.0)
    assert settings.rate_limit is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--access-key", "plain"], "--access-key: needs groups of hexadecimal"),
        (["--secret-key", "a-xyz"], "--secret-key: needs groups of hexadecimal"),
        (["--secret-key", "a-1-$"], "--secret-key: needs groups of hexadecimal"),
        (["--secret-key", "a-1" * 30], "--secret-key: needs groups of hexadecimal"),
        (["--org-id", ""], "--org-id: needs 1 to 256 characters"),
        (["--index-lag", "-1"], "--index-lag: '-1' is not a number from 0 up"),
        (["--sdk-key", "/none.pem"], "--sdk-key: cannot read '/none.pem'"),
        (["--sdk-key", "/dev/null"], "--sdk-key: '/dev/null' holds no private key"),
        (["--rate-limit", "0"], "--rate-limit: '0' is not a whole number from 1"),
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
    assert message in errors
    assert errors.count("\n") == 1


def test_the_key_of_the_sdk_is_an_rsa_key(
    tmp_path: Path, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """Not one of another kind."""
    path = tmp_path / "key.pem"
    path.write_bytes(pem(ec.generate_private_key(ec.SECP256R1())))
    assert run("--sdk-key", path) == 2
    assert "holds no RSA key" in capsys.readouterr().err
