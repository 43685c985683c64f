"""Try the integration in another Home Assistant: does it start, poll and create?

    python -m demo.trial ENVIRONMENT

The environment is a virtual one with that Home Assistant; what is tried there is the
whole demo, whose automations create upgrade tasks. The exit code is 0 only if each
account and an upgrade task that was created had states, the upgrade plan of each ended
as it should, and nothing was logged as an error. What Home Assistant wrote stays in the environment's folder `trial`.
"""

import asyncio
from pathlib import Path
import re
import sys

from .account import find_missing
from .api import Api
from .demo import Demo, say
from .errors import DemoError
from .folder import demo_folder
from .home_assistant import HomeAssistant
from .platforms import PLATFORMS, Simulator
from .ports import free_port

SECONDS = 240
"""How long a trial may take; two minutes are usual, as upgrade plans need them."""


def main() -> int:
    """Make a trial; return its exit code."""
    environment = Path(sys.argv[1]).resolve()
    try:
        version = asyncio.run(attempt(environment, environment / "trial"))
    except DemoError as err:
        sys.stderr.write(f"trial: {err}\n")
        return 1
    say(f"Home Assistant {version}: started, polled, and created on each platform.")
    return 0


async def attempt(environment: Path, folder: Path) -> str:
    """Make a trial in a folder; return the version that was tried."""
    with demo_folder(folder, fresh=True):
        home_assistant = HomeAssistant(
            folder / "home-assistant",
            free_port(),
            python=environment / "bin" / "python",
        )
        simulators = [Simulator(each, folder / each.key) for each in PLATFORMS]
        demo = Demo(home_assistant, simulators, find_missing=find_missing_work)
        await demo.run(SECONDS, until_seen=True)
        require_clean(home_assistant.log)
    return demo.version


def require_clean(log: str) -> None:
    """Raise `DemoError` when an error was logged."""
    if error := re.search(r"^\S+ \S+ (ERROR|CRITICAL) .*$", log, re.MULTILINE):
        raise DemoError(f"Home Assistant logged: {error[0]}")


async def find_missing_work(api: Api, account: str) -> str | None:
    """Say what is not there yet of an account and of what was created; None if all is."""
    if missing := await find_missing(api, account):
        return missing
    answer = await api.call(
        "call_service",
        domain="fleet_upgrade",
        service="get_journal",
        service_data={"config_entry_id": account},
        return_response=True,
    )
    created = {
        f"{account}_{entry['task_id']}_status"
        for entry in answer["response"]["entries"]
        if entry["state"] == "done"
    }
    if not created:
        return "no upgrade task was created"
    shown = {
        entity["entity_id"]
        for entity in await api.call("config/entity_registry/list")
        if entity["unique_id"] in created
    }
    known = {"waiting", "processing", "succeeded", "failed"}
    if not any(
        state["entity_id"] in shown and state["state"] in known
        for state in await api.call("get_states")
    ):
        return "no upgrade task that was created has a status"
    return None


if __name__ == "__main__":
    sys.exit(main())
