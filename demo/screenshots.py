"""Take the pictures in README.md and docs/; see ``script/screenshots``.

A demo is started for it, and pictures are taken while its upgrades run.
"""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
import subprocess
import sys
from tempfile import TemporaryDirectory
import time

from playwright.sync_api import Browser, Page

from .browser import open_browser
from .errors import DemoError
from .frontend import PHONE, Frontend, new_context, sign_in
from .ports import free_port

IMAGES = Path(__file__).parents[1] / "docs" / "images"
WIDE = (1440, 1180)
TIMEOUT = 120


def main() -> int:
    """Take all pictures; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="script/screenshots", description="Take the pictures of the documentation."
    )
    parser.add_argument(
        "--after",
        type=float,
        default=75,
        metavar="SECONDS",
        help="how long the demo's upgrades run before (%(default)s)",
    )
    options = parser.parse_args()
    try:
        with running_demo() as url, open_browser() as browser:
            time.sleep(options.after)
            take_all(browser, url)
    except DemoError as err:
        sys.stderr.write(f"screenshots: {err}\n")
        return 1
    return 0


@contextmanager
def running_demo() -> Iterator[str]:
    """Run a demo in a folder of its own; return its address once it is up."""
    port = free_port()
    with (
        TemporaryDirectory() as folder,
        subprocess.Popen(
            [
                *(sys.executable, "-m", "demo", "--port", str(port)),
                *("--folder", str(Path(folder) / "demo")),
            ],
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout
            if not any(f":{port}" in line for line in process.stdout):
                raise DemoError("the demo did not start")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def take_all(browser: Browser, url: str) -> None:
    """Take all pictures."""
    IMAGES.mkdir(exist_ok=True)
    tokens = sign_in(browser, url)

    def window(size: tuple[int, int], *, is_dark: bool = False) -> Frontend:
        context = new_context(browser, url, size=size, is_dark=is_dark, tokens=tokens)
        context.set_default_timeout(TIMEOUT * 1000)
        return Frontend(context.new_page(), url)

    desk = window(WIDE)
    desk.open("/fleet-upgrades/fleet")
    settle(desk.page)
    take(desk.page, "dashboard")

    desk.page.set_viewport_size({"width": WIDE[0], "height": 800})
    desk.open("/config/devices/dashboard?domain=fleet_upgrade")
    desk.page.get_by_text("Gas meters", exact=True).first.click()
    desk.page.get_by_text("Start plan").first.wait_for()
    desk.page.wait_for_timeout(3000)
    take(desk.page, "plan")

    form = desk.add_integration()
    form.choose("Huawei OceanConnect")
    form.submit()
    form.fill({"Host": "iot.example.com", "Application ID": "fleet", "Secret": "any"})
    form.submit()
    form.alert.wait_for()
    take(desk.page, "form")

    phone = window(PHONE, is_dark=True)
    phone.open("/fleet-upgrades/fleet")
    settle(phone.page)
    take(phone.page, "dashboard-phone")


def settle(page: Page) -> None:
    """Wait until the cards have what they show."""
    page.locator("hui-calendar-card").wait_for()
    for _ in range(TIMEOUT):
        page.wait_for_timeout(1000)
        if not page.locator("ha-spinner:visible").count():
            break


def take(page: Page, name: str) -> None:
    """Take a picture of what is on the screen."""
    path = IMAGES / f"{name}.png"
    page.screenshot(path=path)
    sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    sys.exit(main())
