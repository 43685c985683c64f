"""Device groups as people name them."""

from collections.abc import AsyncIterator

import pytest

from custom_components.fleet_upgrade.clients.errors import InvalidFieldError
from custom_components.fleet_upgrade.clients.groups import group_ids
from custom_components.fleet_upgrade.clients.model import DeviceGroup, Page

PAGES = [
    [("1", "north"), ("2", "south")],
    [("3", "south"), ("4", "1")],
    [("5", "west")],
]


class Listing:
    """A listing of device groups that counts its pages."""

    read = 0

    async def pages(self) -> AsyncIterator[Page[DeviceGroup]]:
        """List them."""
        for page in PAGES:
            self.read += 1
            yield Page(
                items=tuple(DeviceGroup(group_id=key, name=name) for key, name in page)
            )


@pytest.mark.parametrize(
    ("wanted", "ids", "read"),
    [
        (["1"], ("1",), 1),
        (["north"], ("1",), 3),
        (["west", "2", "5"], ("5", "2"), 3),
        (["2", "1", "2"], ("2", "1"), 1),
        ([], (), 1),
    ],
)
async def test_a_group_is_known_by_id_and_by_name(
    wanted: list[str], ids: tuple[str, ...], read: int
) -> None:
    """An ID goes first; each group comes once, in the order given."""
    listing = Listing()
    assert await group_ids("groups", wanted, listing.pages()) == ids
    assert listing.read == read


@pytest.mark.parametrize(
    ("wanted", "rule", "placeholders"),
    [
        ("east", "group_not_found", {"group": "east"}),
        ("south", "group_name_ambiguous", {"group": "south", "ids": "2, 3"}),
    ],
)
async def test_a_name_of_no_group_or_of_several_is_refused(
    wanted: str, rule: str, placeholders: dict[str, str]
) -> None:
    """With what to write instead."""
    with pytest.raises(InvalidFieldError) as err:
        await group_ids("groups", ["1", wanted], Listing().pages())
    assert err.value.key == rule
    assert err.value.placeholders == {"field": "groups", **placeholders}
