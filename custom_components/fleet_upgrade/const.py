"""Names shared by the modules of Fleet Upgrade."""

from datetime import timedelta
import logging
from typing import Final

DOMAIN: Final = "fleet_upgrade"
LOGGER: Final = logging.getLogger(__package__)

CONF_PLATFORM: Final = "platform"
"""Key of the platform in an entry's data; the others are the platform's own fields."""

CONF_RETENTION_DAYS: Final = "retention_days"
DEFAULT_RETENTION_DAYS: Final = 7

CONF_GUARD_MINUTES: Final = "guard_minutes"
"""Minutes within which the same creation is refused."""
DEFAULT_GUARD_MINUTES: Final = 10

CONF_STALL_HOURS: Final = "stall_hours"
"""Hours without a change of any count after which a task is stalled."""
DEFAULT_STALL_HOURS: Final = 26

CONF_FAILING_SHARE: Final = "failing_share"
"""Percentage of failed devices above which a task is failing."""
DEFAULT_FAILING_SHARE: Final = 5

CONF_FAILING_MINIMUM: Final = "failing_minimum"
"""Devices that must have ended before a task can be failing."""
DEFAULT_FAILING_MINIMUM: Final = 20

CONF_READ_ONLY: Final = "read_only"
"""Whether every write of the account is refused; not so by default."""

CONF_PUSH_ADDRESS: Final = "push_address"
"""Address that the platform reaches Home Assistant at; push is off without one."""

SUBENTRY_PLAN: Final = "plan"
"""Type of the config subentries that are upgrade plans."""

ACTIVE_INTERVAL: Final = timedelta(seconds=60)
IDLE_INTERVAL: Final = timedelta(minutes=5)
MAX_INTERVAL: Final = timedelta(hours=1)

MAX_TASK_DEVICES: Final = 50
"""Upgrade tasks with a device of their own, per account."""

STORE_DELAY: Final = 300
"""Seconds that counts may stay unwritten; what has been told is written before."""

TASK_EVENT_KEY: Final = "upgrade_task"
"""Key of the event entity that tells what happens to an account's tasks."""
