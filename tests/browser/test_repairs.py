"""An issue, and the way out of it."""

from playwright.sync_api import expect

from demo.frontend import Frontend

from .conftest import OCEANCONNECT
from .home import Home

ISSUE = f"The server of {OCEANCONNECT} is not fully checked"
FULL = "Certificate and host name"
HALF = "Certificate only, for a platform whose certificate names another host"


def test_a_server_that_is_not_fully_checked_is_mended(
    screen: Frontend, home: Home, accounts: dict[str, str]
) -> None:
    """The repair leads to the form of the account, and is gone afterwards."""
    page = screen.page
    screen.open_accounts()
    screen.choose_of_account(OCEANCONNECT, "Reconfigure")
    form = screen.form
    form.choose(HALF)
    form.submit()
    expect(form.dialog).to_contain_text("Reconfiguration was successful")

    screen.open("/config/repairs")
    page.get_by_text(ISSUE).click()
    expect(page.get_by_text("Whoever stands between them may read")).to_be_visible()
    page.get_by_text("Update the account", exact=True).click()
    expect(page.get_by_role("radio", name=HALF)).to_be_checked()
    form.choose(FULL)
    form.submit()
    expect(form.dialog).to_contain_text("Reconfiguration was successful")
    form.close()
    expect(page.get_by_text(ISSUE)).to_have_count(0)
