"""Version packages: read, and deleted."""

import pytest

from custom_components.fleet_upgrade.clients.errors import MalformedError, NotFoundError
from custom_components.fleet_upgrade.clients.model import UpgradeKind
from custom_components.fleet_upgrade.clients.oceanconnect.client import (
    OceanConnectClient,
)
from simulator.oceanconnect import Fault, FaultKind, OceanConnectSimulator

from .common import all_of


async def test_a_deleted_package_is_gone_and_its_tasks_go_on(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """The answer is an empty 200."""
    package = (await all_of(client.list_packages()))[0]
    simulated = next(
        one for one in oceanconnect.packages() if one.file_id == package.package_id
    )
    task_id = oceanconnect.add_task(kind=simulated.kind, package=simulated)
    assert await client.packages.get(package.package_id) == package
    await client.packages.delete(package.package_id)
    assert package not in await all_of(client.list_packages())
    assert (await client.get_task(task_id)).version == package.version
    for ask in (client.packages.get, client.packages.delete):
        with pytest.raises(NotFoundError) as err:
            await ask(package.package_id)
        assert err.value.code == "123002"


async def test_packages_are_asked_for_in_the_words_of_the_documents_table(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """Their own template of the address spells the manufacturer in another way."""
    await all_of(
        client.list_packages(
            kind=UpgradeKind.FIRMWARE,
            device_type="Meter",
            model="M1",
            manufacturer="Hydra",
            version="V2",
        )
    )
    assert oceanconnect.calls[-1].query == {
        "fileType": "firmwarePackage",
        "deviceType": "Meter",
        "model": "M1",
        "manufacturerName": "Hydra",
        "version": "V2",
        "pageNo": "0",
        "pageSize": "100",
    }


async def test_a_package_without_an_id_is_malformed(
    client: OceanConnectClient, oceanconnect: OceanConnectSimulator
) -> None:
    """An empty answer too: there is nothing that could be installed."""
    for body in (b"", b"{}", b'{"name": "meter"}'):
        oceanconnect.faults.add(
            Fault(kind=FaultKind.MALFORMED, path="/category/", body=body)
        )
        with pytest.raises(MalformedError, match="fileId"):
            await client.packages.get(oceanconnect.packages()[0].file_id)
