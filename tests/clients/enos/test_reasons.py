"""What the progress and the text of a failed OTA task mean."""

import pytest

from custom_components.fleet_upgrade.clients.causes import Cause
from custom_components.fleet_upgrade.clients.enos.jobs import OtaTaskRow
from custom_components.fleet_upgrade.clients.enos.reasons import CAUSES, cause_of
from simulator.enos.engine import CANCELLED, TIMED_OUT

from ..documents import Document


@pytest.mark.parametrize(
    ("progress", "text", "cause"),
    [
        (-1, "Failed to upgrade firmware", Cause.INSTALL_FAILED),
        (-2, None, Cause.DOWNLOAD_FAILED),
        (-2, "Timeout while downloading", Cause.DOWNLOAD_FAILED),
        (-3, "bad signature", Cause.CHECK_FAILED),
        (-4, "", Cause.WRITE_FAILED),
        (-5, "Battery too low", Cause.DEVICE_SPECIFIC),
        (-7, None, Cause.DEVICE_SPECIFIC),
        (0, CANCELLED, Cause.CANCELED),
        (40, CANCELLED.upper(), Cause.CANCELED),
        (-1, TIMED_OUT, Cause.TIME_LIMIT),
        (60, TIMED_OUT, Cause.TIME_LIMIT),
        (None, "Moon in the way", None),
        (None, None, None),
    ],
)
def test_why_a_device_failed(
    progress: int | None, text: str | None, cause: Cause | None
) -> None:
    """By the step at which it failed, unless the platform ended it."""
    assert cause_of(progress, text) is cause


@pytest.mark.parametrize(
    ("status", "cause"), [("failed", Cause.CHECK_FAILED), ("upgrading", None)]
)
def test_only_a_failed_subtask_has_a_cause(status: str, cause: Cause | None) -> None:
    """A number below 0 means something there only."""
    row = OtaTaskRow(task_id="one", device_key="inv1", status=status, progress=-3)
    assert row.value().cause is cause


def test_the_document_has_the_same_table() -> None:
    """Number by number, and what the platform itself ends."""
    told = {
        said.strip("`"): cause.strip("`")
        for said, cause in Document("enos.md").rows("`progress`, or `desc` holds")
    }
    assert told == {
        **{str(number): cause.value for number, cause in CAUSES.items()},
        "below -4": "device_specific",
        "Cancelled by user": "canceled",
        "timeout": "time_limit",
    }
