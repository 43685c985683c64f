"""A gateway of EnOS with a certificate of a private CA, over real TLS."""

from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestClient
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fleet_upgrade.clients.budget import AdaptiveBudget, shared_budget
from custom_components.fleet_upgrade.const import CONF_PLATFORM
from simulator.enos import EnosSimulator
from simulator.tls import ServerCertificate, TlsFolder

from .enos_account import answers_for, with_one_job
from .person import FormFiller


@pytest.fixture
def sim(secure_enos: EnosSimulator) -> EnosSimulator:
    """Return a platform with a job that has not ended, whose searches do not lag."""
    return with_one_job(secure_enos)


@pytest.fixture
def tls(sim: EnosSimulator) -> TlsFolder:
    """Return the platform's certificates."""
    assert sim.tls is not None
    return sim.tls


@pytest.fixture
def credentials(sim: EnosSimulator, tls: TlsFolder) -> dict[str, Any]:
    """Return the data of an account on the simulated platform."""
    return {CONF_PLATFORM: "enos", **answers_for(sim), "ca": tls.ca_pem.decode()}


@pytest.fixture
async def person(
    hass: HomeAssistant,
    browser: TestClient[Any, Any],
    sim: EnosSimulator,
    credentials: dict[str, Any],
) -> FormFiller:
    """Someone with a browser and all that is needed to add an account."""
    budget = shared_budget("enos", sim.access_key, make=AdaptiveBudget)
    person = FormFiller(
        hass=hass, browser=browser, budget=budget, credentials=credentials
    )
    await person.prepare()
    return person


async def test_a_gateway_with_a_private_ca_can_be_an_account(
    hass: HomeAssistant, person: FormFiller
) -> None:
    """Once its CA certificate was uploaded."""
    flow_id = await person.start()
    result = await person.send(flow_id, ca=None)
    assert result["errors"] == {"base": "tls_unknown_ca"}

    result = await person.send(flow_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"] == person.credentials
    account = result["result"]
    assert account.state is ConfigEntryState.LOADED
    assert len(account.runtime_data.data.tasks) == 1


@pytest.mark.parametrize(
    ("certificate", "error"),
    [("wrong_name", "tls_host_name"), ("expired", "tls_expired")],
)
async def test_the_gateways_certificate_is_checked_all_the_same(
    sim: EnosSimulator, person: FormFiller, certificate: ServerCertificate, error: str
) -> None:
    """A CA says whom to believe, not that anything goes."""
    sim.present_certificate(certificate)
    result = await person.send(await person.start())
    assert result["errors"] == {"base": error}
    assert len(sim.calls) == 0


async def test_another_ca_does_not_vouch_for_the_gateway(
    sim: EnosSimulator, person: FormFiller, tmp_path: Path
) -> None:
    """Not even one of the same name, such as the one before it was renewed."""
    other = TlsFolder(tmp_path / "other")
    result = await person.send(await person.start(), ca=other.ca_pem)
    assert result["errors"] == {"base": "tls_unknown_ca"}
    assert len(sim.calls) == 0


async def test_a_file_that_is_no_certificate_is_refused(
    sim: EnosSimulator, tls: TlsFolder, person: FormFiller
) -> None:
    """By the field's own message, before anything is sent."""
    flow_id = await person.start()
    for content in (b"no PEM at all", tls.client_key):
        result = await person.send(flow_id, ca=content)
        assert result["errors"] == {"ca": "not_pem"}
    assert len(sim.calls) == 0


async def test_plain_http_to_a_gateway_that_speaks_tls_is_told(
    sim: EnosSimulator, person: FormFiller
) -> None:
    """The CA does not matter there."""
    address = f"http://{sim.host}:{sim.port}"
    result = await person.send(await person.start(), address=address)
    assert result["errors"] == {"base": "hung_up"}


async def test_tls_to_a_gateway_that_does_not_speak_it_is_told(
    enos: EnosSimulator, person: FormFiller
) -> None:
    """Which part failed."""
    address = f"https://{enos.host}:{enos.port}"
    result = await person.send(await person.start(), address=address)
    assert result["errors"] == {"base": "tls_failed"}


async def test_a_ca_is_kept_until_it_is_removed(
    hass: HomeAssistant, person: FormFiller, account: MockConfigEntry
) -> None:
    """It is not shown, and need not be given again."""
    result = await account.start_reconfigure_flow(hass)
    result = await person.send(result["flow_id"], ca=None, remove_stored=["ca"])
    assert result["errors"] == {"base": "tls_unknown_ca"}
    result = await person.send(result["flow_id"], ca=None)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"
    assert account.data == person.credentials
    assert account.state is ConfigEntryState.LOADED
