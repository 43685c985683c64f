"""Entries of a journal, as creations make them."""

from typing import Any

from msgspec import structs

from custom_components.fleet_upgrade.askers import Asker
from custom_components.fleet_upgrade.clients.model import (
    CreateRequest,
    PreparedCreate,
    Targets,
    UpgradeKind,
)
from custom_components.fleet_upgrade.writes import CreateEntry, WriteState

from .tiny_platform import NOW

REQUEST = CreateRequest(
    kind=UpgradeKind.FIRMWARE,
    package_id="package-1",
    targets=Targets(device_groups=("Meters north", "Meters south")),
)
PREPARED = PreparedCreate(
    request=REQUEST, method="POST", path="/", body={"fileId": "1"}, version="V2.0"
)


def make_write(entry_id: str = "one", **values: Any) -> CreateEntry:
    """Return an open entry, asked for at `NOW` by nobody in particular."""
    return structs.replace(
        CreateEntry(
            entry_id=entry_id,
            key=f"key of {entry_id}",
            asked_time=NOW.timestamp(),
            asker=Asker(),
            prepared=PREPARED,
            seen=("earlier",),
        ),
        **values,
    )


def closed(
    entry: CreateEntry, state: WriteState = WriteState.DONE, **values: Any
) -> CreateEntry:
    """Return an entry of which it is known, a minute later, what became of it."""
    return structs.replace(
        entry,
        **{
            "state": state,
            "closed_time": entry.asked_time + 60,
            "task_id": "task-1" if state is WriteState.DONE else None,
            "seen": (),
            **values,
        },
    )
