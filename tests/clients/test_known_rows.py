"""A row that came in the poll before is not read again."""

from contextlib import suppress
import json

import msgspec

from custom_components.fleet_upgrade.clients.answers import decoded
from custom_components.fleet_upgrade.clients.errors import MalformedError
from custom_components.fleet_upgrade.clients.known_rows import KnownRows


class Row(msgspec.Struct):
    """A row of the tests."""

    name: str


class Reader:
    """Reads rows, and says how often it had to."""

    def __init__(self) -> None:
        """Begin."""
        self.times = 0
        self.rows = KnownRows(self._read)

    def _read(self, row: msgspec.Raw) -> Row:
        self.times += 1
        return decoded(row, Row)

    def read(self, content: object) -> Row:
        """Read a row outside of any poll."""
        return self.rows.read(msgspec.Raw(json.dumps(content).encode()))

    def poll(self, content: object) -> Row:
        """Read a row in a poll of its own."""
        with self.rows.poll():
            return self.read(content)


def test_a_row_that_came_in_each_poll_is_the_same_object() -> None:
    """It was read once."""
    reader = Reader()
    first = reader.poll({"name": "north"})
    assert all(reader.poll({"name": "north"}) is first for _ in range(3))
    assert reader.times == 1


def test_what_has_not_come_in_the_last_poll_is_forgotten() -> None:
    """So that what is remembered does not grow."""
    reader = Reader()
    first = reader.poll({"name": "north"})
    assert reader.poll({"name": "south"}).name == "south"
    again = reader.poll({"name": "north"})
    assert again == first
    assert again is not first


def test_a_poll_that_fails_forgets_nothing() -> None:
    """The next one knows what the one before it knew."""
    reader = Reader()
    first = reader.poll({"name": "north"})
    with suppress(MalformedError):
        reader.poll({})
    assert reader.poll({"name": "north"}) is first
