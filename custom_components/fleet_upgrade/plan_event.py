"""Tells what happens to a plan of waves."""

from typing import Any, override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.core import callback

from .advice import how_to_stop, text_of
from .clients.platform import Capability
from .plan_entity import WAVES, PlanEntity
from .waves import Run, RunEvent, StopReason

PLAN_EVENT = EventEntityDescription(
    key=f"{WAVES}_event",
    translation_key="plan_waves",
    event_types=[event.value for event in RunEvent],
)


class PlanEvent(PlanEntity, EventEntity):
    """What happened last to a plan of waves.

    It stays available: coming back would look as if its last event were new.
    """

    @property
    @override
    def available(self) -> bool:
        return True

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        plans = self.coordinator.plans
        self.async_on_remove(plans.waves.async_listen(self.plan.plan_id, self._tell))

    @callback
    def _tell(self, run: Run, event: RunEvent, wave: int) -> None:
        plans = self.coordinator.plans
        share = plans.share_succeeded(run, wave)
        attributes: dict[str, Any] = {
            "wave": wave + 1,
            "waves": len(run.targets),
            "task_id": plans.task_id(run, wave),
            "share_succeeded": None if share is None else round(share, 1),
        }
        if event is RunEvent.WAITING_FOR_APPROVAL:
            attributes["what_to_do"] = text_of(self.hass, "plan_approve")
        elif event is RunEvent.STOPPED:
            attributes |= {
                "reason": None if run.reason is None else run.reason.value,
                "why": self._why(run),
                "what_to_do": self._what_to_do(run),
            }
        self._trigger_event(event.value, attributes)
        self.async_write_ha_state()

    def _why(self, run: Run) -> str:
        """Say why a run was stopped."""
        return text_of(
            self.hass,
            f"plan_stopped_{run.reason}",
            wave=str(run.wave + 1),
            wanted=str(run.plan.wanted_share),
            minimum=str(run.plan.minimum),
            platform=self.coordinator.platform.name,
            detail=run.detail or "",
        )

    def _what_to_do(self, run: Run) -> str:
        """Say what becomes of the upgrade task, and what is left for a person."""
        platform = self.coordinator.platform
        texts = [text_of(self.hass, "plan_goes_no_further")]
        can_stop = Capability.STOP in platform.capabilities
        if run.to_stop and can_stop and self.coordinator.writer.is_read_only:
            texts.append(text_of(self.hass, "plan_task_goes_on"))
            texts.append(
                text_of(self.hass, "plan_task_read_only", platform=platform.name)
            )
        elif run.to_stop and can_stop:
            texts.append(text_of(self.hass, "plan_task_stopping"))
        elif run.to_stop:
            texts.append(text_of(self.hass, "plan_task_goes_on"))
            texts.append(how_to_stop(self.hass, platform))
        if run.reason is StopReason.SHARE_MISSED:
            texts.append(text_of(self.hass, "look_failing"))
        return " ".join(texts)
