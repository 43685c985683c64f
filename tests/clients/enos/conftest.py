"""A client of the simulated platform."""

from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest

from custom_components.fleet_upgrade.clients.enos import auth
from custom_components.fleet_upgrade.clients.enos.client import EnosClient
from simulator.enos import EnosSimulator

from ...common_enos import enos, enos_server
from .common import connect

__all__ = ["enos", "enos_server"]


@pytest.fixture(autouse=True)
def restart(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Forget all sessions, as a new process would: before each test, and at will."""

    def restart() -> None:
        monkeypatch.setattr(auth, "_sessions", {})

    restart()
    return restart


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Return a session such as a user of the client brings."""
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def client(session: aiohttp.ClientSession, enos: EnosSimulator) -> EnosClient:
    """Return a client of the simulated platform."""
    return connect(session, enos)
