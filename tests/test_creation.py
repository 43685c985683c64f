"""Creations: never the same twice, and a lost answer is looked for."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from msgspec import structs
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fleet_upgrade import creation
from custom_components.fleet_upgrade.askers import Asker
from custom_components.fleet_upgrade.clients.errors import (
    AmbiguousError,
    ConnectionProblem,
    InvalidFieldError,
    UnreachableError,
)
from custom_components.fleet_upgrade.clients.model import (
    CreateRequest,
    Policy,
    PreparedCreate,
    Targets,
    TaskStatus,
    UpgradeKind,
)
from custom_components.fleet_upgrade.const import CONF_GUARD_MINUTES, DOMAIN
from custom_components.fleet_upgrade.coordinator import FleetCoordinator
from custom_components.fleet_upgrade.creation import UnsettledError
from custom_components.fleet_upgrade.writes import CreateEntry, WriteState

from .tiny_platform import NOW, TinyFleet, make_entry, make_task, set_up

REQUEST = CreateRequest(
    kind=UpgradeKind.FIRMWARE,
    package_id="pkg-1",
    targets=Targets(device_groups=("Meters north", "Meters south")),
)
OTHER_TARGETS = Targets(device_groups=("Lamps",))
LOST = AmbiguousError("the answer was lost")
UNREACHABLE = UnreachableError(ConnectionProblem.CONNECT)


def prepared(request: CreateRequest = REQUEST, **changes: Any) -> PreparedCreate:
    """Return a creation as it goes out."""
    return PreparedCreate(
        request=structs.replace(request, **changes), method="POST", path="/", body={}
    )


@pytest.fixture
async def coordinator(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, tiny_entry: MockConfigEntry
) -> FleetCoordinator:
    """Return the coordinator of an account that is set up."""
    freezer.move_to(NOW)
    await set_up(hass, tiny_entry)
    coordinator: FleetCoordinator = tiny_entry.runtime_data
    return coordinator


async def create(
    coordinator: FleetCoordinator,
    creation: PreparedCreate | None = None,
    *,
    force: bool = False,
) -> str:
    """Create as an action does."""
    [entry] = await coordinator.writer.async_create(
        creation or prepared(), Asker(), force=force
    )
    assert entry.task_id is not None
    return entry.task_id


def only_entry(coordinator: FleetCoordinator) -> CreateEntry:
    """Return the journal's only entry."""
    (entry,) = coordinator.writer.journal.all_of(CreateEntry)
    return entry


def issues(hass: HomeAssistant) -> list[str]:
    """Return what the open issues are about."""
    return [
        str(issue.translation_key)
        for (domain, _), issue in ir.async_get(hass).issues.items()
        if domain == DOMAIN
    ]


def losing(fleet: TinyFleet, *, made: bool) -> Any:
    """Lose the answer of creations, before or after the work is done."""
    create_task = fleet.create_task

    async def lose(prepared: PreparedCreate) -> str:
        if made:
            await create_task(prepared)
        raise LOST

    return patch.object(fleet, "create_task", lose)


# No double submit


async def test_the_same_within_minutes_is_refused_and_the_earlier_task_named(
    fleet: TinyFleet, coordinator: FleetCoordinator
) -> None:
    """An impatient second press of a button is not a second upgrade."""
    task_id = await create(coordinator)
    fleet.end(task_id, TaskStatus.SUCCEEDED, NOW)
    with pytest.raises(InvalidFieldError) as err:
        await create(coordinator)
    assert err.value.key == "create_repeated"
    assert err.value.placeholders["task"] == task_id
    assert err.value.placeholders["minutes"] == "10"
    assert len(fleet.created) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"policy": Policy(retries=3)},
        {"targets": Targets(device_groups=("Meters south", "Meters north"))},
    ],
    ids=["another policy", "another order"],
)
async def test_policy_and_order_of_targets_do_not_make_it_another(
    fleet: TinyFleet, coordinator: FleetCoordinator, change: dict[str, Any]
) -> None:
    """It would install the same on the same devices."""
    task_id = await create(coordinator)
    fleet.end(task_id, TaskStatus.SUCCEEDED, NOW)
    with pytest.raises(InvalidFieldError):
        await create(coordinator, prepared(**change))


async def test_after_the_minutes_the_same_may_be_asked_for_again(
    fleet: TinyFleet, coordinator: FleetCoordinator, freezer: FrozenDateTimeFactory
) -> None:
    """The devices may have been replaced meanwhile."""
    task_id = await create(coordinator)
    fleet.end(task_id, TaskStatus.SUCCEEDED, NOW)
    freezer.tick(timedelta(minutes=10, seconds=1))
    await create(coordinator)
    assert len(fleet.created) == 2


async def test_the_user_says_for_how_many_minutes(
    hass: HomeAssistant, fleet: TinyFleet, freezer: FrozenDateTimeFactory
) -> None:
    """Zero switches it off."""
    freezer.move_to(NOW)
    entry = make_entry(**{CONF_GUARD_MINUTES: 0})
    entry.add_to_hass(hass)
    await set_up(hass, entry)
    for number in (1, 2):
        task_id = await create(entry.runtime_data)
        fleet.end(task_id, TaskStatus.SUCCEEDED, NOW)
        assert len(fleet.created) == number


async def test_force_overrides_what_was_just_asked_for(
    fleet: TinyFleet, coordinator: FleetCoordinator
) -> None:
    """Who really wants it twice says so, and the journal keeps that."""
    await create(coordinator)
    await create(coordinator, force=True)
    assert len(fleet.created) == 2
    assert [
        entry.forced for entry in coordinator.writer.journal.all_of(CreateEntry)
    ] == [
        False,
        True,
    ]


async def test_what_was_refused_may_be_asked_for_again_at_once(
    fleet: TinyFleet, coordinator: FleetCoordinator
) -> None:
    """Nothing was created the first time."""
    with (
        patch.object(fleet, "create_task", side_effect=UNREACHABLE),
        pytest.raises(UnreachableError),
    ):
        await create(coordinator)
    entry = only_entry(coordinator)
    assert entry.state is WriteState.REFUSED
    assert entry.failure == "cannot_connect"
    await create(coordinator)


@pytest.mark.parametrize("status", [TaskStatus.WAITING, TaskStatus.PROCESSING])
@pytest.mark.parametrize("polled", [True, False])
async def test_targets_of_an_active_task_are_busy(
    fleet: TinyFleet, coordinator: FleetCoordinator, status: TaskStatus, polled: bool
) -> None:
    """Also when the task is so new that no poll has seen it."""
    fleet.put(make_task("theirs", status))
    if polled:
        await coordinator.async_refresh()
    targets = Targets(device_groups=("Meters south", "Lamps"))
    with pytest.raises(InvalidFieldError) as err:
        await create(coordinator, prepared(targets=targets))
    assert err.value.key == "targets_busy"
    assert err.value.placeholders["task"] == "theirs"
    assert err.value.placeholders["overlap"] == "Meters south"
    assert err.value.placeholders["count"] == "1"
    assert fleet.created == []
    await create(coordinator, prepared(targets=targets), force=True)


async def test_devices_are_busy_like_groups(
    fleet: TinyFleet, coordinator: FleetCoordinator
) -> None:
    """At most three of many are named."""
    devices = tuple(f"d{number}" for number in range(9))
    fleet.put(make_task("theirs", targets=Targets(devices=devices)))
    with pytest.raises(InvalidFieldError) as err:
        await create(coordinator, prepared(targets=Targets(devices=devices[1:])))
    assert err.value.placeholders["overlap"] == "d1, d2, d3"
    assert err.value.placeholders["count"] == "8"


@pytest.mark.parametrize(
    "task",
    [
        make_task("ended", TaskStatus.SUCCEEDED),
        make_task("other kind", kind=UpgradeKind.SOFTWARE),
        make_task("others", targets=OTHER_TARGETS),
    ],
    ids=lambda task: str(task.task_id),
)
async def test_other_tasks_are_in_nobodys_way(
    fleet: TinyFleet, coordinator: FleetCoordinator, task: Any
) -> None:
    """Ended, of the other kind, or for other targets."""
    fleet.put(task)
    await create(coordinator)


async def test_two_calls_at_one_moment_make_one_task(
    fleet: TinyFleet, coordinator: FleetCoordinator
) -> None:
    """The second sees what the first wrote down."""
    results = await asyncio.gather(
        create(coordinator), create(coordinator), return_exceptions=True
    )
    assert len(fleet.created) == 1
    assert results[0] == "created-1"
    assert isinstance(results[1], InvalidFieldError)


# A lost answer


async def test_a_lost_answer_is_found_as_if_nothing_had_happened(
    hass: HomeAssistant, fleet: TinyFleet, coordinator: FleetCoordinator
) -> None:
    """The task is on the platform, the only one that it can be."""
    fleet.put(make_task("before", TaskStatus.SUCCEEDED))
    with losing(fleet, made=True):
        assert await create(coordinator) == "created-1"
    assert only_entry(coordinator).state is WriteState.DONE
    assert issues(hass) == []
    assert "created-1" in coordinator.data.tasks


@pytest.mark.parametrize(
    "task",
    [
        make_task("too early", TaskStatus.WAITING, created=NOW - timedelta(minutes=2)),
        make_task("other targets", targets=OTHER_TARGETS),
    ],
    ids=lambda task: str(task.task_id),
)
async def test_tasks_that_cannot_be_it_are_not_taken_for_it(
    hass: HomeAssistant, fleet: TinyFleet, coordinator: FleetCoordinator, task: Any
) -> None:
    """Then it is not known whether it was created, and a person is asked."""
    await appears_while_sending(fleet, coordinator, task)
    assert only_entry(coordinator).state is WriteState.UNSETTLED
    assert issues(hass) == ["unsettled_create"]


async def appears_while_sending(
    fleet: TinyFleet, coordinator: FleetCoordinator, *tasks: Any
) -> UnsettledError:
    """Let others create tasks while our own creation is lost; return the error."""

    async def lose(prepared: PreparedCreate) -> str:
        fleet.put(*tasks)
        raise LOST

    with (
        patch.object(fleet, "create_task", lose),
        pytest.raises(UnsettledError) as err,
    ):
        await create(coordinator)
    return err.value


async def test_an_error_that_nobody_expected_is_taken_for_a_lost_answer(
    hass: HomeAssistant,
    fleet: TinyFleet,
    coordinator: FleetCoordinator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever went wrong, it may have been sent."""
    with (
        patch.object(fleet, "create_task", side_effect=ZeroDivisionError),
        pytest.raises(UnsettledError),
    ):
        await create(coordinator)
    assert only_entry(coordinator).state is WriteState.UNSETTLED
    assert issues(hass) == ["unsettled_create"]
    assert "Unexpected error while creating an upgrade task" in caplog.text


async def test_clocks_that_differ_do_not_matter(
    fleet: TinyFleet, coordinator: FleetCoordinator
) -> None:
    """The platform's clock is eleven minutes slow, and its answers say so."""
    fleet.clock_offset = timedelta(minutes=-11)
    late = make_task("late", TaskStatus.WAITING, created=NOW - timedelta(minutes=11))

    async def lose(prepared: PreparedCreate) -> str:
        fleet.put(late)
        raise LOST

    with patch.object(fleet, "create_task", lose):
        assert await create(coordinator) == "late"


async def test_what_another_creation_became_is_not_taken_for_it(
    fleet: TinyFleet, coordinator: FleetCoordinator
) -> None:
    """Each task is the result of one creation."""
    claimed = await create(coordinator)
    fleet.end(claimed, TaskStatus.SUCCEEDED, NOW)
    with losing(fleet, made=False), pytest.raises(UnsettledError):
        await create(coordinator, force=True)


async def test_several_candidates_are_named_and_none_is_taken(
    hass: HomeAssistant, fleet: TinyFleet, coordinator: FleetCoordinator
) -> None:
    """Somebody else created the same at the same moment."""
    error = await appears_while_sending(
        fleet,
        coordinator,
        make_task("one", TaskStatus.WAITING),
        make_task("two", TaskStatus.WAITING),
    )
    assert error.key == "unsettled_several"
    assert error.placeholders["tasks"] == "one, two"
    assert issues(hass) == ["unsettled_create"]


async def test_until_it_is_settled_it_is_not_sent_again_even_by_force(
    fleet: TinyFleet, coordinator: FleetCoordinator
) -> None:
    """Only its own key is blocked."""
    with losing(fleet, made=False), pytest.raises(UnsettledError) as err:
        await create(coordinator)
    assert err.value.key == "unsettled_none"
    for force in (False, True):
        with pytest.raises(InvalidFieldError) as refused:
            await create(coordinator, force=force)
        assert refused.value.key == "create_unsettled"
    assert fleet.created == []
    await create(coordinator, prepared(targets=OTHER_TARGETS))


async def test_a_platform_that_could_not_be_asked_has_not_said_no(
    hass: HomeAssistant, fleet: TinyFleet, coordinator: FleetCoordinator
) -> None:
    """Nothing found and nothing read are two things, and the message says which."""
    read_newest = fleet.read_newest

    async def unreachable(*args: Any) -> Any:
        if fleet.created:
            raise UNREACHABLE
        return await read_newest(*args)

    with (
        losing(fleet, made=True),
        patch.object(fleet, "read_newest", unreachable),
        pytest.raises(UnsettledError) as err,
    ):
        await create(coordinator)
    assert err.value.key == "unsettled_unread"
    await coordinator.async_refresh()
    assert only_entry(coordinator).task_id == "created-1"


async def test_clocks_set_right_while_looking_do_not_matter(
    fleet: TinyFleet, coordinator: FleetCoordinator
) -> None:
    """What counts is how they differed when it was sent."""
    fleet.clock_offset = timedelta(minutes=-30)
    late = make_task("late", TaskStatus.WAITING, created=NOW - timedelta(minutes=30))
    with losing(fleet, made=False), pytest.raises(UnsettledError):
        await create(coordinator)
    fleet.clock_offset = timedelta()
    fleet.put(late)
    await coordinator.async_refresh()
    assert only_entry(coordinator).task_id == "late"


async def test_a_reload_in_the_middle_does_not_let_the_same_through(
    hass: HomeAssistant,
    fleet: TinyFleet,
    coordinator: FleetCoordinator,
    tiny_entry: MockConfigEntry,
) -> None:
    """The account's next run waits for the creation of the one before."""
    may_read = asyncio.Event()
    read_newest = fleet.read_newest

    async def slow(*args: Any) -> Any:
        await may_read.wait()
        return await read_newest(*args)

    with patch.object(fleet, "read_newest", slow):
        first = hass.async_create_task(
            coordinator.writer.creator.async_create(prepared(), Asker())
        )
        await asyncio.sleep(0)
        await hass.config_entries.async_unload(tiny_entry.entry_id)
        await hass.config_entries.async_setup(tiny_entry.entry_id)
        second = hass.async_create_task(create(tiny_entry.runtime_data))
        await asyncio.sleep(0)
        may_read.set()
        assert (await first).task_id == "created-1"
        with pytest.raises(InvalidFieldError):
            await second
    assert len(fleet.created) == 1


async def test_a_busy_task_that_is_over_meanwhile_is_in_nobodys_way(
    fleet: TinyFleet, coordinator: FleetCoordinator
) -> None:
    """What only the last poll saw is read again before it refuses anything."""
    fleet.put(make_task("theirs"))
    await coordinator.async_refresh()
    fleet.end("theirs", TaskStatus.SUCCEEDED, NOW)

    async def nothing_new(*args: Any) -> tuple[()]:
        return ()

    with patch.object(fleet, "read_newest", nothing_new):
        await create(coordinator)


async def test_looking_goes_on_while_the_platform_is_out_of_reach(
    fleet: TinyFleet, coordinator: FleetCoordinator
) -> None:
    """The connection that lost the answer may need a moment."""
    read_newest = fleet.read_newest
    outages = [UNREACHABLE]

    async def unreachable(*args: Any) -> Any:
        if fleet.created and outages:
            raise outages.pop()
        return await read_newest(*args)

    with (
        losing(fleet, made=True),
        patch.object(fleet, "read_newest", unreachable),
    ):
        assert await create(coordinator) == "created-1"
    assert outages == []


async def test_each_later_poll_tries_again(
    hass: HomeAssistant, fleet: TinyFleet, coordinator: FleetCoordinator
) -> None:
    """A platform may take its time to do what it was told."""
    with losing(fleet, made=False), pytest.raises(UnsettledError):
        await create(coordinator)
    fleet.put(make_task("slow", TaskStatus.WAITING))
    await coordinator.async_refresh()
    entry = only_entry(coordinator)
    assert (entry.state, entry.task_id) == (WriteState.DONE, "slow")
    assert issues(hass) == []


async def test_a_poll_may_be_faster_than_the_look(
    fleet: TinyFleet, coordinator: FleetCoordinator
) -> None:
    """Then the look has nothing left to do."""
    read_newest = fleet.read_newest
    reads = 0

    async def poll_meanwhile(*args: Any) -> Any:
        nonlocal reads
        reads += 1
        if reads == 2:  # the first one is before the creation
            await coordinator.async_refresh()
            raise UNREACHABLE
        return await read_newest(*args)

    with (
        losing(fleet, made=True),
        patch.object(fleet, "read_newest", poll_meanwhile),
    ):
        assert await create(coordinator) == "created-1"
    assert reads == 2
    assert only_entry(coordinator).state is WriteState.DONE


async def test_one_task_that_two_lost_creations_may_be_is_left_to_a_person(
    fleet: TinyFleet, coordinator: FleetCoordinator
) -> None:
    """Another package with the same version, for the same targets."""
    for package_id in ("pkg-1", "pkg-2"):
        with losing(fleet, made=False), pytest.raises(UnsettledError):
            await create(coordinator, prepared(package_id=package_id), force=True)
    fleet.put(make_task("either", TaskStatus.WAITING))
    await coordinator.async_refresh()
    assert {
        entry.state for entry in coordinator.writer.journal.all_of(CreateEntry)
    } == {WriteState.UNSETTLED}


@pytest.mark.parametrize(
    ("answer", "state", "task_id"),
    [
        (make_task("theirs"), WriteState.DONE, "theirs"),
        (None, WriteState.NOT_DONE, None),
    ],
    ids=["it exists", "it does not"],
)
async def test_a_person_settles_what_looking_could_not(
    hass: HomeAssistant,
    fleet: TinyFleet,
    coordinator: FleetCoordinator,
    answer: Any,
    state: WriteState,
    task_id: str | None,
) -> None:
    """And what is settled is not settled again."""
    with losing(fleet, made=False), pytest.raises(UnsettledError):
        await create(coordinator)
    entry_id = only_entry(coordinator).entry_id
    for _ in range(2):
        await coordinator.writer.async_answer_unsettled(entry_id, answer)
        entry = only_entry(coordinator)
        assert (entry.state, entry.task_id) == (state, task_id)
    assert issues(hass) == []
    assert await coordinator.writer.creator.async_look(entry_id) == []


# A restart in the middle


async def restart(
    hass: HomeAssistant, entry: MockConfigEntry, meanwhile: Callable[[], None]
) -> FleetCoordinator:
    """Unload an account and set it up again."""
    await hass.config_entries.async_unload(entry.entry_id)
    meanwhile()
    await set_up(hass, entry)
    coordinator: FleetCoordinator = entry.runtime_data
    return coordinator


async def stop_while_sending(
    hass: HomeAssistant, fleet: TinyFleet, entry: MockConfigEntry, *, made: bool
) -> FleetCoordinator:
    """Restart between sending and answer."""
    coordinator: FleetCoordinator = entry.runtime_data
    await coordinator.writer.creator.async_create(
        prepared(targets=OTHER_TARGETS), Asker()
    )

    async def killed(prepared: PreparedCreate) -> str:
        raise asyncio.CancelledError

    with (
        patch.object(fleet, "create_task", killed),
        pytest.raises(asyncio.CancelledError),
    ):
        await coordinator.writer.creator.async_create(prepared(), Asker())

    def meanwhile() -> None:
        if made:
            fleet.put(make_task("made", TaskStatus.WAITING))

    return await restart(hass, entry, meanwhile)


async def test_what_was_sent_before_a_restart_is_found_after_it(
    hass: HomeAssistant,
    fleet: TinyFleet,
    coordinator: FleetCoordinator,
    tiny_entry: MockConfigEntry,
) -> None:
    """The journal knows that it was sent, the platform that it was done."""
    coordinator = await stop_while_sending(hass, fleet, tiny_entry, made=True)
    done = [entry.task_id for entry in coordinator.writer.journal.all_of(CreateEntry)]
    assert done == ["created-1", "made"]
    assert issues(hass) == []


async def test_what_was_perhaps_sent_before_a_restart_is_asked_about(
    hass: HomeAssistant,
    fleet: TinyFleet,
    coordinator: FleetCoordinator,
    tiny_entry: MockConfigEntry,
) -> None:
    """After looking in vain; and the question outlives the next restart."""
    coordinator = await stop_while_sending(hass, fleet, tiny_entry, made=False)
    assert issues(hass) == ["unsettled_create"]
    ir.async_get(hass).issues.clear()
    coordinator = await restart(hass, tiny_entry, lambda: None)
    assert issues(hass) == ["unsettled_create"]
    assert [
        entry.state for entry in coordinator.writer.journal.all_of(CreateEntry)
    ] == [
        WriteState.DONE,
        WriteState.UNSETTLED,
    ]


async def test_unloading_while_looking_leaves_the_question_to_the_next_start(
    hass: HomeAssistant,
    fleet: TinyFleet,
    coordinator: FleetCoordinator,
    tiny_entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The caller is told that it is not known, and nothing is sent again."""
    is_looking = asyncio.Event()

    def looks() -> Iterator[float]:
        is_looking.set()
        yield 60.0

    monkeypatch.setattr(creation, "LOOKS", looks())
    with losing(fleet, made=True):
        creating = hass.async_create_task(create(coordinator))
        await is_looking.wait()
    monkeypatch.setattr(creation, "LOOKS", (0.0,))
    coordinator = await restart(hass, tiny_entry, lambda: None)
    with pytest.raises(UnsettledError):
        await creating
    assert only_entry(coordinator).task_id == "created-1"
    assert len(fleet.created) == 1
