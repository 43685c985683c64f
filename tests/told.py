"""Takes down all that Home Assistant tells anyone, to find what it must not tell."""

from base64 import b64encode
from collections.abc import Iterable, Iterator
import json
import logging
from typing import Any, override
from urllib.parse import quote, quote_plus

from homeassistant.const import MATCH_ALL
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import slugify

BUS = "homeassistant.core"
"""Logs at debug level each event, an action's call as its caller made it included."""


class Told(logging.Handler):
    """What was told, and where; its own log is that of Home Assistant alone."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Listen to the log and to events from now on."""
        super().__init__(logging.DEBUG)
        self.texts: list[tuple[str, str]] = []
        self._hass = hass
        hass.bus.async_listen(MATCH_ALL, self._hear)

    def add(self, where: str, what: object) -> None:
        """Take something down."""
        if not isinstance(what, str):
            what = json.dumps(what, default=repr, ensure_ascii=False)
        self.texts.append((where, what))

    def add_error(self, where: str, err: BaseException) -> None:
        """Take an error down: its text, what fills it, and what it came from."""
        cause: BaseException | None = err
        while cause is not None:
            self.add(where, f"{cause} {cause!r} {vars(cause)}")
            cause = cause.__cause__ or cause.__context__

    @callback
    def look(self) -> None:
        """Take down what can be looked up: states and issues."""
        self.add("states", [state.as_dict() for state in self._hass.states.async_all()])
        self.add("issues", list(ir.async_get(self._hass).issues.values()))

    @callback
    def _hear(self, event: Event) -> None:
        self.add(f"event {event.event_type}", event.as_dict())

    @override
    def emit(self, record: logging.LogRecord) -> None:
        thread = record.threadName or ""
        if not (thread.endswith("-simulator") or record.name.startswith("pytest")):
            self.texts.append((f"log {record.name}", self.format(record)))

    def where(
        self, marks: Iterable[str], places: tuple[str, ...] = ("",)
    ) -> Iterator[tuple[str, str, str]]:
        """Yield where a mark was told, which one, and how."""
        texts = [each for each in self.texts if each[0].startswith(places)]
        everything = "\n".join(text for _, text in texts)
        for mark in marks:
            for form in _forms(mark):
                if form in everything:
                    for where, text in texts:
                        before, found, after = text.partition(form)
                        if found:
                            yield where, mark, f"{before[-90:]}{found}{after[:90]}"


def _forms(mark: str) -> set[str]:
    """Return a mark as it may be written."""
    return {
        mark,
        quote(mark),
        quote(mark, safe=""),
        quote_plus(mark),
        b64encode(mark.encode()).decode(),
        json.dumps(mark)[1:-1],
        json.dumps(mark, ensure_ascii=False)[1:-1],
        repr(mark)[1:-1],
        slugify(mark),
    }


def lines_of(pem: str) -> list[str]:
    """Return the marks of a file in PEM: its lines but the first and the last."""
    return [line for line in pem.splitlines() if line and "-----" not in line]


def all_texts(value: Any) -> Iterator[str]:
    """Yield the texts in a value of plain JSON."""
    match value:
        case str():
            yield value
        case dict():
            for each in value.values():
                yield from all_texts(each)
        case list():
            for each in value:
                yield from all_texts(each)
