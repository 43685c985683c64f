"""What holds for every call: token, throttle, headers, error bodies, the call log."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
import itertools

import pytest

from simulator.oceanconnect import OceanConnectSimulator, Quirks, codes
from simulator.oceanconnect.northbound import ROUTES

from ..northbound import CATEGORY, DEVICES, JSON_TYPE, OPERATIONS, SECURITY, Northbound

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
GUARDED = [
    (method, path.replace("{", "").replace("}", ""))
    for method, path, _ in ROUTES
    if not path.startswith(SECURITY)
]


@pytest.mark.parametrize(("method", "path"), GUARDED)
async def test_every_other_call_needs_a_token(
    stranger: Northbound, method: str, path: str
) -> None:
    """Without one it is 403 with 1010005, not 401, whatever else is wrong."""
    answer = await stranger.call(method, path)
    assert answer.error == (403, "1010005")
    assert answer.headers["Content-Type"] == JSON_TYPE


@pytest.mark.parametrize(("method", "path"), GUARDED)
async def test_every_other_call_is_throttled(
    northbound: Northbound, method: str, path: str
) -> None:
    """The 101st call within a minute is 403 with 1010009, whatever else is wrong."""
    sim = northbound.sim
    sim.reset(rate_limit=2)
    sim.clock.freeze()
    await northbound.login()
    assert (await northbound.get(OPERATIONS)).status == 200
    assert (await northbound.call(method, path)).error == (403, "1010009")


async def test_the_token_must_be_the_applications_own(northbound: Northbound) -> None:
    """The header app_key has to name it."""
    northbound.app_key = "another-application"
    assert (await northbound.get(OPERATIONS)).error == (403, "1010005")


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "Bearer  ", "BEARER "])
async def test_the_schemes_of_clients_in_the_field_are_taken(
    northbound: Northbound, scheme: str
) -> None:
    """They build it of the token type that they were given."""
    token = northbound.authorization.removeprefix("Bearer ")
    northbound.authorization = scheme + token
    assert (await northbound.get(OPERATIONS)).status == 200


@pytest.mark.parametrize("authorization", ["", "Bearer", "Basic {}", "{}", "Bearer x"])
async def test_other_authorizations_are_refused(
    northbound: Northbound, authorization: str
) -> None:
    """No token, another scheme, another token."""
    token = northbound.authorization.removeprefix("Bearer ")
    northbound.authorization = authorization.format(token)
    assert (await northbound.get(OPERATIONS)).error == (403, "1010005")


async def test_the_throttle_is_a_sliding_window(northbound: Northbound) -> None:
    """A call leaves the window 60 seconds after it was received."""
    sim = northbound.sim
    sim.reset(rate_limit=3)
    sim.clock.freeze()
    await northbound.login()
    sim.clock.advance(20)
    assert (await northbound.get(OPERATIONS)).status == 200
    sim.clock.advance(20)
    assert (await northbound.get(OPERATIONS)).status == 200
    sim.clock.advance(19.5)
    assert (await northbound.get(OPERATIONS)).error == (403, "1010009")
    sim.clock.advance(0.5)  # the login leaves
    assert (await northbound.get(OPERATIONS)).status == 200
    assert (await northbound.get(OPERATIONS)).error == (403, "1010009")
    sim.clock.advance(20)  # the first list leaves
    assert (await northbound.get(OPERATIONS)).status == 200


async def test_a_throttled_call_does_not_count(northbound: Northbound) -> None:
    """Who knocks on is let in again a minute after the calls that passed."""
    sim = northbound.sim
    sim.reset(rate_limit=1)
    sim.clock.freeze()
    await northbound.login()
    for _ in range(5):
        sim.clock.advance(11)
        assert (await northbound.get(OPERATIONS)).error == (403, "1010009")
    sim.clock.advance(5)
    assert (await northbound.get(OPERATIONS)).status == 200


async def test_a_bad_token_is_told_before_the_throttle_and_counts(
    northbound: Northbound,
) -> None:
    """Signing in is never throttled, so that the way out is always open."""
    sim = northbound.sim
    sim.reset(rate_limit=2)
    sim.clock.freeze()
    await northbound.login()
    sim.drop_token()
    for _ in range(3):
        assert (await northbound.get(OPERATIONS)).error == (403, "1010005")
    assert (await northbound.login()).status == 200
    assert (await northbound.get(OPERATIONS)).error == (403, "1010009")


async def test_other_applications_do_not_fill_the_window(
    northbound: Northbound,
) -> None:
    """The window is one per application ID."""
    northbound.sim.reset(rate_limit=2)
    await northbound.login()
    northbound.app_key = "another-application"
    for _ in range(5):
        assert (await northbound.get(OPERATIONS)).error == (403, "1010005")
    northbound.app_key = northbound.sim.app_id
    assert (await northbound.get(OPERATIONS)).status == 200


async def test_every_answer_has_the_platforms_time(northbound: Northbound) -> None:
    """The Date header follows the simulated clock, in errors too."""
    northbound.sim.clock.freeze(NOON)
    await northbound.login()
    for path in (OPERATIONS, f"{OPERATIONS}/none", "/nowhere"):
        answer = await northbound.get(path)
        assert parsedate_to_datetime(answer.headers["Date"]) == NOON
        assert "Server" not in answer.headers


async def test_json_is_compact_and_its_type_said(northbound: Northbound) -> None:
    """Also on an empty 200, which Huawei's Java SDK cannot read without a type."""
    answer = await northbound.get(CATEGORY, pageSize=1)
    assert answer.headers["Content-Type"] == JSON_TYPE
    assert b'","' in answer.body
    assert b'": ' not in answer.body
    file_id = answer.json["data"][0]["fileId"]
    answer = await northbound.delete(f"{CATEGORY}/{file_id}")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Content-Type"] == JSON_TYPE


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("/", "GET", 404), ("/api/v3.0/devices", "GET", 404), (OPERATIONS, "PUT", 405)],
)
async def test_what_is_not_the_api_is_a_web_servers_page(
    stranger: Northbound, path: str, method: str, status: int
) -> None:
    """HTML, as from a wrong port, whoever asks."""
    answer = await stranger.call(method, path)
    assert answer.status == status
    assert answer.headers["Content-Type"].startswith("text/html")


async def test_a_huge_body_is_refused_by_the_web_server(northbound: Northbound) -> None:
    """It never reaches the platform."""
    answer = await northbound.call(
        "POST", f"{OPERATIONS}/firmwareUpgrade", data=b"x" * (5 * 1024 * 1024)
    )
    assert answer.status == 413


async def test_errors_have_code_and_description_as_texts(
    northbound: Northbound,
) -> None:
    """Both are strings, under the documented keys."""
    answer = await northbound.get(f"{OPERATIONS}/none")
    assert answer.json == {
        "error_code": "123009",
        "error_desc": "The requested task does not exist.",
    }


async def test_a_gateway_may_have_its_own_keys(northbound: Northbound) -> None:
    """Then token and throttle are told as `resultcode` and `resultmsg`."""
    sim = northbound.sim
    sim.quirks = Quirks(error_keys="gateway")
    assert (await northbound.get(f"{OPERATIONS}/none")).error == (404, "123009")
    sim.drop_token()
    answer = await northbound.get(OPERATIONS)
    assert answer.status == 403
    assert answer.json == {
        "resultcode": "1010005",
        "resultmsg": "Invalid access token or appId.",
    }
    sim.quirks = Quirks(error_keys="resultcode")
    answer = await northbound.login(appId="x", secret="y")
    assert answer.json["resultcode"] == "100208"


async def test_a_gateway_may_refuse_with_html(northbound: Northbound) -> None:
    """A load balancer's 403 says neither token nor throttle."""
    northbound.sim.quirks = Quirks(html_refusals=True)
    northbound.sim.drop_token()
    answer = await northbound.get(OPERATIONS)
    assert answer.status == 403
    assert answer.headers["Content-Type"] == "text/html"
    assert b"administrative rules" in answer.body


async def test_content_type_on_get_and_empty_query_parts_do_no_harm(
    northbound: Northbound,
) -> None:
    """Huawei's Python SDK sends both."""
    answer = await northbound.call(
        "GET",
        f"{DEVICES}?&pageNo=0&&pageSize=&status=ONLINE",
        more_headers={"Content-Type": "application/json"},
    )
    assert answer.status == 200
    assert answer.json["pageSize"] == 25


async def test_calls_are_logged_as_they_came_in(northbound: Northbound) -> None:
    """With their parts, but without the secret."""
    sim = northbound.sim
    sim.calls.clear()
    await northbound.get(OPERATIONS, pageNo=1)
    await northbound.create()
    await northbound.login()
    listed, created, login = sim.calls
    assert (listed.method, listed.path) == ("GET", OPERATIONS)
    assert listed.query == {"pageNo": "1"}
    assert b"fileId" in created.body
    assert created.application == login.application == sim.app_id
    assert login.body == b""
    assert listed.at <= created.at <= login.at <= sim.clock.now()


async def test_the_worst_minute_counts_every_call_of_the_application(
    northbound: Northbound,
) -> None:
    """Refused ones too."""
    sim = northbound.sim
    sim.reset(rate_limit=3)
    sim.clock.freeze()
    await northbound.login()
    for _ in range(5):
        await northbound.get(OPERATIONS)
    sim.clock.advance(60)
    await northbound.get(OPERATIONS)
    assert sim.calls.worst_minute == 6
    assert sim.calls.count(OPERATIONS, "GET") == 6
    sim.calls.clear()
    assert (len(sim.calls), sim.calls.worst_minute) == (0, 0)


def test_each_code_is_defined_once(oceanconnect: OceanConnectSimulator) -> None:
    """A code has one text wherever it is used."""
    defined = [item for item in vars(codes).values() if isinstance(item, codes.Code)]
    for one, other in itertools.combinations(defined, 2):
        assert one.code != other.code
