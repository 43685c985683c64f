"""The file with the runs of an account's plans. All of this blocks."""

from pathlib import Path

import msgspec

from .const import LOGGER
from .journal_file import put_aside, write_file
from .waves import Run


def read_runs(path: Path) -> tuple[list[Run], bool]:
    """Read the runs; return them, and whether that is all that was in the file.

    What cannot be read is kept aside. Raises `OSError`.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return [], True
    try:
        rows = msgspec.json.decode(content, type=list[msgspec.Raw])
    except ValueError:
        put_aside(path, content)
        path.unlink()
        return [], False
    runs: list[Run] = []
    for row in rows:
        try:
            runs.append(msgspec.json.decode(row, type=Run))
        except ValueError as err:
            LOGGER.error("A run of an upgrade plan could not be read: %s", err)
    is_whole = len(runs) == len(rows)
    if not is_whole:
        put_aside(path, content)
        write_file(path, runs)
    return runs, is_whole
