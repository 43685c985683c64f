"""Actions in the developer tools, with what they answer on the screen."""

import re

from playwright.sync_api import Locator, expect
import pytest

from demo.frontend import Frontend
from simulator.oceanconnect import OceanConnectSimulator
from tests.translations import english

from .conftest import ENOS, OCEANCONNECT

pytestmark = pytest.mark.usefixtures("accounts")


def field(screen: Frontend, label: str) -> Locator:
    """Return the row of a field."""
    rows = screen.page.locator("ha-service-control ha-settings-row")
    return rows.filter(has_text=re.compile(rf"^\s*{label}"))


def test_a_task_is_created_and_what_came_of_it_is_on_the_screen(
    screen: Frontend, oceanconnect_server: OceanConnectSimulator
) -> None:
    """A group that does not exist is refused, then it works."""
    page = screen.page
    package = next(
        package
        for package in oceanconnect_server.packages("software")
        if package.model.model == "PS35"
    )
    screen.open(
        "/config/tools/action?service=fleet_upgrade.create_software_upgrade_task"
    )
    page.get_by_text("Integration *").click()
    page.get_by_text(OCEANCONNECT).last.click()
    expect(page.get_by_text(ENOS)).to_be_hidden()  # the list is closed
    expect(field(screen, "Account")).to_contain_text(OCEANCONNECT)
    field(screen, "Package").get_by_role("textbox").fill(package.file_id)
    groups = field(screen, "Device groups")
    groups.locator("ha-checkbox").click()
    groups.get_by_role("button", name="Add").click()
    perform = page.get_by_role("button", name="Perform action")

    groups.get_by_role("textbox").fill("Atlantis")
    perform.click()
    refused = english()["exceptions.rejected_package_or_device_missing.message"]
    refused = refused.replace("{code}", "123002")
    expect(page.locator("ha-alert")).to_have_text(
        re.compile(rf"^\s*{re.escape(refused)}\s*$")
    )

    groups.get_by_role("textbox").fill("OldTown")
    perform.click()
    expect(page.get_by_text("Response", exact=True)).to_be_visible()
    task = oceanconnect_server.tasks()[-1]
    answer = page.locator("ha-yaml-editor")
    expect(answer).to_contain_text(f"task_id: {task.task_id}")
    expect(answer).to_contain_text("OldTown")
    assert task.package == package
