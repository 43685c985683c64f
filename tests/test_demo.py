"""The demo as a person runs it: a real Home Assistant, started by its script."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import batched
import json
from math import inf
from pathlib import Path
import re
import signal
import socket
import subprocess
import sys
from typing import Any

from homeassistant.const import __version__
import pytest
import yaml

from demo.errors import DemoError
from demo.folder import MARK, demo_folder
from demo.platforms import PLATFORMS, SPEED, DemoPlatform
from demo.process import ChildProcess
from demo.trial import require_clean
from simulator.clock import Clock
from simulator.enos import platform as enos_platform, seed as enos_seed
from simulator.enos.model import Scope
from simulator.enos.scope import expand
from simulator.enos.scripting import NewJob, add_job
from simulator.oceanconnect.model import Kind, Status
from simulator.oceanconnect.platform import Platform, Settings
from simulator.oceanconnect.scripting import NewTask, add_task
from simulator.oceanconnect.seed import populate

ROOT = Path(__file__).parents[1]
CONFIGURATION = ROOT / "demo" / "config"
LOOK_HERE = re.compile(
    r"^Fleet Upgrade is at http://127\.0\.0\.1:(\d+)"
    r" \(user demo, password fleet-upgrade\); Ctrl-C ends it\.\n",
    re.MULTILINE,
)


@contextmanager
def running(*command: str | Path) -> Iterator[subprocess.Popen[str]]:
    """Start a command; end it, and let it end its own, if a test does not."""
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def demo(
    *arguments: str | Path | float,
) -> AbstractContextManager[subprocess.Popen[str]]:
    """Start the demo."""
    return running(ROOT / "script" / "demo", *map(str, arguments))


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
    assert len(children) == 3
    assert not any(child.exists() for child in children)


def stored(folder: Path, key: str) -> Any:
    """Return what Home Assistant has stored."""
    path = folder / "home-assistant" / ".storage" / key
    return json.loads(path.read_text())["data"]


def accounts_in(folder: Path) -> dict[str, Any]:
    """Return the accounts by platform, of which there is one each."""
    entries = stored(folder, "core.config_entries")["entries"]
    accounts = [entry for entry in entries if entry["domain"] == "fleet_upgrade"]
    by_platform = {account["data"]["platform"]: account for account in accounts}
    assert len(by_platform) == len(accounts)
    return by_platform


@pytest.fixture
def port(socket_enabled: None) -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


@pytest.fixture
def make_environment(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that makes an environment whose Python is a shell script."""

    def make(script: str) -> Path:
        python = tmp_path / "bin" / "python"
        python.parent.mkdir()
        python.write_text(f"#!/bin/sh\n{script}\n")
        python.chmod(0o755)
        return tmp_path

    return make


def trial(environment: Path) -> tuple[int, str, str]:
    """Make a trial; return its exit code and what it says."""
    with running(sys.executable, "-m", "demo.trial", environment) as process:
        said, errors = process.communicate(timeout=300)
    return process.returncode, said, errors


@pytest.mark.timeout(600)
def test_shows_tasks_and_goes_on_at_the_next_start(
    make_environment: Callable[[str], Path], port: int
) -> None:
    """From nothing, again, and again with the platforms at other addresses.

    The first start is a trial of the Home Assistant of the tests themselves.
    """
    environment = make_environment(f'exec {sys.executable} "$@"')
    folder = environment / "trial"
    code, output, errors = trial(environment)
    assert (code, errors) == (0, "")
    assert output.endswith(
        f"Home Assistant {__version__}: started, polled,"
        " and created on each platform.\n"
    )

    entities = stored(folder, "core.entity_registry")["entities"]
    shown = "".join(file.read_text() for file in CONFIGURATION.iterdir())
    named = set(
        re.findall(
            r"\b(?:(?:binary_)?sensor|calendar|event)\.(?:\w+_demo|fleet)_\w+", shown
        )
    )
    assert named
    assert named <= {entity["entity_id"] for entity in entities}
    accounts = accounts_in(folder)
    assert accounts.keys() == {"oceanconnect", "enos"}
    ends = [
        "The upgrade plan Gas meters is stopped in wave 2.\n",
        "The upgrade plan Inverters is finished in wave 2.\n",
    ]
    assert all(end in output for end in ends)

    with demo("--folder", folder, "--port", port, "--exit-after", 30) as second:
        output, errors = second.communicate(timeout=120)
    assert (second.returncode, errors) == (0, "")
    assert (line := LOOK_HERE.search(output))
    assert int(line[1]) == port
    assert "The accounts and their upgrade tasks have states.\n" in output
    assert all(end in output for end in ends)
    unchanged = accounts_in(folder)
    assert unchanged.keys() == accounts.keys()
    for platform, account in accounts.items():
        assert unchanged[platform]["entry_id"] == account["entry_id"]
        assert unchanged[platform]["data"] == account["data"]
    address = unchanged["oceanconnect"]["options"]["push_address"]
    assert address == f"http://127.0.0.1:{port}"

    # As if somebody had added the accounts again by hand, and other programs had
    # taken the platforms' ports since.
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        socket.create_server(("127.0.0.1", 0)) as also_taken,
    ):
        for platform, other in (("oceanconnect", taken), ("enos", also_taken)):
            (folder / platform / "account.json").unlink()
            last_port = folder / platform / "port"
            last_port.write_text(str(other.getsockname()[1]))
        with demo("--folder", folder, "--port", port) as third:
            wait_until_it_says_where_to_look(third)
            interrupt(third)
    moved = accounts_in(folder)
    assert moved.keys() == accounts.keys()
    for platform, account in accounts.items():
        assert moved[platform]["entry_id"] == account["entry_id"]
        assert moved[platform]["data"] != account["data"]


def test_a_trial_fails_with_its_home_assistant(
    make_environment: Callable[[str], Path],
) -> None:
    """In one line, which says where to look."""
    environment = make_environment("exit 3")
    code, _, errors = trial(environment)
    log = environment / "trial" / "home-assistant" / "console.log"
    assert (code, errors) == (
        1,
        f"trial: Home Assistant ended with exit code 3; see {log}\n",
    )


def test_a_trial_takes_no_logged_error_for_a_success() -> None:
    """The rest may have worked all the same."""
    require_clean("2026-11-20 10:15:00.000 WARNING (MainThread) [x] No ERROR\n")
    with pytest.raises(DemoError, match=r"^Home Assistant logged: .* Boom$"):
        require_clean("Fine\n2026-11-20 10:15:00.000 ERROR (MainThread) [x] Boom\n")


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


def automation(file: str, automation_id: str) -> Any:
    """Return an automation of the demo."""
    automations = yaml.safe_load((CONFIGURATION / file).read_text())
    [found] = [each for each in automations if each["id"] == automation_id]
    return found


def data_of(found: Any, action: str) -> Any:
    """Return what an automation's only call of an action is given."""
    [data] = [
        step["data"]
        for step in found["actions"]
        if step.get("action") == f"fleet_upgrade.{action}"
    ]
    return data


def variables_of(found: Any) -> dict[str, Any]:
    """Return all variables that an automation sets."""
    variables: dict[str, Any] = {}
    for step in found["actions"]:
        variables |= step.get("variables", {})
    return variables


def platform_of(key: str) -> DemoPlatform:
    """Return a platform of the demo."""
    [found] = [platform for platform in PLATFORMS if platform.key == key]
    return found


def option(key: str, name: str) -> int:
    """Return a number that a platform of the demo is started with."""
    return int(dict(batched(platform_of(key).options, 2, strict=True))[f"--{name}"])


@pytest.fixture
def oceanconnect() -> Platform:
    """The demo's OceanConnect platform, whose clock stands still."""
    settings = Settings(
        app_id="demo",
        secret="secret",
        seed=option("oceanconnect", "seed"),
        groups=option("oceanconnect", "groups"),
    )
    platform = Platform(settings, Clock(0))
    populate(platform)
    return platform


@pytest.fixture
def enos() -> enos_platform.Platform:
    """The demo's EnOS platform, whose clock stands still."""
    settings = enos_platform.Settings(
        seed=option("enos", "seed"),
        groups=option("enos", "groups"),
        devices=option("enos", "devices"),
    )
    platform = enos_platform.Platform(settings, Clock(0))
    enos_seed.populate(platform)
    return platform


def test_the_nightly_example_fits_the_simulated_oceanconnect(
    oceanconnect: Platform,
) -> None:
    """Its package and its device group are those of the demo's platform."""
    nightly = automation("automations.yaml", "nightly_firmware_upgrade")
    assert nightly["mode"] == "queued"
    data = data_of(nightly, "create_firmware_upgrade_task")
    package = oceanconnect.packages[data["package"]]
    assert package.kind is Kind.FIRMWARE
    [name] = data["device_groups"]
    assert (group := oceanconnect.group_named(name))
    assert len(oceanconnect.expand([group], package)) > len(group.members) / 2


def test_the_nightly_example_fits_the_simulated_enos(
    enos: enos_platform.Platform,
) -> None:
    """Its firmware and its device group are those of the demo's platform."""
    nightly = automation("automations.yaml", "nightly_firmware_upgrade")
    given = variables_of(nightly)
    group = enos.groups[given["group"]]
    assert group.name.default in data_of(nightly, "create_ota_upgrade_task")["name"]
    firmware = enos.firmware[given["package"]]
    devices = expand(enos, firmware, Scope(group_ids=(group.group_id,)))
    assert len(devices) > len(group.members) / 2
    assert all(device.wakes_after < inf for device in devices)


def test_what_waits_for_the_night_fits_the_simulated_platforms(
    oceanconnect: Platform, enos: enos_platform.Platform
) -> None:
    """One upgrade on each, of groups that no other automation upgrades."""
    windows = automation("activity.yaml", "demo_windows")
    on_oceanconnect, on_enos = windows["variables"]["upgrades"]
    group = oceanconnect.group_named(on_oceanconnect["group"])
    assert group
    assert oceanconnect.expand(
        [group], oceanconnect.packages[on_oceanconnect["package"]]
    )
    assert on_oceanconnect["action"] == "create_firmware_upgrade_task"

    firmware = enos.firmware[on_enos["package"]]
    assert expand(enos, firmware, Scope(group_ids=(on_enos["group"],)))
    assert on_enos["more"]["repeat_daily"]
    assert on_enos["more"]["name"] == enos.groups[on_enos["group"]].name.default
    lively = automation("activity.yaml", "demo_new_enos_task")
    assert on_enos["more"]["name"] not in variables_of(lively)["names"]


def test_an_enos_group_of_the_demo_always_has_something_to_upgrade(
    enos: enos_platform.Platform,
) -> None:
    """Its task runs to the end, again and again; the nightly one keeps out of it."""
    lively = automation("activity.yaml", "demo_new_enos_task")
    given = variables_of(lively)
    nightly = variables_of(automation("automations.yaml", "nightly_firmware_upgrade"))
    groups = {group.name.default: group for group in enos.groups.values()}
    packages = {
        firmware.name.default: firmware.firmware_id
        for firmware in enos.firmware.values()
        if firmware.is_verified
    }
    assert len(given["firmware"]) == 2
    ends = {}
    for name in given["names"]:
        group_id = groups[name].group_id
        assert group_id != nightly["group"]
        for firmware in given["firmware"] * 2:
            job_id = add_job(
                enos,
                NewJob(firmware=enos.firmware[packages[firmware]], groups=(group_id,)),
            )
            job = enos.jobs[job_id]
            enos.clock.advance(3600)
            enos.engine.run()
            counts = job.counts()
            assert counts["succeeded"] > 10
            assert counts["succeeded"] + counts["failed"] == len(job.tasks)
            ends[name] = counts["failed"]
    assert sorted(map(bool, ends.values())) == [False, True]


def test_the_second_wave_of_the_plan_on_oceanconnect_fails(
    oceanconnect: Platform,
) -> None:
    """At once, as some of its devices are not online; the first is soon done."""
    plan = platform_of("oceanconnect").plan
    package = oceanconnect.packages[plan.package]
    assert plan.more == {"action": f"create_{package.kind}_upgrade_task"}
    activity = (CONFIGURATION / "activity.yaml").read_text()
    assert not [name for name in plan.groups if name in activity]
    assert len(plan.groups) == 3
    failed = []
    for name, seconds in zip(plan.groups[:2], (60 * SPEED, SPEED), strict=True):
        task_id = add_task(
            oceanconnect, NewTask(kind=package.kind, package=package, groups=(name,))
        )
        oceanconnect.clock.advance(seconds)
        oceanconnect.engine.run()
        tally = oceanconnect.tasks[task_id].tally
        failed.append(100 * tally.counts[Status.FAIL] / sum(tally.counts.values()))
        assert name != plan.groups[0] or not tally.open
    assert failed[0] == 0
    assert failed[1] > 100 - plan.values["wanted_share"]
    assert (plan.end, plan.last_wave) == ("stopped", 2)


def test_the_plan_on_enos_runs_to_the_end(enos: enos_platform.Platform) -> None:
    """Each of its waves upgrades some devices, and all of them."""
    plan = platform_of("enos").plan
    firmware = enos.firmware[plan.package]
    groups = {group.name.default: group for group in enos.groups.values()}
    activity = (CONFIGURATION / "activity.yaml").read_text()
    for name in plan.groups:
        assert name not in activity
        job_id = add_job(
            enos, NewJob(firmware=firmware, groups=(groups[name].group_id,))
        )
        enos.clock.advance(60 * SPEED)
        enos.engine.run()
        job = enos.jobs[job_id]
        assert job.tasks
        assert job.counts()["succeeded"] == len(job.tasks)
    assert (plan.end, plan.last_wave) == ("finished", len(plan.groups))
