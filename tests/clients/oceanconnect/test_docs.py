"""docs/oceanconnect.md says what the code does, and names tests that there are."""

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

from ..documents import Document, message, names_tests
from .test_codes import CALLS, EXPECTED, SIGN_IN

DOCUMENT = Document("oceanconnect.md")
GATEWAY = {TOKEN_REFUSED: "session_taken", THROTTLED: "throttled"}
KNOWN = {*ADVICE, *AUTHENTICATION, *FAULTS, *GATEWAY}


def statuses(code: str) -> set[int]:
    """Return the HTTP statuses with which a code is tried."""
    refusals = [code for call in CALLS.values() for code in call.refuses]
    refusals += [*SIGN_IN, codes.INTERNAL, codes.TOKEN_INVALID, codes.THROTTLED]
    return {refusal.status for refusal in refusals if refusal.code == code}


def test_each_known_code_stands_in_the_tables_once() -> None:
    """And the tables hold no code that the client does not know."""
    documented = [code.strip("`") for code, *_ in DOCUMENT.rows("Code")]
    assert sorted(documented) == sorted(KNOWN)


def test_each_known_code_is_tried_on_a_call() -> None:
    """A code that nobody refuses with shows nothing."""
    assert EXPECTED.keys() == KNOWN - GATEWAY.keys()
    assert [code for code in KNOWN if not statuses(code)] == []


@pytest.mark.parametrize(
    "row", DOCUMENT.rows("Code"), ids=lambda row: row[0].strip("`")
)
def test_a_code_comes_with_its_status_its_message_and_its_tests(row: list[str]) -> None:
    """What the table says is what a person reads and what the tests show."""
    code, status, condition, told, shown_by = row
    code = code.strip("`")
    key = GATEWAY.get(code) or EXPECTED[code][1]
    assert {int(each) for each in status.split(", ")} == statuses(code)
    assert condition.endswith(".")
    assert told == message(key)
    assert names_tests(shown_by)


def test_the_message_about_a_lost_answer_is_the_one_that_is_quoted() -> None:
    """The same for every write."""
    assert DOCUMENT.quotes(message(AmbiguousError.key))


def test_each_test_that_is_named_is_there() -> None:
    """A renamed test is renamed in the document too."""
    assert DOCUMENT.missing_tests(Path(__file__).parent) == set()


def test_each_call_that_is_named_is_one_of_the_platforms() -> None:
    """The simulator has the paths from Huawei's own clients."""

    def plain(path: str) -> str:
        return re.sub(r"\{\w+\}", "{}", path)

    named = [
        (method, plain(path.strip("`"))) for method, path, *_ in DOCUMENT.rows("Method")
    ]
    served = {(method, plain(path)) for method, path, _ in ROUTES}
    assert len(named) == len(set(named))
    assert set(named) <= served
    for name, call in CALLS.items():
        assert any(
            method == call.method and call.path.rstrip("/") in path
            for method, path in named
        ), name
