"""An upgrade plan, from the form to the upgrade."""

import re

from playwright.sync_api import expect
import pytest

from demo.frontend import Frontend
from simulator.oceanconnect import OceanConnectSimulator

from .conftest import OCEANCONNECT

pytestmark = pytest.mark.usefixtures("accounts")


def test_a_plan_is_made_and_started(
    screen: Frontend, oceanconnect_server: OceanConnectSimulator
) -> None:
    """Nothing is chosen beforehand; what was chosen is shown by name; once is enough."""
    page = screen.page
    tasks = len(oceanconnect_server.tasks())
    screen.open_accounts()
    screen.choose_of_account(OCEANCONNECT, "Add upgrade plan")
    form = screen.form
    form.fill({"Name": "Street lights"})
    form.submit()
    expect(form.dialog).to_contain_text("What Street lights upgrades")
    form.submit()
    expect(form.alert).to_have_text(re.compile("Not all required fields"))
    form.pick("Package", "SL400_firmware_V2.0.0")
    expect(form.dialog).to_contain_text("SL400_firmware_V2.0.0 · V2.0.0")
    form.add("Device groups", "Harbour")
    expect(form.dialog).to_contain_text("Harbour (15)")
    form.submit()
    expect(form.dialog).to_contain_text("Created configuration for Street lights.")
    form.dialog.get_by_role("button", name="Finish").click()
    assert len(oceanconnect_server.tasks()) == tasks

    page.get_by_role("button", name=re.compile("^Street lights Upgrade plan")).click()
    press = page.get_by_role("button", name="Press", exact=True)
    press.click()
    row = page.locator("hui-sensor-entity-row, hui-simple-entity-row")
    expect(row.filter(has_text="Last status")).to_contain_text("Waiting")
    press.click()
    told = page.get_by_text("The plan Street lights is not started again")
    expect(told.first).to_be_visible()
    [task] = oceanconnect_server.tasks()[tasks:]
    assert task.targets.groups == ("Harbour",)


def test_a_plan_is_divided_into_waves(screen: Frontend) -> None:
    """At first each device group is a wave; what is wrong is told at its field."""
    screen.open_accounts()
    screen.choose_of_account(OCEANCONNECT, "Add upgrade plan")
    form = screen.form
    form.fill({"Name": "Gas meters"})
    form.choose("By device groups")
    form.submit()
    form.pick("Package", "GM16_firmware_V2.0.0")
    for group in ("Airport", "Harbour"):
        form.add("Device groups", group)
    form.submit()
    expect(form.dialog).to_contain_text("Waves of Gas meters")
    waves = form.field("Device groups of each wave")
    expect(waves).to_have_value("Airport\nHarbour")
    waves.fill("Airport, Harbour")
    form.submit()
    expect(form.dialog).to_contain_text("There is only one wave.")
    waves.fill("Harbour\nAirport")
    form.submit()
    expect(form.dialog).to_contain_text("Created configuration for Gas meters.")
    form.dialog.get_by_role("button", name="Finish").click()
    row = screen.page.get_by_role("button", name=re.compile("^Gas meters Upgrade plan"))
    expect(row).to_be_visible()
