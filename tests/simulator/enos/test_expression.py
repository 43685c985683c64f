"""The query language of searches."""

from collections.abc import Callable

import pytest

from simulator.enos.codes import Refusal
from simulator.enos.expression import Fields, field, parse
from simulator.enos.model import Text

type Row = dict[str, object]

FIELDS: Fields[Row] = {
    "key": field(lambda row: row.get("key"), "=", "!=", "in"),
    "verified": field(lambda row: row.get("verified"), "="),
    "name": field(lambda row: row.get("name"), "like"),
    "plain": field(lambda row: row.get("plain"), "like"),
    "tags.": field(lambda row: row.get("tags", {}), "=", "!=", "in", "exists"),
}
ROWS: list[Row] = [
    {"key": "a", "verified": True, "name": Text("Alpha", {"zh_CN": "甲"})},
    {"key": "b's", "verified": False, "tags": {"site": "north", "no-1/x": 5}},
    {"key": 'c"d\\', "name": Text("Gamma"), "tags": {"site": "south"}, "plain": "xyz"},
]


def found(text: str) -> list[int]:
    """Return the numbers of the rows that an expression asks for."""
    matches: Callable[[Row], bool] = parse(text, FIELDS)
    return [number for number, row in enumerate(ROWS) if matches(row)]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", [0, 1, 2]),
        ("  ", [0, 1, 2]),
        ("key = 'a'", [0]),
        ("key='a'", [0]),
        ('key  =   "a"  ', [0]),
        ("key != 'a'", [1, 2]),
        ("key in ('a','z')", [0]),
        ("""key in ( 'a' , "b's" )""", [0, 1]),
        ("verified = True", [0]),
        ("verified = false", [1]),
        ("name like 'lph'", [0]),
        ("name like '甲'", [0]),
        ("name.default like 'Gam'", [2]),
        ("name.defaultValue like 'a'", [0, 2]),
        ("name.zh_CN like '甲'", [0]),
        ("name.fr_FR like 'A'", []),
        ("plain like 'y'", [2]),
        ("plain.en_US like 'y'", []),
        ("tags.site = 'north'", [1]),
        ("tags.no-1/x = 5", [1]),
        ("tags.no-1/x in (4, 5)", [1]),
        ("tags.site in ('north','south')", [1, 2]),
        ("tags.site != 'north'", [0, 2]),
        ("exists(tags.site)", [1, 2]),
        ("not exists ( tags.site )", [0]),
        ("key = 'a' or tags.site = 'south'", [0, 2]),
        ("key = 'a' OR key = 'z' AND verified = true", [0]),
        ("(key = 'a' or exists(tags.site)) and tags.site = 'south'", [2]),
    ],
)
def test_it_asks_for_rows(text: str, rows: list[int]) -> None:
    """With the operators that the documents and the vendor's samples have."""
    assert found(text) == rows


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('key = "b\'s"', [1]),
        ("key = 'b''s'", [1]),
        ("key = 'c\"d\\'", [2]),
        ('key = "c""d\\"', [2]),
        ("key = 'a'' or key = ''b'", []),
    ],
)
def test_a_quote_can_be_a_part_of_a_value(text: str, rows: list[int]) -> None:
    """In quotes of the other kind, or doubled; a backslash means nothing."""
    assert found(text) == rows


@pytest.mark.parametrize(
    "text",
    [
        "key",
        "key =",
        "key 'a'",
        "key = 'a",
        "key = ,",
        "key ~ 'a'",
        "key > 'a'",
        "key = 'a' 'b'",
        "key = 'a' and",
        "key in 'a'",
        "key in ('a'",
        "key in ()",
        "(key = 'a'",
        "'key' = 'a'",
        "key like 'a'",
        "name = 'Alpha'",
        "verified != true",
        "size = 5",
        "key.part = 'a'",
        "exists key",
        "exists(key)",
        "not key = 'a'",
        "key = 'a'; drop",
        "key = 'b's'",
    ],
)
def test_what_it_is_not(text: str) -> None:
    """Each is an invalid argument."""
    with pytest.raises(Refusal) as caught:
        found(text)
    assert caught.value.code.code == 99400
    assert str(caught.value).startswith("Invalid Argument expression:expression ")
