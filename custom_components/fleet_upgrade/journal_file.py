"""The files of a journal: one with its entries, one for each batch's targets.

All of this blocks.
"""

from pathlib import Path

from homeassistant.util import dt as dt_util
from homeassistant.util.file import WriteError, write_utf8_file_atomic
import msgspec
from msgspec import structs

from .clients.model import Targets
from .const import LOGGER
from .writes import ChangeEntry, CreateEntry, Entry, PlanEntry


class _Kind(msgspec.Struct):
    """Of an entry on disk, only whether it says which kind it is."""

    write: str | None = None


def targets_path(path: Path, batch_id: str) -> Path:
    """Return the file with the targets of a batch."""
    return path.with_name(f"{path.name}.batch.{batch_id}")


def write_entries(path: Path, entries: tuple[Entry, ...]) -> bool:
    """Write a journal's file; return whether it is on disk."""
    return write_file(path, [_without_targets(entry) for entry in entries])


def _without_targets(entry: Entry) -> Entry:
    """Return a part of a batch without the targets, which have a file of their own.

    Its body is only for sending it, which is never done again.
    """
    if not isinstance(entry, CreateEntry) or entry.part is None:
        return entry
    prepared = entry.prepared
    request = structs.replace(
        prepared.request, targets=prepared.request.targets.part(0, 0)
    )
    return structs.replace(
        entry, prepared=structs.replace(prepared, request=request, body={})
    )


def _with_targets(entry: Entry, path: Path, batches: dict[str, Targets]) -> Entry:
    """Return a part of a batch with its targets, from the batch's file."""
    if not isinstance(entry, CreateEntry) or entry.part is None:
        return entry
    part = entry.part
    if part.batch_id not in batches:
        batches[part.batch_id] = _read_targets(targets_path(path, part.batch_id))
    targets = batches[part.batch_id].part(part.start, part.stop)
    prepared = entry.prepared
    request = structs.replace(
        prepared.request,
        targets=structs.replace(
            prepared.request.targets,
            device_groups=targets.device_groups,
            devices=targets.devices,
        ),
    )
    return structs.replace(entry, prepared=structs.replace(prepared, request=request))


def _read_targets(path: Path) -> Targets:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Targets)
    except (OSError, ValueError) as err:
        LOGGER.error("The targets of a batch could not be read: %s", err)
        return Targets()


def write_file(path: Path, content: object) -> bool:
    """Write a file as a whole, or not at all; return whether it is on disk."""
    try:
        path.parent.mkdir(exist_ok=True)
        write_utf8_file_atomic(
            str(path), msgspec.json.encode(content), private=True, mode="wb"
        )
    except (OSError, WriteError) as err:
        LOGGER.error("A file could not be written: %s", err)
        return False
    return True


def read_entries(path: Path) -> tuple[list[Entry], bool]:
    """Read a journal's file; return its entries, and whether these are all.

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
    entries: list[Entry] = []
    batches: dict[str, Targets] = {}
    is_whole = True
    for row in rows:
        try:
            entries.append(_with_targets(_entry(row), path, batches))
        except ValueError as err:
            LOGGER.error("An entry of the journal could not be read: %s", err)
            is_whole = False
    if not is_whole:
        put_aside(path, content)
        write_entries(path, tuple(entries))
    for other in path.parent.glob(f"{path.name}.batch.*"):
        if other not in {targets_path(path, batch_id) for batch_id in batches}:
            other.unlink()  # Home Assistant was killed before the first part
    return entries, is_whole


def _entry(row: msgspec.Raw) -> Entry:
    """Return an entry; those of before there were changes do not say their kind."""
    kind = msgspec.json.decode(row, type=_Kind)
    if kind.write is None:
        return msgspec.json.decode(row, type=CreateEntry)
    return msgspec.json.decode(row, type=CreateEntry | ChangeEntry | PlanEntry)


def put_aside(path: Path, content: bytes) -> None:
    """Keep what could not be read: the next write would be the end of it."""
    aside = path.with_name(f"{path.name}.corrupt.{dt_util.utcnow().isoformat()}")
    write_utf8_file_atomic(str(aside), content, private=True, mode="wb")
    LOGGER.error("A file could not be read whole and was kept as %s", aside)


def remove_files(path: Path) -> None:
    """Delete a journal's file, its batches', and what was put aside as unreadable."""
    path.unlink(missing_ok=True)
    for kind in ("batch", "corrupt"):
        for other in path.parent.glob(f"{path.name}.{kind}.*"):
            other.unlink()
