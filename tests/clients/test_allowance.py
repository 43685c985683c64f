"""How far listings are read when only some calls are left."""

from collections.abc import AsyncIterator

import pytest

from custom_components.fleet_upgrade.clients.allowance import Allowance, Listed
from custom_components.fleet_upgrade.clients.model import Page


class Listing:
    """A listing of numbers, two on a page, that counts its calls."""

    def __init__(self, size: int, *, is_counted: bool) -> None:
        """Have so many numbers."""
        self.size = size
        self.is_counted = is_counted
        self.calls = 0

    async def pages(self) -> AsyncIterator[Page[int]]:
        """List them, the first page also when there is none."""
        for start in range(0, max(self.size, 1), 2):
            self.calls += 1
            yield Page(
                items=tuple(range(self.size))[start : start + 2],
                total=self.size if self.is_counted else None,
            )


@pytest.mark.parametrize("is_counted", [True, False])
@pytest.mark.parametrize("size", [0, 1, 2, 3, 5])
async def test_a_listing_within_reach_is_read_to_its_end(
    size: int, is_counted: bool
) -> None:
    """And no call is counted that was not made."""
    listing = Listing(size, is_counted=is_counted)
    allowance = Allowance(4)
    assert await allowance.read(listing.pages()) == Listed(
        items=tuple(range(size)), total=size, is_whole=True
    )
    assert allowance.left == 4 - listing.calls


async def test_the_last_call_may_reach_the_end() -> None:
    """If the total says that it is the end."""
    assert (await Allowance(2).read(Listing(4, is_counted=True).pages())).is_whole
    assert not (await Allowance(2).read(Listing(4, is_counted=False).pages())).is_whole


async def test_what_is_out_of_reach_costs_one_call() -> None:
    """The first page tells how many there are."""
    listing = Listing(100, is_counted=True)
    allowance = Allowance(10)
    listed = await allowance.read(listing.pages())
    assert (listed.total, listed.is_whole) == (100, False)
    assert (allowance.left, listing.calls) == (9, 1)


async def test_without_a_total_no_call_is_made_beyond_the_last() -> None:
    """Nobody knows whether there is more."""
    listing = Listing(100, is_counted=False)
    allowance = Allowance(3)
    listed = await allowance.read(listing.pages())
    assert (listed.total, listed.is_whole) == (None, False)
    assert (allowance.left, listing.calls) == (0, 3)
    assert await allowance.read(listing.pages()) == Listed()
    assert listing.calls == 3
