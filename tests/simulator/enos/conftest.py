"""Fixtures of the tests of the simulated EnOS platform."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from simulator.enos import EnosSimulator
from tests.common_enos import enos, enos_server

from .caller import Caller

__all__ = ["enos", "enos_server"]


@pytest.fixture
async def stranger(enos: EnosSimulator) -> AsyncIterator[Caller]:
    """An application without a token."""
    async with aiohttp.ClientSession(enos.url) as session:
        yield Caller(session, enos)


@pytest.fixture
async def caller(stranger: Caller) -> Caller:
    """An application with a token."""
    return await stranger.signed_in()
