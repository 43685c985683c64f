"""JSON is read within limits, and a bad row costs nothing but itself."""

import json
import time

import msgspec
import pytest

from custom_components.fleet_upgrade.clients.answers import (
    MOST_ROWS,
    MOST_VALUES,
    decoded,
    rows_of,
)
from custom_components.fleet_upgrade.clients.enos.wire import (
    decode as decode_enos,
    page_of,
)
from custom_components.fleet_upgrade.clients.errors import MalformedError
from custom_components.fleet_upgrade.clients.oceanconnect.wire import decode_page
from custom_components.fleet_upgrade.clients.transport import LARGEST_ANSWER


class Row(msgspec.Struct):
    """A row of the tests."""

    name: str


def raw(*rows: object) -> list[msgspec.Raw]:
    """Return rows as they stand on a page."""
    return [msgspec.Raw(json.dumps(row).encode()) for row in rows]


def names(*rows: object) -> tuple[str, ...]:
    """Read the names on a page."""
    return rows_of(raw(*rows), Row, lambda row: row.name)


def test_bad_rows_are_told_in_one_line_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """However many there are, and however often they come."""
    for _ in range(3):
        assert names({"name": "north"}, *(500 * [{}]), {"name": "south"}) == (
            "north",
            "south",
        )
    [line] = caplog.messages
    assert line.startswith("Unusable rows on a page: 500; row 1: ")


def test_a_page_without_rows_has_no_values() -> None:
    """As `null`, too."""
    assert rows_of(None, Row, lambda row: row.name) == ()
    assert names() == ()


def test_an_answer_of_very_many_values_is_refused_before_it_is_read() -> None:
    """Sixteen megabytes of them would take seconds, and forty times their memory."""
    body = b'{"data":[' + b"0," * (LARGEST_ANSWER // 2) + b"0]}"
    began = time.process_time()
    with pytest.raises(MalformedError, match=f"more than {MOST_VALUES} values"):
        decoded(body, Row)
    assert time.process_time() - began < 1


def test_a_large_answer_of_few_values_is_read() -> None:
    """Its size alone is no reason."""
    name = "x" * 2 * MOST_VALUES
    assert decoded(json.dumps({"name": name}).encode(), Row) == Row(name)


@pytest.mark.parametrize(
    "read",
    [decode_page, lambda body: page_of(decode_enos(body))],
    ids=["OceanConnect", "EnOS"],
)
def test_a_page_with_more_rows_than_any_has_is_refused(
    read: object,
) -> None:
    """None asks for more than a thousand."""
    assert callable(read)

    def page(rows: int) -> bytes:
        return json.dumps({"code": 0, "data": rows * [{}]}).encode()

    read(page(MOST_ROWS))
    with pytest.raises(MalformedError, match=f"more than {MOST_ROWS} rows"):
        read(page(MOST_ROWS + 1))
