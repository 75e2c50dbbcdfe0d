"""Find ports to listen on."""

from __future__ import annotations

import socket
from typing import Final

ATTEMPTS: Final = 100
LOOPBACK_ADDRESSES: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def is_free(address: str, port: int) -> bool:
    """Say whether a server could listen on the port now."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do it: a port whose last connections are only fading away is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def find_free_port(address: str) -> int:
    """Return a port that nobody uses, chosen by the operating system."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port


def next_free_port(address: str, port: int) -> int:
    """Return the first free port from this one upwards."""
    for candidate in range(port, min(port + ATTEMPTS, 65536)):
        if is_free(address, candidate):
            return candidate
    raise RuntimeError(f"no free port from {port} to {port + ATTEMPTS - 1}")
