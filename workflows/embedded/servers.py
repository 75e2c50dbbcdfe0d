"""Start the embedded servers under a supervisor, and leave word where they listen."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workflows.embedded.leftovers import clear_leftovers, make_socket_directory, remove_traces
from workflows.embedded.postgres import PostgresServer
from workflows.embedded.processes import stop_processes
from workflows.embedded.redis import RedisServer
from workflows.embedded.state import ServersState, write_state
from workflows.embedded.supervisor import Service, Supervisor

PROJECT_ROOT: Final = Path(__file__).resolve().parents[2]
LEFTOVER_GRACE_SECONDS: Final = 10.0
READY_SECONDS: Final = 60.0  # recovery after a crash included
SERVER_GRACE_SECONDS: Final = 20.0
SERVER_RANK: Final = 1


@dataclass(frozen=True, slots=True)
class ServerChoice:
    """Which servers are ours to run; the environment has the URLs of the others."""

    postgres: bool = True
    redis: bool = True
    durable: bool = True
    connections: int = 80  # sessions that PostgreSQL admits


class EmbeddedServers:
    """PostgreSQL and Redis of one data directory, whose lock the caller holds."""

    def __init__(self, supervisor: Supervisor, choice: ServerChoice, *, lock: int) -> None:
        self._data_directory = supervisor.data_directory
        self._supervisor = supervisor
        self._lock = lock
        self._choice = choice
        self.redis_url = ""  # known after the start

    def start(self) -> None:
        """Clear what an earlier run left behind, start the servers, write the state file."""
        self._supervisor.start(self._warden())
        # Nothing is left behind unless the warden of the last run was killed as well.
        clear_leftovers(self._data_directory, LEFTOVER_GRACE_SECONDS)
        redis = RedisServer(self._data_directory) if self._choice.redis else None
        if redis is not None:
            self._supervisor.start(_redis_service(redis))
        database_url = self._start_postgres() if self._choice.postgres else ""
        if redis is not None:
            self._supervisor.wait_until("redis", redis.is_ready, READY_SECONDS)
            self.redis_url = redis.url()
        state = ServersState(database_url, self.redis_url, supervisor=os.getpid())
        write_state(self._data_directory, state)

    def forget(self) -> None:
        """Remove the traces of the run, after its processes have ended."""
        remove_traces(self._data_directory)

    def _start_postgres(self) -> str:
        postgres = PostgresServer(
            self._data_directory,
            make_socket_directory(self._data_directory),
            connections=self._choice.connections,
            durable=self._choice.durable,
        )
        for command, text in postgres.preparation():
            self._supervisor.run_quietly(Service("postgres", command), text)
        self._stop_leftover_postgres(postgres)
        self._supervisor.start(
            Service(
                "postgres",
                postgres.command(),
                rank=SERVER_RANK,
                stop_signal=postgres.stop_signal,
                grace_seconds=SERVER_GRACE_SECONDS,
                before_start=postgres.find_leftover,
            )
        )
        self._supervisor.wait_until("postgres", postgres.is_ready, READY_SECONDS)
        return postgres.url()

    def _stop_leftover_postgres(self, postgres: PostgresServer) -> None:
        """End a server that somebody started on this cluster by other means.

        Two would destroy the data.
        """
        pid = postgres.find_leftover()
        if pid is not None:
            stop_processes([pid], postgres.stop_signal, SERVER_GRACE_SECONDS)

    def _warden(self) -> Service:
        command = [
            sys.executable,
            "-S",
            "-m",
            "workflows.embedded.warden",
            str(self._data_directory),
        ]
        return Service(
            "warden", command, directory=PROJECT_ROOT, descriptors=(self._lock,), ends_with_us=True
        )


def _redis_service(redis: RedisServer) -> Service:
    return Service(
        "redis",
        redis.command(),
        rank=SERVER_RANK,
        stop_signal=redis.stop_signal,
        grace_seconds=SERVER_GRACE_SECONDS,
        directory=redis.directory,
    )
