"""What can be wrong with an account, and what the form says of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
import socket
from typing import Any

from simulator.oceanconnect import (
    FORBIDDEN_HTML,
    Fault,
    FaultKind,
    OceanConnectSimulator,
)


@dataclass(frozen=True)
class Mistake:
    """Something that is wrong at first, and what the form says of it."""

    says: dict[str, str]
    answers: Callable[[OceanConnectSimulator], dict[str, Any]] = lambda _: {}
    platform: Callable[[OceanConnectSimulator], object] = lambda _: None
    repair: Callable[[OceanConnectSimulator], object] = lambda _: None
    placeholders: Mapping[str, str] = field(default_factory=dict)


def closed_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def answer_html(simulator: OceanConnectSimulator) -> None:
    """Let a load balancer answer in place of the platform."""
    simulator.faults.add(
        Fault(
            kind=FaultKind.STATUS,
            status=403,
            content_type="text/html",
            body=FORBIDDEN_HTML,
        )
    )


REFUSALS = {
    "a wrong secret": Mistake(
        {"base": "invalid_auth"}, answers=lambda _: {"secret": "wrong"}
    ),
    "a wrong application ID": Mistake(
        {"base": "invalid_auth"}, answers=lambda _: {"app_id": "somebody-else"}
    ),
    "an application that is gone": Mistake(
        {"base": "application_unknown"},
        platform=OceanConnectSimulator.delete_app,
        repair=OceanConnectSimulator.reset,
    ),
    "a frozen application": Mistake(
        {"base": "application_frozen"},
        platform=OceanConnectSimulator.freeze_app,
        repair=lambda simulator: simulator.freeze_app(False),
    ),
    "no calls left": Mistake(
        {"base": "throttled"},
        platform=lambda simulator: simulator.faults.add(
            Fault(kind=FaultKind.THROTTLE, count=None)
        ),
        repair=lambda simulator: simulator.faults.clear(),
        placeholders={"seconds": "0"},
    ),
    "a platform in trouble": Mistake(
        {"base": "server_error"},
        platform=lambda simulator: simulator.faults.add(
            Fault(kind=FaultKind.STATUS, status=503)
        ),
    ),
    "somebody else who answers": Mistake(
        {"base": "not_the_platform"}, platform=answer_html
    ),
    "an answer that makes no sense": Mistake(
        {"base": "malformed_answer"},
        platform=lambda simulator: simulator.faults.add(
            Fault(kind=FaultKind.MALFORMED, path="/operations", body=b'{"data": 1}')
        ),
    ),
}

CONNECTIONS = {
    "a port on which nobody listens": Mistake(
        {"base": "cannot_connect"}, answers=lambda _: {"port": closed_port()}
    ),
    "no CA certificate": Mistake(
        {"base": "tls_unknown_ca"}, answers=lambda _: {"ca": None}
    ),
    "another CA certificate": Mistake(
        {"base": "tls_unknown_ca"},
        answers=lambda simulator: {"ca": simulator.tls.foreign.ca_pem},
    ),
    "another host name in the certificate": Mistake(
        {"base": "tls_host_name"},
        platform=lambda simulator: simulator.present_certificate("wrong_name"),
        repair=lambda simulator: simulator.present_certificate("good"),
    ),
    "a server's certificate that has expired": Mistake(
        {"base": "tls_expired"},
        platform=lambda simulator: simulator.present_certificate("expired"),
        repair=lambda simulator: simulator.present_certificate("good"),
    ),
    "no client certificate": Mistake(
        {"base": "hung_up"},
        answers=lambda _: {"client_certificate": None, "client_key": None},
    ),
    "a client certificate of another CA": Mistake(
        {"base": "hung_up"},
        answers=lambda simulator: {
            "client_certificate": simulator.tls.foreign.client_pem
        },
    ),
}

LOCAL = {
    "an address with a scheme": Mistake(
        {"host": "host_invalid"}, answers=lambda _: {"host": "https://127.0.0.1"}
    ),
    "an address of blanks": Mistake(
        {"host": "value_missing"}, answers=lambda _: {"host": "  "}
    ),
    "a secret that is empty": Mistake(
        {"secret": "value_missing"}, answers=lambda _: {"secret": ""}
    ),
    "a file that is not text": Mistake(
        {"ca": "not_pem"}, answers=lambda _: {"ca": b"\x30\x82\x01\x00\xff"}
    ),
    "a key in place of a certificate": Mistake(
        {"client_certificate": "not_pem"},
        answers=lambda simulator: {"client_certificate": simulator.tls.client_key},
    ),
    "a certificate in place of a key": Mistake(
        {"client_key": "not_pem"},
        answers=lambda simulator: {"client_key": simulator.tls.client_pem},
    ),
    "a file that is too large": Mistake(
        {"ca": "file_too_large"},
        answers=lambda simulator: {"ca": simulator.tls.ca_pem + b"\n" * 64 * 1024},
        placeholders={"limit": "64"},
    ),
    "a file that is not there any more": Mistake(
        {"ca": "upload_missing"}, answers=lambda _: {"ca": "0" * 32}
    ),
    "no private key": Mistake(
        {"client_key": "key_missing"}, answers=lambda _: {"client_key": None}
    ),
    "a private key only": Mistake(
        {"client_certificate": "certificate_missing"},
        answers=lambda _: {"client_certificate": None},
    ),
    "a private key of another certificate": Mistake(
        {"client_key": "key_mismatch"},
        answers=lambda simulator: {"client_certificate": simulator.tls.ca_pem},
    ),
    "a client certificate that has expired": Mistake(
        {"client_certificate": "certificate_expired"},
        answers=lambda simulator: {
            "client_certificate": simulator.tls.expired_client_pem
        },
    ),
    "no password for the private key": Mistake(
        {"client_key_password": "key_password_missing"},
        answers=lambda simulator: {"client_key": simulator.tls.encrypted_client_key},
    ),
    "a wrong password for the private key": Mistake(
        {"client_key_password": "key_password_wrong"},
        answers=lambda simulator: {
            "client_key": simulator.tls.encrypted_client_key,
            "client_key_password": "wrong",
        },
    ),
}
