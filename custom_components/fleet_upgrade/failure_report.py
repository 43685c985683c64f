"""Why an upgrade failed on which devices: counted by reason, and as a text to read.

What a platform says stays text in Markdown, whatever it holds.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
import re

from .clients.causes import Cause
from .clients.model import Subtask, Value
from .markdown import escaped

MOST_CHARACTERS = 200
"""Of a reason, in the text to read."""

_LONG_ID = re.compile(r"\b(?=[a-f-]*\d)[0-9a-f][0-9a-f-]{7,}\b", re.IGNORECASE)

type Word = Callable[..., str]
"""Returns a text of the user's language by its key, with placeholders filled in."""


class FailureReason(Value, frozen=True):
    """Devices on which an upgrade failed for the same reason.

    ``reason`` is what the platform says, without what differs between the devices;
    ``meaning`` and ``advice`` are in the user's language.
    """

    reason: str | None
    cause: Cause | None
    meaning: str
    advice: str
    count: int
    devices: tuple[str, ...]


def by_reason(failed: Iterable[Subtask], word: Word) -> list[FailureReason]:
    """Return the reasons of failed subtasks, the most frequent one first."""
    groups: defaultdict[tuple[str, str], list[tuple[str, Subtask]]] = defaultdict(list)
    for subtask in failed:
        core = _core(subtask)
        groups[subtask.cause or "", core.casefold()].append((core, subtask))
    reasons = [_reason(group, word) for group in groups.values()]
    return sorted(reasons, key=lambda each: (-each.count, each.reason or ""))


def _reason(group: Sequence[tuple[str, Subtask]], word: Word) -> FailureReason:
    core, first = group[0]
    said = {_one_line(subtask.reason) for _, subtask in group}
    reason = (said.pop() if len(said) == 1 else core) or None
    if first.cause is not None:
        meaning, advice = word(f"cause_{first.cause}"), word(f"advice_{first.cause}")
    elif reason is not None:
        meaning, advice = reason, word("advice_other")
    else:
        meaning, advice = word("cause_none"), word("advice_other")
    # A device can fail in several tasks of a batch, but only once in each.
    devices = tuple(dict.fromkeys(subtask.device_id for _, subtask in group))
    return FailureReason(
        reason=reason,
        cause=first.cause,
        meaning=meaning,
        advice=advice,
        count=len(devices),
        devices=devices,
    )


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def _core(subtask: Subtask) -> str:
    """Return a reason without IDs, and without the numbers that it ends with."""
    whole = _one_line(subtask.reason)
    device = rf"(?<!\w){re.escape(subtask.device_id)}(?!\w)"
    text = re.sub(device, "", whole, flags=re.IGNORECASE)
    words = _LONG_ID.sub("", text).split()
    while len(words) > 1 and (
        re.search(r"\d", words[-1]) or not re.search(r"\w", words[-1])
    ):
        words.pop()
    return " ".join(words).rstrip(" :;,.=#([<\"'-") or whole


def as_markdown(
    reasons: Iterable[FailureReason], word: Word, *, left_out: int, most_devices: int
) -> str:
    """Return the reasons as Markdown, each with so many of its devices at most.

    ``left_out`` devices failed that no reason counts.
    """
    lines = [
        line for reason in reasons for line in _paragraph(reason, word, most_devices)
    ]
    if left_out:
        lines.append(f"- {word('report_rest', count=str(left_out))}")
    return "\n".join(lines) or word("report_none")


def _paragraph(reason: FailureReason, word: Word, most_devices: int) -> tuple[str, ...]:
    said = reason.reason or reason.meaning
    if len(said) > MOST_CHARACTERS:
        said = f"{said[: MOST_CHARACTERS - 1]}…"
    meaning = "" if reason.cause is None else f"{reason.meaning} "
    lines = [f"- **{reason.count} × {escaped(said)}**", f"  {meaning}{reason.advice}"]
    named = [escaped(device) for device in reason.devices[:most_devices]]
    if named and (more := reason.count - len(named)):
        named.append(word("report_more", count=str(more)))
    if named:
        lines.append("  " + word("report_devices", devices=", ".join(named)))
    return tuple(lines)
