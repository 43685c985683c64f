"""Whatever comes in whatever order: nothing is wrong, doubled, lost or left behind."""

from functools import partial
from typing import Any

from homeassistant.core import HomeAssistant
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import get_state_machine_test
import pytest

from simulator.enos import EnosSimulator
from simulator.oceanconnect import OceanConnectSimulator

from .random_enos import RandomEnos
from .random_life import RandomLife
from .random_oceanconnect import RandomOceanConnect
from .random_platform import RandomPlatform
from .random_world import World

SHARES = 2
"""Parts that the lives on a platform are divided into, each with a seed."""


@pytest.fixture(params=["oceanconnect", "enos"])
def platform(
    request: pytest.FixtureRequest,
    oceanconnect: OceanConnectSimulator,
    enos: EnosSimulator,
) -> RandomPlatform[Any]:
    """Return each platform, as lives are lived on it."""
    if request.param == "enos":
        return RandomEnos(enos)
    return RandomOceanConnect(oceanconnect)


@pytest.mark.filterwarnings("ignore:It looks like `register_random`")
@pytest.mark.parametrize("share", range(SHARES))
def test_an_account_stays_right_whatever_happens(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    platform: RandomPlatform[Any],
    monkeypatch: pytest.MonkeyPatch,
    pytestconfig: pytest.Config,
    share: int,
) -> None:
    """Platform, connection, clocks, Home Assistant and its user, as they like."""
    hass.loop.set_debug(False)
    world = World(hass, platform, hass_storage, monkeypatch)
    begin: Any = partial(RandomLife, world)
    live = get_state_machine_test(
        begin,
        settings=settings(
            max_examples=pytestconfig.getoption("lives") // (2 * SHARES),
            stateful_step_count=25,
            deadline=None,
            database=None,
            # The first life that failed is told, as it was: no simpler one is needed.
            phases=[Phase.generate],
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
