"""How the last poll of an account went."""

import asyncio

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fleet_upgrade.clients.budget import CallBudget, Priority
from custom_components.fleet_upgrade.clients.errors import (
    ConnectionProblem,
    UnreachableError,
)
from custom_components.fleet_upgrade.const import DOMAIN
from custom_components.fleet_upgrade.polls import PollLog, PollReport

from .tiny_platform import NOW, TinyFleet, set_up


async def test_the_calls_of_a_poll_are_those_for_polling(
    freezer: FrozenDateTimeFactory,
) -> None:
    """Signing in among them; not those of an action meanwhile."""
    freezer.move_to(NOW)
    budget = CallBudget()
    log = PollLog(budget)
    async with budget.call(Priority.POLL):
        pass
    with log.watch():
        for priority in (*Priority, Priority.POLL):
            async with budget.call(priority):
                freezer.tick(2)
    assert log.last == PollReport(time=NOW.timestamp() + 10, seconds=10, calls=3)
    freezer.tick(5)
    assert log.last.age == 5


@pytest.mark.parametrize(
    ("error", "key"),
    [
        (
            HomeAssistantError(translation_domain=DOMAIN, translation_key="timed_out"),
            "timed_out",
        ),
        (HomeAssistantError("in plain words"), "HomeAssistantError"),
        (ValueError(), "ValueError"),
    ],
)
def test_why_a_poll_failed_is_known(error: Exception, key: str) -> None:
    """By the key of its text, or by the name of what nobody foresaw."""
    log = PollLog(CallBudget())
    with pytest.raises(type(error)), log.watch():
        raise error
    assert log.last is not None
    assert log.last.error == key


def test_a_poll_that_was_cut_off_does_not_count() -> None:
    """It neither failed nor succeeded."""
    log = PollLog(CallBudget())
    with log.watch():
        pass
    before = log.last
    with pytest.raises(asyncio.CancelledError), log.watch():
        raise asyncio.CancelledError
    assert log.last is before


async def test_each_poll_of_an_account_is_watched(
    hass: HomeAssistant, fleet: TinyFleet, tiny_entry: MockConfigEntry
) -> None:
    """Also one that fails."""
    await set_up(hass, tiny_entry)
    polls = tiny_entry.runtime_data.polls
    assert polls.last.error is None
    fleet.error = UnreachableError(ConnectionProblem.HUNG_UP)
    await tiny_entry.runtime_data.async_refresh()
    assert polls.last.error == "hung_up"
