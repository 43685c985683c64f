"""The actions of Fleet Upgrade, registered for all accounts at once."""

from collections import defaultdict

from homeassistant.core import HomeAssistant, SupportsResponse, callback
from homeassistant.helpers import service

from . import action_queries as queries
from .action_changes import CHANGE_ACTIONS, async_change, change_schema
from .action_create import async_create
from .action_failures import GET_FAILURE_REPORT_SCHEMA, async_get_failure_report
from .action_journal import GET_JOURNAL_SCHEMA, async_get_journal
from .action_retries import async_retry_failed_devices, retry_schema
from .action_schema import create_schema
from .clients.platform import CreateAction
from .clients.registry import PLATFORMS
from .const import DOMAIN

QUERIES = {
    "get_device_groups": (
        queries.async_get_device_groups,
        queries.GET_DEVICE_GROUPS_SCHEMA,
    ),
    "get_devices": (queries.async_get_devices, queries.GET_DEVICES_SCHEMA),
    "get_failure_report": (async_get_failure_report, GET_FAILURE_REPORT_SCHEMA),
    "get_journal": (async_get_journal, GET_JOURNAL_SCHEMA),
    "get_packages": (queries.async_get_packages, queries.GET_PACKAGES_SCHEMA),
    "get_subtasks": (queries.async_get_subtasks, queries.GET_SUBTASKS_SCHEMA),
    "get_upgrade_task": (
        queries.async_get_upgrade_task,
        queries.GET_UPGRADE_TASK_SCHEMA,
    ),
    "get_upgrade_tasks": (
        queries.async_get_upgrade_tasks,
        queries.GET_UPGRADE_TASKS_SCHEMA,
    ),
}


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions: what writes is for administrators only."""
    create_actions: defaultdict[str, list[CreateAction]] = defaultdict(list)
    for platform in PLATFORMS.values():
        for action in platform.create_actions:
            create_actions[action.name].append(action)
    for name, actions in create_actions.items():
        service.async_register_admin_service(
            hass,
            DOMAIN,
            name,
            async_create,
            create_schema(actions),
            SupportsResponse.OPTIONAL,
        )
    service.async_register_admin_service(
        hass,
        DOMAIN,
        "retry_failed_devices",
        async_retry_failed_devices,
        retry_schema(
            action for actions in create_actions.values() for action in actions
        ),
        SupportsResponse.OPTIONAL,
    )
    for name, kind in CHANGE_ACTIONS.items():
        service.async_register_admin_service(
            hass,
            DOMAIN,
            name,
            async_change,
            change_schema(kind),
            SupportsResponse.OPTIONAL,
        )
    for name, (handler, schema) in QUERIES.items():
        hass.services.async_register(
            DOMAIN, name, handler, schema, SupportsResponse.ONLY
        )
