"""The credentials of an OceanConnect application, checked and put to use."""

from ssl import SSLContext

from aiohttp import ClientSession
from yarl import URL

from ..budget import shared_budget
from ..errors import InvalidFieldError
from ..platform import CredentialNotes, Credentials, Field, FieldKind
from ..tls import ServerCheck, client_context, expiry
from ..transport import Transport
from .auth import shared_session
from .client import OceanConnectClient

DEFAULT_PORT = 8743

FORM = (
    Field(key="host", required=True),
    Field(key="port", kind=FieldKind.PORT, required=True, default=DEFAULT_PORT),
    Field(key="app_id", required=True, identifying=True),
    Field(key="secret", kind=FieldKind.SECRET, required=True),
    Field(key="client_certificate", kind=FieldKind.PEM_FILE),
    Field(key="client_key", kind=FieldKind.PEM_FILE),
    Field(key="client_key_password", kind=FieldKind.SECRET),
    Field(key="ca", kind=FieldKind.PEM_FILE),
    Field(
        key="server_check",
        kind=FieldKind.CHOICE,
        required=True,
        choices=tuple(ServerCheck),
        default=ServerCheck.FULL,
    ),
)


def account_id(credentials: Credentials) -> str:
    """Return the application ID, whatever the address."""
    return str(credentials["app_id"])


def title(credentials: Credentials) -> str:
    """Return a name for a new account."""
    return f"OceanConnect {credentials['app_id']}"


def check(credentials: Credentials) -> SSLContext:
    """Check credentials without any network; blocking.

    Raises `InvalidFieldError`.
    """
    _base(credentials)
    return client_context(
        check=_server_check(credentials),
        ca=credentials.get("ca"),
        certificate=credentials.get("client_certificate"),
        key=credentials.get("client_key"),
        password=credentials.get("client_key_password"),
    )


def credential_notes(credentials: Credentials) -> CredentialNotes:
    """Tell what is to be known of credentials that were checked; blocking."""
    certificate = credentials.get("client_certificate")
    return CredentialNotes(
        expires=None if certificate is None else expiry(certificate),
        is_server_checked=_server_check(credentials) is ServerCheck.FULL,
    )


def client(
    session: ClientSession, credentials: Credentials, context: SSLContext | None
) -> OceanConnectClient:
    """Return the client of an account; connects only when it is used."""
    app_id = account_id(credentials)
    base = _base(credentials)
    budget = shared_budget("oceanconnect", app_id)
    tokens = shared_session(base.authority, app_id, credentials["secret"])
    transport = Transport(
        session, base, context=context, budget=budget, secrets=tokens.secrets
    )
    return OceanConnectClient(transport, tokens)


def _server_check(credentials: Credentials) -> ServerCheck:
    return ServerCheck(credentials.get("server_check", ServerCheck.FULL))


def _base(credentials: Credentials) -> URL:
    """Return the platform's address from a host name or an IP address."""
    host = str(credentials["host"]).strip().removeprefix("[").removesuffix("]")
    if not host or any(mark in host for mark in "/@?#"):
        raise InvalidFieldError("host", "host_invalid")
    try:
        return URL.build(scheme="https", host=host, port=int(credentials["port"]))
    except ValueError as err:
        raise InvalidFieldError("host", "host_invalid") from err
