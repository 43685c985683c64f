"""What OceanConnect says when an upgrade failed on a device, and what it means.

Source: the errors of software and firmware upgrades in the platform's FAQ (OTA
upgrades) and in "Firmware Upgrade". That `detailInfo` holds exactly these texts is
documented nowhere, so a text that holds one of them will do.
"""

from ..causes import Cause

CAUSES = {
    "Device Abnormal is not online": Cause.NOT_ONLINE,
    "Task Conflict": Cause.TASK_CONFLICT,
    "Waiting for the device online timeout": Cause.ONLINE_TIMEOUT,
    "Waiting for report cellId timeout": Cause.CELL_TIMEOUT,
    "Waiting for report device firmware version timeout": Cause.VERSION_TIMEOUT,
    "Waiting for device start download package timeout": Cause.DOWNLOAD_TIMEOUT,
    "Waiting for device downloaded package timeout": Cause.DOWNLOAD_TIMEOUT,
    "Waiting for device start to update timeout": Cause.INSTALL_TIMEOUT,
    "Wait for the device to report upgrade result timeout": Cause.RESULT_TIMEOUT,
    "Updating timeout and query device version for check timeout": (
        Cause.RESULT_TIMEOUT
    ),
    "Integrity check failure for new downloaded package": Cause.CHECK_FAILED,
    "Unsupported package type": Cause.PACKAGE_TYPE,
    "Not enough storage for the new firmware package": Cause.STORAGE,
    "Out of memory during downloading process": Cause.MEMORY,
    "Connection lost during downloading process": Cause.CONNECTION_LOST,
    "Invalid URI": Cause.PACKAGE_ADDRESS,
    "Firmware update failed": Cause.INSTALL_FAILED,
}
"""The causes by the platform's texts."""

_CAUSES = {text.casefold(): cause for text, cause in CAUSES.items()}


def cause_of(text: str | None) -> Cause | None:
    """Return what the reason of a failed subtask means, where that is documented."""
    said = " ".join((text or "").casefold().split())
    for known, cause in _CAUSES.items():
        if known in said:
            return cause
    return None
