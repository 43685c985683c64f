"""A real Home Assistant in a process of its own, for as long as a test needs it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
import threading
from typing import Any

from demo.api import Api, connect
from demo.demo import is_running
from demo.home_assistant import HomeAssistant
from demo.ports import free_port


class Home:
    """A Home Assistant that is up, with a user, and its API beside the browser's."""

    def __init__(self, loop: asyncio.AbstractEventLoop, folder: Path) -> None:
        """Prepare; nothing runs yet."""
        self._loop = loop
        self._folder = folder
        self._process = HomeAssistant(folder, free_port())
        self.url = self._process.url

    def wait[T](self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run something in the loop of the process, and return its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(120)

    def ask[T](self, question: Callable[[Api], Awaitable[T]]) -> T:
        """Ask Home Assistant's API something, as the first user."""

        async def ask() -> T:
            async with connect(self.url) as api:
                return await question(api)

        return self.wait(ask())

    def call(self, command: str, **message: Any) -> Any:
        """Send one command of the websocket API."""
        return self.ask(lambda api: api.call(command, **message))

    def accounts(self) -> list[dict[str, Any]]:
        """Return the accounts that there are."""
        entries: list[dict[str, Any]] = self.call(
            "config_entries/get", domain="fleet_upgrade"
        )
        return entries

    def reload(self, account: str) -> None:
        """Load an account anew, so that it polls."""
        self.call(
            "call_service",
            domain="homeassistant",
            service="reload_config_entry",
            service_data={"entry_id": account},
        )

    def start(self) -> None:
        """Start it and make its user; the demo's automations would go on without us."""
        self._process.prepare()
        for automations in ("activity", "automations"):
            (self._folder / f"{automations}.yaml").write_text("[]\n")
        self.wait(self._process.start())
        self.ask(is_running)

    def stop(self) -> None:
        """End it."""
        self.wait(self._process.stop())

    @property
    def log(self) -> str:
        """What it has logged."""
        return self._process.log


@contextmanager
def running_home(folder: Path) -> Iterator[Home]:
    """Run a Home Assistant in a folder."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="home", daemon=True)
    thread.start()
    home = Home(loop, folder)
    try:
        home.start()
        yield home
    finally:
        home.stop()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()
