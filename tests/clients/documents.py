"""Reading the documents about platforms, to hold them to what the code does."""

import ast
from collections.abc import Iterator, Mapping
import json
from operator import add, floordiv, mul, sub
from pathlib import Path
import re
from typing import override

ROOT = Path(__file__).parents[2]
_TEXTS = json.loads(
    (
        ROOT / "custom_components" / "fleet_upgrade" / "translations" / "en.json"
    ).read_text(encoding="utf-8")
)
_OPERATORS = {ast.Add: add, ast.Sub: sub, ast.Mult: mul, ast.FloorDiv: floordiv}


class Document:
    """A document in ``docs/``."""

    def __init__(self, name: str) -> None:
        """Read it."""
        self._name = name
        self.text = (ROOT / "docs" / name).read_text(encoding="utf-8")

    @override
    def __repr__(self) -> str:
        return self._name

    def rows(self, heading: str) -> Iterator[list[str]]:
        """Yield the rows of all tables whose first column has this heading."""
        for table in re.findall(
            rf"^\| {heading} \|.*\n\|[-|]+\n((?:\|.*\n)+)", self.text, re.MULTILINE
        ):
            for line in table.splitlines():
                yield [cell.strip() for cell in line.strip("|").split(" | ")]

    def quotes(self, text: str) -> bool:
        """Whether it has a text in quotation marks, wherever its lines break."""
        return f'"{text}"' in re.sub(r"\s+", " ", self.text)

    def missing_tests(self, folder: Path) -> set[str]:
        """Return the tests that it names and that are not in a folder's files.

        It has to name some.
        """
        named = set(re.findall(r"(\w+\.py)::(\w+)", self.text))
        assert named
        return {
            f"{file}::{name}"
            for file, name in named
            if not (folder / file).is_file()
            or name not in _names_of_tests(folder / file)
        }

    def formula(self) -> str:
        """Return the only formula, an indented line of its own."""
        [formula] = re.findall(r"^    (1 \+ .*)$", self.text, re.MULTILINE)
        return str(formula)


def names_tests(cell: str) -> bool:
    """Whether a cell of a table names a test."""
    return re.search(r"`\w+\.py::\w+`", cell) is not None


def message(key: str) -> str:
    """Return what a person reads about an error."""
    text: str = _TEXTS["exceptions"][key]["message"]
    return text


def calculate(formula: str, terms: Mapping[str, int]) -> int:
    """Return the value of a formula of whole numbers."""
    return _value(ast.parse(formula, mode="eval").body, terms)


def _value(node: ast.expr, terms: Mapping[str, int]) -> int:
    match node:
        case ast.Constant(value=int(number)):
            return number
        case ast.Name(id=name):
            return terms[name]
        case ast.BinOp(left=left, op=op, right=right):
            result: int = _OPERATORS[type(op)](
                _value(left, terms), _value(right, terms)
            )
            return result
    raise ValueError(ast.unparse(node))


def _names_of_tests(path: Path) -> set[str]:
    return {
        node.name
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    }
