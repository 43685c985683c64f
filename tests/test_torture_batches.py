"""No device of a batch or of a retry is upgraded twice, and none is left out."""

from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from simulator.oceanconnect import OceanConnectSimulator

from .torture import hurry
from .torture_batches import BatchTorture, split_small

SHARES = 2
"""Parts that the runs are divided into, each with a platform of its own."""

EACH = 50
"""Single creations for each of these runs, which are many times as long."""


@pytest.fixture(autouse=True)
def enable_event_loop_debug() -> None:
    """Leave asyncio's debugging to the tests of the same steps made once."""


@pytest.mark.parametrize("share", range(SHARES))
async def test_each_device_is_upgraded_once_and_tried_again_once(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    oceanconnect: OceanConnectSimulator,
    entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    pytestconfig: pytest.Config,
    share: int,
) -> None:
    """However often somebody has to ask until all is there."""
    runs = pytestconfig.getoption("torture_runs") // SHARES // EACH
    seed = pytestconfig.getoption("torture_seed") + share
    hurry(monkeypatch)
    split_small(monkeypatch)
    oceanconnect.reset(rate_limit=1_000_000, devices=300)
    torture = BatchTorture(hass, entry, oceanconnect, hass_storage, seed)
    await torture.start()
    stories = [await torture.tell(number) for number in range(runs)]
    faults = {fault for story in stories for fault in story.faults}
    assert len(faults) > runs
