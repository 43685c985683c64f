"""The platform pushes over HTTP to Home Assistant's own server, and a poll follows.

Nothing stands in between: the server listens on a real socket, the simulated platform
connects to it, and what it pushes is what it pushes to anybody.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
import json
import logging
from pathlib import Path
import time
from typing import Any

import aiohttp
from homeassistant.components.webhook import async_handle_webhook
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.util.aiohttp import MockRequest
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fleet_upgrade import push
from custom_components.fleet_upgrade.const import CONF_PUSH_ADDRESS
from custom_components.fleet_upgrade.push import (
    LARGEST_BODY,
    REMEMBERED,
    REMEMBERED_FOR,
    UNHEARD_LIMIT,
)
from simulator.oceanconnect import OceanConnectSimulator

from .common_push import (
    address_of,
    disable_http_server,
    home,
    push_issues,
    pushed,
    subscribed,
    until,
)
from .hearing import listen
from .tiny_platform import set_up

__all__ = ["disable_http_server", "home", "pushed"]

LISTS = "/operations"


@pytest.fixture
async def stranger() -> AsyncIterator[aiohttp.ClientSession]:
    """Someone who knows the address, or nearly."""
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for nothing between a push and its poll."""
    monkeypatch.setattr("custom_components.fleet_upgrade.waker.DEBOUNCE", 0.0)
    monkeypatch.setattr("custom_components.fleet_upgrade.waker.SHORTEST_GAP", 0.0)


def state_of(entry: MockConfigEntry) -> dict[str, Any]:
    """Return what the diagnostics say of pushes."""
    state: dict[str, Any] = entry.runtime_data.push.diagnostics
    return state


def counts_of(entry: MockConfigEntry) -> tuple[int, int, int]:
    """Return how many messages were heard, came again, and were refused."""
    state = state_of(entry)
    return state["heard"], state["duplicates"], state["refused"]


def message(oceanconnect: OceanConnectSimulator, **changes: Any) -> bytes:
    """Return a notification of the platform."""
    said = {
        "notifyType": "fwUpgradeResultNotify",
        "deviceId": "meter-7",
        "appId": oceanconnect.app_id,
        "operationId": "task",
        "subOperationId": "subtask",
        "status": "SUCCESS",
    }
    return json.dumps(said | changes, separators=(",", ":")).encode()


def tasks_of_one_device(oceanconnect: OceanConnectSimulator, count: int) -> list[str]:
    """Let tasks run, each on a device of its own."""
    package = oceanconnect.packages("firmware")[0]
    return [
        oceanconnect.add_task(
            package=package, devices=[device.device_id], status="processing"
        )
        for device in oceanconnect.devices(package)[:count]
    ]


class Watch:
    """Watches how long the event loop is held up: it computes, or waits for something.

    What it waits for a core that other programs use is not its doing.
    """

    longest = 0.0
    """Seconds by which something that was due came too late, at most."""

    async def run(self) -> None:
        """Watch until it is cancelled."""
        while True:
            before = time.monotonic() - self._waited()
            await asyncio.sleep(0.001)
            late = time.monotonic() - self._waited() - before - 0.001
            self.longest = max(self.longest, late)

    @staticmethod
    def _waited() -> float:
        """Return the seconds for which this thread could have run and had no core."""
        told = Path("/proc/thread-self/schedstat").read_text(encoding="ascii")
        return int(told.split()[1]) / 1e9


@pytest.fixture
async def watch() -> AsyncIterator[Watch]:
    """Watch the loop while the test runs."""
    watch = Watch()
    task = asyncio.create_task(watch.run())
    yield watch
    task.cancel()


# A push wakes the poller


async def test_what_a_device_tells_the_platform_is_there_within_two_seconds(
    hass: HomeAssistant, oceanconnect: OceanConnectSimulator, pushed: MockConfigEntry
) -> None:
    """The poll would have come after a minute, or five."""
    task_id = oceanconnect.add_task(status="processing")
    await pushed.runtime_data.async_refresh()
    heard = listen(hass)
    began = time.monotonic()
    oceanconnect.finish_task(task_id)
    await until(lambda: ("succeeded", task_id) in heard)
    assert time.monotonic() - began < 2
    assert all(push.delivered for push in oceanconnect.pushes)


async def test_a_task_that_nobody_knew_is_found_when_it_is_pushed(
    oceanconnect: OceanConnectSimulator, pushed: MockConfigEntry
) -> None:
    """One that was created on the platform's portal, say."""
    task_id = oceanconnect.add_task()
    oceanconnect.finish_task(task_id)
    await until(lambda: task_id in pushed.runtime_data.data.tasks)


async def test_a_push_changes_nothing_by_itself(
    hass: HomeAssistant, oceanconnect: OceanConnectSimulator, pushed: MockConfigEntry
) -> None:
    """Whatever it claims, the poll is the truth."""
    task_id = oceanconnect.add_task(status="processing")
    await pushed.runtime_data.async_refresh()
    await hass.async_block_till_done()
    before = pushed.runtime_data.data
    heard = listen(hass)
    oceanconnect.calls.clear()
    async with aiohttp.ClientSession() as session:
        for status in ("SUCCESS", "FAIL"):
            body = message(oceanconnect, operationId=task_id, status=status)
            await session.post(address_of(oceanconnect), data=body)
    await until(lambda: oceanconnect.calls.count(LISTS) >= 3)
    await asyncio.sleep(0.3)
    assert pushed.runtime_data.data == before
    assert heard == []


async def test_a_thousand_pushes_cost_a_handful_of_calls_and_hold_nothing_up(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    home: str,
    watch: Watch,
) -> None:
    """As when a task ends on a thousand devices: each is told of."""
    oceanconnect.reset(devices=5000)
    hass.config_entries.async_update_entry(entry, options={CONF_PUSH_ADDRESS: home})
    await set_up(hass, entry)
    package = oceanconnect.packages("software")[0]
    devices = [one.device_id for one in oceanconnect.devices(package)[:1000]]
    assert len(devices) == 1000
    task_id = oceanconnect.add_task(
        kind="software", package=package, devices=devices, status="processing"
    )
    await entry.runtime_data.async_refresh()
    oceanconnect.calls.clear()
    watch.longest = 0.0

    oceanconnect.finish_task(task_id)
    await until(lambda: state_of(entry)["heard"] >= 1000, 60)
    await until(lambda: entry.runtime_data.data.tasks[task_id].has_ended)
    assert {push.status for push in oceanconnect.pushes} == {200}
    # Two polls or three, of three calls each; more where the machine takes its time.
    assert oceanconnect.calls.count() <= 15
    assert watch.longest < 0.5


async def test_a_thousand_messages_at_once_are_read_in_a_moment(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    pushed: MockConfigEntry,
    watch: Watch,
) -> None:
    """All that Home Assistant itself does with them, beside reading its sockets."""
    oceanconnect.calls.clear()
    hook = address_of(oceanconnect).rpartition("/")[2]
    watch.longest = 0.0
    began = time.process_time()
    for number in range(1000):
        body = message(oceanconnect, subOperationId=f"subtask {number}")
        request = MockRequest(content=body, mock_source="test", method="POST")
        response = await async_handle_webhook(hass, hook, request)
        assert response.status == 200
        if number % 10 == 0:
            await asyncio.sleep(0)
    assert time.process_time() - began < 1
    assert counts_of(pushed) == (1000, 0, 0)
    await asyncio.sleep(1)
    assert oceanconnect.calls.count() <= 6
    assert watch.longest < 0.5


async def test_an_account_that_is_locked_out_does_not_sign_in_when_pushed(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    pushed: MockConfigEntry,
    quick: None,
) -> None:
    """Wrong credentials again and again may block the application."""
    oceanconnect.change_secret("another")
    oceanconnect.drop_token()
    await pushed.runtime_data.async_refresh()
    assert not pushed.runtime_data.last_update_success
    oceanconnect.calls.clear()
    oceanconnect.finish_task(oceanconnect.add_task())
    await until(lambda: state_of(pushed)["heard"] > 0)
    await asyncio.sleep(0.3)
    assert oceanconnect.calls.count("/login") == 0


async def test_a_push_ends_the_wait_after_errors(
    oceanconnect: OceanConnectSimulator, pushed: MockConfigEntry
) -> None:
    """Who pushes is there again."""
    coordinator = pushed.runtime_data
    coordinator.async_set_update_error(TimeoutError())
    assert not coordinator.last_update_success
    oceanconnect.finish_task(oceanconnect.add_task())
    await until(lambda: coordinator.last_update_success)


# From the form to the end


async def test_it_is_switched_on_moved_and_off_again_in_the_options(
    hass: HomeAssistant,
    home: str,
    account: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
) -> None:
    """Without a restart; the webhook is there only while it is switched on."""

    async def submit(base: str | None) -> None:
        flow = hass.config_entries.options
        result = await flow.async_init(account.entry_id)
        schema = result["data_schema"]
        assert schema is not None
        answers = {
            str(key): key.description["suggested_value"]
            for key in schema.schema
            if key != CONF_PUSH_ADDRESS
        }
        if base is not None:
            answers[CONF_PUSH_ADDRESS] = base
        await flow.async_configure(result["flow_id"], answers)
        await hass.async_block_till_done(wait_background_tasks=True)

    async def status_of(address: str) -> str:
        async with aiohttp.ClientSession() as session:
            reply = await session.post(address, data=message(oceanconnect))
            return await reply.text()

    await submit(home)
    first = address_of(oceanconnect)
    assert first.startswith(f"{home}/api/webhook/")
    assert await status_of(first) == "ok"

    moved = home.replace("127.0.0.1", "localhost")
    await submit(moved)
    assert set(subscribed(oceanconnect).values()) == {first.replace(home, moved)}
    assert await status_of(first) == "ok"

    await submit(None)
    assert subscribed(oceanconnect) == {}
    assert await status_of(first) == ""


async def test_an_account_that_is_not_loaded_hears_nothing_and_answers_all_the_same(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    pushed: MockConfigEntry,
    stranger: aiohttp.ClientSession,
) -> None:
    """A platform that is not answered would give the address up."""
    address = address_of(oceanconnect)
    await hass.config_entries.async_unload(pushed.entry_id)
    reply = await stranger.post(address, data=message(oceanconnect))
    assert reply.status == 200
    assert pushed.state is ConfigEntryState.NOT_LOADED


# What strangers send


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD"])
async def test_only_posts_are_taken_and_nothing_else_is_logged(
    oceanconnect: OceanConnectSimulator,
    pushed: MockConfigEntry,
    stranger: aiohttp.ClientSession,
    caplog: pytest.LogCaptureFixture,
    method: str,
) -> None:
    """Who looks at the address with a browser does not write it to the log by that."""
    address = address_of(oceanconnect)
    reply = await stranger.request(method, address)
    assert reply.status == (200 if method == "HEAD" else 405)
    assert counts_of(pushed) == (0, 0, 0)
    assert [
        record
        for record in caplog.records
        if record.levelno >= logging.WARNING
        and address.rpartition("/")[2] in record.getMessage()
    ] == []


def endless() -> Iterator[bytes]:
    """Yield more than anybody should read."""
    for _ in range(1000):
        yield b" " * 1024


@pytest.mark.parametrize(
    "case", ["nothing", "no JSON", "foreign", "another kind", "too large", "endless"]
)
async def test_what_is_no_message_for_us_is_refused_without_a_word(
    oceanconnect: OceanConnectSimulator,
    pushed: MockConfigEntry,
    stranger: aiohttp.ClientSession,
    caplog: pytest.LogCaptureFixture,
    case: str,
) -> None:
    """One debug line without its content; the sender learns nothing."""

    async def stream() -> AsyncIterator[bytes]:
        for part in endless():
            yield part

    body: Any = {
        "nothing": b"",
        "no JSON": b"meter-7 says hello",
        "foreign": message(oceanconnect, appId="someone else"),
        "another kind": message(oceanconnect, notifyType="deviceAdded"),
        "too large": message(oceanconnect, more="x" * LARGEST_BODY),
        "endless": stream(),
    }[case]
    caplog.set_level(logging.DEBUG, "custom_components.fleet_upgrade")
    caplog.clear()
    oceanconnect.calls.clear()
    try:
        reply = await stranger.post(address_of(oceanconnect), data=body)
    except aiohttp.ClientError:
        assert case == "endless"  # it was hung up on while it still talked
    else:
        assert (reply.status, await reply.text()) == (200, "ok")
    await until(lambda: counts_of(pushed) == (0, 0, 1))
    [line] = [r.getMessage() for r in caplog.records if r.name.endswith("upgrade")]
    assert "a pushed message was refused" in line
    assert "meter-7" not in line
    assert "someone" not in line
    await asyncio.sleep(0.7)
    assert oceanconnect.calls.count() == 0


async def test_a_message_as_large_as_it_may_be_is_read(
    oceanconnect: OceanConnectSimulator,
    pushed: MockConfigEntry,
    stranger: aiohttp.ClientSession,
) -> None:
    """To the last byte."""
    empty = len(message(oceanconnect, more=""))
    body = message(oceanconnect, more="x" * (LARGEST_BODY - empty))
    assert len(body) == LARGEST_BODY
    await stranger.post(address_of(oceanconnect), data=body)
    assert counts_of(pushed) == (1, 0, 0)


async def test_who_takes_too_long_is_not_waited_for(
    oceanconnect: OceanConnectSimulator,
    pushed: MockConfigEntry,
    stranger: aiohttp.ClientSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody can keep a connection open by saying nothing."""
    monkeypatch.setattr(push, "READ_WITHIN", 0.1)

    async def stream() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(5)
        yield b"}"

    began = time.monotonic()
    reply = await stranger.post(address_of(oceanconnect), data=stream())
    assert reply.status == 200
    assert time.monotonic() - began < 4
    assert counts_of(pushed) == (0, 0, 1)


async def test_who_hangs_up_in_the_middle_does_no_harm(
    oceanconnect: OceanConnectSimulator,
    pushed: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
    home: str,
) -> None:
    """And leaves nothing in the log."""
    path = address_of(oceanconnect).removeprefix(home)
    host, port = home.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{{"
    writer.write(head.encode())
    await writer.drain()
    await asyncio.sleep(0.1)
    writer.close()
    await writer.wait_closed()
    await asyncio.sleep(0.1)
    assert counts_of(pushed)[0] == 0
    assert [r for r in caplog.records if r.levelno >= logging.ERROR] == []


async def test_a_broken_body_does_no_harm(
    oceanconnect: OceanConnectSimulator,
    pushed: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
    stranger: aiohttp.ClientSession,
) -> None:
    """One that says it is compressed, and is not."""
    headers = {"Content-Encoding": "deflate"}
    address = address_of(oceanconnect)
    await stranger.post(address, data=b"\x01not compressed", headers=headers)
    assert counts_of(pushed) == (0, 0, 1)
    assert address.rpartition("/")[2] not in "".join(
        record.getMessage()
        for record in caplog.records
        if record.levelno > logging.INFO
    )


async def test_the_same_message_counts_once(
    oceanconnect: OceanConnectSimulator,
    pushed: MockConfigEntry,
    stranger: aiohttp.ClientSession,
) -> None:
    """A platform that heard no answer sends it again; a stranger replays it."""
    address = address_of(oceanconnect)
    body = message(oceanconnect)
    for _ in range(5):
        await stranger.post(address, data=body)
    assert counts_of(pushed) == (5, 4, 0)
    await stranger.post(address, data=message(oceanconnect, status="FAIL"))
    assert counts_of(pushed) == (6, 4, 0)


async def test_messages_are_not_remembered_for_ever(
    hass: HomeAssistant, oceanconnect: OceanConnectSimulator, pushed: MockConfigEntry
) -> None:
    """Neither for longer than platforms repeat them, nor in any number."""
    hearing = pushed.runtime_data.push
    assert not hearing._is_duplicate("one", 1000.0)  # noqa: SLF001
    assert hearing._is_duplicate("one", 1000.0 + REMEMBERED_FOR)  # noqa: SLF001
    assert not hearing._is_duplicate("one", 1001.0 + REMEMBERED_FOR)  # noqa: SLF001
    for number in range(REMEMBERED):
        assert not hearing._is_duplicate(f"{number}", 2000.0)  # noqa: SLF001
    assert len(hearing._seen) == REMEMBERED  # noqa: SLF001
    assert not hearing._is_duplicate("one", 2000.0)  # noqa: SLF001


async def test_a_message_may_come_by_way_of_a_cloud(
    hass: HomeAssistant, oceanconnect: OceanConnectSimulator, pushed: MockConfigEntry
) -> None:
    """Which hands it over as something that only looks like a request."""
    request = MockRequest(
        content=message(oceanconnect), mock_source="cloud", method="POST"
    )
    hook = address_of(oceanconnect).rpartition("/")[2]
    response = await async_handle_webhook(hass, hook, request)
    assert response.status == 200
    assert counts_of(pushed) == (1, 0, 0)


# Nothing arrives


async def test_ten_changes_without_a_push_are_told_of(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    entry: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    unused_tcp_port_factory: Any,
    home: str,
) -> None:
    """The platform cannot reach the address; the first push ends the issue."""
    nowhere = f"http://127.0.0.1:{unused_tcp_port_factory()}"
    hass.config_entries.async_update_entry(entry, options={CONF_PUSH_ADDRESS: nowhere})
    await set_up(hass, entry)
    tasks = tasks_of_one_device(oceanconnect, UNHEARD_LIMIT)
    await entry.runtime_data.async_refresh()
    for task_id in tasks[:-1]:
        oceanconnect.finish_task(task_id)
    await entry.runtime_data.async_refresh()
    assert state_of(entry)["changes_without_push"] == UNHEARD_LIMIT - 1
    assert push_issues(issue_registry) == {}

    oceanconnect.finish_task(tasks[-1])
    await entry.runtime_data.async_refresh()
    assert push_issues(issue_registry) == {"push_unheard": {"account": entry.title}}

    address = address_of(oceanconnect).replace(nowhere, home)
    async with aiohttp.ClientSession() as session:
        await session.post(address, data=b"of somebody else")
        assert push_issues(issue_registry) != {}
        await session.post(address, data=message(oceanconnect))
    assert push_issues(issue_registry) == {}
    assert state_of(entry)["changes_without_push"] == 0


async def test_a_change_that_was_pushed_is_not_counted(
    issue_registry: ir.IssueRegistry,
    oceanconnect: OceanConnectSimulator,
    pushed: MockConfigEntry,
) -> None:
    """Many tasks may end between two polls, each with its own push."""
    tasks = tasks_of_one_device(oceanconnect, UNHEARD_LIMIT + 2)
    await pushed.runtime_data.async_refresh()
    for task_id in tasks:
        oceanconnect.finish_task(task_id)
    data = pushed.runtime_data.data
    await until(lambda: pushed.runtime_data.data is not data)
    await until(lambda: state_of(pushed)["heard"] >= len(tasks))
    await pushed.runtime_data.async_refresh()
    assert push_issues(issue_registry) == {}
    assert state_of(pushed)["changes_without_push"] == 0


async def test_subscriptions_that_somebody_has_deleted_are_made_again(
    oceanconnect: OceanConnectSimulator, pushed: MockConfigEntry
) -> None:
    """It shows when nothing arrives any more."""
    address = address_of(oceanconnect)
    for one in oceanconnect.platform.subscriptions:
        oceanconnect.platform.subscriptions.delete(one.subscription_id)
    tasks = tasks_of_one_device(oceanconnect, UNHEARD_LIMIT)
    await pushed.runtime_data.async_refresh()
    for task_id in tasks:
        oceanconnect.finish_task(task_id)
    await pushed.runtime_data.async_refresh()
    await until(lambda: len(subscribed(oceanconnect)) == 4)
    assert address_of(oceanconnect) == address


async def test_without_all_subscriptions_no_change_is_counted(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    entry: MockConfigEntry,
    oceanconnect: OceanConnectSimulator,
    home: str,
) -> None:
    """What is in the way is told of already, and explains it."""
    theirs = "http://127.0.0.1:9/told"
    hass.config_entries.async_update_entry(entry, options={CONF_PUSH_ADDRESS: home})
    await set_up(hass, entry)
    subscriptions = oceanconnect.platform.subscriptions
    for one in subscriptions:
        subscriptions.delete(one.subscription_id)
        subscriptions.add(type(one)(one.subscription_id, one.notify_type, theirs))
    entry.runtime_data.push._subscriber.start()  # noqa: SLF001
    await until(lambda: not state_of(entry)["subscribed"])
    tasks = tasks_of_one_device(oceanconnect, UNHEARD_LIMIT)
    await entry.runtime_data.async_refresh()
    for task_id in tasks:
        oceanconnect.finish_task(task_id)
    await entry.runtime_data.async_refresh()
    assert push_issues(issue_registry).keys() == {"push_address_taken"}


async def test_the_issue_goes_when_pushes_are_switched_off(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    oceanconnect: OceanConnectSimulator,
    pushed: MockConfigEntry,
) -> None:
    """Nobody waits for them any more."""
    pushed.runtime_data.push._tell_unheard(True)  # noqa: SLF001
    assert push_issues(issue_registry) != {}
    hass.config_entries.async_update_entry(pushed, options={})
    await hass.config_entries.async_reload(pushed.entry_id)
    assert push_issues(issue_registry) == {}


# What is told of it


async def test_the_state_of_pushes_is_told_without_the_address(
    hass: HomeAssistant,
    oceanconnect: OceanConnectSimulator,
    pushed: MockConfigEntry,
    stranger: aiohttp.ClientSession,
) -> None:
    """For the diagnostics of the account."""
    assert state_of(pushed) == {
        "subscribed": True,
        "heard": 0,
        "duplicates": 0,
        "refused": 0,
        "last_heard_ago": None,
        "changes_without_push": 0,
    }
    await stranger.post(address_of(oceanconnect), data=message(oceanconnect))
    assert state_of(pushed)["last_heard_ago"] in range(3)
