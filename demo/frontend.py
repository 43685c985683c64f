"""Home Assistant's frontend as a person uses it: by what is written on the screen."""

from collections.abc import Mapping
from pathlib import Path
import re
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route

from .api import PASSWORD, USER

DESKTOP = (1280, 800)
PHONE = (390, 844)

PIXEL = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06"
    b"\x00\x00\x00\x1f\x15\xc4\x89\x00\x00\x00\rIDATx\xdac\xfc\xcf\xc0P\x0f\x00\x04"
    b"\x85\x01\x80\x84\xa9\x8c!\x00\x00\x00\x00IEND\xaeB`\x82"
)


def sign_in(browser: Browser, url: str) -> str:
    """Fill in the login form; return the browser's storage, to sign in others with."""
    context = new_context(browser, url)
    page = context.new_page()
    page.goto(url)
    page.get_by_role("textbox", name="Username").fill(USER)
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_function("localStorage.getItem('hassTokens') !== null")
    tokens: str = page.evaluate("localStorage.getItem('hassTokens')")
    context.close()
    return tokens


def new_context(
    browser: Browser,
    url: str,
    *,
    size: tuple[int, int] = DESKTOP,
    is_dark: bool = False,
    tokens: str | None = None,
) -> BrowserContext:
    """Return a browser window that nothing but Home Assistant is asked from.

    Pictures of other integrations' brands would be fetched from the internet, and a
    form does not open before an unreachable one was given up.
    """
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if is_dark else "light",
        reduced_motion="reduce",
        accept_downloads=True,
    )
    host = urlsplit(url).netloc

    def answer(route: Route) -> None:
        if urlsplit(route.request.url).netloc == host:
            route.continue_()
        else:
            route.fulfill(body=PIXEL, content_type="image/png")

    context.route(lambda asked: urlsplit(asked).netloc != host, answer)
    if tokens is not None:
        context.add_init_script(
            f"localStorage.setItem('hassTokens', {tokens!r});"
            "localStorage.setItem('dockedSidebar', '\"docked\"')"
        )
    return context


class Form:
    """The dialog with a form that is open; fields are named by their labels."""

    def __init__(self, dialog: Locator) -> None:
        """Use a dialog."""
        self.dialog = dialog

    def field(self, label: str) -> Locator:
        """Return the box of a text, a secret or a number."""
        name = re.compile(rf"^{re.escape(label)}\s*\*?$")
        return self.dialog.get_by_role("textbox", name=name).or_(
            self.dialog.get_by_role("spinbutton", name=name)
        )

    def fill(self, values: Mapping[str, str | int]) -> None:
        """Enter texts and numbers."""
        for label, value in values.items():
            self.field(label).fill(str(value))

    def choose(self, label: str) -> None:
        """Choose the option with this label."""
        self.dialog.get_by_role("radio", name=label).check()

    def upload(self, files: Mapping[str, Path]) -> None:
        """Upload files, in place of those that are there; each must have arrived."""
        boxes = self.dialog.locator("ha-selector-file")
        boxes.first.wait_for()
        for label, file in files.items():
            # A box that has a file does not show its label any more.
            index = boxes.evaluate_all(
                "(all, label) => all.findIndex((each) => each.label === label)", label
            )
            box = boxes.nth(index)
            delete = box.get_by_role("button", name="Delete")
            if delete.is_visible():
                delete.click()
            box.locator("input[type=file]").set_input_files(file)
            box.get_by_text(file.name, exact=True).wait_for()

    def pick(self, label: str, option: str) -> None:
        """Choose an option, by the beginning of its text, in a list that drops down."""
        self.dialog.locator("ha-selector-select").filter(has_text=label).click()
        name = re.compile(rf"^{re.escape(option)}")
        self.dialog.get_by_role("menuitem", name=name).click()

    def add(self, label: str, option: str) -> None:
        """Choose one more option, by the beginning of its text, of several."""
        self.dialog.get_by_role("button", name=label).click()
        name = re.compile(rf"^{re.escape(option)}")
        self.dialog.page.locator("ha-combo-box-item").get_by_text(name).click()

    def submit(self) -> None:
        """Send it."""
        self.dialog.get_by_role("button", name="Submit").click()

    def close(self) -> None:
        """Close a dialog that has told how it ended."""
        self.dialog.get_by_role("button", name="Close").last.click()

    @property
    def alert(self) -> Locator:
        """What the form says is wrong, on the whole or at a field."""
        return self.dialog.locator("ha-alert")


class Frontend:
    """One window of a signed-in person."""

    def __init__(self, page: Page, url: str) -> None:
        """Use a page of a context that has a token."""
        self.page = page
        self.url = url

    def open(self, path: str) -> None:
        """Go to a page."""
        self.page.goto(f"{self.url}{path}")

    def add_integration(self) -> Form:
        """Start to set up an account, as a link to the integration does."""
        self.open("/config/integrations/dashboard/add?domain=fleet_upgrade")
        self.page.get_by_role("button", name="OK").click()
        return self.form

    def open_accounts(self) -> None:
        """Go to the page with the accounts."""
        self.open("/config/integrations/integration/fleet_upgrade")

    def account(self, title: str) -> Locator:
        """Return the row of an account on that page."""
        return self.page.locator("ha-config-entry-row").filter(has_text=title)

    def choose_of_account(self, title: str, item: str) -> None:
        """Choose something in the menu of an account."""
        self.account(title).get_by_role("button", name="Menu").first.click()
        self.page.get_by_role("menuitem", name=item).click()

    @property
    def form(self) -> Form:
        """Return the form of a flow that is open."""
        return Form(self.page.locator("dialog-data-entry-flow"))
