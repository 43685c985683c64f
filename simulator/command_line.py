"""What every simulator's command line has in common."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
import errno
import ipaddress
import os
from pathlib import Path
import signal
import socket
import ssl
from typing import NoReturn, override

from aiohttp import web

from .running import Serving, bind
from .tls import LOOPBACK_NAMES, TlsError, TlsFolder


class CommandError(Exception):
    """A simulator that cannot run; its text is one clear line."""


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line."""

    @override
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"simulator: {message}\n")


def number(low: int, high: int) -> Callable[[str], int]:
    """Return a type of whole numbers within a range."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(
                f"{text!r} is not a whole number from {low} to {high}"
            )
        return value

    return parse


def factor(text: str) -> float:
    """Return a number that is not negative, and finite."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 up")
    return value


def word(longest: int) -> Callable[[str], str]:
    """Return a type of texts that are not empty and not too long."""

    def parse(text: str) -> str:
        if not text.strip() or len(text) > longest:
            raise argparse.ArgumentTypeError(f"needs 1 to {longest} characters")
        return text

    return parse


def certificates(text: str) -> Path:
    """Return a file of certificates in PEM."""
    try:
        ssl.create_default_context(cafile=text)
    except OSError as err:
        raise argparse.ArgumentTypeError(
            f"cannot read certificates from {text!r}: {err.strerror or err}"
        ) from err
    return Path(text)


def add_server_options(
    parser: argparse.ArgumentParser, name: str, port: int, *, plain: bool = False
) -> None:
    """Add the options about socket and certificates.

    A `plain` platform speaks HTTP unless it is given a folder of certificates.
    """
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="the address or name to listen on (default: %(default)s)",
    )
    parser.add_argument(
        "--allow-remote",
        action="store_true",
        help="allow a host that other machines can reach",
    )
    parser.add_argument(
        "--port",
        type=number(0, 65535),
        default=port,
        help="the port; 0: any that is free (default: %(default)s)",
    )
    parser.add_argument(
        "--tls",
        type=Path,
        metavar="DIR",
        default=None if plain else _data_folder() / name,
        help="the folder of the certificates: ca.pem, server.pem, client.pem and "
        "client.key are made there unless they exist "
        + ("(default: no TLS)" if plain else "(default: %(default)s)"),
    )
    parser.add_argument(
        "--key-identifiers",
        action="store_true",
        help="write key identifiers into new certificates, for clients with strict "
        "checks; the platforms' own CA of 2016 has none",
    )


def _data_folder() -> Path:
    home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(home) / "fleet-upgrade" / "simulator"


def run(
    options: argparse.Namespace,
    make_application: Callable[[], Awaitable[web.Application]],
    ready: Callable[[str], None],
    *,
    client_certificates: bool = True,
) -> None:
    """Serve an application until the program is told to end; raises CommandError.

    `ready` is called with the address once connections are accepted. Clients have to
    show a certificate, unless `client_certificates` are not wanted.
    """
    if not (options.allow_remote or _is_loopback(options.host)):
        raise CommandError(
            f"{options.host} can be reached by other machines; "
            "add --allow-remote if that is what you want"
        )
    with _bind(options.host, options.port) as listener:
        tls = None
        if options.tls is not None:
            tls = _certificates(options).server_context(
                client_certificates=client_certificates
            )
        host = f"[{options.host}]" if ":" in options.host else options.host
        url = f"http{'s' if tls else ''}://{host}:{listener.getsockname()[1]}"
        asyncio.run(_serve(make_application, listener, tls, ready=lambda: ready(url)))


def _certificates(options: argparse.Namespace) -> TlsFolder:
    try:
        return TlsFolder(
            options.tls,
            names=tuple(dict.fromkeys((*LOOPBACK_NAMES, *_own_names(options.host)))),
            key_identifiers=options.key_identifiers,
        )
    except TlsError as err:
        raise CommandError(str(err)) from err


async def _serve(
    make_application: Callable[[], Awaitable[web.Application]],
    listener: socket.socket,
    tls: ssl.SSLContext | None,
    *,
    ready: Callable[[], None],
) -> None:
    told_to_end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, told_to_end.set)
    serving = await Serving.begin(await make_application(), listener, tls)
    ready()
    await told_to_end.wait()
    await serving.end()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _own_names(host: str) -> tuple[str, ...]:
    """Return what the server's certificate has to name besides the loopback."""
    try:
        return () if ipaddress.ip_address(host).is_unspecified else (host,)
    except ValueError:
        return (host,)


def _bind(host: str, port: int) -> socket.socket:
    try:
        return bind(host, port)
    except socket.gaierror as err:
        raise CommandError(f"{host} is not an address or a name known here") from err
    except OSError as err:
        if err.errno == errno.EADDRINUSE:
            text = f"port {port} on {host} is in use; choose another one with --port"
        else:
            text = f"cannot listen on {host}, port {port}: {err.strerror or err}"
        raise CommandError(text) from err
