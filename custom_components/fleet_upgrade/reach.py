"""Looks whom a creation reaches, and refuses what would take devices back."""

import asyncio
from typing import Final

from .clients.errors import InvalidFieldError, PlatformError
from .clients.model import PreparedCreate, Reach, Value
from .clients.platform import PlatformClient
from .clients.versions import is_older
from .const import LOGGER

LOOK_WITHIN: Final = 30.0
"""Seconds that a creation waits for the look."""

_MOST_NAMED: Final = 10
"""Versions that a refusal names."""


class Downgrade(Value, frozen=True):
    """Devices that run a later version than the one that they would get."""

    devices: int
    versions: dict[str, int]


async def async_look(client: PlatformClient, prepared: PreparedCreate) -> Reach:
    """Look whom a creation reaches; nothing is known if that fails or takes too long.

    It never stands in the way of the creation.
    """
    try:
        async with asyncio.timeout(LOOK_WITHIN):
            return await client.reach(prepared)
    except (PlatformError, TimeoutError) as err:
        LOGGER.debug("Nobody knows whom the upgrade task reaches: %r", err)
    except Exception:  # noqa: BLE001 (whatever it is, the creation is not concerned)
        LOGGER.exception("Unexpected error while looking whom an upgrade task reaches")
    return Reach()


def downgrade_of(prepared: PreparedCreate, reach: Reach) -> Downgrade | None:
    """Return which devices would be taken back to an older version, if any."""
    versions = {
        version: count
        for version, count in (reach.versions or {}).items()
        if prepared.version is not None and is_older(prepared.version, version)
    }
    if not versions:
        return None
    return Downgrade(devices=sum(versions.values()), versions=versions)


def refuse_downgrade(prepared: PreparedCreate, reach: Reach) -> None:
    """Refuse to take devices back to an older version; raises `InvalidFieldError`."""
    if (found := downgrade_of(prepared, reach)) is not None:
        named = sorted(found.versions)[:_MOST_NAMED]
        more = ["…"] if len(found.versions) > len(named) else []
        raise InvalidFieldError(
            "allow_downgrade",
            "downgrade_refused",
            count=str(found.devices),
            versions=", ".join([*named, *more]),
            version=prepared.version or "",
        )
