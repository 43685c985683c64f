"""Reasons counted and told: as data, and as Markdown that no platform can break."""

from msgspec import structs
import pytest

from custom_components.fleet_upgrade.clients.causes import Cause
from custom_components.fleet_upgrade.clients.model import Subtask, TaskStatus
from custom_components.fleet_upgrade.failure_report import as_markdown, by_reason
from custom_components.fleet_upgrade.markdown import escaped

from .translations import english


def word(key: str, **placeholders: str) -> str:
    """Return an English text."""
    return english()[f"common.{key}"].format_map(placeholders)


def failed(*reasons: str | None, cause: Cause | None = None) -> list[Subtask]:
    """Return subtasks that failed for these reasons, on meter-1, meter-2 and so on."""
    return [
        Subtask(
            subtask_id=f"{number}",
            device_id=f"meter-{number}",
            status=TaskStatus.FAILED,
            reason=reason,
            cause=cause,
        )
        for number, reason in enumerate(reasons, 1)
    ]


@pytest.mark.parametrize(
    ("reasons", "told"),
    [
        (["Flash worn out"] * 3, "Flash worn out"),
        (["Flash worn out", "FLASH  worn out"], "Flash worn out"),
        (["No route 17", "No route 4", "No route"], "No route"),
        (["Lost (code: 0x1F)", "Lost (code: 0x2A)"], "Lost (code"),
        (["Busy at 12:30:01", "Busy at 12:31:07 !"], "Busy at"),
        (["meter-1 refused it", "METER-2 refused it"], "refused it"),
        (
            ["Job 5ee1a91029b990001b9c188e gone", "Job 5ee1a910-29b9-9000 gone"],
            "Job gone",
        ),
        (["Battery low on meter-1"], "Battery low on meter-1"),
        ([None, None, ""], None),
    ],
)
def test_the_same_reason_is_one_whatever_differs_between_devices(
    reasons: list[str | None], told: str | None
) -> None:
    """Case, blanks, IDs, and the numbers that it ends with."""
    [reason] = by_reason(failed(*reasons), word)
    assert reason.reason == told
    assert reason.count == len(reasons)
    assert reason.devices == tuple(f"meter-{n}" for n in range(1, len(reasons) + 1))


@pytest.mark.parametrize(
    "reasons",
    [
        ["E41", "E42"],
        ["Error 3 while writing", "Error 4 while writing"],
        ["No route to 10", "No power"],
        ["Lost", None],
    ],
)
def test_different_reasons_stay_apart(reasons: list[str]) -> None:
    """A code is a reason."""
    assert len(by_reason(failed(*reasons), word)) == 2


def test_one_text_with_two_causes_is_two_reasons() -> None:
    """The step at which a device failed says more than its text."""
    subtasks = [
        *failed("No space", cause=Cause.DOWNLOAD_FAILED),
        *failed("No space", cause=Cause.WRITE_FAILED),
    ]
    assert len(by_reason(subtasks, word)) == 2


def test_the_most_frequent_reason_comes_first() -> None:
    """It is what most can be done about."""
    reasons = by_reason(failed("Rare", "Often", "Also", "Often"), word)
    assert [(reason.reason, reason.count) for reason in reasons] == [
        ("Often", 2),
        ("Also", 1),
        ("Rare", 1),
    ]


def test_a_documented_cause_is_told_with_what_to_do() -> None:
    """In the user's words, beside the platform's."""
    [reason] = by_reason(failed("offline!", cause=Cause.NOT_ONLINE), word)
    assert reason.meaning == "The device was not online."
    assert reason.advice.startswith("Check its power")


def test_what_no_table_knows_is_told_in_the_platforms_words() -> None:
    """With advice that fits anything."""
    told, silent = by_reason(failed("Odd", None, "Odd"), word)
    assert (told.reason, told.cause, told.meaning) == ("Odd", None, "Odd")
    assert (silent.reason, silent.meaning) == (None, "The platform gives no reason.")
    assert told.advice == silent.advice == word("advice_other")


def markdown(*reasons: str | None, left_out: int = 0, most_devices: int = 10) -> str:
    """Return failures as Markdown."""
    return as_markdown(
        by_reason(failed(*reasons), word),
        word,
        left_out=left_out,
        most_devices=most_devices,
    )


def test_markdown_has_a_paragraph_for_each_reason() -> None:
    """With the devices, as many as wanted."""
    assert markdown("Odd", "Odd", None, "Odd", left_out=5, most_devices=2) == (
        "- **3 × Odd**\n"
        f"  {word('advice_other')}\n"
        "  Devices: meter-1, meter-2, and 1 more\n"
        "- **1 × The platform gives no reason.**\n"
        f"  {word('advice_other')}\n"
        "  Devices: meter-3\n"
        "- Failed devices that this list leaves out: 5"
    )
    assert "meter" not in markdown("Odd", most_devices=0)


def test_no_failure_is_told_too() -> None:
    """An empty notification says nothing."""
    assert markdown() == "No device failed."


def test_what_the_platform_says_stays_text() -> None:
    """Reasons and devices: nobody knows who calls them what."""
    nasty = "**x**\n\n<img src=x>"
    subtask = structs.replace(failed(nasty)[0], device_id=nasty)
    text = as_markdown(by_reason([subtask], word), word, left_out=0, most_devices=1)
    assert text.count(escaped(nasty)) == 2
    assert len(text.splitlines()) == 3


def test_a_reason_is_one_line_of_bounded_length() -> None:
    """What comes from a device ends neither the list nor the notification."""
    text = markdown("Line one\n\n# Line two\n" + "x" * 10_000)
    head = text.splitlines()[0]
    assert head.startswith("- **1 × Line one \\# Line two xxx")
    assert head.endswith("x…**")
    assert len(head) < 230
