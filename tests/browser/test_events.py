"""What happens to upgrade tasks, where people look for it."""

import re

from playwright.sync_api import expect

from demo.frontend import Frontend
from simulator.oceanconnect import OceanConnectSimulator

from .conftest import OCEANCONNECT
from .home import Home

EVENT = "event.oceanconnect_demo_upgrade_task"


def test_what_happened_is_in_the_activity(
    screen: Frontend,
    home: Home,
    accounts: dict[str, str],
    oceanconnect_server: OceanConnectSimulator,
) -> None:
    """Who asked for an upgrade, and what the platform made of it."""
    package = next(
        package
        for package in oceanconnect_server.packages("firmware")
        if package.model.model == "GM16"
    )
    home.call(
        "call_service",
        domain="fleet_upgrade",
        service="create_firmware_upgrade_task",
        service_data={
            "config_entry_id": accounts[OCEANCONNECT],
            "package": package.file_id,
            "device_groups": ["Airport"],
        },
        return_response=True,
    )
    task = oceanconnect_server.tasks()[-1]
    page = screen.page
    screen.open(f"/logbook?entity_id={EVENT}")
    told = f"created the firmware upgrade task {task.task_id} of Airport"
    expect(page.get_by_text(told)).to_be_visible()
    expect(page.get_by_text("By Fleet operator").first).to_be_visible()

    oceanconnect_server.finish_task(task.task_id, failed=1)
    home.reload(accounts[OCEANCONNECT])
    failed = page.get_by_role("button", name=re.compile("Upgrade task.*Failed"))
    expect(failed.first).to_be_visible()
