"""Everything that `manage.py up` runs.

The embedded servers first, then the processes of Levante.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import urllib.request
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

from workflows.embedded.ports import LOOPBACK_ADDRESSES
from workflows.embedded.servers import PROJECT_ROOT, EmbeddedServers, ServerChoice
from workflows.embedded.state import keep_secret
from workflows.embedded.supervisor import Service, Supervisor

READY_SECONDS: Final = 120.0  # a slow machine reads a lot of Python for the first time
PROBE_SECONDS: Final = 5.0
GRACE_SECONDS: Final = 5.0
WEB_GRACE_SECONDS: Final = 8.0
WORKER_GRACE_SECONDS: Final = 15.0  # LEVANTE_WORKER_STOP_SECONDS and some more
WEB_PROCESSES: Final = 2
WEB_THREADS: Final = 8
CONNECTIONS: Final = 50  # sessions of the database beside those of the action worker
CONNECTIONS_PER_WORKER: Final = 2


@dataclass(frozen=True, slots=True)
class StackOptions:
    """What the command line of `manage.py up` has decided."""

    data_directory: str
    bind: str
    port: int
    flower_port: int
    workers: int
    has_examples: bool = True
    has_authentication: bool = True

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> StackOptions:
        return cls(**json.loads(text))

    @property
    def url(self) -> str:
        """Where a browser on this machine finds the server."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.bind, self.bind)  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def flower_url(self) -> str:
        """Where Flower listens; people reach it through the web interface."""
        return f"http://127.0.0.1:{self.flower_port}"


class Stack:
    """The processes of one `manage.py up`."""

    def __init__(self, options: StackOptions, supervisor: Supervisor, lock: int) -> None:
        self._options = options
        self._supervisor = supervisor
        choice = ServerChoice(
            postgres=not os.environ.get("DATABASE_URL"),
            redis=not os.environ.get("REDIS_URL"),
            connections=CONNECTIONS + CONNECTIONS_PER_WORKER * options.workers,
        )
        self._servers = EmbeddedServers(supervisor, choice, lock=lock)

    def start(self) -> None:
        """Start everything, wait until it works, and say where it is."""
        os.environ.update(self._environment())
        self._servers.start()
        self._supervisor.output.say("levante", "bringing the database up to date")
        self._supervisor.run(_migration())
        for service in self._services():
            self._supervisor.start(service)
        self._supervisor.wait_until("web", self._is_ready, READY_SECONDS)
        self._supervisor.start(self._flower(self._broker_url()))
        examples = [] if self._options.has_examples else ["--no-examples"]
        welcome = manage("welcome", "--url", self._options.url)
        self._supervisor.run(_service("welcome", [*welcome, *examples]), prefixed=False)

    def forget(self) -> None:
        """Remove the traces of the run, after its processes have ended."""
        self._servers.forget()

    def _environment(self) -> dict[str, str]:
        data_directory = Path(self._options.data_directory)
        environment = {
            "LEVANTE_DATA_DIR": str(data_directory),
            "LEVANTE_NO_AUTH": "false" if self._options.has_authentication else "true",
            "LEVANTE_FLOWER_URL": self._options.flower_url,
            "PYTHONUNBUFFERED": "1",
            # Saves the memory of the URLs and admin pages in processes that have no use for them.
            "CELERY_SKIP_CHECKS": "1",
            # Threads would otherwise each keep an arena of memory for themselves.
            "MALLOC_ARENA_MAX": "1",
            "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges",
        }
        keep_secret(data_directory / "secret.key")
        if self._options.has_authentication:
            password = keep_secret(data_directory / "flower.password")
            environment["FLOWER_BASIC_AUTH"] = f"admin:{password}"
        if (
            self._options.bind not in LOOPBACK_ADDRESSES
            and "LEVANTE_ALLOWED_HOSTS" not in os.environ
        ):
            names = ["localhost", "127.0.0.1", "[::1]", socket.gethostname(), socket.getfqdn()]
            environment["LEVANTE_ALLOWED_HOSTS"] = ",".join([*names, self._options.bind])
        return environment

    def _services(self) -> list[Service]:
        return [
            self._web(),
            _service(
                "workers",
                manage("workers", "--skip-checks", f"--actions={self._options.workers}"),
                grace_seconds=WORKER_GRACE_SECONDS,
            ),
        ]

    def _web(self) -> Service:
        options = self._options
        address = f"[{options.bind}]" if ":" in options.bind else options.bind
        command = python("-m", "gunicorn", "config.wsgi", "--bind", f"{address}:{options.port}")
        command += ["--workers", str(WEB_PROCESSES), "--threads", str(WEB_THREADS)]
        command += ["--worker-class", "gthread", "--preload", "--no-control-socket"]
        command += ["--timeout", "60", "--graceful-timeout", "5", "--log-level", "warning"]
        command += ["--logger-class", "config.gunicorn_logs.GunicornLogger"]
        return _service("web", command, grace_seconds=WEB_GRACE_SECONDS)

    def _broker_url(self) -> str:
        named = os.environ.get("LEVANTE_BROKER_URL") or os.environ.get("REDIS_URL")
        return named or self._servers.redis_url

    def _flower(self, broker_url: str) -> Service:
        # Without our application: it only listens to the broker, and Django would double its size.
        command = python("-m", "celery", "--quiet", "flower", "--address=127.0.0.1")
        command += [f"--port={self._options.flower_port}", "--max_tasks=1000", "--max_workers=50"]
        path = os.environ.get("LEVANTE_PATH_PREFIX", "").strip("/")
        command.append(f"--url_prefix={f'{path}/admin/flower'.lstrip('/')}")
        command += ["--purge_offline_workers=300", "--loglevel=WARNING"]
        return Service(
            "flower",
            command,
            grace_seconds=GRACE_SECONDS,
            directory=self._supervisor.data_directory,
            # Not on the command line, which everybody on the machine can read.
            environment={"CELERY_BROKER_URL": broker_url},
        )

    def _is_ready(self) -> bool:
        request = urllib.request.Request(f"{self._options.url}/readyz")  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=PROBE_SECONDS) as page:  # noqa: S310
                return bool(page.status == HTTPStatus.OK)
        except OSError:
            return False


def python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]


def manage(*arguments: str) -> list[str]:
    return python("manage.py", *arguments)


def _service(name: str, command: list[str], *, grace_seconds: float = GRACE_SECONDS) -> Service:
    return Service(
        name,
        command,
        grace_seconds=grace_seconds,
        directory=PROJECT_ROOT,
        environment={"LEVANTE_PROCESS_NAME": name},
    )


def _migration() -> Service:
    command = manage("migrate", "--no-input", "--verbosity", "0", "--skip-checks")
    # A migration of a large table takes its time.
    environment = {"LEVANTE_STATEMENT_TIMEOUT": "0", "LEVANTE_PROCESS_NAME": "migrate"}
    return Service("migrate", command, directory=PROJECT_ROOT, environment=environment)
