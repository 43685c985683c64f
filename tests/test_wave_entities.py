"""What the device of a plan of waves shows and tells, and its buttons."""

from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.calendar.const import (
    DOMAIN as CALENDAR_DOMAIN,
    SERVICE_GET_EVENTS,
)
from homeassistant.core import Context, HomeAssistant, State, callback
from homeassistant.exceptions import ServiceValidationError, Unauthorized
from homeassistant.helpers.event import async_track_state_change_event
from msgspec import structs
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.fleet_upgrade.askers import AskerKind
from custom_components.fleet_upgrade.clients.errors import (
    Advice,
    ConnectionProblem,
    RejectedError,
    UnreachableError,
)
from custom_components.fleet_upgrade.clients.model import (
    StatusCounts,
    TaskChange,
    TaskStatus,
)
from custom_components.fleet_upgrade.clients.platform import Capability
from custom_components.fleet_upgrade.clients.registry import PLATFORMS
from custom_components.fleet_upgrade.const import CONF_READ_ONLY
from custom_components.fleet_upgrade.plan import Plan, Wave
from custom_components.fleet_upgrade.writes import PlanEntry

from .actions import act
from .hearing import states_written
from .planning import entities_of, press, shown
from .tiny_platform import KEY, NOW, TinyFleet, set_up
from .wave_plans import CREATE_FIRMWARE, put_plan, with_plans

PLAN = Plan(
    plan_id="plan",
    name="Meters",
    action=CREATE_FIRMWARE,
    values={"package": "pkg-1"},
    device_groups=("one", "two", "three"),
    waves=tuple(Wave(device_groups=(name,)) for name in ("one", "two", "three")),
    wanted_share=80,
    soak_minutes=30,
    needs_approval=True,
)
GOOD = StatusCounts(total=10, waiting=0, processing=0, succeeded=9, failed=1)
BAD = StatusCounts(total=10, waiting=0, processing=2, succeeded=3, failed=5)
CALENDAR = "calendar.fleet_north_upgrade_windows"


class Scene:
    """An account with a plan, its platform, and what the plan's event told."""

    def __init__(
        self,
        hass: HomeAssistant,
        freezer: FrozenDateTimeFactory,
        fleet: TinyFleet,
        account: MockConfigEntry,
    ) -> None:
        """Have an account that is not set up."""
        self.hass = hass
        self.freezer = freezer
        self.fleet = fleet
        self.account = account
        self.told: list[dict[str, Any]] = []

    async def begin(
        self, monkeypatch: pytest.MonkeyPatch, *capabilities: Capability, **plan: Any
    ) -> None:
        """Set the account up, with a plan."""
        monkeypatch.setitem(PLATFORMS, KEY, with_plans(self.fleet, *capabilities))
        put_plan(self.hass, self.account, structs.replace(PLAN, **plan))
        await set_up(self.hass, self.account)
        async_track_state_change_event(self.hass, self.entity("plan_waves"), self._hear)

    @callback
    def _hear(self, event: Any) -> None:
        state = event.data["new_state"]
        if state is not None and state.attributes.get("event_type"):
            self.told.append(dict(state.attributes))

    def entity(self, what: str) -> str:
        """Return the ID of an entity of the plan."""
        entity_id: str = entities_of(self.hass, self.account, "plan")[what]
        return entity_id

    def shown(self, what: str) -> str:
        """Return what an entity of the plan shows."""
        return shown(self.hass, self.account, "plan", what)

    def state(self, what: str) -> State:
        """Return an entity's state."""
        state = self.hass.states.get(self.entity(what))
        assert state is not None
        return state

    async def press(self, button: str = "start_plan", user: Any = None) -> None:
        """Press a button of the plan."""
        context = None if user is None else Context(user_id=user.id)
        await press(self.hass, self.account, "plan", button, context=context)

    async def look(self, seconds: float = 61) -> None:
        """Let time pass and the account be polled."""
        self.freezer.tick(seconds)
        await self.account.runtime_data.async_refresh()
        await self.hass.async_block_till_done(wait_background_tasks=True)

    async def end(
        self,
        task_id: str,
        counts: StatusCounts = GOOD,
        status: TaskStatus = TaskStatus.FAILED,
    ) -> None:
        """Let a task end, or fail so far."""
        self.fleet.change(task_id, status=status, counts=counts)
        await self.look()

    async def expected(self) -> list[tuple[str, timedelta, timedelta]]:
        """Return what the calendar expects, in times counted from now."""
        now = datetime.now(tz=NOW.tzinfo)
        response: Any = await self.hass.services.async_call(
            CALENDAR_DOMAIN,
            SERVICE_GET_EVENTS,
            {
                "entity_id": CALENDAR,
                "start_date_time": now,
                "end_date_time": now + timedelta(days=30),
            },
            blocking=True,
            return_response=True,
        )
        return [
            (
                event["summary"],
                datetime.fromisoformat(event["start"]) - now,
                datetime.fromisoformat(event["end"]) - now,
            )
            for event in response[CALENDAR]["events"]
        ]


@pytest.fixture
def scene(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    fleet: TinyFleet,
    tiny_entry: MockConfigEntry,
) -> Scene:
    """Return an account that is not set up."""
    freezer.move_to(NOW)
    return Scene(hass, freezer, fleet, tiny_entry)


async def test_a_run_is_shown_and_told_from_its_start_to_its_end(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wave by wave, with who let them begin in the journal."""
    await scene.begin(monkeypatch)
    assert scene.shown("plan_state") == "not_started"
    assert scene.shown("plan_wave") == "unknown"
    assert scene.state("plan_wave").attributes["waves"] == 3
    assert scene.shown("plan_share_succeeded") == "unknown"

    await scene.press()
    assert scene.shown("plan_state") == "running"
    assert scene.shown("plan_wave") == "1"
    await scene.end("created-1")
    assert scene.shown("plan_state") == "soaking"
    assert scene.shown("plan_share_succeeded") == "90.0"
    await scene.look(1800)
    assert scene.shown("plan_state") == "awaiting_approval"
    for number in (2, 3):
        await scene.press("approve_wave")
        assert scene.shown("plan_wave") == str(number)
        assert scene.shown("plan_last_status") == "waiting"
        await scene.end(f"created-{number}")
        await scene.look(1800)
    assert scene.shown("plan_state") == "finished"

    answer = await act(
        scene.hass, "get_journal", config_entry_id=scene.account.entry_id
    )
    assert [
        (row["action"], row["plan"], row["wave"]) for row in answer["entries"][::-1]
    ] == [
        (action, "Meters", wave)
        for wave, deed in ((1, "start_plan"), (2, "approve_wave"), (3, "approve_wave"))
        for action in (deed, "create")
    ]

    assert [(each["event_type"], each["wave"]) for each in scene.told] == [
        ("wave_started", 1),
        ("wave_succeeded", 1),
        ("waiting_for_approval", 2),
        ("wave_started", 2),
        ("wave_succeeded", 2),
        ("waiting_for_approval", 3),
        ("wave_started", 3),
        ("wave_succeeded", 3),
        ("finished", 3),
    ]
    succeeded = scene.told[1]
    assert (succeeded["share_succeeded"], succeeded["task_id"]) == (90, "created-1")
    assert succeeded["waves"] == 3
    assert "Approve" in scene.told[2]["what_to_do"]
    await scene.press()
    assert scene.shown("plan_wave") == "1"


STOPPING = "Fleet Upgrade stops the upgrade task of this wave as well."
BY_HAND = "use the web portal of Tiny IoT"


@pytest.mark.parametrize(
    ("capabilities", "said"), [((), BY_HAND), ((Capability.STOP,), STOPPING)]
)
async def test_a_wave_that_fails_is_told_with_what_to_do(
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
    capabilities: tuple[Capability, ...],
    said: str,
) -> None:
    """Its task is stopped where the platform can; elsewhere a person has to."""
    stopped = []

    async def change_task(change: TaskChange) -> None:
        stopped.append(change.task_id)
        scene.fleet.end(change.task_id, TaskStatus.STOPPED, NOW)

    async def is_changed(change: TaskChange) -> bool:
        return change.task_id in stopped

    fleet: Any = scene.fleet
    fleet.change_task, fleet.is_changed = change_task, is_changed
    await scene.begin(monkeypatch, *capabilities)
    await scene.press()
    await scene.end("created-1", BAD, TaskStatus.PROCESSING)
    assert scene.shown("plan_state") == "stopped"
    event = scene.told[-1]
    assert (event["event_type"], event["wave"]) == ("stopped", 1)
    assert event["reason"] == "share_missed"
    assert event["why"] == (
        "Too few devices of wave 1 were upgraded: the plan wants 80 percent."
    )
    assert event["what_to_do"].startswith("No further wave begins. ")
    assert said in event["what_to_do"]
    assert "get_failure_report" in event["what_to_do"]
    assert stopped == (["created-1"] if capabilities else [])
    await scene.look(100_000)
    assert len(scene.fleet.created) == 1


async def test_who_only_reads_is_not_promised_a_stop(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person has to stop the task."""
    await scene.begin(monkeypatch, Capability.STOP)
    await scene.press()
    scene.hass.config_entries.async_update_entry(
        scene.account, options={CONF_READ_ONLY: True}
    )
    await scene.end("created-1", BAD, TaskStatus.PROCESSING)
    said = scene.told[-1]["what_to_do"]
    assert STOPPING not in said
    assert BY_HAND in said
    assert "read only" in said


async def test_what_was_refused_is_told_with_its_reason(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the platform gave it."""
    await scene.begin(monkeypatch, needs_approval=False, soak_minutes=0)
    await scene.press()

    async def refuse(_prepared: object) -> str:
        raise RejectedError("4711", "no", Advice.PACKAGE_MISSING)

    monkeypatch.setattr(scene.fleet, "create_task", refuse)
    await scene.end("created-1")
    event = scene.told[-1]
    assert (event["event_type"], event["wave"]) == ("stopped", 2)
    assert event["why"].startswith("Wave 2 could not be created.")
    assert "4711" in event["why"]
    assert event["what_to_do"] == "No further wave begins."


async def test_what_a_run_waits_for_is_shown(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody wonders why no wave begins; an outage is told and ends."""
    await scene.begin(monkeypatch)
    error = UnreachableError(ConnectionProblem.CONNECT)
    with patch.object(scene.fleet, "create_task", side_effect=error):
        await scene.press()
    assert scene.shown("plan_state") == "creating"
    held_up_by = scene.state("plan_state").attributes["held_up_by"]
    assert held_up_by.startswith("No connection")
    await scene.look(61)
    assert scene.shown("plan_state") == "running"
    assert scene.state("plan_state").attributes["held_up_by"] is None

    forgotten = {"created-1": scene.fleet.tasks.pop("created-1")}
    with patch.object(scene.fleet, "get_task", side_effect=error):
        await scene.look(3700)
    assert scene.state("plan_state").attributes["held_up_by"] == held_up_by
    scene.fleet.tasks.update(forgotten)
    await scene.look(61)
    assert scene.state("plan_state").attributes["held_up_by"] is None


async def test_only_administrators_stop_and_approve(
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
    hass_admin_user: MockUser,
    hass_read_only_user: MockUser,
) -> None:
    """The journal says who did."""
    await scene.begin(monkeypatch)
    for button in ("approve_wave", "stop_plan"):
        with pytest.raises(Unauthorized):
            await scene.press(button, hass_read_only_user)
    await scene.press("start_plan", hass_admin_user)
    await scene.press("stop_plan", hass_admin_user)
    assert scene.shown("plan_state") == "stopped"
    notes = scene.account.runtime_data.writer.journal.all_of(PlanEntry)
    assert [(note.action, note.asker.kind, note.asker.user_id) for note in notes] == [
        ("start_plan", AskerKind.USER, hass_admin_user.id),
        ("stop_plan", AskerKind.USER, hass_admin_user.id),
    ]


@pytest.mark.parametrize(
    ("button", "key"),
    [("approve_wave", "plan_not_waiting"), ("stop_plan", "plan_not_running")],
)
async def test_a_button_that_has_nothing_to_do_says_so(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, button: str, key: str
) -> None:
    """Also while the platform does not answer."""
    await scene.begin(monkeypatch)
    scene.fleet.error = UnreachableError(ConnectionProblem.CONNECT)
    await scene.look()
    with pytest.raises(ServiceValidationError) as refusal:
        await scene.press(button)
    assert refusal.value.translation_key == key
    assert (refusal.value.translation_placeholders or {})["plan"] == "Meters"


async def test_expected_waves_stand_in_the_calendar(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As soon as it is known how long one takes; each as long as the last one."""
    await scene.begin(monkeypatch, needs_approval=False)
    await scene.press()
    assert await scene.expected() == []
    scene.freezer.tick(3600 - 61)
    await scene.end("created-1")
    hour, soak = timedelta(hours=1), timedelta(minutes=30)
    assert await scene.expected() == [
        ("Meters: wave 2 of 3 (expected)", soak, soak + hour),
        ("Meters: wave 3 of 3 (expected)", 2 * soak + hour, 2 * soak + 2 * hour),
    ]
    calendar = scene.hass.states.get(CALENDAR)
    assert calendar is not None
    assert calendar.attributes["message"] == "Meters: wave 2 of 3 (expected)"
    await scene.look(1800)
    assert scene.shown("plan_wave") == "2"
    assert await scene.expected() == [
        ("Meters: wave 3 of 3 (expected)", soak + hour, soak + 2 * hour)
    ]
    await scene.look(6000)
    assert await scene.expected() == []


async def test_nothing_is_written_that_has_not_changed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever else a poll finds."""
    await scene.begin(monkeypatch)
    await scene.press()
    await scene.look()
    written = {
        what: states_written(scene.hass, scene.entity(what))
        for what in entities_of(scene.hass, scene.account, "plan")
    }
    calendar = states_written(scene.hass, CALENDAR)
    counts = StatusCounts(total=10, waiting=4, processing=1, succeeded=4, failed=1)
    scene.fleet.change("created-1", counts=counts)
    await scene.look()
    assert calendar == []
    assert {what: states for what, states in written.items() if states} == {}


async def test_a_plan_without_waves_has_nothing_of_them(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor keeps it what it had, once its last run of waves is over."""
    await scene.begin(monkeypatch)
    await scene.press()
    [subentry] = scene.account.subentries.values()
    scene.hass.config_entries.async_update_subentry(
        scene.account, subentry, data=subentry.data | {"waves": []}
    )
    await scene.hass.async_block_till_done(wait_background_tasks=True)
    assert scene.shown("plan_state") == "running"
    with pytest.raises(ServiceValidationError) as refusal:
        await scene.press()
    assert refusal.value.translation_key == "plan_running"
    await scene.press("stop_plan")
    await scene.hass.config_entries.async_reload(scene.account.entry_id)
    assert sorted(entities_of(scene.hass, scene.account, "plan")) == [
        "plan_last_run",
        "plan_last_status",
        "start_plan",
    ]


async def test_a_bug_report_names_no_device_of_a_run(
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
    hass_client: ClientSessionGenerator,
) -> None:
    """It counts them."""
    await scene.begin(monkeypatch)
    await scene.press()
    told: Any = await get_diagnostics_for_config_entry(
        scene.hass, hass_client, scene.account
    )
    [run] = told["runs"]
    assert (run["phase"], run["wave"]) == ("running", 1)
    assert run["waves"] == [{"device_groups": 1}] * 3
    assert "created-1" not in str(told["runs"])
    await scene.hass.config_entries.async_unload(scene.account.entry_id)
    told = await get_diagnostics_for_config_entry(
        scene.hass, hass_client, scene.account
    )
    assert told["runs"] is None
