"""Plans that go wave by wave, carried out: never twice, and over restarts."""

import asyncio
from datetime import timedelta
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import issue_registry as ir
from msgspec import structs
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.fleet_upgrade import journal, journal_file, wave_runner
from custom_components.fleet_upgrade.askers import Asker
from custom_components.fleet_upgrade.batches import AccountUnloadedError
from custom_components.fleet_upgrade.clients.errors import (
    Advice,
    AmbiguousError,
    ConnectionProblem,
    InvalidFieldError,
    NotFoundError,
    RejectedError,
    UnreachableError,
)
from custom_components.fleet_upgrade.clients.model import (
    CreateRequest,
    PreparedCreate,
    StatusCounts,
    Targets,
    TaskChange,
    TaskStatus,
    UpgradeKind,
)
from custom_components.fleet_upgrade.clients.platform import Capability
from custom_components.fleet_upgrade.clients.registry import PLATFORMS
from custom_components.fleet_upgrade.const import (
    CONF_GUARD_MINUTES,
    CONF_READ_ONLY,
    DOMAIN,
)
from custom_components.fleet_upgrade.coordinator import FleetCoordinator
from custom_components.fleet_upgrade.journal import (
    DATA_JOURNALS,
    Journal,
    UnwrittenError,
)
from custom_components.fleet_upgrade.plan import Plan, Wave
from custom_components.fleet_upgrade.wave_runner import (
    PlanRefusedError,
    WaveRunner,
    runs_path,
)
from custom_components.fleet_upgrade.waves import Phase, Run, RunEvent, StopReason
from custom_components.fleet_upgrade.writes import CreateEntry, PlanDeed, PlanEntry

from .dialogs import begin_repair, go_on_with_repair
from .tiny_platform import KEY, NOW, TinyFleet, make_task, poll, set_up
from .wave_plans import CREATE_FIRMWARE, put_plan, with_plans

ASKER = Asker(name="Ada")
PLAN = Plan(
    plan_id="plan",
    name="Meters",
    action=CREATE_FIRMWARE,
    values={"package": "pkg-1"},
    device_groups=("one", "two", "three"),
    waves=tuple(Wave(device_groups=(name,)) for name in ("one", "two", "three")),
    wanted_share=80,
)
HALVES = structs.replace(PLAN, waves=(Wave(share=50), Wave(share=50)))
GOOD = StatusCounts(total=10, waiting=0, processing=0, succeeded=10, failed=0)
BAD = StatusCounts(total=10, waiting=0, processing=0, succeeded=5, failed=5)


class Story:
    """A plan's run, told by a test."""

    def __init__(
        self,
        hass: HomeAssistant,
        freezer: FrozenDateTimeFactory,
        fleet: TinyFleet,
        entry: MockConfigEntry,
    ) -> None:
        """Have a platform that cannot stop tasks, and no run."""
        self.hass = hass
        self.freezer = freezer
        self.fleet = fleet
        self.entry = entry
        self.events: list[tuple[str, int]] = []

    async def begin(self) -> None:
        """Set the account up."""
        await set_up(self.hass, self.entry)
        self.runner.async_listen("plan", self._tell)

    @property
    def coordinator(self) -> FleetCoordinator:
        """The account."""
        coordinator: FleetCoordinator = self.entry.runtime_data
        return coordinator

    @property
    def runner(self) -> WaveRunner:
        """What is tested."""
        return self.coordinator.plans.waves

    def _tell(self, run: Run, event: RunEvent, wave: int) -> None:
        self.events.append((event.value, wave))

    async def restart(self) -> None:
        """Unload the account and set it up again, from what is on disk."""
        await self.hass.config_entries.async_unload(self.entry.entry_id)
        self.hass.data.pop(DATA_JOURNALS)
        await self.begin()

    async def start(self, plan: Plan = PLAN) -> None:
        """Press the button."""
        await self.runner.async_start(plan, ASKER)
        await self.hass.async_block_till_done(wait_background_tasks=True)

    async def upgrade_group(self, group: str) -> None:
        """Create an upgrade of a whole group by action."""
        request = CreateRequest(
            kind=UpgradeKind.FIRMWARE,
            package_id="pkg-1",
            targets=Targets(device_groups=(group,)),
        )
        prepared = await self.fleet.prepare_create(request)
        await self.coordinator.writer.async_create(prepared, ASKER)

    async def look(self, seconds: float = 61) -> None:
        """Let time pass and the account be polled."""
        self.freezer.tick(seconds)
        await self.coordinator.async_refresh()
        await self.hass.async_block_till_done(wait_background_tasks=True)

    async def end(self, task_id: str, counts: StatusCounts = GOOD) -> None:
        """Let a task end."""
        status = TaskStatus.FAILED if counts.failed else TaskStatus.SUCCEEDED
        self.fleet.change(task_id, status=status, counts=counts, ended=NOW)
        await self.look()

    def is_in(self, phase: Phase) -> bool:
        """Whether the run is there."""
        return self.run.phase is phase

    @property
    def run(self) -> Run:
        """The plan's run."""
        return self.runner.runs["plan"]

    @property
    def sent(self) -> list[tuple[str, ...]]:
        """The groups or devices of each task that was created."""
        targets = [prepared.request.targets for prepared in self.fleet.created]
        return [each.device_groups or each.devices for each in targets]

    @property
    def journal(self) -> Journal:
        """The account's journal."""
        return self.coordinator.writer.journal


@pytest.fixture
async def story(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> Story:
    """Return an account whose plan has not been started."""
    freezer.move_to(NOW)
    monkeypatch.setitem(PLATFORMS, KEY, with_plans(fleet))
    put_plan(hass, tiny_entry, PLAN)
    story = Story(hass, freezer, fleet, tiny_entry)
    await story.begin()
    return story


async def test_three_waves_run_one_after_the_other(story: Story) -> None:
    """Each begins when the one before has succeeded."""
    await story.start()
    assert story.sent == [("one",)]
    await story.look()
    assert story.sent == [("one",)]
    await story.end("created-1")
    assert story.sent == [("one",), ("two",)]
    await story.end("created-2")
    await story.end("created-3")
    assert story.sent == [("one",), ("two",), ("three",)]
    assert story.is_in(Phase.FINISHED)
    assert story.events == [
        ("wave_started", 0),
        ("wave_succeeded", 0),
        ("wave_started", 1),
        ("wave_succeeded", 1),
        ("wave_started", 2),
        ("wave_succeeded", 2),
        ("finished", 2),
    ]
    assert [entry.origin for entry in story.journal.all_of(CreateEntry)] == [
        f"plan:plan:{story.run.run_id}:{wave}" for wave in (1, 2, 3)
    ]


async def test_a_wave_that_fails_stops_the_plan(story: Story) -> None:
    """No further one begins, whatever happens later."""
    await story.start()
    await story.end("created-1")
    await story.end("created-2", BAD)
    assert story.run.reason is StopReason.SHARE_MISSED
    await story.end("created-2", GOOD)
    await story.restart()
    assert story.sent == [("one",), ("two",)]
    assert story.events[-1] == ("stopped", 1)


async def test_after_each_step_a_restart_goes_on_where_it_was(story: Story) -> None:
    """Nothing is created twice, nothing left out, nothing told again."""
    plan = structs.replace(PLAN, soak_minutes=10, needs_approval=True)
    await story.start(plan)
    for wave in (1, 2, 3):
        await story.restart()
        assert story.is_in(Phase.RUNNING)
        await story.end(f"created-{wave}")
        await story.restart()
        if wave == 3:
            break
        assert story.is_in(Phase.SOAKING)
        await story.look(601)
        await story.restart()
        assert story.is_in(Phase.AWAITING_APPROVAL)
        assert len(story.sent) == wave
        await story.runner.async_approve(PLAN, ASKER)
        await story.hass.async_block_till_done(wait_background_tasks=True)
    assert story.sent == [("one",), ("two",), ("three",)]
    assert story.events.count(("waiting_for_approval", 1)) == 1
    notes = story.journal.all_of(PlanEntry)
    assert [(note.done, note.wave) for note in notes] == [
        ("start_plan", 1),
        ("approve_wave", 2),
        ("approve_wave", 3),
    ]


async def test_the_soak_time_ends_without_a_poll(story: Story) -> None:
    """By a timer."""
    await story.start(structs.replace(PLAN, soak_minutes=1))
    await story.end("created-1")
    assert story.is_in(Phase.SOAKING)
    story.fleet.error = UnreachableError(ConnectionProblem.CONNECT)
    await poll(story.hass, story.freezer, 61)
    assert story.sent == [("one",), ("two",)]


async def test_what_was_created_before_a_crash_is_not_created_again(
    story: Story,
) -> None:
    """The journal knows what the file of the runs does not."""
    write_file = journal_file.write_file

    def crash_after_creating(path: Any, runs: list[Run]) -> bool:
        return runs[0].phase is not Phase.RUNNING and write_file(path, runs)

    with patch.object(wave_runner, "write_file", crash_after_creating):
        await story.start()
    assert story.is_in(Phase.CREATING)
    assert story.sent == [("one",)]
    await story.restart()
    assert story.is_in(Phase.RUNNING)
    assert story.run.present_tasks == ("created-1",)
    assert story.sent == [("one",)]


async def test_what_cannot_be_written_down_is_not_begun(story: Story) -> None:
    """It waits until the disk is well again."""
    with (
        patch.object(wave_runner, "write_file", return_value=False),
        pytest.raises(UnwrittenError),
    ):
        await story.start()
    assert story.sent == []
    assert story.runner.runs == {}


async def test_a_wave_waits_while_the_journal_cannot_be_written(
    story: Story, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor goes a run on that cannot be kept itself."""
    await story.start()
    with patch.object(journal, "write_entries", return_value=False):
        await story.end("created-1")
    assert story.is_in(Phase.CREATING)
    await story.look()
    assert story.sent == [("one",), ("two",)]
    with patch.object(wave_runner, "write_file", return_value=False):
        await story.end("created-2")
    assert story.is_in(Phase.RUNNING)
    assert "An upgrade plan has to wait" in caplog.text
    await story.look()
    assert story.sent == [("one",), ("two",), ("three",)]
    story.hass.set_state(CoreState.stopping)
    await story.end("created-3")
    assert story.is_in(Phase.FINISHED)


async def test_a_lost_answer_waits_until_it_is_settled(story: Story) -> None:
    """Found later, the wave runs; it is not sent again."""
    hidden = await start_and_lose(story)
    story.fleet.tasks.update(hidden)
    await story.look()
    await story.look()
    assert story.is_in(Phase.RUNNING)
    assert story.sent == [("one",)]


async def test_nothing_is_tried_again_without_a_pause(story: Story) -> None:
    """Each try of a batch polls the account, which lets the plans go on."""
    story.fleet.most_targets = 1
    groups = ("one", "two")
    plan = structs.replace(
        PLAN, device_groups=groups, waves=(Wave(device_groups=groups),)
    )
    tried = []

    async def fail(_prepared: PreparedCreate) -> str:
        tried.append(story.coordinator.last_update_success)
        raise UnreachableError(ConnectionProblem.SERVER)

    with patch.object(story.fleet, "create_task", fail):
        await story.start(plan)
        assert len(tried) == 1
        for count in (2, 3, 3, 4, 4, 4, 4, 5):
            await story.look()
            assert len(tried) == count
    await story.look(3600)
    assert story.is_in(Phase.RUNNING)


async def test_a_clock_that_is_set_back_makes_no_pause_longer(story: Story) -> None:
    """A step is tried again with the next poll."""
    error = UnreachableError(ConnectionProblem.CONNECT)
    with patch.object(story.fleet, "create_task", side_effect=error):
        await story.start()
    story.freezer.move_to(NOW - timedelta(days=1))
    await story.look()
    assert story.is_in(Phase.RUNNING)


async def test_a_platform_out_of_reach_is_tried_again(story: Story) -> None:
    """With the next poll that succeeds."""
    error = UnreachableError(ConnectionProblem.CONNECT)
    with patch.object(story.fleet, "create_task", side_effect=error):
        await story.start()
    assert story.is_in(Phase.CREATING)
    await story.look()
    assert story.is_in(Phase.RUNNING)
    assert story.sent == [("one",)]


async def test_what_the_platform_wants_later_is_tried_later(story: Story) -> None:
    """It has done nothing, and says that it will do it another time."""
    error = RejectedError("1", "busy", Advice.TRY_LATER)
    with patch.object(story.fleet, "create_task", side_effect=error):
        await story.start()
    assert story.is_in(Phase.CREATING)
    assert "code 1" in (story.runner.held_up_by("plan") or "")
    await story.look()
    assert story.is_in(Phase.RUNNING)
    assert story.runner.held_up_by("plan") is None
    assert story.sent == [("one",)]


async def test_a_refusal_of_the_first_wave_is_told_to_who_started(story: Story) -> None:
    """With the platform's reason; that of a later one stops the plan."""
    error = RejectedError("1", "no", Advice.PACKAGE_MISMATCH)
    with (
        patch.object(story.fleet, "create_task", side_effect=error),
        pytest.raises(PlanRefusedError) as raised,
    ):
        await story.start()
    assert "code 1" in raised.value.placeholders["reason"]
    await story.start()
    with patch.object(story.fleet, "create_task", side_effect=error):
        await story.end("created-1")
    assert (story.run.wave, story.run.reason) == (1, StopReason.REFUSED)
    assert "code 1" in (story.run.detail or "")


async def test_a_wave_by_share_waits_for_no_task_of_its_groups(story: Story) -> None:
    """Whoever has a group upgraded has its devices upgraded, too."""
    story.fleet.members = {"one": ("meter-1", "meter-2")}
    story.fleet.put(make_task("other", targets=Targets(device_groups=("one",))))
    with pytest.raises(PlanRefusedError) as raised:
        await story.start(HALVES)
    assert "other" in raised.value.placeholders["reason"]
    assert story.sent == []


async def test_a_group_is_not_upgraded_while_a_share_of_it_is(story: Story) -> None:
    """Its devices are named in the wave's task, and only the plan knows its groups."""
    story.fleet.members = {"one": ("meter-1", "meter-2")}
    await story.start(HALVES)
    [task_id] = story.run.present_tasks
    with pytest.raises(InvalidFieldError) as raised:
        await story.upgrade_group("one")
    assert raised.value.key == "targets_busy"
    assert raised.value.placeholders["task"] == task_id
    story.fleet.end(task_id, TaskStatus.STOPPED, NOW)
    await story.upgrade_group("one")
    assert story.sent[1:] == [("one",)]


@pytest.mark.parametrize("waits", ["wave", "group"])
async def test_a_share_and_its_group_meet_where_groups_go_by_ids(
    story: Story, waits: str
) -> None:
    """A plan has the groups by name, and the tasks of the platform by ID."""
    story.fleet.group_ids = {"one": "grp-1", "two": "grp-2", "three": "grp-3"}
    story.fleet.members = {"grp-1": ("meter-1", "meter-2")}
    if waits == "wave":
        story.fleet.put(make_task("other", targets=Targets(device_groups=("grp-1",))))
        with pytest.raises(PlanRefusedError) as refused:
            await story.start(HALVES)
        assert "other" in refused.value.placeholders["reason"]
        assert story.sent == []
        return
    await story.start(HALVES)
    with pytest.raises(InvalidFieldError) as raised:
        await story.upgrade_group("one")
    assert raised.value.key == "targets_busy"
    assert raised.value.placeholders["task"] == story.run.present_tasks[0]


async def test_a_share_whose_answer_was_lost_is_not_upgraded_as_a_group(
    story: Story,
) -> None:
    """Whichever task the wave may have become."""
    create_task = story.fleet.create_task

    async def lose_the_answer(prepared: PreparedCreate) -> str:
        await create_task(prepared)
        await create_task(prepared)
        raise AmbiguousError("lost")

    story.fleet.members = {"one": ("meter-1", "meter-2")}
    with patch.object(story.fleet, "create_task", lose_the_answer):
        await story.start(HALVES)
    assert story.is_in(Phase.CREATING)
    with pytest.raises(InvalidFieldError) as raised:
        await story.upgrade_group("one")
    assert raised.value.key == "targets_busy"


@pytest.mark.parametrize("waves", [(), PLAN.waves], ids=["at once", "in waves"])
async def test_two_plans_do_not_run_on_the_same_groups(
    story: Story, waves: tuple[Wave, ...]
) -> None:
    """Also between two waves of the other one."""
    story.fleet.members = {"one": ("meter-1", "meter-2")}
    await story.start(HALVES)
    other = structs.replace(PLAN, plan_id="other", name="All meters", waves=waves)
    put_plan(story.hass, story.entry, other)
    await story.hass.async_block_till_done(wait_background_tasks=True)
    with pytest.raises(InvalidFieldError) as raised:
        await story.coordinator.plans.async_start("other", ASKER)
    assert raised.value.key == "plan_groups_busy"
    assert raised.value.placeholders["other"] == "Meters"
    assert len(story.sent) == 1
    await story.runner.async_stop(PLAN, ASKER)
    story.fleet.end("created-1", TaskStatus.STOPPED, NOW)
    await story.coordinator.plans.async_start("other", ASKER)
    assert len(story.sent) == 2


@pytest.mark.parametrize("most_targets", [1, 256], ids=["batch", "single"])
@pytest.mark.parametrize("origin", ["plan:plan:run:1", "retry:task-1"])
async def test_what_was_created_for_the_same_is_refused_at_any_time(
    story: Story, most_targets: int, origin: str
) -> None:
    """Who did not hear of its end, as after a reload, may ask again; a retry, too."""
    story.hass.config_entries.async_update_entry(
        story.entry, options={CONF_GUARD_MINUTES: 0}
    )
    await story.restart()
    story.fleet.most_targets = most_targets
    request = CreateRequest(
        kind=UpgradeKind.FIRMWARE,
        package_id="pkg-1",
        targets=Targets(device_groups=("one", "two")),
    )
    prepared = await story.fleet.prepare_create(request)
    for task in await story.coordinator.writer.async_create(
        prepared, ASKER, origin=origin
    ):
        story.fleet.end(task.task_id or "", TaskStatus.SUCCEEDED, NOW)
    story.freezer.tick(1)
    with pytest.raises(InvalidFieldError) as raised:
        await story.coordinator.writer.async_create(prepared, ASKER, origin=origin)
    assert raised.value.key == "create_repeated"


async def test_a_plan_runs_once_at_a_time(story: Story) -> None:
    """When it is over, it may be started again."""
    await story.start()
    with pytest.raises(InvalidFieldError) as raised:
        await story.start()
    assert raised.value.key == "plan_running"
    await story.runner.async_stop(PLAN, ASKER)
    assert story.run.reason is StopReason.BY_HAND
    with pytest.raises(InvalidFieldError) as raised:
        await story.runner.async_stop(PLAN, ASKER)
    assert raised.value.key == "plan_not_running"
    with pytest.raises(InvalidFieldError) as raised:
        await story.runner.async_approve(PLAN, ASKER)
    assert raised.value.key == "plan_not_waiting"
    story.fleet.end("created-1", TaskStatus.STOPPED, NOW)
    story.freezer.tick(timedelta(minutes=11))
    await story.look()
    await story.start()
    assert story.sent == [("one",), ("one",)]


class Stopper:
    """A platform that stops tasks, after it was out of reach once."""

    def __init__(self, story: Story) -> None:
        """Let the story's platform stop tasks."""
        self._fleet = story.fleet
        self.asked: list[str] = []
        self.errors: list[Exception] = [UnreachableError(ConnectionProblem.CONNECT)]
        fleet: Any = story.fleet
        fleet.change_task, fleet.is_changed = self.change_task, self.is_changed

    async def change_task(self, change: TaskChange) -> None:
        """Stop a task."""
        self.asked.append(change.task_id)
        if self.errors:
            raise self.errors.pop()
        self._fleet.end(change.task_id, TaskStatus.STOPPED, NOW)

    async def is_changed(self, change: TaskChange) -> bool:
        """Tell whether a task is stopped."""
        return self._fleet.tasks[change.task_id].status is TaskStatus.STOPPED


@pytest.fixture
async def stopper(
    fleet: TinyFleet, story: Story, monkeypatch: pytest.MonkeyPatch
) -> Stopper:
    """Return the same platform, but one that can stop tasks."""
    stopper = Stopper(story)
    monkeypatch.setitem(PLATFORMS, KEY, with_plans(fleet, Capability.STOP))
    await story.restart()
    return stopper


def failing(story: Story) -> None:
    """Let the first wave fail on so many devices that it cannot succeed."""
    story.fleet.change(
        "created-1",
        status=TaskStatus.PROCESSING,
        counts=structs.replace(BAD, total=20, processing=10),
    )


async def test_where_the_platform_can_a_failing_wave_is_stopped_there(
    story: Story, stopper: Stopper
) -> None:
    """Again after an outage, until it is done, and not again after that."""
    await story.start()
    failing(story)
    await story.look()
    assert story.run.reason is StopReason.SHARE_MISSED
    assert stopper.asked == ["created-1"]
    with pytest.raises(InvalidFieldError) as refusal:
        await story.runner.async_stop(PLAN, ASKER)
    assert refusal.value.key == "plan_not_running"
    assert story.run.to_stop
    await story.restart()
    assert stopper.asked == ["created-1", "created-1"]
    assert story.run.is_over
    await story.look()
    assert len(stopper.asked) == 2
    assert story.events[-1] == ("stopped", 0)


async def test_of_a_batch_only_what_still_runs_is_stopped(
    story: Story, stopper: Stopper
) -> None:
    """The other tasks are over."""
    stopper.errors = []
    story.fleet.most_targets = 1
    groups = ("four", "five")
    plan = structs.replace(
        PLAN, device_groups=groups, waves=(Wave(device_groups=groups),)
    )
    await story.start(plan)
    story.fleet.end("created-1", TaskStatus.FAILED, NOW)
    await story.look()
    await story.runner.async_stop(plan, ASKER)
    assert stopper.asked == ["created-2"]


async def test_a_stop_whose_answer_was_lost_is_asked_for_again(
    story: Story, stopper: Stopper
) -> None:
    """Unless the platform shows it."""
    stopper.errors = [AmbiguousError("lost")]
    await story.start()
    await story.runner.async_stop(PLAN, ASKER)
    await story.hass.async_block_till_done(wait_background_tasks=True)
    await story.look()
    assert stopper.asked == ["created-1", "created-1"]
    assert story.run.is_over


async def test_a_stop_outlives_its_plan(story: Story, stopper: Stopper) -> None:
    """Whoever stops a plan and deletes it wants no more devices upgraded."""
    stopper.errors = [UnreachableError(ConnectionProblem.CONNECT)]
    await story.start()
    await story.runner.async_stop(PLAN, ASKER)
    story.hass.config_entries.async_remove_subentry(story.entry, "plan")
    await story.hass.async_block_till_done(wait_background_tasks=True)
    await story.look()
    assert stopper.asked == ["created-1", "created-1"]
    assert story.run.is_over
    await story.hass.config_entries.async_reload(story.entry.entry_id)
    await story.hass.async_block_till_done(wait_background_tasks=True)
    assert story.runner.runs == {}


async def test_a_stop_that_is_refused_is_not_asked_for_again(
    story: Story, stopper: Stopper
) -> None:
    """The journal has it, and the event says what else can be done."""
    stopper.errors = [RejectedError("1", "no", Advice.TASK_NOT_RUNNING)]
    await story.start()
    await story.runner.async_stop(PLAN, ASKER)
    await story.look()
    assert stopper.asked == ["created-1"]
    assert story.run.is_over


async def test_what_has_ended_is_not_stopped(story: Story, stopper: Stopper) -> None:
    """Nor is anything asked of the platform where nothing was created."""
    error = UnreachableError(ConnectionProblem.CONNECT)
    with patch.object(story.fleet, "create_task", side_effect=error):
        await story.start()
    await story.runner.async_stop(PLAN, ASKER)
    assert story.run.is_over
    story.freezer.tick(timedelta(minutes=11))
    await story.start()
    failing(story)
    story.fleet.end("created-1", TaskStatus.FAILED, NOW)
    await story.look()
    assert story.run.is_over
    assert stopper.asked == []


async def test_a_lost_creation_is_stopped_once_it_is_found(
    story: Story, stopper: Stopper
) -> None:
    """Not forgotten because its wave was stopped meanwhile."""
    stopper.errors = []
    hidden = await start_and_lose(story)
    await story.runner.async_stop(PLAN, ASKER)
    assert not story.run.is_over
    story.fleet.tasks.update(hidden)
    await story.look()
    await story.look()
    assert stopper.asked == ["created-1"]
    assert story.run.is_over


async def start_and_lose(story: Story) -> dict[str, Any]:
    """Start the plan; lose the answer, and return the task that nobody sees."""
    create_task = story.fleet.create_task
    hidden: dict[str, Any] = {}

    async def lose(prepared: PreparedCreate) -> str:
        task_id = await create_task(prepared)
        hidden.update({task_id: story.fleet.tasks.pop(task_id)})
        raise AmbiguousError("lost")

    with patch.object(story.fleet, "create_task", lose):
        await story.start()
    assert story.is_in(Phase.CREATING)
    return hidden


async def test_waves_by_share_take_each_device_of_the_groups_once(
    story: Story,
) -> None:
    """A device in two of them is upgraded in one wave."""
    story.fleet.members = {
        group: (f"{group}-a", f"{group}-b", "shared")
        for group in ("one", "two", "three", "four")
    }
    plan = structs.replace(PLAN, waves=tuple(Wave(share=each) for each in (30, 30, 40)))
    await story.start(plan)
    for task_id in ("created-1", "created-2", "created-3"):
        await story.end(task_id)
    assert [len(devices) for devices in story.sent] == [2, 2, 3]
    devices = [device for wave in story.sent for device in wave]
    assert len(set(devices)) == len(devices) == 7
    assert story.is_in(Phase.FINISHED)


@pytest.mark.parametrize("waves", [(Wave(share=100),), PLAN.waves])
async def test_a_plan_that_reaches_nobody_is_not_started(
    story: Story, waves: tuple[Wave, ...]
) -> None:
    """Its groups are empty."""
    story.fleet.members = dict.fromkeys(PLAN.device_groups, ())
    with pytest.raises(InvalidFieldError) as raised:
        await story.start(structs.replace(PLAN, waves=waves))
    assert raised.value.key == "plan_no_devices"


async def test_a_wave_of_groups_that_reaches_nobody_is_left_out(story: Story) -> None:
    """A platform may wait for ever for a task without devices."""
    story.fleet.members = {"two": ()}
    await story.start()
    await story.end("created-1")
    await story.end("created-2")
    assert story.sent == [("one",), ("three",)]
    assert story.is_in(Phase.FINISHED)


async def test_a_device_in_groups_of_two_waves_is_not_upgraded_twice(
    story: Story,
) -> None:
    """A person has to say in which wave it is to be."""
    story.fleet.members = {"one": ("a", "b"), "two": ("c",), "three": ("d", "b")}
    with pytest.raises(InvalidFieldError) as raised:
        await story.start()
    assert raised.value.key == "plan_waves_overlap"
    told = raised.value.placeholders
    assert (told["count"], told["wave"], told["other"]) == ("1", "1", "3")
    assert story.sent == []


async def test_a_wave_that_could_not_go_well_is_not_begun(story: Story) -> None:
    """It has fewer devices than have to end."""
    story.fleet.members = {"one": ("a", "b", "c"), "two": ("d", "e")}
    plan = structs.replace(PLAN, waves=(Wave(share=40), Wave(share=60)), minimum=3)
    with pytest.raises(InvalidFieldError) as raised:
        await story.start(plan)
    assert raised.value.key == "plan_wave_too_small"
    assert story.sent == []
    await story.start(structs.replace(plan, minimum=plan.minimum - 1))
    assert len(story.sent) == 1


async def test_a_wave_of_many_devices_is_a_batch(story: Story) -> None:
    """One with a part missing is finished before the wave runs."""
    story.fleet.most_targets = 2
    groups = ("one", "two", "three", "four", "five")
    plan = structs.replace(
        PLAN, device_groups=groups, waves=(Wave(device_groups=groups),)
    )
    create_task = story.fleet.create_task
    calls = 0

    async def fail_once(prepared: PreparedCreate) -> str:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise UnreachableError(ConnectionProblem.CONNECT)
        return await create_task(prepared)

    with patch.object(story.fleet, "create_task", fail_once):
        await story.start(plan)
        assert story.is_in(Phase.CREATING)
        await story.look()
    assert story.is_in(Phase.RUNNING)
    assert len(story.sent) == 3
    assert story.run.present_tasks == ("created-1", "created-2", "created-3")


async def test_the_run_of_a_plan_that_was_deleted_goes_no_further(
    story: Story,
) -> None:
    """The journal tells; what was created stays."""
    await story.start()
    story.hass.config_entries.async_remove_subentry(story.entry, "plan")
    await story.hass.async_block_till_done(wait_background_tasks=True)
    assert story.runner.runs == {}
    assert [note.done for note in story.journal.all_of(PlanEntry)] == [
        "start_plan",
        "stop_plan",
    ]
    await story.end("created-1")
    await story.hass.config_entries.async_reload(story.entry.entry_id)
    assert story.sent == [("one",)]
    assert len(story.journal.all_of(PlanEntry)) == 2


async def test_a_plan_that_was_changed_runs_on_as_it_was(story: Story) -> None:
    """Its next run is the new one."""
    await story.start()
    [subentry] = story.entry.subentries.values()
    groups = ("four", "five")
    waves = [{"device_groups": [group]} for group in groups]
    story.hass.config_entries.async_update_subentry(
        story.entry,
        subentry,
        data=MappingProxyType(
            {**subentry.data, "device_groups": groups, "waves": waves}
        ),
    )
    await story.hass.async_block_till_done(wait_background_tasks=True)
    for number in (1, 2, 3):
        await story.end(f"created-{number}")
    assert story.sent == [("one",), ("two",), ("three",)]
    await story.start(story.coordinator.plans.all["plan"])
    assert story.sent[-1] == ("four",)


async def test_a_read_only_account_starts_and_approves_nothing(story: Story) -> None:
    """A plan that runs goes no further: its next wave is refused."""
    await story.start()
    story.hass.config_entries.async_update_entry(
        story.entry, options={CONF_READ_ONLY: True}
    )
    await story.restart()
    for refused in (
        story.runner.async_start(PLAN, ASKER),
        story.runner.async_approve(PLAN, ASKER),
    ):
        with pytest.raises(InvalidFieldError) as refusal:
            await refused
        assert refusal.value.key == "account_read_only"
    await story.end("created-1")
    assert (story.run.wave, story.run.reason) == (1, StopReason.REFUSED)
    assert story.sent == [("one",)]


async def test_a_task_that_the_account_has_forgotten_is_asked_for(
    story: Story,
) -> None:
    """It ended long ago, while Home Assistant was off."""
    await story.start()
    await story.look()
    story.fleet.change("created-1", status=TaskStatus.SUCCEEDED, counts=GOOD, ended=NOW)
    await story.look(30 * 24 * 3600)
    assert "created-1" not in story.coordinator.data.tasks
    assert story.sent == [("one",), ("two",)]


async def test_a_task_that_the_platform_has_no_more_stops_the_plan(
    story: Story,
) -> None:
    """But not while the platform cannot be asked."""
    await story.start()
    await story.look()
    del story.fleet.tasks["created-1"]
    error = UnreachableError(ConnectionProblem.CONNECT)
    with patch.object(story.fleet, "get_task", side_effect=error):
        await story.look()
    assert story.is_in(Phase.RUNNING)
    gone = NotFoundError("1", "gone", Advice.TASK_MISSING)
    with patch.object(story.fleet, "get_task", side_effect=gone):
        await story.look()
    assert story.run.reason is StopReason.TASK_DELETED


async def test_a_file_that_cannot_be_read_is_kept_aside_and_told_of(
    story: Story,
    caplog: pytest.LogCaptureFixture,
    hass_client: ClientSessionGenerator,
) -> None:
    """The plan can be started anew; the issue stays until somebody has seen to it."""
    await story.start()
    path = runs_path(story.hass, story.entry.entry_id)
    content = path.read_bytes()
    for broken in (b"{", content.replace(b'"running"', b'"dancing"')):
        path.write_bytes(broken)
        await story.restart()
        assert story.runner.runs == {}
        [aside] = path.parent.glob(f"{path.name}.corrupt.*")
        assert aside.read_bytes() == broken
        assert f"kept as {aside}" in caplog.text
        aside.unlink()
    await story.restart()
    issue_id = f"plan_runs_lost_{story.entry.entry_id}"
    issue = ir.async_get(story.hass).async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    assert issue.is_persistent
    question = await begin_repair(story.hass, hass_client, issue_id)
    assert question["description_placeholders"] == {"account": "Fleet north"}
    await go_on_with_repair(story.hass, hass_client, question)
    assert not ir.async_get(story.hass).async_get_issue(DOMAIN, issue_id)


async def test_without_its_file_an_account_does_not_load(story: Story) -> None:
    """Nobody would know which plans are under way; it is tried again."""
    await story.start()
    path = runs_path(story.hass, story.entry.entry_id)
    content = path.read_bytes()
    path.unlink()
    path.mkdir()
    await story.hass.config_entries.async_unload(story.entry.entry_id)
    await set_up(story.hass, story.entry)
    assert story.entry.error_reason_translation_key == "plan_runs_unreadable"
    path.rmdir()
    path.write_bytes(content)
    await story.restart()
    assert story.is_in(Phase.RUNNING)


async def test_the_file_is_private_and_goes_with_the_account(story: Story) -> None:
    """It names devices."""
    await story.start()
    path = runs_path(story.hass, story.entry.entry_id)
    assert path.stat().st_mode & 0o777 == 0o600
    await story.hass.config_entries.async_remove(story.entry.entry_id)
    await story.hass.async_block_till_done(wait_background_tasks=True)
    assert list(path.parent.glob(f"{path.name}*")) == []


async def test_a_start_that_unloading_overtakes_begins_nothing(story: Story) -> None:
    """What was listed until then is forgotten."""
    runner = story.runner
    prepare_create = story.fleet.prepare_create

    async def unload(request: CreateRequest) -> PreparedCreate:
        await story.hass.config_entries.async_unload(story.entry.entry_id)
        return await prepare_create(request)

    with (
        patch.object(story.fleet, "prepare_create", unload),
        pytest.raises(AccountUnloadedError),
    ):
        await runner.async_start(PLAN, ASKER)
    assert runner.runs == {}
    assert story.sent == []


async def test_a_creation_that_unloading_overtakes_is_taken_over(story: Story) -> None:
    """It goes to its end, and the next start finds it in the journal."""
    create_task = story.fleet.create_task
    sending, answer = asyncio.Event(), asyncio.Event()

    async def wait(prepared: PreparedCreate) -> str:
        sending.set()
        await answer.wait()
        return await create_task(prepared)

    with patch.object(story.fleet, "create_task", wait):
        starting = story.hass.async_create_task(story.runner.async_start(PLAN, ASKER))
        await sending.wait()
        reloading = story.hass.async_create_task(
            story.hass.config_entries.async_reload(story.entry.entry_id)
        )
        await asyncio.sleep(0)
        answer.set()
        await asyncio.wait([starting, reloading])
    await story.hass.async_block_till_done(wait_background_tasks=True)
    await story.look()
    assert story.sent == [("one",)]
    assert story.is_in(Phase.RUNNING)
    assert story.run.present_tasks == ("created-1",)
    assert starting.exception() is None
    assert story.journal.all_of(PlanEntry)[0].done is PlanDeed.START
