"""The simulated platform as fixtures, and how to talk to it without a client."""

from collections.abc import Iterator

import pytest

from simulator.oceanconnect import OceanConnectSimulator

APP_ID = "fleet-test"
SECRET = "a secret of the tests"


@pytest.fixture(scope="session")
def simulator_server() -> Iterator[OceanConnectSimulator]:
    """Serve one simulated platform for the whole session, in a thread of its own.

    As it is set up before any fixture of a single test, no test sees its thread come
    or go.
    """
    with OceanConnectSimulator(app_id=APP_ID, secret=SECRET) as simulator:
        yield simulator


@pytest.fixture
def oceanconnect(
    simulator_server: OceanConnectSimulator, socket_enabled: None
) -> OceanConnectSimulator:
    """Give a freshly seeded platform, and leave to make sockets (to 127.0.0.1 only)."""
    simulator_server.reset()
    return simulator_server
