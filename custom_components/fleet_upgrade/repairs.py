"""The ways out of the issues that a dialog can lead out of."""

from homeassistant.components.repairs import (
    ConfirmRepairFlow,
    RepairsFlow,
    RepairsFlowResult,
)
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import AbortFlow
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
)
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .clients.errors import PlatformError
from .clients.model import UpgradeTask
from .coordinator import FleetConfigEntry, FleetCoordinator
from .issues import ACKNOWLEDGED
from .journal_news import ATTR_ENTRY_ID
from .repair_reconfigure import ReconfigureFlow
from .writes import CreateEntry

CONF_TASK = "task"


class UnsettledCreateFlow(RepairsFlow):
    """Asks whether a creation whose answer was lost was done."""

    def __init__(self, account_id: str, entry_id: str) -> None:
        """Ask about an entry in the journal of an account."""
        self._account_id = account_id
        self._entry_id = entry_id
        self._denied: set[str] = set()
        """Tasks of which the person was told, and that they still deny."""

    async def async_step_init(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Offer the two answers."""
        self._question()
        return self.async_show_menu(
            step_id="init",
            menu_options=["exists", "does_not_exist"],
            description_placeholders=self._placeholders,
        )

    async def async_step_exists(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Ask which task it became."""
        coordinator, entry = self._question()
        errors: dict[str, str] = {}
        placeholders = self._placeholders
        if user_input is not None:
            task_id = user_input[CONF_TASK].strip()
            try:
                task = await coordinator.client.get_task(task_id) if task_id else None
            except PlatformError as err:
                errors[CONF_TASK] = err.key
                placeholders |= err.placeholders
            else:
                coordinator, entry = self._question()
                if task is None:
                    errors[CONF_TASK] = "value_missing"
                elif _is_another(coordinator, entry, task):
                    errors[CONF_TASK] = "task_of_another"
                else:
                    await coordinator.writer.async_answer_unsettled(
                        self._entry_id, task
                    )
                    return self.async_create_entry(data={})
        candidates: list[UpgradeTask] = []
        if not errors:
            try:
                candidates = await coordinator.writer.creator.async_look(self._entry_id)
            except PlatformError as err:
                errors["base"] = err.key
                placeholders |= err.placeholders
            self._question()
        task_selector = SelectSelector(
            SelectSelectorConfig(
                options=[
                    SelectOptionDict(value=task.task_id, label=_label(task))
                    for task in candidates
                ],
                custom_value=True,
            )
        )
        return self.async_show_form(
            step_id="exists",
            data_schema=vol.Schema({vol.Required(CONF_TASK): task_selector}),
            errors=errors,
            description_placeholders=placeholders,
        )

    async def async_step_does_not_exist(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Ask once more before the way is free for sending it again."""
        coordinator, _ = self._question()
        errors: dict[str, str] = {}
        placeholders = self._placeholders
        if user_input is not None:
            # Whoever says so may have looked a while ago, or at another list.
            try:
                candidates = await coordinator.writer.creator.async_look(self._entry_id)
            except PlatformError as err:
                errors["base"] = err.key
                placeholders |= err.placeholders
            else:
                self._question()
                found = {task.task_id for task in candidates}
                if found <= self._denied:
                    await coordinator.writer.async_answer_unsettled(
                        self._entry_id, None
                    )
                    return self.async_create_entry(data={})
                self._denied = found
                errors["base"] = "candidates_exist"
        return self.async_show_form(
            step_id="does_not_exist",
            data_schema=vol.Schema({}),
            errors=errors,
            description_placeholders=placeholders,
        )

    def _question(self) -> tuple[FleetCoordinator, CreateEntry]:
        """Return what there is to be answered; ends the flow if it cannot be."""
        account: FleetConfigEntry | None = self.hass.config_entries.async_get_entry(
            self._account_id
        )
        if account is None or account.state is not ConfigEntryState.LOADED:
            raise AbortFlow("account_not_loaded")
        coordinator = account.runtime_data
        entry = coordinator.writer.journal.get(self._entry_id)
        if not isinstance(entry, CreateEntry) or not entry.is_open:
            raise AbortFlow("already_settled")
        return coordinator, entry

    @property
    def _placeholders(self) -> dict[str, str]:
        issue = ir.async_get(self.hass).async_get_issue(self.handler, self.issue_id)
        return dict((issue and issue.translation_placeholders) or {})


def _is_another(
    coordinator: FleetCoordinator, entry: CreateEntry, task: UpgradeTask
) -> bool:
    """Whether a task cannot be what a creation became, whoever says so.

    A task that differs in anything else may: platforms fill in what they like.
    """
    return task.kind is not entry.kind or any(
        each.task_id == task.task_id
        for each in coordinator.writer.journal.all_of(CreateEntry)
    )


def _label(task: UpgradeTask) -> str:
    created = task.created and dt_util.as_local(task.created)
    parts = (f"{created:%Y-%m-%d %H:%M:%S}" if created else None, task.version)
    return " ".join((task.task_id, *(part for part in parts if part)))


async def async_create_fix_flow(
    hass: HomeAssistant,
    issue_id: str,
    data: dict[str, str | int | float | None] | None,
) -> RepairsFlow:
    """Return the way out of an issue."""
    assert data is not None
    account_id = str(data[ATTR_CONFIG_ENTRY_ID])
    if issue_id.startswith(ACKNOWLEDGED):
        return ConfirmRepairFlow()
    if ATTR_ENTRY_ID in data:
        return UnsettledCreateFlow(account_id, str(data[ATTR_ENTRY_ID]))
    return ReconfigureFlow(account_id)
