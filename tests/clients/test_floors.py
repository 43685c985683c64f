"""The floors of the design: nothing imports upwards."""

import ast
from collections.abc import Iterator
from pathlib import Path
import subprocess
import sys

import pytest

ROOT = Path(__file__).parents[2]
INTEGRATION = ROOT / "custom_components" / "fleet_upgrade"
CLIENTS = INTEGRATION / "clients"

WITHOUT_HOME_ASSISTANT = """
import importlib, pkgutil, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("homeassistant", "custom_components"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Refuse())
sys.path.insert(0, sys.argv[1])
import clients
names = [m.name for m in pkgutil.walk_packages(clients.__path__, "clients.")]
for name in names:
    importlib.import_module(name)
print(len(names))
"""


def imports(path: Path) -> Iterator[str]:
    """Yield what a file imports from outside its own package."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module


def test_the_clients_work_where_home_assistant_is_absent(tmp_path: Path) -> None:
    """They are a library in all but name."""
    # Alone: the folder that they are in has names of the standard library.
    (tmp_path / "clients").symlink_to(CLIENTS)
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_HOME_ASSISTANT, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) == len(list(CLIENTS.rglob("*.py"))) - 1


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        (CLIENTS, ("homeassistant", "custom_components", "voluptuous", "probatio")),
        (ROOT / "simulator", ("homeassistant", "custom_components")),
    ],
    ids=["clients", "simulator"],
)
def test_nothing_is_imported_from_above(
    folder: Path, forbidden: tuple[str, ...]
) -> None:
    """The simulator shares no code with what it checks."""
    files = list(folder.rglob("*.py"))
    assert files
    assert [
        f"{path.relative_to(ROOT)}: {name}"
        for path in files
        for name in imports(path)
        if name.partition(".")[0] in forbidden
    ] == []


def test_home_assistants_modules_name_no_platform() -> None:
    """A further platform needs a room of its own and an entry in the registry."""
    platforms = [path.parent.name for path in CLIENTS.glob("*/__init__.py")]
    assert platforms
    assert [
        f"{path.name}: {platform}"
        for path in INTEGRATION.glob("*.py")
        for platform in platforms
        if platform in path.read_text().lower()
    ] == []
