"""What is measured in a soak, and which of it must not grow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean

FLAT = 0.02
"""By how much the memory in use may grow after the warm-up."""

NEARLY_FLAT = 0.05
"""The same of what is resident, which depends on what lies beside what."""

SLACK = {"tasks": 1, "timers": 2, "sockets": 2, "devices": 0, "entities": 0}
"""By how much else may differ: something is always just under way."""

type Sample = Mapping[str, int]


@dataclass(slots=True)
class Figures:
    """The measurements of a soak."""

    memory: list[float] = field(default_factory=list)
    """Bytes that are in use, while it is busy."""
    warm: Sample = field(default_factory=dict)
    """The least that there was of each, in the calm after the warm-up."""
    end: Sample = field(default_factory=dict)
    """The same in the calm at the end."""
    polls: int = 0
    """Calls that the platforms received."""
    faults: int = 0
    events: int = 0
    actions: int = 0
    reloads: int = 0
    throttled: int = 0
    """Calls that a platform refused because there were too many."""
    worst_minute: int = 0
    """The most calls of an application that a platform counted within a minute."""
    wrong: list[str] = field(default_factory=list)
    """What was shown in the calm, and is not so on the platform."""
    errors: list[str] = field(default_factory=list)
    """The last line of each stack trace in the log."""

    @property
    def growth(self) -> float:
        """By how much memory grew, from the calm after the warm-up to that at the end."""
        return self.end["memory"] / self.warm["memory"] - 1

    @property
    def resident_growth(self) -> float:
        """By how much the resident memory grew, in the same time."""
        return self.end["resident"] / self.warm["resident"] - 1

    @property
    def busy_growth(self) -> float:
        """By how much memory grew while it was busy, first fifth to last fifth."""
        fifth = max(1, len(self.memory) // 5)
        return mean(self.memory[-fifth:]) / mean(self.memory[:fifth]) - 1

    def missed(self) -> list[str]:
        """Return the goals that were missed."""
        missed = []
        if self.growth > FLAT:
            missed.append(f"memory in use grew by {self.growth:.1%}")
        if self.resident_growth > NEARLY_FLAT:
            missed.append(f"resident memory grew by {self.resident_growth:.1%}")
        missed += [
            f"{key}: {self.warm[key]} before, {self.end[key]} after"
            for key, slack in SLACK.items()
            if self.end[key] > self.warm[key] + slack
        ]
        if self.throttled:
            missed.append(f"{self.throttled} calls were throttled")
        return missed + self.wrong + self.errors[:3]

    def table(self) -> str:
        """Return the figures as a table for the documentation."""
        megabyte = 1024**2
        rows = [
            ("Calls to the platforms", f"{self.polls:,}", "", ""),
            ("Faults", f"{self.faults:,}", "", ""),
            ("Events on the platforms", f"{self.events:,}", "", ""),
            ("Actions of users", f"{self.actions:,}", "", ""),
            ("Accounts loaded anew", f"{self.reloads:,}", "", ""),
            ("Calls throttled", f"{self.throttled:,}", "", "none"),
            (
                "Most calls within a minute",
                f"{self.worst_minute:,}",
                "",
                "600, the platforms' limit",
            ),
            (
                "Memory in use, calm",
                f"{self.warm['memory'] / megabyte:.1f} MiB",
                f"{self.end['memory'] / megabyte:.1f} MiB ({self.growth:+.1%})",
                "+2 %",
            ),
            ("Memory in use, busy", "", f"{self.busy_growth:+.1%}", ""),
            (
                "Memory resident, calm",
                f"{self.warm['resident'] / megabyte:.1f} MiB",
                f"{self.end['resident'] / megabyte:.1f} MiB ({self.resident_growth:+.1%})",
                "+5 %",
            ),
            *(
                (key.capitalize(), str(self.warm[key]), str(self.end[key]), "no more")
                for key in SLACK
            ),
        ]
        lines = ["| | After warm-up | At the end | Goal |", "|---|---|---|---|"]
        lines += [f"| {' | '.join(row)} |" for row in rows]
        return "\n".join(lines)


def least(samples: Sequence[Sample]) -> Sample:
    """Return the least of each that was seen."""
    return {key: min(sample[key] for sample in samples) for key in samples[0]}
