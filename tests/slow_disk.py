"""A disk that takes its time, as a thread does that nobody can cancel."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

from homeassistant.helpers.storage import Store
import pytest


class SlowDisk:
    """Holds writes up that a test names, until it lets them go on."""

    def __init__(self, patches: pytest.MonkeyPatch) -> None:
        """Hold nothing up yet."""
        self.begun = asyncio.Event()
        self.goes_on = asyncio.Event()
        self._is_slow: Callable[[dict[str, Any]], bool] = lambda _data: False
        write = Store._async_write_data  # noqa: SLF001

        async def finish(store: Store[Any], data: dict[str, Any]) -> None:
            if self._is_slow(data):
                self.begun.set()
                await self.goes_on.wait()
            await write(store, data)

        async def write_data(store: Store[Any], data: dict[str, Any]) -> None:
            await asyncio.shield(asyncio.ensure_future(finish(store, data)))

        patches.setattr(Store, "_async_write_data", write_data)

    def hold_up(self, is_slow: Callable[[dict[str, Any]], bool]) -> None:
        """Hold up the writes whose key and data are such."""
        self._is_slow = is_slow


@pytest.fixture
def slow_disk(hass_storage: dict[str, Any]) -> Iterator[SlowDisk]:
    """Write to a disk that can be slow."""
    with pytest.MonkeyPatch.context() as patches:
        yield SlowDisk(patches)
