"""The demo's dashboard, on all that people look at it with."""

import re

from playwright.sync_api import expect
import pytest

from demo.frontend import DESKTOP, PHONE

from .conftest import ENOS, OCEANCONNECT, OpenWindow

pytestmark = pytest.mark.usefixtures("accounts")


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_dashboard_reads_well(
    open_window: OpenWindow, size: tuple[int, int], is_dark: bool
) -> None:
    """Both accounts, their tasks, and nothing that does not fit."""
    screen = open_window(size=size, is_dark=is_dark)
    page = screen.page
    screen.open("/fleet-upgrades/fleet")
    for title in (OCEANCONNECT, ENOS):
        expect(page.get_by_role("link", name=title)).to_be_visible()
    expect(page.get_by_text("Software 1.4.0 Harbour").first).to_be_visible()
    for card in page.locator("hui-error-card, hui-warning").all():
        expect(card).not_to_be_visible()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= size[0]
    background = page.evaluate(
        "getComputedStyle(document.documentElement)"
        ".getPropertyValue('--primary-background-color')"
    )
    assert bool(re.match(r"#1", background)) is is_dark
