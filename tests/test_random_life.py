"""Whatever comes in whatever order: nothing is wrong, doubled, lost or left behind."""

from functools import partial
from typing import Any

from homeassistant.core import HomeAssistant
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import get_state_machine_test
import pytest

from simulator.oceanconnect import OceanConnectSimulator

from .random_life import RandomLife, World
from .torture import hurry

SHARES = 2
"""Parts that the lives are divided into, each with a seed."""


@pytest.mark.filterwarnings("ignore:It looks like `register_random`")
@pytest.mark.parametrize("share", range(SHARES))
def test_an_account_stays_right_whatever_happens(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    oceanconnect: OceanConnectSimulator,
    monkeypatch: pytest.MonkeyPatch,
    pytestconfig: pytest.Config,
    share: int,
) -> None:
    """Platform, connection, clocks, Home Assistant and its user, as they like."""
    hurry(monkeypatch)
    hass.loop.set_debug(False)
    world = World(hass, oceanconnect, hass_storage, monkeypatch)
    begin: Any = partial(RandomLife, world)
    live = get_state_machine_test(
        begin,
        settings=settings(
            max_examples=pytestconfig.getoption("lives") // SHARES,
            stateful_step_count=25,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    try:
        seed(pytestconfig.getoption("torture_seed") + share)(live)()
    except Exception:
        if not world.failures:
            raise
    # Not every life can be lived again, so this is the one that it happened in.
    assert not world.failures, world.failures[0]
