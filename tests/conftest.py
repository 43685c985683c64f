"""Fixtures that many tests share."""

from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestClient
from homeassistant.components import file_upload
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity import Entity
from homeassistant.setup import async_setup_component
import msgspec
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.syrupy import HomeAssistantSnapshotExtension
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
from syrupy.assertion import SnapshotAssertion

from custom_components.fleet_upgrade import creation
from custom_components.fleet_upgrade.account import AccountState
from custom_components.fleet_upgrade.clients import answers, budget
from custom_components.fleet_upgrade.clients.enos import auth as enos_auth
from custom_components.fleet_upgrade.clients.oceanconnect import auth
from custom_components.fleet_upgrade.clients.registry import PLATFORMS
from custom_components.fleet_upgrade.const import CONF_PLATFORM, DOMAIN
from custom_components.fleet_upgrade.waves import Run
from custom_components.fleet_upgrade.writes import ChangeEntry, CreateEntry, PlanEntry
from simulator.oceanconnect import OceanConnectSimulator

from . import tiny_platform
from .common_enos import enos, enos_server, secure_enos, secure_enos_server
from .common_simulator import credentials_for, oceanconnect, simulator_server
from .slow_disk import slow_disk
from .tiny_platform import TinyFleet
from .translations import TranslationCheck, check_translations

__all__ = [
    "check_translations",
    "enos",
    "enos_server",
    "oceanconnect",
    "secure_enos",
    "secure_enos_server",
    "simulator_server",
    "slow_disk",
]

# What goes wrong in a random life is told at its end, by what was compared.
for module in ("enos", "life", "oceanconnect", "world"):
    pytest.register_assert_rewrite(f"tests.random_{module}")

# Types are resolved once, when first needed: before any test replaces datetime.
msgspec.json.Decoder(AccountState)
msgspec.json.Decoder(CreateEntry | ChangeEntry | PlanEntry)
msgspec.json.Decoder(Run)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let script/torture and script/soak say how long and from which seed."""
    parser.addoption("--torture-runs", type=int, default=500)
    parser.addoption("--torture-seed", type=int, default=1)
    parser.addoption("--fuzz-answers", type=int, default=1000)
    parser.addoption("--lives", type=int, default=24)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the demo: no other test takes as long, most of it waiting."""
    items.sort(key=lambda item: item.path.name != "test_demo.py")


@pytest.fixture(autouse=True)
def load_custom_integrations(request: pytest.FixtureRequest) -> None:
    """Let Home Assistant find the integration, in tests that have one."""
    if "hass" in request.fixturenames:
        request.getfixturevalue("enable_custom_integrations")


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test call budgets and sessions of its own, as in a new process.

    Nor does it know what was told in the log already.
    """
    answers._warn_once.cache_clear()  # noqa: SLF001
    monkeypatch.setattr(budget, "_budgets", {})
    monkeypatch.setattr(auth, "_sessions", {})
    monkeypatch.setattr(enos_auth, "_sessions", {})


@pytest.fixture(autouse=True)
def short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for the result of a lost answer at once, not within a minute."""
    monkeypatch.setattr(creation, "LOOKS", (0.0, 0.0, 0.0))


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Give each test a folder of its own for what is written as a real file."""
    return hass_tmp_config_dir


@pytest.fixture
async def browser(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> TestClient[Any, Any]:
    """Return a browser that can show forms and upload files."""
    # By default all Home Assistants of a machine share this folder.
    monkeypatch.setattr(file_upload, "TEMP_DIR_NAME", str(tmp_path / "uploads"))
    for component in ("config", "file_upload", "webhook"):
        assert await async_setup_component(hass, component, {})
    return await hass_client()


@pytest.fixture
def snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Show Home Assistant's objects in snapshots the way core's own tests do."""
    return snapshot.use_extension(HomeAssistantSnapshotExtension)


@pytest.fixture
def entity_registry_enabled_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enable all entities, also those that a user has to enable."""
    enabled = property(lambda _entity: True)
    monkeypatch.setattr(Entity, "entity_registry_enabled_default", enabled)


@pytest.fixture
def credentials(oceanconnect: OceanConnectSimulator) -> dict[str, Any]:
    """Return the data of an account on the simulated platform."""
    return credentials_for(oceanconnect)


@pytest.fixture
def entry(hass: HomeAssistant, credentials: dict[str, Any]) -> MockConfigEntry:
    """Return an account on the simulated platform that is not set up."""
    platform = PLATFORMS[credentials[CONF_PLATFORM]]
    entry = MockConfigEntry(
        domain=DOMAIN,
        title=platform.title(credentials),
        unique_id=f"{platform.key}_{platform.account_id(credentials)}",
        data=credentials,
    )
    entry.add_to_hass(hass)
    return entry


@pytest.fixture
async def account(hass: HomeAssistant, entry: MockConfigEntry) -> MockConfigEntry:
    """Return an account on the simulated platform that is set up."""
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.state is ConfigEntryState.LOADED
    return entry


@pytest.fixture
def fleet(
    monkeypatch: pytest.MonkeyPatch, check_translations: TranslationCheck
) -> TinyFleet:
    """Register the tiny platform, whose tasks the test sets."""
    check_translations.texts = {**check_translations.texts, **tiny_platform.TEXTS}
    fleet = TinyFleet()
    monkeypatch.setitem(PLATFORMS, tiny_platform.KEY, fleet.as_platform())
    return fleet


@pytest.fixture
def tiny_entry(hass: HomeAssistant, fleet: TinyFleet) -> MockConfigEntry:
    """Return an account on the tiny platform that is not set up."""
    entry = tiny_platform.make_entry()
    entry.add_to_hass(hass)
    return entry
