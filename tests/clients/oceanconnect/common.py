"""How the tests of OceanConnect's client connect, and what they ask for."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from custom_components.fleet_upgrade.clients.model import (
    CreateRequest,
    Page,
    PreparedCreate,
    Targets,
    UpgradeKind,
)
from custom_components.fleet_upgrade.clients.oceanconnect import PLATFORM
from custom_components.fleet_upgrade.clients.oceanconnect.client import (
    OceanConnectClient,
)
from simulator.oceanconnect import OceanConnectSimulator

CREATE = "/operations/softwareUpgrade"
LOGIN = "/sec/v1.1.0/login"
REFRESH = "/sec/v1.1.0/refreshToken"
WEEK_AGO = datetime.now(UTC) - timedelta(days=7)


def credentials_of(sim: OceanConnectSimulator, **changes: Any) -> dict[str, Any]:
    """Return good credentials of the simulated platform, with changes."""
    good = {
        "host": sim.host,
        "port": sim.port,
        "app_id": sim.app_id,
        "secret": sim.secret,
        "client_certificate": sim.tls.client_pem.decode(),
        "client_key": sim.tls.client_key.decode(),
        "ca": sim.tls.ca_pem.decode(),
        "server_check": "full",
    }
    return {key: value for key, value in (good | changes).items() if value is not None}


def connect(
    session: aiohttp.ClientSession, sim: OceanConnectSimulator, **changes: Any
) -> OceanConnectClient:
    """Return a client that pauses only briefly when it is throttled."""
    credentials = credentials_of(sim, **changes)
    client = PLATFORM.client(session, credentials, PLATFORM.check(credentials))
    assert isinstance(client, OceanConnectClient)
    client.budget.pause = 0.05
    return client


async def all_of[ItemT](pages: AsyncIterator[Page[ItemT]]) -> list[ItemT]:
    """Read a listing to its end."""
    return [item async for page in pages for item in page.items]


async def a_creation(
    client: OceanConnectClient, kind: UpgradeKind = UpgradeKind.SOFTWARE
) -> PreparedCreate:
    """Prepare a creation for the first device group."""
    packages = await all_of(client.list_packages(kind=kind))
    groups = await all_of(client.list_device_groups())
    return await client.prepare_create(
        CreateRequest(
            kind=kind,
            package_id=packages[0].package_id,
            targets=Targets(device_groups=(groups[0].name,)),
        )
    )
