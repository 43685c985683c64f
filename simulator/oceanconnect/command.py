"""The command line of the simulated OceanConnect platform."""

import argparse
from collections.abc import Callable

from aiohttp import web

from ..command_line import add_server_options, certificates, factor, number, run, word
from .platform import Settings
from .server import Simulation

NAME = "oceanconnect"
SUMMARY = "Huawei OceanConnect: northbound API and upgrade engine"

_PORT = 8743
_DEFAULTS = Settings()


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add this platform's options."""
    add_server_options(parser, NAME, _PORT)
    add = parser.add_argument
    add(
        "--app-id",
        type=word(256),
        default=_DEFAULTS.app_id,
        help="the application that may sign in (default: %(default)s)",
    )
    add(
        "--secret",
        type=word(256),
        default=_DEFAULTS.secret,
        help="the application's secret (default: %(default)s)",
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
        default=_DEFAULTS.tasks,
        help="how many finished upgrade tasks there are (default: %(default)s)",
    )
    add(
        "--speed",
        type=factor,
        default=_DEFAULTS.speed,
        help="how much faster than real ones the devices take their steps; time "
        "stamps, windows, tokens and throttle keep the time (default: %(default)s)",
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
        help="calls a minute that an application may make (default: %(default)s)",
    )
    add(
        "--token-life",
        type=number(1, 2**31 - 1),
        default=int(_DEFAULTS.token_life),
        help="seconds that an access token lives (default: %(default)s)",
    )
    add(
        "--push-ca",
        type=certificates,
        metavar="FILE",
        help="the CA, in PEM, of the servers that notifications go to over https "
        "(default: those of the system)",
    )


def main(options: argparse.Namespace, ready: Callable[[str], None]) -> None:
    """Run the platform until the program is told to end; raises CommandError."""
    settings = Settings(
        app_id=options.app_id,
        secret=options.secret,
        devices=options.devices,
        groups=options.groups,
        tasks=options.tasks,
        speed=options.speed,
        seed=options.seed,
        rate_limit=options.rate_limit,
        token_life=options.token_life,
        push_ca=options.push_ca,
    )

    async def application() -> web.Application:
        return Simulation(settings).application()

    run(options, application, ready)
