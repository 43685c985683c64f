"""A person settles what looking could not, through Home Assistant's own dialogs."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.fleet_upgrade.const import DOMAIN
from custom_components.fleet_upgrade.writes import CreateEntry, WriteState
from simulator.oceanconnect import Fault, FaultKind, OceanConnectSimulator

from .actions import act
from .dialogs import begin_repair, go_on_with_repair

CREATE = "create_firmware_upgrade_task"
PATH = "/operations/firmwareUpgrade"

type Data = dict[str, Any]
type Step = Callable[..., Awaitable[Data]]
type Lost = Callable[[], Awaitable[None]]


@pytest.fixture
def creation(account: MockConfigEntry, oceanconnect: OceanConnectSimulator) -> Data:
    """Return what the action needs to create a task."""
    package = oceanconnect.packages("firmware")[0]
    devices = [device.device_id for device in oceanconnect.devices(package)[:2]]
    return {
        "config_entry_id": account.entry_id,
        "package": package.file_id,
        "devices": devices,
    }


@pytest.fixture
def lost(
    hass: HomeAssistant, oceanconnect: OceanConnectSimulator, creation: Data
) -> Lost:
    """Return what creates a task whose answer is lost, and which is not found."""

    async def create() -> None:
        oceanconnect.faults.add(Fault(kind=FaultKind.RESET_BEFORE, path=PATH))
        with pytest.raises(HomeAssistantError) as err:
            await act(hass, CREATE, **creation)
        assert str(err.value.translation_key).startswith("unsettled_")

    return create


@pytest.fixture
def step(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    issue_registry: ir.IssueRegistry,
) -> Step:
    """Return what takes a step of the dialog; the first one without any answer.

    What a step shows also tells where the next one goes.
    """

    async def take(shown: Data | None = None, **answers: Any) -> Data:
        if shown is None:
            [issue_id] = issues(issue_registry)
            return await begin_repair(hass, hass_client, issue_id)
        return await go_on_with_repair(hass, hass_client, shown, **answers)

    return take


def issues(registry: ir.IssueRegistry) -> list[str]:
    """Return the IDs of the issues that are there."""
    return [issue_id for domain, issue_id in registry.issues if domain == DOMAIN]


def only_entry(account: MockConfigEntry) -> CreateEntry:
    """Return the journal's only entry."""
    entry: CreateEntry
    [entry] = account.runtime_data.writer.journal.entries
    return entry


def like_ours(oceanconnect: OceanConnectSimulator, creation: Data, **other: Any) -> str:
    """Let somebody else create a task for the same devices; return its ID."""
    package = oceanconnect.packages("firmware")[0]
    return oceanconnect.add_task(package=package, devices=creation["devices"], **other)


async def refusal(hass: HomeAssistant, creation: Data, **data: Any) -> str | None:
    """Return why the same creation is refused."""
    with pytest.raises(ServiceValidationError) as err:
        await act(hass, CREATE, **creation, **data)
    return err.value.translation_key


async def test_the_dialog_asks_about_what_was_sent(
    account: MockConfigEntry, lost: Lost, step: Step
) -> None:
    """In a menu with both answers, with all that its text names."""
    await lost()
    shown = await step()
    assert shown["type"] == "menu"
    assert shown["step_id"] == "init"
    assert shown["menu_options"] == ["exists", "does_not_exist"]
    assert shown["description_placeholders"] == {
        "account": account.title,
        "version": only_entry(account).prepared.version,
        "target": f"{only_entry(account).prepared.request.targets.first} (+1)",
        "time": shown["description_placeholders"]["time"],
    }


async def test_the_task_is_chosen_from_those_that_it_can_be(
    hass: HomeAssistant,
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    issue_registry: ir.IssueRegistry,
    creation: Data,
    lost: Lost,
    step: Step,
) -> None:
    """Somebody else created the same at the same moment."""
    await lost()
    # The platform was slow, and so was somebody else: now there are two.
    ours = like_ours(oceanconnect, creation)
    twin = like_ours(oceanconnect, creation)
    await account.runtime_data.async_refresh()
    assert len(issues(issue_registry)) == 1

    shown = await step(await step(), next_step_id="exists")
    assert shown["type"] == "form"
    assert shown["step_id"] == "exists"
    assert shown["errors"] == {}
    [field] = shown["data_schema"]
    assert field["name"] == "task"
    assert field["selector"]["select"]["custom_value"] is True
    options = field["selector"]["select"]["options"]
    assert {option["value"] for option in options} == {ours, twin}
    version = only_entry(account).prepared.version
    assert all(
        option["label"].startswith(f"{option['value']} 20")
        and option["label"].endswith(f" {version}")
        for option in options
    )

    end = await step(shown, task=ours)
    assert end["type"] == "create_entry"
    assert issues(issue_registry) == []
    entry = only_entry(account)
    assert (entry.state, entry.task_id) == (WriteState.DONE, ours)
    assert entry.closed_at is not None

    # Its key is claimed: the same is the same again, as after any creation.
    assert await refusal(hass, creation) == "create_repeated"
    oceanconnect.finish_task(ours)
    oceanconnect.finish_task(twin)
    response = await act(hass, CREATE, **creation, force=True)
    assert response["task_id"] not in (ours, twin)


async def test_an_id_may_be_typed_in(
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    issue_registry: ir.IssueRegistry,
    creation: Data,
    lost: Lost,
    step: Step,
) -> None:
    """Of a task that seems to be another; one that does not exist is told."""
    await lost()
    task_id = like_ours(oceanconnect, creation, retries=3)
    shown = await step(await step(), next_step_id="exists")
    [field] = shown["data_schema"]
    assert field["selector"]["select"]["options"] == []

    for answer, error, placeholders in (
        ("nonsense", "rejected_task_missing", {"code": "123009"}),
        (" ", "value_missing", {}),
    ):
        shown = await step(shown, task=answer)
        assert shown["type"] == "form"
        assert shown["errors"] == {"task": error}
        assert placeholders.items() <= shown["description_placeholders"].items()
        assert only_entry(account).state is WriteState.UNSETTLED

    end = await step(shown, task=f" {task_id} ")
    assert end["type"] == "create_entry"
    assert issues(issue_registry) == []
    assert only_entry(account).task_id == task_id


async def test_a_task_that_it_cannot_be_is_not_taken(
    hass: HomeAssistant,
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    creation: Data,
    lost: Lost,
    step: Step,
) -> None:
    """One of the other kind, or one that another creation became."""
    package = oceanconnect.packages("firmware")[0]
    device = oceanconnect.devices(package)[3].device_id
    claimed = (await act(hass, CREATE, **creation | {"devices": [device]}))["task_id"]
    await lost()
    shown = await step(await step(), next_step_id="exists")
    for task_id in (claimed, oceanconnect.add_task(kind="software")):
        shown = await step(shown, task=task_id)
        assert shown["errors"] == {"task": "task_of_another"}
    unsettled = account.runtime_data.writer.journal.open_entries(CreateEntry)
    assert [entry.state for entry in unsettled] == [WriteState.UNSETTLED]


async def test_a_platform_that_does_not_answer_is_told(
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    lost: Lost,
    step: Step,
) -> None:
    """And what was typed in can be sent again."""
    await lost()
    shown = await step(await step(), next_step_id="exists")
    oceanconnect.faults.add(
        Fault(kind=FaultKind.RESET_BEFORE, path="/operations/x", count=None)
    )
    shown = await step(shown, task="x")
    assert shown["errors"] == {"task": "hung_up"}
    assert only_entry(account).state is WriteState.UNSETTLED


async def test_what_does_not_exist_may_be_sent_again(
    hass: HomeAssistant,
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    issue_registry: ir.IssueRegistry,
    creation: Data,
    lost: Lost,
    step: Step,
) -> None:
    """After asking once more; until then not even by force."""
    await lost()
    for force in (False, True):
        assert await refusal(hass, creation, force=force) == "create_unsettled"
    shown = await step(await step(), next_step_id="does_not_exist")
    assert shown["type"] == "form"
    assert shown["step_id"] == "does_not_exist"
    assert shown["data_schema"] == []
    assert await refusal(hass, creation, force=True) == "create_unsettled"

    end = await step(shown)
    assert end["type"] == "create_entry"
    assert issues(issue_registry) == []
    entry = only_entry(account)
    assert (entry.state, entry.task_id) == (WriteState.NOT_DONE, None)
    assert entry.closed_at is not None

    before = len(oceanconnect.tasks())
    await act(hass, CREATE, **creation)
    assert len(oceanconnect.tasks()) == before + 1


async def test_a_no_is_not_believed_while_the_platform_cannot_be_asked(
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    lost: Lost,
    step: Step,
) -> None:
    """Nor offered anything to choose from, and the dialog says why."""
    await lost()
    shown = await step(await step(), next_step_id="does_not_exist")
    out_of_order = Fault(
        kind=FaultKind.STATUS, path="/operations", status=500, count=None
    )
    oceanconnect.faults.add(out_of_order)
    shown = await step(shown)
    assert shown["errors"] == {"base": "server_error"}
    chosen = await step(await step(), next_step_id="exists")
    assert chosen["errors"] == {"base": "server_error"}
    assert only_entry(account).state is WriteState.UNSETTLED

    oceanconnect.faults.clear()
    assert (await step(shown))["type"] == "create_entry"


async def test_a_no_is_not_believed_when_the_platform_has_it(
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    creation: Data,
    lost: Lost,
    step: Step,
) -> None:
    """It came late, after the last look."""
    await lost()
    shown = await step(await step(), next_step_id="does_not_exist")
    task_id = like_ours(oceanconnect, creation)
    end = await step(shown)
    assert (end["type"], end["reason"]) == ("abort", "already_settled")
    assert only_entry(account).task_id == task_id


async def test_a_no_in_spite_of_candidates_has_to_be_said_twice(
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    creation: Data,
    lost: Lost,
    step: Step,
) -> None:
    """Two tasks could be it, but both may be somebody else's."""
    await lost()
    shown = await step(await step(), next_step_id="does_not_exist")
    for _ in range(2):
        like_ours(oceanconnect, creation)
    shown = await step(shown)
    assert shown["errors"] == {"base": "candidates_exist"}
    assert only_entry(account).state is WriteState.UNSETTLED
    assert (await step(shown))["type"] == "create_entry"
    assert only_entry(account).state is WriteState.NOT_DONE


@pytest.mark.parametrize("answered", [False, True])
@pytest.mark.parametrize("option", ["exists", "does_not_exist"])
async def test_without_its_account_nothing_can_be_answered(
    hass: HomeAssistant,
    account: MockConfigEntry,
    issue_registry: ir.IssueRegistry,
    lost: Lost,
    step: Step,
    option: str,
    answered: bool,
) -> None:
    """The question stays; and it is asked again when the account is back."""
    await lost()
    shown = await step()
    if answered:
        shown = await step(shown, next_step_id=option)
    await hass.config_entries.async_unload(account.entry_id)
    answers = {"task": "x"} if option == "exists" else {}
    end = await step(shown, **(answers if answered else {"next_step_id": option}))
    assert end["type"] == "abort"
    assert end["reason"] == "account_not_loaded"
    assert (await step())["reason"] == "account_not_loaded"
    assert len(issues(issue_registry)) == 1

    await hass.config_entries.async_setup(account.entry_id)
    assert (await step())["type"] == "menu"


async def test_a_removed_account_takes_its_questions_with_it(
    hass: HomeAssistant,
    account: MockConfigEntry,
    issue_registry: ir.IssueRegistry,
    lost: Lost,
    step: Step,
) -> None:
    """Also one that is just being answered."""
    await lost()
    shown = await step()
    await hass.config_entries.async_remove(account.entry_id)
    assert issues(issue_registry) == []
    end = await step(shown, next_step_id="exists")
    assert end["reason"] == "account_not_loaded"


async def test_what_is_found_while_a_person_looks_is_not_asked_any_more(
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    issue_registry: ir.IssueRegistry,
    creation: Data,
    lost: Lost,
    step: Step,
) -> None:
    """Whatever the answer would have been."""
    await lost()
    shown = await step(await step(), next_step_id="does_not_exist")
    task_id = like_ours(oceanconnect, creation)
    await account.runtime_data.async_refresh()
    assert issues(issue_registry) == []
    end = await step(shown)
    assert end["type"] == "abort"
    assert end["reason"] == "already_settled"
    assert only_entry(account).task_id == task_id


async def test_what_is_found_while_the_platform_is_asked_is_not_claimed_twice(
    hass: HomeAssistant,
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    creation: Data,
    lost: Lost,
    step: Step,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Reading a task takes a moment, in which a poll may be faster."""
    await lost()
    shown = await step(await step(), next_step_id="exists")
    wrong = like_ours(oceanconnect, creation, retries=3)
    right = like_ours(oceanconnect, creation)
    coordinator = account.runtime_data
    get_task = coordinator.client.get_task

    async def slowly(task_id: str) -> Any:
        await coordinator.async_refresh()
        return await get_task(task_id)

    monkeypatch.setattr(coordinator.client, "get_task", slowly)
    end = await step(shown, task=wrong)
    assert end["reason"] == "already_settled"
    assert only_entry(account).task_id == right


async def test_the_other_issue_cannot_be_fixed_here(
    hass: HomeAssistant,
    account: MockConfigEntry,
    issue_registry: ir.IssueRegistry,
    hass_client: ClientSessionGenerator,
) -> None:
    """Another program is not ours to stop."""
    assert await async_setup_component(hass, "repairs", {})
    ir.async_create_issue(
        hass,
        DOMAIN,
        "session_contended_x",
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key="session_contended",
        translation_placeholders={"account": account.title},
    )
    client = await hass_client()
    response = await client.post(
        "/api/repairs/issues/fix",
        json={"handler": DOMAIN, "issue_id": "session_contended_x"},
    )
    assert response.status == HTTPStatus.BAD_REQUEST
