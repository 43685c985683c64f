"""Credentials of EnOS: what is checked before anything is sent."""

import ssl
from typing import Any

import aiohttp
import pytest

from custom_components.fleet_upgrade.clients.budget import AdaptiveBudget
from custom_components.fleet_upgrade.clients.enos import PLATFORM
from custom_components.fleet_upgrade.clients.errors import InvalidFieldError
from custom_components.fleet_upgrade.clients.platform import CredentialNotes

GOOD = {
    "address": "apim-cn5.example.com",
    "access_key": "key",
    "secret_key": "secret",
    "org_id": "o1",
}


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("apim.example.com", "https://apim.example.com"),
        (" apim.example.com:8443 ", "https://apim.example.com:8443"),
        ("https://apim.example.com/", "https://apim.example.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("[::1]:8080", "https://[::1]:8080"),
    ],
)
async def test_an_address_may_be_given_as_people_do(given: str, address: str) -> None:
    """HTTPS unless it says otherwise."""
    credentials = GOOD | {"address": given}
    context = PLATFORM.check(credentials)
    assert (context is None) is address.startswith("http:")
    async with aiohttp.ClientSession() as session:
        client: Any = PLATFORM.client(session, credentials, context)
        assert str(client._transport.base).rstrip("/") == address  # noqa: SLF001


@pytest.mark.parametrize(
    "address",
    [
        "",
        " ",
        "https://",
        "ftp://apim.example.com",
        "https://apim.example.com/connect-service",
        "https://user@apim.example.com",
        "apim.example.com?x=1",
        "apim.example.com#x",
        "apim example.com",
        "apim.example.com:port",
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    """Before anything is sent anywhere."""
    with pytest.raises(InvalidFieldError) as err:
        PLATFORM.check(GOOD | {"address": address})
    assert (err.value.field, err.value.key) == ("address", "address_invalid")


def test_the_gateways_certificate_is_checked() -> None:
    """As with any web site."""
    context = PLATFORM.check(GOOD)
    assert context is not None
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_accounts_are_told_apart_by_organization_and_key() -> None:
    """Not by address or secret."""
    assert PLATFORM.account_id(GOOD) == "o1_key"
    assert PLATFORM.title(GOOD) == "EnOS o1"


def test_what_identifies_and_what_is_secret_is_declared() -> None:
    """So that neither stands in a bug report."""
    secret = {field.key for field in PLATFORM.form if field.is_secret}
    assert secret == {"secret_key", "ca"}
    assert {field.key for field in PLATFORM.form if field.identifying} == {
        "access_key",
        "org_id",
    }
    assert {field.key for field in PLATFORM.form if not field.required} == {"ca"}


async def test_the_budget_begins_at_60_calls_a_minute() -> None:
    """And finds out by itself whether that is right."""
    async with aiohttp.ClientSession() as session:
        client = PLATFORM.client(session, GOOD, None)
    assert isinstance(client.budget, AdaptiveBudget)
    assert client.budget.limit == 60


@pytest.mark.parametrize(
    ("address", "is_checked"),
    [("apim.example.com", True), ("http://apim.example.com", False)],
)
def test_a_gateway_without_https_is_noted(address: str, is_checked: bool) -> None:
    """Anybody can pass for it. There is no certificate of ours that could expire."""
    notes = PLATFORM.credential_notes(GOOD | {"address": address})
    assert notes == CredentialNotes(expires=None, is_server_checked=is_checked)
