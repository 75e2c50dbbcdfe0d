"""All processes of the service, each started, killed, frozen and started again by the test."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import psycopg
import redis
import requests

from tests.faults.flows import LIMIT, TEXT
from tests.faults.inside import LOSS, MUTATION, SKEW
from tests.faults.ledger import VARIABLE
from tests.faults.proxy import Proxy
from tests.live import ROOT, free_port
from workflows.embedded.leftovers import make_socket_directory
from workflows.embedded.postgres import PostgresServer
from workflows.embedded.redis import RedisServer

READY_SECONDS: Final = 90.0
CONNECTIONS: Final = 60

# Everything that waits in production for seconds or minutes waits less here.
PERIODS: Final = {
    "LEVANTE_BEAT_SECONDS": "0.5",
    "LEVANTE_DEAD_SECONDS": "4",
    "LEVANTE_RESEND_SECONDS": "1",
    "LEVANTE_LONGEST_RESEND_SECONDS": "8",
    "LEVANTE_SWEEP_SECONDS": "0.5",
    "LEVANTE_SWEEP_JOB_SECONDS": "2",
    "LEVANTE_STUCK_SECONDS": "4",
    "LEVANTE_BREAKER_SECONDS": "1",
    "LEVANTE_STOP_POLL_SECONDS": "0.3",
    "LEVANTE_STOP_GRACE_SECONDS": "2",
    "LEVANTE_RECORD_SECONDS": "120",
    "LEVANTE_TASK_EVENTS": "false",
    "LEVANTE_MAX_FIELD_BYTES": str(LIMIT),
    "LEVANTE_LOG_LEVEL": "WARNING",
}


@dataclass(frozen=True, slots=True)
class Member:
    """One process of the cluster with all that it starts."""

    name: str
    command: list[str]
    environment: dict[str, str]


class Cluster:
    """PostgreSQL and Redis behind proxies, and every process of the service, some of them twice."""

    def __init__(
        self, directory: Path, *, mutation: str = "", settings: Mapping[str, str] | None = None
    ) -> None:
        self.directory = directory
        self.ledger = directory / "ledger"
        self.web_port = free_port()
        self.url = f"http://127.0.0.1:{self.web_port}"
        self._mutation = mutation
        self._settings = dict(settings or {})
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._start_again_at: dict[str, float] = {}
        directory.mkdir(parents=True, exist_ok=True)
        self._postgres = PostgresServer(
            directory, make_socket_directory(directory), connections=CONNECTIONS
        )
        self._redis = RedisServer(directory)

    # --- the whole

    def start(self) -> Cluster:
        """Start everything and wait until it works."""
        try:
            self._start_servers()
            self._members = {member.name: member for member in self._list_members()}
            self._run("migrate", "--no-input", "--verbosity", "0", "--skip-checks")
            for name in self._members:
                self.start_member(name)
            self._wait(self._is_ready, "the cluster")
            answer = requests.post(f"{self.url}/v2/workflows", data=TEXT.encode(), timeout=30)
            assert answer.ok, answer.text
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End everything that was started, servers last."""
        servers = ("redis", "postgres")
        for names in ([n for n in self._processes if n not in servers], servers):
            for name in names:
                self.kill(name)
        for proxy in ("redis_proxy", "postgres_proxy"):
            if hasattr(self, proxy):
                getattr(self, proxy).close()
        shutil.rmtree(self._postgres._socket_directory, ignore_errors=True)

    @property
    def members(self) -> list[str]:
        """The names of all processes but the servers."""
        return list(self._members)

    def tend(self) -> None:
        """Start again what has ended, and what was killed once its time is over."""
        for name, process in list(self._processes.items()):
            if process.poll() is not None and name not in self._start_again_at:
                self._start_again_at[name] = time.monotonic() + 0.5
        for name, at in list(self._start_again_at.items()):
            if time.monotonic() >= at:
                self.start_member(name)

    def heal(self) -> None:
        """Take back everything that was done to the cluster and did not mend itself."""
        for proxy in (self.redis_proxy, self.postgres_proxy):
            proxy.heal()
        for name in list(self._processes):
            self.signal(name, signal.SIGCONT)
        for name in list(self._start_again_at):
            self._start_again_at[name] = 0.0
        self.tend()

    def connect(self) -> psycopg.Connection:
        """A connection to the database that no fault touches."""
        return psycopg.connect(self._postgres.url(), autocommit=True, application_name="test")

    def broker(self) -> redis.Redis:
        return redis.Redis.from_url(self._redis.url(), socket_timeout=5)

    # --- single processes

    def start_member(self, name: str) -> None:
        self._start_again_at.pop(name, None)
        if name == "postgres":
            self._start_postgres()
        elif name == "redis":
            self._start_redis()
        else:
            member = self._members[name]
            self._spawn(name, member.command, ROOT, member.environment)

    def add_member(self, name: str, like: str) -> None:
        """Start one more process of a kind."""
        member = self._members[like]
        environment = member.environment | {"LEVANTE_PROCESS_NAME": name}
        self._members[name] = Member(name, member.command, environment)
        self.start_member(name)

    def remove_member(self, name: str) -> None:
        self.kill(name)
        self._processes.pop(name, None)
        self._start_again_at.pop(name, None)
        self._members.pop(name, None)

    def kill(self, name: str, *, away: float | None = None) -> int:
        """Kill a process with all that it has started; `away` seconds later it starts again."""
        process = self._processes.get(name)
        if process is None:
            return 0
        self.signal(name, signal.SIGKILL)
        process.wait(20)
        if away is not None:
            self._start_again_at[name] = time.monotonic() + away
        return process.pid

    def terminate(self, name: str, *, seconds: float) -> None:
        """Ask a process to end, kill it if it does not, and start it again."""
        process = self._processes[name]
        process.send_signal(signal.SIGQUIT)
        deadline = time.monotonic() + seconds
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        self.kill(name, away=0)

    def quit_postgres(self, *, away: float) -> None:
        """End the server at once, as a crash would, without a checkpoint."""
        self._processes["postgres"].send_signal(signal.SIGQUIT)
        self._processes["postgres"].wait(20)
        self._start_again_at["postgres"] = time.monotonic() + away

    def drop_redis_data(self) -> None:
        shutil.rmtree(self._redis.directory / "appendonlydir", ignore_errors=True)
        (self._redis.directory / "appendonly.aof").unlink(missing_ok=True)

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a process and all that it has started."""
        process = self._processes.get(name)
        if process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, number)

    def signal_main(self, name: str, number: signal.Signals) -> None:
        """Send a signal to the first process of a member alone, as a supervisor does."""
        self._processes[name].send_signal(number)

    def wait_until_ended(self, name: str, seconds: float) -> None:
        self._processes[name].wait(seconds)

    def children_of(self, name: str) -> list[int]:
        """The processes that a process has started."""
        process = self._processes.get(name)
        if process is None:
            return []
        try:
            text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
        except OSError:
            return []
        return [int(pid) for pid in text.split()]

    def is_running(self, name: str) -> bool:
        process = self._processes.get(name)
        return process is not None and process.poll() is None

    def log_of(self, name: str) -> str:
        path = self.directory / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    # --- how

    def _start_servers(self) -> None:
        for command, text in self._postgres.preparation():
            subprocess.run(command, input=text.encode(), check=True, capture_output=True)
        self._start_redis()
        self._start_postgres()
        self._wait(self._postgres.is_ready, "postgres")
        self._wait(self._redis.is_ready, "redis")
        socket_file = _socket_of(self._postgres.url())
        redis_port = urlsplit(self._redis.url()).port or 0
        self.postgres_proxy = Proxy(lambda: _connect_unix(socket_file))
        self.redis_proxy = Proxy(lambda: socket.create_connection(("127.0.0.1", redis_port), 5))

    def _start_postgres(self) -> None:
        self._postgres.find_leftover()
        self._spawn("postgres", self._postgres.command(), ROOT, {})

    def _start_redis(self) -> None:
        self._spawn("redis", self._redis.command(), self._redis.directory, {})

    def _list_members(self) -> list[Member]:
        def python(name: str, *arguments: str, **more: str) -> Member:
            return Member(
                name, [sys.executable, *arguments], {"LEVANTE_PROCESS_NAME": name, **more}
            )

        def worker(name: str, queues: str, *options: str, **more: str) -> Member:
            command = ("-m", "celery", "--quiet", "-A", "config", "worker", "--queues", queues)
            command += ("--hostname", f"{name}@%h", "--concurrency", "2", "--loglevel", "WARNING")
            return python(name, *command, "--without-mingle", "--without-gossip", *options, **more)

        address = f"127.0.0.1:{self.web_port}"
        web = ("-m", "gunicorn", "config.wsgi", "--bind", address, "--workers", "1")
        web += ("--threads", "8", "--worker-class", "gthread", "--no-control-socket")
        beat = ("-m", "celery", "--quiet", "-A", "config", "beat", "--pidfile", "")
        sweep = ("manage.py", "sweep", "--skip-checks")
        return [
            python("web", *web, "--log-level", "warning"),
            worker("engine", "engine"),
            worker("actions", "actions", "--disable-prefetch"),
            # A worker of everything that loses a third of what it sends, two hours ahead.
            worker("astray", "actions,engine", **{SKEW: "7200", LOSS: "0.3"}),
            python("sweep", *sweep),
            python("sweep-2", *sweep),
            python("beat", *beat),
        ]

    def _spawn(
        self, name: str, command: list[str], directory: Path, environment: dict[str, str]
    ) -> None:
        without = ("DATABASE_URL", "REDIS_URL", "LEVANTE_DATA_DIR", "LEVANTE_SECRET_KEY")
        inherited = {key: value for key, value in os.environ.items() if key not in without}
        with (self.directory / f"{name}.log").open("ab") as output:
            self._processes[name] = subprocess.Popen(
                command,
                cwd=directory,
                env=inherited | self._environment() | environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _environment(self) -> dict[str, str]:
        if not hasattr(self, "redis_proxy"):
            return {}
        password = urlsplit(self._postgres.url()).password
        database = f"127.0.0.1:{self.postgres_proxy.port}/levante?sslmode=disable"
        redis_password = urlsplit(self._redis.url()).password
        return PERIODS | {
            "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
            "DATABASE_URL": f"postgresql://levante:{password}@{database}",
            "REDIS_URL": f"redis://:{redis_password}@127.0.0.1:{self.redis_proxy.port}/0",
            "LEVANTE_SECRET_KEY": "faults",
            "LEVANTE_DATA_DIR": str(self.directory),
            "LEVANTE_NO_AUTH": "true",
            "CELERY_SKIP_CHECKS": "1",
            "PYTHONUNBUFFERED": "1",
            "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges",
            VARIABLE: str(self.ledger),
            MUTATION: self._mutation,
            **self._settings,
        }

    def _run(self, *arguments: str) -> None:
        subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=os.environ | self._environment(),
            check=True,
            capture_output=True,
        )

    def _is_ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/readyz", timeout=5).ok
        except requests.RequestException:
            return False

    def _wait(self, check: Callable[[], bool], name: str) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not check():
            if time.monotonic() > deadline:
                raise AssertionError(f"{name} does not start; its log is in {self.directory}")
            time.sleep(0.1)


def _socket_of(url: str) -> str:
    query = parse_qs(urlsplit(url).query)
    return f"{query['host'][0]}/.s.PGSQL.{query['port'][0]}"


def _connect_unix(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(path)
    except OSError:
        connection.close()
        raise
    return connection
