"""Fixtures of the simulators' tests."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from simulator.oceanconnect import OceanConnectSimulator

from .northbound import Northbound, client_context


@pytest.fixture
async def stranger(oceanconnect: OceanConnectSimulator) -> AsyncIterator[Northbound]:
    """An application that has not signed in."""
    connector = aiohttp.TCPConnector(ssl=client_context(oceanconnect.tls))
    async with aiohttp.ClientSession(oceanconnect.url, connector=connector) as session:
        yield Northbound(session, oceanconnect)


@pytest.fixture
async def northbound(stranger: Northbound) -> Northbound:
    """An application that has signed in."""
    return await stranger.signed_in()
