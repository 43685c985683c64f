"""What falls due, in device time and in the clock's time."""

from datetime import UTC, datetime, timedelta

import pytest

from simulator.agenda import Agenda, Moment
from simulator.clock import Clock

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> Clock:
    """A clock at noon, whose devices are ten times as fast."""
    clock = Clock(speed=10)
    clock.freeze(NOON)
    return clock


def test_both_queues_are_done_in_the_order_of_time(clock: Clock) -> None:
    """Each action is told when it was due, however late it is done."""
    agenda = Agenda(clock)
    steps = agenda.here().steps
    done: list[tuple[str, Moment]] = []
    agenda.at_wall(NOON.timestamp() + 2, lambda at: done.append(("wall", at)))
    agenda.at_step(steps + 30, lambda at: done.append(("late step", at)))
    agenda.at_step(steps + 10, lambda at: done.append(("early step", at)))
    agenda.at_step(steps + 1000, lambda at: done.append(("never", at)))
    clock.advance(60)
    agenda.run()
    assert [name for name, _ in done] == ["early step", "wall", "late step"]
    assert [at.now - NOON.timestamp() for _, at in done] == pytest.approx([1, 2, 3])
    assert [at.steps - steps for _, at in done] == pytest.approx([10, 20, 30])
    assert not agenda.empty
    agenda.run()
    assert len(done) == 3


def test_what_is_planned_while_it_runs_is_done_too(clock: Clock) -> None:
    """As long as it is due."""
    agenda = Agenda(clock)
    steps = agenda.here().steps
    done: list[float] = []

    def again(at: Moment) -> None:
        done.append(at.steps - steps)
        agenda.at_step(at.steps + 100, again)

    agenda.at_step(steps, again)
    clock.advance(35)
    agenda.run()
    assert done == pytest.approx([0, 100, 200, 300])


def test_a_clock_that_is_put_ahead_moves_no_device(clock: Clock) -> None:
    """And nothing is due before what was last seen."""
    agenda = Agenda(clock)
    done: list[float] = []
    agenda.at_step(agenda.here().steps + 10, lambda at: done.append(at.now))
    clock.set(NOON + timedelta(days=1))
    agenda.run()
    assert done == []
    clock.advance(1)
    agenda.run()
    assert done == [(NOON + timedelta(days=1, seconds=1)).timestamp()]
    assert agenda.empty
