"""The gateway, and what all actions have in common."""

from dataclasses import replace
from email.utils import parsedate_to_datetime
import ssl
from typing import Any

import aiohttp
import pytest

from simulator.enos import (
    EnosSimulator,
    Fault,
    FaultKind,
    codes,
    gateway_refusal,
    refusal,
)
from simulator.enos.services import ACTIONS

from .caller import FIRMWARE, JOBS, TOKEN, Caller, address


@pytest.mark.parametrize("path", sorted(ACTIONS))
async def test_the_action_says_what_is_wanted(caller: Caller, path: str) -> None:
    """Without one, or with an unknown one, it is an invalid argument."""
    query = {"orgId": caller.sim.org_id}
    answer = await caller.raw(
        "GET", address(path, query), headers=caller.headers(query, "")
    )
    assert (answer.code, answer.json["msg"], answer.json["data"]) == (
        99400,
        "Invalid Argument action:action is missing",
        None,
    )
    assert (await caller.call(path, "explode")).code == 99400


@pytest.mark.parametrize(
    ("path", "action"),
    [(path, action) for path, actions in ACTIONS.items() for action in actions],
)
async def test_every_action_is_for_an_organisation(
    caller: Caller, path: str, action: str
) -> None:
    """Which the application must be allowed to see."""
    answer = await caller.call(path, action, orgId="o1")
    assert (answer.code, answer.json["msg"]) == (99403, "Denied resource: orgId o1")
    assert (await caller.call(path, action, orgId="")).code == 99400


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_method_does_not_matter(caller: Caller, method: str) -> None:
    """Nor whether there is a body; the vendor's samples send what they like."""
    sim = caller.sim
    job_id = sim.add_job(stopped=True)
    for action in ("get", "start", "stop", "delete"):
        answer = await caller.call(JOBS, action, {}, method=method, jobId=job_id)
        assert answer.code == 0
    body = {"pagination": {"pageSize": 2}}
    assert len((await caller.call(JOBS, "search", body, method=method)).data) == 2


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("POST", "/connect-service/v2.1/nothing"),
        ("POST", f"{TOKEN}/explode"),
        ("PUT", JOBS),
        ("DELETE", f"{TOKEN}/get"),
    ],
)
async def test_where_nobody_answers(stranger: Caller, method: str, path: str) -> None:
    """The gateway says so, before it asks for a token."""
    answer = await stranger.raw(method, path)
    assert answer.refused == (404, "no Route matched with those values")


@pytest.mark.parametrize("body", ["{", "[]", '"x"', "5"])
async def test_a_body_that_is_no_object_is_not_processed(
    caller: Caller, body: str
) -> None:
    """That is the gateway's word too."""
    query = {"action": "search", "orgId": caller.sim.org_id}
    answer = await caller.raw(
        "POST", address(JOBS, query), data=body, headers=caller.headers(query, body)
    )
    assert answer.refused == (400, "Cannot process request body")


async def test_a_body_that_is_no_text_is_not_processed(caller: Caller) -> None:
    """Its signature could not even be checked."""
    query = {"action": "search", "orgId": caller.sim.org_id}
    answer = await caller.raw(
        "POST", address(JOBS, query), data=b"\xff", headers=caller.headers(query, "")
    )
    assert answer.refused == (400, "Cannot process request body")


async def test_a_body_has_its_limit(caller: Caller) -> None:
    """Beyond it nothing is read."""
    caller.sim.quirks = replace(caller.sim.quirks, largest_body=100)
    answer = await caller.call(JOBS, "search", {"expression": "x" * 100})
    assert answer.refused == (413, "Request size limit exceeded")
    assert (await caller.call(JOBS, "search", {})).code == 0


async def test_the_application_has_a_rate_limit(caller: Caller) -> None:
    """Told with the time to wait, or without; tokens are not counted."""
    sim = caller.sim
    sim.reset(rate_limit=3)
    sim.clock.freeze()
    for _ in range(3):
        await caller.signed_in()
        assert (await caller.call(JOBS, "search")).code == 0
        sim.clock.advance(10)
    answer = await caller.call(JOBS, "search")
    assert answer.refused == (429, "API rate limit exceeded")
    assert answer.headers["Retry-After"] == "30"
    sim.quirks = replace(sim.quirks, retry_after=False)
    answer = await caller.call(JOBS, "search")
    assert answer.status == 429
    assert "Retry-After" not in answer.headers
    sim.clock.advance(30)
    assert (await caller.call(JOBS, "search")).code == 0
    assert (await caller.call(JOBS, "search")).status == 429


async def test_numbers_may_be_text(caller: Caller) -> None:
    """In the data and in the pagination; a code stays a number."""
    caller.sim.quirks = replace(caller.sim.quirks, numbers_as_text=True)
    job_id = caller.sim.add_job()
    caller.sim.finish_job(job_id)
    answer = await caller.tasks(f"jobId = '{job_id}'", pageSize=1)
    assert answer.json["code"] == 0
    assert answer.json["pagination"] == {
        "sortedBy": None,
        "pageNo": "1",
        "pageSize": "1",
        "totalSize": str(len(caller.sim.tasks(job_id))),
    }
    assert answer.data[0]["progress"] == "100"
    job = await caller.job(job_id)
    assert job["enableUpgradeRequest"] is False
    assert job["maximumConcurrency"] == "300"
    assert (await caller.token_call("get"))["data"]["expire"].isdigit()


async def test_what_is_not_set_may_be_absent(caller: Caller) -> None:
    """Instead of null."""
    caller.sim.quirks = replace(caller.sim.quirks, unset="absent")
    job = await caller.job(caller.sim.add_job())
    assert "name" not in job
    assert set(job["upgradeScope"]) == {"type", "deviceGroupIds"}
    answer = await caller.call(FIRMWARE, "search", {"pagination": {"pageSize": 1}})
    assert "sortedBy" not in answer.json["pagination"]


async def test_business_codes_may_come_with_another_status(caller: Caller) -> None:
    """Which is documented nowhere."""
    caller.sim.quirks = replace(caller.sim.quirks, error_status=400)
    answer = await caller.call(JOBS, "get", jobId="x")
    assert (answer.status, answer.json["code"]) == (400, 24404)


@pytest.mark.parametrize("status", [400, 401, 403, 413, 429, 500, 503])
async def test_the_gateway_can_refuse_with_all_its_statuses(
    caller: Caller, status: int
) -> None:
    """As a fault."""
    caller.sim.faults.add(gateway_refusal(status))
    answer = await caller.call(JOBS, "search")
    assert answer.status == status
    assert len(answer.json["message"]) > 10
    assert (await caller.call(JOBS, "search")).code == 0


@pytest.mark.parametrize("code", [codes.INTERNAL, codes.OTA_INTERNAL, codes.NOT_FOUND])
async def test_a_service_can_refuse_with_any_code(
    caller: Caller, code: codes.Code
) -> None:
    """Of one action, whatever is asked of it."""
    caller.sim.faults.add(refusal(code, path="action=create"))
    assert (await caller.call(JOBS, "search")).code == 0
    answer = await caller.create()
    assert (answer.code, answer.json["msg"]) == (code.code, code.text)
    assert (await caller.create()).code == 0


async def test_faults_of_all_platforms(caller: Caller) -> None:
    """The throttle, a dead token, an answer that is lost after the work."""
    sim = caller.sim
    sim.faults.add(Fault(kind=FaultKind.THROTTLE, path=JOBS))
    answer = await caller.call(JOBS, "search")
    assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
    sim.faults.add(Fault(kind=FaultKind.DROP_TOKEN, path="action=search"))
    assert (await caller.call(JOBS, "search")).status == 401
    await caller.signed_in()
    before = len(sim.jobs())
    for kind, more in ((FaultKind.RESET_BEFORE, 0), (FaultKind.RESET_AFTER, 1)):
        sim.faults.add(Fault(kind=kind, path="action=create"))
        with pytest.raises(aiohttp.ClientConnectionError):
            await caller.create()
        assert len(sim.jobs()) == before + more


async def test_the_call_log_names_the_action(caller: Caller) -> None:
    """With what was sent, and when."""
    await caller.call(JOBS, "search", {"expression": ""})
    await caller.call(JOBS, "get", method="GET", jobId="x")
    calls = caller.sim.calls
    assert calls.count("action=search") == 1
    assert calls.count(JOBS, "GET") == 1
    assert calls[1].body == b'{"expression": ""}'
    assert calls[2].query["jobId"] == "x"
    assert {call.application for call in calls} == {caller.sim.access_key}


async def test_answers_tell_the_time(caller: Caller) -> None:
    """The platform's, also in a refusal."""
    caller.sim.clock.advance(3600)
    for answer in (await caller.call(JOBS, "search"), await caller.raw("GET", "/")):
        told = parsedate_to_datetime(answer.headers["Date"]).timestamp()
        assert abs(told - caller.sim.clock.now()) < 5


async def test_it_speaks_https_too(socket_enabled: None) -> None:
    """With a certificate of its own CA, and none of the client's."""
    with EnosSimulator(tls=True, devices=3, jobs=0) as sim:
        assert sim.url.startswith("https://127.0.0.1:")
        assert sim.tls is not None
        context = ssl.create_default_context(cadata=sim.tls.ca_pem.decode())
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT

        async def signed_in() -> None:
            connector = aiohttp.TCPConnector(ssl=context)
            async with aiohttp.ClientSession(sim.url, connector=connector) as session:
                caller = await Caller(session, sim).signed_in()
                assert (await caller.call(JOBS, "search")).data == []

        await signed_in()
        sim.present_certificate("expired")
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await signed_in()
        sim.reset()
        await signed_in()


async def test_what_is_asked_twice_counts_once(caller: Caller) -> None:
    """The first value, as in the signature."""
    query = {"action": "search", "orgId": caller.sim.org_id}
    url = address(JOBS, query) + "&action=explode"
    answer: Any = await caller.raw("GET", url, headers=caller.headers(query, ""))
    assert answer.code == 0
