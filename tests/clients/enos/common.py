"""How the tests of EnOS's client connect, and what they ask for."""

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
import json
from typing import Any

import aiohttp

from custom_components.fleet_upgrade.clients.enos import PLATFORM
from custom_components.fleet_upgrade.clients.enos.client import EnosClient
from custom_components.fleet_upgrade.clients.model import (
    ChangeKind,
    Page,
    PreparedCreate,
    TaskChange,
)
from simulator.calls import Call
from simulator.enos import EnosSimulator

GET_TOKEN = "/token/get"
REFRESH = "/token/refresh"
JOBS = "/connect-service/v2.1/ota-jobs"
CREATE = "action=create"
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def week_ago() -> datetime:
    """Return how far the first poll reads back."""
    return datetime.now(UTC) - timedelta(days=7)


def credentials_of(sim: EnosSimulator, **changes: Any) -> dict[str, Any]:
    """Return good credentials of the simulated platform, with changes."""
    good = {
        "address": sim.url,
        "access_key": sim.access_key,
        "secret_key": sim.secret_key,
        "org_id": sim.org_id,
    }
    return good | changes


def connect(
    session: aiohttp.ClientSession, sim: EnosSimulator, **changes: Any
) -> EnosClient:
    """Return a client that pauses only briefly when it is throttled."""
    credentials = credentials_of(sim, **changes)
    client = PLATFORM.client(session, credentials, PLATFORM.check(credentials))
    assert isinstance(client, EnosClient)
    client.budget.pause = 0.05
    client.budget.limit = 1000
    return client


async def all_of[ItemT](pages: AsyncIterator[Page[ItemT]]) -> list[ItemT]:
    """Read a listing to its end."""
    return [item async for page in pages for item in page.items]


async def a_creation(
    client: EnosClient, sim: EnosSimulator, **values: Any
) -> PreparedCreate:
    """Prepare a creation with verified firmware, for a device group by default."""
    firmware = sim.firmware(verified=True)[0]
    if not values:
        values = {"device_groups": [sim.groups(firmware)[0].group_id]}
    [action] = PLATFORM.create_actions
    request = action.build(
        {"package": firmware.firmware_id, **values}, datetime.now(UTC)
    )
    return await client.prepare_create(request)


def actions(sim: EnosSimulator) -> list[str]:
    """Return what was asked for since the calls were cleared last."""
    return [
        call.query.get("action") or call.path.rpartition("/")[2] for call in sim.calls
    ]


def sent(call: Call) -> Any:
    """Return the body of a call."""
    return json.loads(call.body)


async def change(
    client: EnosClient, kind: str, task_id: str, devices: Iterable[str] = ()
) -> None:
    """Change a task as the actions do."""
    await client.change_task(
        TaskChange(kind=ChangeKind(kind), task_id=task_id, devices=tuple(devices))
    )
