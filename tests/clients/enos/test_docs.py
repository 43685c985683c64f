"""docs/enos.md says what the code does, and names tests that there are."""

from pathlib import Path

import aiohttp
import pytest

from custom_components.fleet_upgrade.clients.enos.codes import (
    ADVICE,
    AUTHENTICATION,
    DENIED,
    FAULTS,
    REPEATED,
    SIGNED_WRONGLY,
)
from custom_components.fleet_upgrade.clients.errors import (
    AmbiguousError,
    AuthenticationProblem,
    ClockProblem,
)
from simulator.enos import EnosSimulator

from ..documents import Document, message, names_tests
from .common import a_creation, all_of, change, connect, week_ago
from .test_codes import FAULTS as TRIED_FAULTS, GATEWAY, MISSING, REFUSALS, TOKENS

DOCUMENT = Document("enos.md")
NOT_AUTHORIZED = "401"


def pairs() -> set[tuple[str, str]]:
    """Return each code that the client knows, with each text that it can have."""
    told = {(str(code.code), key) for code, key in TOKENS.items()}
    told |= {
        (str(code.code), f"rejected_{advice}")
        for code, advice in (REFUSALS | MISSING).items()
    }
    told |= {(str(code.code), "server_error") for code in TRIED_FAULTS}
    told |= {(code, problem) for code in SIGNED_WRONGLY for problem in ClockProblem}
    return told | {(DENIED, AuthenticationProblem.ORGANIZATION)}


def gateway_pairs() -> set[tuple[str, str]]:
    """Return each status of the gateway, with each text that it can have."""
    told = {(str(status), key) for status, (_, key) in GATEWAY.items()}
    return told | {(NOT_AUTHORIZED, problem) for problem in ClockProblem}


@pytest.mark.parametrize(
    ("heading", "told"), [("Code", pairs()), ("HTTP", gateway_pairs())]
)
def test_each_known_code_stands_in_the_tables_with_its_message(
    heading: str, told: set[tuple[str, str]]
) -> None:
    """Once for each of its messages, and no code that the client does not know."""
    documented = [(row[0].strip("`"), row[2]) for row in DOCUMENT.rows(heading)]
    assert sorted(documented) == sorted((code, message(key)) for code, key in told)


def test_each_known_code_is_tried() -> None:
    """A code that nobody refuses with shows nothing."""
    known = {*ADVICE, *AUTHENTICATION, *FAULTS, DENIED, REPEATED}
    assert {code for code, _ in pairs()} == known


@pytest.mark.parametrize(
    "row",
    [*DOCUMENT.rows("Code"), *DOCUMENT.rows("HTTP")],
    ids=lambda row: row[0].strip("`"),
)
def test_a_code_comes_with_its_condition_and_its_tests(row: list[str]) -> None:
    """In words of its own."""
    assert row[1].endswith(".")
    assert names_tests(row[3])


def test_the_message_about_a_lost_answer_is_the_one_that_is_quoted() -> None:
    """The same for every write."""
    assert DOCUMENT.quotes(message(AmbiguousError.key))


def test_each_test_that_is_named_is_there() -> None:
    """A renamed test is renamed in the document too."""
    assert DOCUMENT.missing_tests(Path(__file__).parent) == set()


async def test_each_call_of_the_client_is_in_the_table(
    session: aiohttp.ClientSession, enos: EnosSimulator
) -> None:
    """And no other one."""
    enos.reset(token_life=100)  # so short that it is refreshed at once
    client = connect(session, enos)
    await client.verify()
    await client.poll({}, {}, week_ago())
    product = enos.products()[0].product_key
    group = enos.groups()[0].group_id
    tree = enos.trees()[0].tree_id
    job = await client.create_task(await a_creation(client, enos))
    subtasks = await all_of(client.list_subtasks(job))
    keys = [subtasks[0].device_id]
    await change(client, "cancel_subtasks", job, keys)
    await change(client, "retry_subtasks", job, keys)
    await change(client, "stop", job)
    await change(client, "start", job)
    await change(client, "stop", job)
    await change(client, "delete", job)
    for pages in (
        client.list_packages(),
        client.list_device_groups(),
        client.list_devices(),
        client.list_devices(group=group),
        client.firmware.upgradable(product=product),
        client.scopes.products(),
        client.scopes.asset_trees(),
        client.scopes.asset_nodes(tree),
    ):
        assert await all_of(pages)
    await client.firmware.versions(product)
    await client.firmware.delete(enos.firmware(verified=False)[0].firmware_id)

    named = [(method, path.strip("`")) for method, path, *_ in DOCUMENT.rows("Method")]
    assert sorted(named) == sorted({(call.method, call.path) for call in enos.calls})
