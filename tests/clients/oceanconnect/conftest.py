"""A client of the simulated platform."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from custom_components.fleet_upgrade.clients.oceanconnect.client import (
    OceanConnectClient,
)
from simulator.oceanconnect import OceanConnectSimulator

from .common import connect


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Return a session such as a user of the client brings."""
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def client(
    session: aiohttp.ClientSession, oceanconnect: OceanConnectSimulator
) -> OceanConnectClient:
    """Return a client of the simulated platform."""
    return connect(session, oceanconnect)
