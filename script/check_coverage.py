"""Fail when the tests leave too much of a module of the integration untouched."""

import json
from pathlib import Path
import sys

INTEGRATION = "custom_components/fleet_upgrade/"
#: Percent of lines and branches together that each module has to exceed.
FLOOR = 95
#: Modules that have to be covered completely.
COMPLETE = {f"{INTEGRATION}config_flow.py"}


def shortfalls(report: dict[str, dict[str, dict[str, dict[str, float]]]]) -> list[str]:
    """Return a line for each module that a coverage.py JSON report finds wanting."""
    lines = []
    covered = {
        path: file["summary"]["percent_covered"]
        for path, file in report["files"].items()
        if path.startswith(INTEGRATION)
    }
    for path, percent in sorted(covered.items()):
        if path in COMPLETE and percent < 100:
            lines.append(f"{path}: {percent:.1f} %, has to be 100 %")
        elif percent <= FLOOR:
            lines.append(f"{path}: {percent:.1f} %, has to be over {FLOOR} %")
    lines.extend(f"{path}: not measured" for path in sorted(COMPLETE - covered.keys()))
    return lines


def main(path: str) -> int:
    """Judge the report at this path; return the exit code."""
    lines = shortfalls(json.loads(Path(path).read_text(encoding="utf-8")))
    for line in lines:
        print(line, file=sys.stderr)
    if not lines:
        print(f"coverage: every module of the integration is over {FLOOR} %")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
