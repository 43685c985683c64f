"""Tells of plans whose package or device groups have gone from the platform."""

from collections.abc import AsyncIterator, Callable, Collection, Iterable
from datetime import timedelta
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.event import async_track_time_interval

from .clients.errors import PlatformError
from .clients.model import Page
from .clients.platform import Capability, Platform, PlatformClient
from .const import LOGGER
from .issues import async_sync_issue
from .plan import Plan

CHECK_INTERVAL: Final = timedelta(hours=6)

MOST_PAGES: Final = 10
"""Pages of a list that are read; what may stand further down is not missed."""


@callback
def async_watch_plans(
    hass: HomeAssistant,
    account: ConfigEntry,
    platform: Platform,
    client: PlatformClient,
    plans: Collection[Plan],
) -> None:
    """Look now and every few hours whether plans could be started, by an issue.

    It takes the platform's lists of packages and groups, whatever the number of
    plans, and no call without plans.
    """

    async def check() -> None:
        try:
            missing = await _async_missing(platform, client, plans)
        except PlatformError as err:
            LOGGER.debug("The plans are not checked: %s", err)
            return
        async_sync_issue(
            hass,
            account,
            "plans_outdated",
            bool(missing),
            missing="; ".join(
                f"{plan.name} ({', '.join(names)})" for plan, names in missing
            ),
        )

    @callback
    def check_soon(_now: object = None) -> None:
        account.async_create_background_task(
            hass, check(), f"{account.title} - check plans"
        )

    if not plans:
        async_sync_issue(hass, account, "plans_outdated", False, missing="")
        return
    check_soon()
    account.async_on_unload(
        async_track_time_interval(
            hass, check_soon, CHECK_INTERVAL, cancel_on_shutdown=True
        )
    )


async def async_groups_gone(
    client: PlatformClient, groups: Iterable[str], most_pages: int | None = None
) -> list[str]:
    """Return the groups that the platform has under no name and no ID.

    None when it has more than ``most_pages``.
    """
    return await _async_unlisted(
        client.list_device_groups(),
        groups,
        lambda group: {group.name, group.group_id},
        most_pages,
    )


async def _async_missing(
    platform: Platform, client: PlatformClient, plans: Collection[Plan]
) -> list[tuple[Plan, list[str]]]:
    """Return plans with the packages and groups that the platform does not have."""
    packages = await _async_unlisted(
        client.list_packages(),
        (package for plan in plans for package in _packages(plan)),
        lambda package: {package.package_id},
        MOST_PAGES,
    )
    groups: list[str] = []
    if Capability.DEVICE_GROUPS in platform.capabilities:
        groups = await async_groups_gone(
            client, (name for plan in plans for name in plan.device_groups), MOST_PAGES
        )
    found = [
        (
            plan,
            [name for name in _packages(plan) if name in packages]
            + [name for name in plan.device_groups if name in groups],
        )
        for plan in plans
    ]
    return [(plan, names) for plan, names in found if names]


def _packages(plan: Plan) -> list[str]:
    return [str(plan.values["package"])] if "package" in plan.values else []


async def _async_unlisted[ItemT](
    pages: AsyncIterator[Page[ItemT]],
    names: Iterable[str],
    names_of: Callable[[ItemT], set[str]],
    most_pages: int | None,
) -> list[str]:
    """Return the names that a list does not have; none of one that is too long."""
    missing = dict.fromkeys(names)
    number = 0
    async for page in pages:
        for item in page.items:
            for name in names_of(item):
                missing.pop(name, None)
        number += 1
        if not missing or number == most_pages:
            return []
    return list(missing)
