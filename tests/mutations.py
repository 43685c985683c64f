"""Spoils the answers of a platform, each in another way, all from one seed."""

from collections.abc import Callable
import json
from random import Random
from typing import Any

type Json = Any

HUGE = 10**400
"""Beyond 64 bits, and beyond what a float holds."""

ODD_VALUES: tuple[Json, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    2**63,
    2**64,
    -(2**63),
    HUGE,
    "",
    "0",
    "nonsense",
    str(HUGE),
    "٣",
    "\ud800",
    "\x00",
    "<b>states",
    "x" * 100_000,
    "20260230T250000Z",
    "99991231T235959Z",
    [],
    [None],
    {},
    {"": ""},
    [[[[[[[[]]]]]]]],
)

ODD_NUMBERS = (
    b"1e400",
    b"-1e400",
    b"1e999999999",
    b"NaN",
    b"-Infinity",
    b"0x10",
    b"01",
)

ODD_BODIES = (
    b"",
    b" " * 1000,
    b"null",
    b"[]",
    b"{}",
    b"0",
    b'""',
    b"\x00",
    b"\xff\xfe{\x00}\x00",
    b"\xef\xbb\xbf{}",
    b"<html><body><h1>502 Bad Gateway</h1></body></html>",
    b"[" * 200_000,
    b'{"data":' * 100_000,
    b'{"data":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    b'{"data":[' + b"{}," * 5_000 + b"{}]}",
    b'{"data":[' + b"0," * 200_000 + b"0]}",
    b'{"code":0,"data":[' + b"{}," * 5_000 + b'{}],"totalCount":1}',
    b'{"code":0,"data":[],"pagination":{"totalSize":' + b"9" * 300 + b"}}",
)


class Mutations:
    """Spoils one body after the other."""

    def __init__(self, seed: int) -> None:
        """Make all choices from a seed."""
        self.count = 0
        """How many bodies were spoiled."""
        self.last = b""
        """What the last one became."""
        self._random = Random(seed)
        self._ways: tuple[Callable[[bytes], bytes], ...] = (
            self._cut,
            self._flip,
            self._repeat,
            self._leave_out,
            self._replace_body,
            self._odd_number,
            *(3 * (self._odd_value,)),
            *(2 * (self._drop_key,)),
            self._multiply_rows,
            self._swap,
        )

    def spoil(self, body: bytes) -> bytes:
        """Return a body that differs, most of the time."""
        self.count += 1
        self.last = self._random.choice(self._ways)(body)
        return self.last

    # In the bytes

    def _cut(self, body: bytes) -> bytes:
        return body[: self._place(body)]

    def _flip(self, body: bytes) -> bytes:
        spoiled = bytearray(body)
        for _ in range(self._random.choice((1, 1, 8)) if body else 0):
            spoiled[self._place(body)] = self._random.randrange(256)
        return bytes(spoiled)

    def _repeat(self, body: bytes) -> bytes:
        start, end = self._slice(body)
        return (
            body[:end]
            + body[start:end] * self._random.choice((1, 1, 1000))
            + body[end:]
        )

    def _leave_out(self, body: bytes) -> bytes:
        start, end = self._slice(body)
        return body[:start] + body[end:]

    def _replace_body(self, body: bytes) -> bytes:
        return self._random.choice(ODD_BODIES)

    # In what the bytes say

    def _odd_value(self, body: bytes) -> bytes:
        return self._changed(
            body,
            lambda holder, key: holder.__setitem__(
                key, self._random.choice(ODD_VALUES)
            ),
        )

    def _odd_number(self, body: bytes) -> bytes:
        mark = "c0ffee-c0ffee"
        changed = self._changed(body, lambda holder, key: holder.__setitem__(key, mark))
        return changed.replace(f'"{mark}"'.encode(), self._random.choice(ODD_NUMBERS))

    def _drop_key(self, body: bytes) -> bytes:
        return self._changed(body, lambda holder, key: holder.__delitem__(key))

    def _swap(self, body: bytes) -> bytes:
        def swap(holder: Json, key: Json) -> None:
            keys = (
                list(range(len(holder))) if isinstance(holder, list) else list(holder)
            )
            other = self._random.choice(keys)
            holder[key], holder[other] = holder[other], holder[key]

        return self._changed(body, swap)

    def _multiply_rows(self, body: bytes) -> bytes:
        def multiply(holder: Json, key: Json) -> None:
            if isinstance(holder, list):
                holder.extend([holder[key]] * self._random.choice((1, 10, 300)))

        return self._changed(body, multiply)

    def _changed(self, body: bytes, change: Callable[[Json, Json], None]) -> bytes:
        """Change the JSON somewhere; what is none is cut instead."""
        try:
            content = json.loads(body)
        except ValueError:
            return self._cut(body)
        places = list(_places(content))
        if not places:
            return self._replace_body(body)
        change(*self._random.choice(places))
        return json.dumps(content).encode("utf-8", "surrogatepass")

    def _place(self, body: bytes) -> int:
        return self._random.randrange(len(body)) if body else 0

    def _slice(self, body: bytes) -> tuple[int, int]:
        start = self._place(body)
        return start, start + self._random.randint(1, 200)


def _places(content: Json) -> list[tuple[Json, Json]]:
    """Return each place where there is a value: what holds it, and under which key."""
    found = []
    todo = [content]
    while todo:
        holder = todo.pop()
        if isinstance(holder, dict):
            keys: list[Json] = list(holder)
        elif isinstance(holder, list):
            keys = list(range(len(holder)))
        else:
            continue
        found += [(holder, key) for key in keys]
        todo += [holder[key] for key in keys]
    return found
