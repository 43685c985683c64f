"""The account on a simulated platform: set up once, found again, looked at."""

import json

from .api import Api
from .errors import DemoError
from .platforms import Simulator

UNAVAILABLE = "unavailable"
UNKNOWN = "unknown"


async def set_up_account(api: Api, simulator: Simulator, home_assistant: str) -> str:
    """Have an account in Home Assistant and return its ID.

    A new one goes through the set-up form. One that is there, from an earlier start
    or added by hand, goes through the form for changes unless its port is known to
    be right. A platform that can push is given Home Assistant's address.
    """
    memory = simulator.folder / "account.json"
    last = json.loads(memory.read_text("utf-8")) if memory.exists() else {}
    account = next(
        (
            entry["entry_id"]
            for entry in await api.call("config_entries/get", domain="fleet_upgrade")
            if entry["entry_id"] == last.get("id")
            or entry["title"] == simulator.platform.account
        ),
        None,
    )
    if account is None:
        result = await api.fill_in(simulator.values, simulator.files)
        if result["type"] != "create_entry":
            raise DemoError(f"the account was not set up: {result.get('reason')}")
        account = result["result"]["entry_id"]
    elif last.get("port") != simulator.port:
        result = await api.fill_in(simulator.values, simulator.files, entry_id=account)
        if result.get("reason") != "reconfigure_successful":
            raise DemoError(f"the account was not changed: {result.get('reason')}")
    pushes_to = home_assistant if simulator.platform.pushes else None
    if pushes_to and pushes_to != last.get("pushes_to"):
        await api.choose(account, {"push_address": pushes_to})
    now = {"id": account, "port": simulator.port, "pushes_to": pushes_to}
    memory.write_text(json.dumps(now), "utf-8")
    return str(account)


async def find_missing(api: Api, account: str) -> str | None:
    """Say what is not there yet of an account and its upgrade tasks; None if all is.

    Each entity of the account must be there, and one of them and one of any upgrade
    task must have a state: it is usual that some things are not known, as not every
    platform tells everything.
    """
    devices = {
        device["id"]: device["via_device_id"]
        for device in await api.call("config/device_registry/list")
        if device["config_entry_id"] == account
    }
    states = {
        state["entity_id"]: state["state"] for state in await api.call("get_states")
    }
    own: dict[str, str] = {}
    of_tasks: dict[str, str] = {}
    for entity in await api.call("config/entity_registry/list"):
        if entity["config_subentry_id"]:
            continue  # an upgrade plan's
        if entity["device_id"] in devices and not entity["disabled_by"]:
            group = of_tasks if devices[entity["device_id"]] else own
            group[entity["entity_id"]] = states.get(entity["entity_id"], UNAVAILABLE)
    if not own:
        return "it has no entities"
    if away := [entity for entity, state in own.items() if state == UNAVAILABLE]:
        return f"{', '.join(away)} unavailable"
    if all(state == UNKNOWN for state in own.values()):
        return "none of its entities has a state"
    if all(state in (UNKNOWN, UNAVAILABLE) for state in of_tasks.values()):
        return "no upgrade task has an entity with a state"
    return None
