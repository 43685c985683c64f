"""Why a subtask ended, as Huawei's FAQ on upgrade errors words it (iot_faq_01001)."""

from .model import Flaw

NOT_ONLINE = "Device Abnormal is not online"
TASK_CONFLICT = "Task Conflict"
ONLINE_TIMEOUT = "Waiting for the device online timeout"
UPDATE_FAILED = "Firmware update failed"
ALREADY_CURRENT = "The current version is the same as the target version"

# Ends that the FAQ does not list.
DEVICE_GONE = "The device is not existed"
WINDOW_CLOSED = "The execution time has ended"
STOPPED = "The task is stopped"

_MINUTE = 60.0

FLAWS = (
    Flaw(
        "version",
        "Waiting for report device firmware version timeout",
        timeout=3 * _MINUTE,
    ),
    Flaw("cellId", "Waiting for report cellId timeout", timeout=3 * _MINUTE),
    Flaw(
        "downloading",
        "Waiting for device downloaded package timeout",
        timeout=60 * _MINUTE,
    ),
    # The FAQ gives no figures for the next two.
    Flaw(
        "updating",
        "Wait for the device to report upgrade result timeout",
        timeout=10 * _MINUTE,
    ),
    Flaw(
        "checking",
        "Updating timeout and query device version for check timeout",
        timeout=3 * _MINUTE,
    ),
    Flaw("downloaded", "Integrity check failure for new downloaded package"),
    Flaw("downloaded", "Unsupported package type"),
    Flaw("downloading", "Not enough storage for the new firmware package"),
    Flaw("downloading", "Out of memory during downloading process", attempts=1),
    Flaw("downloading", "Connection lost during downloading process", attempts=1),
    Flaw("downloading", "Invalid URI"),
    Flaw("updating", UPDATE_FAILED),
)
