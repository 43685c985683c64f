"""How notifications are delivered: order, answers, retries, invalid addresses."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from simulator.clock import Clock
from simulator.oceanconnect import OceanConnectSimulator
from simulator.oceanconnect.delivery import (
    ANSWER_WITHIN,
    FAILURES,
    KEPT_FOR,
    PROBE_PACE,
    RETRY_PACE,
    Delivery,
)

from ..receiver import PATH, Receiver, receiving

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> Clock:
    """A clock that moves only when it is told to."""
    clock = Clock(speed=0)
    clock.freeze(NOON)
    return clock


@pytest.fixture
async def receiver(socket_enabled: None) -> AsyncIterator[Receiver]:
    """An address that answers."""
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def delivery(clock: Clock) -> AsyncIterator[Delivery]:
    """A delivery with the documented paces."""
    delivery = Delivery(clock)
    yield delivery
    delivery.abandon()


async def send(delivery: Delivery) -> None:
    """Send what is due, and wait for the answers."""
    delivery.send_due()
    await delivery.settled()


def post(delivery: Delivery, receiver: Receiver, number: int = 0) -> None:
    """Take a message for the receiver."""
    delivery.post(receiver.url, "test", b'{"number":%d}' % number)


async def test_a_message_is_a_post_of_json(
    delivery: Delivery, receiver: Receiver
) -> None:
    """With the body as it is, to the path of the address."""
    post(delivery, receiver)
    await send(delivery)
    ((method, path, headers, body),) = receiver.requests
    assert (method, path, body) == ("POST", PATH, b'{"number":0}')
    assert headers["Content-Type"] == "application/json"
    assert [push.delivered for push in delivery.log] == [True]


async def test_messages_come_in_their_order(
    delivery: Delivery, receiver: Receiver
) -> None:
    """One after the other, each once."""
    for number in range(20):
        post(delivery, receiver, number)
    await send(delivery)
    assert [one["number"] for one in receiver.messages] == list(range(20))
    await send(delivery)
    assert len(receiver.requests) == 20


@pytest.mark.parametrize("status", [201, 204, 302, 404, 500, 501, 502, 503, 504])
async def test_any_answer_but_200_is_a_failure(
    delivery: Delivery, receiver: Receiver, clock: Clock, status: int
) -> None:
    """A redirection is not followed; the message is sent again."""
    receiver.answers.append(status)
    post(delivery, receiver)
    await send(delivery)
    assert [push.status for push in delivery.log] == [status]
    clock.advance(RETRY_PACE - 1)
    await send(delivery)
    assert len(receiver.requests) == 1
    clock.advance(1)
    await send(delivery)
    assert [push.status for push in delivery.log] == [status, 200]
    assert receiver.messages == [{"number": 0}] * 2


async def test_no_answer_in_time_is_a_failure(clock: Clock, receiver: Receiver) -> None:
    """The documents allow 15 seconds; here it is a moment."""
    assert ANSWER_WITHIN == 15
    delivery = Delivery(clock, answer_within=0.5)
    receiver.answers.append(None)
    post(delivery, receiver)
    await send(delivery)
    assert [push.status for push in delivery.log] == [None]
    clock.advance(RETRY_PACE)
    await send(delivery)
    assert [push.status for push in delivery.log] == [None, 200]


async def test_an_address_that_nobody_listens_on_is_a_failure(
    delivery: Delivery, socket_enabled: None
) -> None:
    """Like no answer."""
    async with receiving() as gone:
        pass
    post(delivery, gone)
    await send(delivery)
    assert [push.status for push in delivery.log] == [None]


async def test_later_messages_wait_behind_a_failed_one(
    delivery: Delivery, receiver: Receiver, clock: Clock
) -> None:
    """The order holds."""
    receiver.answers.append(503)
    post(delivery, receiver, 1)
    post(delivery, receiver, 2)
    await send(delivery)
    assert receiver.messages == [{"number": 1}]
    clock.advance(RETRY_PACE)
    await send(delivery)
    assert [one["number"] for one in receiver.messages] == [1, 1, 2]


async def test_a_message_is_kept_for_ten_minutes(
    delivery: Delivery, receiver: Receiver, clock: Clock
) -> None:
    """Then it is given up; a newer one is not."""
    assert KEPT_FOR == 600
    receiver.answers.append(500)
    post(delivery, receiver, 1)
    await send(delivery)
    clock.advance(300)
    post(delivery, receiver, 2)
    clock.advance(301)
    await send(delivery)
    assert [one["number"] for one in receiver.messages] == [1, 2]


async def test_ten_failures_in_a_row_make_an_address_invalid(
    delivery: Delivery, receiver: Receiver, clock: Clock
) -> None:
    """It is then only probed, and valid again after one success."""
    assert FAILURES == 10
    receiver.always = 500
    post(delivery, receiver)
    for failures in range(1, 11):
        await send(delivery)
        assert len(receiver.requests) == failures
        assert delivery.is_invalid(receiver.url) is (failures == 10)
        clock.advance(RETRY_PACE)
    await send(delivery)
    assert len(receiver.requests) == 10
    receiver.always = 200
    clock.advance(PROBE_PACE - RETRY_PACE)
    post(delivery, receiver, 1)
    await send(delivery)
    assert [one["number"] for one in receiver.messages[10:]] == [0, 1]
    assert not delivery.is_invalid(receiver.url)


async def test_an_invalid_address_is_probed_with_what_comes_later(
    delivery: Delivery, receiver: Receiver, clock: Clock
) -> None:
    """Also when all that failed was given up meanwhile."""
    receiver.always = 500
    post(delivery, receiver)
    for _ in range(10):
        await send(delivery)
        clock.advance(RETRY_PACE)
    clock.advance(KEPT_FOR)
    receiver.always = 200
    await send(delivery)
    assert len(receiver.requests) == 10
    assert delivery.is_invalid(receiver.url)
    post(delivery, receiver, 1)
    await send(delivery)
    assert receiver.messages[-1] == {"number": 1}
    assert not delivery.is_invalid(receiver.url)


async def test_failures_must_be_in_a_row(
    delivery: Delivery, receiver: Receiver, clock: Clock
) -> None:
    """A success in between starts the count anew."""
    for answers in ([500] * 9 + [200], [500] * 9):
        receiver.answers.extend(answers)
        post(delivery, receiver)
        for _ in answers:
            await send(delivery)
            clock.advance(RETRY_PACE)
    assert len(delivery.log) == 19
    assert not delivery.is_invalid(receiver.url)


async def test_a_bad_address_does_not_hold_up_a_good_one(
    clock: Clock, receiver: Receiver
) -> None:
    """Each has its own queue."""
    delivery = Delivery(clock)
    async with receiving() as silent:
        silent.answers.append(None)
        post(delivery, silent)
        post(delivery, receiver)
        delivery.send_due()
        assert await receiver.wait_for(1) == [{"number": 0}]
        delivery.abandon()


async def test_a_queue_is_bounded(
    delivery: Delivery, receiver: Receiver, clock: Clock
) -> None:
    """The oldest messages give way."""
    for number in range(1005):
        post(delivery, receiver, number)
    receiver.answers.append(500)
    await send(delivery)
    assert receiver.messages == [{"number": 5}]


async def test_what_gave_way_while_it_was_sent_takes_no_other_with_it(
    delivery: Delivery, receiver: Receiver
) -> None:
    """The message behind it is still sent."""
    post(delivery, receiver, 0)
    delivery.send_due()
    await receiver.wait_for(1)
    for number in range(1, 1001):
        post(delivery, receiver, number)
    messages = await receiver.wait_for(3)
    assert [one["number"] for one in messages[:3]] == [0, 1, 2]


async def test_the_pace_of_retries_can_be_set(clock: Clock, receiver: Receiver) -> None:
    """For tests."""
    delivery = Delivery(clock, retry_pace=0)
    receiver.answers.extend([500, 500])
    post(delivery, receiver)
    for _ in range(3):
        await send(delivery)
    assert [push.status for push in delivery.log] == [500, 500, 200]


async def test_nothing_is_sent_after_the_end(
    delivery: Delivery, receiver: Receiver
) -> None:
    """What was on its way is cut off."""
    receiver.answers.append(None)
    post(delivery, receiver)
    delivery.send_due()
    await receiver.wait_for(1)
    delivery.abandon()
    post(delivery, receiver)
    delivery.abandon()
    await send(delivery)
    await asyncio.sleep(0)
    assert len(receiver.requests) == 1
    assert not delivery.log


async def test_a_server_is_verified_with_the_uploaded_ca(
    clock: Clock, oceanconnect: OceanConnectSimulator
) -> None:
    """A server of another CA gets nothing."""
    ca = oceanconnect.tls.folder / "ca.pem"
    context = oceanconnect.tls.server_context()
    context.verify_mode = 0  # type: ignore[assignment]
    async with receiving(context) as receiver:
        for delivery, status in (
            (Delivery(clock, ca=ca), 200),
            (Delivery(clock), None),
        ):
            post(delivery, receiver)
            await send(delivery)
            assert [push.status for push in delivery.log] == [status]
            delivery.abandon()
        assert len(receiver.requests) == 1


def test_an_unreadable_ca_is_told_at_once(clock: Clock, tmp_path: Path) -> None:
    """Not when the first message fails."""
    with pytest.raises(FileNotFoundError):
        Delivery(clock, ca=tmp_path / "none.pem")
