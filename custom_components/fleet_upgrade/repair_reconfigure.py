"""The way out of the issues that an account brought up to date is cured of."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from homeassistant.components.repairs import FlowType, RepairsFlow, RepairsFlowResult
from homeassistant.config_entries import SOURCE_REAUTH, SOURCE_RECONFIGURE
from homeassistant.core import HassJob, callback
from homeassistant.data_entry_flow import AbortFlow, UnknownFlow
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_call_later

FORM_LIFE: Final = timedelta(hours=1)
"""How long a form waits for an answer."""


class ReconfigureFlow(RepairsFlow):
    """Leads to the form that brings an account up to date.

    The issue stays until what it is about is cured.
    """

    def __init__(self, account_id: str) -> None:
        """Lead to the form of the account with this ID."""
        self._account_id = account_id

    async def async_step_init(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Say what is wrong; a warning may be ignored."""
        issue = ir.async_get(self.hass).async_get_issue(self.handler, self.issue_id)
        assert issue is not None
        options = ["reconfigure"]
        if issue.severity is ir.IssueSeverity.WARNING:
            options.append("ignore")
        return self.async_show_menu(
            step_id="init",
            menu_options=options,
            description_placeholders=issue.translation_placeholders,
        )

    async def async_step_reconfigure(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Go on with the form of the account."""
        account = self.hass.config_entries.async_get_entry(self._account_id)
        if account is None:
            raise AbortFlow("account_removed")
        flow = next(account.async_get_active_flows(self.hass, {SOURCE_REAUTH}), None)
        if flow is None:
            flow = await self.hass.config_entries.flow.async_init(
                account.domain,
                context={"source": SOURCE_RECONFIGURE, "entry_id": account.entry_id},
            )
            self._forget_later(flow["flow_id"])
        return self.async_abort(
            reason="continued", next_flow=(FlowType.CONFIG_FLOW, flow["flow_id"])
        )

    async def async_step_ignore(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Say no more of it."""
        if ir.async_get(self.hass).async_get_issue(self.handler, self.issue_id):
            ir.async_ignore_issue(self.hass, self.handler, self.issue_id, True)
        return self.async_abort(reason="ignored")

    def _forget_later(self, flow_id: str) -> None:
        """End a form that was closed without an answer.

        Home Assistant keeps it, and asks for no new credentials as long as it does.
        """
        flows = self.hass.config_entries.flow

        @callback
        def forget(_now: datetime) -> None:
            with suppress(UnknownFlow):
                flows.async_abort(flow_id)

        async_call_later(self.hass, FORM_LIFE, HassJob(forget, cancel_on_shutdown=True))
