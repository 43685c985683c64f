"""Which of two versions is older."""

import pytest

from custom_components.fleet_upgrade.clients.versions import is_older


@pytest.mark.parametrize(
    ("older", "later"),
    [
        ("1.9", "1.10"),
        ("V9.2.0", "V10.1.0"),
        ("V1.9", "v1.10"),
        ("1.2", "1.2.1"),
        ("V1.3.1", "V2.0"),
        ("1.2.3.4", "1.2.3.5"),
        ("2.0", "3.0-beta.1"),
        ("1.2.3-rc1", "1.2.3"),
        ("1.2.3-rc1", "1.2.3-rc2"),
        ("1.2b9", "1.2b10"),
        ("2025.12.1", "2026.1.0"),
        ("20251201", "20260101"),
        ("V0149", "V0150"),
        ("99", "100"),
        ("V100R001C10", "V100R001C11"),
        ("V100R001C10", "V100R002C09"),
        ("V1.2.0.B009", "V1.2.0.B010"),
        ("meter-1.9", "meter-1.10"),
        (" 1.2 ", "1.3"),
    ],
)
def test_of_versions_written_in_the_same_way_one_is_older(
    older: str, later: str
) -> None:
    """By number, not by letter."""
    assert is_older(older, later)
    assert not is_older(later, older)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1.2", "1.2"),
        ("V1.2", "1.2.0"),
        ("1.2.3", "2026.1.0"),
        ("12", "1.13"),
        ("1.2", "1.2-hotfix"),
        ("1.2-a1b2", "1.2-rc1"),
        ("V100R001C10", "V100R001C10SPC200"),
        ("meter-1.9", "gate-1.10"),
        ("1.2", "stable"),
        ("dev", "beta"),
        ("1.2", ""),
        ("", ""),
        ("²", "3"),
        ("9" * 5000, "1" * 5000),
    ],
)
def test_of_others_none_is_older(one: str, other: str) -> None:
    """They are the same, or nobody can tell."""
    assert not is_older(one, other)
    assert not is_older(other, one)
