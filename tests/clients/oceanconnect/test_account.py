"""An account's address, certificates and name."""

import asyncio
from datetime import UTC, datetime, timedelta
import ssl
from typing import Any

import aiohttp
import pytest

from custom_components.fleet_upgrade.clients.errors import (
    ConnectionProblem,
    InvalidFieldError,
    UnreachableError,
)
from custom_components.fleet_upgrade.clients.oceanconnect import PLATFORM
from custom_components.fleet_upgrade.clients.oceanconnect.client import (
    OceanConnectClient,
)
from simulator.oceanconnect import OceanConnectSimulator

from .common import connect, credentials_of


@pytest.mark.parametrize(
    ("certificate", "changes", "problem"),
    [
        ("good", {"ca": None}, ConnectionProblem.UNKNOWN_CA),
        ("wrong_name", {}, ConnectionProblem.HOST_NAME),
        ("expired", {}, ConnectionProblem.EXPIRED),
        (
            "good",
            {"client_certificate": None, "client_key": None},
            ConnectionProblem.HUNG_UP,
        ),
    ],
)
async def test_each_way_in_which_tls_fails_is_told_apart(
    session: aiohttp.ClientSession,
    oceanconnect: OceanConnectSimulator,
    certificate: Any,
    changes: dict[str, Any],
    problem: ConnectionProblem,
) -> None:
    """So that the form can say what to do."""
    oceanconnect.present_certificate(certificate)
    with pytest.raises(UnreachableError) as err:
        await connect(session, oceanconnect, **changes).verify()
    assert err.value.problem is problem


@pytest.mark.parametrize(
    ("certificate", "check"),
    [("wrong_name", "certificate"), ("wrong_name", "none"), ("expired", "none")],
)
async def test_a_server_is_checked_only_as_far_as_the_user_says(
    session: aiohttp.ClientSession,
    oceanconnect: OceanConnectSimulator,
    certificate: Any,
    check: str,
) -> None:
    """Its certificate may not hold the address, or not be good for anything."""
    oceanconnect.present_certificate(certificate)
    await connect(session, oceanconnect, server_check=check).verify()


async def test_a_connection_that_is_not_made_in_time_was_never_made(
    client: OceanConnectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unlike an answer that does not come in time."""

    async def never(*_args: Any, **_kwargs: Any) -> Any:
        raise aiohttp.ConnectionTimeoutError

    monkeypatch.setattr(aiohttp.TCPConnector, "_create_connection", never)
    with pytest.raises(UnreachableError) as err:
        await client.verify()
    assert err.value.problem is ConnectionProblem.TIMEOUT
    assert not err.value.sent


async def test_a_port_that_speaks_no_tls_is_a_tls_failure(
    session: aiohttp.ClientSession, oceanconnect: OceanConnectSimulator
) -> None:
    """Something else listens there."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(UnreachableError) as err:
            await connect(session, oceanconnect, port=port).verify()
    assert err.value.problem is ConnectionProblem.TLS
    assert not err.value.sent


async def test_a_certificate_with_another_fault_is_a_tls_failure(
    client: OceanConnectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There are more faults than a form has texts for."""

    async def refuse(*_args: Any, **_kwargs: Any) -> Any:
        key: Any = None
        raise aiohttp.ClientConnectorCertificateError(
            key, ssl.SSLCertVerificationError("revoked")
        )

    monkeypatch.setattr(aiohttp.TCPConnector, "_create_connection", refuse)
    with pytest.raises(UnreachableError) as err:
        await client.verify()
    assert err.value.problem is ConnectionProblem.TLS


@pytest.mark.parametrize("host", ["", " ", "https://host", "user@host", "ho st", "a:b"])
def test_what_is_no_host_is_refused_before_connecting(
    oceanconnect: OceanConnectSimulator, host: str
) -> None:
    """A path or a user name would change where the secret goes."""
    with pytest.raises(InvalidFieldError) as err:
        PLATFORM.check(credentials_of(oceanconnect, host=host))
    assert (err.value.field, err.value.key) == ("host", "host_invalid")


@pytest.mark.parametrize("host", [" 10.0.0.1 ", "platform.example", "::1", "[::1]"])
def test_names_and_addresses_of_both_kinds_are_hosts(
    oceanconnect: OceanConnectSimulator, host: str
) -> None:
    """With or without brackets and blanks."""
    assert PLATFORM.check(credentials_of(oceanconnect, host=host))


def test_an_account_is_known_by_its_application_whatever_the_address(
    oceanconnect: OceanConnectSimulator,
) -> None:
    """So that the address can change."""
    here = credentials_of(oceanconnect)
    there = credentials_of(oceanconnect, host="platform.example")
    assert PLATFORM.account_id(here) == PLATFORM.account_id(there)
    assert oceanconnect.app_id in PLATFORM.title(here)


def test_the_port_is_the_platforms_usual_one_unless_another_is_given() -> None:
    """Every deployment known uses it."""
    fields = {field.key: field for field in PLATFORM.form}
    assert fields["port"].default == 8743


@pytest.mark.parametrize(
    ("check", "is_checked"),
    [("full", True), ("certificate", False), ("none", False), (None, True)],
)
def test_whether_the_server_is_checked_is_noted(
    oceanconnect: OceanConnectSimulator, check: str | None, is_checked: bool
) -> None:
    """Whoever has any good certificate can pass for one whose name is not checked."""
    credentials = credentials_of(oceanconnect, server_check=check)
    assert PLATFORM.credential_notes(credentials).is_server_checked is is_checked


def test_the_end_of_the_client_certificate_is_noted(
    oceanconnect: OceanConnectSimulator,
) -> None:
    """Where there is one."""
    expires = PLATFORM.credential_notes(credentials_of(oceanconnect)).expires
    assert expires is not None
    assert expires > datetime.now(UTC) + timedelta(days=3000)
    bare = credentials_of(oceanconnect, client_certificate=None, client_key=None)
    assert PLATFORM.credential_notes(bare).expires is None
