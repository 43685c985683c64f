"""The upgrade plans of the demo: one on each platform, of waves."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from .account import UNAVAILABLE, UNKNOWN
from .api import Api
from .errors import DemoError
from .platforms import DemoPlan

OVER = {"finished", "stopped"}
NOT_AGAIN_WITHIN = timedelta(minutes=11)
"""Fleet Upgrade takes the same upgrade for a mistake for a minute less."""


class PlanOfWaves:
    """A plan in Home Assistant, looked at by way of its entities."""

    def __init__(self, api: Api, plan: DemoPlan, plan_id: str) -> None:
        """Look at a plan; its ID is that of its config subentry."""
        self._api = api
        self._plan_id = plan_id
        self.plan = plan
        self.is_started = False
        """Whether it was started by `start`."""

    async def start(self) -> None:
        """Start it, unless it is under way or was started a moment ago.

        The platforms forget everything when they end, so it can be done again at each
        start of the demo.
        """
        while (state := await self._state("waves_state")) in (None, UNAVAILABLE):
            await asyncio.sleep(0.2)
        last_run = await self._state("last_run")
        if state != "not_started" and (state not in OVER or not _is_long_ago(last_run)):
            return
        await self._api.call(
            "call_service",
            domain="button",
            service="press",
            target={"entity_id": await self._entity("start")},
        )
        self.is_started = True

    async def end(self) -> str:
        """Wait until it is over; say how it ended.

        Raises `DemoError` when it was started by us and ended otherwise than it should.
        """
        while (state := await self._state("waves_state")) not in OVER:
            await asyncio.sleep(0.5)
        wave = await self._state("waves_wave")
        if (
            self.is_started
            and f"{state} {wave}" != f"{self.plan.end} {self.plan.last_wave}"
        ):
            raise DemoError(f"the plan {self.plan.name} is {state} in wave {wave}")
        return f"The upgrade plan {self.plan.name} is {state} in wave {wave}."

    async def _state(self, key: str) -> str | None:
        """Return the state of an entity of the plan, as far as there is one."""
        entity = await self._entity(key)
        return next(
            (
                str(state["state"])
                for state in await self._api.call("get_states")
                if state["entity_id"] == entity
            ),
            None,
        )

    async def _entity(self, key: str) -> str | None:
        return next(
            (
                str(entity["entity_id"])
                for entity in await self._api.call("config/entity_registry/list")
                if entity["unique_id"] == f"{self._plan_id}_{key}"
            ),
            None,
        )


async def set_up_plan(api: Api, account: str, plan: DemoPlan) -> PlanOfWaves:
    """Have a plan in an account; a new one goes through the form."""
    if (plan_id := await _find(api, account, plan)) is None:
        result = await api.add_plan(account, plan.values)
        if result["type"] != "create_entry":
            raise DemoError(f"the plan was not made: {result.get('reason')}")
        plan_id = await _find(api, account, plan)
        assert plan_id is not None
    return PlanOfWaves(api, plan, plan_id)


async def _find(api: Api, account: str, plan: DemoPlan) -> str | None:
    """Return the ID of the account's plan of this name."""
    subentries: list[dict[str, Any]] = await api.call(
        "config_entries/subentries/list", entry_id=account
    )
    return next(
        (
            str(subentry["subentry_id"])
            for subentry in subentries
            if subentry["title"] == plan.name
        ),
        None,
    )


def _is_long_ago(time: str | None) -> bool:
    if time in (None, UNKNOWN, UNAVAILABLE):
        return True
    return datetime.now(UTC) - datetime.fromisoformat(time) > NOT_AGAIN_WITHIN
