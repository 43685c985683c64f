"""The soak says what it measured, and which of its goals were missed."""

import json
from pathlib import Path
from typing import Any

import pytest

from soak.figures import Figures, least
from soak.home_assistant import PROBE, SoakedHomeAssistant
from soak.platforms import MOST_VISITORS, SoakEnos, SoakOceanConnect, SoakPlatform

SAMPLE = {
    "memory": 200 * 1024**2,
    "resident": 260 * 1024**2,
    "tasks": 5,
    "timers": 20,
    "sockets": 7,
    "devices": 15,
    "entities": 180,
}


def figures(**end: int) -> Figures:
    """Return the figures of a soak at whose end there was something else."""
    return Figures(memory=[1.0, 1.0], warm=SAMPLE, end=SAMPLE | end)


def test_a_soak_in_which_nothing_grew_met_its_goals() -> None:
    """And each figure is in the table."""
    assert figures().missed() == []
    assert figures(memory=203 * 1024**2, resident=270 * 1024**2).missed() == []
    table = figures(entities=179).table()
    assert "| Memory in use, calm | 200.0 MiB | 200.0 MiB (+0.0%) | +2 % |" in table
    assert "| Entities | 180 | 179 | no more |" in table


@pytest.mark.parametrize(
    ("end", "missed"),
    [
        ({"memory": 210 * 1024**2}, "memory in use grew by 5.0%"),
        ({"resident": 286 * 1024**2}, "resident memory grew by 10.0%"),
        ({"devices": 16}, "devices: 15 before, 16 after"),
        ({"tasks": 9}, "tasks: 5 before, 9 after"),
    ],
    ids=["memory in use", "resident memory", "devices", "tasks"],
)
def test_what_grew_is_told(end: dict[str, int], missed: str) -> None:
    """One by one."""
    assert figures(**end).missed() == [missed]


def test_what_was_wrong_is_told() -> None:
    """Throttled calls, tasks that are not shown, stack traces."""
    bad = figures()
    bad.throttled = 3
    bad.wrong = ["EnOS: 5 tasks shown of 6"]
    bad.errors = ["ValueError"]
    assert bad.missed() == ["3 calls were throttled", *bad.wrong, *bad.errors]


def test_of_several_samples_the_least_counts() -> None:
    """A poll may be under way in any of them."""
    samples = [SAMPLE, SAMPLE | {"tasks": 9}, SAMPLE | {"tasks": 4, "sockets": 8}]
    assert least(samples) == SAMPLE | {"tasks": 4}


@pytest.mark.usefixtures("socket_enabled")
@pytest.mark.parametrize("kind", ["OceanConnect", "EnOS"])
def test_a_platform_of_a_soak_is_busy_and_never_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """What is made is deleted again, and what stays comes to an end."""
    monkeypatch.setattr("soak.platforms.SETTLED_SECONDS", 0.0)
    platform: SoakPlatform[Any]
    platform = SoakEnos(1) if kind == "EnOS" else SoakOceanConnect(tmp_path, 1)
    try:
        platform.begin()
        stays = platform.task_ids()
        most = 0
        for _ in range(200):
            platform.tick()
            most = max(most, len(platform.task_ids()))
            platform.break_something(heavy=False)
        assert len(stays) < most <= len(stays) + MOST_VISITORS + 1
        assert len(platform.faults) == 200
        action, data = platform.creation()
        assert action.startswith("create_")
        assert data["package"]
        assert data["devices"]
        platform.calm()
        assert platform.task_ids() == stays
        assert not len(platform.faults)
    finally:
        platform.stop()


def test_the_probe_is_linked_beside_the_integration(tmp_path: Path) -> None:
    """And set up by the configuration."""
    folder = tmp_path / "home-assistant"
    SoakedHomeAssistant(folder, 8123).prepare()
    linked = folder / "custom_components" / "soak_probe"
    assert linked.resolve() == PROBE
    assert json.loads((linked / "manifest.json").read_text())["domain"] == linked.name
    assert "\nsoak_probe:\n" in (folder / "configuration.yaml").read_text()
