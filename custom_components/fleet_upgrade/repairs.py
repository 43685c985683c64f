"""The ways out of the issues that Fleet Upgrade raises."""

from homeassistant.components.repairs import (
    ConfirmRepairFlow,
    RepairsFlow,
    RepairsFlowResult,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
)
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .clients.errors import PlatformError
from .clients.model import UpgradeTask
from .const import DOMAIN
from .coordinator import FleetCoordinator
from .issues import UNSETTLED
from .journal_news import ATTR_ENTRY_ID

CONF_TASK = "task"


class UnsettledCreateFlow(RepairsFlow):
    """Asks whether a creation whose answer was lost was done."""

    def __init__(self, data: dict[str, str]) -> None:
        """Ask about the journal entry that the issue names."""
        self._account_id = data["config_entry_id"]
        self._entry_id = data[ATTR_ENTRY_ID]

    @property
    def _coordinator(self) -> FleetCoordinator | None:
        for entry in self.hass.config_entries.async_loaded_entries(DOMAIN):
            if entry.entry_id == self._account_id:
                coordinator: FleetCoordinator = entry.runtime_data
                return coordinator
        return None

    async def async_step_init(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Offer the two answers."""
        if self._coordinator is None:
            return self.async_abort(reason="account_not_loaded")
        return self.async_show_menu(menu_options=["exists", "does_not_exist"])

    async def async_step_exists(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Ask which task it became."""
        if (coordinator := self._coordinator) is None:
            return self.async_abort(reason="account_not_loaded")
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                task = await coordinator.client.get_task(user_input[CONF_TASK].strip())
            except PlatformError as err:
                errors[CONF_TASK] = err.key
            else:
                await coordinator.async_answer_unsettled(self._entry_id, task)
                return self.async_create_entry(data={})
        return self.async_show_form(
            step_id="exists",
            data_schema=vol.Schema(
                {
                    vol.Required(CONF_TASK): SelectSelector(
                        SelectSelectorConfig(
                            options=[
                                SelectOptionDict(value=task.task_id, label=_label(task))
                                for task in coordinator.creator.candidates_among_known(
                                    self._entry_id
                                )
                            ],
                            custom_value=True,
                        )
                    )
                }
            ),
            errors=errors,
        )

    async def async_step_does_not_exist(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Ask once more before the way is free for sending it again."""
        if (coordinator := self._coordinator) is None:
            return self.async_abort(reason="account_not_loaded")
        if user_input is None:
            return self.async_show_form(step_id="does_not_exist")
        await coordinator.async_answer_unsettled(self._entry_id, None)
        return self.async_create_entry(data={})


def _label(task: UpgradeTask) -> str:
    created = task.created and dt_util.as_local(task.created)
    parts = (f"{created:%Y-%m-%d %H:%M:%S}" if created else None, task.version)
    return " ".join((task.task_id, *(part for part in parts if part)))


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, str] | None
) -> RepairsFlow:
    """Return the way out of an issue."""
    if issue_id.startswith(UNSETTLED) and data is not None:
        return UnsettledCreateFlow(data)
    return ConfirmRepairFlow()
