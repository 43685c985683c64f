"""Many calls to wake up become few polls."""

import asyncio
from collections.abc import Callable

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.fleet_upgrade.waker import LONGEST_GAP, QUIET, SHARE, Waker

from .tiny_platform import NOW

LONG = 3.0
STEP = 0.25


class Story:
    """A waker, and when it polled: in seconds since the story began."""

    def __init__(self, hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> None:
        """Begin."""
        self._hass = hass
        self._freezer = freezer
        freezer.move_to(NOW)
        self.now = 0.0
        self.polls: list[float] = []
        self.hold: asyncio.Event | None = None
        entry = MockConfigEntry(title="Fleet north")
        self.waker = Waker(hass, entry, self._poll)

    async def _poll(self) -> None:
        self.polls.append(self.now)
        if self.hold is not None:
            await self.hold.wait()

    async def pass_by(
        self, seconds: float, then: Callable[[], None] = lambda: None
    ) -> None:
        """Let time pass in small steps; do something with each."""
        for _ in range(round(seconds / STEP)):
            then()
            self.now += STEP
            self._freezer.tick(STEP)
            async_fire_time_changed(self._hass)
            await asyncio.sleep(0)
            await asyncio.sleep(0)


@pytest.fixture
def story(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> Story:
    """A story that begins now."""
    return Story(hass, freezer)


async def test_a_thousand_calls_at_once_are_one_poll_soon(story: Story) -> None:
    """Half a second is enough for them to come in together."""
    for _ in range(1000):
        story.waker.wake()
    await story.pass_by(5)
    assert len(story.polls) == 1
    assert story.polls[0] <= 1


async def test_the_second_poll_begins_within_two_seconds_too(story: Story) -> None:
    """What was told during or after the first is not in it."""
    story.waker.wake()
    await story.pass_by(1)
    story.waker.wake()
    await story.pass_by(2.5)
    first, second = story.polls
    assert second - first <= 2.5
    assert second - 1 <= 2


async def test_who_calls_all_the_time_is_answered_less_and_less_often(
    story: Story,
) -> None:
    """Six polls in the first minute, then two a minute."""
    await story.pass_by(240, story.waker.wake)
    gaps = [
        after - before
        for before, after in zip(story.polls, story.polls[1:], strict=False)
    ]
    assert gaps[:4] == pytest.approx([2, 4, 8, 16], abs=1)
    assert gaps[4:] == pytest.approx([LONGEST_GAP] * len(gaps[4:]), abs=1)
    assert len([poll for poll in story.polls if poll < 60]) == 6


async def test_after_a_quiet_minute_the_answer_is_quick_again(story: Story) -> None:
    """Whoever called before does not count any more."""
    await story.pass_by(120, story.waker.wake)
    await story.pass_by(LONGEST_GAP + QUIET + 1)
    before = len(story.polls)
    story.waker.wake()
    await story.pass_by(1)
    story.waker.wake()
    await story.pass_by(2.5)
    assert len(story.polls) == before + 2


async def test_no_poll_begins_while_one_is_running(story: Story) -> None:
    """What is told meanwhile is polled after it, and not at once."""
    story.hold = asyncio.Event()
    story.waker.wake()
    await story.pass_by(1)
    await story.pass_by(LONG, story.waker.wake)
    assert len(story.polls) == 1
    story.hold.set()
    await story.pass_by(SHARE * LONG)
    first, second = story.polls
    assert second - first >= SHARE * LONG


async def test_nothing_is_polled_after_the_end(story: Story) -> None:
    """Not even what was asked for before."""
    story.waker.wake()
    story.waker.stop()
    story.waker.wake()
    await story.pass_by(5)
    assert story.polls == []
    story.waker.stop()
