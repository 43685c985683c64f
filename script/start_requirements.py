"""Print what the integration needs, or what Home Assistant fetches when it starts.

The second is asked of the Python that has a Home Assistant.
"""

from collections.abc import Iterator
import json
from pathlib import Path
import sys
from typing import Any

INTEGRATION = Path(__file__).parents[1] / "custom_components" / "fleet_upgrade"
OTHERS = ("recorder", "history", "logbook", "script", "template")
"""What the demo's configuration asks for besides."""


def main() -> int:
    """Print requirements, a line each."""
    if sys.argv[1:] == ["integration"]:
        found = set(_manifest(INTEGRATION)["requirements"])
    elif sys.argv[1:] == ["home-assistant"]:
        found = {each for manifest in _started() for each in manifest["requirements"]}
    else:
        sys.stderr.write("start_requirements: integration or home-assistant?\n")
        return 2
    sys.stdout.writelines(f"{each}\n" for each in sorted(found))
    return 0


def _started() -> Iterator[dict[str, Any]]:
    """Yield the manifests of the components that are set up, or at least imported."""
    # Only the environment that is asked has it.
    from homeassistant import bootstrap, components  # noqa: PLC0415

    root = Path(components.__path__[0])
    todo = {
        *bootstrap.DEFAULT_INTEGRATIONS,
        *bootstrap.CRITICAL_INTEGRATIONS,
        *OTHERS,
        *_manifest(INTEGRATION)["dependencies"],
    }
    seen: set[str] = set()
    imported: set[str] = set()
    while todo:
        seen.add(domain := todo.pop())
        manifest = _manifest(root / domain)
        yield manifest
        todo.update(set(manifest["dependencies"]) - seen)
        imported.update(manifest["after_dependencies"])
    for domain in imported - seen:
        yield _manifest(root / domain)


def _manifest(folder: Path) -> dict[str, Any]:
    """Return a component's manifest with every list there."""
    lists = ("requirements", "dependencies", "after_dependencies")
    manifest: dict[str, Any] = dict.fromkeys(lists, ())
    manifest.update(json.loads((folder / "manifest.json").read_text(encoding="utf-8")))
    return manifest


if __name__ == "__main__":
    sys.exit(main())
