"""Expressions: whatever a value holds, it stays one value."""

import pytest

from custom_components.fleet_upgrade.clients.enos.client import EnosClient
from custom_components.fleet_upgrade.clients.enos.expression import (
    all_of,
    contains,
    equals,
    is_true,
    one_of,
)
from custom_components.fleet_upgrade.clients.errors import InvalidFieldError
from simulator.enos import EnosSimulator

from .common import all_of as read_all


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (equals("jobId", "a"), "jobId = 'a'"),
        (one_of("jobId", ["a", "b"]), "jobId in ('a','b')"),
        (one_of("jobId", ["a"]), "jobId = 'a'"),
        (contains("name", "x y"), "name like 'x y'"),
        (is_true("isVerified", True), "isVerified = True"),
        (is_true("isVerified", False), "isVerified = False"),
        (all_of("a = '1'", None, "b = '2'"), "a = '1' and b = '2'"),
        (all_of("a = '1'"), "a = '1'"),
        (all_of(None), None),
        (equals("deviceKey", "O'Hara"), 'deviceKey = "O\'Hara"'),
        (equals("deviceKey", 'the "old" one'), "deviceKey = 'the \"old\" one'"),
        (one_of("deviceKey", ["a'b", 'c"d']), "deviceKey in (\"a'b\",'c\"d')"),
    ],
)
def test_a_condition_reads_as_the_platform_writes_it(
    expression: str | None, text: str | None
) -> None:
    """A quote in a value is kept in by the other kind of quotes."""
    assert expression == text


@pytest.mark.parametrize("value", ["both ' and \"", "back\\slash", "new\nline", "\0"])
def test_what_cannot_be_quoted_for_certain_is_refused(value: str) -> None:
    """How a quote is escaped is not documented, so nothing is."""
    with pytest.raises(InvalidFieldError) as err:
        equals("deviceKey", value)
    assert err.value.key == "value_not_searchable"
    assert err.value.field == "deviceKey"


def test_a_search_for_one_of_nothing_is_a_mistake_of_the_caller() -> None:
    """Without the condition, it would find everything."""
    with pytest.raises(ValueError, match="jobId"):
        one_of("jobId", [])


@pytest.mark.parametrize(
    "key", ["x' or deviceKey != 'x", 'x" or deviceKey != "x', "it's", 'a "b"']
)
async def test_a_key_with_a_quote_in_it_does_not_change_the_query(
    client: EnosClient, enos: EnosSimulator, key: str
) -> None:
    """It finds that device and no other."""
    assert await read_all(client.scopes.devices(device_key=key)) == []
    enos.add_device(key)
    found = await read_all(client.scopes.devices(device_key=key))
    assert [device.device_id for device in found] == [key]
