"""An account lives through whatever comes, in any order, and stays right.

hypothesis draws what happens: on the platform, to the connection, to clocks, to Home
Assistant, and what its user asks for. After each step:

- if the last poll succeeded, each task is shown with the platform's own counts, and
  the overview adds up;
- no upgrade was made twice, each that was made is in the journal, and what an action
  answered is on the platform;
- the platform was never called more often than the budget allows, as it counted;
- once the account is gone, nothing of it is left.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from functools import partial, wraps
from pathlib import Path
from random import Random
import time
from typing import Any, override

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import (
    device_registry as dr,
    entity_registry as er,
    issue_registry as ir,
)
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fleet_upgrade.clients import budget
from custom_components.fleet_upgrade.clients.model import TaskStatus
from custom_components.fleet_upgrade.const import DOMAIN
from custom_components.fleet_upgrade.coordinator import FleetCoordinator
from custom_components.fleet_upgrade.journal import DATA_JOURNALS
from custom_components.fleet_upgrade.writes import CreateEntry
from simulator.calls import Call, CallLog
from simulator.oceanconnect import Fault, FaultKind, OceanConnectSimulator

from .actions import act
from .common_simulator import credentials_for
from .wire_fuzz import counts_on_oceanconnect

WINDOW = 0.1
"""Seconds that a call counts for: the minute of these tests."""

LIMIT = 10
"""Calls per `WINDOW`."""

STATUSES = {
    "wait": TaskStatus.WAITING,
    "processing": TaskStatus.PROCESSING,
    "success": TaskStatus.SUCCEEDED,
    "failed": TaskStatus.FAILED,
    "stop": TaskStatus.STOPPED,
}

SHOWN = frozenset(TaskStatus) - {TaskStatus.STOPPED}
"""The statuses that have a sensor without anybody asking for it."""

FAULTS: dict[str, Callable[[], Fault]] = {
    "reset before the work": lambda: Fault(kind=FaultKind.RESET_BEFORE),
    "reset after the work": lambda: Fault(kind=FaultKind.RESET_AFTER),
    "answer cut": lambda: Fault(kind=FaultKind.CUT),
    "slow": lambda: Fault(kind=FaultKind.DELAY, delay=0.03),
    "server error": lambda: Fault(kind=FaultKind.STATUS, status=503),
    "somebody else answers": lambda: Fault(
        kind=FaultKind.STATUS, status=502, content_type="text/html", body=b"<html>"
    ),
    "answer mangled": lambda: Fault(kind=FaultKind.MALFORMED, body=b'{"data":[{'),
    "throttled": lambda: Fault(kind=FaultKind.THROTTLE),
    "session taken": lambda: Fault(kind=FaultKind.DROP_TOKEN),
}


HAPPENINGS = (
    "a task is made",
    "devices work",
    "a task ends",
    "a task is stopped",
    "a task is retried",
    "a task is deleted",
)

WHICH = st.integers(0, 99)
"""Which of several: what is drawn must not depend on how many there are."""


def pick[T](several: list[T], which: int) -> T:
    """Return one of several."""
    return several[which % len(several)]


def step(**given: Any) -> Callable[[Any], Any]:
    """Make a rule of a method; a poll may follow, and both are told in the story."""

    def decorate(happen: Callable[..., None]) -> Any:
        @wraps(happen)
        def told(life: RandomLife, *, then_polls: bool, **values: Any) -> None:
            said = ", ".join(f"{key}={value}" for key, value in values.items())
            polls = " and a poll" if then_polls else ""
            life.story.append(f"{happen.__name__}({said}){polls}")
            life.happens(partial(happen, life, **values))
            if then_polls:
                life.poll()

        make_rule: Callable[[Any], Any] = rule(**given, then_polls=st.booleans())
        return make_rule(told)

    return decorate


class World:
    """What all lives share: one Home Assistant, one simulated platform."""

    def __init__(
        self,
        hass: HomeAssistant,
        platform: OceanConnectSimulator,
        storage: dict[str, Any],
        patches: pytest.MonkeyPatch,
    ) -> None:
        """Use a Home Assistant whose loop does not run unless something is done."""
        self.hass = hass
        self.platform = platform
        self.storage = storage
        self.arrivals: deque[float] = deque()
        self.worst = 0
        """The most calls that the platform counted within `WINDOW`."""
        self.failures: list[str] = []
        """What went wrong in which life, the first as it came."""
        self._offset = 0.0
        self._lives = 0
        real_time, add = time.time, CallLog.add

        def count(log: CallLog, call: Call) -> None:
            now = time.clock_gettime(time.CLOCK_MONOTONIC)
            while self.arrivals and now - self.arrivals[0] >= WINDOW:
                self.arrivals.popleft()
            self.arrivals.append(now)
            self.worst = max(self.worst, len(self.arrivals))
            add(log, call)

        patches.setattr(CallLog, "add", count)
        patches.setattr(budget, "WINDOW", WINDOW)
        patches.setattr(
            "homeassistant.util.dt.utcnow",
            lambda: datetime.fromtimestamp(real_time() + self._offset, UTC),
        )

    def run[T](self, awaitable: Awaitable[T]) -> T:
        """Do something, and all that follows from it."""

        async def do() -> T:
            result = await awaitable
            await self.hass.async_block_till_done(wait_background_tasks=True)
            return result

        return self.hass.loop.run_until_complete(do())

    def jump(self, seconds: float) -> None:
        """Let the clock of Home Assistant jump, within a day to either side."""
        self._offset = max(-86_400.0, min(86_400.0, self._offset + seconds))

    def begin(self) -> int:
        """Let all be as it was before the first life; return the number of this one."""
        self._lives += 1
        self._offset = 0.0
        self.worst = 0
        self.platform.reset(rate_limit=1_000_000, tasks=0, devices=40)
        return self._lives


class RandomLife(RuleBasedStateMachine):
    """The life of one account."""

    def __init__(self, world: World) -> None:
        """Set an account up."""
        super().__init__()
        self.story: list[str] = []
        """What has happened so far."""
        self._world = world
        self._hass = world.hass
        self._platform = world.platform
        number = world.begin()
        self._package = self._platform.packages("software")[0]
        self._devices = [
            each.device_id for each in self._platform.devices(self._package)
        ]
        self._entry = MockConfigEntry(
            domain=DOMAIN,
            entry_id=f"RANDOMLIFE{number:016}",
            title="Random life",
            data=credentials_for(self._platform),
        )
        self._asked = 0
        self._others: set[str] = set(self._on_platform)
        """Tasks that somebody else made."""
        self._deleted: set[str] = set()
        self._is_fresh = False
        """Whether what is shown was read after the last change."""
        self._answered: set[str] = set()
        world.run(self._hass.config_entries.async_add(self._entry))
        assert self._entry.state is ConfigEntryState.LOADED, self._entry.reason
        self._be_quick()

    # What may happen

    @step(happening=st.sampled_from(HAPPENINGS), which=WHICH, count=st.integers(0, 3))
    def something_happens_on_the_platform(
        self, happening: str, which: int, count: int
    ) -> None:
        """Others make, stop and delete tasks, devices do what they do."""
        platform = self._platform
        tasks = platform.tasks()
        active = [each for each in tasks if each.tally.open]
        failed = [each for each in tasks if each.status == "failed"]
        match happening:
            case "devices work":
                platform.clock.advance(10.0 ** (count + 1))
            case "a task ends" if active:
                platform.finish_task(pick(active, which).task_id, failed=count)
            case "a task is stopped" if active:
                platform.stop_task(pick(active, which).task_id)
            case "a task is retried" if failed:
                platform.retry_task(pick(failed, which).task_id)
            case "a task is deleted" if tasks:
                task_id = pick(tasks, which).task_id
                platform.delete_task(task_id)
                self._deleted.add(task_id)
            case _:
                status = pick(list(STATUSES), which)
                self._others.add(platform.add_task(kind="software", status=status))

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

    @step(disturbance=st.sampled_from(("mended", "connections close", "signed in")))
    def the_connection_changes(self, disturbance: str) -> None:
        """It works again, it is closed, or another program takes the session."""
        match disturbance:
            case "mended":
                self._platform.faults.clear()
            case "connections close":
                self._platform.drop_connections()
            case _:
                self._platform.take_token()

    @step(ours=st.booleans(), minutes=st.integers(-30, 30))
    def a_clock_jumps(self, ours: bool, minutes: int) -> None:
        """Ours by hours, or the platform's by minutes."""
        if ours:
            self._world.jump(minutes * 1800)
        else:
            clock = self._platform.clock
            clock.set(clock.moment() + timedelta(minutes=minutes))

    @step(which=WHICH, count=st.integers(1, 4))
    def the_user_creates(self, which: int, count: int) -> None:
        """An upgrade of some devices, which may be refused."""
        if not self._is_running:
            return
        before = self._on_platform
        self._asked += 1
        answer = self._act(
            "create_software_upgrade_task",
            package=self._package.file_id,
            devices=Random(which).sample(self._devices, k=count),
        )
        if answer is not None:
            self._answered.add(answer["task_id"])
        assert len(self._on_platform - before) <= 1, "doubled"

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
        for each in self._entries:
            if each.is_open:
                self._world.run(
                    self._coordinator.writer.async_answer_unsettled(each.entry_id, None)
                )

    @step(is_killed=st.booleans())
    def home_assistant_starts_again(self, is_killed: bool) -> None:
        """In good order, or with what is on disk at this moment."""
        journal = None
        if self._journal_file.exists():
            journal = self._journal_file.read_bytes()
        storage = deepcopy(self._world.storage)
        self._world.run(self._hass.config_entries.async_unload(self._entry.entry_id))
        if is_killed:
            self._world.storage.clear()
            self._world.storage.update(storage)
            self._journal_file.unlink(missing_ok=True)
            if journal is not None:
                self._journal_file.write_bytes(journal)
        self._hass.data.pop(DATA_JOURNALS, None)
        self._world.run(self._hass.config_entries.async_setup(self._entry.entry_id))
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
        named = [each.task_id for each in self._entries if each.task_id is not None]
        assert len(named) == len(set(named)), "one task, two creations"
        assert set(named) <= made, (
            f"named but not made: {self._entries}, {made}, {self._others}"
        )
        unsure = sum(each.is_open for each in self._entries)
        assert len(made - set(named)) <= unsure, "made but not known"

    @precondition(lambda self: self._is_fresh)
    @invariant()
    def what_is_shown_is_true(self) -> None:
        """If the last poll succeeded, and was made after the last change."""
        truth = counts_on_oceanconnect(self._platform)
        shown = self._coordinator.data.tasks
        lost = truth.keys() - shown.keys()
        assert not lost, f"lost {[self._platform.task(task_id) for task_id in lost]}"
        assert {task_id: shown[task_id].counts for task_id in truth} == truth
        for task in self._platform.tasks():
            assert shown[task.task_id].status is STATUSES[task.status.value]
        gone = [task for key, task in shown.items() if key not in truth]
        assert {task.task_id for task in gone} <= self._deleted
        assert all(task.has_ended for task in gone)
        for status in SHOWN:
            count = sum(task.status is status for task in shown.values())
            assert self._state(f"tasks_{status}") == str(count)

    def happens(self, what: Callable[[], None]) -> None:
        """Let something happen, whatever is shown until the next poll."""
        self._is_fresh = False
        what()

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
        self._platform.faults.clear()
        try:
            for _ in range(3):
                self.poll()
            assert self._is_fresh, self._entry.reason
            self.what_is_shown_is_true()
            self.nothing_is_doubled_or_lost()
            self.the_budget_holds()
        finally:
            self._world.run(
                self._hass.config_entries.async_remove(self._entry.entry_id)
            )
        assert self._hass.states.async_entity_ids() == []
        assert not er.async_get(self._hass).entities
        assert not dr.async_get(self._hass).devices
        assert not ir.async_get(self._hass).issues
        assert not list(self._journal_file.parent.glob(f"*{self._entry.entry_id}*"))

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

    def poll(self) -> None:
        """Poll the account, or set it up if that has failed."""
        if self._is_running:
            self._world.run(self._coordinator.async_refresh())
            self._is_fresh = self._coordinator.last_update_success
        else:
            self._world.run(
                self._hass.config_entries.async_reload(self._entry.entry_id)
            )
            self._be_quick()

    def _be_quick(self) -> None:
        if self._is_running:
            self._coordinator.client.budget.limit = LIMIT
            self._coordinator.client.budget.pause = 0.01

    @property
    def _is_running(self) -> bool:
        return self._entry.state is ConfigEntryState.LOADED

    @property
    def _coordinator(self) -> FleetCoordinator:
        coordinator: FleetCoordinator = self._entry.runtime_data
        return coordinator

    @property
    def _entries(self) -> list[CreateEntry]:
        return list(self._coordinator.writer.journal.all_of(CreateEntry))

    @property
    def _named(self) -> set[str]:
        return {each.task_id for each in self._entries if each.task_id is not None}

    @property
    def _made(self) -> set[str]:
        """Return what the user's creations became."""
        return (self._on_platform | self._deleted) - self._others

    @property
    def _on_platform(self) -> set[str]:
        return {task.task_id for task in self._platform.tasks()}

    @property
    def _journal_file(self) -> Path:
        name = f"{DOMAIN}.{self._entry.entry_id}.journal"
        return Path(self._hass.config.path(".storage", name))

    def _state(self, key: str) -> str:
        """Return the state of one of the account's sensors."""
        entity_id = er.async_get(self._hass).async_get_entity_id(
            "sensor", DOMAIN, f"{self._entry.entry_id}_{key}"
        )
        assert entity_id is not None
        state = self._hass.states.get(entity_id)
        assert state is not None, entity_id
        return state.state
