"""No wave of a plan is created twice, and none is forgotten."""

from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fleet_upgrade import wave_steps
from simulator.oceanconnect import OceanConnectSimulator

from .torture import hurry
from .torture_batches import split_small
from .torture_waves import WaveTorture

SHARES = 2
"""Parts that the tales are divided into, each with a platform of its own."""

EACH = 100
"""Single creations for each of these tales, which are many times as long."""


@pytest.fixture(autouse=True)
def enable_event_loop_debug() -> None:
    """Leave asyncio's debugging to the tests of the same steps made once."""


@pytest.mark.parametrize("share", range(SHARES))
async def test_each_wave_is_created_once_whatever_happens(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    oceanconnect: OceanConnectSimulator,
    entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    pytestconfig: pytest.Config,
    share: int,
) -> None:
    """And the plan comes to its end."""
    tales = -(-pytestconfig.getoption("torture_runs") // SHARES // EACH)
    seed = pytestconfig.getoption("torture_seed") + share
    hurry(monkeypatch)
    split_small(monkeypatch)
    monkeypatch.setattr(wave_steps, "SHORTEST_PAUSE", 0.0)
    oceanconnect.reset(rate_limit=1_000_000, devices=300)
    torture = WaveTorture(hass, entry, oceanconnect, hass_storage, seed)
    await torture.start()
    done = [await torture.tell_of_waves(number) for number in range(tales)]
    assert all(tale.turns for tale in done)
