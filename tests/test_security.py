"""What docs/security.md claims, and that a test holds each claim."""

import ast
from pathlib import Path
import re
import stat
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.loader import DATA_CUSTOM_COMPONENTS
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_test_home_assistant,
)

from custom_components.fleet_upgrade.const import CONF_PUSH_ADDRESS, DOMAIN
from custom_components.fleet_upgrade.push_subscriptions import PushStore
from simulator.oceanconnect import OceanConnectSimulator

from .actions import act

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "security.md"
HELD_BY = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def claims() -> list[str]:
    """Return the rows of the page's tables of claims."""
    return [
        line
        for line in PAGE.read_text().splitlines()
        if line.startswith("| ") and not line.startswith(("| Claim", "| File"))
    ]


def functions(path: Path) -> set[str]:
    """Return the names of the tests in a module, in classes too."""
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_each_claim_names_a_test_that_is_there() -> None:
    """A claim that nothing holds is a wish."""
    rows = [row for row in claims() if "`.storage" not in row.split("|")[1]]
    assert len(rows) > 25
    for row in rows:
        assert HELD_BY.search(row), f"nothing holds: {row}"
    for file, name in HELD_BY.findall(PAGE.read_text()):
        assert name in functions(ROOT / file), f"{file} has no {name}"


def test_the_way_to_report_a_hole_is_written_down() -> None:
    """Where GitHub shows it, and with a link to the claims."""
    text = (ROOT / "SECURITY.md").read_text()
    assert "docs/security.md" in text
    assert "/security/advisories/new" in text


@pytest.mark.usefixtures("socket_enabled")
async def test_every_file_of_an_account_is_for_home_assistant_alone(
    tmp_path: Path, oceanconnect: OceanConnectSimulator, credentials: dict[str, Any]
) -> None:
    """All of those, and only those, that the page names."""
    oceanconnect.reset(tasks=0, devices=1200, rate_limit=100_000)
    package = oceanconnect.packages("firmware")[0]
    devices = [device.device_id for device in oceanconnect.devices(package)][:300]
    assert len(devices) == 300, "one task takes no more than 256"
    account = MockConfigEntry(
        domain=DOMAIN,
        entry_id="ENTRY",
        unique_id="oceanconnect_app",
        data=credentials,
        options={CONF_PUSH_ADDRESS: "https://home.example:443"},
    )
    async with async_test_home_assistant(config_dir=str(tmp_path)) as hass:
        hass.data.pop(DATA_CUSTOM_COMPONENTS)
        account.add_to_hass(hass)
        try:
            await live(hass, account, package.file_id, devices)
        finally:
            await hass.async_stop(force=True)
    found = sorted((tmp_path / ".storage").glob(f"{DOMAIN}.*"))
    kinds = {
        re.sub(r"\.batch\..*", ".batch.BATCH", file.name.replace("ENTRY", "ACCOUNT"))
        for file in found
    }
    named = set(re.findall(rf"`\.storage/({DOMAIN}\.[\w.]+)`", PAGE.read_text()))
    assert kinds <= named
    assert len(kinds) >= 5
    for file in found:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name
        text = file.read_text()
        for field in ("secret", "client_key"):
            assert str(credentials[field])[:60] not in text, file.name


async def live(
    hass: HomeAssistant, account: MockConfigEntry, package: str, devices: list[str]
) -> None:
    """Sign in, poll, create a batch, and have a webhook."""
    assert await hass.config_entries.async_setup(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    await act(
        hass,
        "create_firmware_upgrade_task",
        config_entry_id=account.entry_id,
        package=package,
        devices=devices,
    )
    await PushStore(hass, account.entry_id).async_load_or_make()
    await hass.async_block_till_done(wait_background_tasks=True)
