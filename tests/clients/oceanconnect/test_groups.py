"""Device groups: read, made, changed and deleted, and who is in them."""

import json

from msgspec import structs
import pytest

from custom_components.fleet_upgrade.clients.errors import (
    AmbiguousError,
    InvalidFieldError,
    MalformedError,
    NotFoundError,
    RejectedError,
)
from custom_components.fleet_upgrade.clients.oceanconnect.client import (
    OceanConnectClient,
)
from custom_components.fleet_upgrade.clients.oceanconnect.groups import (
    MOST_MEMBERS,
    GroupDetails,
)
from simulator.oceanconnect import Fault, FaultKind, OceanConnectSimulator, Quirks

from .common import all_of

GROUPS = "/devGroups"


def bodies(sim: OceanConnectSimulator, path: str, method: str) -> list[object]:
    """Return what was sent to a path."""
    return [
        json.loads(call.body)
        for call in sim.calls
        if path in call.path and call.method == method
    ]


async def members_of(client: OceanConnectClient, group_id: str) -> list[str]:
    """Return the IDs of a group's devices."""
    members = await all_of(client.list_devices(group=group_id))
    return [member.device_id for member in members]


async def test_all_groups_are_listed_though_a_page_holds_one_by_default(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """The size is always sent, whatever the platform takes for the usual one."""
    oceanconnect.reset(groups=7, quirks=Quirks(group_page_size=1))
    assert len(await all_of(client.list_device_groups())) == 7
    assert [call.query for call in oceanconnect.calls if GROUPS in call.path] == [
        {"pageNo": "0", "pageSize": "100"}
    ]


@pytest.mark.parametrize(
    "quirks",
    [
        Quirks(group_create_status=200, group_void_status=200),
        Quirks(group_create_status=201, group_void_status=204, unset="absent"),
    ],
    ids=["200", "201 and 204"],
)
async def test_a_group_is_made_filled_renamed_emptied_and_deleted(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator, quirks: Quirks
) -> None:
    """With either of the statuses that the documents give."""
    oceanconnect.quirks = quirks
    groups = client.device_groups
    one, two, three = (device.device_id for device in oceanconnect.devices()[:3])
    group_id = await groups.create(
        "valley", description="In the valley", max_devices=5, device_ids=[one]
    )
    made = await groups.get(group_id)
    assert made == GroupDetails(
        group_id=group_id,
        name="valley",
        description="In the valley",
        device_count=1,
        max_devices=5,
    )
    await groups.add(group_id, [two, three])
    assert set(await members_of(client, group_id)) == {one, two, three}
    await groups.remove(group_id, [one, three])
    assert await members_of(client, group_id) == [two]
    await groups.modify(structs.replace(made, name="hill", description=None))
    changed = await groups.get(group_id)
    assert (changed.name, changed.description) == ("hill", None)
    assert changed.max_devices == 5
    await groups.delete(group_id)
    with pytest.raises(NotFoundError) as err:
        await groups.get(group_id)
    assert (err.value.code, err.value.status) == ("100603", 200)


async def test_what_is_not_given_is_not_sent(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """No limit is 0, as the vendor's own client writes it."""
    await client.device_groups.create("valley")
    assert bodies(oceanconnect, GROUPS, "POST") == [{"name": "valley", "maxDevNum": 0}]


async def test_a_change_sends_all_that_can_be_changed(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """What becomes of a value that is left out is not documented."""
    group = await client.device_groups.get(oceanconnect.groups()[0].group_id)
    await client.device_groups.modify(structs.replace(group, name="valley"))
    assert bodies(oceanconnect, GROUPS, "PUT") == [
        {"name": "valley", "description": group.description, "maxDevNum": 0}
    ]


async def test_a_name_is_given_once(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """100602, in an answer that looks like a success."""
    name = oceanconnect.groups()[0].name
    with pytest.raises(RejectedError) as err:
        await client.device_groups.create(name)
    assert (err.value.code, err.value.status) == ("100602", 200)
    assert len(oceanconnect.groups()) == 4


async def test_a_group_holds_no_more_than_its_limit(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """100609 when it is made so, 100601 when devices are added or it is changed."""
    groups = client.device_groups
    one, two, three = (device.device_id for device in oceanconnect.devices()[:3])
    with pytest.raises(RejectedError) as err:
        await groups.create("valley", max_devices=1, device_ids=[one, two])
    assert err.value.code == "100609"
    group_id = await groups.create("valley", max_devices=2, device_ids=[one])
    with pytest.raises(RejectedError) as err:
        await groups.add(group_id, [two, three])
    assert err.value.code == "100601"
    await groups.add(group_id, [two])
    with pytest.raises(RejectedError) as err:
        await groups.modify(structs.replace(await groups.get(group_id), max_devices=1))
    assert err.value.code == "100601"


async def test_there_are_no_more_groups_than_the_licence_allows(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """100607."""
    oceanconnect.quirks = Quirks(group_limit=4)
    with pytest.raises(RejectedError) as err:
        await client.device_groups.create("valley")
    assert err.value.code == "100607"


async def test_a_member_that_is_no_device_is_refused(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """100604; and what is no name for a group is 50400."""
    group_id = oceanconnect.groups()[0].group_id
    with pytest.raises(RejectedError) as err:
        await client.device_groups.add(group_id, ["none"])
    assert err.value.code == "100604"
    with pytest.raises(RejectedError) as err:
        await client.device_groups.create("in the valley")
    assert err.value.code == "50400"


async def test_a_group_that_is_not_there_is_not_found(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """Whatever is asked of it; only its members have a code of their own."""
    groups = client.device_groups
    for ask in (
        groups.get("a/b?c"),
        groups.modify(GroupDetails(group_id="none", name="valley")),
        groups.delete("none"),
        groups.add("none", [oceanconnect.devices()[0].device_id]),
        groups.remove("none", [oceanconnect.devices()[0].device_id]),
    ):
        with pytest.raises(NotFoundError) as err:
            await ask
        assert err.value.code == "100603"
    with pytest.raises(RejectedError) as refused:
        await members_of(client, "none")
    assert refused.value.code == "107002"


async def test_more_members_than_one_call_takes_are_refused_before_it_is_made(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """Two calls could end in half of the work done."""
    too_many = [str(number) for number in range(MOST_MEMBERS + 1)]
    for change in (client.device_groups.add, client.device_groups.remove):
        with pytest.raises(InvalidFieldError) as err:
            await change("group", too_many)
        assert err.value.placeholders == {
            "field": "devices",
            "limit": "1000",
            "count": "1001",
        }
    assert len(oceanconnect.calls) == 0


async def test_an_unreadable_member_is_dropped_and_the_others_are_used(
    client: OceanConnectClient,
    oceanconnect: OceanConnectSimulator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As in every other listing."""
    body = b'{"totalCount": "3", "deviceIds": ["one", {"id": "two"}, "three"]}'
    oceanconnect.faults.add(
        Fault(kind=FaultKind.MALFORMED, path="/devices/ids", body=body)
    )
    group_id = oceanconnect.groups()[0].group_id
    assert await members_of(client, group_id) == ["one", "three"]
    assert "Unusable rows" in caplog.text


async def test_a_new_group_without_an_id_may_exist(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """An empty answer does not tell which one it is."""
    oceanconnect.faults.add(
        Fault(kind=FaultKind.MALFORMED, path=GROUPS, method="POST", body=b"")
    )
    with pytest.raises(AmbiguousError):
        await client.device_groups.create("valley")


async def test_a_group_without_a_name_is_malformed(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """Nothing could be done with it."""
    oceanconnect.faults.add(
        Fault(kind=FaultKind.MALFORMED, path=GROUPS, body=b'{"id": "1"}')
    )
    with pytest.raises(MalformedError):
        await client.device_groups.get("1")
