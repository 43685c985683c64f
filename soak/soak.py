"""The soak: warm up, calm down, be busy, calm down, and compare."""

import asyncio
from collections.abc import Sequence
from random import Random
import re
import sys
import time
from typing import Any

from demo.api import Api, Json, connect
from demo.demo import is_running
from demo.errors import DemoError

from .figures import Figures, Sample, least
from .home_assistant import SoakedHomeAssistant
from .platforms import SoakPlatform

WARM_UP = 0.4
"""Share of the time until all that is made once and kept has been made."""

TICK = 0.25
"""Seconds between two moments at which something may happen."""

HEAVY_SECONDS = 20.0
"""Seconds between two answers that are far too large or far too slow."""

RELOAD_SECONDS = 30.0
"""Seconds between two times that an account is loaded anew."""

CALM_SECONDS = 20.0
"""Seconds that it takes until all is calm: connections that idle are closed by then."""

LOOKS = ("get_upgrade_tasks", "get_packages", "get_device_groups", "get_journal")

TRACE = re.compile(r"^Traceback .*?^(?=\S*\d{4}-)", re.MULTILINE | re.DOTALL)


class Soak:
    """A Home Assistant in front of hostile platforms, for a while."""

    def __init__(
        self,
        home_assistant: SoakedHomeAssistant,
        platforms: Sequence[SoakPlatform[Any]],
        seed: int,
    ) -> None:
        """Soak what was started."""
        self._home_assistant = home_assistant
        self._platforms = platforms
        self._random = Random(seed)
        self._figures = Figures()
        self._accounts: dict[str, SoakPlatform[Any]] = {}
        self._api: Api

    async def run(self, seconds: float) -> Figures:
        """Soak for so long; return what was measured."""
        figures = self._figures
        async with connect(self._home_assistant.url) as self._api:
            await is_running(self._api)
            for platform in self._platforms:
                platform.begin()
                result = await self._api.fill_in(platform.values, platform.files)
                if result["type"] != "create_entry":
                    raise DemoError(f"no account was set up: {result.get('reason')}")
                self._accounts[result["result"]["entry_id"]] = platform
            await self._measure()
            await self._be_busy(seconds * WARM_UP)
            figures.warm = await self._be_calm("after the warm-up")
            figures.memory.clear()
            await self._be_busy(seconds * (1 - WARM_UP))
            figures.end = await self._be_calm("at the end")
        for platform in self._platforms:
            figures.polls += len(platform.calls)
            figures.throttled += platform.calls.throttled
            figures.worst_minute = max(
                figures.worst_minute, platform.calls.worst_minute
            )
        figures.errors = [
            trace.strip().splitlines()[-1]
            for trace in TRACE.findall(self._home_assistant.log)
        ]
        return figures

    async def _be_busy(self, seconds: float) -> None:
        """Let everything happen at once for a while."""
        end = time.monotonic() + seconds
        heavy_at = time.monotonic() + HEAVY_SECONDS
        reload_at = time.monotonic() + RELOAD_SECONDS
        measure_at = 0.0
        while (now := time.monotonic()) < end:
            for platform in self._platforms:
                await asyncio.to_thread(platform.tick)
                self._figures.events += 1
                if self._random.random() < 0.15:
                    platform.break_something(heavy=False)
                    self._figures.faults += 1
            if now > heavy_at:
                heavy_at = now + HEAVY_SECONDS
                self._random.choice(self._platforms).break_something(heavy=True)
                self._figures.faults += 1
            if self._random.random() < 0.15:
                await self._act(self._random.choice(list(self._accounts)))
            if now > reload_at:
                reload_at = now + RELOAD_SECONDS
                await self._reload(self._random.choice(list(self._accounts)))
            if now > measure_at:
                measure_at = now + 2
                self._figures.memory.append((await self._measure())["memory"])
                await self._load_accounts()
            await asyncio.sleep(TICK)

    async def _be_calm(self, when: str) -> Sample:
        """Let nothing happen any more but polls; measure, and look at what is shown."""
        for platform in self._platforms:
            await asyncio.to_thread(platform.calm)
        # What could not be set up among faults is tried again, but not for a while.
        while await self._load_accounts():
            await asyncio.sleep(1)
        await asyncio.sleep(CALM_SECONDS)
        samples = []
        for _ in range(10):
            samples.append(await self._measure(is_thorough=True))
            await asyncio.sleep(0.3)
        for account, platform in self._accounts.items():
            shown = await self._tasks_shown(account)
            there = platform.count()
            if shown != there:
                self._figures.wrong.append(
                    f"{platform.name} {when}: {shown} tasks shown of {there}"
                )
        measured = least(samples)
        sys.stdout.write(f"soak: {when}: {dict(measured)}\n")
        sys.stdout.flush()
        return measured

    async def _act(self, account: str) -> None:
        """Do what a user does: create an upgrade, or look at something."""
        if self._random.random() < 0.5:
            action, data = self._accounts[account].creation()
        else:
            action, data = self._random.choice(LOOKS), {}
        self._figures.actions += 1
        await self._call("fleet_upgrade", action, {"config_entry_id": account, **data})

    async def _reload(self, account: str) -> None:
        """Load an account anew, as a change of its options does."""
        self._figures.reloads += 1
        await self._call(
            "homeassistant", "reload_config_entry", {"entry_id": account}, answers=False
        )

    async def _load_accounts(self) -> bool:
        """Load accounts anew that could not be set up; return whether there are any."""
        entries = await self._api.call("config_entries/get", domain="fleet_upgrade")
        away = [each["entry_id"] for each in entries if each["state"] != "loaded"]
        for account in away:
            await self._call(
                "homeassistant",
                "reload_config_entry",
                {"entry_id": account},
                answers=False,
            )
        return bool(away)

    async def _measure(self, *, is_thorough: bool = False) -> Json:
        answer = await self._call("soak_probe", "measure", {"is_thorough": is_thorough})
        if answer is None:
            raise DemoError("the probe does not answer")
        return answer

    async def _call(
        self, domain: str, action: str, data: Json, *, answers: bool = True
    ) -> Json | None:
        """Call an action; return its answer, None if it failed: faults are on."""
        more: dict[str, Any] = {"return_response": True} if answers else {}
        try:
            result = await self._api.call(
                "call_service", domain=domain, service=action, service_data=data, **more
            )
        except DemoError as err:
            if "hung up" in str(err):
                raise
            return None
        response: Json | None = result.get("response")
        return response

    async def _tasks_shown(self, account: str) -> int:
        """Return how many tasks there are by an account's sensors."""
        sensors = {
            entity["entity_id"]
            for entity in await self._api.call("config/entity_registry/list")
            if re.fullmatch(
                rf"{account}_tasks_(waiting|processing|succeeded|failed)",
                entity["unique_id"],
            )
        }
        states = [
            state["state"]
            for state in await self._api.call("get_states")
            if state["entity_id"] in sensors
        ]
        return sum(int(state) if state.isdecimal() else 0 for state in states)
