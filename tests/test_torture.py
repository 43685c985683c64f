"""No upgrade twice and none lost, whatever happens in between."""

from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from simulator.oceanconnect import OceanConnectSimulator

from .torture import FAULTS, KILLS, Run, Torture, hurry

SHARES = 5
"""Parts that the runs are divided into, each with a platform of its own."""


@pytest.fixture(autouse=True)
def enable_event_loop_debug() -> None:
    """Leave asyncio's debugging to the tests of the same steps made once.

    It writes down a stack with each future, which takes half of the time here.
    """


@pytest.mark.parametrize("share", range(SHARES))
async def test_no_upgrade_is_made_twice_and_none_is_lost(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    oceanconnect: OceanConnectSimulator,
    entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    pytestconfig: pytest.Config,
    share: int,
) -> None:
    """Faults and kills in all combinations, drawn by chance from a seed."""
    runs = pytestconfig.getoption("torture_runs") // SHARES
    seed = pytestconfig.getoption("torture_seed") + share
    hurry(monkeypatch)
    oceanconnect.reset(rate_limit=1_000_000, devices=300)
    torture = Torture(hass, entry, oceanconnect, hass_storage, seed)
    await torture.start()
    done: list[Run] = [await torture.run(number) for number in range(runs)]
    answered = [run for run in done if run.answers]
    assert len(answered) > runs / 4, "most runs should end well"
    if runs >= 100:
        assert {run.fault for run in done} == set(FAULTS)
        assert {run.kill for run in done} == {None, *KILLS}
