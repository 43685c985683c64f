"""What a platform or its devices call things is shown as text, wherever it is shown.

Whoever may name a package, a device group or a reason to fail on the platform shall
not write into Home Assistant's templates, pages or log by it.
"""

import html
import json
from pathlib import Path
import re
import shutil
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, issue_registry as ir
from markdown_it import MarkdownIt
from msgspec import structs
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fleet_upgrade.clients.errors import LONGEST_TEXT
from custom_components.fleet_upgrade.clients.model import Targets
from custom_components.fleet_upgrade.const import CONF_PLATFORM, DOMAIN
from custom_components.fleet_upgrade.entity import task_identifier
from custom_components.fleet_upgrade.issues import (
    async_sync_issue,
    async_sync_unsettled,
)
from custom_components.fleet_upgrade.writes import WriteState
from simulator.enos import EnosSimulator
from simulator.faults import Fault, FaultKind
from simulator.oceanconnect import OceanConnectSimulator

from .actions import act
from .automations import Messages, look, running, trigger
from .enos_account import answers_for
from .tiny_platform import TinyFleet, make_task, set_up
from .translations import INTEGRATION, english
from .writes import PREPARED, make_write

ROOT = Path(__file__).parents[1]
BLUEPRINTS = ROOT / "blueprints" / "automation" / DOMAIN

NAME = (
    "{{ 1 + 1 }} {% if %} {# x #} <img src=x onerror=alert(1)> <b>b</b>"
    " [a](http://evil) ![a](http://evil) **b** _c_ ~d~ `e` &lt; www.evil me@evil \\ # | '"
)
"""What somebody calls things on the platform."""

FORGED = f"{NAME}\n2026-11-21 02:15:00.000 ERROR (MainThread) [forged] \x1b[31m\r{'x' * 9999}"
"""What the platform says about a refusal."""

TAGS = {"p", "ul", "li", "strong", "br"}
"""What a message of ours is made of."""


def seen(markdown: str, tags: set[str] = TAGS) -> str:
    """Return what a person sees of a message; fails if it is more than ours."""
    renderer = MarkdownIt("commonmark", {"html": True})
    page = renderer.enable(["table", "strikethrough"]).render(markdown)
    assert set(re.findall(r"<!?/?(\w*)", page)) <= tags
    assert all(
        link.startswith("/config/") for link in re.findall(r'href="(.*?)"', page)
    )
    return html.unescape(re.sub(r"<[^>]+>", "", page))


@pytest.fixture
def messages(hass: HomeAssistant) -> Messages:
    """Return the messages that are sent by automations made of blueprints."""
    shutil.copytree(BLUEPRINTS, hass.config.path("blueprints", "automation", DOMAIN))
    return Messages(hass)


def automation(blueprint: str, **inputs: Any) -> dict[str, Any]:
    """Return the automation that a person makes of a blueprint."""
    path = f"{DOMAIN}/{blueprint}"
    return {"alias": "Tried", "use_blueprint": {"path": path, "input": inputs}}


async def test_states_and_names_are_what_the_platform_says(
    hass: HomeAssistant, fleet: TinyFleet, tiny_entry: MockConfigEntry
) -> None:
    """No template is rendered; the frontend shows both as text."""
    fleet.put(
        make_task("one", version=NAME, targets=Targets(device_groups=(NAME,))),
        make_task("two", name=NAME),
    )
    await set_up(hass, tiny_entry)
    devices = dr.async_get(hass)
    for task_id in ("one", "two"):
        identifier = task_identifier(tiny_entry, task_id)
        device = devices.async_get_device_by_identifier(identifier, tiny_entry.entry_id)
        assert device is not None
        assert NAME in (device.name or "")
    states = [state.state for state in hass.states.async_all("sensor")]
    assert NAME in states


async def test_the_message_on_a_failure_shows_them_as_text(
    hass: HomeAssistant, enos: EnosSimulator, messages: Messages
) -> None:
    """The name of the task, and why it failed."""
    enos.reset(jobs=0, index_lag=0, speed=0)
    job_id = enos.add_job(status="upgrading", name=NAME)
    account = MockConfigEntry(
        domain=DOMAIN,
        title="EnOS",
        unique_id="enos",
        data={CONF_PLATFORM: "enos", **answers_for(enos)},
    )
    account.add_to_hass(hass)
    await set_up(hass, account)
    config = automation(
        "notify_on_failure.yaml", upgrade_events=["event.enos_upgrade_task"]
    )
    async with running(hass, config):
        enos.finish_job(job_id, failed=2, cause=NAME)
        await look(hass, account)
    [message] = messages.sent
    assert seen(message["message"]).count(NAME) == 2


async def test_the_message_on_a_retry_shows_them_as_text(
    hass: HomeAssistant,
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    messages: Messages,
) -> None:
    """The version of the package."""
    oceanconnect.reset(tasks=0, speed=0)
    package = oceanconnect.packages("firmware")[0]
    package.version = NAME
    devices = [device.device_id for device in oceanconnect.devices(package)][:4]
    created = await act(
        hass,
        "create_firmware_upgrade_task",
        config_entry_id=account.entry_id,
        package=package.file_id,
        devices=devices,
    )
    oceanconnect.finish_task(created["task_id"], failed=1)
    await look(hass, account)
    config = automation("retry_next_night.yaml", account=account.entry_id)
    async with running(hass, config) as entity_id:
        await trigger(hass, entity_id)
    [message] = messages.sent
    assert NAME in seen(message["message"])


def test_the_dashboard_shows_them_as_text() -> None:
    """Its Markdown has texts of our own only; names are in tiles, which have none.

    What a person sees of such a name is looked at in tests/browser.
    """
    script = (INTEGRATION / "frontend" / "dashboard.js").read_text()
    assert "{{" not in script
    assert script.count('"markdown"') == 1
    notes = re.findall(r"note\((.+?)\)[\],]", script)
    assert notes == [
        "t(`common.dashboard_none_${key}`)",
        '`[${t("common.dashboard_no_account")}](${path})`',
    ]


async def test_issues_show_them_as_text(
    hass: HomeAssistant, tiny_entry: MockConfigEntry
) -> None:
    """Their descriptions are Markdown, their titles hold nothing of a platform's."""
    request = structs.replace(
        PREPARED.request, targets=Targets(device_groups=(NAME, "Meters south"))
    )
    entry = make_write(
        state=WriteState.UNSETTLED,
        prepared=structs.replace(PREPARED, request=request, version=NAME),
    )
    async_sync_unsettled(hass, tiny_entry, entry)
    others: dict[str, Any] = {
        "plans_outdated": {"missing": NAME},
        "plans_unreadable": {"plans": NAME},
        "push_address_taken": {"others": NAME, "count": "1"},
        "push_refused": {"code": NAME, "host": NAME},
    }
    for key, placeholders in others.items():
        async_sync_issue(hass, tiny_entry, key, True, **placeholders)
    raised = ir.async_get(hass).issues.values()
    assert len(raised) == 1 + len(others)
    for issue in raised:
        key = f"issues.{issue.translation_key}"
        filled = issue.translation_placeholders or {}
        assert "\\" not in english()[f"{key}.title"].format_map(filled)
        text = english().get(f"{key}.description")
        if text is None:
            text = english()[f"{key}.fix_flow.step.init.description"]
        assert NAME in seen(text.format_map(filled))


async def test_a_refusal_is_one_line_of_bounded_length(
    hass: HomeAssistant,
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """In the log, where it would otherwise forge lines, and in what a person is told."""
    answer = json.dumps({"error_code": "1\n2", "error_desc": FORGED}).encode()
    oceanconnect.faults.add(
        Fault(kind=FaultKind.STATUS, status=400, body=answer, count=None)
    )
    caplog.clear()
    await look(hass, account)
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, "get_packages", config_entry_id=account.entry_id)
    placeholders = raised.value.translation_placeholders or {}
    assert placeholders["detail"].startswith(NAME)
    told = [
        *placeholders.values(),
        *(record.getMessage() for record in caplog.records if NAME in record.message),
    ]
    assert len(told) > len(placeholders)
    for text in told:
        assert text.isprintable()
        assert len(text) < LONGEST_TEXT + 200
