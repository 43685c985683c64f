"""How a poll changes the state of an account, and what is told of it."""

from datetime import datetime, timedelta

import pytest

from custom_components.fleet_upgrade.account import (
    AccountData,
    AccountState,
    TaskEvent,
    TaskEventType,
    advance,
)
from custom_components.fleet_upgrade.clients.model import (
    Poll,
    StatusCounts,
    Targets,
    TaskStatus,
    UpgradeKind,
    UpgradeTask,
)
from custom_components.fleet_upgrade.const import MAX_TASK_DEVICES
from custom_components.fleet_upgrade.early_warning import Limits

from .tiny_platform import NOW, make_task

WAITING, PROCESSING = TaskStatus.WAITING, TaskStatus.PROCESSING
SUCCEEDED, FAILED = TaskStatus.SUCCEEDED, TaskStatus.FAILED
STOPPED = TaskStatus.STOPPED

WEEK = timedelta(days=7)


def knowing(*tasks: UpgradeTask) -> AccountState:
    """Return the state of an account with these tasks."""
    return AccountState(tasks={task.task_id: task for task in tasks})


def polled(
    state: AccountState | None, *tasks: UpgradeTask, now: datetime = NOW
) -> AccountState:
    """Return the state after a poll that found these tasks."""
    return advance(state, Poll(tasks=tasks), now, WEEK, Limits())


def told(state: AccountState) -> list[tuple[str, str]]:
    """Return type and task of the events that wait to be told."""
    return [(event.type.value, event.task_id) for event in state.outbox]


def test_the_first_poll_of_an_account_tells_nothing() -> None:
    """What was there before is no news."""
    state = polled(None, make_task("runs"), make_task("over", FAILED))
    assert state.tasks.keys() == {"runs", "over"}
    assert state.outbox == ()


@pytest.mark.parametrize(
    ("before", "after", "events"),
    [
        (None, WAITING, ["created"]),
        (None, PROCESSING, ["created", "started"]),
        (None, SUCCEEDED, ["created", "started", "succeeded"]),
        (None, FAILED, ["created", "started", "failed"]),
        (None, None, ["created"]),
        (WAITING, WAITING, []),
        (WAITING, PROCESSING, ["started"]),
        (WAITING, SUCCEEDED, ["started", "succeeded"]),
        (PROCESSING, PROCESSING, []),
        (PROCESSING, SUCCEEDED, ["succeeded"]),
        (PROCESSING, FAILED, ["failed"]),
        (PROCESSING, STOPPED, ["stopped"]),
        (PROCESSING, None, []),
        (None, STOPPED, ["created", "started", "stopped"]),
        (FAILED, PROCESSING, ["restarted"]),
        (FAILED, WAITING, ["restarted"]),
        (FAILED, SUCCEEDED, ["succeeded"]),
        (FAILED, FAILED, []),
    ],
)
def test_what_must_have_happened_between_two_polls_is_told(
    before: TaskStatus | None, after: TaskStatus | None, events: list[str]
) -> None:
    """A step that no poll saw is told all the same, each of them once."""
    state = AccountState() if before is None else knowing(make_task("one", before))
    state = polled(state, make_task("one", after))
    assert told(state) == [(event, "one") for event in events]
    assert polled(state, make_task("one", after)).outbox == state.outbox


def test_a_task_that_was_stopped_while_it_waited_never_started() -> None:
    """Only what ran is told to have started."""
    state = polled(
        knowing(make_task("one", WAITING)), make_task("one", STOPPED, started=None)
    )
    assert told(state) == [("stopped", "one")]


def test_a_task_stopped_before_it_ran_starts_when_it_runs_in_the_end() -> None:
    """It is active again, and runs for the first time."""
    never_ran = make_task("one", STOPPED, started=None)
    state = polled(knowing(never_ran), make_task("one", PROCESSING))
    assert told(state) == [("restarted", "one"), ("started", "one")]


def test_the_start_of_a_task_of_unknown_status_is_told_when_it_runs() -> None:
    """A word that nobody knows is not taken for a start or an end."""
    state = polled(knowing(make_task("one", None)), make_task("one", PROCESSING))
    assert told(state) == [("started", "one")]


def test_events_are_told_in_the_order_in_which_tasks_were_created() -> None:
    """The platform's own order is undocumented."""
    state = polled(
        AccountState(),
        make_task("second", WAITING, created=NOW - timedelta(hours=1)),
        make_task("unknown", WAITING, created=None),
        make_task("first", WAITING, created=NOW - timedelta(hours=2)),
    )
    assert [task_id for _, task_id in told(state)] == ["first", "second", "unknown"]


def test_an_event_says_what_was_known_then() -> None:
    """Later polls do not change what happened."""
    state = polled(AccountState(), make_task("one", WAITING))
    assert state.outbox == (
        TaskEvent(
            type=TaskEventType.CREATED,
            task_id="one",
            kind=UpgradeKind.FIRMWARE,
            version="V1.3",
            target="Meters north",
            target_count=2,
            counts=StatusCounts(
                total=8, waiting=2, processing=1, succeeded=4, failed=1
            ),
        ),
    )


def test_targets_that_are_devices_are_counted_too() -> None:
    """A task names device groups or devices."""
    targets = Targets(devices=("meter-1", "meter-2", "meter-3"))
    (event,) = polled(AccountState(), make_task("1", WAITING, targets=targets)).outbox
    assert (event.target, event.target_count) == ("meter-1", 3)


def test_a_task_read_twice_in_one_poll_counts_once() -> None:
    """It moved from one list to the next while they were read."""
    state = polled(
        AccountState(), make_task("one", WAITING), make_task("one", PROCESSING)
    )
    assert told(state) == [("created", "one"), ("started", "one")]
    assert state.tasks["one"].status is PROCESSING


def test_a_task_that_no_poll_reads_stays_as_it_was() -> None:
    """Not read is not deleted."""
    state = polled(knowing(make_task("one", SUCCEEDED)))
    assert state.tasks.keys() == {"one"}
    assert state.outbox == ()


def test_a_task_that_did_not_change_stays_the_same_object() -> None:
    """So that comparing two states of an account costs nothing."""
    task = make_task("one")
    assert polled(knowing(task), make_task("one")).tasks["one"] is task


@pytest.mark.parametrize(
    ("status", "events"), [(PROCESSING, [("deleted", "one")]), (FAILED, [])]
)
def test_a_task_deleted_on_the_platform_is_told_of_if_it_was_active(
    status: TaskStatus, events: list[tuple[str, str]]
) -> None:
    """Who waits for its end would wait for ever; even if a page still had it."""
    state = advance(
        knowing(make_task("one", status)),
        Poll(tasks=(make_task("one", FAILED),), deleted=frozenset({"one"})),
        NOW,
        WEEK,
        Limits(),
    )
    assert state.tasks == {}
    assert told(state) == events


def test_an_ended_task_is_forgotten_when_the_retention_is_over() -> None:
    """Counted from its end, not from its creation."""
    task = make_task("one", FAILED, created=NOW - 2 * WEEK, ended=NOW)
    state = polled(knowing(task), now=NOW + WEEK)
    assert state.tasks.keys() == {"one"}
    state = polled(state, now=NOW + WEEK + timedelta(seconds=1))
    assert state == AccountState()


def test_an_active_task_is_never_forgotten() -> None:
    """However long it waits."""
    task = make_task("one", WAITING)
    assert polled(knowing(task), task, now=NOW + 9 * WEEK).tasks == {"one": task}


@pytest.mark.parametrize("status", [SUCCEEDED, None])
def test_a_task_without_an_end_is_kept_from_when_it_was_first_seen_inactive(
    status: TaskStatus | None,
) -> None:
    """The platform told no end, or a status that nobody knows."""
    task = make_task("one", status, created=NOW - 2 * WEEK, ended=None)
    state = polled(AccountState(), task)
    state = polled(state, task, now=NOW + WEEK)
    assert state.inactive_since == {"one": NOW.timestamp()}
    state = polled(state, task, now=NOW + WEEK + timedelta(seconds=1))
    assert not state.tasks
    assert not state.inactive_since


def test_a_task_that_is_active_again_starts_its_retention_anew() -> None:
    """Its next end counts."""
    over, again = make_task("one", FAILED, ended=None), make_task("one", PROCESSING)
    state = polled(AccountState(), over)
    state = polled(state, again, now=NOW + timedelta(days=1))
    assert not state.inactive_since
    state = polled(state, over, now=NOW + timedelta(days=2))
    assert state.inactive_since == {"one": (NOW + timedelta(days=2)).timestamp()}


def test_a_known_task_that_ended_long_ago_is_told_of_and_forgotten() -> None:
    """Home Assistant was down for longer than the retention."""
    ended = make_task("one", FAILED)
    state = polled(knowing(make_task("one")), ended, now=NOW + 2 * WEEK)
    assert told(state) == [("failed", "one")]
    assert not state.tasks


def test_an_unknown_task_that_ended_long_ago_is_left_out() -> None:
    """It may be one that was forgotten."""
    state = polled(AccountState(), make_task("one", FAILED), now=NOW + 2 * WEEK)
    assert state == AccountState()


def test_what_was_not_told_yet_stays_before_what_is_new() -> None:
    """Nothing overtakes anything."""
    state = polled(AccountState(), make_task("one", WAITING))
    state = polled(state, make_task("one", PROCESSING))
    assert told(state) == [("created", "one"), ("started", "one")]


def data_of(*tasks: UpgradeTask) -> AccountData:
    """Return what entities show of an account with these tasks."""
    return AccountData({task.task_id: task for task in tasks})


def test_active_tasks_have_a_device_before_the_newest() -> None:
    """Of the others the oldest go without."""
    old = [
        make_task(f"old-{day}", SUCCEEDED, created=NOW - timedelta(days=day))
        for day in range(1, 60)
    ]
    active = make_task("active", WAITING, created=NOW - timedelta(days=90))
    data = data_of(*reversed(old), active)
    assert len(data.tracked) == MAX_TASK_DEVICES
    assert data.tracked[:3] == ("active", "old-1", "old-2")
    assert data.tracked[-1] == "old-49"


def test_tasks_of_the_same_moment_always_come_in_the_same_order() -> None:
    """So that devices do not come and go without a reason."""
    tasks = [make_task(f"task-{number}") for number in range(60)]
    tasks.append(make_task("a", created=None))
    tracked = data_of(*tasks).tracked
    assert data_of(*reversed(tasks)).tracked == tracked
    assert "a" not in tracked


def test_an_overview_counts_tasks_and_the_devices_of_active_ones() -> None:
    """Devices of ended tasks are left out, or the sum would never fall."""
    overview = data_of(
        make_task("1", WAITING, counts=StatusCounts(total=3, waiting=3)),
        make_task("2", PROCESSING, counts=StatusCounts(total=5, waiting=1, failed=4)),
        make_task("3", SUCCEEDED, counts=StatusCounts(total=100, succeeded=100)),
        make_task("4", None),
    ).overview
    assert overview.tasks == {
        WAITING: 1,
        PROCESSING: 1,
        SUCCEEDED: 1,
        FAILED: 0,
        STOPPED: 0,
    }
    assert overview.devices == StatusCounts(total=8, waiting=4, failed=4)


def test_no_active_task_means_no_device_rather_than_unknown() -> None:
    """A statistic would otherwise have gaps."""
    devices = data_of(make_task("1", SUCCEEDED)).overview.devices
    assert devices == StatusCounts(
        total=0, waiting=0, processing=0, succeeded=0, failed=0, stopped=0, timed_out=0
    )
