"""Who may call: the signature over each call, and the header of the vendor's SDKs."""

import base64
import json

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
import pytest

from simulator.enos.sessions import signature

from .caller import FILES, FIRMWARE, JOBS, Caller, address

UNAUTHORISED = (401, "Invalid authentication credentials")
SHORT, LONG = "0a" * 32, "0b" * 32


def test_the_published_example_has_the_published_signature() -> None:
    """The one that EnOS prints on its page about tokens."""
    body = '{\n  "count": 20,\n  "page": 1,\n  "desc": "描述"\n}'
    assert signature(
        "xxxxaaaxxxx",
        [("k3", "v3"), ("k1", "v1"), ("k2", "v2")],
        body,
        "1572574909697",
        "xxxappSecretxxx",
    ) == ("59828328f6c1f9771015dc74e4929ae30f518a35a3d2353972c2ea46556fc981")


async def test_a_signed_call_is_answered(caller: Caller) -> None:
    """In the envelope of all services but the token's."""
    answer = await caller.call(JOBS, "search", {"expression": "name like '描述'"})
    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
    content = answer.json
    assert len(content.pop("requestId")) == 36
    assert content.pop("pagination")["totalSize"] == 0
    assert content == {"code": 0, "msg": "OK", "data": []}


@pytest.mark.parametrize(
    "header", ["apim-accesstoken", "apim-timestamp", "apim-signature"]
)
async def test_each_header_has_to_be_there_and_right(
    caller: Caller, header: str
) -> None:
    """Or the gateway refuses the call."""
    for wrong in ("", "1", "x" * 64):
        answer = await caller.call(JOBS, "search", more_headers={header: wrong})
        assert answer.refused == UNAUTHORISED


async def test_the_body_is_signed_as_it_is_sent(caller: Caller) -> None:
    """Also its white space."""
    query = {"action": "search", "orgId": caller.sim.org_id}
    for signed, status in (('{"a": 1}', 200), ('{"a":1}', 401), ("", 401)):
        answer = await caller.raw(
            "POST",
            address(JOBS, query),
            data='{"a": 1}',
            headers=caller.headers(query, signed),
        )
        assert answer.status == status


async def test_all_of_the_query_is_signed(caller: Caller) -> None:
    """Decoded; of a parameter that is there twice the first one."""
    query = {"action": "search", "orgId": caller.sim.org_id, "x": "a b+c&ü"}
    url = address(JOBS, query)
    assert (await caller.raw("POST", url, headers=caller.headers(query, ""))).code == 0
    twice = f"{url}&x=second"
    assert (
        await caller.raw("POST", twice, headers=caller.headers(query, ""))
    ).code == 0
    other = f"{url}&y=1"
    assert (
        await caller.raw("POST", other, headers=caller.headers(query, ""))
    ).refused == UNAUTHORISED


@pytest.mark.parametrize(("late", "status"), [(299, 200), (-299, 200), (3600, 401)])
async def test_a_wrong_clock_is_not_let_in(
    caller: Caller, late: float, status: int
) -> None:
    """The answer tells the right time."""
    caller.late = late
    answer = await caller.call(JOBS, "search")
    assert answer.status == status
    assert answer.headers["Date"].endswith(" GMT")


async def test_a_token_that_has_run_out_is_refused(caller: Caller) -> None:
    """By time, or because the platform wants it."""
    caller.sim.clock.advance(7201)
    assert (await caller.call(JOBS, "search")).refused == UNAUTHORISED
    await caller.signed_in()
    assert (await caller.call(JOBS, "search")).code == 0
    caller.sim.expire_token()
    assert (await caller.call(JOBS, "search")).refused == UNAUTHORISED


async def test_a_file_is_fetched_with_a_token_alone(caller: Caller) -> None:
    """Nobody signs that."""
    firmware = caller.sim.firmware()[0]
    url = address(
        FILES,
        {
            "action": "download",
            "orgId": caller.sim.org_id,
            "fileUri": firmware.file_url,
        },
    )
    answer = await caller.raw("GET", url, headers={"apim-accesstoken": caller.token})
    assert answer.status == 200
    assert len(answer.body) == firmware.file_size
    assert (await caller.raw("GET", url)).refused == UNAUTHORISED


def sealed(caller: Caller, key: rsa.RSAPrivateKey, **fields: str) -> str:
    """Return the header of an SDK, with some fields in place of the right ones."""
    keys = caller.sim.access_key, caller.sim.secret_key
    pin = str(int("".join(each.split("-")[1] for each in keys), 16)).zfill(9)[:6]
    parts = {
        "pin": pin,
        "access": keys[0],
        "secret": keys[1],
        "short": SHORT,
        "refresh": LONG,
    } | fields
    sha1 = hashes.SHA1()
    text = "$".join(parts.values()).encode()
    ciphertext = key.public_key().encrypt(
        text, padding.OAEP(mgf=padding.MGF1(sha1), algorithm=sha1, label=None)
    )
    return base64.b64encode(ciphertext).decode()


@pytest.fixture(scope="module")
def sdk_key() -> rsa.RSAPrivateKey:
    """The key whose public half an SDK would hold."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


async def by_sdk(caller: Caller, header: str) -> tuple[int, object]:
    """Search for firmware in the way of the SDKs."""
    answer = await caller.raw(
        "POST",
        address(FIRMWARE, {"action": "search", "orgId": caller.sim.org_id}),
        data=json.dumps({}),
        headers={"apim-accesstoken": header},
    )
    return answer.status, answer.json


async def test_the_header_of_an_sdk_is_taken_by_its_form(
    stranger: Caller, sdk_key: rsa.RSAPrivateKey
) -> None:
    """As the vendor's private key is not known: 256 bytes in base64."""
    assert (await by_sdk(stranger, sealed(stranger, sdk_key)))[0] == 200
    assert (await by_sdk(stranger, base64.b64encode(bytes(255)).decode()))[0] == 401
    assert (await by_sdk(stranger, "!" * 344))[0] == 401


async def test_the_header_of_an_sdk_is_read_if_the_key_is_known(
    stranger: Caller, sdk_key: rsa.RSAPrivateKey
) -> None:
    """Then each of its parts has to be right."""
    stranger.sim.reset(sdk_key=sdk_key)
    assert (await by_sdk(stranger, sealed(stranger, sdk_key)))[0] == 200
    for fields in (
        {"pin": "000000"},
        {"access": "5-5"},
        {"secret": "6-6"},
        {"short": "soon"},
        {"refresh": "later"},
        {"more": "x"},
    ):
        assert (await by_sdk(stranger, sealed(stranger, sdk_key, **fields)))[0] == 401
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert (await by_sdk(stranger, sealed(stranger, other)))[0] == 401
    right = sealed(stranger, sdk_key)
    stranger.sim.change_secret("no dashes")
    assert (await by_sdk(stranger, right))[0] == 401


async def test_the_tokens_of_an_sdk_can_be_stale(
    stranger: Caller, sdk_key: rsa.RSAPrivateKey
) -> None:
    """The short one is replaced with a refresh token, or both are made anew."""
    stranger.sim.reset(sdk_key=sdk_key)
    stranger.sim.make_sdk_stale("short")
    status, content = await by_sdk(stranger, sealed(stranger, sdk_key))
    assert isinstance(content, dict)
    assert (status, content["apim_status"]) == (200, 4011)
    refresh = content["apim_refreshtoken"]
    again = sealed(stranger, sdk_key, refresh=refresh)
    assert (await by_sdk(stranger, again))[0] == 200
    stranger.sim.make_sdk_stale("short")
    await by_sdk(stranger, again)
    assert (await by_sdk(stranger, again))[0] == 401
    stranger.sim.make_sdk_stale("both")
    assert await by_sdk(stranger, again) == (200, {"apim_status": 4012})
    assert (await by_sdk(stranger, sealed(stranger, sdk_key)))[0] == 200
