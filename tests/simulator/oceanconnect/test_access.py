"""Login, refresh, logout: who gets a token, and what is told to those who do not."""

from dataclasses import replace
from typing import Any

import pytest

from simulator.oceanconnect import Quirks

from ..northbound import DEVICES, JSON_TYPE, OPERATIONS, SECURITY, Northbound

TOKEN_KEYS = {"scope", "tokenType", "expiresIn", "accessToken", "refreshToken"}


async def test_login_gives_a_token_object(stranger: Northbound) -> None:
    """The object has the documented keys, and the life in whole seconds."""
    answer = await stranger.login()
    assert answer.status == 200
    assert answer.headers["Content-Type"] == JSON_TYPE
    token = answer.json
    assert set(token) == TOKEN_KEYS
    assert (token["scope"], token["tokenType"]) == ("default", "bearer")
    assert token["expiresIn"] == 3600
    assert (await stranger.get(OPERATIONS)).status == 200


@pytest.mark.parametrize(
    ("form", "error"),
    [
        pytest.param({"secret": "x"}, (400, "102202"), id="no application"),
        pytest.param({"appId": "", "secret": "x"}, (400, "102202"), id="empty"),
        pytest.param({"appId": "fleet-test"}, (400, "102202"), id="no secret"),
        pytest.param(
            {"appId": "fleet-test", "secret": "x" * 257}, (400, "50400"), id="too long"
        ),
        pytest.param(
            {"appId": "fleet-test", "secret": "wrong"}, (401, "100208"), id="secret"
        ),
        pytest.param(
            {"appId": "nobody", "secret": "wrong"}, (401, "100208"), id="application"
        ),
    ],
)
async def test_login_refuses_wrong_credentials(
    stranger: Northbound, form: dict[str, str], error: tuple[int, str]
) -> None:
    """Each in its documented way, and without giving a token away."""
    answer = await stranger.login(**form)
    assert answer.error == error
    assert "accessToken" not in answer.json


async def test_invalid_input_has_another_code_in_the_v3_edition(
    stranger: Northbound,
) -> None:
    """102833 instead of 50400."""
    stranger.sim.quirks = Quirks(login_input="102833")
    answer = await stranger.login(appId="fleet-test", secret="x" * 257)
    assert answer.error == (400, "102833")


async def test_login_does_not_read_json(stranger: Northbound) -> None:
    """Only a form holds the required parameters."""
    body = {"appId": stranger.sim.app_id, "secret": stranger.sim.secret}
    answer = await stranger.post(f"{SECURITY}/login", body)
    assert answer.error == (400, "102202")


@pytest.mark.parametrize("code", ["100247", "100449"])
async def test_a_frozen_application_cannot_sign_in(
    northbound: Northbound, code: Any
) -> None:
    """Its token is dead, too; once it is thawed, a login works again."""
    northbound.sim.quirks = Quirks(frozen_code=code)
    northbound.sim.freeze_app()
    assert (await northbound.get(OPERATIONS)).error == (403, "1010005")
    assert (await northbound.login()).error == (400, code)
    assert (await northbound.refresh()).error == (400, code)
    northbound.sim.freeze_app(False)
    assert (await northbound.login()).status == 200


@pytest.mark.parametrize("status", [200, 403, 500])
async def test_a_deleted_application_does_not_exist(
    northbound: Northbound, status: Any
) -> None:
    """100203 is documented with three statuses."""
    northbound.sim.quirks = Quirks(unknown_application_status=status)
    northbound.sim.delete_app()
    assert (await northbound.login()).error == (status, "100203")
    assert (await northbound.get(OPERATIONS)).error == (403, "1010005")


async def test_a_deployment_may_tell_unknown_applications_from_wrong_secrets(
    stranger: Northbound,
) -> None:
    """An unknown application ID may be answered as one that does not exist."""
    stranger.sim.quirks = Quirks(unknown_application="100203")
    assert (await stranger.login(appId="nobody", secret="x")).error == (403, "100203")


async def test_a_changed_secret_is_asked_for(northbound: Northbound) -> None:
    """The old secret no longer works, the new one does."""
    northbound.sim.change_secret("renewed")
    assert (await northbound.login()).error == (401, "100208")
    answer = await northbound.login(appId=northbound.sim.app_id, secret="renewed")
    assert answer.status == 200


async def test_refresh_gives_new_tokens_and_ends_the_old_ones(
    northbound: Northbound,
) -> None:
    """Access and refresh token are both new; the older ones are dead."""
    old = northbound.authorization, northbound.refresh_token
    answer = await northbound.refresh()
    assert answer.status == 200
    assert set(answer.json) == TOKEN_KEYS
    assert (await northbound.get(OPERATIONS)).status == 200
    assert old[0] != northbound.authorization
    northbound.authorization = old[0]
    assert (await northbound.get(OPERATIONS)).error == (403, "1010005")
    assert (await northbound.refresh(refreshToken=old[1])).error == (401, "100208")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"refreshToken": None}, (400, "102202")),
        ({"refreshToken": "made up"}, (401, "100208")),
        ({"secret": None}, (400, "102202")),
        ({"secret": "wrong"}, (401, "100208")),
        ({"appId": 7}, (400, "50400")),
    ],
)
async def test_refresh_refuses_what_is_wrong(
    northbound: Northbound, body: dict[str, Any], error: tuple[int, str]
) -> None:
    """The token that is alive stays so."""
    assert (await northbound.refresh(**body)).error == error
    assert (await northbound.get(OPERATIONS)).status == 200


async def test_refresh_needs_json(northbound: Northbound) -> None:
    """A form is not understood."""
    answer = await northbound.call("POST", f"{SECURITY}/refreshToken", data=b"appId=1")
    assert answer.error == (400, "50400")


async def test_a_refresh_token_lives_for_a_day(northbound: Northbound) -> None:
    """It outlives the access token, and works once."""
    northbound.sim.clock.advance(24 * 3600 - 1)
    assert (await northbound.get(OPERATIONS)).error == (403, "1010005")
    assert (await northbound.refresh()).status == 200
    northbound.sim.clock.advance(24 * 3600)
    assert (await northbound.refresh()).error == (401, "100208")


async def test_a_refresh_token_may_live_for_a_month(northbound: Northbound) -> None:
    """As the SDK pages have it."""
    northbound.sim.quirks = Quirks(refresh_days=30)
    await northbound.login()
    northbound.sim.clock.advance(29 * 24 * 3600)
    assert (await northbound.refresh()).status == 200


async def test_a_token_lives_as_long_as_it_says(northbound: Northbound) -> None:
    """It is refused from the very second on that it said."""
    northbound.sim.reset(token_life=90)
    assert (await northbound.login()).json["expiresIn"] == 90
    northbound.sim.clock.freeze()
    assert (await northbound.login()).status == 200
    northbound.sim.clock.advance(89)
    assert (await northbound.get(OPERATIONS)).status == 200
    northbound.sim.clock.advance(1)
    assert (await northbound.get(OPERATIONS)).error == (403, "1010005")


async def test_a_newer_login_ends_every_other_session(northbound: Northbound) -> None:
    """Two programs that share an application ID knock each other out."""
    northbound.sim.take_token()
    assert (await northbound.get(DEVICES, pageNo=0)).error == (403, "1010005")
    assert (await northbound.refresh()).error == (401, "100208")
    assert (await northbound.login()).status == 200


async def test_a_token_can_run_out_early_and_still_be_refreshed(
    northbound: Northbound,
) -> None:
    """The refresh token is for that."""
    northbound.sim.expire_token()
    assert (await northbound.get(OPERATIONS)).error == (403, "1010005")
    assert (await northbound.refresh()).status == 200
    northbound.sim.drop_token()
    assert (await northbound.refresh()).error == (401, "100208")


@pytest.mark.parametrize("status", [200, 204])
async def test_logout_ends_the_session(northbound: Northbound, status: Any) -> None:
    """The status is undocumented; the body is empty."""
    northbound.sim.quirks = replace(northbound.sim.quirks, logout_status=status)
    token = northbound.authorization.removeprefix("Bearer ")
    answer = await northbound.post(f"{SECURITY}/logout", {"accessToken": token})
    assert (answer.status, answer.body) == (status, b"")
    assert (await northbound.get(OPERATIONS)).error == (403, "1010005")


async def test_logout_of_an_unknown_token_changes_nothing(
    northbound: Northbound,
) -> None:
    """It is no error, but none at all is."""
    answer = await northbound.post(f"{SECURITY}/logout", {"accessToken": "made up"})
    assert answer.status == 204
    assert (await northbound.get(OPERATIONS)).status == 200
    assert (await northbound.post(f"{SECURITY}/logout", {})).error == (400, "102202")


async def test_the_token_type_is_spelled_in_several_ways(stranger: Northbound) -> None:
    """A newer edition of the documents shows `Bearer ` with a blank."""
    stranger.sim.quirks = Quirks(token_type="Bearer ")
    assert (await stranger.login()).json["tokenType"] == "Bearer "
