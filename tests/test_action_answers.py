"""What actions answer."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
import json

from homeassistant.core import HomeAssistant
import pytest

from custom_components.fleet_upgrade.action_answers import MAX_ROWS, collect, plain
from custom_components.fleet_upgrade.clients.model import (
    Device,
    Execution,
    Page,
    Policy,
    StatusCounts,
    Targets,
    TaskStatus,
    UpgradeKind,
    UpgradeTask,
)


class Listing:
    """A listing of devices in pages, which counts how many are read."""

    def __init__(self, *pages: Page[Device]) -> None:
        """Hold pages."""
        self.pages = pages
        self.read = 0

    async def __aiter__(self) -> AsyncIterator[Page[Device]]:
        """Read page by page."""
        for page in self.pages:
            self.read += 1
            yield page


def page(*device_ids: str, total: int | None = None) -> Page[Device]:
    """Return a page of devices."""
    return Page(
        items=tuple(Device(device_id=device_id) for device_id in device_ids),
        total=total,
    )


async def collected(
    *listings: Listing, limit: int = MAX_ROWS
) -> tuple[list[str], int | None]:
    """Collect the IDs of devices from listings."""
    rows, total = await collect(
        (aiter(listing) for listing in listings), lambda row: row.device_id, limit
    )
    return [row.device_id for row in rows], total


async def test_a_task_is_told_in_common_words_and_local_times(
    hass: HomeAssistant,
) -> None:
    """Every key is there, whether its value is known or not."""
    await hass.config.async_set_time_zone("Europe/Berlin")
    task = UpgradeTask(
        task_id="task-1",
        kind=UpgradeKind.FIRMWARE,
        status=TaskStatus.PROCESSING,
        created=datetime(2026, 11, 20, 10, 15, tzinfo=UTC),
        counts=StatusCounts(total=5, waiting=0),
        targets=Targets(device_groups=("north", "south")),
        policy=Policy(
            execution=Execution.CUSTOM,
            start=datetime(2027, 7, 1, 20, 0, tzinfo=UTC),
            retries=2,
        ),
    )
    answer = plain(task)
    assert answer == {
        "task_id": "task-1",
        "kind": "firmware",
        "status": "processing",
        "name": None,
        "package_id": None,
        "version": None,
        "created": "2026-11-20T11:15:00+01:00",
        "started": None,
        "ended": None,
        "counts": {
            "total": 5,
            "waiting": 0,
            "processing": None,
            "succeeded": None,
            "failed": None,
            "stopped": None,
            "timed_out": None,
        },
        "targets": {
            "device_groups": ["north", "south"],
            "devices": [],
            "device_type": None,
            "model": None,
            "manufacturer": None,
            "product": None,
            "asset_ids": [],
            "asset_trees": {},
            "attributes": {},
            "tags": {},
            "all_devices": False,
            "from_versions": [],
        },
        "policy": {
            "execution": "custom",
            "start": "2027-07-01T22:00:00+02:00",
            "end": None,
            "repeat_daily": False,
            "retries": 2,
            "retry_interval": None,
            "time_limit": None,
            "concurrency": None,
            "is_verification": False,
            "is_incremental": False,
            "device_request": False,
        },
    }
    assert json.loads(json.dumps(answer)) == answer


async def test_rows_come_from_all_pages() -> None:
    """In the order of the platform, with its count."""
    listing = Listing(page("a", "b", total=3), page("c", total=3))
    assert await collected(listing) == (["a", "b", "c"], 3)


async def test_no_page_is_read_that_is_not_needed() -> None:
    """Each costs a call; the total says that there is more."""
    listing = Listing(page("a", "b", total=6), page("c", "d", total=6), page("e", "f"))
    assert await collected(listing, limit=3) == (["a", "b", "c"], 6)
    assert listing.read == 2


async def test_each_listing_is_counted_though_the_rows_are_complete() -> None:
    """The total is that of all that was asked for."""
    waiting = Listing(page("a", "b", total=2))
    processing = Listing(page("c", total=40), page("d", total=40))
    assert await collected(waiting, processing, limit=2) == (["a", "b"], 42)
    assert processing.read == 1


async def test_a_row_that_moved_meanwhile_comes_once() -> None:
    """As it was read last, in its first place."""
    rows, total = await collect(
        [
            aiter(
                Listing(
                    Page(items=(Device(device_id="a", status="OFFLINE"),)),
                    Page(items=(Device(device_id="b"),)),
                    Page(items=(Device(device_id="a", status="ONLINE"),)),
                )
            )
        ],
        lambda row: row.device_id,
    )
    assert [(row.device_id, row.status) for row in rows] == [
        ("a", "ONLINE"),
        ("b", None),
    ]
    assert total == 2


@pytest.mark.parametrize(("limit", "total"), [(2, None), (4, 3)])
async def test_where_the_platform_does_not_count_all_has_to_be_read(
    limit: int, total: int | None
) -> None:
    """Otherwise the total is unknown, not wrong."""
    listing = Listing(page("a", "b"), page("c"))
    assert (await collected(listing, limit=limit))[1] == total


async def test_one_unknown_count_makes_the_total_unknown() -> None:
    """A sum without it would be too low."""
    first = Listing(page("a", "b"), page("c"))
    second = Listing(page("d", total=1))
    assert await collected(first, second, limit=2) == (["a", "b"], None)


async def test_nothing_is_an_answer() -> None:
    """An empty fleet is no error."""
    assert await collected(Listing(page(total=0))) == ([], 0)
