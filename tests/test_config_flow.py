"""Adding an account, bringing it up to date, and its options.

All of it against the simulated platform over TLS, with files that are uploaded as a
browser does it.
"""

from collections.abc import Iterator
from typing import Any
from unittest.mock import AsyncMock, patch

from aiohttp.test_utils import TestClient
from homeassistant.config_entries import (
    SOURCE_IMPORT,
    SOURCE_USER,
    ConfigEntryState,
    ConfigFlowResult,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, UnknownStep
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fleet_upgrade.clients.budget import shared_budget
from custom_components.fleet_upgrade.clients.oceanconnect.client import (
    OceanConnectClient,
)
from custom_components.fleet_upgrade.const import DOMAIN
from simulator.oceanconnect import OceanConnectSimulator
from simulator.tls import KEY_PASSWORD

from .mistakes import CONNECTIONS, LOCAL, REFUSALS, Mistake
from .person import FILES, SECRETS, Person, fields, suggested
from .tiny_platform import TinyFleet

DEFAULT_OPTIONS = {
    "read_only": False,
    "retention_days": 7,
    "guard_minutes": 10,
    "stall_hours": 26,
    "failing_share": 5,
    "failing_minimum": 20,
}


@pytest.fixture
async def person(
    hass: HomeAssistant,
    browser: TestClient[Any, Any],
    oceanconnect: OceanConnectSimulator,
    credentials: dict[str, Any],
) -> Person:
    """Someone with a browser and all that is needed to add an account."""
    budget = shared_budget("oceanconnect", oceanconnect.app_id)
    budget.pause = 0.1
    person = Person(
        hass=hass,
        browser=browser,
        oceanconnect=oceanconnect,
        budget=budget,
        credentials=credentials,
    )
    await person.prepare()
    return person


@pytest.fixture
def set_up_entry() -> Iterator[AsyncMock]:
    """Accept each account, where a test is about its form only."""
    with patch(
        f"custom_components.{DOMAIN}.async_setup_entry", return_value=True
    ) as set_up_entry:
        yield set_up_entry


async def test_an_account_is_added(hass: HomeAssistant, person: Person) -> None:
    """From the first form to an account that runs."""
    result = await person.send(await person.start())
    await hass.async_block_till_done()

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "OceanConnect fleet-test"
    assert result["data"] == person.credentials
    assert result["options"] == DEFAULT_OPTIONS
    assert result["result"].unique_id == "oceanconnect_fleet-test"
    assert result["result"].state is ConfigEntryState.LOADED


async def test_the_first_form_offers_all_platforms(
    hass: HomeAssistant, fleet: TinyFleet
) -> None:
    """The platforms are what the registry holds, by their own names."""
    result = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_USER}
    )
    assert result["data_schema"] is not None
    choice = result["data_schema"].schema["platform"]
    assert [(each["value"], each["label"]) for each in choice.config["options"]] == [
        ("oceanconnect", "Huawei OceanConnect"),
        ("enos", "Envision EnOS"),
        ("tiny", "Tiny IoT"),
    ]


async def test_the_form_reaches_the_browser(
    hass: HomeAssistant, person: Person
) -> None:
    """All fields can be sent to the frontend, each with its way of input."""
    path = "/api/config/config_entries/flow"
    response = await person.browser.post(path, json={"handler": DOMAIN})
    flow_id = (await response.json())["flow_id"]
    response = await person.browser.post(
        f"{path}/{flow_id}", json={"platform": "oceanconnect"}
    )
    form = await response.json()
    assert [
        (each["name"], next(iter(each["selector"])), each["required"])
        for each in form["data_schema"]
    ] == [
        ("host", "text", True),
        ("port", "number", True),
        ("app_id", "text", True),
        ("secret", "text", True),
        ("client_certificate", "file", False),
        ("client_key", "file", False),
        ("client_key_password", "text", False),
        ("ca", "file", False),
        ("server_check", "select", True),
    ]


async def test_a_step_of_nobody_is_unknown(hass: HomeAssistant) -> None:
    """Only registered platforms have steps."""
    with pytest.raises(UnknownStep):
        await hass.config_entries.flow.async_init(
            DOMAIN, context={"source": SOURCE_IMPORT}
        )


async def assert_told_and_repaired(person: Person, mistake: Mistake) -> None:
    """Make a mistake, read what the form says, and go on in the same form."""
    flow_id = await person.start()
    mistake.platform(person.oceanconnect)
    changes = mistake.answers(person.oceanconnect)
    for key, answer in changes.items():
        if isinstance(answer, bytes):
            changes[key] = await person.upload(answer)

    result = await person.send(flow_id, **changes)
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "oceanconnect"
    assert result["errors"] == mistake.says
    assert (
        mistake.placeholders.items()
        <= (result["description_placeholders"] or {}).items()
    )
    # What was typed stays.
    assert suggested(result) == {
        key: answer
        for key, answer in (person.answers | changes).items()
        if answer is not None
    }

    mistake.repair(person.oceanconnect)
    result = await person.send(flow_id)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"] == person.credentials


@pytest.mark.usefixtures("set_up_entry")
@pytest.mark.parametrize("mistake", REFUSALS.values(), ids=REFUSALS)
async def test_what_the_platform_refuses_is_told_and_repaired(
    person: Person, mistake: Mistake
) -> None:
    """A refusal has a text of its own, and the form goes on."""
    await assert_told_and_repaired(person, mistake)


@pytest.mark.usefixtures("set_up_entry")
@pytest.mark.parametrize("mistake", CONNECTIONS.values(), ids=CONNECTIONS)
async def test_why_there_is_no_connection_is_told_and_repaired(
    person: Person, mistake: Mistake
) -> None:
    """A connection that fails has a text of its own, and the form goes on."""
    await assert_told_and_repaired(person, mistake)


@pytest.mark.usefixtures("set_up_entry")
@pytest.mark.parametrize("mistake", LOCAL.values(), ids=LOCAL)
async def test_what_is_wrong_with_the_answers_is_told_before_anything_is_sent(
    person: Person, mistake: Mistake
) -> None:
    """A mistake in a field is told at this field, and the form goes on."""
    await assert_told_and_repaired(person, mistake)
    assert person.oceanconnect.calls.count("login") == 1


@pytest.mark.usefixtures("set_up_entry")
async def test_what_nobody_expected_is_logged(
    person: Person, caplog: pytest.LogCaptureFixture
) -> None:
    """Even a bug does not end the form."""
    flow_id = await person.start()
    with patch.object(OceanConnectClient, "verify", side_effect=RuntimeError("a bug")):
        result = await person.send(flow_id)
    assert result["type"] is FlowResultType.FORM
    assert result["errors"] == {"base": "unknown"}
    assert "RuntimeError: a bug" in caplog.text

    result = await person.send(flow_id)
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.usefixtures("set_up_entry")
async def test_an_encrypted_key_is_stored_with_its_password(person: Person) -> None:
    """The key stays encrypted as it was given."""
    key = person.oceanconnect.tls.encrypted_client_key
    result = await person.send(
        await person.start(), client_key=key, client_key_password=KEY_PASSWORD
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["client_key"] == key.decode()
    assert result["data"]["client_key_password"] == KEY_PASSWORD


@pytest.mark.usefixtures("set_up_entry")
async def test_only_the_pem_blocks_of_a_file_are_stored(person: Person) -> None:
    """Remarks around certificates, in whatever encoding, do no harm."""
    tls = person.oceanconnect.tls
    result = await person.send(
        await person.start(),
        ca=b"\xef\xbb\xbfB\xe4g Attributes\r\n" + tls.ca_pem + tls.foreign.ca_pem,
        app_id=f" {person.oceanconnect.app_id}\n",
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["ca"] == (tls.ca_pem + tls.foreign.ca_pem).decode()
    assert result["data"]["app_id"] == person.oceanconnect.app_id


@pytest.mark.usefixtures("set_up_entry")
async def test_a_platform_without_any_check_of_the_server(person: Person) -> None:
    """Who takes the risk needs no CA certificate."""
    person.oceanconnect.present_certificate("expired")
    result = await person.send(await person.start(), ca=None, server_check="none")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert "ca" not in result["data"]


async def test_an_account_is_not_added_twice(
    person: Person, entry: MockConfigEntry
) -> None:
    """Nothing is sent, since signing in would end the session of the account."""
    result = await person.send(await person.start(), secret="another one")
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"
    assert len(person.oceanconnect.calls) == 0


@pytest.mark.usefixtures("set_up_entry")
async def test_a_platform_registered_later_has_a_form_too(
    person: Person, fleet: TinyFleet
) -> None:
    """The form is what the platform declares, in a step that is named like it."""
    flow_id = await person.start("tiny")
    person.answers = {"fleet": "north", "password": "very secret"}
    result = await person.send(flow_id)

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"] == {"platform": "tiny", **person.answers}


async def update_form(
    hass: HomeAssistant, entry: MockConfigEntry, source: str
) -> ConfigFlowResult:
    """Open the form that brings an account up to date."""
    if source == "reauth":
        result = await entry.start_reauth_flow(hass)
    else:
        result = await entry.start_reconfigure_flow(hass)
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "oceanconnect_update"
    assert result["description_placeholders"] == {"name": "OceanConnect fleet-test"}
    return result


BOTH_UPDATES = pytest.mark.parametrize("source", ["reauth", "reconfigure"])


@BOTH_UPDATES
async def test_stored_secrets_are_never_shown(
    hass: HomeAssistant, entry: MockConfigEntry, source: str
) -> None:
    """All else stands in the form as it is."""
    result = await update_form(hass, entry, source)
    assert suggested(result) == {
        key: value
        for key, value in entry.data.items()
        if key not in {"platform", *SECRETS}
    }


@BOTH_UPDATES
@pytest.mark.usefixtures("set_up_entry")
async def test_a_new_secret_is_stored_once_it_works(
    hass: HomeAssistant, person: Person, entry: MockConfigEntry, source: str
) -> None:
    """Files that are not uploaded again stay as they are."""
    person.oceanconnect.change_secret("changed on the platform")
    before = dict(entry.data)
    flow_id = (await update_form(hass, entry, source))["flow_id"]
    kept = dict.fromkeys(FILES)

    result = await person.send(flow_id, **kept)
    assert result["type"] is FlowResultType.FORM
    assert result["errors"] == {"base": "invalid_auth"}
    assert entry.data == before

    result = await person.send(flow_id, **kept, secret="changed on the platform")
    await hass.async_block_till_done()
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == f"{source}_successful"
    assert entry.data == before | {"secret": "changed on the platform"}


@BOTH_UPDATES
@pytest.mark.usefixtures("set_up_entry")
async def test_credentials_that_work_again_need_not_be_typed_again(
    hass: HomeAssistant, person: Person, entry: MockConfigEntry, source: str
) -> None:
    """An application that was frozen for a while keeps its secret."""
    before = dict(entry.data)
    flow_id = (await update_form(hass, entry, source))["flow_id"]
    result = await person.send(flow_id, secret=None, **dict.fromkeys(FILES))
    await hass.async_block_till_done()

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == f"{source}_successful"
    assert entry.data == before


@BOTH_UPDATES
async def test_an_account_keeps_its_application_id(
    hass: HomeAssistant, person: Person, entry: MockConfigEntry, source: str
) -> None:
    """Another application is another account, with tasks of its own."""
    before = dict(entry.data)
    flow_id = (await update_form(hass, entry, source))["flow_id"]
    result = await person.send(flow_id, app_id="somebody-else")

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "unique_id_mismatch"
    assert entry.data == before
    assert len(person.oceanconnect.calls) == 0


@pytest.mark.usefixtures("set_up_entry")
async def test_address_and_certificate_can_change(
    hass: HomeAssistant, person: Person, entry: MockConfigEntry
) -> None:
    """A platform that moved is still the same account."""
    tls = person.oceanconnect.tls
    renewed = tls.authority.sign("Renewed application")
    flow_id = (await update_form(hass, entry, "reconfigure"))["flow_id"]
    with OceanConnectSimulator(
        app_id=person.oceanconnect.app_id,
        secret=person.oceanconnect.secret,
        tls_dir=tls.folder,
    ) as moved:
        result = await person.send(
            flow_id,
            port=moved.port,
            secret=None,
            ca=None,
            client_certificate=renewed.certificate_pem,
            client_key=renewed.key_pem,
            server_check="certificate",
        )
        await hass.async_block_till_done()

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"
    assert len(person.oceanconnect.calls) == 0
    assert entry.unique_id == f"oceanconnect_{person.oceanconnect.app_id}"
    assert entry.title == "OceanConnect fleet-test"
    assert entry.data == person.credentials | {
        "port": moved.port,
        "client_certificate": renewed.certificate_pem.decode(),
        "client_key": renewed.key_pem.decode(),
        "server_check": "certificate",
    }


@pytest.mark.usefixtures("set_up_entry")
async def test_what_is_not_needed_any_more_can_be_removed(
    hass: HomeAssistant, person: Person, entry: MockConfigEntry
) -> None:
    """A key without a password replaces one with a password; the CA goes, too."""
    hass.config_entries.async_update_entry(
        entry,
        data={
            **entry.data,
            "client_key": person.oceanconnect.tls.encrypted_client_key.decode(),
            "client_key_password": KEY_PASSWORD,
        },
    )
    result = await update_form(hass, entry, "reconfigure")
    assert result["data_schema"] is not None
    removable = result["data_schema"].schema["remove_stored"].config["options"]
    assert removable == [
        "client_certificate",
        "client_key",
        "client_key_password",
        "ca",
    ]

    result = await person.send(
        result["flow_id"],
        secret=None,
        client_certificate=None,
        ca=None,
        server_check="none",
        remove_stored=["client_key", "client_key_password", "ca"],
    )
    await hass.async_block_till_done()

    assert result["type"] is FlowResultType.ABORT
    expected = person.credentials | {"server_check": "none"}
    del expected["ca"]
    assert entry.data == expected


async def test_where_nothing_can_be_removed_nothing_is_asked(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """An account without files has no choice of files to remove."""
    hass.config_entries.async_update_entry(
        entry,
        data={key: entry.data[key] for key in entry.data if key not in FILES},
    )
    result = await update_form(hass, entry, "reconfigure")
    assert "remove_stored" not in fields(result)
