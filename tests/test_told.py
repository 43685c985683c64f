"""What looks for leaks finds them wherever they are, and however they are written."""

import logging

from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest

from custom_components.fleet_upgrade.const import DOMAIN

from .told import Told, all_texts, lines_of

MARK = 'a/b c+d"é'


@pytest.mark.parametrize(
    "written",
    [
        'a/b c+d"é',
        "a/b%20c%2Bd%22%C3%A9",
        "a%2Fb%20c%2Bd%22%C3%A9",
        "a%2Fb+c%2Bd%22%C3%A9",
        "YS9iIGMrZCLDqQ==",
        r"a/b c+d\"\u00e9",
        "a_b_c_d_e",
    ],
)
async def test_a_mark_is_found_in_whatever_form(
    hass: HomeAssistant, written: str
) -> None:
    """As it is, in an address, in a header, in JSON or in the name of an entity."""
    told = Told(hass)
    told.add("here", "nothing")
    told.add("there", f"before {written} after")
    assert list(told.where([MARK])) == [("there", MARK, f"before {written} after")]
    assert list(told.where([MARK], ("here",))) == []


async def test_a_mark_is_found_wherever_it_is_told(hass: HomeAssistant) -> None:
    """To a person, to an automation or to the log."""
    told = Told(hass)
    hass.states.async_set("sensor.one", "on", {"some": [MARK]})
    hass.bus.async_fire("something", {"some": {"thing": MARK}})
    ir.async_create_issue(
        hass,
        DOMAIN,
        "odd",
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key="session_contended",
        translation_placeholders={"account": MARK},
    )
    await hass.async_block_till_done()
    told.look()
    error = ValueError()
    error.__cause__ = KeyError(MARK)
    told.add_error("error", error)
    for thread in ("MainThread", "some-simulator"):
        record = logging.LogRecord("some", logging.DEBUG, "", 1, "%s", (MARK,), None)
        record.threadName = thread
        told.emit(record)
    record = logging.LogRecord(
        "other", logging.ERROR, "", 1, "", (), (ValueError, ValueError(MARK), None)
    )
    told.emit(record)
    assert {where for where, *_ in told.where([MARK])} == {
        "error",
        "event something",
        "event state_changed",
        "issues",
        "log other",
        "log some",
        "states",
    }
    assert [where for where, *_ in told.where([MARK])].count("log some") == 1


def test_the_marks_of_a_file_are_its_lines() -> None:
    """The first and the last are the same in all."""
    pem = "-----BEGIN KEY-----\nabc\ndef\n-----END KEY-----\n"
    assert lines_of(pem) == ["abc", "def"]


def test_all_texts_of_a_value_are_found() -> None:
    """However deep."""
    assert list(all_texts({"a": ["b", {"c": "d"}, 1], "e": "f"})) == ["b", "d", "f"]
