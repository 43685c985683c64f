"""The simulators' clock: the time, and the time of the devices."""

from datetime import UTC, datetime, timedelta
import time

from freezegun.api import FrozenDateTimeFactory
import pytest

from simulator.clock import Clock

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


def test_it_starts_at_the_wall_clocks_time() -> None:
    """With no device time spent."""
    clock = Clock()
    assert abs(clock.now() - time.clock_gettime(time.CLOCK_REALTIME)) < 1
    assert 0 <= clock.steps() < 1


def test_it_runs_on_by_itself() -> None:
    """Device time runs as many times as fast as the speed says."""
    clock = Clock(speed=1000)
    now, steps = clock.now(), clock.steps()
    time.sleep(0.02)
    assert 0.02 <= clock.now() - now < 1
    assert 20 <= clock.steps() - steps < 1000


def test_at_speed_zero_devices_stand_still_until_it_is_advanced() -> None:
    """Advancing then counts second by second."""
    clock = Clock(speed=0)
    time.sleep(0.01)
    assert clock.steps() == 0
    clock.advance(7)
    assert clock.steps() == 7


def test_advancing_moves_both_readings() -> None:
    """Device time as many times as far as the speed says."""
    clock = Clock(speed=10)
    clock.freeze(NOON)
    steps = clock.steps()
    clock.advance(60)
    assert clock.moment() == NOON + timedelta(minutes=1)
    assert clock.steps() == pytest.approx(steps + 600)


def test_frozen_it_moves_only_when_it_is_told_to() -> None:
    """Until it is let go, and then from where it stands."""
    clock = Clock(speed=1000)
    clock.freeze()
    now, steps = clock.now(), clock.steps()
    time.sleep(0.01)
    assert (clock.now(), clock.steps()) == (now, steps)
    clock.freeze(NOON)
    clock.unfreeze()
    time.sleep(0.01)
    assert 0.01 <= clock.now() - NOON.timestamp() < 1
    assert clock.steps() >= steps + 10
    clock.unfreeze()
    assert clock.now() - NOON.timestamp() < 1


@pytest.mark.parametrize("frozen", [False, True])
def test_it_can_be_put_to_any_time(frozen: bool) -> None:
    """Devices do not move by that, whether it goes back or ahead."""
    clock = Clock(speed=0)
    if frozen:
        clock.freeze()
    for moment in (NOON, NOON - timedelta(days=400)):
        clock.set(moment)
        assert timedelta() <= clock.moment() - moment < timedelta(seconds=1)
        assert clock.steps() == 0


def test_it_does_not_go_back_by_advancing() -> None:
    """Nor do devices unlearn a step."""
    with pytest.raises(ValueError, match="forward"):
        Clock().advance(-1)
    with pytest.raises(ValueError, match="negative"):
        Clock(speed=-1)


def test_a_test_that_freezes_time_does_not_freeze_it(
    freezer: FrozenDateTimeFactory,
) -> None:
    """The simulator is another machine; its clock is set on its own."""
    freezer.move_to(NOON - timedelta(days=3000))
    clock = Clock(speed=1000)
    now, steps = clock.now(), clock.steps()
    assert abs(now - time.clock_gettime(time.CLOCK_REALTIME)) < 1
    time.clock_gettime(time.CLOCK_REALTIME)
    while clock.now() == now or clock.steps() == steps:
        pass
    assert clock.moment().year >= 2026
