"""The dashboard that comes along, on all that people look at it with."""

import re

from playwright.sync_api import expect
import pytest

from demo.frontend import DESKTOP, PHONE, Frontend
from simulator.enos import EnosSimulator
from simulator.faults import Fault, FaultKind
from simulator.oceanconnect import OceanConnectSimulator

from .conftest import ENOS, OCEANCONNECT, OpenWindow
from .home import Home


@pytest.mark.usefixtures("accounts")
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
        expect(page.locator("hui-heading-card").get_by_text(title)).not_to_have_count(0)
    tile = page.locator("hui-tile-card").filter(has_text="Software 1.4.0 Harbour")
    expect(tile).to_contain_text("Failed")
    expect(page.locator("hui-calendar-card")).to_be_visible()
    expect(page.locator("hui-error-card")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    background = page.evaluate(
        "getComputedStyle(document.documentElement)"
        ".getPropertyValue('--primary-background-color')"
    )
    assert bool(re.match("#1", background)) is is_dark


def test_it_follows_what_happens(
    screen: Frontend,
    home: Home,
    accounts: dict[str, str],
    oceanconnect_server: OceanConnectSimulator,
) -> None:
    """A new task, its progress and its end come by themselves; so does trouble."""
    page = screen.page
    package = next(
        package
        for package in oceanconnect_server.packages("software")
        if package.model.model == "GM16"
    )
    screen.open("/fleet-upgrades/fleet")
    tile = page.locator("hui-tile-card").filter(
        has_text=f"Software {package.version} Airport"
    )
    expect(page.get_by_text("Running tasks").first).to_be_visible()
    expect(tile).to_have_count(0)

    task_id = oceanconnect_server.add_task(
        package=package, groups=["Airport"], kind="software"
    )
    home.reload(accounts[OCEANCONNECT])
    expect(tile).to_contain_text("Waiting")
    oceanconnect_server.finish_task(task_id)
    home.reload(accounts[OCEANCONNECT])
    expect(tile).to_contain_text("Succeeded")

    oceanconnect_server.faults.add(Fault(kind=FaultKind.STATUS, status=503, count=None))
    home.reload(accounts[OCEANCONNECT])
    waiting = page.locator("hui-tile-card").filter(has_text="Waiting").last
    expect(waiting).to_contain_text("Unavailable")
    oceanconnect_server.faults.clear()
    home.reload(accounts[OCEANCONNECT])
    expect(tile).to_contain_text("Succeeded")


def test_names_are_shown_as_they_are(
    screen: Frontend,
    home: Home,
    accounts: dict[str, str],
    enos_server: EnosSimulator,
) -> None:
    """Whoever names a task writes no page, no Markdown and no template by it."""
    name = "<b>b</b> **b** {{ 1 + 1 }}"
    enos_server.add_job(name=name)
    home.reload(accounts[ENOS])
    screen.open("/fleet-upgrades/fleet")
    tile = screen.page.locator("hui-tile-card").filter(has_text=name)
    expect(tile).to_be_visible()


def test_fifty_tasks_at_once_are_not_too_many(
    screen: Frontend,
    home: Home,
    accounts: dict[str, str],
    oceanconnect_server: OceanConnectSimulator,
) -> None:
    """The first page shows a few and says how many there are, the second one all."""
    tasks = [oceanconnect_server.add_task() for _ in range(50)]
    home.reload(accounts[OCEANCONNECT])
    screen.open("/fleet-upgrades/fleet")
    more = screen.page.get_by_text(re.compile(r"^Running tasks \(8/\d\d\)$"))
    expect(more).to_be_visible()
    more.click()
    waiting = screen.page.locator("hui-tile-card").filter(
        has_text=re.compile("Firmware V.*Waiting", re.DOTALL)
    )
    expect(waiting).to_have_count(50)

    for task_id in tasks:
        oceanconnect_server.finish_task(task_id)
    home.reload(accounts[OCEANCONNECT])
    expect(waiting).to_have_count(0)


def test_anybody_can_add_it_in_one_step(
    screen: Frontend, accounts: dict[str, str]
) -> None:
    """It is offered with the other dashboards, and then shows everything."""
    page = screen.page
    screen.open("/config/lovelace/dashboards")
    page.get_by_role("button", name="Add dashboard").click()
    page.get_by_role("button", name="Fleet upgrades").last.click()
    page.get_by_role("textbox", name="Title").fill("All my fleets")
    page.get_by_role("button", name="Create").click()
    page.get_by_role("link", name="All my fleets").first.click()
    expect(page.get_by_text("Ended last")).to_be_visible()
    expect(page.get_by_text(OCEANCONNECT).first).to_be_visible()
