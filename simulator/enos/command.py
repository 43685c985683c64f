"""The command line of the simulated EnOS platform."""

import argparse
from collections.abc import Callable
from pathlib import Path
import re

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ..command_line import add_server_options, factor, number, run, word
from .platform import Settings
from .server import Simulation

NAME = "enos"
SUMMARY = "Envision EnOS: token service, connection service and OTA engine"

_PORT = 8744
_DEFAULTS = Settings()
# The second group is what the vendor's SDKs make a PIN of.
_KEY = re.compile(r"[^-$]+-[0-9A-Fa-f]+(-[^$]*)?")


def key(text: str) -> str:
    """Return an access or secret key, which looks like a UUID."""
    if not _KEY.fullmatch(text) or len(text) > 64:
        raise argparse.ArgumentTypeError(
            "needs groups of hexadecimal digits with dashes, as in a UUID"
        )
    return text


def private_key(text: str) -> RSAPrivateKey:
    """Return the RSA key in a PEM file."""
    try:
        found = load_pem_private_key(Path(text).read_bytes(), None)
    except OSError as err:
        raise argparse.ArgumentTypeError(
            f"cannot read {text!r}: {err.strerror}"
        ) from err
    except (TypeError, ValueError) as err:
        raise argparse.ArgumentTypeError(
            f"{text!r} holds no private key in PEM without a password"
        ) from err
    if not isinstance(found, RSAPrivateKey):
        raise argparse.ArgumentTypeError(f"{text!r} holds no RSA key")
    return found


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add this platform's options."""
    add_server_options(parser, NAME, _PORT, plain=True)
    add = parser.add_argument
    add(
        "--access-key",
        type=key,
        default=_DEFAULTS.access_key,
        help="the access key of the application (default: %(default)s)",
    )
    add(
        "--secret-key",
        type=key,
        default=_DEFAULTS.secret_key,
        help="the application's secret key (default: %(default)s)",
    )
    add(
        "--org-id",
        type=word(256),
        default=_DEFAULTS.org_id,
        help="the organization that it may see (default: %(default)s)",
    )
    add(
        "--sdk-key",
        type=private_key,
        metavar="FILE",
        help="an RSA private key in PEM that opens the header of the vendor's SDKs "
        "(default: only the form of the header is checked)",
    )
    add(
        "--index-lag",
        type=factor,
        default=_DEFAULTS.index_lag,
        help="seconds until a search finds what was written (default: %(default)s)",
    )
    add(
        "--devices",
        type=number(0, 100_000),
        default=_DEFAULTS.devices,
        help="how many devices there are (default: %(default)s)",
    )
    add(
        "--groups",
        type=number(0, 1000),
        default=_DEFAULTS.groups,
        help="how many device groups there are (default: %(default)s)",
    )
    add(
        "--tasks",
        type=number(0, 10_000),
        default=_DEFAULTS.jobs,
        help="how many finished jobs there are (default: %(default)s)",
    )
    add(
        "--speed",
        type=factor,
        default=_DEFAULTS.speed,
        help="how much faster than real ones the devices take their steps; tokens, "
        "signing times, schedules and throttle keep the time (default: %(default)s)",
    )
    add(
        "--seed",
        type=number(0, 2**63),
        default=_DEFAULTS.seed,
        help="what the simulated world follows from (default: %(default)s)",
    )
    add(
        "--rate-limit",
        type=number(1, 1_000_000),
        default=_DEFAULTS.rate_limit,
        help="calls a minute that an application may make (default: no limit)",
    )
    add(
        "--token-life",
        type=number(1, 2**31 - 1),
        default=int(_DEFAULTS.token_life),
        help="seconds that an access token lives (default: %(default)s)",
    )


def main(options: argparse.Namespace, ready: Callable[[str], None]) -> None:
    """Run the platform until the program is told to end; raises CommandError."""
    settings = Settings(
        access_key=options.access_key,
        secret_key=options.secret_key,
        org_id=options.org_id,
        devices=options.devices,
        groups=options.groups,
        jobs=options.tasks,
        speed=options.speed,
        seed=options.seed,
        rate_limit=options.rate_limit,
        token_life=options.token_life,
        index_lag=options.index_lag,
        sdk_key=options.sdk_key,
    )

    async def application() -> web.Application:
        return Simulation(settings).application()

    run(options, application, ready, client_certificates=False)
