"""The folder in which the demo keeps everything that it makes."""

from collections.abc import Generator
from contextlib import contextmanager
import fcntl
from pathlib import Path
import shutil
from typing import TextIO

from .errors import DemoError

MARK = ".fleet-upgrade-demo"
"""Tells a folder of the demo from any other; locked while the demo runs."""


@contextmanager
def demo_folder(folder: Path, *, fresh: bool) -> Generator[None]:
    """Own a folder: a new or empty one, or one that the demo made before.

    With ``fresh`` everything in it is deleted first. Raises `DemoError` when the
    folder is somebody else's, or another demo runs in it.
    """
    try:
        lock = _lock(folder)
    except OSError as err:
        raise DemoError(f"{folder} cannot be used: {err.strerror}") from err
    with lock:
        if fresh:
            _empty(folder)
        yield


def _lock(folder: Path) -> TextIO:
    mark = folder / MARK
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not mark.exists() and any(folder.iterdir()):
        raise DemoError(f"{folder} has other things in it; name an empty folder")
    lock = mark.open("a", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as err:
        lock.close()
        raise DemoError(
            f"another demo runs in {folder}; name another folder with --folder"
        ) from err
    return lock


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name == MARK:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
