"""Several machines on one: network namespaces with an address each, joined by a bridge.

They share the disk and the clock, and nothing else that our processes use.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.live import ROOT
from workflows.embedded.postgres import PostgresServer
from workflows.embedded.redis import find_program

STOP_SECONDS: Final = 20.0
START_SECONDS: Final = 90.0
POSTGRES_PORT: Final = 5432
REDIS_PORT: Final = 6379
RABBIT_PORT: Final = 5672
RABBIT_PROGRAM: Final = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@dataclass
class Machine:
    """A network namespace, and the processes that run in it."""

    name: str
    address: str
    namespace: str
    cable: str  # the end of its network cable that is in the bridge
    logs: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(
        self, *command: str | Path, directory: Path = ROOT, **variables: str
    ) -> subprocess.Popen[bytes]:
        """Run a program here, with these variables and as few others as possible."""
        kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        with (self.logs / f"{self.name}.log").open("ab") as log:
            process = subprocess.Popen(
                ["ip", "netns", "exec", self.namespace, *map(str, command)],
                cwd=directory,
                env={**kept, "PYTHONUNBUFFERED": "1", "MACHINE": self.name, **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def cut_off(self) -> None:
        """Pull the cable: packets in both directions are lost, and nobody is told."""
        ip("link", "set", self.cable, "down")

    def join_again(self) -> None:
        ip("link", "set", self.cable, "up")

    def stop(self) -> None:
        """End what runs here, the last started first."""
        for process in reversed(self.processes):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.processes.clear()


@dataclass
class Network:
    """A bridge, and the machines that are joined to it. The test itself is at its `.1`."""

    bridge: str
    prefix: str
    logs: Path
    machines: list[Machine] = field(default_factory=list)

    def add(self, name: str) -> Machine:
        number = len(self.machines) + 10
        machine = Machine(
            name,
            address=f"{self.prefix}.{number}",
            namespace=f"{self.bridge}-{name}",
            cable=f"{self.bridge}{number}",
            logs=self.logs,
        )
        ip("netns", "add", machine.namespace)
        self.machines.append(machine)
        inside = f"{machine.cable}i"
        ip("link", "add", machine.cable, "type", "veth", "peer", "name", inside)
        ip("link", "set", inside, "netns", machine.namespace)
        ip("link", "set", machine.cable, "master", self.bridge, "up")
        within = ("-n", machine.namespace)
        ip(*within, "addr", "add", f"{machine.address}/24", "dev", inside)
        ip(*within, "link", "set", inside, "up")
        ip(*within, "link", "set", "lo", "up")
        return machine

    def remove(self) -> None:
        for machine in reversed(self.machines):
            machine.stop()
            subprocess.run(["ip", "netns", "del", machine.namespace], check=False)
        subprocess.run(["ip", "link", "del", self.bridge], check=False)


@contextmanager
def network(logs: Path) -> Iterator[Network]:
    """Make a network, or skip the test where that is not allowed."""
    if shutil.which("ip") is None:
        pytest.skip("iproute2 is not installed, so there are no machines to build")
    bridge = f"lv{secrets.token_hex(2)}"
    try:
        ip("link", "add", bridge, "type", "bridge")
    except subprocess.CalledProcessError as error:
        reason = error.stderr.decode().strip()
        pytest.skip(f"no network namespaces may be made here ({reason})")
    made = Network(bridge, f"10.77.{secrets.randbelow(250)}", logs)
    try:
        try:
            ip("addr", "add", f"{made.prefix}.1/24", "dev", bridge)
            ip("link", "set", bridge, "up")
            made.add("probe").start("true").wait(STOP_SECONDS)
        except subprocess.CalledProcessError as error:
            reason = error.stderr.decode().strip()
            pytest.skip(f"no network namespaces may be made here ({reason})")
        yield made
    finally:
        made.remove()


def start_postgres(machine: Machine, directory: Path) -> str:
    """Run a database server that listens on the machine's address; give its URL."""
    directory.mkdir(mode=0o755)
    sockets = directory / "sockets"
    sockets.mkdir()
    server = PostgresServer(directory, sockets, durable=False)
    for command, given in server.preparation():
        subprocess.run(
            command, input=given.encode(), check=True, capture_output=True, cwd=directory
        )
    with (server.directory / "pg_hba.conf").open("a") as rules:
        rules.write("host all all 10.0.0.0/8 scram-sha-256\n")
    command = [*server.command(), "-c", f"listen_addresses={machine.address}"]
    machine.start(*command, directory=directory)
    wait_for(server.is_ready, "the database")
    address = f"@{machine.address}:{POSTGRES_PORT}/"
    return server.url().replace("@/", address).partition("?")[0]


def start_redis(machine: Machine, directory: Path) -> str:
    """Run a Redis; give its URL."""
    password = secrets.token_hex(8)
    directory.mkdir()
    options = ["--bind", machine.address, "--port", str(REDIS_PORT), "--save", ""]
    machine.start(find_program(), *options, "--requirepass", password, directory=directory)
    return f"redis://:{password}@{machine.address}:{REDIS_PORT}/0"


def start_rabbit(machine: Machine, directory: Path) -> str:
    """Run a RabbitMQ; give its URL."""
    directory.mkdir()
    configuration = directory / "rabbitmq.conf"
    configuration.write_text("loopback_users = none\n")
    machine.start(
        RABBIT_PROGRAM,
        directory=directory,
        HOME=str(directory),
        RABBITMQ_NODENAME="levante@localhost",
        RABBITMQ_NODE_IP_ADDRESS=machine.address,
        RABBITMQ_NODE_PORT=str(RABBIT_PORT),
        RABBITMQ_MNESIA_BASE=str(directory / "data"),
        RABBITMQ_LOG_BASE=str(directory / "log"),
        RABBITMQ_CONFIG_FILE=str(configuration),
        RABBITMQ_ENABLED_PLUGINS_FILE=str(directory / "plugins"),
        ERL_EPMD_PORT="8189",
    )
    log = machine.logs / f"{machine.name}.log"
    wait_for(lambda: "Starting broker... completed" in log.read_text(), "RabbitMQ")
    return f"amqp://guest:guest@{machine.address}:{RABBIT_PORT}//"


def python(*words: str) -> list[str]:
    return [sys.executable, *words]


def wait_for(is_there: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not is_there():
        assert time.monotonic() < deadline, f"still waiting for {what}"
        time.sleep(0.1)
