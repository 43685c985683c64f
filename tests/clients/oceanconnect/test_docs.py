"""docs/oceanconnect.md says what the code does, and names tests that there are."""

import ast
from collections.abc import Iterator
import json
from pathlib import Path
import re

import pytest

from custom_components.fleet_upgrade.clients.errors import AmbiguousError
from custom_components.fleet_upgrade.clients.oceanconnect.codes import (
    ADVICE,
    AUTHENTICATION,
    FAULTS,
    THROTTLED,
    TOKEN_REFUSED,
)
from simulator.oceanconnect import codes
from simulator.oceanconnect.northbound import ROUTES

from .test_codes import CALLS, EXPECTED, SIGN_IN

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs" / "oceanconnect.md").read_text(encoding="utf-8")
TEXTS = json.loads(
    (
        ROOT / "custom_components" / "fleet_upgrade" / "translations" / "en.json"
    ).read_text(encoding="utf-8")
)
GATEWAY = {TOKEN_REFUSED: "session_taken", THROTTLED: "throttled"}
KNOWN = {*ADVICE, *AUTHENTICATION, *FAULTS, *GATEWAY}


def rows(heading: str) -> Iterator[list[str]]:
    """Yield the rows of all tables whose first column has this heading."""
    for table in re.findall(
        rf"^\| {heading} \|.*\n\|[-|]+\n((?:\|.*\n)+)", DOCUMENT, re.MULTILINE
    ):
        for line in table.splitlines():
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def message(key: str) -> str:
    """Return what a person reads about an error."""
    text: str = TEXTS["exceptions"][key]["message"]
    return text


def statuses(code: str) -> set[int]:
    """Return the HTTP statuses with which a code is tried."""
    refusals = [code for call in CALLS.values() for code in call.refuses]
    refusals += [*SIGN_IN, codes.INTERNAL, codes.TOKEN_INVALID, codes.THROTTLED]
    return {refusal.status for refusal in refusals if refusal.code == code}


def names_of_tests(path: Path) -> set[str]:
    """Return the names of a file's tests."""
    return {
        node.name
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    }


def test_each_known_code_stands_in_the_tables_once() -> None:
    """And the tables hold no code that the client does not know."""
    documented = [code.strip("`") for code, *_ in rows("Code")]
    assert sorted(documented) == sorted(KNOWN)


def test_each_known_code_is_tried_on_a_call() -> None:
    """A code that nobody refuses with shows nothing."""
    assert EXPECTED.keys() == KNOWN - GATEWAY.keys()
    assert [code for code in KNOWN if not statuses(code)] == []


@pytest.mark.parametrize("row", rows("Code"), ids=lambda row: row[0].strip("`"))
def test_a_code_comes_with_its_status_its_message_and_its_tests(row: list[str]) -> None:
    """What the table says is what a person reads and what the tests show."""
    code, status, condition, told, shown_by = row
    code = code.strip("`")
    key = GATEWAY.get(code) or EXPECTED[code][1]
    assert {int(each) for each in status.split(", ")} == statuses(code)
    assert condition.endswith(".")
    assert told == message(key)
    assert re.findall(r"`(\w+\.py::\w+)`", shown_by)


def test_the_message_about_a_lost_answer_is_the_one_that_is_quoted() -> None:
    """The same for every write."""
    quoted = re.sub(r"\s+", " ", DOCUMENT)
    assert f'"{message(AmbiguousError.key)}"' in quoted


def test_each_test_that_is_named_is_there() -> None:
    """A renamed test is renamed in the document too."""
    named = set(re.findall(r"(\w+\.py)::(\w+)", DOCUMENT))
    assert named
    folder = Path(__file__).parent
    assert {
        f"{file}::{name}"
        for file, name in named
        if not (folder / file).is_file() or name not in names_of_tests(folder / file)
    } == set()


def test_each_call_that_is_named_is_one_of_the_platforms() -> None:
    """The simulator has the paths from Huawei's own clients."""

    def plain(path: str) -> str:
        return re.sub(r"\{\w+\}", "{}", path)

    named = [(method, plain(path.strip("`"))) for method, path, *_ in rows("Method")]
    served = {(method, plain(path)) for method, path, _ in ROUTES}
    assert len(named) == len(set(named))
    assert set(named) <= served
    for name, call in CALLS.items():
        assert any(
            method == call.method and call.path.rstrip("/") in path
            for method, path in named
        ), name
