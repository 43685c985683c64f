"""An account lives through whatever comes, in any order, and stays right.

hypothesis draws what happens: on the platform, to the connection, to clocks, to Home
Assistant, and what its user asks for. After each step:

- if the last poll succeeded, each task is shown with the platform's own counts, and
  the overview adds up;
- no upgrade was made twice, each that was made is in the journal, and what an action
  answered is on the platform;
- each change of a task is in the journal once; what is answered as done shows on the
  platform, what is told to be not done has changed nothing;
- the platform was never called more often than the budget allows, as it counted;
- once the account is gone, nothing of it is left.
"""

import asyncio
from collections.abc import Callable
from functools import partial, wraps
from random import Random
from typing import Any, override

from homeassistant.config_entries import ConfigEntryState
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fleet_upgrade.action_changes import CHANGE_ACTIONS
from custom_components.fleet_upgrade.clients.model import TaskStatus
from custom_components.fleet_upgrade.clients.platform import Capability
from custom_components.fleet_upgrade.clients.registry import PLATFORMS
from custom_components.fleet_upgrade.const import DOMAIN
from custom_components.fleet_upgrade.coordinator import FleetCoordinator
from custom_components.fleet_upgrade.writes import (
    ChangeEntry,
    CreateEntry,
    Entry,
    WriteState,
)

from .actions import act
from .random_platform import FAULTS, HAPPENINGS, pick
from .random_world import LIMIT, World, hurry_calls

SHOWN = frozenset(TaskStatus) - {TaskStatus.STOPPED}
"""The statuses that have a sensor without anybody asking for it."""

POLLS = ("", "", " and a poll", " and a late poll")
"""What may follow, as often as not; a late poll finds what a platform's searches found
a moment too late."""

WHICH = st.integers(0, 99)
"""Which of several: what is drawn must not depend on how many there are."""


def step(**given: Any) -> Callable[[Any], Any]:
    """Make a rule of a method; a poll may follow, and both are told in the story."""

    def decorate(happen: Callable[..., None]) -> Any:
        @wraps(happen)
        def told(life: RandomLife, *, polls: str, **values: Any) -> None:
            said = ", ".join(f"{key}={value}" for key, value in values.items())
            life.story.append(f"{happen.__name__}({said}){polls}")
            life.happens(partial(happen, life, **values))
            if polls:
                life.poll(late="late" in polls)

        make_rule: Callable[[Any], Any] = rule(**given, polls=st.sampled_from(POLLS))
        return make_rule(told)

    return decorate


class RandomLife(RuleBasedStateMachine):
    """The life of one account."""

    def __init__(self, world: World) -> None:
        """Set an account up."""
        super().__init__()
        self._world = world
        self._hass = world.hass
        self._platform = world.platform
        number, habits = world.begin()
        self.story = [habits]
        """What has happened so far."""
        self._entry = MockConfigEntry(
            domain=DOMAIN,
            entry_id=f"RANDOMLIFE{number:016}",
            title="Random life",
            data=self._platform.credentials(),
        )
        self._asked = 0
        # Some begin without any task, and some with several.
        before = [self._platform.add(number + which) for which in range(number % 5)]
        self._others = set(before)
        """Tasks that somebody else made."""
        self._ever = set(before)
        """Tasks that were on the platform at any time."""
        self._is_fresh = False
        """Whether what is shown was read after the last change."""
        self._answered: set[str] = set()
        self._changes: set[str] = set()
        """The journal's entries of the changes that were asked for."""
        world.run(self._hass.config_entries.async_add(self._entry))
        assert self._entry.state is ConfigEntryState.LOADED, self._entry.reason
        self._be_quick()

    # What may happen

    @step(
        happenings=st.lists(st.sampled_from(HAPPENINGS), min_size=1, max_size=4),
        which=WHICH,
        count=st.integers(0, 3),
    )
    def something_happens_on_the_platform(
        self, happenings: list[str], which: int, count: int
    ) -> None:
        """Others make, stop and delete tasks, devices do what they do; nobody looks."""
        platform = self._platform
        for happening in happenings:
            if happening == "devices work":
                platform.work(10.0 ** (count + 1))
            elif tasks := platform.tasks_for(happening):
                platform.let(happening, pick(tasks, which), count)
            else:
                self._others.add(platform.add(which))
            self._ever |= self._on_platform

    @step(
        fault=st.sampled_from(sorted(FAULTS)),
        after=st.integers(0, 3),
        count=st.integers(1, 4),
    )
    def something_breaks(self, fault: str, after: int, count: int) -> None:
        """Some of the next calls go wrong."""
        made = FAULTS[fault]()
        made.after, made.count = after, count
        self._platform.faults.add(made)

    @step(
        disturbance=st.sampled_from(
            ("mended", "connections close", "others sign in", "session ends")
        )
    )
    def the_connection_changes(self, disturbance: str) -> None:
        """It works again, it is closed, or the session is over before its time."""
        match disturbance:
            case "mended":
                self._platform.mend()
            case "connections close":
                self._platform.drop_connections()
            case _:
                self._platform.end_session(by_others=disturbance == "others sign in")

    @step(ours=st.booleans(), minutes=st.integers(-30, 30))
    def a_clock_jumps(self, ours: bool, minutes: int) -> None:
        """Ours by hours, or the platform's by minutes."""
        if ours:
            self._world.jump(minutes * 1800)
        else:
            self._platform.jump(minutes)

    @step(which=WHICH, count=st.integers(1, 4))
    def the_user_creates(self, which: int, count: int) -> None:
        """An upgrade of some devices, which may be refused."""
        if not self._is_running:
            return
        before = self._on_platform
        self._asked += 1
        answer = self._act(
            self._platform.creation, **self._platform.targets(Random(which), count)
        )
        if answer is not None:
            self._answered.add(answer["task_id"])
        assert len(self._on_platform - before) <= 1, "doubled"

    @precondition(lambda self: self._can_change)
    @step(
        action=st.sampled_from(sorted(CHANGE_ACTIONS)),
        which=WHICH,
        count=st.integers(1, 2),
    )
    def the_user_changes(self, action: str, which: int, count: int) -> None:
        """A task, which may be refused."""
        change = self._platform.change(CHANGE_ACTIONS[action], which, count)
        if change is None or not self._is_running:
            return
        before = self._platform.truth()
        devices = {"devices": list(change.devices)} if change.devices else {}
        answer = self._act(action, task_id=change.task_id, **devices)
        new = [
            each
            for each in self._entries(ChangeEntry)
            if each.entry_id not in self._changes
        ]
        assert len(new) <= 1, new
        self._changes |= {each.entry_id for each in new}
        if answer is not None:
            assert [each.state for each in new] == [WriteState.DONE]
            assert self._platform.shows(change), "answered, but not done"
        elif not any(each.is_open or each.state is WriteState.DONE for each in new):
            assert self._platform.truth() == before, "told to be not done, but done"

    @step(
        action=st.sampled_from(("get_upgrade_tasks", "get_packages")),
        times=st.integers(1, 12),
    )
    def users_look(self, action: str, times: int) -> None:
        """Several at once, at what there is."""
        if self._is_running:
            self._world.run(asyncio.gather(*(self._look(action) for _ in range(times))))

    @step()
    def the_user_settles(self) -> None:
        """What was not created, by looking at the platform."""
        if not self._is_running or self._made - self._named:
            return  # one of those that are open, and who knows which
        for each in self._entries(CreateEntry):
            if each.is_open:
                self._world.run(
                    self._coordinator.writer.async_answer_unsettled(each.entry_id, None)
                )

    @step(is_killed=st.booleans())
    def home_assistant_starts_again(self, is_killed: bool) -> None:
        """In good order, or with what is on disk at this moment."""
        self._world.restart(self._entry.entry_id, is_killed=is_killed)
        self._be_quick()

    @step()
    def time_passes(self) -> None:
        """Nothing happens but polls."""

    # What must hold

    @invariant()
    def the_budget_holds(self) -> None:
        """By the platform's count."""
        assert self._world.worst <= LIMIT, self._world.worst

    @invariant()
    def nothing_is_doubled_or_lost(self) -> None:
        """Of what the user asked for."""
        made = self._made
        assert len(made) <= self._asked
        assert self._answered <= made
        if not self._is_running:
            return
        assert {each.entry_id for each in self._entries(ChangeEntry)} == self._changes
        entries = self._entries(CreateEntry)
        named = [each.task_id for each in entries if each.task_id is not None]
        assert len(named) == len(set(named)), "one task, two creations"
        assert set(named) <= made, (
            f"named but not made: {entries}, {made}, {self._others}"
        )
        unsure = sum(each.is_open for each in entries)
        assert len(made - set(named)) <= unsure, "made but not known"

    @precondition(lambda self: self._is_fresh)
    @invariant()
    def what_is_shown_is_true(self) -> None:
        """If the last poll succeeded, and was made after the last change."""
        truth = self._platform.truth()
        shown = self._coordinator.data.tasks
        lost = truth.keys() - shown.keys()
        assert not lost, f"lost {lost} of {truth}"
        known = {
            task_id: (shown[task_id].status, shown[task_id].counts) for task_id in truth
        }
        assert known == truth, f"shown {known}, true {truth}"
        gone = [task for key, task in shown.items() if key not in truth]
        assert {task.task_id for task in gone} <= self._ever
        assert all(task.has_ended for task in gone)
        for status in SHOWN:
            count = sum(task.status is status for task in shown.values())
            assert self._state(f"tasks_{status}") == str(count)

    def happens(self, what: Callable[[], None]) -> None:
        """Let something happen, whatever is shown until the next poll."""
        self._is_fresh = False
        what()
        self._ever |= self._on_platform

    @override
    def check_invariants(self, *args: Any) -> None:
        """Tell the story with what went wrong: not every life can be lived again."""
        try:
            super().check_invariants(*args)
        except AssertionError as err:
            self._world.failures.append(f"{err!r} after {'; '.join(self.story)}")
            raise

    @override
    def teardown(self) -> None:
        """Let all end well: what was unsure is settled, and nothing is left."""
        try:
            self._end()
        except AssertionError as err:
            self._world.failures.append(
                f"{err!r} at the end of {'; '.join(self.story)}"
            )
            raise

    def _end(self) -> None:
        self._platform.mend()
        try:
            for _ in range(3):
                self.poll(late=True)
            assert self._is_running, self._entry.reason
            assert self._is_fresh, self._coordinator.last_exception
            self.what_is_shown_is_true()
            assert not any(each.is_open for each in self._entries(ChangeEntry))
            self.nothing_is_doubled_or_lost()
            self.the_budget_holds()
        finally:
            self._world.run(
                self._hass.config_entries.async_remove(self._entry.entry_id)
            )
        self._world.check_that_nothing_is_left(self._entry.entry_id)

    # How it is done

    def _act(self, action: str, **data: Any) -> Any:
        """Call an action; return its answer, None if it failed and said why."""
        return self._world.run(self._look(action, **data))

    async def _look(self, action: str, **data: Any) -> Any:
        account = self._entry.entry_id
        try:
            return await act(self._hass, action, config_entry_id=account, **data)
        except HomeAssistantError as err:
            if err.translation_key is None:
                raise
            return None

    def poll(self, *, late: bool) -> None:
        """Poll the account, or set it up if that has failed."""
        if late:
            self._platform.catch_up()
        is_up_to_date = self._platform.is_up_to_date
        if self._is_running:
            self._world.run(self._coordinator.async_refresh())
            self._is_fresh = is_up_to_date and self._coordinator.last_update_success
        else:
            self._world.run(
                self._hass.config_entries.async_reload(self._entry.entry_id)
            )
            self._be_quick()

    def _be_quick(self) -> None:
        if self._is_running:
            hurry_calls(self._coordinator.client.budget)

    @property
    def _is_running(self) -> bool:
        return self._entry.state is ConfigEntryState.LOADED

    @property
    def _coordinator(self) -> FleetCoordinator:
        coordinator: FleetCoordinator = self._entry.runtime_data
        return coordinator

    @property
    def _can_change(self) -> bool:
        platform = PLATFORMS[self._platform.key]
        return Capability.STOP in platform.capabilities

    def _entries[EntryT: Entry](self, kind: type[EntryT]) -> list[EntryT]:
        return self._coordinator.writer.journal.all_of(kind)

    @property
    def _named(self) -> set[str | None]:
        return {each.task_id for each in self._entries(CreateEntry)}

    @property
    def _made(self) -> set[str]:
        """Return what the user's creations became."""
        return (self._on_platform | self._ever) - self._others

    @property
    def _on_platform(self) -> set[str]:
        return set(self._platform.truth())

    def _state(self, key: str) -> str:
        """Return the state of one of the account's sensors."""
        entity_id = er.async_get(self._hass).async_get_entity_id(
            "sensor", DOMAIN, f"{self._entry.entry_id}_{key}"
        )
        assert entity_id is not None
        state = self._hass.states.get(entity_id)
        assert state is not None, entity_id
        return state.state
