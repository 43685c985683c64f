"""The small checks behind script/test and script/lint."""

from pathlib import Path

import pytest

from script import check_coverage, check_json

INTEGRATION = "custom_components/fleet_upgrade"


def report(**percents: float) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """Return a coverage report with these modules of the integration."""
    return {
        "files": {
            f"{INTEGRATION}/{name}.py": {"summary": {"percent_covered": percent}}
            for name, percent in percents.items()
        }
    }


def test_covered_modules_are_not_complained_about() -> None:
    """Lines and branches that cannot be reached are given a little room."""
    assert check_coverage.shortfalls(report(config_flow=100, sensor=95.1)) == []


def test_each_module_has_to_be_covered_by_itself() -> None:
    """A well tested module does not make up for another one."""
    assert check_coverage.shortfalls(report(config_flow=100, event=95, sensor=100)) == [
        f"{INTEGRATION}/event.py: 95.0 %, has to be over 95 %"
    ]


def test_the_form_has_to_be_covered_completely() -> None:
    """Each of its errors has to end in a created entry."""
    assert check_coverage.shortfalls(report(config_flow=99.9, sensor=100)) == [
        f"{INTEGRATION}/config_flow.py: 99.9 %, has to be 100 %"
    ]
    assert check_coverage.shortfalls(report(sensor=100)) == [
        f"{INTEGRATION}/config_flow.py: not measured"
    ]


def test_other_code_is_measured_but_not_judged() -> None:
    """The simulator is as good as the tests that use it."""
    measured = report(config_flow=100)
    measured["files"]["simulator/tls.py"] = {"summary": {"percent_covered": 10}}

    assert check_coverage.shortfalls(measured) == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"a": 1, "b": {"a": 2}}', ""),
        ('{"a": 1, "b": 2, "a": 3}', "said twice: a"),
        ('{"a": 1,}', "Illegal trailing comma"),
    ],
)
def test_json_files_parse_and_say_everything_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, complaint: str
) -> None:
    """A second key of the same name would silently replace the first."""
    path = tmp_path / "file.json"
    path.write_text(text)

    assert check_json.main([str(path)]) == (1 if complaint else 0)

    assert complaint in capsys.readouterr().err
