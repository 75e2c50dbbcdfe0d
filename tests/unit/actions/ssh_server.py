"""SSH servers on loopback: they run a few commands of their own, well or badly."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncssh


@dataclass
class Servers:
    """A server's address, its key as a line of known hosts, and what it has seen."""

    port: int = 0
    host_key: str = ""
    commands: list[str] = field(default_factory=list)
    forwarded: list[tuple[str, int]] = field(default_factory=list)
    signals: list[str] = field(default_factory=list)
    open_connections: int = 0

    @property
    def address(self) -> str:
        return f"localhost:{self.port}"

    @property
    def known_host(self) -> str:
        return f"[localhost]:{self.port} {self.host_key}"


class _Doorkeeper(asyncssh.SSHServer):
    """Lets ann in by her password or her key."""

    def __init__(self, servers: Servers, key: asyncssh.SSHKey) -> None:
        self._servers, self._key = servers, key

    def connection_made(self, connection: asyncssh.SSHServerConnection) -> None:
        self._servers.open_connections += 1

    def connection_lost(self, error: Exception | None) -> None:
        self._servers.open_connections -= 1

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("ann", "opensesame")

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username in ("ann", "gate") and key == self._key

    def connection_requested(self, host: str, port: int, origin: str, origin_port: int) -> bool:
        self._servers.forwarded.append((host, port))
        return True


async def _serve(servers: Servers, process: asyncssh.SSHServerProcess[bytes]) -> None:
    command = str(process.command)
    servers.commands.append(command)
    if command.startswith("echo "):
        process.stdout.write(command.removeprefix("echo ").encode() + b"\n")
        process.exit(0)
    elif command.startswith("exit "):
        process.stdout.write(b"some output")
        process.stderr.write(b"some trouble")
        process.exit(int(command.removeprefix("exit ")))
    elif command == "signal":
        process.exit_with_signal("KILL")
    elif command == "both":  # more than a window of each, so both have to be read
        process.stderr.write(b"e" * 3_000_000)
        process.stdout.write(b"o" * 500)
        process.exit(0)
    elif command == "endless":
        while True:
            process.stdout.write(b"x" * 65_536)
            await process.stdout.drain()
    elif command == "binary":
        process.stdout.write(b"\xff\xfe")
        process.exit(0)
    else:  # sleeps
        try:
            await asyncio.sleep(600)
        except asyncssh.SignalReceived as signal:
            servers.signals.append(str(signal.signal))
            raise


@contextmanager
def ssh_server(key: asyncssh.SSHKey) -> Iterator[Servers]:
    """Serve on a free port; whoever has the key gets in as ann or gate."""
    servers = Servers()
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    servers.host_key = host_key.export_public_key().decode().strip()
    loop = asyncio.new_event_loop()

    async def begin() -> Any:
        return await asyncssh.create_server(
            lambda: _Doorkeeper(servers, key.convert_to_public()),
            "127.0.0.1",
            0,
            server_host_keys=[host_key],
            process_factory=lambda process: _serve(servers, process),
            encoding=None,
        )

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    listener = asyncio.run_coroutine_threadsafe(begin(), loop).result(10)
    servers.port = listener.get_port()

    async def end() -> None:
        listener.close()
        for task in asyncio.all_tasks():
            if task is not asyncio.current_task():
                task.cancel()
        await asyncio.sleep(0.05)

    try:
        yield servers
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
