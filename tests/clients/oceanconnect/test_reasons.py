"""What each documented reason of a failed subtask means."""

import pytest

from custom_components.fleet_upgrade.clients.causes import Cause
from custom_components.fleet_upgrade.clients.oceanconnect.reasons import (
    CAUSES,
    cause_of,
)
from custom_components.fleet_upgrade.clients.oceanconnect.tasks import SubtaskRow
from simulator.oceanconnect import causes

from ..documents import Document


@pytest.mark.parametrize("text", CAUSES)
def test_each_documented_reason_has_its_cause(text: str) -> None:
    """Whatever its case and its blanks, and with more around it."""
    cause = CAUSES[text]
    assert cause_of(text) is cause
    assert cause_of(text.upper()) is cause
    assert cause_of(f"5: {text.replace(' ', '  ')} (meter-17)") is cause


def test_what_is_not_documented_has_none() -> None:
    """It is told as it is."""
    for text in (None, "", "Moon in the way", "timeout"):
        assert cause_of(text) is None


def test_the_reasons_of_the_simulated_devices_are_documented() -> None:
    """It words them as the platform does."""
    for flaw in causes.FLAWS:
        assert cause_of(flaw.cause) is not None


@pytest.mark.parametrize(
    ("status", "cause"),
    [("fail", Cause.TASK_CONFLICT), ("processing", None), ("stop", None)],
)
def test_only_a_failed_subtask_has_a_cause(status: str, cause: Cause | None) -> None:
    """What the platform says of others is no failure."""
    row = SubtaskRow(
        sub_operation_id="one",
        device_id="meter-1",
        status=status,
        detail_info="Task Conflict",
    )
    assert row.value().cause is cause


def test_the_document_has_the_same_table() -> None:
    """Text by text."""
    told = {
        text.strip("`"): cause.strip("`")
        for text, cause in Document("oceanconnect.md").rows("`detailInfo` holds")
    }
    assert told == {text: cause.value for text, cause in CAUSES.items()}
