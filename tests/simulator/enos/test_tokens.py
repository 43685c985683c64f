"""The token service: get, refresh, and each of its codes."""

from dataclasses import replace
from typing import Any

import pytest

from simulator.enos import codes, refusal

from .caller import JOBS, TOKEN, Caller


async def test_a_token_lives_for_two_hours(stranger: Caller) -> None:
    """And is answered in an envelope of its own."""
    answer = await stranger.token_call("get")
    data = answer.pop("data")
    assert answer == {"status": 0, "msg": "SUCCESS", "business": "apim-token-service"}
    assert data["accessToken"]
    assert data["expire"] in (7199, 7200)


async def test_the_same_token_is_given_while_it_lives(stranger: Caller) -> None:
    """With what remains of its life."""
    first = (await stranger.token_call("get"))["data"]
    stranger.sim.clock.advance(1000)
    second = (await stranger.token_call("get"))["data"]
    assert second["accessToken"] == first["accessToken"]
    assert second["expire"] in (6198, 6199, 6200)
    stranger.sim.clock.advance(6300)
    assert (await stranger.token_call("get"))["data"]["accessToken"] not in (
        first["accessToken"]
    )


async def test_a_timestamp_may_be_text(stranger: Caller) -> None:
    """As some callers in the field send it."""
    answer = await stranger.token_call("get", timestamp=str(stranger.timestamp()))
    assert answer["status"] == 0


async def test_a_refresh_gives_another_token(caller: Caller) -> None:
    """The old one is dead then, unless this deployment lets it run out."""
    old = caller.token
    assert (await caller.token_call("refresh", accessToken=old))["status"] == 0
    new, caller.token = caller.token, old
    assert new != old
    assert (await caller.call(JOBS, "search")).refused[0] == 401
    caller.sim.quirks = replace(caller.sim.quirks, old_token="lives")
    assert (await caller.token_call("refresh", accessToken=new))["status"] == 0
    caller.token = new
    assert (await caller.call(JOBS, "search")).code == 0


async def test_a_refresh_may_follow_within_the_same_millisecond(
    stranger: Caller,
) -> None:
    """The replay of a get is refused, the refresh after it is not."""
    at = stranger.timestamp()
    assert (await stranger.token_call("get", timestamp=at))["status"] == 0
    assert (await stranger.token_call("get", timestamp=at))["status"] == 1001
    refresh = {"timestamp": at, "accessToken": stranger.token}
    assert (await stranger.token_call("refresh", **refresh))["status"] == 0
    refresh["accessToken"] = stranger.token
    assert (await stranger.token_call("refresh", **refresh))["status"] == 1001


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"appKey": "00000000-0000-0000-0000-000000000000"}, 1002),
        ({"encryption": "0" * 64}, 1003),
        ({"appKey": 5}, 1004),
        ({"encryption": ["x"]}, 1004),
        ({"timestamp": "yesterday"}, 1004),
        ({"timestamp": 1.5}, 1004),
        ({"timestamp": -1}, 1004),
        ({"appKey": ""}, 1202),
        ({"encryption": None}, 1202),
        ({"timestamp": None}, 1202),
    ],
)
async def test_a_wrong_get_says_what_is_wrong(
    stranger: Caller, fields: dict[str, Any], status: int
) -> None:
    """With a status in the body, and HTTP 200."""
    answer = await stranger.token_call("get", **fields)
    assert answer["status"] == status
    assert answer["data"] is None
    assert answer["msg"]


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
async def test_a_body_that_is_no_object_is_an_invalid_parameter(
    stranger: Caller, body: bytes
) -> None:
    """Of both operations."""
    for operation in ("get", "refresh"):
        answer = await stranger.raw("POST", f"{TOKEN}/{operation}", data=body)
        assert answer.json["status"] == 1004


async def test_a_wrong_refresh_says_what_is_wrong(caller: Caller) -> None:
    """No token, one that never was, and one that has run out."""
    assert (await caller.token_call("refresh"))["status"] == 1202
    assert (await caller.token_call("refresh", accessToken="x"))["status"] == 1204
    old = caller.token
    caller.sim.expire_token()
    assert (await caller.token_call("refresh", accessToken=old))["status"] == 1203
    await caller.signed_in()
    assert caller.token != old
    old = caller.token
    caller.sim.drop_token()
    assert (await caller.token_call("refresh", accessToken=old))["status"] == 1204


@pytest.mark.parametrize("late", [-3600.0, 3600.0, 301.0])
async def test_a_wrong_clock_is_an_invalid_parameter(
    stranger: Caller, late: float
) -> None:
    """Or an invalid encryption, in other deployments; the answer tells the time."""
    stranger.late = late
    assert (await stranger.token_call("get"))["status"] == 1004
    stranger.sim.quirks = replace(stranger.sim.quirks, wrong_clock_code=1003)
    assert (await stranger.token_call("get"))["status"] == 1003


async def test_a_changed_secret_is_an_invalid_encryption(caller: Caller) -> None:
    """Also the signatures with it are worth nothing."""
    caller.sim.change_secret("a-1")
    assert (await caller.token_call("get"))["status"] == 1003
    assert (await caller.call(JOBS, "search")).refused[0] == 401


async def test_the_service_can_have_troubles_of_its_own(stranger: Caller) -> None:
    """Which only a fault brings about."""
    stranger.sim.faults.add(refusal(codes.TOKEN_INTERNAL, path=TOKEN))
    assert (await stranger.token_call("get"))["status"] == 1005


async def test_an_edge_has_another_name(stranger: Caller) -> None:
    """In the same envelope."""
    stranger.sim.quirks = replace(stranger.sim.quirks, token_business="edge-iam")
    assert (await stranger.token_call("get"))["business"] == "edge-iam"


async def test_secrets_are_not_in_the_call_log(caller: Caller) -> None:
    """Not even the proof of one."""
    (call,) = caller.sim.calls
    assert call.body == b""
    assert call.application == caller.sim.access_key
