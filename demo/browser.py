"""A browser to look at the demo with: found on this machine, started, signed in.

``python -m demo.browser`` prints the path of the browser that would be started.
"""

from collections.abc import Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import shutil
import sys

from playwright.sync_api import Browser, sync_playwright

from .errors import DemoError

COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

ARGUMENTS = (
    "--no-sandbox",  # as root, and in most containers, there is none
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_browser() -> Path | None:
    """Return Debian's Chromium or one like it, else Playwright's own, if it is there.

    ``$BROWSER_PATH`` names another one.
    """
    if named := os.environ.get("BROWSER_PATH"):
        return Path(named)
    for command in COMMANDS:
        if found := shutil.which(command):
            return Path(found)
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
    return own if own.exists() else None


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Start a browser, and end it; raises `DemoError` where there is none."""
    path = find_browser()
    if path is None:
        raise DemoError("no browser was found; script/setup --browser installs one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


if __name__ == "__main__":
    found = find_browser()
    if found is None:
        sys.exit(1)
    sys.stdout.write(f"{found}\n")
