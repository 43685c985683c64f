"""The credentials of an EnOS application, checked and put to use."""

from ssl import SSLContext

from aiohttp import ClientSession
from yarl import URL

from ..budget import AdaptiveBudget, shared_budget
from ..errors import InvalidFieldError
from ..platform import CredentialNotes, Credentials, Field, FieldKind
from ..tls import ServerCheck, client_context
from ..transport import Transport
from .auth import shared_session
from .client import EnosClient

FORM = (
    Field(key="address", required=True),
    Field(key="access_key", required=True, identifying=True),
    Field(key="secret_key", kind=FieldKind.SECRET, required=True),
    Field(key="org_id", required=True, identifying=True),
    Field(key="ca", kind=FieldKind.PEM_FILE),
)


def account_id(credentials: Credentials) -> str:
    """Return organization and access key, whatever the address."""
    return f"{credentials['org_id']}_{credentials['access_key']}"


def title(credentials: Credentials) -> str:
    """Return a name for a new account."""
    return f"EnOS {credentials['org_id']}"


def check(credentials: Credentials) -> SSLContext | None:
    """Check credentials without any network; blocking.

    Raises `InvalidFieldError`.
    """
    if _base(credentials).scheme == "http":
        return None
    return client_context(check=ServerCheck.FULL, ca=credentials.get("ca"))


def credential_notes(credentials: Credentials) -> CredentialNotes:
    """Tell what is to be known of credentials that were checked."""
    return CredentialNotes(is_server_checked=_base(credentials).scheme == "https")


def client(
    session: ClientSession, credentials: Credentials, context: SSLContext | None
) -> EnosClient:
    """Return the client of an account; connects only when it is used."""
    access_key = str(credentials["access_key"])
    base = _base(credentials)
    # Organizations of one application share its calls, and its token.
    budget = shared_budget("enos", access_key, make=AdaptiveBudget)
    tokens = shared_session(str(base), access_key, credentials["secret_key"])
    transport = Transport(
        session, base, context=context, budget=budget, secrets=tokens.secrets
    )
    return EnosClient(transport, tokens, str(credentials["org_id"]))


def _base(credentials: Credentials) -> URL:
    """Return the gateway's address; HTTPS unless it says HTTP."""
    given = str(credentials["address"]).strip()
    try:
        url = URL(given if "://" in given else f"https://{given}")
        is_plain = url.scheme in ("http", "https") and url == url.origin()
    except ValueError as err:
        raise InvalidFieldError("address", "address_invalid") from err
    if not is_plain or not url.host or any(mark in given for mark in " @?#"):
        raise InvalidFieldError("address", "address_invalid")
    return url.origin()
