"""The query language of searches: `a = 'x' and (b in ('y', 'z') or exists(tags.k))`.

Each search allows certain operators on certain fields only. How a quote within a
value is written is documented nowhere. Chosen: either kind of quotes may hold the
other kind, and its own kind doubled; a backslash is a character as any other.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
import re
from typing import Any, NamedTuple

from .codes import Refusal, invalid
from .model import Text

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
    | (?P<number>-?\d+(?:\.\d+)?(?![\w.]))
    | (?P<word>[A-Za-z_][\w./-]*)
    | (?P<sign>!=|=|\(|\)|,)
    )""",
    re.VERBOSE,
)

type Predicate[T] = Callable[[T], bool]
type Getter[T] = Callable[[T], object]


@dataclass(frozen=True, slots=True)
class Field[T]:
    """A field that a search knows."""

    get: Getter[T]
    operators: frozenset[str]


def field[T](get: Getter[T], *operators: str) -> Field[T]:
    """Return a field with the operators that the search allows on it."""
    return Field(get, frozenset(operators))


type Fields[T] = Mapping[str, Field[T]]
"""The fields of a search by their names. A name that ends in a dot is a map: what
follows the dot in an expression is its key."""

_TEXT_PARTS = ("defaultValue", "default")


class _Token(NamedTuple):
    kind: str
    value: str


def parse[T](text: str, fields: Fields[T]) -> Predicate[T]:
    """Return what an expression asks of a row; raises Refusal."""
    if not text.strip():
        return lambda _row: True
    parser = _Parser(_tokens(text), fields)
    predicate = parser.alternatives()
    if parser.peek is not None:
        raise _wrong(f"unexpected {parser.peek.value}")
    return predicate


def _wrong(why: str) -> Refusal:
    return invalid("expression", why)


def _tokens(text: str) -> list[_Token]:
    tokens = []
    at = 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _wrong(f"cannot be read at {text[at:].strip()[:20]}")
        kind = str(match.lastgroup)
        value = match[kind]
        if kind == "text":
            quote = value[0]
            value = value[1:-1].replace(quote * 2, quote)
        tokens.append(_Token(kind, value))
        at = match.end()
    return tokens


class _Parser[T]:
    """Reads tokens by recursive descent."""

    def __init__(self, tokens: list[_Token], fields: Fields[T]) -> None:
        self._tokens = tokens
        self._fields = fields
        self._at = 0

    @property
    def peek(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self) -> _Token:
        token = self.peek
        if token is None:
            raise _wrong("ends too early")
        self._at += 1
        return token

    def _is(self, value: str) -> bool:
        """Take a word or sign if it comes next."""
        token = self.peek
        if token is None or token.kind == "text" or token.value.lower() != value:
            return False
        self._at += 1
        return True

    def _expect(self, value: str) -> None:
        if not self._is(value):
            raise _wrong(f"lacks {value}")

    def alternatives(self) -> Predicate[T]:
        predicate = self._conditions()
        while self._is("or"):
            predicate = _either(predicate, self._conditions())
        return predicate

    def _conditions(self) -> Predicate[T]:
        predicate = self._condition()
        while self._is("and"):
            predicate = _both(predicate, self._condition())
        return predicate

    def _condition(self) -> Predicate[T]:
        if self._is("("):
            predicate = self.alternatives()
            self._expect(")")
            return predicate
        if self._is("not"):
            self._expect("exists")
            exists = self._exists()
            return lambda row: not exists(row)
        if self._is("exists"):
            return self._exists()
        return self._comparison()

    def _exists(self) -> Predicate[T]:
        self._expect("(")
        get = self._field(self._take(), "exists")
        self._expect(")")
        return lambda row: get(row) is not None

    def _comparison(self) -> Predicate[T]:
        name = self._take()
        operator = self._take().value.lower()
        if operator not in ("=", "!=", "in", "like"):
            raise _wrong(f"has no operator {operator}")
        get = self._field(name, operator)
        if operator == "in":
            self._expect("(")
            wanted = [self._value()]
            while self._is(","):
                wanted.append(self._value())
            self._expect(")")
            among = frozenset(wanted)
            return lambda row: _is_among(get(row), among)
        value = self._value()
        if operator == "like":
            return lambda row: _contains(get(row), value)
        if operator == "=":
            return lambda row: _same(get(row), value)
        return lambda row: not _same(get(row), value)

    def _value(self) -> str:
        token = self._take()
        if token.kind == "sign":
            raise _wrong(f"unexpected {token.value}")
        return token.value

    def _field(self, token: _Token, operator: str) -> Getter[T]:
        """Return what reads a field, if this operator is allowed on it."""
        if token.kind != "word":
            raise _wrong(f"unexpected {token.value}")
        name = token.value
        getter: Getter[T]
        part = ""
        if name in self._fields:
            found = self._fields[name]
            getter = found.get
        else:
            name, _, part = name.partition(".")
            if (entry := self._fields.get(f"{name}.")) is not None:
                found, getter = entry, _entry(entry.get, part)
            elif (entry := self._fields.get(name)) is not None and "like" in (
                entry.operators
            ):
                found, getter = entry, _language(entry.get, part)
            else:
                raise _wrong(f"has an unknown field {token.value}")
        if operator not in found.operators:
            raise _wrong(f"does not allow {operator} on {token.value}")
        return getter


def _both[T](one: Predicate[T], other: Predicate[T]) -> Predicate[T]:
    return lambda row: one(row) and other(row)


def _either[T](one: Predicate[T], other: Predicate[T]) -> Predicate[T]:
    return lambda row: one(row) or other(row)


def _entry[T](get: Getter[T], key: str) -> Getter[T]:
    def entry(row: T) -> object:
        values: Any = get(row)
        return values.get(key)

    return entry


def _language[T](get: Getter[T], part: str) -> Getter[T]:
    def language(row: T) -> object:
        text = get(row)
        if not isinstance(text, Text):
            return None
        return text.default if part in _TEXT_PARTS else text.translated.get(part)

    return language


def _same(own: object, wanted: str) -> bool:
    """Compare a value with what an expression says, where booleans are words."""
    if isinstance(own, bool):
        return str(own).lower() == wanted.lower()
    if isinstance(own, Text):
        return wanted in own.all()
    return own is not None and str(own) == wanted


def _is_among(own: object, wanted: frozenset[str]) -> bool:
    """Compare a value with several, which may be a thousand."""
    if isinstance(own, bool | Text):
        return any(_same(own, value) for value in wanted)
    return own is not None and str(own) in wanted


def _contains(own: object, wanted: str) -> bool:
    if isinstance(own, Text):
        return any(wanted in text for text in own.all())
    return isinstance(own, str) and wanted in own
