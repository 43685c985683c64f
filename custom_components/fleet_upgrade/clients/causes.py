"""Why the upgrade of a device failed, in words common to all platforms.

Each cause has two texts: what it means and what to do about it. What a platform says
is told apart in its own room.
"""

from enum import StrEnum


class Cause(StrEnum):
    """Why the upgrade of a device failed."""

    CANCELED = "canceled"
    CELL_TIMEOUT = "cell_timeout"
    CHECK_FAILED = "check_failed"
    CONNECTION_LOST = "connection_lost"
    DEVICE_SPECIFIC = "device_specific"
    DOWNLOAD_FAILED = "download_failed"
    DOWNLOAD_TIMEOUT = "download_timeout"
    INSTALL_FAILED = "install_failed"
    INSTALL_TIMEOUT = "install_timeout"
    MEMORY = "memory"
    NOT_ONLINE = "not_online"
    ONLINE_TIMEOUT = "online_timeout"
    PACKAGE_ADDRESS = "package_address"
    PACKAGE_TYPE = "package_type"
    RESULT_TIMEOUT = "result_timeout"
    STORAGE = "storage"
    TASK_CONFLICT = "task_conflict"
    TIME_LIMIT = "time_limit"
    VERSION_TIMEOUT = "version_timeout"
    WRITE_FAILED = "write_failed"
