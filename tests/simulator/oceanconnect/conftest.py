"""Fixtures of the simulated OceanConnect platform's tests."""

import pytest

from simulator.oceanconnect import OceanConnectSimulator
from simulator.oceanconnect.model import Device, Package

from .engine_tasks import NOON


@pytest.fixture
def sim(oceanconnect: OceanConnectSimulator) -> OceanConnectSimulator:
    """A platform at a known time, whose devices move only when the clock does."""
    oceanconnect.clock.freeze(NOON)
    return oceanconnect


@pytest.fixture
def package(sim: OceanConnectSimulator) -> Package:
    """The newest firmware of a product; no device has it yet."""
    return sim.packages("firmware")[0]


@pytest.fixture
def devices(sim: OceanConnectSimulator, package: Package) -> list[Device]:
    """Five devices in good health."""
    devices = sim.devices(package)[:5]
    for device in devices:
        device.status, device.wakes_after, device.flaw = "ONLINE", 0.0, None
        device.cell, device.coverage = 0, 0
    return devices
