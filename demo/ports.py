"""Ports on loopback."""

import errno
import socket

from .errors import DemoError

LOOPBACK = "127.0.0.1"


def is_free(port: int) -> bool:
    """Return whether nothing listens on a port yet."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as err:
            if err.errno == errno.EADDRINUSE:
                return False
            raise DemoError(f"port {port} cannot be used: {err.strerror}") from err
    return True


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.create_server((LOOPBACK, 0)) as probe:
        number: int = probe.getsockname()[1]
        return number


def require_free(port: int) -> None:
    """Raise `DemoError` when something listens on a port."""
    if not is_free(port):
        raise DemoError(f"port {port} is in use; name another with --port")
