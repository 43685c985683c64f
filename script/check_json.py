"""Fail when a JSON file does not parse or says the same key twice."""

import json
from pathlib import Path
import sys


def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return the pairs as a dict; raise ValueError where a key comes twice."""
    keys = [key for key, _ in pairs]
    if doubled := {key for key in keys if keys.count(key) > 1}:
        raise ValueError(f"said twice: {', '.join(sorted(doubled))}")
    return dict(pairs)


def main(paths: list[str]) -> int:
    """Check the files at these paths; return the exit code."""
    status = 0
    for path in paths:
        try:
            json.loads(Path(path).read_bytes(), object_pairs_hook=unique)
        except ValueError as err:
            print(f"{path}: {err}", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
