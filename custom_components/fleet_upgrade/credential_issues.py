"""What is said of an account's credentials before they fail, without any call."""

from datetime import datetime, timedelta
from typing import Final

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntry
from homeassistant.core import HassJob, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_call_later, async_track_time_interval
from homeassistant.util import dt as dt_util

from .clients.platform import CredentialNotes
from .issues import async_sync_issue

EXPIRING: Final = "certificate_expiring"
EXPIRED: Final = "certificate_expired"
UNCHECKED: Final = "server_unchecked"

NOTICE: Final = timedelta(days=30)
"""How long before its end a certificate is spoken of: operators take their time."""


@callback
def async_watch_credentials(
    hass: HomeAssistant, account: ConfigEntry, notes: CredentialNotes
) -> None:
    """Say what is wrong with credentials, each day until the account is unloaded."""
    async_sync_issue(
        hass, account, UNCHECKED, not notes.is_server_checked, is_fixable=True
    )

    @callback
    def look(now: datetime) -> None:
        _sync_certificate(hass, account, notes.expires, now)

    now = dt_util.utcnow()
    look(now)
    if notes.expires is not None:
        account.async_on_unload(
            async_track_time_interval(
                hass, look, timedelta(days=1), cancel_on_shutdown=True
            )
        )
        account.async_on_unload(
            async_call_later(
                hass, notes.expires - now, HassJob(look, cancel_on_shutdown=True)
            )
        )


@callback
def async_end_certificate_issues(hass: HomeAssistant, account: ConfigEntry) -> None:
    """Say nothing of a certificate: Home Assistant asks for a new one itself."""
    _sync_certificate(hass, account, None, dt_util.utcnow())


@callback
def async_end_credential_issues(hass: HomeAssistant, account: ConfigEntry) -> None:
    """Say nothing of the credentials of an account that is not used."""
    async_end_certificate_issues(hass, account)
    async_sync_issue(hass, account, UNCHECKED, False)


def _sync_certificate(
    hass: HomeAssistant, account: ConfigEntry, expires: datetime | None, now: datetime
) -> None:
    left = NOTICE if expires is None else expires - now
    date = "" if expires is None else f"{dt_util.as_local(expires):%Y-%m-%d}"
    async_sync_issue(
        hass,
        account,
        EXPIRING,
        timedelta() < left < NOTICE,
        is_fixable=True,
        date=date,
    )
    async_sync_issue(
        hass,
        account,
        EXPIRED,
        # Nothing more while Home Assistant asks for new credentials already.
        left <= timedelta()
        and not any(account.async_get_active_flows(hass, {SOURCE_REAUTH})),
        severity=ir.IssueSeverity.ERROR,
        is_fixable=True,
        date=date,
    )
