"""What EnOS says when an upgrade failed on a device, and what it means.

Source: `progress` and `desc` in "Search OTA Task" of the EnOS Connection Service API
documentation, and the vendor's samples. The text is the device's own or the cloud's;
the negative progress tells the step at which it failed.
"""

from ..causes import Cause

CAUSES = {
    -1: Cause.INSTALL_FAILED,
    -2: Cause.DOWNLOAD_FAILED,
    -3: Cause.CHECK_FAILED,
    -4: Cause.WRITE_FAILED,
}
"""The causes by the progress that a failed device reports; lower ones are its own."""

CANCELED = "cancelled by user"
TIMEOUT = "timeout"


def cause_of(progress: int | None, text: str | None) -> Cause | None:
    """Return why an OTA task failed, where that is documented."""
    said = (text or "").casefold()
    if CANCELED in said:
        return Cause.CANCELED
    number = progress or 0
    if TIMEOUT in said and number >= -1:
        return Cause.TIME_LIMIT
    return Cause.DEVICE_SPECIFIC if number < min(CAUSES) else CAUSES.get(number)
