"""Tells how the accounts are doing, on one page and to be copied into a report.

No platform is called for it: whether one can be reached without an account's
certificate says nothing, and the last poll says more. What is told are words and
numbers, the same in all languages; accounts are not told by their names, which may
hold what identifies a customer.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from homeassistant.components.system_health import SystemHealthRegistration
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback

from .clients.registry import PLATFORMS
from .const import CONF_PLATFORM, DOMAIN
from .coordinator import FleetConfigEntry


@callback
def async_register(hass: HomeAssistant, register: SystemHealthRegistration) -> None:
    """Register what is told."""
    register.async_register_info(async_system_health_info)


async def async_system_health_info(hass: HomeAssistant) -> dict[str, Any]:
    """Return a line for each figure; that of several accounts has all of theirs.

    A key for each account could not be translated.
    """
    accounts: list[FleetConfigEntry] = hass.config_entries.async_entries(
        DOMAIN, include_ignore=False, include_disabled=False
    )
    # As on the page of the integration, where they can be told apart.
    accounts.sort(key=lambda account: account.title.casefold())
    info: dict[str, Any] = {"accounts": len(accounts)}
    for name, account in zip(_names(accounts), accounts, strict=True):
        for key, figure in _figures(account).items():
            told = figure if len(accounts) == 1 else f"{name}: {figure}"
            info[key] = f"{info[key]}; {told}" if key in info else told
    return info


def _names(accounts: Iterable[FleetConfigEntry]) -> Iterator[str]:
    """Yield what to call each account: its platform, numbered where it has more."""
    keys = [account.data[CONF_PLATFORM] for account in accounts]
    numbers: Counter[str] = Counter()
    for key in keys:
        name = PLATFORMS[key].name if key in PLATFORMS else key
        numbers[key] += 1
        yield f"{name} {numbers[key]}" if keys.count(key) > 1 else name


def _figures(account: FleetConfigEntry) -> dict[str, str]:
    is_loaded = account.state is ConfigEntryState.LOADED
    poll = account.runtime_data.polls.last if is_loaded else None
    if poll is None:
        reason = account.error_reason_translation_key
        result = f"{account.state.value} ({reason})" if reason else account.state.value
        return {"last_poll": result}
    coordinator = account.runtime_data
    budget = coordinator.client.budget
    return {
        "last_poll": poll.error or "ok",
        "last_poll_age": f"{poll.age:.0f} s",
        "calls_left": f"{budget.left}/{budget.limit}",
        "tasks": str(len(coordinator.data.tasks)),
    }
