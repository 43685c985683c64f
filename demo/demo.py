"""The demo: everything it starts, in order, and everything it ends."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
import signal
import sys

from .account import find_missing, set_up_account
from .api import PASSWORD, USER, Api, connect
from .errors import DemoError
from .home_assistant import HomeAssistant
from .plans import set_up_plan
from .platforms import Simulator


class Demo:
    """A Home Assistant in front of simulated platforms."""

    def __init__(
        self,
        home_assistant: HomeAssistant,
        simulators: Sequence[Simulator],
        *,
        find_missing: Callable[[Api, str], Awaitable[str | None]] = find_missing,
    ) -> None:
        """Put the parts together; nothing is started yet.

        ``find_missing`` says what an account lacks that has to be seen.
        """
        self._home_assistant = home_assistant
        self._simulators = simulators
        self._find_missing = find_missing
        self._missing: str | None = "Home Assistant is not up"
        self.version = ""
        """That of Home Assistant, once it is up."""

    async def run(
        self, seconds: float | None = None, *, until_seen: bool = False
    ) -> None:
        """Run until a signal or for some seconds, then end what was started.

        With ``until_seen``, end as soon as everything was seen. Raises `DemoError` when
        something ends by itself, and, where a time is given, when not everything was
        seen: Home Assistant, and what the accounts should have. The ends of the plans
        are told as far as there is time, and have to be seen with ``until_seen``.
        """
        # From here on a signal ends nothing by itself, so that a second Ctrl-C does
        # not leave a process behind.
        signals = asyncio.Event()
        numbers = {signal.SIGINT, signal.SIGTERM}
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup sets it
            numbers.add(signal.SIGHUP)
        for number in numbers:
            asyncio.get_running_loop().add_signal_handler(number, signals.set)
        signalled = asyncio.create_task(signals.wait())
        showing = asyncio.create_task(
            self._show(check=seconds is not None, until_seen=until_seen)
        )
        await asyncio.wait(
            {signalled, showing}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
        was_ended = signalled.done()
        signalled.cancel()
        showing.cancel()
        await asyncio.wait({showing})
        await self._home_assistant.stop()
        for simulator in self._simulators:
            await simulator.stop()
        if not showing.cancelled():
            showing.result()
        if seconds is not None and self._missing:
            time = f"within {seconds:g} seconds"
            if was_ended:
                time = "until it was ended"
            raise DemoError(f"{time}: {self._missing}")

    async def _show(self, *, check: bool, until_seen: bool) -> None:
        """Start everything and watch over it."""
        say("Starting the simulated platforms and Home Assistant ...")
        for simulator in self._simulators:
            await simulator.start()
        self._home_assistant.prepare()
        await self._home_assistant.start()
        url = self._home_assistant.url
        async with connect(url) as api:
            self.version = await is_running(api)
            accounts = [
                await set_up_account(api, each, url) for each in self._simulators
            ]
            plans = [
                await set_up_plan(api, account, simulator.platform.plan)
                for simulator, account in zip(self._simulators, accounts, strict=True)
            ]
            for plan in plans:
                await plan.start()
            await api.call("fire_event", event_type="demo_ready")
            say(
                f"Fleet Upgrade is at {url} (user {USER}, password {PASSWORD});"
                " Ctrl-C ends it."
            )
            if check:
                await self._look(api, accounts)
                self._missing = "a plan has not ended" if until_seen else None
                for plan in plans:
                    say(await plan.end())
                self._missing = None
        if until_seen:
            return
        await asyncio.gather(
            self._home_assistant.run(), *(each.run() for each in self._simulators)
        )

    async def _look(self, api: Api, accounts: Sequence[str]) -> None:
        """Look until every account and an upgrade task of each have states."""
        for simulator, account in zip(self._simulators, accounts, strict=True):
            while missing := await self._find_missing(api, account):
                self._missing = f"{simulator.platform.account}: {missing}"
                await asyncio.sleep(0.5)
        say("The accounts and their upgrade tasks have states.")


async def is_running(api: Api) -> str:
    """Wait until Home Assistant has started; return its version.

    Raises `DemoError` in recovery mode.
    """
    while (config := await api.call("get_config"))["state"] != "RUNNING":
        await asyncio.sleep(0.1)
    if config["recovery_mode"]:
        raise DemoError("Home Assistant is in recovery mode; see its console.log")
    return str(config["version"])


def say(text: str) -> None:
    """Tell the person in front of the terminal."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
