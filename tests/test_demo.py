"""The demo as a person runs it: a real Home Assistant, started by its script."""

from collections.abc import Iterator
from contextlib import contextmanager
import json
from pathlib import Path
import re
import signal
import socket
import subprocess
import sys
from typing import Any

import pytest
import yaml

from demo.errors import DemoError
from demo.folder import MARK, demo_folder
from demo.process import ChildProcess
from simulator.clock import Clock
from simulator.oceanconnect.model import Kind
from simulator.oceanconnect.platform import Platform, Settings
from simulator.oceanconnect.seed import populate

ROOT = Path(__file__).parents[1]
CONFIGURATION = ROOT / "demo" / "config"
LOOK_HERE = re.compile(
    r"^Fleet Upgrade is at http://127\.0\.0\.1:(\d+)"
    r" \(user demo, password fleet-upgrade\); Ctrl-C ends it\.\n",
    re.MULTILINE,
)


@contextmanager
def demo(*arguments: str | Path | float) -> Iterator[subprocess.Popen[str]]:
    """Start the demo; end it if a test does not."""
    with subprocess.Popen(
        [ROOT / "script" / "demo", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def refusal(*arguments: str | Path | float) -> str:
    """Run a demo that must fail and return what it says, which is one line."""
    with demo(*arguments) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.count("\n") == 1
    return errors.strip()


def wait_until_it_says_where_to_look(process: subprocess.Popen[str]) -> None:
    """Read what a demo says up to the line with the address."""
    assert process.stdout
    assert any(LOOK_HERE.match(line) for line in process.stdout)


def interrupt(process: subprocess.Popen[str]) -> None:
    """End a demo by Ctrl-C, and see that nothing it started is left."""
    listing = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    children = [Path("/proc", child) for child in listing.read_text().split()]
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert len(children) == 2
    assert not any(child.exists() for child in children)


def stored(folder: Path, key: str) -> Any:
    """Return what Home Assistant has stored."""
    path = folder / "home-assistant" / ".storage" / key
    return json.loads(path.read_text())["data"]


def account_in(folder: Path) -> Any:
    """Return the only account there is."""
    entries = stored(folder, "core.config_entries")["entries"]
    [account] = [entry for entry in entries if entry["domain"] == "fleet_upgrade"]
    return account


@pytest.fixture
def port(socket_enabled: None) -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


def test_shows_tasks_and_goes_on_at_the_next_start(tmp_path: Path, port: int) -> None:
    """From nothing, again, and again with the platform at another address."""
    folder = tmp_path / "demo"
    with demo("--folder", folder, "--port", port, "--exit-after", 30) as first:
        output, errors = first.communicate(timeout=120)
    assert (first.returncode, errors) == (0, "")
    assert (line := LOOK_HERE.search(output))
    assert int(line[1]) == port
    assert "The account and its upgrade tasks have states.\n" in output
    assert " ERROR " not in (folder / "home-assistant" / "console.log").read_text()

    entities = stored(folder, "core.entity_registry")["entities"]
    shown = "".join(file.read_text() for file in CONFIGURATION.iterdir())
    named = set(re.findall(r"\b(?:binary_sensor|event|sensor)\.oceanconnect\w+", shown))
    assert named
    assert named <= {entity["entity_id"] for entity in entities}
    account = account_in(folder)
    tasks = stored(folder, f"fleet_upgrade.{account['entry_id']}")["tasks"]
    by_automation = max(tasks, key=lambda task: task["created"])
    assert by_automation["targets"]["device_groups"]
    assert f"{account['entry_id']}_{by_automation['task_id']}_status" in {
        entity["unique_id"] for entity in entities
    }

    with demo("--folder", folder, "--port", port) as second:
        wait_until_it_says_where_to_look(second)
        interrupt(second)
    unchanged = account_in(folder)
    assert unchanged["entry_id"] == account["entry_id"]
    assert unchanged["data"] == account["data"]

    # As if somebody had added the account again by hand, and another program had
    # taken the platform's port since.
    (folder / "oceanconnect" / "account.json").unlink()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        last_port = folder / "oceanconnect" / "port"
        last_port.write_text(str(taken.getsockname()[1]))
        with demo("--folder", folder, "--port", port) as third:
            wait_until_it_says_where_to_look(third)
            interrupt(third)
    moved = account_in(folder)
    assert moved["entry_id"] == account["entry_id"]
    assert moved["data"]["port"] != account["data"]["port"]


def test_a_port_in_use_is_one_line(tmp_path: Path, port: int) -> None:
    """It is said before anything is made."""
    folder = tmp_path / "demo"
    with socket.create_server(("127.0.0.1", port)):
        line = refusal("--folder", folder, "--port", port)
    assert line == f"demo: port {port} is in use; name another with --port"
    assert not folder.exists()


def test_a_time_too_short_for_states_is_an_error(tmp_path: Path, port: int) -> None:
    """A check that passed without looking would be worth nothing."""
    line = refusal("--folder", tmp_path, "--port", port, "--exit-after", 0.5)
    assert line == "demo: within 0.5 seconds: Home Assistant is not up"


def test_leaves_a_folder_alone_that_is_not_its_own(tmp_path: Path, port: int) -> None:
    """A slip of the keyboard must not delete somebody's files."""
    (tmp_path / "thesis.odt").touch()
    line = refusal("--folder", tmp_path, "--port", port, "--fresh")
    assert line == f"demo: {tmp_path} has other things in it; name an empty folder"
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.odt"]


def test_a_fresh_start_empties_the_folder_but_follows_no_link(tmp_path: Path) -> None:
    """Among what is there is a link to the integration's source."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "code.py").touch()
    folder = tmp_path / "demo"
    with demo_folder(folder, fresh=False):
        (folder / "custom_components").mkdir()
        (folder / "custom_components" / "inner").symlink_to(source)
        (folder / "outer").symlink_to(source)
        (folder / "file").touch()
    with demo_folder(folder, fresh=True):
        assert [path.name for path in folder.iterdir()] == [MARK]
    assert (source / "code.py").exists()


def test_two_demos_do_not_share_a_folder(tmp_path: Path) -> None:
    """The second would write into the first one's database."""
    with (
        demo_folder(tmp_path, fresh=False),
        pytest.raises(DemoError, match="another demo runs in"),
        demo_folder(tmp_path, fresh=True),
    ):
        pass
    with demo_folder(tmp_path, fresh=False):
        assert (tmp_path / MARK).exists()


@pytest.mark.parametrize(
    ("last_act", "how"),
    [
        ("raise SystemExit(3)", "with exit code 3"),
        ("import os; os.kill(os.getpid(), 9)", "by SIGKILL"),
    ],
)
async def test_names_how_a_process_ended(
    tmp_path: Path, last_act: str, how: str
) -> None:
    """What it wrote last may have nothing to do with its end."""
    log = tmp_path / "simulator.log"
    process = await ChildProcess.start(
        "the simulator",
        [sys.executable, "-c", f"print('ready', flush=True); {last_act}"],
        log=log,
        folder=tmp_path,
    )
    with pytest.raises(DemoError) as error:
        await process.run()
    assert process.output == "ready\n"
    assert str(error.value) == f"the simulator ended {how}; see {log}"


def test_the_nightly_example_fits_the_simulated_platform() -> None:
    """Its package and its device group are those of the demo's platform."""
    automations = yaml.safe_load((CONFIGURATION / "automations.yaml").read_text())
    [nightly] = [each for each in automations if each["id"].startswith("nightly")]
    assert nightly["mode"] == "queued"
    [action] = nightly["actions"]
    platform = Platform(Settings(app_id="demo", secret="secret"), Clock())
    populate(platform)
    package = platform.packages[action["data"]["package"]]
    assert package.kind is Kind.FIRMWARE
    [name] = action["data"]["device_groups"]
    assert (group := platform.group_named(name))
    assert len(platform.expand([group], package)) > len(group.members) / 2
