"""The platform pushes over HTTP to Home Assistant's own server, and a poll follows."""

import time

from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from simulator.oceanconnect import OceanConnectSimulator

from .common_push import disable_http_server, home, pushed, until
from .hearing import listen

__all__ = ["disable_http_server", "home", "pushed"]


async def test_what_a_device_tells_the_platform_is_there_within_two_seconds(
    hass: HomeAssistant, oceanconnect: OceanConnectSimulator, pushed: MockConfigEntry
) -> None:
    """The poll would have come after a minute, or five."""
    task_id = oceanconnect.add_task(status="processing")
    await pushed.runtime_data.async_refresh()
    heard = listen(hass)
    began = time.monotonic()
    oceanconnect.finish_task(task_id)
    await until(lambda: ("succeeded", task_id) in heard)
    assert time.monotonic() - began < 2
