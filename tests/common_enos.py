"""The simulated EnOS platform as fixtures."""

from collections.abc import Iterator

import pytest

from simulator.enos import EnosSimulator

ACCESS_KEY = "7c1e5f30-4d2a-4b96-a1f8-3e6b9c0d5271"
SECRET_KEY = "91b8e2d4-6f0c-4a57-8e13-c7a5d2f4b069"
ORG_ID = "o16227961710541"


@pytest.fixture(scope="session")
def enos_server() -> Iterator[EnosSimulator]:
    """Serve one simulated platform for the whole session, in a thread of its own.

    As it is set up before any fixture of a single test, no test sees its thread come
    or go.
    """
    with EnosSimulator(
        access_key=ACCESS_KEY, secret_key=SECRET_KEY, org_id=ORG_ID
    ) as simulator:
        yield simulator


@pytest.fixture
def enos(enos_server: EnosSimulator, socket_enabled: None) -> EnosSimulator:
    """Give a freshly seeded platform, and leave to make sockets (to 127.0.0.1 only)."""
    enos_server.reset()
    return enos_server


@pytest.fixture(scope="session")
def secure_enos_server() -> Iterator[EnosSimulator]:
    """Serve a simulated platform over TLS, with a certificate of a private CA."""
    with EnosSimulator(
        access_key=ACCESS_KEY, secret_key=SECRET_KEY, org_id=ORG_ID, tls=True
    ) as simulator:
        yield simulator


@pytest.fixture
def secure_enos(
    secure_enos_server: EnosSimulator, socket_enabled: None
) -> EnosSimulator:
    """Give a freshly seeded platform that speaks TLS."""
    secure_enos_server.reset()
    return secure_enos_server
