"""Which of two versions is older, where they are written in the same way."""

from itertools import zip_longest
import re

_NUMBERED = re.compile(r"v?(\d+(?:\.\d+)*)(.*)", re.IGNORECASE)
"""What most versions begin with, and the rest."""

_BEFORE_RELEASE = re.compile(r"[-._~]?(?:dev|alpha|a|beta|b|pre|rc)[-.]?\d*")
"""What marks a version as older than the same without it."""

_FIRST_YEAR = 1970
_LONGEST = 100


def is_older(one: str, other: str) -> bool:
    """Whether a version is older than another; not so where they do not compare.

    Numbers count from left to right, a missing one is 0. Other letters have no order:
    they have to be the same around the numbers up to the one that decides.
    """
    if len(one) > _LONGEST or len(other) > _LONGEST:
        return False
    one, other = one.strip().casefold(), other.strip().casefold()
    first, second = _NUMBERED.fullmatch(one), _NUMBERED.fullmatch(other)
    if first is None or second is None:
        return _rest_is_older(one, other)
    numbers, others = _numbers(first[1]), _numbers(second[1])
    if not _is_same_way(numbers, others):
        return False
    for number, beside in zip_longest(numbers, others, fillvalue=0):
        if number != beside:
            return number < beside
    return _rest_is_older(first[2], second[2])


def _is_same_way(numbers: list[int], others: list[int]) -> bool:
    """Whether neither is a build's number or a date beside a version that is none."""
    if len(numbers) == 1 or len(others) == 1:
        return len(numbers) == len(others)
    return (numbers[0] >= _FIRST_YEAR) == (others[0] >= _FIRST_YEAR)


def _rest_is_older(one: str, other: str) -> bool:
    """Compare what is not numbers alone: the letters have to be the same."""
    if re.split(r"\d+", one) == re.split(r"\d+", other):
        return _numbers(one) < _numbers(other)
    return not other and _BEFORE_RELEASE.fullmatch(one) is not None


def _numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]
