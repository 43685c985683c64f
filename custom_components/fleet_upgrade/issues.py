"""The issues of an account that a person can do something about."""

from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util

from .clients.platform import PlatformClient
from .const import DOMAIN
from .journal import Journal
from .journal_news import ATTR_ENTRY_ID, in_short
from .markdown import escaped
from .writes import CreateEntry, WriteState

UNSETTLED: Final = "unsettled_create"
CONTENDED: Final = "session_contended"
THROTTLED: Final = "account_throttled"
JOURNAL_DAMAGED: Final = "journal_damaged"
RUNS_LOST: Final = "plan_runs_lost"

ACKNOWLEDGED: Final = (JOURNAL_DAMAGED, RUNS_LOST)
"""The issues that a person can only take note of."""


@callback
def async_sync_unsettled(
    hass: HomeAssistant, account: ConfigEntry, entry: CreateEntry
) -> None:
    """Raise an issue for an entry that only a person can settle now, or end it."""
    issue_id = f"{UNSETTLED}_{entry.entry_id}"
    if entry.state is not WriteState.UNSETTLED:
        ir.async_delete_issue(hass, DOMAIN, issue_id)
        return
    if hass.config_entries.async_get_entry(account.entry_id) is None:
        return  # removed meanwhile: nobody can say anything about it any more
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        data={
            ATTR_CONFIG_ENTRY_ID: account.entry_id,
            ATTR_ENTRY_ID: entry.entry_id,
        },
        is_fixable=True,
        severity=ir.IssueSeverity.ERROR,
        translation_key=UNSETTLED,
        translation_placeholders={
            "account": account.title,
            "version": escaped(entry.version),
            "target": escaped(in_short(*entry.subject)),
            "time": f"{dt_util.as_local(entry.asked_at):%Y-%m-%d %H:%M:%S}",
        },
    )


@callback
def async_sync_access(
    hass: HomeAssistant, account: ConfigEntry, client: PlatformClient
) -> None:
    """Raise the issues of an account that others are in the way of, or end them."""
    async_sync_issue(hass, account, CONTENDED, client.is_contended)
    async_sync_issue(hass, account, THROTTLED, client.budget.is_crowded)


@callback
def async_end_access(hass: HomeAssistant, account: ConfigEntry) -> None:
    """End the same issues; the next run tells it if they go on."""
    async_sync_issue(hass, account, CONTENDED, False)
    async_sync_issue(hass, account, THROTTLED, False)


async def async_load_journal(
    hass: HomeAssistant, account: ConfigEntry, journal: Journal
) -> None:
    """Read an account's journal, and tell of what could not be understood.

    The next reading finds a file that is whole, so a person ends the issue. Raises
    `OSError` when it cannot be read.
    """
    if not await journal.async_load():
        async_sync_issue(
            hass,
            account,
            JOURNAL_DAMAGED,
            True,
            severity=ir.IssueSeverity.ERROR,
            is_fixable=True,
            is_persistent=True,
        )


@callback
def async_tell_runs_lost(hass: HomeAssistant, account: ConfigEntry) -> None:
    """Tell of runs of plans that could not be understood; a person ends the issue."""
    async_sync_issue(
        hass, account, RUNS_LOST, True, is_fixable=True, is_persistent=True
    )


@callback
def async_sync_issue(
    hass: HomeAssistant,
    account: ConfigEntry,
    key: str,
    is_wanted: bool,
    *,
    severity: ir.IssueSeverity = ir.IssueSeverity.WARNING,
    is_fixable: bool = False,
    is_persistent: bool = False,
    **placeholders: str,
) -> None:
    """Raise an issue that an account has once at most, or end it.

    One that ``is_persistent`` outlives a restart, whatever the next run finds.
    The placeholders are for its description, which is Markdown: they stay text.
    """
    issue_id = f"{key}_{account.entry_id}"
    if not is_wanted:
        ir.async_delete_issue(hass, DOMAIN, issue_id)
        return
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        data={ATTR_CONFIG_ENTRY_ID: account.entry_id},
        is_fixable=is_fixable,
        is_persistent=is_persistent,
        severity=severity,
        translation_key=key,
        translation_placeholders={
            "account": account.title,
            **{key: escaped(text) for key, text in placeholders.items()},
        },
    )


@callback
def async_clear_issues(hass: HomeAssistant, account: ConfigEntry) -> None:
    """End the issues of an account that is removed."""
    registry = ir.async_get(hass)
    for (domain, issue_id), issue in list(registry.issues.items()):
        if (
            domain == DOMAIN
            and (issue.data or {}).get(ATTR_CONFIG_ENTRY_ID) == account.entry_id
        ):
            ir.async_delete_issue(hass, DOMAIN, issue_id)
