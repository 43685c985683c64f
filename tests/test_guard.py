"""Which upgrades would be for the same devices."""

from typing import Any

import pytest

from custom_components.fleet_upgrade.clients.errors import InvalidFieldError
from custom_components.fleet_upgrade.clients.model import (
    CreateRequest,
    PreparedCreate,
    Targets,
    UpgradeKind,
)
from custom_components.fleet_upgrade.guard import overlap, refuse_busy_targets

from .tiny_platform import TinyFleet, make_task


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ({"device_groups": ("a", "b")}, {"device_groups": ("b", "c")}, ["b"]),
        ({"devices": ("a",)}, {"devices": ("a", "b")}, ["a"]),
        ({"device_groups": ("a",)}, {"devices": ("a",)}, []),
        ({"asset_ids": ("x", "y")}, {"asset_ids": ("y",)}, ["y"]),
        ({"asset_trees": {"t": ()}}, {"asset_trees": {"t": ("n",)}}, ["t"]),
        ({"asset_trees": {"t": ("n",)}}, {"asset_trees": {"t": ("n", "m")}}, ["t"]),
        ({"asset_trees": {"t": ("n",)}}, {"asset_trees": {"t": ("m",)}}, []),
        ({"asset_trees": {"t": ()}}, {"asset_trees": {"u": ()}}, []),
        ({"tags": {"site": ("a",)}}, {"tags": {"site": ("a", "b")}}, ["site=a"]),
        ({"tags": {"site": ("a",)}}, {"tags": {"site": ("b",)}}, []),
        ({"tags": {"site": ("a",)}}, {"tags": {"row": ("a",)}}, []),
        (
            {"attributes": {"power": (5,)}},
            {"attributes": {"power": ("5",)}},
            ["power=5"],
        ),
        (
            {"attributes": {"power": (5,), "phase": (1,)}},
            {"attributes": {"power": (5,), "phase": (2,)}},
            [],
        ),
        (
            {"device_groups": ("a",), "from_versions": ("1",)},
            {"device_groups": ("a",), "from_versions": ("2",)},
            [],
        ),
        (
            {"device_groups": ("a",), "from_versions": ("1",)},
            {"device_groups": ("a",)},
            ["a"],
        ),
    ],
)
def test_what_both_choose_is_shared(
    one: dict[str, Any], other: dict[str, Any], shared: list[str]
) -> None:
    """Whichever was there first; versions and values that exclude each other do so."""
    assert overlap(Targets(**one), Targets(**other)) == shared
    assert overlap(Targets(**other), Targets(**one)) == shared


@pytest.mark.parametrize(
    ("one", "other", "package", "refused"),
    [
        ({"all_devices": True, "from_versions": ("1",)}, {}, "pkg-1", True),
        ({"all_devices": True, "from_versions": ("1",)}, {}, "pkg-2", False),
        (
            {"all_devices": True, "from_versions": ("1", "2")},
            {"all_devices": True, "from_versions": ("2",)},
            "pkg-1",
            True,
        ),
        (
            {"all_devices": True, "from_versions": ("1",)},
            {"from_versions": ("3",)},
            "pkg-1",
            False,
        ),
    ],
)
async def test_all_devices_on_a_version_are_those_of_every_task_of_the_package(
    one: dict[str, Any], other: dict[str, Any], package: str, refused: bool
) -> None:
    """What another package installs may be for other products."""
    theirs = make_task(
        "theirs",
        package_id=package,
        targets=Targets(**({"device_groups": ("a",)} | other)),
    )
    prepared = PreparedCreate(
        request=CreateRequest(
            kind=UpgradeKind.FIRMWARE, package_id="pkg-1", targets=Targets(**one)
        ),
        method="POST",
        path="/",
        body={},
    )
    check = refuse_busy_targets(TinyFleet(), prepared, {"theirs": theirs}, [theirs])
    if not refused:
        await check
        return
    with pytest.raises(InvalidFieldError) as raised:
        await check
    assert raised.value.key == "targets_busy"
