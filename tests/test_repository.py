"""What the repository says about itself: valid, and the same in every place."""

import ast
from collections.abc import Iterator
from importlib.metadata import metadata, version
import json
import os
from pathlib import Path
import re
import shutil
import struct
import subprocess
import tomllib
from typing import Any

from awesomeversion import AwesomeVersion, AwesomeVersionStrategy
from homeassistant.const import Platform
from homeassistant.loader import Manifest
import pytest
import yaml

ROOT = Path(__file__).parents[1]
INTEGRATION = ROOT / "custom_components" / "fleet_upgrade"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
NEW_OWNER = "Acme-Iot"
NEW_NAME = "ha-fleets"


def manifest(root: Path = ROOT) -> dict[str, Any]:
    """Return the integration's manifest."""
    path = root / "custom_components" / "fleet_upgrade" / "manifest.json"
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


def project(root: Path = ROOT) -> dict[str, Any]:
    """Return what pyproject.toml says about the project."""
    loaded: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text())[
        "project"
    ]
    return loaded


def repository_files(root: Path = ROOT) -> list[str]:
    """Return the names of the files that git knows or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    names = sorted({name for name in listed.stdout.split("\0") if name})
    return [name for name in names if (root / name).is_file()]


def texts(root: Path) -> Iterator[tuple[str, str]]:
    """Yield name and text of the repository's text files."""
    for name in repository_files(root):
        try:
            yield name, (root / name).read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            assert name.endswith(".png")


def addresses(root: Path) -> dict[str, set[tuple[str, str]]]:
    """Return owner and name of the repositories that files link to, per file.

    GitHub addresses of other projects do not count, unless they share our owner or
    our name, which makes them a mistyped address of ours.
    """
    ours = tuple(manifest(root)["documentation"].split("/")[-2:])
    found: dict[str, set[tuple[str, str]]] = {}
    for name, text in texts(root):
        links = re.findall(r"github\.com/([\w-]+)/([\w-]+)", text)
        found[name] = {link for link in links if set(link) & set(ours)}
        found[name] |= set(re.findall(r"[?&]owner=([^&]+)&repository=([\w-]+)", text))
        found[name] |= set(re.findall(r"github\.com%2F([\w-]+)%2F([\w-]+)", text))
    return {name: links for name, links in found.items() if links}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of the repository that a test may change."""
    for name in repository_files():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, tmp_path / name)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    return tmp_path


def set_repository(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run script/set-repository of the repository at this place."""
    return subprocess.run(
        [root / "script" / "set-repository", *arguments],
        check=False,
        capture_output=True,
        text=True,
    )


# One address, one owner


def test_every_link_to_the_repository_has_the_same_address() -> None:
    """A link that was forgotten when the address changed would lead nowhere."""
    owner, name = manifest()["documentation"].split("/")[-2:]
    found = addresses(ROOT)

    assert {address for links in found.values() for address in links} == {(owner, name)}
    assert {
        "README.md",
        "blueprints/automation/fleet_upgrade/nightly_upgrade.yaml",
        "custom_components/fleet_upgrade/manifest.json",
        "docs/automations.md",
        "info.md",
        "pyproject.toml",
    } <= found.keys()


def test_the_owner_of_the_repository_is_its_code_owner() -> None:
    """Home Assistant and HACS tell the code owner about issues."""
    assert manifest()["codeowners"] == [f"@{manifest()['documentation'].split('/')[3]}"]


def test_set_repository_moves_every_address_and_the_code_owner(copy: Path) -> None:
    """One command is all that a move of the repository takes."""
    old_owner, old_name = manifest()["documentation"].split("/")[-2:]
    places = addresses(copy)

    result = set_repository(copy, f"{NEW_OWNER}/{NEW_NAME}")

    assert result.returncode == 0, result.stderr
    assert set(places) <= set(result.stdout.splitlines())
    moved = manifest(copy)
    address = f"https://github.com/{NEW_OWNER}/{NEW_NAME}"
    assert moved["documentation"] == address
    assert moved["issue_tracker"] == f"{address}/issues"
    assert moved["codeowners"] == [f"@{NEW_OWNER}"]
    assert addresses(copy).keys() == places.keys()
    for name, text in texts(copy):
        assert f"{old_owner}/{old_name}" not in text, name
        assert f"@{old_owner}" not in text, name


def test_set_repository_there_and_back_leaves_no_trace(copy: Path) -> None:
    """It changes addresses and nothing that only looks like one."""
    before = dict(texts(copy))
    address = "/".join(manifest()["documentation"].split("/")[-2:])

    set_repository(copy, f"{NEW_OWNER}/{NEW_NAME}")
    assert dict(texts(copy)) != before
    set_repository(copy, address)

    assert dict(texts(copy)) == before


@pytest.mark.parametrize(
    "arguments", [(), ("acme",), ("https://github.com/acme/fleets",), ("a/b", "c/d")]
)
def test_set_repository_refuses_what_is_no_owner_and_name(
    copy: Path, arguments: tuple[str, ...]
) -> None:
    """A slip of the hand changes no file."""
    before = dict(texts(copy))

    result = set_repository(copy, *arguments)

    assert result.returncode == 2
    assert result.stderr == "usage: script/set-repository OWNER/NAME\n"
    assert dict(texts(copy)) == before


# What Home Assistant asks of a custom integration


def test_the_manifest_is_one_that_home_assistant_accepts() -> None:
    """The rules are those that hassfest keeps a custom integration to."""
    found = manifest()

    assert found.keys() >= {"documentation", "domain", "name", "codeowners", "version"}
    assert found.keys() <= Manifest.__annotations__.keys()
    assert found["domain"] == INTEGRATION.name
    assert found["integration_type"] == "service"
    assert found["iot_class"] == "cloud_polling"
    assert found["documentation"].startswith("https://")
    assert found["issue_tracker"].startswith("https://")
    assert "home-assistant.io" not in found["documentation"]
    assert AwesomeVersion(found["version"]).strategy is AwesomeVersionStrategy.SEMVER
    assert found["config_flow"] is (INTEGRATION / "config_flow.py").is_file()


def test_the_manifest_has_its_keys_in_the_order_that_is_asked_for() -> None:
    """Domain and name first, the others by the alphabet."""
    keys = list(manifest())

    assert keys[:2] == ["domain", "name"]
    assert keys[2:] == sorted(keys[2:])


def test_each_component_that_is_imported_is_a_dependency() -> None:
    """Else Home Assistant might set it up after us, or not at all."""
    named = manifest().get("dependencies", []) + manifest().get(
        "after_dependencies", []
    )
    # What a component loads of ours when it is there itself.
    platforms = {path.stem for path in INTEGRATION.glob("*.py")}
    for path in INTEGRATION.rglob("*.py"):
        imported = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                module = node.module or ""
                imported |= {f"{module}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
        components = {
            name.split(".")[2]
            for name in imported
            if name.startswith("homeassistant.components.")
        }
        assert components <= {*named, *Platform, *platforms}, path


def test_it_is_set_up_from_the_user_interface_only() -> None:
    """An integration with actions has to say that it takes no YAML."""
    text = (INTEGRATION / "__init__.py").read_text()

    assert "CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)" in text


@pytest.mark.parametrize(
    ("name", "shortest"), [("icon", 256), ("logo", 128), ("dark_logo", 128)]
)
def test_brand_pictures_have_the_size_that_is_asked_for(
    name: str, shortest: int
) -> None:
    """Transparent, interlaced PNG files, each also in double size."""
    sizes = []
    for suffix in ("", "@2x"):
        data = (INTEGRATION / "brand" / f"{name}{suffix}.png").read_bytes()
        assert data[:8] == b"\x89PNG\r\n\x1a\n"
        width, height, _, colours, _, _, interlaced = struct.unpack(
            ">2I5B", data[16:29]
        )
        assert colours in {4, 6} or b"tRNS" in data
        assert interlaced
        sizes.append((width, height))

    single, double = sizes
    assert min(single) == shortest
    assert double == (2 * single[0], 2 * single[1])
    assert name != "icon" or single[0] == single[1]


# What HACS asks of a repository


def test_hacs_finds_all_it_asks_for() -> None:
    """The rules are those of the HACS action that need no network."""
    hacs = json.loads((ROOT / "hacs.json").read_text())

    assert hacs["name"] == manifest()["name"]
    assert hacs.keys() <= {
        "content_in_root",
        "country",
        "filename",
        "hacs",
        "hide_default_branch",
        "homeassistant",
        "name",
        "persistent_directory",
        "render_readme",
        "zip_release",
    }
    assert [path.name for path in ROOT.glob("custom_components/*/manifest.json")] == [
        "manifest.json"
    ]
    assert (INTEGRATION / "brand" / "icon.png").is_file()
    assert (ROOT / "README.md").is_file()
    assert (ROOT / "info.md").is_file()
    assert (ROOT / "LICENSE").read_text().startswith("MIT License\n")


# One version of everything


def test_the_oldest_home_assistant_allowed_is_one_that_is_run() -> None:
    """Continuous integration runs it, and one that is newer than that of the tests."""
    oldest = json.loads((ROOT / "hacs.json").read_text())["homeassistant"]
    text = (ROOT / ".github" / "workflows" / "tests.yml").read_text()
    job = yaml.safe_load(text)["jobs"]["versions"]

    versions = job["strategy"]["matrix"]["home-assistant"]
    assert versions[0] == oldest
    assert (
        AwesomeVersion(oldest)
        <= AwesomeVersion(version("homeassistant"))
        <= AwesomeVersion(versions[1])
    )
    assert job["steps"][-1]["run"].startswith("script/test --home-assistant ")
    for path in ("README.md", "CONTRIBUTING.md"):
        assert f"Home Assistant {oldest}" in (ROOT / path).read_text()


def test_every_place_asks_for_the_same_python() -> None:
    """The set-up must not settle for one on which Home Assistant does not start."""
    wanted = project()["requires-python"]
    setup = (ROOT / "script" / "setup").read_text()

    assert metadata("homeassistant")["Requires-Python"] in wanted
    assert f'readonly python_wanted="{wanted}"\n' in setup


def test_manifest_and_project_have_the_same_version() -> None:
    """Home Assistant shows the one, the release is named after the other."""
    assert manifest()["version"] == project()["version"]


def test_what_the_integration_needs_is_what_it_is_tested_with() -> None:
    """The manifest's pins are those of the development environment."""
    pinned = (ROOT / "requirements-dev.txt").read_text().splitlines()
    asked = (ROOT / "requirements-dev.in").read_text().splitlines()

    assert manifest()["requirements"]
    for requirement in manifest()["requirements"]:
        assert re.fullmatch(r"[\w-]+==[\w.]+", requirement)
        assert requirement in pinned
        assert requirement in asked


def test_requirements_are_pinned_and_name_no_package_index() -> None:
    """They install from whatever index a machine is told to use."""
    for line in (ROOT / "requirements-dev.txt").read_text().splitlines():
        assert "://" not in line
        if not line.lstrip().startswith("#"):
            assert re.fullmatch(r"[\w.-]+(\[[\w,-]+\])?==[\w.!+]+( ; .+)?", line)


def test_every_requirement_was_pinned() -> None:
    """A requirement was not added without running script/requirements."""
    pinned = (ROOT / "requirements-dev.txt").read_text().lower()

    for line in (ROOT / "requirements-dev.in").read_text().lower().splitlines():
        if line and not line.startswith("#"):
            assert re.search(rf"(?m)^{re.escape(line)}(==|$)", pinned), line


# Workflows and scripts


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_run_only_actions_that_cannot_change_unseen(path: Path) -> None:
    """An action is named by its commit, with the version beside it."""
    uses = re.findall(r"(?m)^\s*uses: (.+)$", path.read_text())

    assert uses
    for use in uses:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}  # \S+", use)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_may_only_read_and_end_some_time(path: Path) -> None:
    """Each job is granted what it needs; nothing is granted to all."""
    workflow = yaml.safe_load(path.read_text())

    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert set(job["permissions"].values()) == {"read"}
        assert job["timeout-minutes"] <= 30


def test_the_official_checks_run_daily_and_none_of_them_is_ignored() -> None:
    """Home Assistant and HACS change their rules without asking us."""
    text = (ROOT / ".github" / "workflows" / "validate.yml").read_text()

    assert re.search(r'- cron: "\d+ \d+ \* \* \*"', text)
    assert "uses: home-assistant/actions/hassfest@" in text
    assert "uses: hacs/action@" in text
    assert "ignore" not in text


def test_continuous_integration_runs_lint_and_tests() -> None:
    """The same two commands, on GitHub and elsewhere."""
    workflows = ROOT / ".github" / "workflows"

    assert "run: script/lint\n" in (workflows / "lint.yml").read_text()
    assert "run: script/test\n" in (workflows / "tests.yml").read_text()
    assert "script/lint script/test" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize("needed", ["--browser", "--database"])
def test_continuous_integration_has_a_browser_and_a_database(needed: str) -> None:
    """They are installed before the tests that need them, which it does not leave out."""
    workflow = (ROOT / ".github" / "workflows" / "tests.yml").read_text()
    run = (ROOT / ".ci" / "run").read_text()

    assert -1 < workflow.find(f"script/setup {needed}") < workflow.find("script/test\n")
    assert "export CI=true" in run
    assert -1 < run.find(f"script/setup {needed}") < run.find("script/test")
    test = (ROOT / "script" / "test").read_text()
    assert f".venv/bin/pytest tests/{needed.removeprefix('--')}\n" in test


def test_the_development_container_is_set_up_by_our_script() -> None:
    """As root, for whom the browser comes from the system, with what it needs."""
    container = json.loads((ROOT / ".devcontainer.json").read_text())

    assert container["postCreateCommand"] == "script/setup --browser"
    assert container["remoteUser"] == "root"
    assert container["forwardPorts"] == [8123]


def test_scripts_can_be_run_as_they_are() -> None:
    """What has no suffix is a command: executable, with its interpreter named."""
    scripts = [path for path in (ROOT / "script").iterdir() if path.is_file()]
    commands = [path for path in scripts if not path.suffix] + [ROOT / ".ci" / "run"]

    assert {"demo", "lint", "set-repository", "setup", "simulator", "test"} <= {
        path.name for path in commands
    }
    for path in commands:
        assert os.access(path, os.X_OK), path
        assert path.read_text().startswith("#!/usr/bin/env "), path
