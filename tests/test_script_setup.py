"""script/setup: which Python it takes, and that it does nothing twice."""

from collections.abc import Callable
import json
import os
from pathlib import Path
import shutil
import subprocess
import sys
import sysconfig
import time

import pytest

ROOT = Path(__file__).parents[1]
MANIFEST = "custom_components/fleet_upgrade/manifest.json"

UV = f"""\
#!/usr/bin/env bash
# Stands in for uv: writes down what it is asked, and finds only what it is told.
echo "$*" >>"$CALLS"
case "$1 $2" in
  "--version "*) echo "uv 99.0.0" ;;
  "python find") [[ -n ${{FOUND:-}} ]] && echo "$FOUND" ;;
  "python install") exit 1 ;;
  "venv "*) mkdir -p "${{!#}}/bin" && ln -sf "{sys.executable}" "${{!#}}/bin/python" ;;
  "pip install") cat >>"$CALLS" ;;
  "pip sync") sleep "${{SYNC_SECONDS:-0}}" && echo "synced" >>"$CALLS" ;;
esac
"""


class Checkout:
    """A checkout with nothing set up, on a machine with few commands."""

    def __init__(self, root: Path) -> None:
        """Copy what the set-up reads."""
        self.root = root / "checkout"
        self.home = root / "home"
        self.calls_file = root / "calls"
        self.commands = root / "bin"
        self.home.mkdir()
        shutil.copytree(ROOT / "script", self.root / "script")
        for file in ("requirements-dev.in", "requirements-dev.txt", MANIFEST):
            (self.root / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, self.root / file)
        self.commands.mkdir()
        for command in ("bash", "cat", "cmp", "cp", "dirname", "env", "flock", "ln"):
            self.give(command)
        for command in ("grep", "mkdir", "printf", "python3", "sleep", "sort", "tail"):
            self.give(command)
        (self.commands / "uv").write_text(UV)
        (self.commands / "uv").chmod(0o755)

    def give(self, command: str) -> None:
        """Put one of this machine's commands on the path."""
        path = shutil.which(command)
        assert path
        (self.commands / command).symlink_to(path)

    def environment(self, **variables: str) -> dict[str, str]:
        """Return the environment in which the set-up runs, with these variables."""
        return {
            "CALLS": str(self.calls_file),
            "HOME": str(self.home),
            "PATH": str(self.commands),
            **variables,
        }

    def start(self, *options: str, **variables: str) -> subprocess.Popen[str]:
        """Start the set-up."""
        return subprocess.Popen(
            [self.root / "script" / "setup", *options],
            env=self.environment(**variables),
            stderr=subprocess.PIPE,
            text=True,
        )

    def set_up(self, *options: str, **variables: str) -> tuple[int, list[str]]:
        """Run the set-up; return its exit code and what it said."""
        process = self.start(*options, **variables)
        _, said = process.communicate(timeout=60)
        return process.returncode, said.splitlines()

    @property
    def calls(self) -> list[str]:
        """What uv was asked, without the question for its version."""
        if not self.calls_file.exists():
            return []
        lines = self.calls_file.read_text().splitlines()
        return [line for line in lines if line != "--version"]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Return a checkout in which script/setup never ran."""
    return Checkout(tmp_path)


@pytest.fixture
def other_python(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that makes a program which answers like a Python."""

    def make(version: str) -> Path:
        path = tmp_path / f"python-{version}"
        suitable = "true" if version.startswith("3.14.") else "false"
        path.write_text(f"#!/usr/bin/env bash\n[[ $1 == -c ]] && {suitable}\n")
        path.chmod(0o755)
        return path

    return make


def test_it_takes_the_python_that_uv_finds(checkout: Checkout) -> None:
    """The usual case: nothing is downloaded."""
    code, said = checkout.set_up(FOUND=sys.executable)

    assert code == 0, said
    find, venv, sync, synced = checkout.calls
    assert find.startswith("python find ")
    assert venv.endswith(f"--python {sys.executable} {checkout.root}/.venv")
    assert sync.startswith("pip sync ")
    assert sync.endswith(" requirements-dev.txt")
    assert synced == "synced"


def test_it_takes_the_python_that_it_is_told_to_take(checkout: Checkout) -> None:
    """$PYTHON goes before anything that could be found."""
    code, said = checkout.set_up(PYTHON=sys.executable, FOUND="/another/python")

    assert code == 0, said
    assert f"--python {sys.executable} " in checkout.calls[0]


def test_it_refuses_a_python_on_which_home_assistant_does_not_run(
    checkout: Checkout, other_python: Callable[[str], Path]
) -> None:
    """It is told so in one line, and not given another one in its place."""
    python = str(other_python("3.13.9"))

    code, said = checkout.set_up(PYTHON=python, FOUND=sys.executable)

    assert code == 1
    assert said == [f"setup: $PYTHON ({python}) is not Python >=3.14.2,<3.15"]
    assert checkout.calls == []


def test_it_says_in_one_line_that_there_is_no_python(checkout: Checkout) -> None:
    """No Python, no download, and not a Debian machine."""
    code, said = checkout.set_up()

    assert code == 1
    assert said[-1] == (
        "setup: found no Python >=3.14.2,<3.15 and could not fetch one; "
        "install it and set PYTHON to its path"
    )
    assert [call.split(" --")[0] for call in checkout.calls] == [
        "python find",
        "python install",
    ]


def test_a_python_unpacked_before_is_used_again(
    checkout: Checkout, tmp_path: Path, other_python: Callable[[str], Path]
) -> None:
    """It lies in the user's data folder, for every checkout."""
    unpacked = tmp_path / "data" / "fleet-upgrade" / "python3.14" / "usr" / "bin"
    unpacked.mkdir(parents=True)
    (unpacked / "python3.14").symlink_to(other_python("3.14.10"))

    code, said = checkout.set_up(XDG_DATA_HOME=str(tmp_path / "data"))

    assert code == 0, said
    assert f"--python {unpacked}/python3.14 " in checkout.calls[1]


def test_the_second_run_does_nothing(checkout: Checkout) -> None:
    """It runs before every demo and every test, so it has to be quick."""
    checkout.set_up(FOUND=sys.executable)
    checkout.calls_file.unlink()

    started = time.monotonic()
    code, said = checkout.set_up(FOUND=sys.executable)

    assert time.monotonic() - started < 2
    assert (code, said, checkout.calls) == (0, [], [])


def test_other_requirements_are_installed_into_the_same_environment(
    checkout: Checkout,
) -> None:
    """Nothing but the packages is touched, so that open shells keep working."""
    checkout.set_up(FOUND=sys.executable)
    checkout.calls_file.unlink()
    with (checkout.root / "requirements-dev.txt").open("a") as file:
        file.write("six==1.17.0\n")

    code, said = checkout.set_up()

    assert code == 0, said
    assert [call.split(" --")[0] for call in checkout.calls] == ["pip sync", "synced"]


def test_an_environment_whose_python_is_gone_is_made_again(checkout: Checkout) -> None:
    """The system's Python may be upgraded under it."""
    checkout.set_up(FOUND=sys.executable)
    checkout.calls_file.unlink()
    (checkout.root / ".venv" / "bin" / "python").unlink()

    code, said = checkout.set_up(FOUND=sys.executable)

    assert code == 0, said
    assert f" {checkout.root}/.venv" in checkout.calls[1]


def test_two_set_ups_at_a_time_do_the_work_once(checkout: Checkout) -> None:
    """The demo and the tests may be started together."""
    both = [checkout.start(FOUND=sys.executable, SYNC_SECONDS="0.5") for _ in range(2)]

    assert [process.wait(timeout=60) for process in both] == [0, 0]
    assert checkout.calls.count("synced") == 1
    for process in both:
        process.communicate()


def test_another_home_assistant_gets_an_environment_of_its_own(
    checkout: Checkout,
) -> None:
    """With what the integration needs and what it would fetch itself when it starts."""
    site_packages = sysconfig.get_path("purelib")
    [needed] = json.loads((ROOT / MANIFEST).read_text())["requirements"]

    def set_up() -> tuple[int, list[str]]:
        return checkout.set_up(
            "2026.9.0", FOUND=sys.executable, PYTHONPATH=site_packages
        )

    code, said = set_up()
    assert code == 0, said
    environment = checkout.root / ".tools" / "home-assistant-2026.9.0"
    # That of script/setup itself comes first.
    synced = checkout.calls.index("synced")
    venv, install, *more = checkout.calls[synced + 1 :]
    assert venv.endswith(f"--python {checkout.root}/.venv/bin/python {environment}")
    assert install.startswith("pip install ")
    assert more[:2] == ["homeassistant==2026.9.0", needed]
    assert more[2].startswith("pip install ")
    assert f"--python {environment}/bin/python " in more[2]
    assert any(line.startswith("home-assistant-frontend==") for line in more[3:])
    assert needed not in more[3:]

    checkout.calls_file.unlink()
    assert set_up() == (0, [])
    assert checkout.calls == []


BROWSER = """\
import pathlib, sys
sys.exit(not pathlib.Path("browser-is-here").exists())
"""
APT = """\
#!/usr/bin/env bash
echo "apt-get $*" >>"$CALLS"
[[ $1 == update || -n ${APT_HAS_IT:-} ]]
"""
PLAYWRIGHT = """\
import os, pathlib, sys
with pathlib.Path(os.environ["CALLS"]).open("a") as calls:
    print("playwright", *sys.argv[1:], file=calls)
"""


@pytest.mark.parametrize(
    ("user", "apt_has_it", "installs"),
    [
        ("0", "yes", ["apt-get install"]),
        ("0", "", ["apt-get install", "playwright install chromium"]),
        ("1000", "yes", ["playwright install chromium"]),
    ],
    ids=["root on Debian", "root elsewhere", "not root"],
)
def test_a_browser_is_installed_once(
    checkout: Checkout, user: str, apt_has_it: str, installs: list[str]
) -> None:
    """From the system where that may be, else Playwright's own build."""
    for name, script in (("apt-get", APT), ("id", f"#!/bin/sh\necho {user}\n")):
        (checkout.commands / name).write_text(script)
        (checkout.commands / name).chmod(0o755)
    (checkout.root / "demo").mkdir()
    (checkout.root / "demo" / "browser.py").write_text(BROWSER)
    (checkout.root / "playwright.py").write_text(PLAYWRIGHT)
    checkout.set_up(FOUND=sys.executable)
    checkout.calls_file.unlink()

    code, said = checkout.set_up("--browser", APT_HAS_IT=apt_has_it)

    assert (code, said) == (0, ["setup: installing a browser", "setup: done"])
    assert [
        call.partition(" --")[0] for call in checkout.calls if "update" not in call
    ] == installs

    checkout.calls_file.unlink()
    (checkout.root / "browser-is-here").touch()
    assert checkout.set_up("--browser") == (0, [])
    assert checkout.calls == []


@pytest.mark.parametrize(
    ("user", "apt_has_it", "is_installed"),
    [("0", "yes", True), ("0", "", False), ("1000", "yes", False)],
    ids=["root on Debian", "root elsewhere", "not root"],
)
def test_a_database_server_is_installed_once_or_asked_for(
    checkout: Checkout, user: str, apt_has_it: str, is_installed: bool
) -> None:
    """Its package may only be installed by root; anyone else is told what to do."""
    for name, script in (("apt-get", APT), ("id", f"#!/bin/sh\necho {user}\n")):
        (checkout.commands / name).write_text(script)
        (checkout.commands / name).chmod(0o755)
    (checkout.root / "demo").mkdir()
    (checkout.root / "demo" / "database.py").write_text(BROWSER)
    checkout.set_up(FOUND=sys.executable)
    checkout.calls_file.unlink()

    code, said = checkout.set_up("--database", APT_HAS_IT=apt_has_it)

    assert said[0] == "setup: installing PostgreSQL"
    if is_installed:
        assert (code, said[1:]) == (0, ["setup: done"])
        assert checkout.calls[-1].endswith(" postgresql")
    else:
        assert code == 1
        assert "install it yourself, or set POSTGRESQL_BIN" in said[1]

    checkout.calls_file.unlink(missing_ok=True)
    (checkout.root / "browser-is-here").touch()
    assert checkout.set_up("--database") == (0, [])
    assert checkout.calls == []


@pytest.mark.parametrize("given", [("",), ("newest",), ("2026.9",), ("2026.9.0", "x")])
def test_only_a_version_of_home_assistant_is_one(
    checkout: Checkout, given: tuple[str, ...]
) -> None:
    """What else was meant nobody knows, so nothing is set up."""
    assert checkout.set_up(*given) == (
        1,
        [
            "setup: give no more than --browser, --database or a version of"
            " Home Assistant, such as 2026.11.0"
        ],
    )
    assert checkout.calls == []


def test_it_runs_from_any_folder(checkout: Checkout, tmp_path: Path) -> None:
    """It belongs to its checkout, wherever it is called."""
    result = subprocess.run(
        [os.path.relpath(checkout.root / "script" / "setup", tmp_path)],
        check=False,
        cwd=tmp_path,
        env=checkout.environment(FOUND=sys.executable),
    )

    assert result.returncode == 0
    assert (checkout.root / ".venv" / "bin" / "python").exists()
