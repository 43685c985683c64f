"""Fixtures of the simulator's tests."""

from tests.common_simulator import (
    oceanconnect as oceanconnect,
    simulator_server as simulator_server,
)
