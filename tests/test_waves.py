"""A run of a plan, wave by wave."""

from random import Random
from typing import Any

import msgspec
from msgspec import structs
import pytest

from custom_components.fleet_upgrade.clients.model import (
    Policy,
    StatusCounts,
    Targets,
    TaskStatus,
    UpgradeTask,
)
from custom_components.fleet_upgrade.plan import Plan
from custom_components.fleet_upgrade.waves import (
    APPEARS_WITHIN,
    OVER,
    SILENT_FOR,
    Phase,
    Run,
    Step,
    StopReason,
    advance,
    approved,
    begin,
    created,
    share_succeeded,
    split,
    stopped,
)

from .tiny_platform import make_task

NOW = 1_800_000_000.0
WAVES = [Targets(device_groups=(name,)) for name in ("one", "two", "three")]


def a_plan(**values: Any) -> Plan:
    """Return a plan of which a wave has to succeed on nine of ten devices."""
    plan = Plan(
        plan_id="plan",
        name="Meters",
        action="create",
        values={},
        device_groups=("one", "two", "three"),
        wanted_share=90,
    )
    return structs.replace(plan, **values)


def a_run(**values: Any) -> Run:
    """Return a run whose first wave has become a task that was seen."""
    run = created(begin("run", a_plan(**values), WAVES, NOW), ["task-1"], NOW)
    return structs.replace(run, is_seen=True)


def ended(
    succeeded: int | None,
    failed: int,
    status: TaskStatus = TaskStatus.SUCCEEDED,
    **values: Any,
) -> dict[str, UpgradeTask]:
    """Return the task of the first wave, ended on so many devices."""
    counts = StatusCounts(
        total=(succeeded or 0) + failed,
        waiting=0,
        processing=0,
        succeeded=succeeded,
        failed=failed,
    )
    return {"task-1": make_task("task-1", status, counts=counts, **values)}


def active(total: int, succeeded: int, failed: int) -> dict[str, UpgradeTask]:
    """Return the task of the first wave, still running."""
    counts = StatusCounts(
        total=total,
        waiting=0,
        processing=total - succeeded - failed,
        succeeded=succeeded,
        failed=failed,
    )
    return {"task-1": make_task("task-1", counts=counts)}


def test_a_run_goes_from_wave_to_wave_to_its_end() -> None:
    """Each becomes a task, and the next begins when it has succeeded."""
    run = begin("run", a_plan(), WAVES, NOW)
    for wave in range(3):
        run, step = advance(run, {}, NOW)
        assert (run.wave, run.phase, step) == (wave, Phase.CREATING, Step.CREATE)
        assert run.origin == f"plan:plan:run:{wave + 1}"
        run = created(run, ["task-1"], NOW)
        assert advance(run, active(10, 5, 0), NOW)[0].phase is Phase.RUNNING
        run, step = advance(run, ended(10, 0), NOW)
    assert (run.phase, step) == (Phase.FINISHED, Step.NONE)
    assert run.is_over
    assert run.task_ids == (("task-1",),) * 3
    assert advance(run, {}, NOW) == (run, Step.NONE)


@pytest.mark.parametrize(
    ("tasks", "plan", "reason"),
    [
        (ended(8, 2), {}, StopReason.SHARE_MISSED),
        (ended(8, 2, TaskStatus.FAILED), {}, StopReason.SHARE_MISSED),
        (ended(0, 0), {}, StopReason.TOO_FEW),
        (ended(9, 0), {"minimum": 10}, StopReason.TOO_FEW),
        (ended(None, 0), {}, StopReason.COUNTS_UNKNOWN),
        (ended(9, 1, TaskStatus.STOPPED), {}, StopReason.TASK_STOPPED),
        ({}, {}, StopReason.TASK_DELETED),
    ],
)
def test_a_wave_that_has_not_succeeded_stops_the_run(
    tasks: dict[str, UpgradeTask], plan: dict[str, Any], reason: StopReason
) -> None:
    """And no further one begins."""
    run, _ = advance(a_run(**plan), tasks, NOW)
    assert (run.phase, run.reason, run.wave) == (Phase.STOPPED, reason, 0)
    step = Step.STOP_TASKS if run.to_stop else Step.NONE
    assert advance(run, ended(10, 0), NOW) == (run, step)


@pytest.mark.parametrize("succeeded", [9, 10])
def test_the_wanted_share_is_enough(succeeded: int) -> None:
    """Also of a task that the platform calls failed."""
    tasks = ended(succeeded, 10 - succeeded, TaskStatus.FAILED)
    run, step = advance(a_run(), tasks, NOW)
    assert (run.wave, run.phase, step) == (1, Phase.CREATING, Step.CREATE)


@pytest.mark.parametrize(
    ("tasks", "plan", "is_lost"),
    [
        (active(20, 0, 2), {}, False),
        (active(20, 0, 3), {}, True),
        (active(20, 0, 3), {"minimum": 4}, False),
        (active(20, 1, 3), {"minimum": 4}, True),
        (active(0, 0, 0), {}, False),
    ],
)
def test_a_wave_that_cannot_succeed_any_more_is_stopped_at_once(
    tasks: dict[str, UpgradeTask], plan: dict[str, Any], is_lost: bool
) -> None:
    """Before it does more harm; but not before enough devices have ended."""
    run, step = advance(a_run(**plan), tasks, NOW)
    assert (run.reason is StopReason.SHARE_MISSED) == is_lost
    assert step is (Step.STOP_TASKS if is_lost else Step.NONE)


def test_what_the_platform_tries_again_is_not_given_up() -> None:
    """A device may count as failed between two tries."""
    [task] = active(10, 0, 5).values()
    retried = structs.replace(task, policy=Policy(retries=2))
    run = a_run()
    assert advance(run, {"task-1": retried}, NOW) == (run, Step.NONE)
    assert advance(run, {"task-1": task}, NOW)[0].reason is StopReason.SHARE_MISSED


@pytest.mark.parametrize(
    ("tasks", "reason"),
    [
        (active(0, 0, 0), StopReason.TOO_FEW),
        (
            {"task-1": make_task("task-1", None, counts=StatusCounts())},
            StopReason.COUNTS_UNKNOWN,
        ),
    ],
    ids=["no device", "no status"],
)
def test_a_wave_of_which_nothing_is_told_is_not_waited_for_for_ever(
    tasks: dict[str, UpgradeTask], reason: StopReason
) -> None:
    """All devices of its groups may have the version already."""
    run, step = advance(a_run(), tasks, NOW + 60)
    assert (run.phase, step) == (Phase.RUNNING, Step.NONE)
    heard, _ = advance(run, active(10, 1, 0), NOW + 120)
    assert heard.silent_since is None
    again, _ = advance(heard, tasks, NOW + 180)
    assert advance(again, tasks, NOW + SILENT_FOR + 60)[0].phase is Phase.RUNNING
    run, step = advance(run, tasks, NOW + SILENT_FOR + 60)
    assert (run.phase, run.reason) == (Phase.STOPPED, reason)
    assert step is Step.STOP_TASKS


def test_a_clock_that_is_set_back_makes_no_wait_longer() -> None:
    """The soak time is waited for once more at the most."""
    run, _ = advance(a_run(soak_minutes=60), ended(10, 0), NOW)
    before = NOW - 30 * 24 * 3600
    run, step = advance(run, {}, before)
    assert (run.phase, step) == (Phase.SOAKING, Step.NONE)
    assert advance(run, {}, before + 3599)[0].phase is Phase.SOAKING
    assert advance(run, {}, before + 3600)[1] is Step.CREATE


def test_unknown_counts_of_a_running_wave_stop_nothing() -> None:
    """They may become known."""
    tasks = {"task-1": make_task("task-1", counts=StatusCounts(total=3))}
    assert advance(a_run(), tasks, NOW) == (a_run(), Step.NONE)


def test_a_new_task_may_take_a_while_to_show() -> None:
    """It is not deleted because no list has it yet, but not for ever."""
    run = created(begin("run", a_plan(), WAVES, NOW), ["task-1"], NOW)
    assert advance(run, {}, NOW + APPEARS_WITHIN - 1) == (run, Step.NONE)
    assert advance(run, {}, NOW + APPEARS_WITHIN)[0].phase is Phase.STOPPED
    run, _ = advance(run, active(2, 0, 0), NOW)
    assert run.is_seen
    assert advance(run, {}, NOW)[0].reason is StopReason.TASK_DELETED


def test_time_passes_after_a_wave_before_the_next_begins() -> None:
    """As long as the plan says."""
    run, step = advance(a_run(soak_minutes=10), ended(10, 0), NOW)
    assert (run.phase, step) == (Phase.SOAKING, Step.NONE)
    assert run.soak_end == NOW + 600
    assert advance(run, {}, NOW + 599) == (run, Step.NONE)
    run, step = advance(run, {}, NOW + 600)
    assert (run.wave, run.phase, step) == (1, Phase.CREATING, Step.CREATE)


def test_a_person_lets_the_next_wave_begin_where_the_plan_asks_for_it() -> None:
    """After the soak time, and never the first."""
    run = begin("run", a_plan(needs_approval=True, soak_minutes=1), WAVES, NOW)
    assert advance(run, {}, NOW)[1] is Step.CREATE
    assert approved(run, NOW) is run
    run = created(run, ["task-1"], NOW)
    run, _ = advance(run, ended(10, 0), NOW)
    assert run.phase is Phase.SOAKING
    run, step = advance(run, {}, NOW + 60)
    assert (run.phase, step) == (Phase.AWAITING_APPROVAL, Step.NONE)
    assert advance(run, {}, NOW + 10**6) == (run, Step.NONE)
    run = approved(run, NOW + 70)
    assert (run.wave, run.phase) == (1, Phase.CREATING)


def test_a_wave_of_several_tasks_is_looked_at_as_a_whole() -> None:
    """It has ended with the last of them."""
    run = created(begin("run", a_plan(), WAVES, NOW), ["task-1", "task-2"], NOW)
    good, bad = ended(10, 0)["task-1"], ended(8, 2, TaskStatus.FAILED)["task-1"]
    run, _ = advance(run, {"task-1": good, "task-2": active(10, 1, 0)["task-1"]}, NOW)
    assert run.phase is Phase.RUNNING
    seen = structs.replace(run, is_seen=True)
    assert advance(seen, {"task-1": good}, NOW)[1] is Step.STOP_TASKS
    assert advance(seen, {}, NOW)[1] is Step.NONE
    run, _ = advance(run, {"task-1": good, "task-2": bad}, NOW)
    assert (run.wave, run.phase) == (1, Phase.CREATING)  # 18 of 20


def test_a_run_survives_its_file() -> None:
    """Whatever its phase."""
    for run in (
        begin("run", a_plan(waves=()), WAVES, NOW),
        a_run(),
        stopped(a_run(), StopReason.REFUSED, NOW, "why"),
    ):
        assert msgspec.convert(msgspec.to_builtins(run), Run) == run


@pytest.mark.parametrize(
    ("shares", "count", "sizes"),
    [
        ([5, 25, 70], 100, [5, 25, 70]),
        ([5, 25, 50], 100, [5, 25, 70]),
        ([50, 50], 3, [1, 2]),
        ([1, 1, 98], 10, [1, 1, 8]),
        ([10, 10, 80], 2, [1, 1]),
        ([100], 7, [7]),
        ([50, 50], 0, []),
    ],
)
def test_each_device_is_in_one_wave(
    shares: list[int], count: int, sizes: list[int]
) -> None:
    """The last wave takes what is left; no wave is empty."""
    devices = [f"meter-{number}" for number in range(count)]
    waves = split("run", shares, [*devices, *devices])
    assert [wave.count for wave in waves] == sizes
    assert sorted(device for wave in waves for device in wave.devices) == sorted(
        devices
    )


def test_the_devices_of_a_run_are_mixed_in_the_same_way_each_time() -> None:
    """And in another way for another run."""
    devices = [f"meter-{number:03}" for number in range(100)]
    first = split("run", [10, 90], devices)
    assert first == split("run", [10, 90], reversed(devices))  # type: ignore[arg-type]
    assert first != split("other", [10, 90], devices)
    assert first[0].devices != tuple(devices[:10])


@pytest.mark.parametrize(
    ("counts", "share"),
    [
        (StatusCounts(total=4, waiting=0, processing=0, succeeded=3), 75),
        (StatusCounts(total=4, waiting=4, processing=0, succeeded=0), None),
        (StatusCounts(total=4), None),
    ],
)
def test_the_share_counts_what_has_ended(
    counts: StatusCounts, share: float | None
) -> None:
    """It is unknown before that."""
    assert share_succeeded(counts) == share


@pytest.mark.parametrize("seed", range(50))
def test_no_wave_begins_before_the_one_before_has_succeeded(seed: int) -> None:
    """Whatever the platform tells, in whatever order."""
    random = Random(seed)
    plan = a_plan(
        soak_minutes=random.choice([0, 5]), needs_approval=random.random() < 0.5
    )
    run = begin("run", plan, WAVES, NOW)
    now, good = NOW, False
    for _ in range(200):
        now += random.uniform(0, 200)
        wave = run.wave
        if run.phase is Phase.AWAITING_APPROVAL and random.random() < 0.5:
            run = approved(run, now)
        tasks = {}
        succeeded = random.randint(0, 10)
        if random.random() < 0.3:
            tasks = ended(succeeded, 10 - succeeded)
        elif random.random() < 0.9:
            tasks = active(10, 1, 0)
        was_running = run.phase is Phase.RUNNING
        run, step = advance(run, tasks, now)
        if was_running and run.phase not in (Phase.RUNNING, Phase.STOPPED):
            good = succeeded >= 9
        assert run.wave in (wave, wave + 1)
        if run.wave > wave:
            assert good
            good = False
        if step is Step.CREATE:
            run = created(run, ["task-1"], now)
    assert run.phase in OVER | {
        Phase.RUNNING,
        Phase.SOAKING,
        Phase.AWAITING_APPROVAL,
    }
