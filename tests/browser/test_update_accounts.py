"""What an administrator does with an account that is there."""

import json
from pathlib import Path

from playwright.sync_api import expect
import pytest

from demo.frontend import Frontend
from simulator.oceanconnect import OceanConnectSimulator
from tests.translations import english

from .conftest import OCEANCONNECT

pytestmark = pytest.mark.usefixtures("accounts")


def test_new_credentials_are_asked_for(
    screen: Frontend, oceanconnect_server: OceanConnectSimulator
) -> None:
    """The card says whose they are, and is gone once they are right."""
    oceanconnect_server.secret = "the new secret"
    oceanconnect_server.change_secret(oceanconnect_server.secret)
    oceanconnect_server.drop_token()
    screen.open_accounts()
    screen.choose_of_account(OCEANCONNECT, "Reload")
    expect(screen.page.get_by_text("Reconfigure").first).to_be_visible()

    screen.open("/config/integrations/dashboard")
    card = screen.page.locator("ha-config-flow-card").filter(has_text=OCEANCONNECT)
    card.get_by_role("button", name="Reconfigure").click()
    form = screen.form
    form.fill({"Secret": "a wrong guess"})
    form.submit()
    expect(form.alert).to_contain_text("does not accept these credentials")
    form.fill({"Secret": oceanconnect_server.secret})
    form.submit()
    expect(form.dialog).to_contain_text("Re-authentication was successful")
    form.close()
    expect(card).to_have_count(0)


def test_a_new_certificate_takes_the_place_of_the_old_one(
    screen: Frontend,
    oceanconnect_server: OceanConnectSimulator,
    tmp_path: Path,
) -> None:
    """One that does not fit is refused at its field; nothing else is asked for."""
    tls = oceanconnect_server.tls
    new = tls.authority.sign("Renewed application")
    for name, content in (
        ("renewed.pem", new.certificate_pem),
        ("renewed.key", new.key_pem),
    ):
        (tmp_path / name).write_bytes(content)
    screen.open_accounts()
    screen.choose_of_account(OCEANCONNECT, "Reconfigure")
    form = screen.form
    form.upload({"Client certificate": tmp_path / "renewed.pem"})
    form.submit()
    expect(form.alert).to_contain_text(english()["config.error.key_mismatch"])
    form.upload({"Private key": tmp_path / "renewed.key"})
    form.submit()
    expect(form.dialog).to_contain_text("Reconfiguration was successful")


def test_options_are_shown_and_kept(screen: Frontend) -> None:
    """What was chosen stands there the next time; a wrong address is told."""
    screen.open_accounts()
    row = screen.account(OCEANCONNECT)
    row.get_by_role("button", name="Configure", exact=True).click()
    form = screen.form
    expect(form.field("Days to keep ended tasks")).to_have_value("7")
    form.fill({"Days to keep ended tasks": 14})
    form.fill({"Address for pushed messages": "home.example.com:8123"})
    form.submit()
    expect(form.alert).to_contain_text(english()["options.error.push_address_scheme"])
    form.fill({"Address for pushed messages": ""})
    form.submit()
    expect(form.dialog).to_contain_text("Options successfully saved")
    form.close()

    row.get_by_role("button", name="Configure", exact=True).click()
    expect(form.field("Days to keep ended tasks")).to_have_value("14")


def test_diagnostics_are_downloaded(
    screen: Frontend, oceanconnect_server: OceanConnectSimulator
) -> None:
    """A file for a report, without any secret."""
    screen.open_accounts()
    with screen.page.expect_download() as download:
        screen.choose_of_account(OCEANCONNECT, "Download diagnostics")
    text = download.value.path().read_text()
    assert json.loads(text)["data"]["platform"]["name"] == "Huawei OceanConnect"
    assert download.value.suggested_filename.endswith(".json")
    assert oceanconnect_server.secret not in text
    assert "PRIVATE KEY" not in text
