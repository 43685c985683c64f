"""The action that says why an upgrade failed, and on which devices."""

from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse
from homeassistant.helpers.translation import async_get_cached_translations
import voluptuous as vol

from .action_answers import collect, plain
from .action_queries import LIMIT, limit_of, number_of
from .action_schema import integer
from .action_targets import TASK, async_get_task
from .clients.model import TaskStatus
from .const import DOMAIN
from .failure_report import Word, as_markdown, by_reason
from .failures import translated_failures

ATTR_MOST_DEVICES = "most_devices"
DEFAULT_MOST_DEVICES = 10

GET_FAILURE_REPORT_SCHEMA = vol.Schema(
    {
        **TASK,
        vol.Optional(ATTR_MOST_DEVICES, default=DEFAULT_MOST_DEVICES): integer,
        **LIMIT,
    }
)


async def async_get_failure_report(call: ServiceCall) -> ServiceResponse:
    """Return why an upgrade task failed on which devices, and what to do about it."""
    entry, task_id, task_ids = async_get_task(call)
    client = entry.runtime_data.client
    with translated_failures(call.hass, entry):
        most_devices = number_of(call, ATTR_MOST_DEVICES, 0)
        failed, total = await collect(
            (client.list_subtasks(each, status=TaskStatus.FAILED) for each in task_ids),
            lambda subtask: subtask.subtask_id,
            limit_of(call),
        )
    word = words(call.hass)
    reasons = by_reason(failed, word)
    return {
        "task_id": task_id,
        "reasons": plain(reasons),
        "markdown": as_markdown(
            reasons,
            word,
            left_out=0 if total is None else max(0, total - len(failed)),
            most_devices=most_devices,
        ),
        "total": total,
    }


def words(hass: HomeAssistant) -> Word:
    """Return what looks texts up in Home Assistant's language."""
    texts = async_get_cached_translations(hass, hass.config.language, "common", DOMAIN)

    def word(key: str, **placeholders: str) -> str:
        return texts.get(f"component.{DOMAIN}.common.{key}", key).format_map(
            placeholders
        )

    return word
