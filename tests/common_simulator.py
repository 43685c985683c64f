"""The simulated platform as fixtures, and how to talk to it without a client."""

from collections.abc import Iterator
from typing import Any

import pytest

from custom_components.fleet_upgrade.const import CONF_PLATFORM
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


def credentials_for(oceanconnect: OceanConnectSimulator) -> dict[str, Any]:
    """Return the data of an account on the simulated platform."""
    return {
        CONF_PLATFORM: "oceanconnect",
        "host": oceanconnect.host,
        "port": oceanconnect.port,
        "app_id": oceanconnect.app_id,
        "secret": oceanconnect.secret,
        "client_certificate": oceanconnect.tls.client_pem.decode(),
        "client_key": oceanconnect.tls.client_key.decode(),
        "ca": oceanconnect.tls.ca_pem.decode(),
        "server_check": "full",
    }
